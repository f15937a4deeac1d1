//! The loops over the rows of a batch, with their type. A cell compiles them again for each of its operators.

use super::Batch;

/// Moves every row of `input` through `f` to the empty batch `out`.
///
/// # Safety
/// `input` holds rows of type `T`, `out` of type `U`.
#[inline]
pub unsafe fn map_rows<T, U>(input: &mut Batch, out: &mut Batch, mut f: impl FnMut(T) -> U) {
    let rows = input.rows();
    out.reserve(rows);
    // SAFETY: rows are read once each (`head` moves past a row before `f` gets it) and written to reserved memory. Rows
    // that need no drop are not counted one by one: after a panic there is nothing to clean up.
    unsafe {
        let target = out.ptr as *mut U;
        if const { std::mem::needs_drop::<T>() || std::mem::needs_drop::<U>() } {
            let source = input.ptr as *const T;
            while input.head < input.len {
                let row = source.add(input.head).read();
                input.head += 1;
                target.add(out.len).write(f(row));
                out.len += 1;
            }
        } else {
            let source = (input.ptr as *const T).add(input.head);
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

/// Moves the rows of `input` for which `keep` holds to the empty batch `out`.
///
/// # Safety
/// Both hold rows of type `T`.
#[inline]
pub unsafe fn filter_rows<T>(input: &mut Batch, out: &mut Batch, mut keep: impl FnMut(&T) -> bool) {
    let rows = input.rows();
    out.reserve(rows);
    // SAFETY: as in `map_rows`; the second loop writes every row and counts only the kept ones, which saves a branch.
    unsafe {
        let target = out.ptr as *mut T;
        if const { std::mem::needs_drop::<T>() } {
            let source = input.ptr as *const T;
            while input.head < input.len {
                let row = source.add(input.head).read();
                input.head += 1;
                if keep(&row) {
                    target.add(out.len).write(row);
                    out.len += 1;
                }
            }
        } else {
            let source = (input.ptr as *const T).add(input.head);
            let (mut i, mut kept) = (0, 0);
            while i < rows {
                // Bitwise a copy of a row that needs no drop: whichever of the two is used, the other is forgotten.
                let row = std::mem::ManuallyDrop::new(source.add(i).read());
                let keeps = keep(&row);
                target.add(kept).write(std::mem::ManuallyDrop::into_inner(row));
                kept += keeps as usize;
                i += 1;
            }
            input.head = input.len;
            out.len = kept;
        }
    }
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
