//! The loops over the rows of a batch, with their type. A cell compiles them again for each of its operators.

use super::Batch;
use crate::vectors::{Vectors, vectors};

/// Moves every row of `input` through `f` to the empty batch `out`.
///
/// # Safety
/// `input` holds rows of type `T`, `out` of type `U`.
#[inline]
pub unsafe fn map_rows<T, U>(input: &mut Batch, out: &mut Batch, mut f: impl FnMut(T) -> U) {
    let rows = input.rows();
    // SAFETY: rows are read once each (`head` moves past a row before `f` gets it) and written to reserved memory. Rows
    // that need no drop are not counted one by one: after a panic there is nothing to clean up. If they have the layout of what
    // is made of them, that is written in their place, and the first-level cache has to hold one batch instead of two.
    unsafe {
        if const { std::mem::needs_drop::<T>() || std::mem::needs_drop::<U>() } {
            out.reserve(rows);
            let target = out.ptr as *mut U;
            let source = input.ptr as *const T;
            while input.head < input.len {
                let row = source.add(input.head).read();
                input.head += 1;
                target.add(out.len).write(f(row));
                out.len += 1;
            }
        } else if const { size_of::<T>() == size_of::<U>() && align_of::<T>() == align_of::<U>() } {
            let source = (input.ptr as *mut T).add(input.head);
            if vectors() >= Vectors::Avx2 {
                replace_wide(source, rows, &mut f)
            } else {
                replace_plain(source, rows, &mut f)
            }
            input.hand_over(out);
        } else {
            out.reserve(rows);
            let source = (input.ptr as *const T).add(input.head);
            let target = out.ptr as *mut U;
            let mut i = 0;
            while i < rows {
                target.add(i).write(f(source.add(i).read()));
                i += 1;
            }
            input.head = input.len;
            out.len = rows;
        }
    }
}

/// Replaces each row by what `f` makes of it, four at a time: a closure that checks for overflow keeps the compiler from using
/// vectors and from unrolling the loop, whose counting would then be a third of it.
///
/// # Safety
/// There are so many rows at `rows`; `U` has the layout of `T`, and neither needs a drop.
#[inline(always)]
unsafe fn replace_plain<T, U>(rows: *mut T, n: usize, f: &mut impl FnMut(T) -> U) {
    const AT_ONCE: usize = 4;
    let mut replace = |i: usize| {
        // SAFETY: called for places below the number of rows only.
        unsafe {
            let row = rows.add(i);
            (row as *mut U).write(f(row.read()));
        }
    };
    let mut i = 0;
    while n - i >= AT_ONCE {
        let mut k = 0;
        while k < AT_ONCE {
            replace(i + k);
            k += 1;
        }
        i += AT_ONCE;
    }
    while i < n {
        replace(i);
        i += 1;
    }
}

/// The same, compiled for wide vectors.
///
/// # Safety
/// As for [`replace_plain`]; the processor has AVX2.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn replace_wide<T, U>(rows: *mut T, n: usize, f: &mut impl FnMut(T) -> U) {
    // SAFETY: passed on from the caller.
    unsafe { replace_plain(rows, n, f) }
}

/// Moves the rows of `input` for which `keep` holds to the empty batch `out`; or leaves them where they are, and in `out` the
/// answers, if that is what `out` is for (see `Batch::select`).
///
/// # Safety
/// Both hold rows of type `T`.
#[inline]
pub unsafe fn filter_rows<T>(input: &mut Batch, out: &mut Batch, mut keep: impl FnMut(&T) -> bool) {
    let rows = input.rows();
    let mask = out.mask(rows);
    // SAFETY: the rows stay where they are until the mask is complete.
    unsafe {
        let source = (input.ptr as *const T).add(input.head);
        match if const { std::mem::needs_drop::<T>() } { Vectors::Common } else { vectors() } {
            Vectors::Avx512 => mark_wider(source, mask, rows, &mut keep),
            Vectors::Avx2 => mark_wide(source, mask, rows, &mut keep),
            Vectors::Common => mark_plain(source, mask, rows, &mut keep),
        }
        input.select(out);
    }
}

/// Writes for each row whether to keep it.
///
/// # Safety
/// There are so many rows at `rows`, and there is room for so many answers at `mask`.
#[inline(always)]
unsafe fn mark_plain<T>(rows: *const T, mask: *mut bool, n: usize, keep: &mut impl FnMut(&T) -> bool) {
    let mut i = 0;
    while i < n {
        // SAFETY: `i` is below the number of rows.
        unsafe { mask.add(i).write(keep(&*rows.add(i))) }
        i += 1;
    }
}

/// The same, compiled for vectors of 64 bytes: it is answers of one byte each about rows of several that these are better at.
///
/// # Safety
/// As for [`mark_plain`]; the processor has these parts of AVX-512.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl"))]
unsafe fn mark_wider<T>(rows: *const T, mask: *mut bool, n: usize, keep: &mut impl FnMut(&T) -> bool) {
    // SAFETY: passed on from the caller.
    unsafe { mark_plain(rows, mask, n, keep) }
}

/// The same, compiled for vectors of 32 bytes.
///
/// # Safety
/// As for [`mark_plain`]; the processor has AVX2.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn mark_wide<T>(rows: *const T, mask: *mut bool, n: usize, keep: &mut impl FnMut(&T) -> bool) {
    // SAFETY: passed on from the caller.
    unsafe { mark_plain(rows, mask, n, keep) }
}

/// Moves every row of `input` into `f`.
///
/// # Safety
/// `input` holds rows of type `T`.
#[inline]
pub unsafe fn drain_rows<T>(input: &mut Batch, mut f: impl FnMut(T)) {
    let rows = input.rows();
    // SAFETY: each row is read once; where rows need a drop, `head` moves past a row before `f` gets it.
    unsafe {
        let source = (input.ptr as *const T).add(input.head);
        if const { !std::mem::needs_drop::<T>() } {
            input.head = input.len;
        }
        let mut i = 0;
        while i < rows {
            let row = source.add(i).read();
            i += 1;
            if const { std::mem::needs_drop::<T>() } {
                input.head += 1;
            }
            f(row);
        }
    }
}

/// Takes the next row out of a batch that is not empty.
///
/// # Safety
/// `input` holds rows of type `T`, at least one.
#[inline]
pub unsafe fn take_row<T>(input: &mut Batch) -> T {
    debug_assert!(!input.is_empty(), "a row is taken from an empty batch");
    // SAFETY: row `head` is owned and initialised; it is given up by moving `head` past it.
    unsafe {
        let row = (input.ptr as *const T).add(input.head).read();
        input.head += 1;
        row
    }
}
