//! The serialising half of the codec.

use super::CodecError;
use crate::accumulator::AccumulatorHandle;
use crate::broadcast::BroadcastHandle;
use serde::ser::{self, Serialize};

type Written = Result<(), CodecError>;

/// Collects bytes. An environment may also hold accumulators, broadcasts and functions, which are not data: they are kept
/// beside the bytes.
#[derive(Debug, Default)]
pub struct Writer {
    /// What was written so far.
    pub bytes: Vec<u8>,
    /// The accumulators that were captured, in the order in which a reader meets them.
    pub(crate) accumulators: Vec<AccumulatorHandle>,
    /// The same for broadcasts.
    pub(crate) broadcasts: Vec<BroadcastHandle>,
    /// The addresses of functions that were captured: they are others in other processes.
    pub(crate) code: Vec<usize>,
    /// Bytes that were counted and thrown away; none if they are kept.
    measured: Option<u64>,
}

/// A measuring writer throws away what it has once it has this much.
const MEASURED_BYTES: usize = 64 << 10;

/// Room that is made for a number, at least.
const LEAST_ROOM: usize = 64;

impl Writer {
    /// A writer that only counts the bytes.
    pub(crate) fn measuring() -> Writer {
        Writer { measured: Some(0), ..Writer::default() }
    }

    /// Bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.measured.unwrap_or(0) + self.bytes.len() as u64
    }

    /// Appends an integer of fixed width.
    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) -> Written {
        const { assert!(N <= LEAST_ROOM) }
        if self.bytes.capacity() - self.bytes.len() < N {
            self.grow();
        }
        let len = self.bytes.len();
        // SAFETY: there is room for `N` more bytes behind the last one: there was, or `grow` has made it.
        unsafe {
            self.bytes.as_mut_ptr().add(len).cast::<[u8; N]>().write_unaligned(bytes);
            self.bytes.set_len(len + N);
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.forget_measured();
        self.bytes.reserve(self.bytes.len().max(LEAST_ROOM));
    }

    fn forget_measured(&mut self) {
        if let Some(measured) = &mut self.measured
            && self.bytes.len() >= MEASURED_BYTES
        {
            *measured += self.bytes.len() as u64;
            self.bytes.clear();
        }
    }

    /// Appends a length and that many bytes.
    #[inline(never)]
    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) {
        self.forget_measured();
        self.bytes.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends so many bytes, which the function writes to their address.
    ///
    /// # Safety
    /// The function writes all of them.
    pub(super) unsafe fn put_with(&mut self, n: usize, write: impl FnOnce(*mut u8)) {
        self.forget_measured();
        self.bytes.reserve(n);
        let len = self.bytes.len();
        // SAFETY: there is room for `n` more bytes behind the last one; the caller says that they are written.
        unsafe {
            write(self.bytes.as_mut_ptr().add(len));
            self.bytes.set_len(len + n);
        }
    }

    /// Appends a `u64`.
    pub(crate) fn put_u64(&mut self, x: u64) {
        self.bytes.extend_from_slice(&x.to_le_bytes());
    }

    #[inline(never)]
    fn put_char(&mut self, c: char) {
        self.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    #[inline(never)]
    fn put_len(&mut self, len: Option<usize>) -> Written {
        let len = len.ok_or_else(|| CodecError::new("a sequence of unknown length cannot be serialised"))?;
        self.put_u64(len as u64);
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident $number:ty),*) => {
        $(
            #[inline]
            fn $method(self, x: $number) -> Written {
                self.put(x.to_le_bytes())
            }
        )*
    };
}

impl<'a> ser::Serializer for &'a mut Writer {
    type Ok = ();
    type Error = CodecError;
    type SerializeSeq = &'a mut Writer;
    type SerializeTuple = &'a mut Writer;
    type SerializeTupleStruct = &'a mut Writer;
    type SerializeTupleVariant = &'a mut Writer;
    type SerializeMap = &'a mut Writer;
    type SerializeStruct = &'a mut Writer;
    type SerializeStructVariant = &'a mut Writer;

    numbers!(
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128,
        serialize_f32 f32, serialize_f64 f64
    );

    #[inline]
    fn serialize_bool(self, x: bool) -> Written {
        self.put([u8::from(x)])
    }

    fn serialize_char(self, x: char) -> Written {
        self.put_char(x);
        Ok(())
    }

    #[inline]
    fn serialize_str(self, x: &str) -> Written {
        self.put_bytes(x.as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_bytes(self, x: &[u8]) -> Written {
        self.put_bytes(x);
        Ok(())
    }

    fn serialize_none(self) -> Written {
        self.put([0])
    }

    fn serialize_some<T: ?Sized + Serialize>(self, x: &T) -> Written {
        self.put([1])?;
        x.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, variant: u32, _: &'static str) -> Written {
        self.put(variant.to_le_bytes())
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, x: &T) -> Written {
        x.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
        x: &T,
    ) -> Written {
        self.put(variant.to_le_bytes())?;
        x.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<&'a mut Writer, CodecError> {
        self.put_len(len)?;
        Ok(self)
    }

    /// serde's own goes through closures that would be compiled into cells.
    fn collect_seq<I: IntoIterator<Item: Serialize>>(self, rows: I) -> Written {
        let rows = rows.into_iter();
        let len = match rows.size_hint() {
            (least, Some(most)) if least == most => Some(least),
            _ => None,
        };
        self.put_len(len)?;
        for row in rows {
            row.serialize(&mut *self)?;
        }
        Ok(())
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<&'a mut Writer, CodecError> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<&'a mut Writer, CodecError> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
        _: usize,
    ) -> Result<&'a mut Writer, CodecError> {
        self.put(variant.to_le_bytes())?;
        Ok(self)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<&'a mut Writer, CodecError> {
        self.put_len(len)?;
        Ok(self)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<&'a mut Writer, CodecError> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
        _: usize,
    ) -> Result<&'a mut Writer, CodecError> {
        self.put(variant.to_le_bytes())?;
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! compound {
    ($($serde:ident $method:ident($($key:ident)?);)*) => {
        $(
            impl ser::$serde for &mut Writer {
                type Ok = ();
                type Error = CodecError;

                #[inline]
                fn $method<T: ?Sized + Serialize>(&mut self, $($key: &'static str,)? x: &T) -> Written {
                    x.serialize(&mut **self)
                }

                #[inline]
                fn end(self) -> Written {
                    Ok(())
                }
            }
        )*
    };
}

compound! {
    SerializeSeq serialize_element();
    SerializeTuple serialize_element();
    SerializeTupleStruct serialize_field();
    SerializeTupleVariant serialize_field();
    SerializeStruct serialize_field(_key);
    SerializeStructVariant serialize_field(_key);
}

impl ser::SerializeMap for &mut Writer {
    type Ok = ();
    type Error = CodecError;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Written {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Written {
        value.serialize(&mut **self)
    }

    fn end(self) -> Written {
        Ok(())
    }
}
