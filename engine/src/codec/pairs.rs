//! Pairs of numbers as bytes: the same bytes as by their codec, in one loop that asks for room once and not for each number. These
//! loops are the engine's own: those of the codec are compiled into cells.

use super::{CodecError, CodecVt, Reader, Writer};
use crate::batch::{Batch, ElemVt};
use std::any::TypeId;

/// The codec of rows of this type, or one that writes and reads the same bytes in less time.
pub(crate) fn quickest(codec: &'static CodecVt, elem: &'static ElemVt) -> &'static CodecVt {
    // In memory, numbers look as they do in bytes.
    let same = cfg!(target_endian = "little");
    pairs((elem.type_id)()).filter(|_| same).unwrap_or(codec)
}

/// A type whose values are their bytes, whatever these are.
trait Number: Copy + 'static {}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Number for $number {})*

        /// The codec of a type of pairs of numbers.
        fn pairs(row: TypeId) -> Option<&'static CodecVt> {
            None$(.or_else(|| beginning_with::<$number>(row)))*
        }

        fn beginning_with<A: Number>(row: TypeId) -> Option<&'static CodecVt> {
            $(
                if row == TypeId::of::<(A, $number)>() {
                    return Some(const { &CodecVt { save: save::<A, $number>, load: load::<A, $number> } });
                }
            )*
            None
        }
    };
}

numbers!(i32, u32, i64, u64, isize, usize, f32, f64);

unsafe fn save<A: Number, B: Number>(rows: *const u8, n: usize, out: &mut Writer) -> Result<(), CodecError> {
    let rows = rows as *const (A, B);
    let width = size_of::<A>() + size_of::<B>();
    // SAFETY: the caller passes `n` rows of this type; there is room for as many.
    unsafe {
        out.put_with(n * width, |to| {
            for i in 0..n {
                let (a, b) = rows.add(i).read();
                let to = to.add(i * width);
                (to as *mut A).write_unaligned(a);
                (to.add(size_of::<A>()) as *mut B).write_unaligned(b);
            }
        })
    }
    Ok(())
}

unsafe fn load<A: Number, B: Number>(input: &mut Reader<'_>, n: usize, out: &mut Batch) -> Result<(), CodecError> {
    let width = size_of::<A>() + size_of::<B>();
    let bytes = input.take_slice(n.saturating_mul(width))?.as_ptr();
    out.reserve(n);
    // SAFETY: room for `n` more rows of this type was reserved, and there are the bytes of as many, which are numbers.
    unsafe {
        let rows = (out.ptr as *mut (A, B)).add(out.len);
        for i in 0..n {
            let from = bytes.add(i * width);
            let pair = ((from as *const A).read_unaligned(), (from.add(size_of::<A>()) as *const B).read_unaligned());
            rows.add(i).write(pair);
        }
    }
    out.len += n;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Elem;
    use crate::codec::Codec;
    use crate::data::Data;

    fn check<T: Data + PartialEq + std::fmt::Debug>(rows: Vec<T>, is_quicker: bool) {
        let codec = quickest(Codec::<T>::VT, Elem::<T>::VT);
        assert_eq!(!std::ptr::eq(codec, Codec::<T>::VT), is_quicker, "{rows:?}");
        let (mut expected, mut found) = (Writer::default(), Writer::default());
        // SAFETY: the codecs are those of the rows' type.
        unsafe {
            (Codec::<T>::VT.save)(rows.as_ptr() as *const u8, rows.len(), &mut expected).unwrap();
            (codec.save)(rows.as_ptr() as *const u8, 1, &mut found).unwrap();
            (codec.save)(rows.as_ptr().add(1) as *const u8, rows.len() - 1, &mut found).unwrap();
            assert_eq!(found.bytes, expected.bytes);
            for end in 0..found.bytes.len() {
                let mut input = Reader::new(&found.bytes[..end]);
                assert!((codec.load)(&mut input, rows.len(), &mut Batch::new(Elem::<T>::VT)).is_err(), "{end} bytes");
            }
            let mut input = Reader::new(&found.bytes);
            let mut read = Batch::new(Elem::<T>::VT);
            (codec.load)(&mut input, 1, &mut read).unwrap();
            (codec.load)(&mut input, rows.len() - 1, &mut read).unwrap();
            assert_eq!((read.into_vec::<T>(), input.remaining()), (rows, 0));
        }
    }

    #[test]
    fn pairs_of_numbers_have_the_bytes_of_their_codec() {
        check(vec![(1u32, 0.5f64), (u32::MAX, -0.0), (7, f64::INFINITY)], true);
        check(vec![(i64::MIN, 3u32), (-1, u32::MAX)], true);
        check(vec![(2u32, 9u32), (0, 1)], true);
        check(vec![(2usize, -9i64), (usize::MAX, 1)], true);
        check(vec![(1.5f32, i32::MIN), (-1.5, 8)], true);
        check(vec![(2u32, true), (0, false)], false);
        check(vec![("a".to_owned(), 1u64), (String::new(), 2)], false);
    }
}
