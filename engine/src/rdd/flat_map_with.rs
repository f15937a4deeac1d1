//! `flat_map_with`: any number of rows for each row, emitted by the closure straight into the batch that the next operator
//! gets. `flat_map` needs something that can be iterated over, which often is a vector made for this only.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step};
use std::marker::PhantomData;

/// Where the closure of [`Rdd::flat_map_with`] puts rows.
pub struct Emitter<'a, U> {
    rows: *mut U,
    len: usize,
    capacity: usize,
    /// Owns the rows. Its length is brought up to date after each row if rows need a drop, else at the end.
    out: &'a mut Batch,
}

impl<'a, U> Emitter<'a, U> {
    /// An emitter that appends to a batch.
    ///
    /// # Safety
    /// The batch holds rows of type `U`.
    #[inline]
    pub(super) unsafe fn new(out: &'a mut Batch) -> Emitter<'a, U> {
        Emitter { rows: out.ptr as *mut U, len: out.len, capacity: out.capacity(), out }
    }

    /// Adds a row behind those emitted so far.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 3);
    /// assert_eq!(rdd.flat_map_with(|x, out| out.emit(x + 1)).collect()?, [1, 2, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[inline]
    pub fn emit(&mut self, row: U) {
        if self.len == self.capacity {
            // Handed over by value: an emitter whose address goes nowhere is kept in registers.
            let (rows, capacity) = grow(self.out, self.len);
            self.rows = rows as *mut U;
            self.capacity = capacity;
        }
        // SAFETY: there is memory for `capacity` rows, more than there are.
        unsafe { self.rows.add(self.len).write(row) }
        self.len += 1;
        if const { std::mem::needs_drop::<U>() } {
            self.out.len = self.len;
        }
    }

    /// Rows in the batch.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Hands the rows over to the batch.
    #[inline]
    pub(super) fn finish(self) {
        self.out.len = self.len;
    }
}

/// Makes room for more rows than `len`; returns where they are now, and for how many there is room.
#[cold]
#[inline(never)]
fn grow(out: &mut Batch, len: usize) -> (*mut u8, usize) {
    out.len = len;
    out.reserve(1);
    (out.ptr, out.capacity())
}

impl<U> std::fmt::Debug for Emitter<'_, U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "emitter of {} rows", self.len)
    }
}

struct FlatMapWith<T, U, F>(PhantomData<(T, U, F)>);

impl<T: 'static, U: 'static, F: Fn(T, &mut Emitter<'_, U>)> FlatMapWith<T, U, F> {
    const OP: &'static OpVt = &OpVt { name: "flat_map_with", out: Elem::<U>::VT, state: None, run: run::<T, U, F> };
}

unsafe fn run<T, U, F: Fn(T, &mut Emitter<'_, U>)>(
    f: *const u8,
    _: *mut u8,
    input: &mut Batch,
    out: &mut Batch,
) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe { emit_rows::<T, U>(input, out, &*(f as *const F)) }
}

/// Hands every row of `input` to `f`, until `out` is full. All that `f` emits for one row fits in any case: it cannot be
/// interrupted.
///
/// # Safety
/// `input` holds rows of type `T`, `out` of type `U`.
#[inline]
pub(super) unsafe fn emit_rows<T, U>(
    input: &mut Batch,
    out: &mut Batch,
    mut f: impl FnMut(T, &mut Emitter<'_, U>),
) -> Step {
    out.reserve(input.rows());
    let limit = out.limit;
    let (mut at, end) = (input.head, input.len);
    let rows = input.ptr as *const T;
    // SAFETY: the types are as the caller says; each row is read once: where rows need a drop, `head` moves past a row before
    // `f` gets it, else there is nothing to clean up after a panic.
    unsafe {
        let mut emitter = Emitter::new(out);
        while at < end && emitter.len < limit {
            let row = rows.add(at).read();
            at += 1;
            if const { std::mem::needs_drop::<T>() } {
                input.head = at;
            }
            f(row, &mut emitter);
        }
        emitter.finish();
    }
    input.head = at;
    if at == end { Step::Done } else { Step::More }
}

impl<T: 'static> Rdd<T> {
    /// Calls `f` with every row and an [`Emitter`]: what it emits are the new rows. As [`Rdd::flat_map`], without a vector to
    /// hold the rows in between; but what is emitted for one row is held in memory at once.
    ///
    /// ```
    /// let lines = dpark::DparkContext::local(2).parallelize(["to be or", "not to be"].map(String::from));
    /// let words = lines.flat_map_with(|line, out| line.split(' ').for_each(|word| out.emit(word.to_string())));
    /// assert_eq!(words.collect()?, ["to", "be", "or", "not", "to", "be"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn flat_map_with<U: 'static, F>(&self, f: F) -> Rdd<U>
    where
        F: Fn(T, &mut Emitter<'_, U>) + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(T, &mut Emitter<'_, U>)>(f, "flat_map_with");
        Rdd::from_handle(self.handle.narrow(FlatMapWith::<T, U, F>::OP, closure))
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::flat_map_with`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 4);
    /// let large = rdd.with_env((&2i64,)).flat_map_with(|(n,)| move |x, out| if x >= n { out.emit(x * 10) });
    /// assert_eq!(large.collect()?, [20, 30]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn flat_map_with<U: 'static, G, F>(self, factory: G) -> Rdd<U>
    where
        G: Fn(O) -> F,
        F: Fn(T, &mut Emitter<'_, U>) + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow(FlatMapWith::<T, U, F>::OP, closure))
    }
}
