//! Text in and out, the good and the bad.

use dpark::{DparkContext, Error};
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::Path;

fn gzip(path: &Path, text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    std::fs::write(path, &bytes).unwrap();
    bytes
}

#[test]
fn files_directories_patterns_and_lists() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    write("b.txt", "b1\nb2");
    write("a.txt", "a1\n\na3\n");
    write("sub/c.txt", "c\r\n");
    write(".hidden", "no\n");
    write("empty.log", "");
    gzip(&dir.path().join("d.gz"), "d1\nd2\n");
    let ctx = DparkContext::local(2);
    let lines = |path: &str| ctx.text_file(format!("{}/{path}", dir.path().display())).collect().unwrap();
    assert_eq!(lines("a.txt"), ["a1", "", "a3"]);
    assert_eq!(lines(""), ["a1", "", "a3", "b1", "b2", "d1", "d2", "c\r"]);
    assert_eq!(lines("[ab].txt"), ["a1", "", "a3", "b1", "b2"]);
    assert_eq!(lines("**/c.*"), ["c\r"]);
    assert_eq!(lines("empty.log"), Vec::<String>::new());
    let list = vec![dir.path().join("b.txt"), dir.path().join("d.gz")];
    assert_eq!(ctx.text_file(list).collect().unwrap(), ["b1", "b2", "d1", "d2"]);
}

#[test]
fn bad_paths_are_the_first_actions_error() {
    let ctx = DparkContext::local(2);
    let missing = ctx.text_file("/no/such/file").map(|line| line.len());
    let error = missing.count().unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path == "/no/such/file"), "{error:?}");
    assert!(error.to_string().contains("give an existing file or directory"), "{error}");
    let error = ctx.text_file("/no/such/*.txt").count().unwrap_err();
    assert!(error.to_string().starts_with("/no/such/*.txt: no file matches this pattern"), "{error}");
    let joined = ctx.range(0, 1).map(|x| x.to_string()).union(&ctx.text_file("/no/such")).distinct();
    assert!(joined.count().is_err());
}

#[test]
fn invalid_text_names_file_and_offset() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("latin1.txt");
    std::fs::write(&path, b"good\nbad: \xe9t\xe9\n").unwrap();
    let message = DparkContext::local(2).text_file(&path).count().unwrap_err().to_string();
    let expected = format!("{}: the text is not valid UTF-8 at byte 10; convert it with `iconv`", path.display());
    assert!(message.ends_with(&expected), "{message}");
}

#[test]
fn corrupt_gzip_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.gz");
    let good = gzip(&path, &"some text\n".repeat(10_000));
    let ctx = DparkContext::local(2);
    for bad in [good[..good.len() / 2].to_vec(), b"not gzip at all".to_vec(), flipped(&good)] {
        std::fs::write(&path, bad).unwrap();
        let message = ctx.text_file(&path).count().unwrap_err().to_string();
        assert!(message.contains("x.gz: the gzip data is corrupt or cut off"), "{message}");
    }
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let last = bytes.len() - 6;
    bytes[last] ^= 0xff;
    bytes
}

#[test]
fn saving_writes_one_complete_file_for_each_partition_with_rows() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("deep/out");
    let ctx = DparkContext::local(3);
    let files = ctx.range(0, 9).filter(|x| *x < 6).save_as_text_file(&out).unwrap();
    assert_eq!(files, [out.join("0000"), out.join("0001")]);
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);
    assert_eq!(ctx.text_file(&out).collect().unwrap(), ["0", "1", "2", "3", "4", "5"]);
    let error = ctx.range(0, 1).save_as_text_file(&out).unwrap_err();
    assert!(error.to_string().contains("the directory is not empty; remove it first"), "{error}");
    let error = ctx.range(0, 1).save_as_text_file(out.join("0000")).unwrap_err();
    assert!(error.to_string().contains("rows are saved to a new or empty directory"), "{error}");
}

#[test]
fn a_failed_save_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let failing = DparkContext::local(2).range(0, 10).map(|x| if x == 9 { panic!("no nine") } else { x });
    assert!(failing.save_as_text_file(&out).unwrap_err().to_string().contains("no nine"));
    assert!(!out.exists());
}

/// Needs root, for `mount`; fails with the reason otherwise.
#[test]
fn a_full_disk_is_a_clear_error_and_no_partial_file_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(dir.path())
        .status()
        .expect("`mount` can be started");
    assert!(mounted.success(), "this test mounts a small tmpfs and needs root (CAP_SYS_ADMIN)");
    let out = dir.path().join("out");
    let result = DparkContext::local(2).range(0, 1_000_000).save_as_text_file(&out);
    let left = out.exists();
    // Lazily: the other task may still hold its file.
    let unmounted = std::process::Command::new("umount").arg("-l").arg(dir.path()).status();
    let message = result.unwrap_err().to_string();
    assert!(
        message.contains("out/0000: the disk is full") || message.contains("out/0001: the disk is full"),
        "{message}"
    );
    assert!(!left, "no partial file stays");
    assert!(unmounted.is_ok_and(|status| status.success()));
}
