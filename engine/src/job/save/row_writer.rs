//! Where the loops over rows put their text and bytes.

use super::CHUNK;
use crate::batch::Batch;
use crate::source::masked_crc;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::rc::Rc;

/// Appends all rows of a batch; what is wrong with one that cannot be written.
pub type FormatFn = unsafe fn(&mut Batch, &mut RowWriter) -> Result<(), String>;

/// Collects what is to be written for one partition.
#[derive(Debug)]
pub struct RowWriter {
    pub(super) bytes: Vec<u8>,
    /// Whether there were rows, be they empty.
    pub(super) rows: bool,
    /// The lines of each key.
    pub(super) keys: BTreeMap<String, Vec<u8>>,
    /// Bytes of lines in `keys`.
    pub(super) keyed: usize,
    /// What the keys cost beside their lines.
    pub(super) key_bytes: usize,
    /// Whether a key has so many lines that they should be written.
    pub(super) large: bool,
    header: bool,
    csv: Option<csv::Writer<CsvBytes>>,
    key: String,
}

/// Output of a CSV writer, which has a state of its own and is not taken apart for its bytes.
#[derive(Clone, Debug, Default)]
pub struct CsvBytes(Rc<RefCell<Vec<u8>>>);

impl Write for CsvBytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl RowWriter {
    pub(super) fn new(header: bool) -> RowWriter {
        RowWriter {
            bytes: Vec::new(),
            rows: false,
            keys: BTreeMap::new(),
            keyed: 0,
            key_bytes: 0,
            large: false,
            header,
            csv: None,
            key: String::new(),
        }
    }

    /// A row as a line.
    #[inline(never)]
    pub fn line(&mut self, row: &dyn Display) {
        display(&mut self.bytes, row);
        self.bytes.push(b'\n');
    }

    /// A row as a line of its key.
    #[inline(never)]
    pub fn keyed_line(&mut self, key: &dyn Display, value: &dyn Display) -> Result<(), String> {
        use std::fmt::Write;
        self.key.clear();
        if write!(self.key, "{key}").is_err() {
            panic!("a key's Display implementation failed")
        }
        if !self.keys.contains_key(&self.key) {
            check_key(&self.key)?;
            self.key_bytes += 2 * self.key.len() + 512;
            self.keys.insert(self.key.clone(), Vec::new());
        }
        if let Some(lines) = self.keys.get_mut(&self.key) {
            let before = lines.len();
            display(lines, value);
            lines.push(b'\n');
            self.keyed += lines.len() - before;
            self.large |= lines.len() >= CHUNK;
        }
        Ok(())
    }

    /// What writes CSV records.
    #[inline(never)]
    pub fn csv(&mut self) -> &mut csv::Writer<CsvBytes> {
        let header = self.header;
        self.csv.get_or_insert_with(|| csv::WriterBuilder::new().has_headers(header).from_writer(CsvBytes::default()))
    }

    /// Where a JSON value goes; [`RowWriter::end_line`] follows.
    pub fn json(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends a line.
    pub fn end_line(&mut self) {
        self.bytes.push(b'\n');
    }

    /// A row's bytes.
    pub fn record(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A row as a TFRecord.
    #[inline(never)]
    pub fn tf_record(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).to_le_bytes();
        self.bytes.reserve(bytes.len() + 16);
        self.bytes.extend_from_slice(&length);
        self.bytes.extend_from_slice(&masked_crc(&length).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(&masked_crc(bytes).to_le_bytes());
    }

    /// Brings everything to `bytes`.
    pub(super) fn finish_batch(&mut self) -> Result<(), String> {
        if let Some(writer) = &mut self.csv {
            writer.flush().map_err(|error| error.to_string())?;
            self.bytes.append(&mut writer.get_ref().0.borrow_mut());
        }
        Ok(())
    }
}

fn display(bytes: &mut Vec<u8>, row: &dyn Display) {
    if write!(bytes, "{row}").is_err() {
        panic!("a row's Display implementation failed")
    }
}

/// Keys are names of directories, and must be found again by `text_file`.
fn check_key(key: &str) -> Result<(), String> {
    let problem = match key {
        "" => "is empty",
        _ if key.starts_with('.') => "starts with a dot",
        _ if key.contains('/') => "contains a slash",
        _ if key.contains('\0') => "contains a NUL",
        _ if key.len() > 255 => "is longer than 255 bytes",
        _ => return Ok(()),
    };
    Err(format!("the key {key:?} {problem}, so no directory can have its name; `map` the keys to others first"))
}
