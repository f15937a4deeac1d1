//! Lines of text files: the same however a file is split, compressed files, broken ones, and options.

use dpark::source::{Input, Source};
use dpark::{DparkContext, TextOptions};
use proptest::prelude::*;
use std::io::Write;
use std::path::Path;

const TEXT: &str = "first\n\nzweite: größer ≥ 😀\r\n\r\n\n日本語\nx\nlast without an end";

fn lines_of(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    if text.is_empty() || text.ends_with('\n') {
        lines.pop();
    }
    lines
}

fn write(directory: &Path, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Name, compressor, and the command that the error of a broken file names.
type Format = (&'static str, fn(&[u8]) -> Vec<u8>, &'static str);
const FORMATS: [Format; 3] = [("x.gz", gzip, "gzip -t"), ("x.bz2", bzip2, "bzip2 -t"), ("x.zst", zstd, "zstd -t")];

#[test]
fn a_text_split_at_every_byte_has_the_same_lines() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    for text in [TEXT.to_owned(), format!("{TEXT}\n"), TEXT.replace('\n', "\r\n"), "\n".repeat(5), String::new()] {
        let path = write(dir.path(), "text", &text);
        let expected = lines_of(&text);
        for split in 1..=text.len() as u64 + 1 {
            let lines = ctx.text_file_with(&path, TextOptions::new().split_bytes(split));
            assert_eq!(lines.num_partitions() as u64, (text.len() as u64).div_ceil(split));
            assert_eq!(lines.collect().unwrap(), expected, "splits of {split} bytes of {text:?}");
        }
        for n in 1..=text.len() + 3 {
            let lines = ctx.text_file_with(&path, TextOptions::new().num_splits(n));
            assert!(lines.num_partitions() <= n);
            assert_eq!(lines.collect().unwrap(), expected, "{n} splits of {text:?}");
        }
        for at in 0..=text.len() as u64 {
            let parts = [ctx.partial_text_file(&path, 0, at), ctx.partial_text_file(&path, at, u64::MAX)];
            assert_eq!(ctx.union(parts).collect().unwrap(), expected, "cut at byte {at} of {text:?}");
        }
    }
}

#[test]
fn a_line_belongs_to_the_partition_that_it_starts_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "text", "ab\ncd\nefghij\nk\n");
    let lines = DparkContext::local(2).text_file_with(&path, TextOptions::new().split_bytes(3));
    let partitions = lines.map_partitions(|rows| [rows.collect::<Vec<_>>()]).collect().unwrap();
    assert_eq!(partitions, [vec!["ab"], vec!["cd"], vec!["efghij"], vec![], vec!["k"]]);
}

#[test]
fn long_and_short_lines_in_large_files() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let long = "ü".repeat(700_000);
    let short = (0..60_000).map(|i| format!("line {i} of many")).collect::<Vec<_>>().join("\n");
    let text = format!("{short}\n{long}\n{short}\n{long}");
    let path = write(dir.path(), "text", &text);
    let expected = lines_of(&text);
    for split in [1 << 30, 1 << 20, 262_144, 262_143, 99_991] {
        let lines = ctx.text_file_with(&path, TextOptions::new().split_bytes(split)).collect().unwrap();
        assert!(lines == expected, "splits of {split} bytes");
    }
}

#[test]
fn a_line_larger_than_the_budget_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "text", "x".repeat(20 << 20));
    let conf = dpark::Conf { master: "local[1]".into(), memory: 8 << 20, ..Default::default() };
    let ctx = DparkContext::new(conf).unwrap();
    let message = ctx.text_file(&path).count().unwrap_err().to_string();
    assert!(message.contains("the memory budget of 8 MB does not suffice"), "{message}");
    assert_eq!(ctx.held().2, 0);
}

#[test]
fn compressed_files_have_the_lines_of_plain_ones() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let large = (0..100_000).map(|i| format!("line {} of many\n", i * 7919 % 100_003)).collect::<String>();
    for (name, compress, _) in FORMATS {
        for text in [TEXT, &large, "\n"] {
            let path = write(dir.path(), name, compress(text.as_bytes()));
            let lines = ctx.text_file_with(&path, TextOptions::new().num_splits(4));
            assert_eq!(lines.num_partitions(), 1);
            assert!(lines.collect().unwrap() == lines_of(text), "{name}");
        }
        // Streams behind one another, as `cat a.gz b.gz` makes them, and an empty one between.
        let both = [compress(b"a\nb"), compress(b""), compress(b"c\nd\n")].concat();
        assert_eq!(ctx.text_file(write(dir.path(), name, both)).collect().unwrap(), ["a", "bc", "d"], "{name}");
    }
}

#[test]
fn zstd_frames_of_the_reference_program_and_skippable_ones() {
    // `printf 'hello\nhello\n' | zstd`, between two skippable frames.
    const FRAME: [u8; 25] = [
        0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x61, 0x00, 0x00, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x0a, 0x68, 0x65, 0x6c,
        0x6c, 0x6f, 0x0a, 0x5c, 0x89, 0xe5, 0xf3,
    ];
    let dir = tempfile::tempdir().unwrap();
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let bytes = [&skippable[..], &FRAME, &skippable].concat();
    let path = write(dir.path(), "x.zst", bytes);
    assert_eq!(DparkContext::local(1).text_file(path).collect().unwrap(), ["hello", "hello"]);
}

#[test]
fn compressed_files_that_are_broken_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let text = (0..20_000).map(|i| format!("line {} of many\n", i * 7919 % 100_003)).collect::<String>();
    for (name, compress, check) in FORMATS {
        let good = compress(text.as_bytes());
        let mut damaged = good.clone();
        damaged[good.len() / 2..].iter_mut().for_each(|byte| *byte ^= 0x5a);
        let mut wrong_checksum = good.clone();
        wrong_checksum[good.len() - 4] ^= 0x01;
        let broken = [
            damaged,
            wrong_checksum,
            good[..good.len() / 2].to_vec(),
            good[..good.len() - 3].to_vec(),
            b"no compressed data".to_vec(),
            [&good[..], b"something else"].concat(),
            Vec::new(),
        ];
        for (i, bytes) in broken.iter().enumerate() {
            let result = ctx.text_file(write(dir.path(), name, bytes)).count();
            let message = result.expect_err(&format!("{name} {i}")).to_string();
            assert!(message.contains(&format!("{name}: the ")), "{name} {i}: {message}");
            assert!(message.contains("data is corrupt or cut off"), "{name} {i}: {message}");
            assert!(message.ends_with(&format!("check it with `{check}`")), "{name} {i}: {message}");
        }
    }
}

#[test]
fn invalid_text_is_an_error_where_it_is_reached_or_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = b"good\nalso good\nnot \xff\xfe good\nend \xc3";
    let path = write(dir.path(), "latin", bytes);
    // One thread: with two bad lines, the first is reported.
    let ctx = DparkContext::local(1);
    for split in 1..=bytes.len() as u64 {
        let options = TextOptions::new().split_bytes(split);
        let message = ctx.text_file_with(&path, options.clone()).count().unwrap_err().to_string();
        assert!(
            message.ends_with("latin: the text is not valid UTF-8 at byte 19; convert it with `iconv`"),
            "{message}"
        );
        let lines = ctx.text_file_with(&path, options.lossy()).collect().unwrap();
        assert_eq!(
            lines,
            ["good", "also good", "not \u{fffd}\u{fffd} good", "end \u{fffd}"],
            "splits of {split} bytes"
        );
    }
    assert_eq!(ctx.text_file(&path).take(2).unwrap(), ["good", "also good"]);
    let last = ctx.partial_text_file(&path, 26, 1000).count().unwrap_err().to_string();
    assert!(last.contains("at byte 31"), "{last}");
}

#[test]
fn directories_are_walked_as_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    std::fs::create_dir_all(path.join("a/b")).unwrap();
    for (name, text) in [("1.txt", "1"), ("a/2.txt", "2"), ("a/2.log", "log"), ("a/b/3.txt", "3"), (".4.txt", "4")] {
        write(path, name, text);
    }
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "5.txt", "5");
    std::os::unix::fs::symlink(outside.path(), path.join("z")).unwrap();
    std::os::unix::fs::symlink(path, path.join("a/loop")).unwrap();
    let ctx = DparkContext::local(2);
    let read = |options| ctx.text_file_with(path, options).collect().unwrap();
    assert_eq!(read(TextOptions::new()), ["1", "log", "2", "3", "5"]);
    assert_eq!(read(TextOptions::new().ext(".txt")), ["1", "2", "3", "5"]);
    assert_eq!(read(TextOptions::new().ext(".txt").skip_links()), ["1", "2", "3"]);
    assert_eq!(read(TextOptions::new().max_depth(1)), ["1"]);
    assert_eq!(read(TextOptions::new().max_depth(2).ext("txt")), ["1", "2", "5"]);
    assert_eq!(read(TextOptions::new().max_depth(0).ext("log")), ["log"]);
    // What is named is read, whatever its ending.
    assert_eq!(ctx.text_file_with(path.join("a/2.log"), TextOptions::new().ext(".txt")).collect().unwrap(), ["log"]);
}

#[test]
fn options_that_make_no_sense_and_files_that_cannot_be_split() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(1);
    for options in [TextOptions::new().num_splits(0), TextOptions::new().split_bytes(0)] {
        let message = ctx.text_file_with("Cargo.toml", options).count().unwrap_err().to_string();
        assert_eq!(message, "files are read in at least one split of at least one byte");
    }
    let path = write(dir.path(), "x.gz", gzip(b"text\n"));
    let message = ctx.partial_text_file(&path, 0, 3).count().unwrap_err().to_string();
    assert!(
        message
            .ends_with("x.gz: only a file that is not compressed can be read in part; unpack it, or use `text_file`")
    );
    let message = ctx.partial_text_file(dir.path().join("none"), 0, 3).count().unwrap_err().to_string();
    assert!(message.contains("none: No such file or directory"), "{message}");
    assert_eq!(ctx.partial_text_file("Cargo.toml", 5, 5).count().unwrap(), 0);
    let message = ctx.text_file("/dev/null").count().unwrap_err().to_string();
    assert_eq!(message, "/dev/null: it is not a regular file; copy what it yields to one");
}

#[test]
fn a_file_that_goes_after_the_rdd_was_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "text", "a\n");
    let lines = DparkContext::local(1).text_file(&path);
    std::fs::remove_file(&path).unwrap();
    let message = lines.count().unwrap_err().to_string();
    assert!(message.ends_with("text: No such file or directory (os error 2)"), "{message}");
}

#[test]
fn bytes_read_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "text", "abcdefg\n".repeat(1000));
    let ctx = DparkContext::local(1);
    let read = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let sum = std::sync::Arc::clone(&read);
    ctx.events().subscribe(Box::new(move |event| {
        if let dpark::event::Event::TaskFinished { end: dpark::event::TaskEnd::Succeeded(metrics), .. } = event {
            sum.fetch_add(metrics.input_bytes, std::sync::atomic::Ordering::Relaxed);
        }
    }));
    assert_eq!(ctx.text_file(&path).count().unwrap(), 1000);
    assert_eq!(read.load(std::sync::atomic::Ordering::Relaxed), 8000);
}

/// Numbers from a formula; a split fails, cannot be sent, or never ends on request.
#[derive(serde::Serialize, serde::Deserialize)]
struct Numbers {
    splits: Vec<u64>,
    behaviour: Behaviour,
    #[serde(skip)]
    not_sent: u64,
}

#[derive(serde::Serialize, serde::Deserialize, Clone, Copy, PartialEq)]
enum Behaviour {
    Fine,
    NoSplits,
    FailsAtRow(u64),
    FailsToOpen,
    Endless,
}

impl Source for Numbers {
    type Row = u64;
    type Split = u64;

    fn name(&self) -> &'static str {
        "numbers"
    }

    fn splits(&self) -> dpark::Result<Vec<u64>> {
        match self.behaviour {
            Behaviour::NoSplits => Err(dpark::Error::io("numbers.db", "no such table; create it")),
            _ => Ok(self.splits.clone()),
        }
    }

    fn read(&self, split: &u64, input: &Input) -> dpark::Result<impl Iterator<Item = dpark::Result<u64>> + 'static> {
        let (n, add, behaviour, input) = (*split, self.not_sent, self.behaviour, input.clone());
        if behaviour == Behaviour::FailsToOpen {
            return Err(dpark::Error::io("numbers.db", "it is locked; try again later"));
        }
        let end = if behaviour == Behaviour::Endless { u64::MAX } else { n };
        Ok((0..end).map(move |i| {
            input.add_bytes(1);
            match behaviour {
                Behaviour::FailsAtRow(row) if row == i => {
                    Err(dpark::Error::io("numbers.db", format!("row {i} is bad")))
                }
                _ => Ok(i + add),
            }
        }))
    }
}

fn numbers(splits: &[u64], behaviour: Behaviour) -> Numbers {
    Numbers { splits: splits.to_vec(), behaviour, not_sent: 0 }
}

#[test]
fn a_source_of_ones_own() {
    let ctx = DparkContext::local(2);
    let rdd = ctx.from_source(numbers(&[2, 0, 3], Behaviour::Fine));
    assert_eq!(rdd.num_partitions(), 3);
    assert!(format!("{rdd:?}").contains("numbers of u64"));
    assert_eq!(rdd.collect().unwrap(), [0, 1, 0, 1, 2]);
    assert_eq!(rdd.map(|x| x * 2).take(2).unwrap(), [0, 2]);
    assert_eq!(ctx.from_source(numbers(&[], Behaviour::Fine)).count().unwrap(), 0);
    // What runs is what would arrive in another process.
    let sent = ctx.from_source(Numbers { not_sent: 7, ..numbers(&[1], Behaviour::Fine) });
    assert_eq!(sent.collect().unwrap(), [0]);
}

#[test]
fn errors_of_a_source_are_the_actions() {
    let ctx = DparkContext::local(2);
    let message = |behaviour| ctx.from_source(numbers(&[5], behaviour)).count().unwrap_err().to_string();
    assert_eq!(message(Behaviour::NoSplits), "numbers.db: no such table; create it");
    assert!(message(Behaviour::FailsToOpen).ends_with("partition 0: numbers.db: it is locked; try again later"));
    assert!(message(Behaviour::FailsAtRow(3)).ends_with("partition 0: numbers.db: row 3 is bad"));
    assert_eq!(ctx.from_source(numbers(&[5], Behaviour::FailsAtRow(3))).take(2).unwrap(), [0, 1]);
}

#[test]
fn an_endless_source_is_cancelled_between_batches() {
    let ctx = DparkContext::local(1);
    let stopper = ctx.clone();
    ctx.events().subscribe(Box::new(move |event| {
        if let dpark::event::Event::TaskStarted { .. } = event {
            stopper.cancel_all();
        }
    }));
    let result = ctx.from_source(numbers(&[1], Behaviour::Endless)).count();
    assert!(matches!(result, Err(dpark::Error::Cancelled { .. })), "{result:?}");
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Unsendable {
    #[serde(serialize_with = "refuse")]
    connection: u8,
}

fn refuse<S: serde::Serializer>(_: &u8, _: S) -> Result<S::Ok, S::Error> {
    Err(serde::ser::Error::custom("a connection cannot be sent"))
}

impl Source for Unsendable {
    type Row = u8;
    type Split = ();

    fn splits(&self) -> dpark::Result<Vec<()>> {
        Ok(vec![()])
    }

    fn read(&self, _: &(), _: &Input) -> dpark::Result<impl Iterator<Item = dpark::Result<u8>> + 'static> {
        Ok([Ok(self.connection)].into_iter())
    }
}

#[test]
fn a_source_that_cannot_be_sent_is_an_error_on_every_master() {
    let message = DparkContext::local(1).from_source(Unsendable { connection: 1 }).count().unwrap_err().to_string();
    let expected = "from_source: the source or a split does not survive serialisation: a connection cannot be sent";
    assert_eq!(message, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_texts_split_anywhere(
        pieces in prop::collection::vec(prop_oneof![Just("\n"), Just("\r"), Just("a"), Just("é"), Just("語"), Just("😀")], 0..60),
        split in 1u64..70,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let text = pieces.concat();
        let path = write(dir.path(), "text", &text);
        let lines = DparkContext::local(2).text_file_with(&path, TextOptions::new().split_bytes(split));
        prop_assert_eq!(lines.collect().unwrap(), lines_of(&text));
    }
}
