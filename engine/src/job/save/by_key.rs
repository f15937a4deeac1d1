//! Saving by key. The lines of each key are collected in memory; a file is opened only to append to it, so a task never
//! holds more than one open.

use super::row_writer::RowWriter;
use super::staging::{Saved, Unfinished};
use super::{CHUNK, SaveSink};
use crate::batch::Batch;
use crate::context::Context;
use crate::pipeline::Pipeline;
use crate::task::{Stop, TaskContext};
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of all keys that a task collects before it writes them.
const COLLECTED: usize = 32 << 20;

impl SaveSink {
    pub(super) fn run_keys(
        &self,
        pipeline: &mut Pipeline,
        rows: &mut Batch,
        writer: &mut RowWriter,
        context: &Context,
        file_name: &str,
    ) -> Result<Vec<Saved>, Stop> {
        let mut memory = context.budget.reserve();
        let mut files = BTreeMap::new();
        while self.next_rows(pipeline, rows, writer)? {
            let held = |writer: &RowWriter| (writer.keyed + writer.key_bytes) as u64;
            if writer.keyed > COLLECTED || context.reserve(&mut memory, held(writer)).is_err() {
                self.append(writer, &mut files, file_name, 1, pipeline.task())?;
                context.reserve(&mut memory, held(writer))?;
            } else if writer.large {
                self.append(writer, &mut files, file_name, CHUNK, pipeline.task())?;
            }
        }
        self.append(writer, &mut files, file_name, 1, pipeline.task())?;
        files.into_values().map(|file: Unfinished| file.finish()).collect()
    }

    /// Writes the lines of keys that have at least so many bytes.
    fn append(
        &self,
        writer: &mut RowWriter,
        files: &mut BTreeMap<String, Unfinished>,
        file_name: &str,
        least: usize,
        task: &TaskContext,
    ) -> Result<(), Stop> {
        writer.large = false;
        for (key, lines) in writer.keys.iter_mut().filter(|(_, lines)| lines.len() >= least) {
            task.check()?;
            let file = match files.get_mut(key) {
                Some(file) => file,
                None => {
                    let file = self.staging.create(&Path::new(key).join(file_name), self.options.compression)?;
                    files.entry(key.clone()).or_insert(file.pause())
                }
            };
            file.append(lines)?;
            writer.keyed -= lines.len();
            *lines = Vec::new();
        }
        Ok(())
    }
}
