use super::super::{Elem, filter_rows, map_rows};
use super::*;
use crate::random::Random;
use std::rc::Rc;

/// Keeps every number of rows by chance, from none of them to all.
fn masks() -> impl Iterator<Item = Vec<bool>> {
    let mut random = Random::new(7, 0);
    (0..300usize).map(move |n| (0..n).map(|_| random.next_u64() % 7 < n as u64 % 8).collect())
}

fn check<T: Clone + PartialEq + std::fmt::Debug + 'static>(row: impl Fn(u64) -> T) {
    for mask in masks() {
        let rows: Vec<T> = (0..mask.len() as u64 + 1).map(&row).collect();
        let expected: Vec<T> =
            rows[1..].iter().zip(&mask).filter(|(_, keep)| **keep).map(|(row, _)| row.clone()).collect();
        let (mut input, mut out) = (Batch::from_vec(rows), Batch::new(Elem::<T>::VT));
        let mut answers = mask.iter();
        // SAFETY: both batches hold rows of type `T`.
        let kept = unsafe {
            // A batch need not begin at the start of its memory.
            drop(super::super::take_row::<T>(&mut input));
            filter_rows::<T>(&mut input, &mut out, |_| *answers.next().expect("asked once for each row"));
            assert!(input.is_empty(), "the rows have moved");
            out.into_vec::<T>()
        };
        assert_eq!(kept, expected, "{mask:?}");
    }
}

#[test]
fn rows_of_every_size_are_selected() {
    check(|_| ());
    check(|n| n as u8);
    check(|n| n as u16);
    check(|n| n as u32);
    check(|n| n);
    check(|n| (n as u32, n as u32 + 1, n as u32 + 2));
    check(|n| (n, n + 1));
    check(|n| [n, n + 1, n + 2]);
    check(|n| [n; 4]);
    check(|n| [n; 5]);
    check(|n| n.to_string());
}

#[test]
fn rows_stay_where_they_are_if_answers_will_do() {
    for mask in masks() {
        let mut selected = Selected::new(Elem::<String>::VT);
        selected.rows = Batch::from_vec((0..mask.len()).map(|row| row.to_string()).collect());
        assert_eq!(selected.count(), mask.len(), "without answers all rows count");
        selected.answers.mask = Mask::Wanted;
        let (memory, mut answers) = (selected.rows.ptr, mask.iter());
        // SAFETY: both batches hold texts.
        unsafe {
            filter_rows::<String>(&mut selected.rows, &mut selected.answers, |_| *answers.next().expect("one each"));
        }
        assert_eq!(selected.count(), mask.iter().filter(|answer| **answer).count());
        let (rows, answers) = selected.parts();
        assert_eq!((rows.ptr, rows.rows(), answers), (memory, mask.len(), Some(&mask[..])));
    }
}

#[test]
fn each_row_is_dropped_once() {
    let counted = Rc::new(());
    check({
        let counted = Rc::clone(&counted);
        move |_| Rc::clone(&counted)
    });
    assert_eq!(Rc::strong_count(&counted), 1);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn all_processors_select_the_same_rows() {
    use compress::x86_64::{move_4_avx512, move_8_avx2, move_8_avx512};
    type Move = unsafe fn(*mut u8, *mut u8, &[bool]) -> usize;
    let mut moves: Vec<(usize, Move)> = vec![(4, move_each::<4>), (8, move_each::<8>)];
    if std::arch::is_x86_feature_detected!("avx2") {
        moves.push((8, move_8_avx2));
    }
    if std::arch::is_x86_feature_detected!("avx512bw") {
        moves.extend([(8, move_8_avx512 as Move), (4, move_4_avx512)]);
    }
    for mask in masks() {
        for (size, rows_of) in &moves {
            let rows: Vec<Vec<u8>> =
                (0..mask.len()).map(|row| (0..*size).map(|i| (row * 3 + i) as u8).collect()).collect();
            let mut bytes = rows.concat();
            // SAFETY: there is a row of this size for each answer.
            let kept = unsafe { rows_of(bytes.as_mut_ptr(), bytes.as_mut_ptr(), &mask) };
            let expected: Vec<u8> =
                rows.iter().zip(&mask).filter(|(_, keep)| **keep).flat_map(|(row, _)| row.clone()).collect();
            assert_eq!(bytes[..kept * size], expected, "rows of {size} bytes, {mask:?}");
        }
    }
}

#[test]
fn rows_are_replaced_where_they_are() {
    let (mut input, mut out) = (Batch::from_vec(vec![1i64, 2, 3]), Batch::new(Elem::<f64>::VT));
    let memory = input.ptr;
    // SAFETY: the batches hold rows of these types.
    unsafe {
        assert_eq!(super::super::take_row::<i64>(&mut input), 1);
        map_rows::<i64, f64>(&mut input, &mut out, |row| row as f64 / 2.0);
        assert_eq!((input.rows(), out.rows(), out.ptr), (0, 2, memory));
        assert_eq!(out.into_vec::<f64>(), [1.0, 1.5]);
    }
}

#[test]
fn a_vector_of_empty_rows_takes_no_memory_along() {
    let mut batch = Batch::new(Elem::<()>::VT);
    batch.mask(100);
    batch.len = 3;
    assert_eq!(batch.take_parts(), (std::ptr::without_provenance_mut(1), 3, 3));
    assert!(batch.bytes() >= 100, "its owner frees it");
}
