//! Files that are saved: read again they are the same rows, nothing half-written is ever visible, and what is refused.

use dpark::{Conf, CsvOptions, DparkContext, FileOptions, Rdd, SaveOptions};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Row {
    text: String,
    number: Option<i64>,
    #[serde(rename = "weight [kg]")]
    weight: f64,
    kind: Kind,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
enum Kind {
    Small,
    Large,
}

fn row() -> impl Strategy<Value = Row> {
    let kind = prop_oneof![Just(Kind::Small), Just(Kind::Large)];
    ("[a-zé,\"\n\r #'\\\\]{0,8}", any::<Option<i64>>(), -1e9f64..1e9, kind)
        .prop_map(|(text, number, weight, kind)| Row { text, number, weight, kind })
}

/// All files below a directory, with their paths in it, hidden ones too.
fn tree(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(at) = directories.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_saved_is_read_again(
        rows in prop::collection::vec(row(), 0..40),
        compression in 0..3,
        split in 1u64..200,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let ctx = DparkContext::local(3);
        let rdd = ctx.parallelize(rows.clone());
        let options = match compression {
            0 => SaveOptions::new(),
            1 => SaveOptions::new().gzip(),
            _ => SaveOptions::new().zstd(),
        };
        let at = |name: &str| dir.path().join(name);
        rdd.save_as_csv_with(at("csv"), options.clone()).unwrap();
        let read = ctx.csv_file_with::<Row>(at("csv"), CsvOptions::new().split_bytes(split));
        prop_assert_eq!(read.collect().unwrap(), rows.clone());
        rdd.save_as_json_lines_with(at("json"), options.clone()).unwrap();
        let read = ctx.json_lines_with::<Row>(at("json"), FileOptions::new().split_bytes(split));
        prop_assert_eq!(read.collect().unwrap(), rows.clone());
        let texts: Vec<Vec<u8>> = rows.iter().map(|row| row.text.clone().into_bytes()).collect();
        rdd.map(|row| row.text).save_as_tf_records_with(at("tf"), options.clone()).unwrap();
        let read = ctx.tf_records_with(at("tf"), FileOptions::new().split_bytes(split));
        prop_assert_eq!(read.collect().unwrap(), texts);
        let numbers: Vec<Vec<u8>> = rows.iter().map(|row| row.weight.to_le_bytes().to_vec()).collect();
        rdd.map(|row| row.weight.to_le_bytes()).save_as_binary_with(at("bin"), options.clone()).unwrap();
        let read = ctx.binary_file_with(at("bin"), 8, FileOptions::new().split_bytes(split));
        prop_assert_eq!(read.collect().unwrap(), numbers);
        let lines: Vec<String> = rows.iter().map(|row| format!("{:?}", row.text)).collect();
        rdd.map(|row| format!("{:?}", row.text)).save_as_text_file_with(at("text"), options).unwrap();
        prop_assert_eq!(ctx.text_file(at("text")).collect().unwrap(), lines);
    }
}

#[test]
fn large_files_of_every_compression() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let expected: Vec<String> = (0..150_000).map(|i| format!("line {} of many", i * 7919 % 150_001)).collect();
    let rdd = ctx.parallelize(expected.clone());
    for (i, options) in
        [SaveOptions::new(), SaveOptions::new().gzip(), SaveOptions::new().zstd()].into_iter().enumerate()
    {
        let out = dir.path().join(i.to_string());
        let files = rdd.save_as_text_file_with(&out, options.clone()).unwrap();
        assert_eq!(files.len(), 2);
        assert!(ctx.text_file(&out).collect().unwrap() == expected);
        // The same bytes each time, wherever batches ended.
        let first = tree(&out);
        rdd.save_as_text_file_with(&out, options.overwrite()).unwrap();
        assert!(tree(&out) == first);
    }
}

#[test]
fn names_of_files_and_empty_partitions() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(3);
    let rdd = ctx.range(0, 9).filter(|x| !(3..6).contains(x));
    let names = |files: Vec<PathBuf>| -> Vec<String> {
        files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let out = |name: &str| dir.path().join(name);
    assert_eq!(names(rdd.save_as_text_file(out("a")).unwrap()), ["0000", "0002"]);
    assert_eq!(names(rdd.save_as_csv(out("b")).unwrap()), ["0000.csv", "0002.csv"]);
    assert_eq!(names(rdd.save_as_json_lines(out("c")).unwrap()), ["0000.jsonl", "0002.jsonl"]);
    let zipped = SaveOptions::new().ext(".txt").gzip();
    assert_eq!(names(rdd.save_as_text_file_with(out("d"), zipped).unwrap()), ["0000.txt.gz", "0002.txt.gz"]);
    assert_eq!(tree(&out("a")).keys().collect::<Vec<_>>(), ["0000", "0002"]);
    // Rows without bytes are rows.
    let empty = ctx.range(0, 1).map(|_| "");
    assert_eq!(names(empty.save_as_binary(out("e")).unwrap()), ["0002.bin"]);
    let nothing: Rdd<String> = ctx.union([]);
    assert_eq!(nothing.save_as_text_file(out("f")).unwrap(), Vec::<PathBuf>::new());
    assert_eq!(std::fs::read_dir(out("f")).unwrap().count(), 0);
    let none = ctx.parallelize(Vec::<(u8, u8)>::new());
    assert_eq!(none.save_as_text_file_by_key(out("g")).unwrap(), Vec::<PathBuf>::new());
    let message = rdd.save_as_text_file_with(out("h"), SaveOptions::new().ext("/x")).unwrap_err().to_string();
    assert_eq!(message, "save_as_text_file: \"/x\" cannot be the ending of a file name");
}

#[test]
fn csv_headers() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let rows = ctx.range(0, 2).map(|x| Row { text: x.to_string(), number: None, weight: 0.5, kind: Kind::Large });
    let files = rows.save_as_csv(dir.path().join("a")).unwrap();
    for (i, file) in files.iter().enumerate() {
        let expected = format!("text,number,weight [kg],kind\n{i},,0.5,Large\n");
        assert_eq!(std::fs::read_to_string(file).unwrap(), expected);
    }
    let files = rows.save_as_csv_with(dir.path().join("b"), SaveOptions::new().without_header()).unwrap();
    assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), "0,,0.5,Large\n");
    let message =
        ctx.range(0, 9).map(|x| vec![x; x as usize + 1]).save_as_csv(dir.path().join("c")).unwrap_err().to_string();
    assert!(message.contains("save_as_csv: a row cannot be written as a CSV record: "), "{message}");
    assert!(message.ends_with("`map` the rows to structs or tuples of plain fields"), "{message}");
    assert!(!dir.path().join("c").exists());
}

#[test]
fn rows_that_are_no_json() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let rows = DparkContext::local(1).range(0, 2).map(|x| BTreeMap::from([((x, x), x)]));
    let message = rows.save_as_json_lines(&out).unwrap_err().to_string();
    assert!(message.contains("save_as_json_lines: a row cannot be written as JSON: key must be a string"), "{message}");
    assert!(!out.exists());
}

#[test]
fn a_save_replaces_only_when_told_and_only_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let ctx = DparkContext::local(2);
    ctx.range(0, 4).key_by(|x| x % 2).save_as_text_file_by_key(&out).unwrap();
    std::fs::write(out.join("notes"), "mine").unwrap();
    let before = tree(&out);
    let message = ctx.range(0, 1).save_as_csv(&out).unwrap_err().to_string();
    assert!(message.contains("out: the directory is not empty; remove it first, save to another one, or replace it"));
    let failing = ctx.range(0, 10).map(|x| if x == 9 { panic!("no nine") } else { x });
    for _ in 0..20 {
        let error = failing.save_as_text_file_with(&out, SaveOptions::new().overwrite()).unwrap_err();
        assert!(error.to_string().contains("no nine"));
        assert_eq!(tree(&out), before, "a failed save leaves what was there");
    }
    // While the tasks run the old files are there; what is read from the directory may be saved to it.
    let files = ctx.text_file(&out).save_as_text_file_with(&out, SaveOptions::new().overwrite().ext(".txt")).unwrap();
    assert_eq!(tree(&out).len(), files.len());
    assert_eq!(ctx.text_file(&out).collect().unwrap(), ["0", "2", "1", "3", "mine"].map(String::from).to_vec());
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), files.len(), "nothing else stays");
    let fresh = dir.path().join("fresh");
    ctx.range(0, 1).save_as_text_file_with(&fresh, SaveOptions::new().overwrite()).unwrap();
    assert_eq!(tree(&fresh).len(), 1);
    for path in [".", "..", "/"] {
        let message =
            ctx.range(0, 1).save_as_text_file_with(path, SaveOptions::new().overwrite()).unwrap_err().to_string();
        assert!(
            message.ends_with("the working directory is in it, so it is not replaced; save to another one"),
            "{message}"
        );
    }
}

#[test]
fn nothing_is_visible_before_the_job_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let ctx = DparkContext::local(1);
    let seen = ctx.accumulator(0usize);
    let text = out.to_str().unwrap().to_owned();
    let rows = ctx.range(0, 3).union(&ctx.range(3, 6)).with_env((&text, &seen)).map(|(text, seen)| {
        move |x| {
            let visible = std::fs::read_dir(&text)
                .unwrap()
                .filter(|entry| !entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with('.'));
            seen.add(visible.count());
            x
        }
    });
    assert_eq!(rows.save_as_text_file(&out).unwrap().len(), 2);
    assert_eq!(seen.value(), 0);
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);
}

#[test]
fn a_failed_job_leaves_no_directory_however_its_tasks_end() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(4);
    for round in 0..30 {
        let out = dir.path().join(round.to_string());
        let rows = ctx.range(0, 400_000).map(|x| if x == 200_000 { panic!("no") } else { (x % 50, x) });
        rows.save_as_text_file_by_key(&out).unwrap_err();
        assert!(!out.exists(), "round {round}");
    }
}

#[test]
fn by_key_files_hold_the_lines_of_their_key_and_partition() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(3);
    for (i, options) in
        [SaveOptions::new(), SaveOptions::new().gzip(), SaveOptions::new().zstd()].into_iter().enumerate()
    {
        let out = dir.path().join(i.to_string());
        let pairs = ctx.range(0, 30_000).map(|x| (format!("key {}", x % 7), format!("{x:>60}")));
        let files = pairs.save_as_text_file_by_key_with(&out, options).unwrap();
        assert_eq!(files.len(), 21);
        assert!(files[7].to_str().unwrap().contains("/key 0/0001"), "{files:?}");
        for key in 0..7 {
            let lines = ctx.text_file(out.join(format!("key {key}"))).map(|line| line.trim().parse::<i64>().unwrap());
            let expected: Vec<i64> = (0..30_000).filter(|x| x % 7 == key).collect();
            assert!(lines.collect().unwrap() == expected);
        }
    }
}

#[test]
fn many_keys_in_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let conf = Conf { master: "local[2]".into(), memory: 3 << 20, ..Default::default() };
    let ctx = DparkContext::new(conf).unwrap();
    let pairs = ctx.range(0, 40_000).map(|x| (x % 1000, format!("{x:>300}")));
    let files = pairs.save_as_text_file_by_key(dir.path()).unwrap();
    assert_eq!(files.len(), 2000);
    assert_eq!(ctx.held().2, 0);
    let sum = ctx.text_file(dir.path()).map(|line| line.trim().parse::<i64>().unwrap()).sum().unwrap();
    assert_eq!(sum, 40_000 * 39_999 / 2);
}

#[test]
fn keys_that_cannot_be_names_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let long = "k".repeat(256);
    let cases = [
        ("", "is empty"),
        (".", "starts with a dot"),
        ("..", "starts with a dot"),
        ("/", "contains a slash"),
        ("a/b", "contains a slash"),
        ("a\0", "contains a NUL"),
        (&long, "is longer than 255 bytes"),
    ];
    for (key, problem) in cases {
        let out = dir.path().join("out");
        let pairs = ctx.parallelize(["fine", key, "good"].map(|key| (key.to_owned(), 1)));
        let message = pairs.save_as_text_file_by_key(&out).unwrap_err().to_string();
        let expected =
            format!("save_as_text_file_by_key: the key {key:?} {problem}, so no directory can have its name");
        assert!(message.contains(&expected), "{message}");
        assert!(!out.exists());
    }
}

/// Runs `f` with a directory on a small file system of its own. Needs root, for `mount`; fails with the reason otherwise.
pub(crate) fn on_a_small_disk(f: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
        .arg(dir.path())
        .status()
        .expect("`mount` can be started");
    assert!(mounted.success(), "this test mounts a small tmpfs and needs root (CAP_SYS_ADMIN)");
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(dir.path())));
    // A failed job's other tasks close their files when they notice.
    let since = std::time::Instant::now();
    let unmount = || std::process::Command::new("umount").arg(dir.path()).output().expect("`umount` can be started");
    while !unmount().status.success() {
        assert!(since.elapsed().as_secs() < 60, "the file system stays in use");
        std::thread::yield_now();
    }
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    on_a_small_disk(|disk| {
        let ctx = DparkContext::local(2);
        let out = disk.join("out");
        ctx.range(0, 10).save_as_csv(&out).unwrap();
        let before = tree(disk);
        let rows = ctx.range(0, 200_000).map(|x| (x % 3, x));
        let overwrite = || SaveOptions::new().overwrite();
        let failed = [
            rows.save_as_csv_with(&out, overwrite()),
            rows.save_as_json_lines_with(&out, overwrite()),
            rows.save_as_text_file_by_key_with(&out, overwrite()),
            rows.map(|row| row.1.to_le_bytes()).save_as_tf_records_with(&out, overwrite().gzip()),
            rows.save_as_csv(disk.join("new")),
        ];
        for result in failed {
            let message = result.unwrap_err().to_string();
            assert!(message.contains("the disk is full; free some space or save elsewhere"), "{message}");
        }
        assert_eq!(tree(disk), before);
        assert!(!disk.join("new").exists());
        ctx.range(0, 20).save_as_csv_with(&out, overwrite()).unwrap();
    });
}
