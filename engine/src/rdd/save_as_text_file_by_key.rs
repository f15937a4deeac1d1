//! `save_as_text_file_by_key`: a directory for each key, one line in it for each value.

use super::Rdd;
use crate::batch::{Batch, drain_rows};
use crate::error::Result;
use crate::job::{FormatFn, Layout, RowWriter, Save, SaveOptions, save_rows};
use crate::node::{RddHandle, call_site};
use std::fmt::Display;
use std::panic::Location;
use std::path::{Path, PathBuf};

unsafe fn format<K: Display, V: Display>(rows: &mut Batch, writer: &mut RowWriter) -> Result<(), String> {
    let mut result = Ok(());
    // SAFETY: the rows are of type `(K, V)`.
    unsafe {
        drain_rows::<(K, V)>(rows, |(key, value)| {
            if result.is_ok() {
                result = writer.keyed_line(&key, &value);
            }
        })
    }
    result
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn save_by_key(&self, directory: &Path, format: FormatFn, options: SaveOptions) -> Result<Vec<PathBuf>> {
        let name = "save_as_text_file_by_key";
        let save = Save { name, directory, format, layout: Layout::Keys, ending: "", options };
        save_rows(self.arc(), save, call_site(Location::caller()))
    }
}

impl<K: Display + 'static, V: Display + 'static> Rdd<(K, V)> {
    /// Writes the values to text files in a directory for each key: `directory/key/0000` has the lines of the first
    /// partition. Returns the files, by partition and key. A key that cannot be a directory's name (empty, with a slash
    /// or NUL, starting with a dot, over 255 bytes) is an error that names it. Otherwise as [`Rdd::save_as_text_file`].
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let pairs = dpark::DparkContext::local(1).range(0, 5).key_by(|x| if x % 2 == 0 { "even" } else { "odd" });
    /// let files = pairs.save_as_text_file_by_key(dir.path())?;
    /// assert!(files[0].ends_with("even/0000") && files[1].ends_with("odd/0000"));
    /// assert_eq!(std::fs::read_to_string(&files[1]).unwrap(), "1\n3\n");
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "saveAsTextFileByKey")]
    #[track_caller]
    pub fn save_as_text_file_by_key(&self, directory: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        self.save_as_text_file_by_key_with(directory, SaveOptions::new())
    }

    /// [`Rdd::save_as_text_file_by_key`] with options.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let pairs = dpark::DparkContext::local(1).range(0, 5).key_by(|x| x % 2);
    /// let files = pairs.save_as_text_file_by_key_with(dir.path(), dpark::SaveOptions::new().gzip())?;
    /// assert!(files[1].ends_with("1/0000.gz"));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn save_as_text_file_by_key_with(
        &self,
        directory: impl AsRef<Path>,
        options: SaveOptions,
    ) -> Result<Vec<PathBuf>> {
        self.handle.save_by_key(directory.as_ref(), format::<K, V>, options)
    }
}
