//! Rows and captured values as bytes: concrete (non-generic) serde back ends in bincode 1's wire format (fixed-width little
//! endian integers, `u64` lengths, `u32` variants, UTF-8 chars). Concrete, because bincode's own generic back end would be
//! compiled again into every cell; the same bytes, because they are a known format (a test compares them with bincode's).

mod error;
mod pairs;
mod reader;
mod writer;

pub use error::CodecError;
pub(crate) use pairs::quickest;
pub use reader::Reader;
pub use writer::Writer;

use crate::batch::Batch;
use crate::data::Data;
use std::marker::PhantomData;

/// How rows of one type are written and read.
#[derive(Debug)]
pub struct CodecVt {
    /// Appends `n` rows to the writer.
    pub save: unsafe fn(*const u8, usize, &mut Writer) -> Result<(), CodecError>,
    /// Reads `n` rows to the end of the batch.
    pub load: unsafe fn(&mut Reader<'_>, usize, &mut Batch) -> Result<(), CodecError>,
}

/// Carrier of the table of a row type.
pub struct Codec<T>(PhantomData<T>);

impl<T: Data> Codec<T> {
    /// The table.
    pub const VT: &'static CodecVt = &CodecVt { save: save_rows::<T>, load: load_rows::<T> };
}

unsafe fn save_rows<T: Data>(rows: *const u8, n: usize, out: &mut Writer) -> Result<(), CodecError> {
    let rows = rows as *const T;
    let mut i = 0;
    while i < n {
        // SAFETY: the caller passes `n` initialised rows of type `T`.
        unsafe { (*rows.add(i)).save(out)? }
        i += 1;
    }
    Ok(())
}

unsafe fn load_rows<T: Data>(input: &mut Reader<'_>, n: usize, out: &mut Batch) -> Result<(), CodecError> {
    out.reserve(n);
    let mut i = 0;
    while i < n {
        match T::deserialize(&mut *input) {
            // SAFETY: room for `n` more rows of type `T` was reserved.
            Ok(row) => unsafe { (out.ptr as *mut T).add(out.len).write(row) },
            Err(error) => return Err(error),
        }
        out.len += 1;
        i += 1;
    }
    input.check()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};
    use std::collections::BTreeMap;

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    enum Shape {
        Unit,
        New(i8),
        Tuple(u16, String),
        Struct { a: Option<bool>, b: Vec<(char, f32)> },
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    struct Everything {
        shapes: Vec<Shape>,
        map: BTreeMap<String, i128>,
        wide: (u64, f64, i32, ()),
        text: Box<str>,
        bytes: [u8; 4],
    }

    fn sample() -> Everything {
        Everything {
            shapes: vec![
                Shape::Unit,
                Shape::New(-3),
                Shape::Tuple(7, "sieben".into()),
                Shape::Struct { a: Some(true), b: vec![('ß', 1.5), ('😀', -0.0)] },
            ],
            map: [("k".to_owned(), i128::MIN), (String::new(), 1)].into(),
            wide: (u64::MAX, f64::NAN.copysign(1.0).min(2.0), -1, ()),
            text: "text".into(),
            bytes: *b"abcd",
        }
    }

    #[test]
    fn bytes_are_bincode_1s() {
        let mut writer = Writer::default();
        sample().save(&mut writer).unwrap();
        let expected = bincode::serde::encode_to_vec(sample(), bincode::config::legacy()).unwrap();
        assert_eq!(writer.bytes, expected);
        assert_eq!(Everything::load(&mut Reader::new(&writer.bytes)).unwrap(), sample());
    }

    #[test]
    fn truncated_bytes_are_an_error_at_every_length() {
        let mut writer = Writer::default();
        sample().save(&mut writer).unwrap();
        for n in 0..writer.bytes.len() {
            assert!(Everything::load(&mut Reader::new(&writer.bytes[..n])).is_err(), "{n} bytes");
        }
    }
}
