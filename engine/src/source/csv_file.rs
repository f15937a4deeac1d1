//! `csv_file`: rows typed by serde.
//!
//! A record belongs to the split in which it starts. Whether a line end is the end of a record depends on the quotes
//! before it, so the start of a split is found from the start of the file: see [`starts`].

mod options;
mod records;
mod starts;

pub use options::CsvOptions;

use super::{FileSplit, Input, Source, TextPaths, rdd_of};
use crate::context::DparkContext;
use crate::error::Result;
use crate::rdd::Rdd;
use records::Records;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use starts::RecordStarts;
use std::marker::PhantomData;
use std::path::PathBuf;

/// The source behind [`DparkContext::csv_file`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct CsvFile<T> {
    core: Core,
    rows: PhantomData<fn() -> T>,
}

/// What does not depend on the row type.
#[derive(Debug, Serialize, Deserialize)]
struct Core {
    paths: Vec<PathBuf>,
    options: CsvOptions,
    /// Known in this process only.
    #[serde(skip)]
    starts: RecordStarts,
}

impl<T: DeserializeOwned + 'static> Source for CsvFile<T> {
    type Row = T;
    type Split = FileSplit;

    fn name(&self) -> &'static str {
        "csv_file"
    }

    fn splits(&self) -> Result<Vec<FileSplit>> {
        self.core.splits()
    }

    fn read(&self, split: &FileSplit, input: &Input) -> Result<impl Iterator<Item = Result<T>> + 'static> {
        let mut records = self.core.read(split, input)?;
        Ok(std::iter::from_fn(move || match records.next() {
            Ok(Some((record, header))) => match record.deserialize(header) {
                Ok(row) => Some(Ok(row)),
                Err(error) => Some(Err(records.error(&error))),
            },
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }))
    }
}

impl Core {
    fn splits(&self) -> Result<Vec<FileSplit>> {
        self.options.check()?;
        self.options.files.splits(&self.paths, 1)
    }

    #[inline(never)]
    fn read(&self, split: &FileSplit, input: &Input) -> Result<Records> {
        let range = self.starts.range(split, &self.options, input)?;
        Records::open(split, range, &self.options, input)
    }
}

impl DparkContext {
    /// The records of CSV files as rows of type `T`. The first record of every file names the columns: structs and maps
    /// take their fields from the columns of those names, tuples and vectors take them in order. Quoted fields may
    /// contain line ends. A record that is no `T`, or has another number of fields than the first one, is an error, which
    /// `--err` tolerates. Files are found and split as by [`DparkContext::text_file`].
    ///
    /// The start of every split but the first depends on the quotes before it. It is found once, when it is first
    /// needed, by a search that reads the file from the start, at several times the speed at which rows are read; a
    /// file of one split (up to 64 MiB) is not searched.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("people.csv");
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Person {
    ///     name: String,
    ///     age: Option<u32>,
    /// }
    ///
    /// std::fs::write(&path, "age,name\n36,Ada\n,\"Grace\nHopper\"\n").unwrap();
    /// let people = dpark::DparkContext::local(2).csv_file::<Person>(&path);
    /// let rows = people.map(|person| (person.name, person.age)).collect()?;
    /// assert_eq!(rows, [("Ada".to_owned(), Some(36)), ("Grace\nHopper".to_owned(), None)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "csvFile")]
    #[track_caller]
    pub fn csv_file<T: DeserializeOwned + 'static>(&self, paths: impl TextPaths) -> Rdd<T> {
        self.csv_file_with(paths, CsvOptions::new())
    }

    /// [`DparkContext::csv_file`] with options.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("pairs.txt");
    /// std::fs::write(&path, "a;1\nb;2\n").unwrap();
    /// let options = dpark::CsvOptions::new().delimiter(b';').without_header();
    /// let pairs = dpark::DparkContext::local(2).csv_file_with::<(char, u32)>(&path, options);
    /// assert_eq!(pairs.collect()?, [('a', 1), ('b', 2)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn csv_file_with<T: DeserializeOwned + 'static>(&self, paths: impl TextPaths, options: CsvOptions) -> Rdd<T> {
        let core = Core { paths: paths.into_paths(), options, starts: RecordStarts::default() };
        rdd_of(self, CsvFile { core, rows: PhantomData })
    }
}
