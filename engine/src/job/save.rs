//! Writing rows to text files: one file for each partition that has rows, under a temporary name until it is complete.

use super::{Action, Output, Sink, run};
use crate::batch::Batch;
use crate::error::{Error, Failure, Result};
use crate::event::CallSite;
use crate::node::Node;
use crate::pipeline::Pipeline;
use crate::task::Stop;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Appends all rows of a batch to a text, each with a line end.
pub(crate) type FormatFn = unsafe fn(&mut Batch, &mut String);

/// How the tasks write.
pub(crate) struct SaveSink {
    directory: PathBuf,
    format: FormatFn,
}

/// Runs `save_as_text_file`.
pub(crate) fn save_rows(
    node: &Arc<Node>,
    directory: &Path,
    format: FormatFn,
    call_site: CallSite,
) -> Result<Vec<PathBuf>> {
    let created = prepare_directory(directory)?;
    let sink = Sink::Save(SaveSink { directory: directory.to_owned(), format });
    match run(Action { node, name: "save_as_text_file", call_site, partitions: None, sink }) {
        Ok(outputs) => Ok(outputs.into_iter().filter_map(saved_file).collect()),
        Err(error) => {
            // The directory was empty: what is in it now is the finished part of a result that will not be.
            remove_files(directory);
            if created {
                let _ = std::fs::remove_dir(directory);
            }
            Err(error)
        }
    }
}

fn saved_file(output: Output) -> Option<PathBuf> {
    match output {
        Output::Saved(file) => file,
        _ => None,
    }
}

/// Makes the directory; tells whether it did not exist.
fn prepare_directory(directory: &Path) -> Result<bool> {
    let io_error = |error: std::io::Error| Error::Io {
        path: directory.display().to_string(),
        message: format!("{error}; rows are saved to a new or empty directory"),
    };
    match std::fs::read_dir(directory) {
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) => Err(Error::Io {
                path: directory.display().to_string(),
                message: "the directory is not empty; remove it first or save to another one".to_owned(),
            }),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            std::fs::create_dir_all(directory).map_err(io_error)?;
            Ok(true)
        }
        Err(error) => Err(io_error(error)),
    }
}

/// Removes what tasks have written; nothing else that may have appeared in the directory meanwhile.
fn remove_files(directory: &Path) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let finished = name.len() >= 4 && name.iter().all(u8::is_ascii_digit);
        if finished || (name.starts_with(b".") && name.ends_with(b".tmp")) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

impl SaveSink {
    /// Writes one partition.
    pub(super) fn run(
        &self,
        pipeline: &mut Pipeline,
        rows: &mut Batch,
        partition: usize,
    ) -> std::result::Result<Option<PathBuf>, Stop> {
        let mut file: Option<TemporaryFile> = None;
        let mut text = String::new();
        while pipeline.next(rows)? {
            pipeline.task().add_rows(rows.rows() as u64);
            // SAFETY: the function was made for rows of the RDD's type.
            unsafe { (self.format)(rows, &mut text) }
            if text.len() >= 1 << 18 {
                self.open(&mut file, partition)?.write(&text)?;
                text.clear();
            }
        }
        if !text.is_empty() {
            self.open(&mut file, partition)?.write(&text)?;
        }
        file.map(TemporaryFile::finish).transpose()
    }

    fn open<'a>(
        &self,
        file: &'a mut Option<TemporaryFile>,
        partition: usize,
    ) -> std::result::Result<&'a mut TemporaryFile, Stop> {
        match file {
            Some(file) => Ok(file),
            None => Ok(file.insert(TemporaryFile::create(&self.directory, partition)?)),
        }
    }
}

/// A file that is removed unless it is finished.
struct TemporaryFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl TemporaryFile {
    fn create(directory: &Path, partition: usize) -> std::result::Result<TemporaryFile, Stop> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let path = directory.join(format!("{partition:04}"));
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = directory.join(format!(".{partition:04}.{}-{unique}.tmp", std::process::id()));
        let file = File::create_new(&temporary).map_err(|error| failed(&path, &error))?;
        Ok(TemporaryFile { file, temporary, path })
    }

    fn write(&mut self, text: &str) -> std::result::Result<(), Stop> {
        self.file.write_all(text.as_bytes()).map_err(|error| failed(&self.path, &error))
    }

    fn finish(self) -> std::result::Result<PathBuf, Stop> {
        let done = self.file.sync_all().and_then(|()| std::fs::rename(&self.temporary, &self.path));
        done.map_err(|error| failed(&self.path, &error))?;
        Ok(self.path.clone())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // After `finish` there is no file of this name.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Stop {
    let next_step = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full; free some space or save elsewhere",
        ErrorKind::NotFound => "the output directory is gone",
        _ => "it cannot be written",
    };
    Failure::Io { path: path.display().to_string(), message: format!("{next_step} ({error})") }.into()
}
