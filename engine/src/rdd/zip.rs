//! `zip`, `zip_partitions` and `cartesian`: the rows of two RDDs side by side.

use super::map_partitions::{Running, next};
use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, take_row};
use crate::closure::Closure;
use crate::codec::Codec;
use crate::context::DparkContext;
use crate::data::Data;
use crate::pipeline::{Cursor, PairVt, ProbeVt, Rows, Step, Upstream};
use crate::table::Buckets;
use std::marker::PhantomData;

struct ZipPartitions<T, U, I, F>(PhantomData<(T, U, I, F)>);

impl<T: 'static, U: 'static, I: IntoIterator<Item: 'static>, F: Fn(Rows<T>, Rows<U>) -> I> ZipPartitions<T, U, I, F> {
    const OP: &'static PairVt = &Self::named("zip_partitions");
    const ZIP: &'static PairVt = &Self::named("zip");

    const fn named(name: &'static str) -> PairVt {
        PairVt {
            name,
            out: Elem::<I::Item>::VT,
            state: Running::<I::IntoIter>::STATE,
            open: open::<T, U, I, F>,
            next: next::<I::IntoIter>,
        }
    }
}

unsafe fn open<T, U, I: IntoIterator, F: Fn(Rows<T>, Rows<U>) -> I>(
    f: *const u8,
    left: Upstream,
    right: Upstream,
    state: *mut u8,
) {
    // SAFETY: the table's types are those of closure, upstreams and state.
    unsafe {
        let f = &*(f as *const F);
        (*(state as *mut Running<I::IntoIter>)).rows = Some(f(Rows::new(left), Rows::new(right)).into_iter());
    }
}

struct Product<T, U>(PhantomData<(T, U)>);

impl<T: Clone + 'static, U: Data + Clone> Product<T, U> {
    const OP: &'static ProbeVt = &ProbeVt {
        name: "cartesian",
        out: Elem::<(T, U)>::VT,
        left: Elem::<T>::VT,
        table: Elem::<U>::VT,
        hash: None,
        key: None,
        codec: Codec::<U>::VT,
        build: None,
        probe: product::<T, U>,
        borrows: false,
        rest: None,
    };
}

unsafe fn product<T: Clone, U: Clone>(
    _: *const u8,
    left: &mut Batch,
    tables: &mut Buckets,
    cursor: &mut Cursor,
    out: &mut Batch,
) -> Step {
    let right = tables.rows_mut();
    out.reserve(out.limit);
    // SAFETY: batches and table have the types of the operator's table; `limit` rows were reserved.
    unsafe {
        let others = std::slice::from_raw_parts(right.row(0) as *const U, right.rows());
        while !left.is_empty() {
            let row = &*(left.row(0) as *const T);
            while cursor.met < others.len() {
                if out.len >= out.limit {
                    return Step::More;
                }
                let pair = (row.clone(), others[cursor.met].clone());
                (out.ptr as *mut (T, U)).add(out.len).write(pair);
                out.len += 1;
                cursor.met += 1;
            }
            drop(take_row::<T>(left));
            cursor.met = 0;
        }
    }
    Step::Done
}

fn zipped<T, U>(left: Rows<T>, right: Rows<U>) -> std::iter::Zip<Rows<T>, Rows<U>> {
    left.zip(right)
}

/// The rows of several RDDs, side by side. Of no RDDs there is nothing to be side by side.
#[track_caller]
pub(crate) fn zip_all<T: Data>(context: &DparkContext, rdds: Vec<Rdd<T>>) -> Rdd<Vec<T>> {
    let mut rdds = rdds.into_iter();
    let Some(first) = rdds.next() else { return context.parallelize(Vec::new()) };
    let rows = first.map(|row| vec![row]);
    rdds.fold(rows, |rows, next| {
        rows.zip(&next).map(|(mut row, value)| {
            row.push(value);
            row
        })
    })
}

impl<T: 'static> Rdd<T> {
    /// Pairs the rows of two RDDs, partition by partition; where one partition has fewer rows than the other, the rest of the
    /// other is left out, as in DPark. An error if the numbers of partitions differ.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// assert_eq!(ctx.range(0, 3).zip(&ctx.range(10, 13)).collect()?, [(0, 10), (1, 11), (2, 12)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[doc(alias = "zip_with")]
    #[track_caller]
    pub fn zip<U: 'static>(&self, other: &Rdd<U>) -> Rdd<(T, U)> {
        type Zip<T, U> = fn(Rows<T>, Rows<U>) -> std::iter::Zip<Rows<T>, Rows<U>>;
        let closure = Closure::plain::<Zip<T, U>, Zip<T, U>>(zipped::<T, U>, "zip");
        let op = ZipPartitions::<T, U, std::iter::Zip<Rows<T>, Rows<U>>, Zip<T, U>>::ZIP;
        Rdd::from_handle(self.handle.paired(&other.handle, op, closure))
    }

    /// [`Rdd::zip`] by DPark's name.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// assert_eq!(ctx.range(0, 2).zip_with(&ctx.range(5, 7)).collect()?, [(0, 5), (1, 6)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn zip_with<U: 'static>(&self, other: &Rdd<U>) -> Rdd<(T, U)> {
        self.zip(other)
    }

    /// Calls `f` once for each pair of partitions, with iterators over their rows; what it returns are the rows of the
    /// partition. An error if the numbers of partitions differ.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// let counts = ctx.range(0, 9).zip_partitions(&ctx.range(0, 4), |a, b| [(a.count(), b.count())]);
    /// assert_eq!(counts.collect()?, [(4, 2), (5, 2)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn zip_partitions<U, I, F>(&self, other: &Rdd<U>, f: F) -> Rdd<I::Item>
    where
        U: 'static,
        I: IntoIterator<Item: 'static> + 'static,
        F: Fn(Rows<T>, Rows<U>) -> I + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(Rows<T>, Rows<U>) -> I>(f, "zip_partitions");
        Rdd::from_handle(self.handle.paired(&other.handle, ZipPartitions::<T, U, I, F>::OP, closure))
    }

    /// Every row of `self` with every row of `other`: one partition for each pair of partitions. The rows of `other`'s
    /// partition are held in memory meanwhile.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let pairs = ctx.range(0, 2).cartesian(&ctx.parallelize(["a", "b"].map(String::from)));
    /// assert_eq!(pairs.map(|(n, s)| format!("{n}{s}")).collect()?, ["0a", "0b", "1a", "1b"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn cartesian<U>(&self, other: &Rdd<U>) -> Rdd<(T, U)>
    where
        T: Clone,
        U: Data + Clone,
    {
        Rdd::from_handle(self.handle.product(&other.handle, Product::<T, U>::OP))
    }
}

impl<T: 'static, O: 'static> WithEnv<T, O> {
    /// [`Rdd::zip_partitions`] with captured variables.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(1);
    /// let n = 2usize;
    /// let firsts = ctx.range(0, 9).with_env((&n,)).zip_partitions(&ctx.range(5, 9), |(n,)| move |a, b| a.chain(b.take(n)));
    /// assert_eq!(firsts.count()?, 11);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn zip_partitions<U, I, G, F>(self, other: &Rdd<U>, factory: G) -> Rdd<I::Item>
    where
        U: 'static,
        I: IntoIterator<Item: 'static> + 'static,
        G: Fn(O) -> F,
        F: Fn(Rows<T>, Rows<U>) -> I + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.paired(&other.handle, ZipPartitions::<T, U, I, F>::OP, closure))
    }
}
