//! Checkpoints: the rows of an RDD in a directory, one file for each partition (see `block_file`), and a manifest, which is
//! written last and tells what the files must be.
//!
//! ```text
//! dpark checkpoint 1
//! engine 0.1.0
//! type (String, i64)
//! partitions 1
//! part 0 rows 12 digest 0a1b2c3d
//! checksum 4e5f6071
//! ```
//!
//! The checksum is that of the lines above it, the digest that of the part's file.

mod draft;

pub(crate) use draft::{Draft, PartWriter, WrittenPart};

use super::block_file::BlockReader;
use crate::batch::{Batch, ElemVt};
use crate::codec::CodecVt;
use crate::error::{Error, Failure, Result};
use crate::node::{SourceNode, short_type_name};
use crate::pipeline::Source;
use crate::ship::{CodeRef, Landing, ShipError, Shipper};
use crate::source::ShippedSource;
use crate::task::{Stop, TaskContext};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const MANIFEST: &str = "manifest";
const FIRST_LINE: &str = "dpark checkpoint 1";
const ENGINE: &str = env!("CARGO_PKG_VERSION");

/// A finished checkpoint.
pub(crate) struct Checkpoint {
    pub(crate) directory: PathBuf,
    parts: Vec<Part>,
    codec: &'static CodecVt,
}

/// A checkpoint as it travels; its files do not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShippedCheckpoint {
    directory: PathBuf,
    parts: Vec<Part>,
    codec: CodeRef,
}

/// What the file of a partition must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    rows: u64,
    digest: u32,
}

impl Checkpoint {
    /// Opens the checkpoint in a directory.
    pub(crate) fn find(directory: &Path, elem: &'static ElemVt, codec: &'static CodecVt) -> Result<Checkpoint> {
        let path = directory.join(MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => io_error(directory, "there is no finished checkpoint here: it has no `manifest`; name the directory that was given to `checkpoint`"),
            _ => io_error(&path, &error.to_string()),
        })?;
        let parts = parse(&text, &short_type_name((elem.name)())).map_err(|problem| io_error(&path, &problem))?;
        Ok(Checkpoint { directory: directory.to_owned(), parts, codec })
    }

    pub(crate) fn partitions(&self) -> usize {
        self.parts.len()
    }

    /// The checkpoint as it travels.
    pub(crate) fn shipped(&self, out: &mut Shipper) -> std::result::Result<ShippedCheckpoint, ShipError> {
        let (directory, parts) = (self.directory.clone(), self.parts.clone());
        Ok(ShippedCheckpoint { directory, parts, codec: out.table(self.codec)? })
    }

    /// A checkpoint that has arrived.
    pub(crate) fn land(shipped: ShippedCheckpoint, landing: &Landing) -> std::result::Result<Checkpoint, ShipError> {
        let ShippedCheckpoint { directory, parts, codec } = shipped;
        // SAFETY: the sender took the place from a table of this type.
        Ok(Checkpoint { directory, parts, codec: unsafe { landing.table::<CodecVt>(codec)? } })
    }

    fn corrupt(path: &Path, problem: &str) -> Stop {
        let message = format!(
            "this file of a checkpoint is gone or corrupt ({problem}), and the lineage was cut: put the file back, or \
             compute the RDD anew and `checkpoint` it to another directory"
        );
        Failure::Io { path: path.display().to_string(), message }.into()
    }
}

impl SourceNode for Checkpoint {
    fn ship(&self, out: &mut Shipper) -> std::result::Result<ShippedSource, ShipError> {
        self.shipped(out).map(ShippedSource::Checkpoint)
    }

    fn open(&self, partition: usize, task: &TaskContext) -> std::result::Result<Box<dyn Source>, Stop> {
        let path = part_path(&self.directory, partition);
        let reader = BlockReader::open(&path).map_err(|problem| Checkpoint::corrupt(&path, &problem))?;
        let part = self.parts.get(partition).map(|part| (part.rows, part.digest));
        if part != Some(reader.promised()) {
            return Err(Checkpoint::corrupt(&path, "it is not the file that the manifest tells of"));
        }
        task.add_input(reader.file_bytes());
        Ok(Box::new(PartSource { path, reader, codec: self.codec, rows: None }))
    }
}

/// The rows of one file.
struct PartSource {
    path: PathBuf,
    reader: BlockReader,
    codec: &'static CodecVt,
    /// The rest of a chunk.
    rows: Option<Batch>,
}

impl Source for PartSource {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> std::result::Result<bool, Stop> {
        let rows = self.rows.get_or_insert_with(|| Batch::new(out.elem()));
        while rows.is_empty() {
            task.check()?;
            let more = self.reader.load(self.codec, rows);
            if !more.map_err(|problem| Checkpoint::corrupt(&self.path, &problem))? {
                return Ok(false);
            }
        }
        rows.move_rows(out, out.limit);
        Ok(true)
    }
}

fn part_path(directory: &Path, partition: usize) -> PathBuf {
    directory.join(format!("part-{partition:05}"))
}

fn io_error(path: &Path, message: &str) -> Error {
    Error::Io { path: path.display().to_string(), message: message.to_owned() }
}

fn manifest(elem: &'static ElemVt, parts: &[Part]) -> String {
    let element = short_type_name((elem.name)());
    let mut text = format!("{FIRST_LINE}\nengine {ENGINE}\ntype {element}\npartitions {}\n", parts.len());
    for (i, Part { rows, digest }) in parts.iter().enumerate() {
        text += &format!("part {i} rows {rows} digest {digest:08x}\n");
    }
    let checksum = crc32fast::hash(text.as_bytes());
    text + &format!("checksum {checksum:08x}\n")
}

/// The parts in a manifest, or what is wrong with it.
fn parse(text: &str, element: &str) -> std::result::Result<Vec<Part>, String> {
    let corrupt = || "the manifest is corrupt or cut off; compute the RDD anew and `checkpoint` it again".to_owned();
    let (body, checksum) =
        text.strip_suffix('\n').and_then(|text| text.rsplit_once("checksum ")).ok_or_else(corrupt)?;
    if u32::from_str_radix(checksum, 16) != Ok(crc32fast::hash(body.as_bytes())) {
        return Err(corrupt());
    }
    let mut lines = body.lines();
    if lines.next() != Some(FIRST_LINE) {
        return Err("this is not a checkpoint that this engine can read".to_owned());
    }
    let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)).ok_or_else(corrupt);
    let engine = field("engine ")?;
    if engine != ENGINE {
        return Err(format!(
            "the checkpoint was written by dpark {engine}, this is {ENGINE}: read it with that version"
        ));
    }
    let written = field("type ")?;
    if written != element {
        return Err(format!("the rows of the checkpoint are of type {written}, not {element}"));
    }
    let partitions: usize = field("partitions ")?.parse().map_err(|_| corrupt())?;
    let parts: Option<Vec<Part>> = lines
        .enumerate()
        .map(|(i, line)| {
            let rest = line.strip_prefix(&format!("part {i} rows "))?;
            let (rows, digest) = rest.split_once(" digest ")?;
            Some(Part { rows: rows.parse().ok()?, digest: u32::from_str_radix(digest, 16).ok()? })
        })
        .collect();
    parts.filter(|parts| parts.len() == partitions).ok_or_else(corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Elem;

    #[test]
    fn manifests_are_read_as_written_and_say_what_is_wrong() {
        let parts = vec![Part { rows: 3, digest: 0xabc }, Part { rows: 0, digest: 0 }];
        let text = manifest(Elem::<(String, i64)>::VT, &parts);
        assert_eq!(parse(&text, "(String, i64)"), Ok(parts));
        assert_eq!(parse(&manifest(Elem::<u8>::VT, &[]), "u8"), Ok(vec![]));
        let other = parse(&text, "(String, u64)").unwrap_err();
        assert_eq!(other, "the rows of the checkpoint are of type (String, i64), not (String, u64)");
        for at in 0..text.len() {
            assert!(parse(&text[..at], "(String, i64)").is_err(), "cut off at {at}");
        }
        assert!(parse(&text.replace("rows 3", "rows 4"), "(String, i64)").unwrap_err().contains("corrupt"));
    }
}
