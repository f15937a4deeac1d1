//! CSV, JSON lines, binary records and TFRecords: split anywhere, and what is said of bad ones.

use dpark::{CsvOptions, DparkContext, FileOptions};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Person {
    name: String,
    age: Option<u8>,
    score: f64,
}

fn write(directory: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The message of a failed task, without the file's directory.
fn failure<T>(result: dpark::Result<T>, name: &str) -> String {
    let message = result.err().expect("the file is bad").to_string();
    message[message.find(name).unwrap_or_else(|| panic!("{message} names {name}"))..].to_owned()
}

const PEOPLE: &str = "\u{feff}name,age,score\r\n\"Ada, \"\"A.\"\"\",36,1.5\r\n\"Grace\r\n\r\n\"\"Hopper\"\"\n\",,2\r\n\n\"ä,ö\n\",85,-1e3\nlast,1,0";

fn people() -> Vec<Person> {
    let person = |name: &str, age, score| Person { name: name.to_owned(), age, score };
    vec![
        person("Ada, \"A.\"", Some(36), 1.5),
        person("Grace\r\n\r\n\"Hopper\"\n", None, 2.0),
        person("ä,ö\n", Some(85), -1000.0),
        person("last", Some(1), 0.0),
    ]
}

#[test]
fn csv_split_at_every_byte_has_the_same_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "people.csv", PEOPLE);
    let ctx = DparkContext::local(2);
    for split in 1..=PEOPLE.len() as u64 + 1 {
        let rows = ctx.csv_file_with::<Person>(&path, CsvOptions::new().split_bytes(split));
        assert_eq!(rows.num_partitions() as u64, (PEOPLE.len() as u64).div_ceil(split));
        assert_eq!(rows.collect().unwrap(), people(), "splits of {split} bytes");
    }
    for n in 1..=PEOPLE.len() + 2 {
        let rows = ctx.csv_file_with::<Person>(&path, CsvOptions::new().num_splits(n));
        assert_eq!(rows.collect().unwrap(), people(), "{n} splits");
    }
}

#[test]
fn the_last_partition_of_a_csv_file_alone() {
    let dir = tempfile::tempdir().unwrap();
    let text = "n,text\n".to_owned() + &(0..20_000).map(|i| format!("{i},\"a\n,b{i}\"\n")).collect::<String>();
    let path = write(dir.path(), "x.csv", &text);
    let ctx = DparkContext::local(2);
    let rows = ctx.csv_file_with::<(u32, String)>(&path, CsvOptions::new().num_splits(7));
    let firsts = rows.map_partitions(|mut rows| rows.next().map(|row| row.0)).collect().unwrap();
    assert_eq!((firsts.len(), firsts[0]), (7, 0));
    assert!(firsts.is_sorted());
    assert_eq!(rows.map(|row| u64::from(row.0)).sum().unwrap(), 199_990_000);
    let whole = ctx.csv_file::<(u32, String)>(&path).collect().unwrap();
    assert!(rows.collect().unwrap() == whole);
}

#[test]
fn csv_rows_of_other_types() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "x.csv", "b,a\n1,x\n2,y\n");
    let ctx = DparkContext::local(1);
    assert_eq!(ctx.csv_file::<(u8, char)>(&path).collect().unwrap(), [(1, 'x'), (2, 'y')]);
    assert_eq!(ctx.csv_file::<Vec<String>>(&path).first().unwrap(), ["1", "x"]);
    let map = ctx.csv_file::<BTreeMap<String, String>>(&path).first().unwrap();
    assert_eq!(map, [("a", "x"), ("b", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    let raw = ctx.csv_file_with::<(String, String)>(&path, CsvOptions::new().without_header());
    assert_eq!(raw.count().unwrap(), 3);
    for empty in ["", "a,b\n", "\u{feff}", "\n\n"] {
        let path = write(dir.path(), "empty.csv", empty);
        assert_eq!(ctx.csv_file::<Person>(&path).collect().unwrap(), [], "{empty:?}");
    }
    // Each file has a header of its own.
    std::fs::create_dir(dir.path().join("two")).unwrap();
    write(dir.path(), "two/1.csv", "age,name,score\n1,a,0\n");
    write(dir.path(), "two/2.csv", "score,name,age\n0,b,2\n");
    let ages = ctx.csv_file::<Person>(dir.path().join("two")).map(|person| person.age).collect().unwrap();
    assert_eq!(ages, [Some(1), Some(2)]);
}

#[test]
fn bad_csv_names_file_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let next_step = "correct the record, or read with a row type that fits it";
    let good = "name,age,score\n\"two\nlines\",1,2\n";
    for split in [1, 7, 20, 1000] {
        let read = |bytes: &[u8]| {
            let path = write(dir.path(), "bad.csv", bytes);
            failure(ctx.csv_file_with::<Person>(path, CsvOptions::new().split_bytes(split)).count(), "bad.csv")
        };
        assert_eq!(
            read(format!("{good}x,300,1\n").as_bytes()),
            format!(
                "bad.csv: line 4 (byte 31): column 2 (age) is \"300\": number too large to fit in target type; {next_step}"
            )
        );
        assert_eq!(
            read(format!("{good}\r\n\r\nx,,y\n").as_bytes()),
            format!("bad.csv: line 6 (byte 35): column 3 (score) is \"y\": invalid float literal; {next_step}")
        );
        assert_eq!(
            read(format!("{good}only,two\n").as_bytes()),
            "bad.csv: line 4 (byte 31): it has 2 fields, the first record has 3; if that is right, use `CsvOptions::flexible`"
        );
        assert_eq!(
            read(&[good.as_bytes(), b"x,1,\xff\n"].concat()),
            "bad.csv: line 4 (byte 31): column 3 (score) is not valid UTF-8; convert the file with `iconv`"
        );
    }
    let path = write(dir.path(), "bad.csv", "name,age,points\na,1,2\n");
    let message = failure(ctx.csv_file::<Person>(&path).count(), "bad.csv");
    assert_eq!(message, "bad.csv: line 2 (byte 16): missing field `score`; ".to_owned() + next_step);
    let flexible = CsvOptions::new().flexible();
    let path = write(dir.path(), "bad.csv", "name,age,score\na,1\n");
    let message = failure(ctx.csv_file_with::<Person>(&path, flexible).count(), "bad.csv");
    assert!(message.starts_with("bad.csv: line 2 (byte 15): missing field `score`"), "{message}");
    let path = write(dir.path(), "good.csv", "name,score,age\na,1\nb,2,3\nc,4,5,more\n");
    let ages = ctx.csv_file_with::<Person>(&path, CsvOptions::new().flexible()).map(|person| person.age);
    assert_eq!(ages.collect().unwrap(), [None, Some(3), Some(5)]);
    let message = ctx.csv_file_with::<Person>(&path, CsvOptions::new().quote(b',')).count().unwrap_err().to_string();
    assert!(message.starts_with("csv_file: ',' cannot be delimiter, quote, escape or comment"), "{message}");
    let missing = ctx.csv_file::<Person>(dir.path().join("none.csv")).count();
    assert!(failure(missing, "none.csv").contains("give an existing file"));
}

#[test]
fn a_quote_that_is_never_closed_stays_within_the_budget() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "x.csv", "a,b\n\"".to_owned() + &"1,2\n".repeat(4 << 20));
    let conf = dpark::Conf { master: "local[1]".into(), memory: 8 << 20, ..Default::default() };
    let ctx = DparkContext::new(conf).unwrap();
    let message = ctx.csv_file::<Vec<String>>(&path).count().unwrap_err().to_string();
    assert!(message.contains("the memory budget of 8 MB does not suffice"), "{message}");
    assert_eq!(ctx.held().2, 0);
}

fn csv_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("\""),
        3 => Just("\n"),
        2 => Just(","),
        1 => Just("\r\n"),
        1 => Just("\r"),
        1 => Just("\\"),
        1 => Just("#"),
        2 => Just("a"),
        1 => Just("é"),
        1 => Just("\u{feff}"),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes, well-formed or not: the search for the start of a split must agree with the parser.
    #[test]
    fn any_csv_split_anywhere_is_what_the_parser_reads(
        text in csv_text(),
        split in 1u64..40,
        quotes in 0..3,
        comment in any::<bool>(),
        header in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "x.csv", &text);
        let mut options = CsvOptions::new().flexible();
        let mut parser = csv::ReaderBuilder::new();
        parser.flexible(true).has_headers(header);
        match quotes {
            0 => {
                options = options.without_quotes();
                parser.quoting(false);
            }
            1 => {
                options = options.escape(b'\\');
                parser.escape(Some(b'\\'));
            }
            _ => {}
        }
        if comment {
            options = options.comment(b'#');
            parser.comment(Some(b'#'));
        }
        if !header {
            options = options.without_header();
        }
        let expected: Vec<Vec<String>> = parser
            .from_path(&path)
            .unwrap()
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .collect();
        let ctx = DparkContext::local(2);
        for options in [options.clone(), options.split_bytes(split)] {
            let rows = ctx.csv_file_with::<Vec<String>>(&path, options);
            prop_assert_eq!(rows.collect().unwrap(), expected.clone());
        }
    }
}

#[test]
fn json_lines_split_at_every_byte_have_the_same_rows() {
    let dir = tempfile::tempdir().unwrap();
    let lines = "{\"name\":\"Ä\\n\",\"age\":3,\"score\":0.5}\r\n\n  \n{\"name\":\"\",\"age\":null,\"score\":-1}\n{\"score\":1,\"name\":\"x\"}";
    let path = write(dir.path(), "x.jsonl", lines);
    let ctx = DparkContext::local(2);
    let whole = ctx.json_lines::<Person>(&path).collect().unwrap();
    assert_eq!(whole.len(), 3);
    assert_eq!(whole[0], Person { name: "Ä\n".into(), age: Some(3), score: 0.5 });
    for split in 1..=lines.len() as u64 {
        let rows = ctx.json_lines_with::<Person>(&path, FileOptions::new().split_bytes(split));
        assert_eq!(rows.collect().unwrap(), whole, "splits of {split} bytes");
    }
}

#[test]
fn bad_json_names_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let next_step = "correct the line, or read with a row type that fits it";
    for split in [1, 5, 1000] {
        let read = |bytes: &[u8]| {
            let path = write(dir.path(), "bad.jsonl", bytes);
            failure(ctx.json_lines_with::<(u8, u8)>(path, FileOptions::new().split_bytes(split)).count(), "bad.jsonl")
        };
        assert_eq!(
            read(b"[1,2]\n\n[1,2]\n[1,x]\n"),
            format!("bad.jsonl: line 4 (byte 13), column 4: expected value; {next_step}")
        );
        assert_eq!(
            read(b"[1,2]\n[1,300]\n"),
            format!("bad.jsonl: line 2 (byte 6), column 6: invalid value: integer `300`, expected u8; {next_step}")
        );
        assert_eq!(
            read(b"[1,2]\n[1,2]]"),
            format!("bad.jsonl: line 2 (byte 6), column 6: trailing characters; {next_step}")
        );
        assert!(read(b"[1,2]\n[\xff").contains("not valid UTF-8 at byte 7"));
    }
    // Rows before the bad one can be taken, whatever the size of batches.
    let path = write(dir.path(), "bad.jsonl", "1\n2\n3\nx\n");
    assert_eq!(ctx.json_lines::<u8>(&path).take(3).unwrap(), [1, 2, 3]);
}

#[test]
fn binary_records_at_every_split_size() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..60).collect();
    let path = write(dir.path(), "x.bin", &bytes);
    let ctx = DparkContext::local(2);
    for length in [1, 2, 3, 5, 12, 60] {
        let expected: Vec<Vec<u8>> = bytes.chunks(length).map(<[u8]>::to_vec).collect();
        for split in 1..=61 {
            let options = FileOptions::new().split_bytes(split);
            assert_eq!(ctx.binary_file_with(&path, length, options).collect().unwrap(), expected, "{length} {split}");
            let options = FileOptions::new().num_splits(split as usize);
            assert_eq!(ctx.binary_file_with(&path, length, options).collect().unwrap(), expected, "{length} {split}");
        }
    }
    assert_eq!(
        failure(ctx.binary_file(&path, 7).count(), "x.bin"),
        "x.bin: the record at byte 56 has 4 instead of 7 bytes: the file is cut off, or its records have another length"
    );
    assert_eq!(ctx.binary_file(&path, 7).take(8).unwrap().len(), 8);
    let message = ctx.binary_file(&path, 0).count().unwrap_err().to_string();
    assert_eq!(message, "binary_file: a record has at least one byte");
    let empty = write(dir.path(), "empty.bin", "");
    assert_eq!(ctx.binary_file(empty, 3).count().unwrap(), 0);
}

/// A table-driven CRC of our own, so that the format is not checked against itself.
fn masked_crc(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn tf_record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked_crc(&length).to_le_bytes(), data, &masked_crc(data).to_le_bytes()].concat()
}

#[test]
fn tf_records_split_at_every_byte_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    // Data of eight bytes with its checksum looks like a header.
    let eight = [[0; 8].to_vec(), 3u64.to_le_bytes().to_vec(), u64::MAX.to_le_bytes().to_vec()];
    let others = [b"one".to_vec(), Vec::new(), vec![0; 40], b"two\n".to_vec(), (0..=255).collect()];
    let records = [&eight[..], &others, &eight, &eight].concat();
    let bytes = records.iter().flat_map(|record| tf_record(record)).collect::<Vec<u8>>();
    let path = write(dir.path(), "x.tfrecords", &bytes);
    let ctx = DparkContext::local(2);
    for split in 1..=bytes.len() as u64 + 1 {
        let rows = ctx.tf_records_with(&path, FileOptions::new().split_bytes(split));
        assert_eq!(rows.collect().unwrap(), records, "splits of {split} bytes");
    }
}

#[test]
fn tf_records_that_are_broken_anywhere_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = DparkContext::local(2);
    let bytes = [tf_record(b"first"), tf_record(b"second"), tf_record(b"3")].concat();
    let (second, third) = (21, 43);
    for split in [7, 30, 1000] {
        let read = |bytes: &[u8]| {
            let path = write(dir.path(), "bad.tf", bytes);
            ctx.tf_records_with(path, FileOptions::new().split_bytes(split)).count()
        };
        for length in (1..bytes.len()).filter(|length| ![second, third].contains(length)) {
            let start = if length > third {
                third
            } else if length > second {
                second
            } else {
                0
            };
            let message = failure(read(&bytes[..length]), "bad.tf");
            let expected =
                format!("bad.tf: the record at byte {start} is cut off: the file ends within it; write the file again");
            assert!(message.starts_with(&expected), "{length} bytes, splits of {split}: {message}");
        }
        for i in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[i] ^= 0x10;
            let start = if i >= third {
                third
            } else if i >= second {
                second
            } else {
                0
            };
            let part = if i - start < 12 { "length" } else { "data" };
            let message = failure(read(&bytes), "bad.tf");
            let expected =
                format!("bad.tf: the record at byte {start} is corrupt: the checksum of its {part} is wrong");
            assert!(message.starts_with(&expected), "byte {i}, splits of {split}: {message}");
        }
    }
    let path = write(dir.path(), "text.tf", "this is no record file at all\n");
    let message = failure(ctx.tf_records(path).count(), "text.tf");
    assert!(message.ends_with("is it a TFRecord file? Write it again"), "{message}");
}

#[test]
fn records_within_records_are_never_taken_for_rows() {
    let dir = tempfile::tempdir().unwrap();
    let inner = [tf_record(b"inner 1"), tf_record(b"inner 2")].concat();
    let bytes = [tf_record(b"outer"), tf_record(&inner), tf_record(b"last")].concat();
    let path = write(dir.path(), "x.tf", &bytes);
    let ctx = DparkContext::local(2);
    let expected = [b"outer".to_vec(), inner, b"last".to_vec()];
    let mut refused = 0;
    for split in 1..=bytes.len() as u64 {
        match ctx.tf_records_with(&path, FileOptions::new().split_bytes(split)).collect() {
            Ok(rows) => assert_eq!(rows, expected),
            Err(error) => {
                let message = error.to_string();
                assert!(message.ends_with("read it with `FileOptions::new().num_splits(1)`"), "{message}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    assert_eq!(ctx.tf_records_with(&path, FileOptions::new().num_splits(1)).collect().unwrap(), expected);
}
