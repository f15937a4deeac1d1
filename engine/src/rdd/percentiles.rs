//! `percentiles` and `quantiles`: the values below which given shares of the rows lie.

use super::Rdd;
use super::sketch::of_operator;
use super::take::empty;
use crate::data::Key;
use crate::error::{Error, Result};
use crate::stats::{Digest, Number, TDigest};

/// The shares that percentages or quantiles are, with `whole` for everything.
fn shares(asked: &[f64], whole: f64) -> Result<Vec<f64>> {
    match asked.iter().find(|share| !(0.0..=whole).contains(*share)) {
        Some(share) => Err(Error::Invalid(format!("{share} is not in 0..={whole}"))),
        None => Ok(asked.iter().map(|share| share / whole).collect()),
    }
}

impl<T: 'static> Rdd<T> {
    /// The values below which these percentages (each in 0..=100) of the rows lie, by [`TDigest`]:
    /// the rank of a value is usually less than half a percent off, and less still near 0 and 100, which are the smallest and
    /// the largest row. Of up to 100 rows they are exact, interpolated between neighbours.
    ///
    /// An error if there are no rows, or one is NaN: `filter(|x| !x.is_nan())` leaves those out. Of a sample
    /// (`sample(..).percentiles(..)`, DPark's `sampleRate`) they are cheaper; for DPark's `func`, `map` first.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(4).range(0, 500).map(|x| x * 2);
    /// assert_eq!(rdd.percentiles(&[0.0, 100.0])?, [0.0, 998.0]);
    /// assert!((rdd.percentiles(&[50.0])?[0] - 499.0).abs() < 5.0);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn percentiles(&self, percentages: &[f64]) -> Result<Vec<f64>>
    where
        T: Number,
    {
        self.quantiles_of("percentiles", shares(percentages, 100.0))
    }

    /// The same as [`percentiles`](Rdd::percentiles), of shares in 0..=1.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize([2.0, 1.0, 3.0, 5.0, 4.0]);
    /// assert_eq!(rdd.quantiles(&[0.0, 0.5, 1.0])?, [1.0, 3.0, 5.0]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn quantiles(&self, shares: &[f64]) -> Result<Vec<f64>>
    where
        T: Number,
    {
        self.quantiles_of("quantiles", self::shares(shares, 1.0))
    }

    #[track_caller]
    fn quantiles_of(&self, name: &'static str, shares: Result<Vec<f64>>) -> Result<Vec<f64>>
    where
        T: Number,
    {
        let shares = shares.map_err(|error| of_operator(name, error))?;
        told(name, &self.sketch(name, Digest)?, &shares)
    }
}

#[inline(never)]
fn told(name: &str, digest: &TDigest, shares: &[f64]) -> Result<Vec<f64>> {
    if digest.is_empty() {
        return Err(empty(name));
    }
    if digest.has_nan() {
        return Err(Error::Invalid(format!("{name}: a row is NaN; leave such rows out by .filter(|x| !x.is_nan())")));
    }
    Ok(digest.quantiles(shares))
}

impl<K: 'static, V: 'static> Rdd<(K, V)> {
    /// For each key the values below which these percentages (each in 0..=100) of its values lie; see
    /// [`percentiles`](Rdd::percentiles). All are NaN for a key that has a value NaN.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 10).map(|x| (x % 2, x));
    /// assert_eq!(pairs.percentiles_by_key(&[0.0, 50.0]).collect_as_map()?[&1], [1.0, 5.0]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn percentiles_by_key(&self, percentages: &[f64]) -> Rdd<(K, Vec<f64>)>
    where
        K: Key,
        V: Number,
    {
        self.quantiles_by_key_of("percentiles_by_key", shares(percentages, 100.0))
    }

    /// The same as [`percentiles_by_key`](Rdd::percentiles_by_key), of shares in 0..=1.
    ///
    /// ```
    /// let pairs = dpark::DparkContext::local(2).range(0, 10).map(|x| (x % 2, x));
    /// assert_eq!(pairs.quantiles_by_key(&[0.5]).collect_as_map()?[&0], [4.0]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn quantiles_by_key(&self, shares: &[f64]) -> Rdd<(K, Vec<f64>)>
    where
        K: Key,
        V: Number,
    {
        self.quantiles_by_key_of("quantiles_by_key", self::shares(shares, 1.0))
    }

    #[track_caller]
    fn quantiles_by_key_of(&self, name: &'static str, shares: Result<Vec<f64>>) -> Rdd<(K, Vec<f64>)>
    where
        K: Key,
        V: Number,
    {
        match shares {
            Ok(shares) => {
                let digests = self.sketch_by_key(name, Digest);
                digests.with_env((&shares,)).map_values(|(shares,)| move |digest: TDigest| digest.quantiles(&shares))
            }
            Err(error) => self.refused(name, error),
        }
    }
}
