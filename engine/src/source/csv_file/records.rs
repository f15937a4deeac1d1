//! The records of one split.

use super::CsvOptions;
use crate::error::{Error, Result};
use crate::source::{Compression, FileSplit, Input, InputMemory};
use csv::{ErrorKind, StringRecord};
use std::io::{Cursor, Read};
use std::ops::Range;

pub(super) struct Records {
    split: FileSplit,
    input: Input,
    reader: csv::Reader<Bounded>,
    /// Position in the file of the reader's first byte.
    base: u64,
    record: StringRecord,
    header: Option<StringRecord>,
    /// The header's names for a record that is shorter.
    short_header: StringRecord,
    /// How many fields every record has, once that is known; none if they may differ.
    fields: Fields,
}

#[derive(Clone, Copy)]
enum Fields {
    Any,
    AsFirst,
    Exactly(usize),
}

impl Records {
    /// The records in a range of the file that begins and ends with one.
    pub(super) fn open(split: &FileSplit, range: Range<u64>, options: &CsvOptions, input: &Input) -> Result<Records> {
        if split.compression != Compression::None {
            let mut records = Records::at_start(split, options, input)?;
            if options.header && records.read()? {
                records.set_first(options);
            }
            return Ok(records);
        }
        let mut start = range.start;
        let mut first = None;
        if options.header || (start > 0 && !options.flexible) {
            let mut file = Records::at_start(split, options, input)?;
            if file.read()? {
                if options.header {
                    start = start.max(file.reader.position().byte());
                }
                file.set_first(options);
                first = Some(file);
            }
        }
        let file = split.open_at(start, input)?.take(range.end.saturating_sub(start));
        let mut records = match start {
            0 => Records::new(split, Box::new(file), 0, options, input),
            // A parser takes a byte order mark away from its first record. This line end has it know that there was
            // one.
            _ => Records::new(split, Box::new(Cursor::new(b"\n").chain(file)), start - 1, options, input),
        };
        if let Some(first) = first {
            (records.header, records.fields) = (first.header, first.fields);
        }
        Ok(records)
    }

    /// The record that was read is the file's first one.
    fn set_first(&mut self, options: &CsvOptions) {
        if let Fields::AsFirst = self.fields {
            self.fields = Fields::Exactly(self.record.len());
        }
        if options.header {
            self.header = Some(std::mem::take(&mut self.record));
        }
    }

    fn at_start(split: &FileSplit, options: &CsvOptions, input: &Input) -> Result<Records> {
        Ok(Records::new(split, split.open(input)?, 0, options, input))
    }

    fn new(split: &FileSplit, file: Box<dyn Read>, base: u64, options: &CsvOptions, input: &Input) -> Records {
        Records {
            split: split.clone(),
            input: input.clone(),
            reader: options.reader(Bounded { file, unused: 0, memory: input.memory() }),
            base,
            record: StringRecord::new(),
            header: None,
            short_header: StringRecord::new(),
            fields: if options.flexible { Fields::Any } else { Fields::AsFirst },
        }
    }

    /// The next record and the header.
    #[inline(never)]
    pub(super) fn next(&mut self) -> Result<Option<(&StringRecord, Option<&StringRecord>)>> {
        if !self.read()? {
            return Ok(None);
        }
        match self.fields {
            Fields::Exactly(n) if n != self.record.len() => return Err(self.unequal(n)),
            Fields::AsFirst => self.fields = Fields::Exactly(self.record.len()),
            _ => {}
        }
        if let Some(header) = &self.header
            && self.record.len() < header.len()
            && self.short_header.len() != self.record.len()
        {
            self.short_header = header.iter().take(self.record.len()).collect();
        }
        // The fields that a shorter record does not have are missing then, not unnamed.
        let names = self.header.as_ref().map(|header| match self.record.len() < header.len() {
            true => &self.short_header,
            false => header,
        });
        Ok(Some((&self.record, names)))
    }

    fn read(&mut self) -> Result<bool> {
        self.reader.get_mut().unused = 0;
        self.reader.read_record(&mut self.record).map_err(|error| self.parse_error(error))
    }

    #[cold]
    fn unequal(&self, expected: usize) -> Error {
        let found = self.record.len();
        let problem = format!(
            "it has {found} fields, the first record has {expected}; if that is right, use `CsvOptions::flexible`"
        );
        self.at(self.record.position(), &problem)
    }

    #[cold]
    fn parse_error(&self, error: csv::Error) -> Error {
        match error.into_kind() {
            ErrorKind::Io(error) => match error.downcast::<Error>() {
                Ok(error) => error,
                Err(error) => self.split.error(&error),
            },
            ErrorKind::Utf8 { pos, err } => {
                let column = self.column(err.field());
                self.at(pos.as_ref(), &format!("{column} is not valid UTF-8; convert the file with `iconv`"))
            }
            other => Error::io(&self.split.path, format!("{other:?}")),
        }
    }

    /// Why the last record is no row.
    #[cold]
    #[inline(never)]
    pub(super) fn error(&self, error: &csv::Error) -> Error {
        let next_step = "correct the record, or read with a row type that fits it";
        let problem = match error.kind() {
            ErrorKind::Deserialize { err, .. } => match err.field() {
                Some(field) => {
                    let value =
                        usize::try_from(field).ok().and_then(|field| self.record.get(field)).unwrap_or_default();
                    let value: String = value.chars().take(40).collect();
                    format!("{} is {value:?}: {}; {next_step}", self.column(field as usize), err.kind())
                }
                None => format!("{}; {next_step}", err.kind()),
            },
            _ => format!("{error}; {next_step}"),
        };
        self.at(self.record.position(), &problem)
    }

    /// A column by number and name.
    fn column(&self, field: usize) -> String {
        match self.header.as_ref().and_then(|header| header.get(field)) {
            Some(name) => format!("column {} ({name})", field + 1),
            None => format!("column {}", field + 1),
        }
    }

    fn at(&self, position: Option<&csv::Position>, problem: &str) -> Error {
        // The position may be before empty lines.
        let place = self.split.place(self.base + position.map_or(0, csv::Position::byte), &self.input);
        Error::bad_record(&self.split.path, format!("{place}: {problem}"))
    }
}

/// A reader that asks for memory when much is read without giving a record: a quote that is not closed.
struct Bounded {
    file: Box<dyn Read>,
    unused: usize,
    memory: InputMemory,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.unused += n;
        self.memory.hold(self.unused.saturating_mul(2)).map_err(std::io::Error::other)?;
        Ok(n)
    }
}
