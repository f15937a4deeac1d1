//! `save_as_csv`: one record for each row.

use super::Rdd;
use crate::batch::{Batch, drain_rows};
use crate::error::Result;
use crate::job::{RowWriter, SaveOptions};
use serde::Serialize;
use std::path::{Path, PathBuf};

unsafe fn format<T: Serialize>(rows: &mut Batch, writer: &mut RowWriter) -> Result<(), String> {
    let writer = writer.csv();
    let mut result = Ok(());
    // SAFETY: the rows are of type `T`.
    unsafe {
        drain_rows::<T>(rows, |row| {
            if result.is_ok() {
                result = writer.serialize(row);
            }
        })
    }
    result.map_err(problem)
}

#[cold]
#[inline(never)]
fn problem(error: csv::Error) -> String {
    format!("a row cannot be written as a CSV record: {error}; `map` the rows to structs or tuples of plain fields")
}

impl<T: Serialize + 'static> Rdd<T> {
    /// Writes the rows to CSV files (`0000.csv`, ..) in a new or empty directory, otherwise as
    /// [`Rdd::save_as_text_file`]. Structs give each file a header of their fields' names; tuples and vectors have
    /// none.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Point {
    ///     x: i64,
    ///     label: String,
    /// }
    ///
    /// let points = dpark::DparkContext::local(1).range(1, 3).map(|x| Point { x, label: format!("no. {x}, \"new\"") });
    /// let files = points.save_as_csv(dir.path())?;
    /// let text = std::fs::read_to_string(&files[0]).unwrap();
    /// assert_eq!(text, "x,label\n1,\"no. 1, \"\"new\"\"\"\n2,\"no. 2, \"\"new\"\"\"\n");
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "saveAsCSVFile")]
    #[track_caller]
    pub fn save_as_csv(&self, directory: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        self.save_as_csv_with(directory, SaveOptions::new())
    }

    /// [`Rdd::save_as_csv`] with options.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(1);
    /// let files = ctx.range(0, 2).map(|x| (x, x * x)).save_as_csv_with(dir.path(), dpark::SaveOptions::new().gzip())?;
    /// assert!(files[0].ends_with("0000.csv.gz"));
    /// let options = dpark::CsvOptions::new().without_header();
    /// assert_eq!(ctx.csv_file_with::<(i64, i64)>(dir.path(), options).collect()?, [(0, 0), (1, 1)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn save_as_csv_with(&self, directory: impl AsRef<Path>, options: SaveOptions) -> Result<Vec<PathBuf>> {
        self.handle.save("save_as_csv", directory.as_ref(), format::<T>, ".csv", options)
    }
}
