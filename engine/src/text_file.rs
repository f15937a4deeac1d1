//! `text_file`: lines of files. Large files are read in splits; a line belongs to the split it starts in.

mod glob;
mod lines;
mod paths;

pub use paths::TextPaths;

use crate::batch::Elem;
use crate::context::DparkContext;
use crate::error::Result;
use crate::node::{Kind, NewNode, Node, SourceNode};
use crate::pipeline::Source;
use crate::rdd::Rdd;
use crate::task::{Stop, TaskContext};
use lines::Lines;
use std::panic::Location;
use std::path::PathBuf;

/// Bytes of a file that one task reads.
pub(crate) const SPLIT_BYTES: u64 = 64 << 20;

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Split {
    path: PathBuf,
    start: u64,
    end: u64,
    compressed: bool,
}

struct TextFile {
    splits: Vec<Split>,
}

#[track_caller]
pub(crate) fn text_file(context: &DparkContext, paths: Vec<PathBuf>, split_bytes: u64) -> Rdd<String> {
    let (partitions, kind) = match splits(&paths, split_bytes) {
        Ok(splits) => (splits.len(), Kind::Source(Box::new(TextFile { splits }) as Box<dyn SourceNode>)),
        Err(error) => (0, Kind::Failed(error)),
    };
    Rdd::from_handle(Node::create(
        &context.0,
        NewNode {
            operator: "text_file",
            elem: Elem::<String>::VT,
            partitions,
            parents: Vec::new(),
            kind,
            location: Location::caller(),
        },
    ))
}

fn splits(paths: &[PathBuf], split_bytes: u64) -> Result<Vec<Split>> {
    let mut splits = Vec::new();
    for path in paths {
        for (path, size) in paths::files(path)? {
            if path.extension().is_some_and(|extension| extension == "gz") {
                splits.push(Split { path, start: 0, end: u64::MAX, compressed: true });
                continue;
            }
            let starts = (0..size).step_by(usize::try_from(split_bytes).unwrap_or(usize::MAX).max(1));
            splits.extend(starts.map(|start| {
                let end = start.saturating_add(split_bytes).min(size);
                Split { path: path.clone(), start, end, compressed: false }
            }));
        }
    }
    Ok(splits)
}

impl SourceNode for TextFile {
    fn open(&self, partition: usize, _: &TaskContext) -> std::result::Result<Box<dyn Source>, Stop> {
        Ok(Box::new(Lines::open(&self.splits[partition])?))
    }
}
