use super::super::store::{BlockBytes, Fetched, MapOutput};
use super::*;
use std::borrow::Cow;
use std::io::ErrorKind;
use std::process::Command;

const SHUFFLE: ShuffleId = ShuffleId(7);

fn write(dir: &Path, map: usize, blocks: &[Vec<u8>], secret: &Secret) -> io::Result<MapFile> {
    write_map_file(dir, SHUFFLE, map, TaskId(1), blocks.iter().map(Vec::as_slice), secret)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Bytes that cannot be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Decodes one block out of the whole data file.
fn decode(index: &Index, data: &[u8], block: usize, secret: &Secret) -> Result<Vec<u8>, String> {
    let range = index.range(block..block + 1)?;
    let end = data.len().min(range.end as usize);
    index.decode(block, &data[end.min(range.start as usize)..end], secret).map(Cow::into_owned)
}

#[test]
fn blocks_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let secret = Secret::generate().unwrap();
    let text = |n: usize| b"to be or not to be ".repeat(n);
    let blocks = [
        vec![],
        b"x".to_vec(),
        text(1),
        text(100),
        vec![],
        noise(70_000),
        text(10 << 20 >> 4),
        noise(10 << 20),
        vec![0; 10 << 20],
        vec![],
    ];
    let file = write(dir.path(), 3, &blocks, &secret).unwrap();
    assert_eq!(names(dir.path()), ["shuffle-7-3.1.data", "shuffle-7-3.1.index"]);
    let data = std::fs::read(&file.data).unwrap();
    let index_bytes = std::fs::read(&file.index).unwrap();
    assert_eq!(file.file_bytes, (data.len() + index_bytes.len()) as u64);
    assert_eq!(file.raw_bytes, blocks.iter().map(|block| block.len() as u64).sum::<u64>());
    let index = Index::parse(&index_bytes, &secret, SHUFFLE, 3).unwrap();
    assert_eq!(index.blocks(), blocks.len());
    for (number, block) in blocks.iter().enumerate() {
        assert!(decode(&index, &data, number, &secret).unwrap() == *block, "block {number}");
        let range = index.range(number..number + 1).unwrap();
        let stored = range.end - range.start;
        match number {
            3 | 6 | 8 => assert!(stored < block.len() as u64 / 20, "{stored} bytes: block {number} is compressed"),
            _ => assert!(stored <= block.len() as u64, "{stored} bytes: block {number} takes no more than before"),
        }
    }
    // The blocks of a reduce partition are one range, and all ranges together the file.
    assert_eq!(index.range(2..6).unwrap(), index.range(2..3).unwrap().start..index.range(5..6).unwrap().end);
    assert_eq!(index.range(0..blocks.len()).unwrap(), 0..data.len() as u64);
    assert!(index.range(4..5).unwrap().is_empty() && index.range(3..3).unwrap().is_empty());
    assert_eq!(index.raw_bytes(1..4).unwrap(), 1 + 19 + 1900);
    assert_eq!(index.range(5..11).unwrap_err(), "it has 10 blocks, but not 5..11");
    // What was not compressed is not copied.
    for (number, is_plain) in [(1, true), (3, false), (5, true)] {
        let range = index.range(number..number + 1).unwrap();
        let stored = &data[range.start as usize..range.end as usize];
        let decoded = index.decode(number, stored, &secret).unwrap();
        assert_eq!(
            (matches!(decoded, Cow::Borrowed(_)), index.is_plain(number)),
            (is_plain, is_plain),
            "block {number}"
        );
    }
}

#[test]
fn fetched_blocks_are_read_where_they_are_and_tell_their_rows() {
    let dir = tempfile::tempdir().unwrap();
    let secret = Secret::generate().unwrap();
    let of_rows = |rows: u64, bytes: Vec<u8>| [&rows.to_le_bytes()[..], &bytes].concat();
    let blocks = [
        vec![],
        of_rows(9000, noise(70_000)),
        of_rows(500, vec![7; 70_000]),
        of_rows(0x0123_4567_89ab_cdef, noise(20)),
    ];
    let file = write(dir.path(), 3, &blocks, &secret).unwrap();
    let index = Arc::new(Index::parse(&std::fs::read(&file.index).unwrap(), &secret, SHUFFLE, 3).unwrap());
    let start = index.range(1..2).unwrap().start;
    let bytes = std::fs::read(&file.data).unwrap()[start as usize..].to_vec();
    let output = Arc::new(MapOutput::fetched(Fetched { index, secret, start, bytes }));
    let is_copied = |number: usize| matches!(output.block(number).unwrap(), BlockBytes::Own(_));
    for (number, block) in blocks.iter().enumerate().skip(1) {
        assert!(*output.block(number).unwrap() == block[..], "block {number}");
    }
    assert_eq!([1, 2, 3].map(is_copied), [false, true, false]);
    // Nobody has checked what a block says of itself: it has no more rows than bytes.
    assert_eq!([1, 2, 3].map(|number| output.rows_at_most(number)), [9000, 0, 28]);
    assert_eq!(output.block(4).unwrap_err(), "it has 4 blocks, but not 4..5");
}

#[test]
fn a_partition_without_rows_or_blocks_has_an_empty_file() {
    let dir = tempfile::tempdir().unwrap();
    let secret = Secret::generate().unwrap();
    for (map, blocks) in [vec![], vec![vec![]; 3]].into_iter().enumerate() {
        let file = write(dir.path(), map, &blocks, &secret).unwrap();
        assert_eq!(std::fs::read(&file.data).unwrap(), b"");
        let index = Index::parse(&std::fs::read(&file.index).unwrap(), &secret, SHUFFLE, map).unwrap();
        assert_eq!((index.blocks(), index.range(0..index.blocks()).unwrap()), (blocks.len(), 0..0));
    }
}

#[test]
fn the_layout_of_the_index_is_the_documented_one() {
    let secret = Secret::generate().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), 3, &[b"ab".to_vec(), vec![5; 100]], &secret).unwrap();
    let stored = &std::fs::read(&file.data).unwrap()[2..];
    let number = |n: usize| (n as u64).to_le_bytes();
    let of_block =
        |n: usize, bytes: &[u8]| secret.mac(&[b"dpark map block", &number(7), &number(3), &number(n), bytes]);
    let header = [&b"dparkmap\x01"[..], &number(7), &number(3), &number(2)].concat();
    let first = [&[0][..], &number(0), &number(2), &number(2), &of_block(0, b"ab")].concat();
    let second = [&[1][..], &number(2), &number(stored.len()), &number(100), &of_block(1, stored)].concat();
    let signed = [header, first, second].concat();
    let whole = [&signed[..], &secret.mac(&[b"dpark map index", &signed])].concat();
    assert_eq!(std::fs::read(&file.index).unwrap(), whole);
}

#[test]
fn every_truncation_and_every_flipped_bit_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let secret = Secret::generate().unwrap();
    let file = write(dir.path(), 0, &[b"plain".to_vec(), vec![], vec![b'z'; 64]], &secret).unwrap();
    let (data, index_bytes) = (std::fs::read(&file.data).unwrap(), std::fs::read(&file.index).unwrap());
    let parse = |bytes: &[u8]| Index::parse(bytes, &secret, SHUFFLE, 0);
    let index = parse(&index_bytes).unwrap();
    let whole = |data: &[u8]| (0..3).try_for_each(|block| decode(&index, data, block, &secret).map(drop));
    whole(&data).unwrap();
    for n in 0..index_bytes.len() {
        parse(&index_bytes[..n]).expect_err(&format!("{n} bytes of the index"));
    }
    for n in 0..data.len() {
        whole(&data[..n]).expect_err(&format!("{n} bytes of the data"));
    }
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for bit in 0..8 * index_bytes.len() {
        parse(&flipped(&index_bytes, bit)).expect_err(&format!("bit {bit} of the index"));
    }
    for bit in 0..8 * data.len() {
        whole(&flipped(&data, bit)).expect_err(&format!("bit {bit} of the data"));
    }
    parse(&[&index_bytes[..], b"more"].concat()).unwrap_err();
}

#[test]
fn what_belongs_elsewhere_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let secret = Secret::generate().unwrap();
    let blocks = [b"same".to_vec(), b"same".to_vec()];
    let bytes = [3, 4].map(|map| std::fs::read(write(dir.path(), map, &blocks, &secret).unwrap().index).unwrap());
    let wrong = |bytes: &[u8], secret: &Secret, map| Index::parse(bytes, secret, SHUFFLE, map).unwrap_err();
    assert_eq!(wrong(&bytes[0], &secret, 4), "its index is that of map output 3 of shuffle 7");
    let other = Secret::generate().unwrap();
    assert_eq!(wrong(&bytes[0], &other, 3), "its index is damaged, or of another application");
    let newer = [b"dparkmap\x02", &bytes[0][9..]].concat();
    assert_eq!(wrong(&newer, &secret, 3), "its index has version 2 where 1 is expected");
    assert_eq!(wrong(b"<html>not found</html>", &secret, 3), "its index is none");
    // Blocks of the same bytes have different codes.
    let index = Index::parse(&bytes[0], &secret, SHUFFLE, 3).unwrap();
    let problem = index.decode(0, b"sama", &secret).unwrap_err();
    assert_eq!(problem, "the bytes of block 0 are not those that were written");
    assert_eq!(index.decode(2, b"", &secret).unwrap_err(), "it has no block 2");
    let code_of = |at: usize| &bytes[0][33 + 41 * at + 25..][..16];
    assert_ne!(code_of(0), code_of(1));
}

/// A file system of a few pages.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> SmallDisk {
        let dir = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(dir.path()).output().unwrap();
        let problem = String::from_utf8_lossy(&mounted.stderr);
        assert!(mounted.status.success(), "this test needs to mount a tmpfs, which root may: {problem}");
        SmallDisk(dir)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_an_error_and_nothing_is_left() {
    let disk = SmallDisk::new();
    let secret = Secret::generate().unwrap();
    write(disk.0.path(), 0, &[noise(8 << 10)], &secret).unwrap();
    let before = names(disk.0.path());
    // Too large with the data, and with the index alone.
    for blocks in [vec![noise(100 << 10)], vec![vec![]; 4000]] {
        let error = write(disk.0.path(), 1, &blocks, &secret).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        assert!(error.to_string().contains("shuffle-7-1.1."), "it names the file: {error}");
        assert_eq!(names(disk.0.path()), before);
    }
    write(disk.0.path(), 1, &[noise(8 << 10)], &secret).unwrap();
}

#[test]
fn a_directory_that_is_gone_is_named() {
    let error = write(Path::new("/nowhere/at/all"), 0, &[], &Secret::generate().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("/nowhere/at/all/shuffle-7-0.1.data.tmp: "), "{error}");
}
