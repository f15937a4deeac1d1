//! `flat_map`: any number of rows for each row. The iterator of the current row is kept between batches.

use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, take_row};
use crate::closure::Closure;
use crate::pipeline::{OpVt, StateVt, Step};
use std::alloc::Layout;
use std::marker::PhantomData;

struct FlatMap<T, I, F>(PhantomData<(T, I, F)>);

/// The iterator over what the closure returned for the last row taken from the input.
pub(super) struct Current<I>(PhantomData<I>);

impl<I> Current<I> {
    pub(super) const STATE: &'static StateVt =
        &StateVt { layout: Layout::new::<Option<I>>(), init: init::<I>, drop: drop_current::<I> };
}

unsafe fn init<I>(state: *mut u8, _: u64) {
    // SAFETY: the memory is laid out for an `Option<I>`.
    unsafe { (state as *mut Option<I>).write(None) }
}

unsafe fn drop_current<I>(state: *mut u8) {
    // SAFETY: the state was written by `init`.
    unsafe { std::ptr::drop_in_place(state as *mut Option<I>) }
}

impl<T: 'static, I: IntoIterator<Item: 'static>, F: Fn(T) -> I> FlatMap<T, I, F> {
    const OP: &'static OpVt = &OpVt {
        name: "flat_map",
        out: Elem::<I::Item>::VT,
        state: Some(Current::<I::IntoIter>::STATE),
        run: run::<T, I, F>,
    };
}

unsafe fn run<T, I: IntoIterator, F: Fn(T) -> I>(
    f: *const u8,
    state: *mut u8,
    input: &mut Batch,
    out: &mut Batch,
) -> Step {
    // SAFETY: the table's types are those of closure, state and batches.
    unsafe {
        let f = &*(f as *const F);
        expand::<T, I::IntoIter>(state, input, out, |row| f(row).into_iter())
    }
}

/// Puts the rows of the iterators that `f` makes of the rows of `input` into `out`, until that is full.
///
/// # Safety
/// The state is a [`Current`] one of the iterator type; `input` holds rows of type `T`, `out` of the iterator's items.
#[inline]
pub(super) unsafe fn expand<T, I: Iterator>(
    state: *mut u8,
    input: &mut Batch,
    out: &mut Batch,
    f: impl Fn(T) -> I,
) -> Step {
    // SAFETY: the types are as the caller says; `limit` rows are reserved before they are written.
    unsafe {
        let current = &mut *(state as *mut Option<I>);
        out.reserve(out.limit);
        loop {
            if let Some(rows) = current {
                while out.len < out.limit {
                    let Some(row) = rows.next() else { break };
                    (out.ptr as *mut I::Item).add(out.len).write(row);
                    out.len += 1;
                }
                if out.len == out.limit {
                    return Step::More;
                }
                *current = None;
            }
            if input.is_empty() {
                return Step::Done;
            }
            *current = Some(f(take_row::<T>(input)));
        }
    }
}

impl<T: 'static> Rdd<T> {
    /// Applies `f` to every row and puts the rows of what it returns one after the other.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 4);
    /// assert_eq!(rdd.flat_map(|x| vec![x; x as usize]).collect()?, [1, 2, 2, 3, 3, 3]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn flat_map<I, F>(&self, f: F) -> Rdd<I::Item>
    where
        I: IntoIterator<Item: 'static> + 'static,
        F: Fn(T) -> I + Send + Sync + 'static,
    {
        Rdd::from_handle(self.handle.narrow(FlatMap::<T, I, F>::OP, Closure::plain::<F, fn(T) -> I>(f, "flat_map")))
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::flat_map`] with captured variables.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).range(0, 2);
    /// assert_eq!(rdd.with_env((&2usize,)).flat_map(|(n,)| move |x| vec![x; n]).collect()?, [0, 0, 1, 1]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn flat_map<I, G, F>(self, factory: G) -> Rdd<I::Item>
    where
        I: IntoIterator<Item: 'static> + 'static,
        G: Fn(O) -> F,
        F: Fn(T) -> I + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow(FlatMap::<T, I, F>::OP, closure))
    }
}
