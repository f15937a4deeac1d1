//! `save_as_json_lines`: one JSON value a line for each row.

use super::Rdd;
use crate::batch::{Batch, drain_rows};
use crate::error::Result;
use crate::job::{RowWriter, SaveOptions};
use serde::Serialize;
use std::path::{Path, PathBuf};

unsafe fn format<T: Serialize>(rows: &mut Batch, writer: &mut RowWriter) -> Result<(), String> {
    let mut result = Ok(());
    // SAFETY: the rows are of type `T`.
    unsafe {
        drain_rows::<T>(rows, |row| {
            if result.is_ok() {
                result = serde_json::to_writer(writer.json(), &row);
                writer.end_line();
            }
        })
    }
    result.map_err(problem)
}

#[cold]
#[inline(never)]
fn problem(error: serde_json::Error) -> String {
    format!("a row cannot be written as JSON: {error}; `map` the rows to a type that can")
}

impl<T: Serialize + 'static> Rdd<T> {
    /// Writes the rows to files of JSON values, one a line (`0000.jsonl`, ..), in a new or empty directory, otherwise
    /// as [`Rdd::save_as_text_file`]. JSON has no NaN and no infinities: they become `null`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let rows = dpark::DparkContext::local(1).range(1, 3).map(|x| (x, x.to_string()));
    /// let files = rows.save_as_json_lines(dir.path())?;
    /// assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), "[1,\"1\"]\n[2,\"2\"]\n");
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn save_as_json_lines(&self, directory: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        self.save_as_json_lines_with(directory, SaveOptions::new())
    }

    /// [`Rdd::save_as_json_lines`] with options.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(1);
    /// let files = ctx.range(0, 2).save_as_json_lines_with(dir.path(), dpark::SaveOptions::new().ext(".json"))?;
    /// assert!(files[0].ends_with("0000.json"));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn save_as_json_lines_with(&self, directory: impl AsRef<Path>, options: SaveOptions) -> Result<Vec<PathBuf>> {
        self.handle.save("save_as_json_lines", directory.as_ref(), format::<T>, ".jsonl", options)
    }
}
