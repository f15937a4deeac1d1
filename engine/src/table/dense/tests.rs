//! Rows leave the array as they would have left hash tables, whatever the keys.

use crate::batch::{Batch, Elem};
use crate::shuffle::KeyVt;
use crate::table::{Buckets, combine_pairs};
use std::hash::Hash;

/// How rows are added: into hash tables, into an array from some batch on, or into one that is left later.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    Hashed,
    Dense,
    Left,
}

/// The rows of all tables after adding up the pairs; whether they were in an array at the end.
fn summed<K: Hash + Eq + Copy + 'static>(pairs: &[(K, f64)], way: Way) -> (Vec<Vec<(K, f64)>>, bool) {
    let keys = const { &KeyVt::of_pairs::<K, f64, f64>() };
    let mut tables = Buckets::for_map(Elem::<(K, f64)>::VT, Some(keys), 3, 4, 0);
    for (i, some) in pairs.chunks(100).enumerate() {
        let mut input = Batch::from_vec(some.to_vec());
        // SAFETY: input and tables hold rows of type `(K, f64)`; the addresses are those of values.
        unsafe {
            let add = |sum: *mut f64, value| *sum += value;
            combine_pairs::<K, f64, f64>(&mut input, &mut tables, |value| value, add)
        }
        if way != Way::Hashed && i == 2 {
            tables.make_dense();
        }
        if way == Way::Left && i == 20 {
            tables.leave_dense();
        }
    }
    let dense = tables.is_dense();
    let different: std::collections::HashSet<&K> = pairs.iter().map(|pair| &pair.0).collect();
    assert_eq!(tables.rows(), different.len());
    // SAFETY: as above.
    (tables.into_rows().map(|rows| unsafe { rows.into_vec() }).collect(), dense)
}

/// Compares all ways; tells whether the array lasted.
fn lasts<K: Hash + Eq + Copy + std::fmt::Debug + 'static>(key: impl Fn(u64) -> K) -> bool {
    let pairs: Vec<(K, f64)> = (0..20_000u64).map(|i| (key(i), 1.0 / (i + 1) as f64)).collect();
    let (hashed, _) = summed(&pairs, Way::Hashed);
    assert_eq!(hashed.len(), 12);
    assert_eq!(summed(&pairs, Way::Left), (hashed.clone(), false));
    let (rows, dense) = summed(&pairs, Way::Dense);
    assert_eq!(rows, hashed, "the same rows in the same order");
    dense
}

#[test]
fn rows_come_out_as_from_hash_tables() {
    let mixed = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50;
    assert!(lasts(|i| mixed(i) as u32));
    assert!(lasts(|i| mixed(i) as i32 - 8_000));
    assert!(lasts(|i| u64::MAX - mixed(i)));
    assert!(lasts(|i| i64::MIN + mixed(i) as i64));
    assert!(lasts(|i| i as u8) && lasts(|i| i as i8));
}

#[test]
fn the_range_widens_in_both_directions() {
    assert!(lasts(|i| i as usize / 3));
    assert!(lasts(|i| -(i as i64)));
    assert!(lasts(|i| if i % 2 == 0 { i as i16 } else { -(i as i16) }));
}

#[test]
fn keys_far_apart_are_hashed() {
    assert!(!lasts(|i| i << 40), "never dense");
    assert!(!lasts(|i| if i < 10_000 { i } else { u64::MAX - i }), "dense, until one is far away");
    assert!(!lasts(|i| (i as u32, 0u8)), "no integer");
}

#[test]
fn values_may_have_no_bytes() {
    let keys = const { &KeyVt::of_pairs::<i16, (), ()>() };
    let mut tables = Buckets::for_map(Elem::<(i16, ())>::VT, Some(keys), 1, 1, 0);
    for round in 0..3 {
        let mut input = Batch::from_vec((-300..300i16).map(|key| (key * 7 % 50 * round, ())).collect::<Vec<_>>());
        // SAFETY: input and tables hold rows of type `(i16, ())`.
        unsafe { combine_pairs::<i16, (), ()>(&mut input, &mut tables, |value| value, |_, _| ()) }
        tables.make_dense();
    }
    assert!(tables.is_dense());
    // SAFETY: as above.
    let mut rows: Vec<(i16, ())> = tables.into_rows().flat_map(|rows| unsafe { rows.into_vec() }).collect();
    let first = rows[0].0;
    rows.sort();
    let mut expected: Vec<(i16, ())> = (-49..50).flat_map(|key| [(key, ()), (key * 2, ())]).collect();
    expected.sort();
    expected.dedup();
    assert_eq!((first, rows), (0, expected));
}
