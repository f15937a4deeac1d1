//! Writing rows to files: a file for each partition that has rows, or for each key of each partition. Nothing is
//! visible in the directory before all of it is complete.

mod by_key;
mod encoder;
mod options;
mod row_writer;
mod staging;

pub use options::SaveOptions;
pub use row_writer::{FormatFn, RowWriter};
pub(crate) use staging::Saved;

use super::{Action, Output, Sink, run};
use crate::batch::Batch;
use crate::error::{Error, Failure, Result};
use crate::event::CallSite;
use crate::node::Node;
use crate::pipeline::Pipeline;
use crate::ship::{CodeRef, Landing, ShipError, Shipper};
use crate::task::Stop;
use serde::{Deserialize, Serialize};
use staging::{ShippedStaging, Staging};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an action that saves asks for.
pub(crate) struct Save<'a> {
    pub(crate) name: &'static str,
    pub(crate) directory: &'a Path,
    pub(crate) format: FormatFn,
    pub(crate) layout: Layout,
    /// How the names of files end, unless the options say otherwise.
    pub(crate) ending: &'static str,
    pub(crate) options: SaveOptions,
}

/// Which files there are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Layout {
    /// `0000`, `0001`, ..: the partitions.
    Partitions,
    /// `key/0000`, ..: the rows of a key in a partition.
    Keys,
}

/// How the tasks write.
pub(crate) struct SaveSink {
    name: &'static str,
    format: FormatFn,
    layout: Layout,
    ending: String,
    options: SaveOptions,
    staging: Arc<Staging>,
}

/// What tasks in other processes are told of an action that saves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShippedSave {
    name: String,
    format: CodeRef,
    layout: Layout,
    ending: String,
    options: SaveOptions,
    staging: ShippedStaging,
}

/// Bytes that are written at a time.
const CHUNK: usize = 1 << 18;

/// Runs an action that saves; the files, by partition and key.
pub(crate) fn save_rows(node: &Arc<Node>, save: Save<'_>, call_site: CallSite) -> Result<Vec<PathBuf>> {
    let Save { name, directory, format, layout, ending, options } = save;
    let ending = options.ending(ending);
    if ending.contains(['/', '\0']) {
        return Err(Error::Invalid(format!("{name}: {ending:?} cannot be the ending of a file name")));
    }
    let staging = Arc::new(Staging::begin(directory, options.overwrite)?);
    let sink = SaveSink { name, format, layout, ending, options, staging: Arc::clone(&staging) };
    match run(Action { node, name, call_site, partitions: None, sink: Sink::Save(sink) }) {
        Ok(outputs) => staging.commit(outputs.into_iter().flat_map(Output::into_saved).collect()),
        Err(error) => {
            staging.abort();
            Err(error)
        }
    }
}

impl SaveSink {
    /// The sink as it travels.
    pub(super) fn ship(&self, out: &mut Shipper) -> std::result::Result<ShippedSave, ShipError> {
        let SaveSink { name, format, layout, ending, options, staging } = self;
        Ok(ShippedSave {
            name: (*name).to_owned(),
            format: out.code(*format as usize)?,
            layout: *layout,
            ending: ending.clone(),
            options: options.clone(),
            staging: staging.ship(),
        })
    }

    /// A sink that has arrived.
    pub(super) fn land(shipped: ShippedSave, landing: &Landing) -> std::result::Result<SaveSink, ShipError> {
        let ShippedSave { name, format, layout, ending, options, staging } = shipped;
        let name = crate::capture::kept_text(&name);
        // SAFETY: the sender took the place from a function of this type.
        let format = unsafe { landing.function::<FormatFn>(format)? };
        Ok(SaveSink { name, format, layout, ending, options, staging: Arc::new(Staging::land(staging)) })
    }

    /// Writes one partition.
    pub(super) fn run(
        &self,
        pipeline: &mut Pipeline,
        rows: &mut Batch,
        node: &Node,
        partition: usize,
    ) -> Result<Vec<Saved>, Stop> {
        let file_name = format!("{partition:04}{}", self.ending);
        let mut writer = RowWriter::new(self.options.header);
        match self.layout {
            Layout::Partitions => self.run_partition(pipeline, rows, &mut writer, &file_name),
            Layout::Keys => self.run_keys(pipeline, rows, &mut writer, node.context.arc(), &file_name),
        }
    }

    fn run_partition(
        &self,
        pipeline: &mut Pipeline,
        rows: &mut Batch,
        writer: &mut RowWriter,
        file_name: &str,
    ) -> Result<Vec<Saved>, Stop> {
        let mut file = None;
        while self.next_rows(pipeline, rows, writer)? {
            // Pieces of one size, wherever batches end: compressed files are the same each time.
            let whole = writer.bytes.len() / CHUNK * CHUNK;
            for piece in writer.bytes[..whole].chunks(CHUNK) {
                self.write(&mut file, file_name, piece)?;
            }
            writer.bytes.drain(..whole);
        }
        if !writer.bytes.is_empty() || (writer.rows && file.is_none()) {
            self.write(&mut file, file_name, &writer.bytes)?;
        }
        let finished = file.map(staging::StagedFile::finish).transpose()?;
        Ok(finished.into_iter().collect())
    }

    /// Formats the next rows; false at the end.
    fn next_rows(&self, pipeline: &mut Pipeline, rows: &mut Batch, writer: &mut RowWriter) -> Result<bool, Stop> {
        if !pipeline.next(rows)? {
            return Ok(false);
        }
        pipeline.task().add_rows(rows.rows() as u64);
        writer.rows = true;
        // SAFETY: the function was made for rows of the RDD's type.
        unsafe { (self.format)(rows, writer) }
            .and_then(|()| writer.finish_batch())
            .map_err(|problem| Failure::Other(format!("{}: {problem}", self.name)))?;
        Ok(true)
    }

    fn write(&self, file: &mut Option<staging::StagedFile>, name: &str, bytes: &[u8]) -> Result<(), Stop> {
        let file = match file {
            Some(file) => file,
            None => file.insert(self.staging.create(Path::new(name), self.options.compression)?),
        };
        file.write(bytes)
    }
}
