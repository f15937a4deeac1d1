//! `save_as_text_file`: one line for each row.

use super::Rdd;
use crate::batch::{Batch, drain_rows};
use crate::error::Result;
use crate::job::{FormatFn, Layout, RowWriter, Save, SaveOptions, save_rows};
use crate::node::{RddHandle, call_site};
use std::fmt::Display;
use std::panic::Location;
use std::path::{Path, PathBuf};

unsafe fn format<T: Display>(rows: &mut Batch, writer: &mut RowWriter) -> Result<(), String> {
    // SAFETY: the rows are of type `T`.
    unsafe { drain_rows::<T>(rows, |row| writer.line(&row)) }
    Ok(())
}

impl RddHandle {
    /// Runs an action that writes a file for each partition. `ending` is what names of the format's files end in.
    #[inline(never)]
    #[track_caller]
    pub(super) fn save(
        &self,
        name: &'static str,
        directory: &Path,
        format: FormatFn,
        ending: &'static str,
        options: SaveOptions,
    ) -> Result<Vec<PathBuf>> {
        let save = Save { name, directory, format, layout: Layout::Partitions, ending, options };
        save_rows(self.arc(), save, call_site(Location::caller()))
    }
}

impl<T: 'static> Rdd<T> {
    /// Writes the rows to text files in a new or empty directory, one file for each partition that has rows. Returns
    /// the files. None is visible until all are complete, and none stays if the job fails. A row whose text contains
    /// line ends becomes several lines.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let files = dpark::DparkContext::local(2).range(0, 4).save_as_text_file(dir.path())?;
    /// assert_eq!(std::fs::read_to_string(&files[1]).unwrap(), "2\n3\n");
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "saveAsTextFile")]
    #[track_caller]
    pub fn save_as_text_file(&self, directory: impl AsRef<Path>) -> Result<Vec<PathBuf>>
    where
        T: Display,
    {
        self.save_as_text_file_with(directory, SaveOptions::new())
    }

    /// [`Rdd::save_as_text_file`] with options.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(2);
    /// let options = dpark::SaveOptions::new().ext(".txt").zstd();
    /// let files = ctx.range(0, 4).save_as_text_file_with(dir.path(), options)?;
    /// assert!(files[1].ends_with("0001.txt.zst"));
    /// assert_eq!(ctx.text_file(dir.path()).collect()?, ["0", "1", "2", "3"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn save_as_text_file_with(&self, directory: impl AsRef<Path>, options: SaveOptions) -> Result<Vec<PathBuf>>
    where
        T: Display,
    {
        self.handle.save("save_as_text_file", directory.as_ref(), format::<T>, "", options)
    }
}
