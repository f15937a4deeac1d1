//! `map_str`, `filter_str` and `flat_map_str`: operators on texts that look at a `&str`. Directly behind `text_file` they run over
//! the lines where the file's reader has them, and no `String` is made for a line.

use super::flat_map_with::Emitter;
use super::{Rdd, WithEnv};
use crate::batch::{Batch, Elem, filter_rows, map_rows};
use crate::closure::Closure;
use crate::pipeline::{OpVt, Step, Texts};
use std::marker::PhantomData;

struct MapStr<U, F>(PhantomData<(U, F)>);

impl<U: 'static, F: Fn(&str) -> U> MapStr<U, F> {
    const OP: &'static OpVt = &OpVt { name: "map_str", out: Elem::<U>::VT, state: None, run: map_strings::<U, F> };
}

unsafe fn map_strings<U, F: Fn(&str) -> U>(f: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe {
        let f = &*(f as *const F);
        map_rows::<String, U>(input, out, |text| f(&text));
    }
    Step::Done
}

unsafe fn map_lines<U, F: Fn(&str) -> U>(f: *const u8, lines: &mut Texts<'_>, out: &mut Batch) {
    // SAFETY: the types are those of the closure and the batch; `limit` rows were reserved.
    unsafe {
        let f = &*(f as *const F);
        let target = out.ptr as *mut U;
        while out.len < out.limit {
            let Some(line) = lines.next_line() else { break };
            target.add(out.len).write(f(line));
            out.len += 1;
        }
    }
}

struct FilterStr<F>(PhantomData<F>);

impl<F: Fn(&str) -> bool> FilterStr<F> {
    const OP: &'static OpVt =
        &OpVt { name: "filter_str", out: Elem::<String>::VT, state: None, run: filter_strings::<F> };
}

unsafe fn filter_strings<F: Fn(&str) -> bool>(f: *const u8, _: *mut u8, input: &mut Batch, out: &mut Batch) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe {
        let f = &*(f as *const F);
        filter_rows::<String>(input, out, |text| f(text));
    }
    Step::Done
}

unsafe fn filter_lines<F: Fn(&str) -> bool>(f: *const u8, lines: &mut Texts<'_>, out: &mut Batch) {
    // SAFETY: the types are those of the closure and the batch; `limit` rows were reserved.
    unsafe {
        let f = &*(f as *const F);
        let target = out.ptr as *mut String;
        while out.len < out.limit {
            let Some(line) = lines.next_line() else { break };
            if f(line) {
                target.add(out.len).write(line.to_owned());
                out.len += 1;
            }
        }
    }
}

struct FlatMapStr<U, F>(PhantomData<(U, F)>);

impl<U: 'static, F: Fn(&str, &mut Emitter<'_, U>)> FlatMapStr<U, F> {
    const OP: &'static OpVt =
        &OpVt { name: "flat_map_str", out: Elem::<U>::VT, state: None, run: flat_map_strings::<U, F> };
}

unsafe fn flat_map_strings<U, F: Fn(&str, &mut Emitter<'_, U>)>(
    f: *const u8,
    _: *mut u8,
    input: &mut Batch,
    out: &mut Batch,
) -> Step {
    // SAFETY: the table's types are those of the closure and the batches.
    unsafe {
        let f = &*(f as *const F);
        super::flat_map_with::emit_rows::<String, U>(input, out, |text, out| f(&text, out))
    }
}

unsafe fn flat_map_lines<U, F: Fn(&str, &mut Emitter<'_, U>)>(f: *const u8, lines: &mut Texts<'_>, out: &mut Batch) {
    // SAFETY: the types are those of the closure and the batch.
    unsafe {
        let f = &*(f as *const F);
        let limit = out.limit;
        let mut emitter = Emitter::<U>::new(out);
        while emitter.len() < limit {
            let Some(line) = lines.next_line() else { break };
            f(line, &mut emitter);
        }
        emitter.finish();
    }
}

impl Rdd<String> {
    /// Applies `f` to every text, by reference: on the lines of a file this is faster than [`Rdd::map`].
    ///
    /// ```
    /// let lines = dpark::DparkContext::local(2).text_file("Cargo.toml");
    /// assert_eq!(lines.map_str(|line| line.len()).first()?, 9); // [package]
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn map_str<U: 'static, F: Fn(&str) -> U + Send + Sync + 'static>(&self, f: F) -> Rdd<U> {
        let closure = Closure::plain::<F, fn(&str) -> U>(f, "map_str");
        Rdd::from_handle(self.handle.narrow_texts(MapStr::<U, F>::OP, map_lines::<U, F>, closure))
    }

    /// Keeps the texts for which `f` holds: on the lines of a file this is faster than [`Rdd::filter`].
    ///
    /// ```
    /// let lines = dpark::DparkContext::local(2).text_file("Cargo.toml");
    /// assert_eq!(lines.filter_str(|line| line.starts_with("[pack")).collect()?, ["[package]"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn filter_str<F: Fn(&str) -> bool + Send + Sync + 'static>(&self, f: F) -> Rdd<String> {
        let closure = Closure::plain::<F, fn(&str) -> bool>(f, "filter_str");
        Rdd::from_handle(self.handle.narrow_texts(FilterStr::<F>::OP, filter_lines::<F>, closure))
    }

    /// Hands every text to `f`, which emits any number of rows for it: on the lines of a file this is faster than
    /// [`Rdd::flat_map_with`].
    ///
    /// ```
    /// let lines = dpark::DparkContext::local(2).parallelize(["to be or", "not to be"].map(String::from));
    /// let words = lines.flat_map_str(|line, out| line.split(' ').for_each(|word| out.emit(word.to_owned())));
    /// assert_eq!(words.collect()?, ["to", "be", "or", "not", "to", "be"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn flat_map_str<U, F>(&self, f: F) -> Rdd<U>
    where
        U: 'static,
        F: Fn(&str, &mut Emitter<'_, U>) + Send + Sync + 'static,
    {
        let closure = Closure::plain::<F, fn(&str, &mut Emitter<'_, U>)>(f, "flat_map_str");
        Rdd::from_handle(self.handle.narrow_texts(FlatMapStr::<U, F>::OP, flat_map_lines::<U, F>, closure))
    }
}

impl<O: 'static> WithEnv<String, O> {
    /// [`Rdd::map_str`] with captured variables.
    ///
    /// ```
    /// let lines = dpark::DparkContext::local(2).parallelize(["a-b".to_string()]);
    /// assert_eq!(lines.with_env((&'-',)).map_str(|(c,)| move |text| text.find(c)).collect()?, [Some(1)]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn map_str<U: 'static, G, F>(self, factory: G) -> Rdd<U>
    where
        G: Fn(O) -> F,
        F: Fn(&str) -> U + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow_texts(MapStr::<U, F>::OP, map_lines::<U, F>, closure))
    }

    /// [`Rdd::filter_str`] with captured variables.
    ///
    /// ```
    /// let lines = dpark::DparkContext::local(2).parallelize(["a", "bc"].map(String::from));
    /// assert_eq!(lines.with_env((&2usize,)).filter_str(|(n,)| move |text| text.len() == n).collect()?, ["bc"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn filter_str<G, F>(self, factory: G) -> Rdd<String>
    where
        G: Fn(O) -> F,
        F: Fn(&str) -> bool + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow_texts(FilterStr::<F>::OP, filter_lines::<F>, closure))
    }

    /// [`Rdd::flat_map_str`] with captured variables.
    ///
    /// ```
    /// let lines = dpark::DparkContext::local(2).parallelize(["a-b".to_string()]);
    /// let parts = lines
    ///     .with_env((&'-',))
    ///     .flat_map_str(|(c,)| move |text, out| text.split(c).for_each(|part| out.emit(part.to_owned())));
    /// assert_eq!(parts.collect()?, ["a", "b"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn flat_map_str<U, G, F>(self, factory: G) -> Rdd<U>
    where
        U: 'static,
        G: Fn(O) -> F,
        F: Fn(&str, &mut Emitter<'_, U>) + Send + Sync + 'static,
    {
        let (rdd, closure) = self.closure(factory);
        Rdd::from_handle(rdd.handle.narrow_texts(FlatMapStr::<U, F>::OP, flat_map_lines::<U, F>, closure))
    }
}
