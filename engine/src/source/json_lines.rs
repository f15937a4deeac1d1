//! `json_lines`: a JSON value in each line of text files.

use super::lines::{Invalid, Lines};
use super::{FileOptions, FileSplit, Input, Source, TextPaths, rdd_of};
use crate::context::DparkContext;
use crate::error::{Error, Result};
use crate::rdd::Rdd;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::path::PathBuf;

/// The source behind [`DparkContext::json_lines`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct JsonLines<T> {
    paths: Vec<PathBuf>,
    options: FileOptions,
    rows: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + 'static> Source for JsonLines<T> {
    type Row = T;
    type Split = FileSplit;

    fn name(&self) -> &'static str {
        "json_lines"
    }

    fn splits(&self) -> Result<Vec<FileSplit>> {
        self.options.splits(&self.paths, 1)
    }

    fn read(&self, split: &FileSplit, input: &Input) -> Result<impl Iterator<Item = Result<T>> + 'static> {
        let mut values = Values::open(split, input)?;
        Ok(std::iter::from_fn(move || match values.next() {
            Ok(Some(line)) => match serde_json::from_str(line) {
                Ok(row) => Some(Ok(row)),
                Err(error) => Some(Err(values.error(&error))),
            },
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }))
    }
}

/// The lines that hold a value.
struct Values {
    lines: Lines,
    /// Position in the file of the line that was handed out last.
    start: u64,
}

impl Values {
    #[inline(never)]
    fn open(split: &FileSplit, input: &Input) -> Result<Values> {
        let invalid = if input.tolerates() { Invalid::Skipped } else { Invalid::Refused };
        Ok(Values { lines: Lines::open(split, invalid, input)?, start: 0 })
    }

    #[inline(never)]
    fn next(&mut self) -> Result<Option<&str>> {
        loop {
            if let Some(error) = self.lines.next_skipped() {
                return Err(error);
            }
            match self.lines.advance()? {
                Some(line) if self.lines.text()[line.clone()].trim_ascii().is_empty() => {}
                Some(line) => {
                    self.start = self.lines.position(line.start);
                    return Ok(Some(&self.lines.text()[line]));
                }
                None if self.lines.has_skipped() => {}
                None => return Ok(None),
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn error(&self, error: &serde_json::Error) -> Error {
        let split = self.lines.split();
        let place = split.place(self.start, self.lines.input());
        let mut problem = error.to_string();
        // The parser saw one line only.
        if let Some(at) = problem.rfind(" at line ") {
            problem.truncate(at);
        }
        let column = error.column();
        let next_step = "correct the line, or read with a row type that fits it";
        Error::bad_record(&split.path, format!("{place}, column {column}: {problem}; {next_step}"))
    }
}

impl DparkContext {
    /// The JSON values in text files, one a line, as rows of type `T`. Files are found and split as by
    /// [`DparkContext::text_file`]; empty lines are skipped. A line that is no `T` is an error, which `--err` tolerates.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("people.jsonl");
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Person {
    ///     name: String,
    ///     age: u32,
    /// }
    ///
    /// std::fs::write(&path, r#"{"name": "Ada", "age": 36}"#).unwrap();
    /// let people = dpark::DparkContext::local(2).json_lines::<Person>(&path);
    /// assert_eq!(people.map(|person| (person.name, person.age)).collect()?, [("Ada".to_owned(), 36)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn json_lines<T: DeserializeOwned + 'static>(&self, paths: impl TextPaths) -> Rdd<T> {
        self.json_lines_with(paths, FileOptions::new())
    }

    /// [`DparkContext::json_lines`] with options.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("pairs.jsonl");
    /// std::fs::write(&path, "[1, \"a\"]\n[2, \"b\"]\n").unwrap();
    /// let options = dpark::FileOptions::new().num_splits(2);
    /// let pairs = dpark::DparkContext::local(2).json_lines_with::<(u32, char)>(&path, options);
    /// assert_eq!(pairs.map_partitions(|rows| [rows.count()]).collect()?, [1, 1]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn json_lines_with<T: DeserializeOwned + 'static>(
        &self,
        paths: impl TextPaths,
        options: FileOptions,
    ) -> Rdd<T> {
        rdd_of(self, JsonLines { paths: paths.into_paths(), options, rows: PhantomData })
    }
}
