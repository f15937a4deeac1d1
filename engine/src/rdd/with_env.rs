//! `with_env`: closures that use variables from around them.

use super::Rdd;
use crate::capture::{Env, SavedEnv};
use crate::closure::Closure;
use crate::data::Data;
use std::marker::PhantomData;

/// An RDD together with the variables that the next operator's closure uses; `O` is the tuple of their values.
#[derive(Debug)]
pub struct WithEnv<T, O> {
    pub(super) rdd: Rdd<T>,
    env: SavedEnv,
    captured: PhantomData<fn() -> O>,
}

impl<T: 'static> Rdd<T> {
    /// Gives the closure of the next operator copies of variables: a tuple of references goes in, and the closure is made by
    /// an outer one that gets the values. `#[dpark::closures]` writes this form for you.
    ///
    /// ```
    /// let (n, words) = (10, vec!["a".to_string()]);
    /// let rdd = dpark::DparkContext::local(2).range(0, 3);
    /// let sums = rdd.with_env((&n, &words)).map(|(n, words)| move |x| x + n + words.len() as i64);
    /// assert_eq!(sums.collect()?, [11, 12, 13]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn with_env<E: Env>(&self, env: E) -> WithEnv<T, E::Owned> {
        WithEnv { rdd: self.clone(), env: SavedEnv::new(&env), captured: PhantomData }
    }
}

impl<T, O: 'static> WithEnv<T, O> {
    /// The RDD, and the closure that `factory` makes of the variables.
    #[inline]
    #[track_caller]
    pub(super) fn closure<G, F>(self, factory: G) -> (Rdd<T>, Closure)
    where
        G: Fn(O) -> F,
        F: Send + Sync + 'static,
    {
        // SAFETY: `with_env` saved an environment whose values have the type `O`.
        (self.rdd, unsafe { Closure::from_env::<O, G, F>(self.env, &factory) })
    }

    /// The RDD, and the closures that two factories make of the variables, behind a zero value: `(zero, f, g)`.
    #[inline]
    #[track_caller]
    pub(super) fn closure2<Z, G1, F1, G2, F2>(self, zero: &Z, factories: (G1, G2)) -> (Rdd<T>, Closure)
    where
        Z: Data,
        G1: Fn(O) -> F1,
        F1: Send + Sync + 'static,
        G2: Fn(O) -> F2,
        F2: Send + Sync + 'static,
    {
        // SAFETY: as in `closure`.
        (self.rdd, unsafe { Closure::from_env2::<Z, O, G1, F1, G2, F2>(self.env, zero, &factories) })
    }

    /// The RDD, and the closures that three factories make of the variables: `(f, g, h)`.
    #[inline]
    #[track_caller]
    pub(super) fn closure3<G1, F1, G2, F2, G3, F3>(self, factories: (G1, G2, G3)) -> (Rdd<T>, Closure)
    where
        G1: Fn(O) -> F1,
        F1: Send + Sync + 'static,
        G2: Fn(O) -> F2,
        F2: Send + Sync + 'static,
        G3: Fn(O) -> F3,
        F3: Send + Sync + 'static,
    {
        // SAFETY: as in `closure`.
        (self.rdd, unsafe { Closure::from_env3::<O, G1, F1, G2, F2, G3, F3>(self.env, &factories) })
    }
}
