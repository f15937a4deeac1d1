//! The deserialising half of the codec.
//!
//! Numbers are read without a result: past the end they are zeros, and the reader remembers that it has failed. Whoever asks
//! for a value asks for that afterwards, so that the many fields of rows bring no error handling into the loops of cells.

mod parts;

use super::CodecError;
use crate::accumulator::AccumulatorHandle;
use crate::broadcast::BroadcastHandle;
use crate::task::TaskContext;
use parts::{Elements, Fields};
use serde::de::{self, Deserialize, Visitor};

/// Reads what a [`super::Writer`] wrote.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Whether a number was read past the end.
    failed: bool,
    /// The accumulators captured in this environment that were not read yet.
    pub(crate) accumulators: &'a [AccumulatorHandle],
    /// The same for broadcasts.
    pub(crate) broadcasts: &'a [BroadcastHandle],
    /// The same for functions.
    pub(crate) code: &'a [usize],
    /// The task attempt for which an environment is rebuilt.
    pub(crate) task: Option<&'a TaskContext>,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, failed: false, accumulators: &[], broadcasts: &[], code: &[], task: None }
    }

    /// A second reader at the same place.
    pub(crate) fn again(&self) -> Reader<'a> {
        Reader { ..*self }
    }

    /// The next captured function.
    pub(crate) fn take_code(&mut self) -> Result<usize, CodecError> {
        let (first, rest) = self.code.split_first().ok_or_else(|| CodecError::new("a function is missing"))?;
        self.code = rest;
        Ok(*first)
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Reads a whole value: an error if it ended too early.
    #[inline]
    pub(crate) fn value<T: Deserialize<'a>>(&mut self) -> Result<T, CodecError> {
        match T::deserialize(&mut *self) {
            Ok(_) if self.failed => Err(end_of_data()),
            read => read,
        }
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.bytes.split_first_chunk::<N>() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => {
                self.fail();
                [0; N]
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn fail(&mut self) {
        self.failed = true;
        self.bytes = &[];
    }

    /// An error if a number was read past the end.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), CodecError> {
        if self.failed { Err(end_of_data()) } else { Ok(()) }
    }

    /// Reads a `u64`.
    #[inline(never)]
    pub(crate) fn take_u64(&mut self) -> Result<u64, CodecError> {
        let number = u64::from_le_bytes(self.take());
        self.check()?;
        Ok(number)
    }

    /// Reads so many bytes.
    pub(super) fn take_slice(&mut self, n: usize) -> Result<&'a [u8], CodecError> {
        let (bytes, rest) = self.bytes.split_at_checked(n).ok_or_else(end_of_data)?;
        self.bytes = rest;
        Ok(bytes)
    }

    /// Reads a length and that many bytes.
    #[inline(never)]
    pub(crate) fn take_bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let len = self.take_u64()?;
        if len > self.bytes.len() as u64 {
            return Err(end_of_data());
        }
        let (bytes, rest) = self.bytes.split_at(len as usize);
        self.bytes = rest;
        Ok(bytes)
    }

    /// Reads a length and that much text.
    #[inline(never)]
    pub(crate) fn take_str(&mut self) -> Result<&'a str, CodecError> {
        std::str::from_utf8(self.take_bytes()?).map_err(|_| CodecError::new("text is not valid UTF-8"))
    }

    /// The same, owned: the memory is allocated here, not in the cell.
    #[inline(never)]
    fn take_string(&mut self) -> Result<String, CodecError> {
        self.take_str().map(str::to_owned)
    }

    #[inline(never)]
    fn take_char(&mut self) -> Result<char, CodecError> {
        let width = match self.bytes.first() {
            None => return Err(end_of_data()),
            Some(0..0x80) => 1,
            Some(0x80..0xe0) => 2,
            Some(0xe0..0xf0) => 3,
            Some(0xf0..) => 4,
        };
        let (bytes, rest) = self.bytes.split_at_checked(width).ok_or_else(end_of_data)?;
        self.bytes = rest;
        let text = std::str::from_utf8(bytes).ok();
        text.and_then(|text| text.chars().next()).ok_or_else(|| CodecError::new("not a character"))
    }
}

#[cold]
#[inline(never)]
fn end_of_data() -> CodecError {
    CodecError::new("unexpected end of data")
}

#[cold]
#[inline(never)]
fn not_self_describing() -> CodecError {
    CodecError::new("this type can only be read from self-describing formats such as JSON")
}

macro_rules! numbers {
    ($($method:ident $visit:ident $number:ty),*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
                visitor.$visit(<$number>::from_le_bytes(self.take()))
            }
        )*
    };
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = CodecError;

    numbers!(
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128, deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128, deserialize_f32 visit_f32 f32, deserialize_f64 visit_f64 f64
    );

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, CodecError> {
        Err(not_self_describing())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_bool(self.take() != [0])
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_char(self.take_char()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_borrowed_str(self.take_str()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_string(self.take_string()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_borrowed_bytes(self.take_bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_borrowed_bytes(self.take_bytes()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        if self.take() == [0] { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let left = self.take_u64()?;
        visitor.visit_seq(Elements { reader: self, left })
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_seq(Fields { reader: self, left: len })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_seq(Fields { reader: self, left: len })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let left = self.take_u64()?;
        visitor.visit_map(Elements { reader: self, left })
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_seq(Fields { reader: self, left: fields.len() })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_enum(self)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, CodecError> {
        Err(not_self_describing())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, CodecError> {
        Err(not_self_describing())
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
