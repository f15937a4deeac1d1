//! A concrete serde back end that turns rows into the cells of a table. It is not generic, so showing a new row type
//! costs a cell only that type's own `serialize`.

use super::{Column, Shown};
use serde::ser::{self, Serialize};
use std::fmt::{self, Write};

/// Rows of a table that are shown.
const SHOWN_ROWS: usize = 20;
/// Elements of a list that are shown.
const SHOWN_ELEMENTS: usize = 200;

/// Shows a collection: as a table if its elements have columns, else as a list.
pub(super) fn show<I: Iterator>(
    total: usize,
    open: char,
    close: char,
    elements: &mut I,
    serialize: impl Fn(I::Item, &mut Sink) -> Result<(), Impossible>,
) -> Shown {
    let mut table = Builder::new(total, open, close);
    while let Some(element) = table.wants_more().then(|| elements.next()).flatten() {
        // The sink's error has no values.
        let _ = serialize(element, table.next());
    }
    table.finish()
}

/// Shows a hash map: as [`show`], and the rows by their key if they are all there, so that they look the same in every run.
pub(super) fn show_unordered<I: Iterator>(
    total: usize,
    elements: &mut I,
    serialize: impl Fn(I::Item, &mut Sink) -> Result<(), Impossible>,
) -> Shown {
    in_order(show(total, '{', '}', elements, serialize))
}

#[inline(never)]
fn in_order(mut shown: Shown) -> Shown {
    if let Shown::Table { columns, rows, total } = &mut shown
        && *total == rows.len() as u64
    {
        let numeric = columns.first().is_some_and(|column| column.numeric);
        let number = |row: &[String]| if numeric { row[0].parse().unwrap_or(f64::NAN) } else { 0.0 };
        rows.sort_by(|a, b| number(a).total_cmp(&number(b)).then_with(|| a.cmp(b)));
    }
    shown
}

/// Shows a record: a table of one row.
pub(super) fn record(row: &impl Serialize) -> Shown {
    show(1, '[', ']', &mut std::iter::once(row), |row, sink| row.serialize(sink))
}

/// Shows one value as text.
pub(super) fn one(serialize: impl FnOnce(&mut Sink) -> Result<(), Impossible>) -> Shown {
    let mut sink = Sink::default();
    let _ = serialize(&mut sink);
    sink.one()
}

/// Collects the rows.
struct Builder {
    sink: Sink,
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    total: usize,
    brackets: (char, char),
}

impl Builder {
    #[inline(never)]
    fn new(total: usize, open: char, close: char) -> Builder {
        Builder { sink: Sink::default(), columns: Vec::new(), rows: Vec::new(), total, brackets: (open, close) }
    }

    #[inline(never)]
    fn wants_more(&mut self) -> bool {
        self.accept();
        self.rows.len() < if self.columns.is_empty() { SHOWN_ELEMENTS } else { SHOWN_ROWS }
    }

    #[inline(never)]
    fn next(&mut self) -> &mut Sink {
        self.sink = Sink { row: Some(Row::default()), ..Sink::default() };
        &mut self.sink
    }

    fn accept(&mut self) {
        let sink = std::mem::take(&mut self.sink);
        let Some(row) = sink.row else { return };
        if !row.is_row {
            self.rows.push(vec![sink.text]);
            return;
        }
        let mut cells = vec![String::new(); self.columns.len()];
        for (name, text, numeric) in row.cells {
            match self.columns.iter_mut().position(|column| column.name == name) {
                Some(at) => {
                    self.columns[at].numeric &= numeric;
                    cells[at] = text;
                }
                None => {
                    self.columns.push(Column { name, numeric });
                    cells.push(text);
                }
            }
        }
        self.rows.push(cells);
    }

    #[inline(never)]
    fn finish(mut self) -> Shown {
        self.accept();
        let (open, close) = self.brackets;
        if self.columns.is_empty() {
            let shown = self.rows.len();
            let mut text: String = self.rows.into_iter().flatten().collect::<Vec<_>>().join(", ");
            if shown < self.total {
                let _ = write!(text, ", … {} more", self.total - shown);
            }
            return Shown::Text(format!("{open}{text}{close}"));
        }
        for row in &mut self.rows {
            row.resize(self.columns.len(), String::new());
        }
        Shown::Table { columns: self.columns, rows: self.rows, total: self.total as u64 }
    }
}

/// The error that never happens.
#[derive(Debug)]
pub struct Impossible(String);

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Impossible {}

impl ser::Error for Impossible {
    fn custom<T: fmt::Display>(message: T) -> Impossible {
        Impossible(message.to_string())
    }
}

/// The cells of a row being read.
#[derive(Default)]
struct Row {
    is_row: bool,
    cells: Vec<(String, String, bool)>,
}

/// Where a value is written. At depth 0 of an element, tuples, structs and maps open a row whose fields become cells;
/// everything deeper is text in `Debug`'s manner.
#[derive(Default)]
pub struct Sink {
    row: Option<Row>,
    depth: u32,
    text: String,
    numeric: bool,
    /// For each open compound: whether the next part is the first.
    first: Vec<bool>,
    key: Option<String>,
}

type Done = Result<(), Impossible>;

impl Sink {
    fn one(self) -> Shown {
        Shown::Text(self.text)
    }

    fn at_cell(&self) -> bool {
        self.depth == 1 && self.row.as_ref().is_some_and(|row| row.is_row)
    }

    fn put(&mut self, text: fmt::Arguments<'_>, numeric: bool) -> Done {
        self.numeric = numeric;
        let _ = self.text.write_fmt(text);
        Ok(())
    }

    fn open(&mut self, text: &str, as_row: bool) -> Result<&mut Sink, Impossible> {
        if self.depth == 0
            && as_row
            && let Some(row) = &mut self.row
        {
            row.is_row = true;
        } else {
            self.text.push_str(text);
        }
        self.numeric = false;
        self.depth += 1;
        self.first.push(true);
        Ok(self)
    }

    fn close(&mut self, text: &str) -> Done {
        self.first.pop();
        if !self.at_cell() {
            self.text.push_str(text);
        }
        self.depth -= 1;
        self.numeric = false;
        Ok(())
    }

    fn comma(&mut self) {
        if let Some(first) = self.first.last_mut()
            && !std::mem::replace(first, false)
            && !(self.depth == 1 && self.row.as_ref().is_some_and(|row| row.is_row))
        {
            self.text.push_str(", ");
        }
    }

    fn part<T: ?Sized + Serialize>(&mut self, name: Option<&str>, value: &T) -> Done {
        self.comma();
        if let (Some(name), false) = (name, self.at_cell()) {
            self.text.push_str(name);
            self.text.push_str(": ");
        }
        value.serialize(&mut *self)?;
        self.cell(name);
        Ok(())
    }

    fn cell(&mut self, name: Option<&str>) {
        if !self.at_cell() {
            return;
        }
        let text = std::mem::take(&mut self.text);
        let numeric = self.numeric;
        let row = self.row.get_or_insert_default();
        let name = name.map_or_else(|| row.cells.len().to_string(), str::to_owned);
        row.cells.push((name, text, numeric));
    }
}

macro_rules! numbers {
    ($($method:ident $type:ty),*) => { $(
        fn $method(self, value: $type) -> Done { self.put(format_args!("{value:?}"), true) }
    )* };
}

impl<'a> ser::Serializer for &'a mut Sink {
    type Ok = ();
    type Error = Impossible;
    type SerializeSeq = &'a mut Sink;
    type SerializeTuple = &'a mut Sink;
    type SerializeTupleStruct = &'a mut Sink;
    type SerializeTupleVariant = &'a mut Sink;
    type SerializeMap = &'a mut Sink;
    type SerializeStruct = &'a mut Sink;
    type SerializeStructVariant = &'a mut Sink;

    numbers!(
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128,
        serialize_f32 f32, serialize_f64 f64
    );

    fn serialize_bool(self, value: bool) -> Done {
        self.put(format_args!("{value}"), false)
    }

    fn serialize_char(self, value: char) -> Done {
        match self.at_cell() {
            true => self.put(format_args!("{value}"), false),
            false => self.put(format_args!("{value:?}"), false),
        }
    }

    fn serialize_str(self, value: &str) -> Done {
        match self.at_cell() {
            true => self.put(format_args!("{value}"), false),
            false => self.put(format_args!("{value:?}"), false),
        }
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.put(format_args!("{value:?}"), false)
    }

    fn serialize_none(self) -> Done {
        self.put(format_args!("None"), false)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Done {
        self.depth += 1;
        self.text.push_str("Some(");
        value.serialize(&mut *self)?;
        self.text.push(')');
        self.depth -= 1;
        self.numeric = false;
        Ok(())
    }

    fn serialize_unit(self) -> Done {
        self.put(format_args!("()"), false)
    }

    fn serialize_unit_struct(self, name: &'static str) -> Done {
        self.put(format_args!("{name}"), false)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.put(format_args!("{variant}"), false)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        self.depth += 1;
        let _ = write!(self.text, "{variant}(");
        value.serialize(&mut *self)?;
        self.text.push(')');
        self.depth -= 1;
        self.numeric = false;
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<&'a mut Sink, Impossible> {
        self.open("[", false)
    }

    fn serialize_tuple(self, _: usize) -> Result<&'a mut Sink, Impossible> {
        self.open("(", true)
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<&'a mut Sink, Impossible> {
        self.open(&format!("{name}("), true)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<&'a mut Sink, Impossible> {
        self.open(&format!("{variant}("), false)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<&'a mut Sink, Impossible> {
        self.open("{", true)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<&'a mut Sink, Impossible> {
        self.open(&format!("{name} {{ "), true)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<&'a mut Sink, Impossible> {
        self.open(&format!("{variant} {{ "), false)
    }
}

macro_rules! compound {
    ($trait:ident, $method:ident, $close:literal $(, $key:ident)?) => {
        impl ser::$trait for &mut Sink {
            type Ok = ();
            type Error = Impossible;
            fn $method<T: ?Sized + Serialize>(&mut self, $($key: &'static str,)? value: &T) -> Done {
                #[allow(unused_mut, unused_assignments)]
                let mut name = None;
                $( name = Some($key); )?
                self.part(name, value)
            }
            fn end(self) -> Done {
                self.close($close)
            }
        }
    };
}

compound!(SerializeSeq, serialize_element, "]");
compound!(SerializeTuple, serialize_element, ")");
compound!(SerializeTupleStruct, serialize_field, ")");
compound!(SerializeTupleVariant, serialize_field, ")");
compound!(SerializeStruct, serialize_field, " }", key);
compound!(SerializeStructVariant, serialize_field, " }", key);

impl ser::SerializeMap for &mut Sink {
    type Ok = ();
    type Error = Impossible;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Done {
        self.comma();
        let before = std::mem::take(&mut self.text);
        key.serialize(&mut **self)?;
        self.key = Some(std::mem::replace(&mut self.text, before));
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Done {
        let key = self.key.take().unwrap_or_default();
        if !self.at_cell() {
            self.text.push_str(&key);
            self.text.push_str(": ");
        }
        value.serialize(&mut **self)?;
        self.cell(Some(&key));
        Ok(())
    }

    fn end(self) -> Done {
        self.close("}")
    }
}
