//! `save_as_text_file`: one line for each row.

use super::Rdd;
use crate::batch::{Batch, drain_rows};
use crate::error::Result;
use crate::job::save_rows;
use crate::node::{RddHandle, call_site};
use std::fmt::{Display, Write};
use std::panic::Location;
use std::path::{Path, PathBuf};

pub(super) unsafe fn format<T: Display>(rows: &mut Batch, text: &mut String) {
    // SAFETY: the rows are of type `T`.
    unsafe { drain_rows::<T>(rows, |row| append_line(text, &row)) }
}

#[inline(never)]
fn append_line(text: &mut String, row: &dyn Display) {
    if writeln!(text, "{row}").is_err() {
        panic!("a row's Display implementation failed")
    }
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn save_as_text_file(&self, directory: &Path, format: unsafe fn(&mut Batch, &mut String)) -> Result<Vec<PathBuf>> {
        save_rows(self.arc(), directory, format, call_site(Location::caller()))
    }
}

impl<T: 'static> Rdd<T> {
    /// Writes the rows to text files in a new or empty directory, one file for each partition that has rows. Returns the
    /// files. A file is not visible until it is complete, and none stays if the job fails.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let files = dpark::DparkContext::local(2).range(0, 4).save_as_text_file(dir.path())?;
    /// assert_eq!(std::fs::read_to_string(&files[1]).unwrap(), "2\n3\n");
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn save_as_text_file(&self, directory: impl AsRef<Path>) -> Result<Vec<PathBuf>>
    where
        T: Display,
    {
        self.handle.save_as_text_file(directory.as_ref(), format::<T>)
    }
}
