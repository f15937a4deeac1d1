//! A checkpoint that is being written. Tasks write into a hidden directory, each attempt to a file of its own, and the driver
//! moves the files of the attempts that count to their places. So what another attempt on the same partition writes, however
//! late, is never taken for the file that the manifest tells of: it may hold other rows, or the same ones in another order.

use super::{Checkpoint, MANIFEST, Part, io_error, manifest, part_path};
use crate::batch::{Batch, ElemVt};
use crate::codec::CodecVt;
use crate::error::{Failure, Result};
use crate::pipeline::Pipeline;
use crate::storage::block_file::{BlockWriter, Durability};
use crate::storage::chunk::Encoder;
use crate::task::Stop;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Names what this process makes.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// See the module. Unless it is finished, what was made for it goes.
pub(crate) struct Draft {
    directory: PathBuf,
    /// Where tasks write.
    hidden: PathBuf,
    /// Whether the directory was made for this.
    created: bool,
    /// How many files are in their places.
    moved: usize,
    finished: bool,
}

/// What an attempt has written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WrittenPart {
    part: Part,
    file: PathBuf,
}

impl Draft {
    /// Makes the directory of a checkpoint, or takes an empty one.
    pub(crate) fn begin(directory: PathBuf) -> Result<Draft> {
        let not_empty = "the directory is not empty; remove it first or `checkpoint` to another one";
        let created = match std::fs::read_dir(&directory) {
            Ok(mut entries) => match entries.next() {
                None => false,
                Some(_) => return Err(io_error(&directory, not_empty)),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let problem = "`checkpoint` to a directory that can be made and written to";
                std::fs::create_dir_all(&directory)
                    .map_err(|error| io_error(&directory, &format!("{error}; {problem}")))?;
                true
            }
            Err(error) => {
                return Err(io_error(&directory, &format!("{error}; `checkpoint` to a new or empty directory")));
            }
        };
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let hidden = directory.join(format!(".writing-{}-{unique}", std::process::id()));
        let draft = Draft { directory, hidden, created, moved: 0, finished: false };
        // Executors may run as other users: who may write into the directory may also write here.
        let permissions = || std::fs::metadata(&draft.directory).map(|directory| directory.permissions());
        let made =
            std::fs::create_dir(&draft.hidden).and_then(|()| std::fs::set_permissions(&draft.hidden, permissions()?));
        made.map_err(|error| {
            io_error(&draft.directory, &format!("{error}; `checkpoint` to a directory that can be written to"))
        })?;
        Ok(draft)
    }

    /// What writes the parts.
    pub(crate) fn writer(&self, codec: &'static CodecVt) -> PartWriter {
        PartWriter { directory: self.hidden.clone(), codec }
    }

    /// Completes the checkpoint with what the attempts that count have written.
    pub(crate) fn finish(
        mut self,
        elem: &'static ElemVt,
        codec: &'static CodecVt,
        written: Vec<WrittenPart>,
    ) -> Result<Checkpoint> {
        let path = self.directory.join(MANIFEST);
        let parts = self.publish(elem, written);
        let parts = parts.map_err(|error| io_error(&path, &format!("the checkpoint cannot be completed: {error}")))?;
        self.finished = true;
        Ok(Checkpoint { directory: self.directory.clone(), parts, codec })
    }

    /// Moves the files to their places, then tells of them.
    fn publish(&mut self, elem: &'static ElemVt, written: Vec<WrittenPart>) -> std::io::Result<Vec<Part>> {
        let mut parts = Vec::with_capacity(written.len());
        for (partition, WrittenPart { part, file }) in written.into_iter().enumerate() {
            std::fs::rename(self.hidden.join(file), part_path(&self.directory, partition))?;
            self.moved += 1;
            parts.push(part);
        }
        let temporary = self.hidden.join(MANIFEST);
        let mut file = File::create(&temporary)?;
        file.write_all(manifest(elem, &parts).as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, self.directory.join(MANIFEST))?;
        // The names of the files, too, shall survive a crash.
        File::open(&self.directory)?.sync_all()?;
        Ok(parts)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // An attempt that goes on for a while finds no place for its file any more.
        let _ = std::fs::remove_dir_all(&self.hidden);
        if self.finished {
            return;
        }
        let _ = std::fs::remove_file(self.directory.join(MANIFEST));
        for partition in 0..self.moved {
            let _ = std::fs::remove_file(part_path(&self.directory, partition));
        }
        if self.created {
            let _ = std::fs::remove_dir(&self.directory);
        }
    }
}

/// Where tasks write the parts of a checkpoint.
pub(crate) struct PartWriter {
    /// The hidden directory.
    pub(crate) directory: PathBuf,
    pub(crate) codec: &'static CodecVt,
}

impl PartWriter {
    /// Writes one partition.
    pub(crate) fn run(
        &self,
        pipeline: &mut Pipeline,
        rows: &mut Batch,
        partition: usize,
    ) -> std::result::Result<WrittenPart, Stop> {
        let failed = |error: std::io::Error| -> Stop {
            let message = match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    format!("the disk is full; free some space or `checkpoint` elsewhere ({error})")
                }
                _ => format!("a part of the checkpoint cannot be written ({error})"),
            };
            let path = part_path(self.directory.parent().unwrap_or(&self.directory), partition);
            Failure::Io { path: path.display().to_string(), message }.into()
        };
        // The attempt tells executors apart, the number the attempts in one process.
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let file =
            part_path(Path::new(""), partition).with_added_extension(format!("{}-{unique}", pipeline.task().id()));
        let mut writer = BlockWriter::create(self.directory.join(&file)).map_err(failed)?;
        let mut encoder = Encoder::new(self.codec);
        while pipeline.next(rows)? {
            pipeline.task().add_rows(rows.rows() as u64);
            let mut at = 0;
            while at < rows.rows() {
                at += encoder.add(rows, at)?;
                if encoder.is_complete() {
                    writer.write(&encoder.chunk()).map_err(failed)?;
                    encoder.clear();
                }
            }
        }
        if !encoder.is_empty() {
            writer.write(&encoder.chunk()).map_err(failed)?;
        }
        writer.finish(Durability::Synced).map_err(failed)?.keep();
        let part = Part { rows: writer.contents().rows, digest: writer.contents().digest() };
        Ok(WrittenPart { part, file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Elem;
    use crate::codec::Codec;
    use crate::context::DparkContext;
    use crate::pipeline::open_partition;
    use crate::rdd::Rdd;
    use crate::task::TaskContext;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::AtomicBool;

    /// The attempts so far, and whether the slow one may go on.
    static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
    static GO: AtomicBool = AtomicBool::new(false);
    const SLOW: u64 = 2;

    /// One row, another one in each attempt.
    fn unrepeatable(ctx: &DparkContext) -> Rdd<u64> {
        ATTEMPTS.store(0, Ordering::SeqCst);
        GO.store(false, Ordering::SeqCst);
        ctx.range(0, 1).map(|_| {
            let attempt = ATTEMPTS.fetch_add(1, Ordering::SeqCst);
            while attempt == SLOW && !GO.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            attempt
        })
    }

    fn attempt(writer: &PartWriter, rows: &Rdd<u64>) -> std::result::Result<WrittenPart, Stop> {
        let (node, task) = (rows.handle.arc(), TaskContext::default());
        let mut pipeline = open_partition(node, 0, &task).unwrap();
        writer.run(&mut pipeline, &mut Batch::new(node.elem), 0)
    }

    #[test]
    fn who_may_write_into_the_directory_may_write_parts() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let draft = Draft::begin(directory.path().to_owned()).unwrap();
        assert_eq!(std::fs::metadata(&draft.hidden).unwrap().permissions().mode() & 0o777, 0o777);
    }

    #[test]
    fn only_the_attempt_that_counts_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let ctx = DparkContext::local(1);
        for finished in [true, false] {
            let rows = unrepeatable(&ctx);
            let target = directory.path().join(finished.to_string());
            let draft = Draft::begin(target.clone()).unwrap();
            let writer = draft.writer(Codec::<u64>::VT);
            let counts = attempt(&writer, &rows).unwrap();
            let beaten = attempt(&writer, &rows).unwrap();
            assert!(counts.part != beaten.part && counts.file != beaten.file, "{counts:?}, {beaten:?}");
            std::thread::scope(|scope| {
                let late = scope.spawn(|| attempt(&writer, &rows));
                while ATTEMPTS.load(Ordering::SeqCst) <= SLOW {
                    std::thread::yield_now();
                }
                let ended = match finished {
                    true => draft.finish(Elem::<u64>::VT, Codec::<u64>::VT, vec![counts]).map(drop),
                    false => {
                        drop(draft);
                        Ok(())
                    }
                };
                GO.store(true, Ordering::SeqCst);
                ended.unwrap();
                assert!(late.join().unwrap().is_err(), "there is no place for its file any more");
            });
            if finished {
                assert_eq!(ctx.read_checkpoint::<u64>(&target).unwrap().collect().unwrap(), [0]);
                assert_eq!(std::fs::read_dir(&target).unwrap().count(), 2, "the manifest and the part");
            } else {
                assert!(!target.exists());
            }
        }
    }
}
