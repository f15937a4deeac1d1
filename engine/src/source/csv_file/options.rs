//! How CSV files are found, split and parsed.

use crate::error::{Error, Result};
use crate::source::FileOptions;
use crate::source::files::file_option_methods;
use serde::{Deserialize, Serialize};

/// How CSV files are found, split and parsed.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("table.tsv");
/// std::fs::write(&path, "1\t2\n# none\n3\n").unwrap();
/// let options = dpark::CsvOptions::new().delimiter(b'\t').comment(b'#').without_header().flexible();
/// let rows = dpark::DparkContext::local(1).csv_file_with::<Vec<u8>>(&path, options);
/// assert_eq!(rows.collect()?, [vec![1, 2], vec![3]]);
/// # Ok::<(), dpark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvOptions {
    pub(super) files: FileOptions,
    pub(super) delimiter: u8,
    pub(super) header: bool,
    pub(super) quote: Option<u8>,
    pub(super) escape: Option<u8>,
    pub(super) comment: Option<u8>,
    pub(super) flexible: bool,
    pub(super) trim: bool,
}

impl Default for CsvOptions {
    fn default() -> CsvOptions {
        CsvOptions {
            files: FileOptions::new(),
            delimiter: b',',
            header: true,
            quote: Some(b'"'),
            escape: None,
            comment: None,
            flexible: false,
            trim: false,
        }
    }
}

/// A builder method, with the start of an example of its use and what the example reads and gives.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty)?) => $field:ident = $value:expr, $example:literal;)*) => {
        impl CsvOptions {
            $(
                $(#[$doc])*
                ///
                /// ```
                /// # let dir = tempfile::tempdir().unwrap();
                /// # let path = dir.path().join("file.csv");
                /// # let read = |text: &str, options: dpark::CsvOptions| {
                /// #     std::fs::write(&path, text).unwrap();
                /// #     dpark::DparkContext::local(1).csv_file_with::<Vec<String>>(&path, options).collect().unwrap()
                /// # };
                /// # use dpark::CsvOptions;
                #[doc = $example]
                /// ```
                pub fn $name(mut self $(, $argument: $type)?) -> CsvOptions {
                    self.$field = $value;
                    self
                }
            )*
        }
    };
}

options! {
    /// What is between two fields, instead of a comma.
    delimiter(byte: u8) => delimiter = byte, "assert_eq!(read(\"a;b\\n1;2\\n\", CsvOptions::new().delimiter(b';')), [[\"1\", \"2\"]]);";
    /// The first record is a row like the others.
    #[doc(alias = "has_header")]
    without_header() => header = false, "assert_eq!(read(\"1,2\\n\", CsvOptions::new().without_header()), [[\"1\", \"2\"]]);";
    /// What encloses a field that contains delimiters or line ends, instead of `\"`.
    quote(byte: u8) => quote = Some(byte), "assert_eq!(read(\"a\\n'1,2'\\n\", CsvOptions::new().quote(b'\\'')), [[\"1,2\"]]);";
    /// No field is quoted: `\"` is a character like others.
    without_quotes() => quote = None, "assert_eq!(read(\"a\\n\\\"1\\n\", CsvOptions::new().without_quotes()), [[\"\\\"1\"]]);";
    /// In quoted fields, the byte before a quote that belongs to the field; doubled quotes still do, too.
    escape(byte: u8) => escape = Some(byte), "assert_eq!(read(\"a\\n\\\"1\\\\\\\"2\\\"\\n\", CsvOptions::new().escape(b'\\\\')), [[\"1\\\"2\"]]);";
    /// Lines that start with this byte are skipped.
    comment(byte: u8) => comment = Some(byte), "assert_eq!(read(\"a\\n# no\\n1\\n\", CsvOptions::new().comment(b'#')), [[\"1\"]]);";
    /// Records may have more or fewer fields than the first one.
    flexible() => flexible = true, "assert_eq!(read(\"a,b\\n1\\n\", CsvOptions::new().flexible()), [[\"1\"]]);";
    /// Removes blanks around fields and names.
    trim() => trim = true, "assert_eq!(read(\"a,b\\n 1 , 2\\n\", CsvOptions::new().trim()), [[\"1\", \"2\"]]);";
}

impl CsvOptions {
    /// Commas, a header, and quotes as in RFC 4180.
    ///
    /// ```
    /// assert_eq!(dpark::CsvOptions::new(), dpark::CsvOptions::default());
    /// ```
    pub fn new() -> CsvOptions {
        CsvOptions::default()
    }

    /// Whether the bytes that mean something can be told apart.
    pub(super) fn check(&self) -> Result<()> {
        let special = [Some(self.delimiter), self.quote, self.escape, self.comment];
        let special: Vec<u8> = special.into_iter().flatten().collect();
        for (i, byte) in special.iter().enumerate() {
            if matches!(byte, b'\r' | b'\n') || special[..i].contains(byte) {
                return Err(Error::Invalid(format!(
                    "csv_file: {:?} cannot be delimiter, quote, escape or comment: line ends end records, and each needs a byte of its own",
                    char::from(*byte)
                )));
            }
        }
        Ok(())
    }

    pub(super) fn reader<R: std::io::Read>(&self, input: R) -> csv::Reader<R> {
        csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .quoting(self.quote.is_some())
            .quote(self.quote.unwrap_or(b'"'))
            .escape(self.escape)
            .comment(self.comment)
            .trim(if self.trim { csv::Trim::All } else { csv::Trim::None })
            .buffer_capacity(1 << 16)
            .from_reader(input)
    }
}

file_option_methods!(CsvOptions, options.files, "csv_file_with::<Vec<String>>");
