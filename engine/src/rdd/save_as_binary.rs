//! `save_as_binary` and `save_as_tf_records`: rows that are bytes.

use super::Rdd;
use crate::batch::{Batch, drain_rows};
use crate::error::Result;
use crate::job::{RowWriter, SaveOptions};
use std::path::{Path, PathBuf};

unsafe fn plain<T: AsRef<[u8]>>(rows: &mut Batch, writer: &mut RowWriter) -> Result<(), String> {
    // SAFETY: the rows are of type `T`.
    unsafe { drain_rows::<T>(rows, |row| writer.record(row.as_ref())) }
    Ok(())
}

unsafe fn tf_record<T: AsRef<[u8]>>(rows: &mut Batch, writer: &mut RowWriter) -> Result<(), String> {
    // SAFETY: the rows are of type `T`.
    unsafe { drain_rows::<T>(rows, |row| writer.tf_record(row.as_ref())) }
    Ok(())
}

impl<T: AsRef<[u8]> + 'static> Rdd<T> {
    /// Writes the bytes of the rows one after the other to files (`0000.bin`, ..) in a new or empty directory,
    /// otherwise as [`Rdd::save_as_text_file`]. Nothing is between the rows: [`crate::DparkContext::binary_file`] reads
    /// rows of one length.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(2);
    /// ctx.range(0, 300).map(|x| (x as u16).to_le_bytes()).save_as_binary(dir.path())?;
    /// let last = ctx.binary_file(dir.path(), 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]])).max()?;
    /// assert_eq!(last, 299);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "saveAsBinaryFile")]
    #[track_caller]
    pub fn save_as_binary(&self, directory: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        self.save_as_binary_with(directory, SaveOptions::new())
    }

    /// [`Rdd::save_as_binary`] with options.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let rows = dpark::DparkContext::local(1).range(0, 3).map(|x| [x as u8]);
    /// let files = rows.save_as_binary_with(dir.path(), dpark::SaveOptions::new().ext(".dat"))?;
    /// assert_eq!((files[0].ends_with("0000.dat"), std::fs::read(&files[0]).unwrap()), (true, vec![0, 1, 2]));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn save_as_binary_with(&self, directory: impl AsRef<Path>, options: SaveOptions) -> Result<Vec<PathBuf>> {
        self.handle.save("save_as_binary", directory.as_ref(), plain::<T>, ".bin", options)
    }

    /// Writes the rows to files in TensorFlow's TFRecord format (`0000.tfrecords`, ..), with checksums, in a new or
    /// empty directory, otherwise as [`Rdd::save_as_text_file`].
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(2);
    /// let files = ctx.range(8, 11).map(|x| x.to_string()).save_as_tf_records(dir.path())?;
    /// assert!(files[0].ends_with("0000.tfrecords"));
    /// assert_eq!(ctx.tf_records(dir.path()).collect()?, [b"8".to_vec(), b"9".to_vec(), b"10".to_vec()]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "saveAsTFRecordsFile")]
    #[track_caller]
    pub fn save_as_tf_records(&self, directory: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        self.save_as_tf_records_with(directory, SaveOptions::new())
    }

    /// [`Rdd::save_as_tf_records`] with options.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(1);
    /// ctx.range(0, 2).map(|x| x.to_string()).save_as_tf_records_with(dir.path(), dpark::SaveOptions::new().gzip())?;
    /// assert_eq!(ctx.tf_records(dir.path()).count()?, 2);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn save_as_tf_records_with(&self, directory: impl AsRef<Path>, options: SaveOptions) -> Result<Vec<PathBuf>> {
        self.handle.save("save_as_tf_records", directory.as_ref(), tf_record::<T>, ".tfrecords", options)
    }
}
