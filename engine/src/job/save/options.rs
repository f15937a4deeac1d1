//! How rows are saved.

use super::encoder::Encoding;

/// How rows are saved.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// let ctx = dpark::DparkContext::local(1);
/// let options = dpark::SaveOptions::new().ext(".txt").gzip();
/// let files = ctx.range(0, 3).save_as_text_file_with(dir.path(), options)?;
/// assert!(files[0].ends_with("0000.txt.gz"));
/// assert_eq!(ctx.text_file(dir.path()).collect()?, ["0", "1", "2"]);
/// # Ok::<(), dpark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SaveOptions {
    pub(super) overwrite: bool,
    pub(super) compression: Encoding,
    pub(super) header: bool,
    ending: Option<String>,
}

impl Default for SaveOptions {
    fn default() -> SaveOptions {
        SaveOptions { overwrite: false, compression: Encoding::Plain, header: true, ending: None }
    }
}

impl SaveOptions {
    /// To a new or empty directory, not compressed, with the format's usual ending.
    ///
    /// ```
    /// assert_eq!(dpark::SaveOptions::new(), dpark::SaveOptions::default());
    /// ```
    pub fn new() -> SaveOptions {
        SaveOptions::default()
    }

    /// Replaces what is in the directory, all of it. It stays as it is until all rows are written; if the job fails,
    /// for good. Replacing moves the old entries away and then the new files in: only a process that is killed in the
    /// middle of that leaves a part, with the old entries in a hidden directory beside. The working directory and those
    /// it is in are refused.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(3);
    /// ctx.range(0, 3).save_as_text_file(dir.path())?;
    /// ctx.range(7, 8).save_as_text_file_with(dir.path(), dpark::SaveOptions::new().overwrite())?;
    /// assert_eq!(ctx.text_file(dir.path()).collect()?, ["7"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn overwrite(mut self) -> SaveOptions {
        self.overwrite = true;
        self
    }

    /// Compresses with gzip; names end in `.gz`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(1);
    /// let files = ctx.range(0, 3).save_as_text_file_with(dir.path(), dpark::SaveOptions::new().gzip())?;
    /// assert!(files[0].ends_with("0000.gz"));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "compress")]
    pub fn gzip(mut self) -> SaveOptions {
        self.compression = Encoding::Gzip;
        self
    }

    /// Compresses with zstd, at about the reference program's level 1; names end in `.zst`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(1);
    /// ctx.range(0, 3).save_as_json_lines_with(dir.path(), dpark::SaveOptions::new().zstd())?;
    /// assert_eq!(ctx.json_lines::<i64>(dir.path()).collect()?, [0, 1, 2]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn zstd(mut self) -> SaveOptions {
        self.compression = Encoding::Zstd;
        self
    }

    /// What is behind the number in the names of files, with its dot.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let ctx = dpark::DparkContext::local(1);
    /// let files = ctx.range(0, 3).save_as_text_file_with(dir.path(), dpark::SaveOptions::new().ext(".log"))?;
    /// assert!(files[0].ends_with("0000.log"));
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn ext(mut self, ending: impl Into<String>) -> SaveOptions {
        self.ending = Some(ending.into());
        self
    }

    /// CSV files without the names of columns.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Point {
    ///     x: i64,
    /// }
    ///
    /// let points = dpark::DparkContext::local(1).range(4, 6).map(|x| Point { x });
    /// let files = points.save_as_csv_with(dir.path(), dpark::SaveOptions::new().without_header())?;
    /// assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), "4\n5\n");
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn without_header(mut self) -> SaveOptions {
        self.header = false;
        self
    }

    /// How names end; `usual` is what the format is known by.
    pub(super) fn ending(&self, usual: &str) -> String {
        format!("{}{}", self.ending.as_deref().unwrap_or(usual), self.compression.suffix())
    }
}
