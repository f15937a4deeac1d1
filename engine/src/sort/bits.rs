//! Keys as unsigned numbers of the same order, for the types that most sorts are by. Numbers are sorted digit by digit,
//! without a comparison, and need no memory of the keys.

use crate::batch::{Batch, ElemVt};
use compact_str::CompactString;
use std::any::TypeId;
use std::cmp::Reverse;

/// How keys of one type become numbers.
#[derive(Clone, Copy)]
pub(super) struct Bits {
    /// The numbers of all keys of a batch.
    pub(super) of: fn(&Batch) -> Vec<u64>,
    /// Whether keys with equal numbers are equal; otherwise they have to be compared.
    pub(super) exact: bool,
}

/// The numbers of keys of this type, if it is known here.
pub(super) fn bits(key: &'static ElemVt) -> Option<Bits> {
    let wanted = (key.type_id)();
    known().into_iter().find(|(id, _)| *id == wanted).map(|(_, bits)| bits)
}

macro_rules! known {
    ($($number:ident $unsigned:ident $flip:expr;)*) => {
        /// Every known type with its reverse.
        fn known() -> [(TypeId, Bits); known!(@count $($number)*) * 2 + 3] {
            [
                $(
                    (
                        TypeId::of::<$number>(),
                        Bits { of: |keys| numbers::<$number>(keys, |key| $flip(*key) as u64), exact: true },
                    ),
                    (
                        TypeId::of::<Reverse<$number>>(),
                        Bits {
                            of: |keys| numbers::<Reverse<$number>>(keys, |key| !($flip(key.0) as u64)),
                            exact: true,
                        },
                    ),
                )*
                (
                    TypeId::of::<String>(),
                    Bits { of: |keys| numbers::<String>(keys, |key| prefix(key)), exact: false },
                ),
                (
                    TypeId::of::<CompactString>(),
                    Bits { of: |keys| numbers::<CompactString>(keys, |key| prefix(key)), exact: false },
                ),
                (
                    TypeId::of::<Reverse<String>>(),
                    Bits { of: |keys| numbers::<Reverse<String>>(keys, |key| !prefix(&key.0)), exact: false },
                ),
            ]
        }
    };
    (@count) => { 0 };
    (@count $first:ident $($rest:ident)*) => { 1 + known!(@count $($rest)*) };
}

known! {
    u8 u8 |key: u8| key;
    u16 u16 |key: u16| key;
    u32 u32 |key: u32| key;
    u64 u64 |key: u64| key;
    usize usize |key: usize| key;
    char u32 |key: char| key;
    bool u8 |key: bool| key;
    i8 u8 |key: i8| key as u8 ^ 1 << 7;
    i16 u16 |key: i16| key as u16 ^ 1 << 15;
    i32 u32 |key: i32| key as u32 ^ 1 << 31;
    i64 u64 |key: i64| key as u64 ^ 1 << 63;
    isize u64 |key: isize| key as u64 ^ 1 << 63;
}

fn numbers<K>(keys: &Batch, bits: impl Fn(&K) -> u64) -> Vec<u64> {
    // SAFETY: `bits` has compared the type of the batch's rows with `K`.
    let keys = unsafe { std::slice::from_raw_parts(keys.row(0) as *const K, keys.rows()) };
    keys.iter().map(bits).collect()
}

/// The first eight bytes, the missing ones as zeros: a text that another one continues is not above it.
fn prefix(text: &str) -> u64 {
    let bytes = text.as_bytes();
    match bytes.first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut first = [0; 8];
            first[..bytes.len()].copy_from_slice(bytes);
            u64::from_be_bytes(first)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<K: Ord + Clone + std::fmt::Debug + 'static>(keys: &[K]) {
        let batch = Batch::from_vec(keys.to_vec());
        let known = bits(batch.elem()).unwrap();
        let numbers = (known.of)(&batch);
        for (a, x) in keys.iter().zip(&numbers) {
            for (b, y) in keys.iter().zip(&numbers) {
                let fits = if known.exact { a.cmp(b) == x.cmp(y) } else { a.cmp(b) == x.cmp(y) || x == y };
                assert!(fits, "{a:?} {b:?} {x} {y}");
            }
        }
    }

    #[test]
    fn numbers_have_the_order_of_their_keys() {
        check(&[i64::MIN, -1, 0, 1, i64::MAX]);
        check(&[i8::MIN, -1, 0, i8::MAX]);
        check(&[u64::MAX, 0, 7]);
        check(&[false, true]);
        check(&['a', 'ß', '😀']);
        check(&[Reverse(3i32), Reverse(-3), Reverse(i32::MIN)]);
        check(&["", "\0", "a", "ab", "abcdefgh", "abcdefghi", "b", "ß"].map(String::from));
        check(&["", "a", "abcdefghi", "abcdefghj"].map(CompactString::from));
        check(&["", "a", "abcdefghi", "abcdefghj"].map(|text| Reverse(text.to_owned())));
    }
}
