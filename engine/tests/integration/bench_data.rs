//! `notebooks/data/make.py`, which makes the input of the benchmarks, at a tiny scale.

use dpark::DparkContext;
use std::path::Path;
use std::process::Command;

/// Makes the data and returns what the program says of it: a line for each file, with its checksum.
fn make(directory: &Path) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../notebooks/data/make.py");
    let output = Command::new("python3").arg(script).arg(directory).args(["--scale", "0.0005"]).output();
    let output = output.expect("python3 is needed for this test (Debian: `apt-get install python3`)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn makes_the_same_files_every_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = make(&directory.path().join("a"));
    assert_eq!(first, make(&directory.path().join("b")));
    // The checksums are part of the contract: figures of different machines are about the same data.
    assert_eq!(first, EXPECTED);
}

const EXPECTED: &str = "\
words.txt 504986 bytes 9291 lines crc32 7b119c45
pairs.txt 302565 bytes 10000 lines crc32 e2a7315f
dim.txt 11389 bytes 500 lines crc32 105ebde8
graph.txt 37845 bytes 5000 lines crc32 26272f94
points.txt 82986 bytes 1000 lines crc32 0486ae5b
weblog.txt 257192 bytes 2500 lines crc32 20aa923f
";

#[test]
fn the_engine_reads_them() {
    let directory = tempfile::tempdir().expect("a directory");
    make(directory.path());
    let ctx = DparkContext::local(2);
    let numbers = |name: &str| {
        let lines = ctx.text_file(directory.path().join(name));
        lines.map(|line| line.split(' ').map(|number| number.parse::<i128>().expect("a number")).collect::<Vec<_>>())
    };
    let (pairs, dim) = (numbers("pairs.txt"), numbers("dim.txt"));
    assert_eq!((pairs.count().unwrap(), dim.count().unwrap()), (10_000, 500));
    let keys = pairs.map(|row| row[0]).distinct();
    assert_eq!(dim.map(|row| row[0]).distinct().count().unwrap(), 500);
    // All but a tenth of the keys are joined.
    let joined = dim.map(|row| (row[0], row[1])).join(&keys.map(|key| (key, ())));
    assert_eq!(joined.count().unwrap(), 450);
    // Every node has a link from it and one to it.
    let edges = numbers("graph.txt");
    assert_eq!(edges.count().unwrap(), 5_000);
    assert_eq!(edges.map(|row| row[0]).distinct().count().unwrap(), 500);
    assert_eq!(edges.map(|row| row[1]).distinct().count().unwrap(), 500);
    // Zipf's law: the words are all there, and the first has twice the frequency of the second.
    let words = ctx.text_file(directory.path().join("words.txt"));
    let words = words.flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let counts = words.map(|word| (word, 1.0)).reduce_by_key(|a, b| a + b);
    let most = counts.top_by(2, |row| row.1 as u64).unwrap();
    assert!((1.9..2.3).contains(&(most[0].1 / most[1].1)), "{most:?}");
    assert_eq!(counts.count().unwrap(), 250);
}
