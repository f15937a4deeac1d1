//! `TDigest`: percentiles of any number of values, in a few kilobytes.
//!
//! The merging variant of T. Dunning and O. Ertl, "Computing extremely accurate quantiles using t-digests" (2019): values
//! wait in a buffer, and are then merged with the centroids in one pass over both in order. How much weight a centroid may
//! have shrinks towards both ends, so the outermost percentiles are the most accurate.

use super::aggregator::Aggregator;
use super::number::Number;
use serde::{Deserialize, Serialize};

/// Keeps numbers as centroids (mean and weight), usually about as many as its compression, and tells their quantiles. With
/// compression 100, the rank of what it tells is usually less than half a percent off, and hardly at all near the ends; up to
/// 100 values are kept as they are.
///
/// Between the middles of two centroids it interpolates, as between two values. A NaN among the values makes every quantile
/// NaN, as in arithmetic.
///
/// ```
/// use dpark::stats::TDigest;
/// let mut digest = TDigest::default();
/// (0..=1000).for_each(|x| digest.add(f64::from(x)));
/// assert!((digest.quantile(0.5) - 500.0).abs() < 1.0);
/// assert_eq!((digest.quantile(0.0), digest.quantile(1.0)), (0.0, 1000.0));
/// assert!((digest.cdf(250.0) - 0.25).abs() < 0.005);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TDigest {
    compression: f64,
    /// In order of their means, but for the last `waiting` ones.
    centroids: Vec<Centroid>,
    /// How many were added since the last merge.
    waiting: usize,
    min: f64,
    max: f64,
    nan: bool,
}

/// Values that are close together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Centroid {
    /// Their mean.
    pub mean: f64,
    /// How many there are.
    pub weight: u64,
}

impl TDigest {
    /// A digest without values; `compression` is at least 10. Twice the compression is half the error and twice the memory.
    pub fn new(compression: f64) -> TDigest {
        TDigest {
            compression: compression.max(10.0),
            centroids: Vec::new(),
            waiting: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            nan: false,
        }
    }

    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.add_weighted(value, 1)
    }

    /// Adds a value that occurred `weight` times.
    pub fn add_weighted(&mut self, value: f64, weight: u64) {
        if value.is_nan() {
            self.nan |= weight > 0;
        } else if weight > 0 {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            self.push(Centroid { mean: value, weight });
        }
    }

    /// Adds the values of another digest.
    ///
    /// ```
    /// use dpark::stats::TDigest;
    /// let mut digest = TDigest::default();
    /// for part in 0..4 {
    ///     let mut other = TDigest::default();
    ///     (part * 125..part * 125 + 125).for_each(|x| other.add(f64::from(x) * 2.0));
    ///     digest.merge(&other);
    /// }
    /// assert_eq!(digest.count(), 500);
    /// assert!((digest.quantile(0.5) - 499.0).abs() < 2.0);
    /// ```
    pub fn merge(&mut self, other: &TDigest) {
        self.nan |= other.nan;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        other.centroids.iter().for_each(|centroid| self.push(*centroid));
    }

    #[inline]
    fn push(&mut self, centroid: Centroid) {
        self.centroids.push(centroid);
        self.waiting += 1;
        if self.waiting as f64 >= 4.0 * self.compression {
            self.compress()
        }
    }

    /// Merges the values that wait into the centroids.
    #[inline(never)]
    fn compress(&mut self) {
        if self.waiting > 0 {
            self.centroids = clustered(std::mem::take(&mut self.centroids), self.compression);
            self.waiting = 0;
        }
    }

    /// Its centroids, in the order of their means.
    pub fn centroids(&self) -> Vec<Centroid> {
        match self.waiting {
            0 => self.centroids.clone(),
            _ => clustered(self.centroids.clone(), self.compression),
        }
    }

    /// The number of values, without NaNs.
    pub fn count(&self) -> u64 {
        self.centroids.iter().map(|centroid| centroid.weight).sum()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.centroids.is_empty() && !self.nan
    }

    /// Whether a value was NaN.
    pub fn has_nan(&self) -> bool {
        self.nan
    }

    /// The value below which the share `q` (brought into 0..=1) of all values lies. NaN if there are no values, or a NaN
    /// among them.
    pub fn quantile(&self, q: f64) -> f64 {
        self.quantiles(&[q])[0]
    }

    /// Several quantiles at once.
    pub fn quantiles(&self, qs: &[f64]) -> Vec<f64> {
        if self.nan || self.centroids.is_empty() {
            return vec![f64::NAN; qs.len()];
        }
        let points = self.points();
        let total = points[points.len() - 1].0;
        let quantile = |q: &f64| {
            let rank = q.clamp(0.0, 1.0) * total;
            let after = points.partition_point(|point| point.0 <= rank).clamp(1, points.len() - 1);
            let ((r0, x0), (r1, x1)) = (points[after - 1], points[after]);
            // Ranks beyond 2^53 may be equal.
            between(x0, x1, if r0 < r1 { (rank - r0) / (r1 - r0) } else { 1.0 })
        };
        qs.iter().map(quantile).collect()
    }

    /// The share of values below `x`, those equal to it counted by half. NaN as for `quantile`, and for a NaN.
    pub fn cdf(&self, x: f64) -> f64 {
        if self.nan || self.centroids.is_empty() || x.is_nan() {
            return f64::NAN;
        }
        let points = self.points();
        let total = points[points.len() - 1].0;
        let middles = &points[1..points.len() - 1];
        let (below, upto) = (middles.partition_point(|p| p.1 < x), middles.partition_point(|p| p.1 <= x));
        let rank = if below < upto {
            0.5 * (middles[below].0 + middles[upto - 1].0)
        } else if x < self.min {
            0.0
        } else if x > self.max {
            total
        } else {
            let ((r0, x0), (r1, x1)) = (points[below], points[below + 1]);
            let share = if x0.is_infinite() || x1.is_infinite() { 0.5 } else { (x - x0) / (x1 - x0) };
            between(r0, r1, share)
        };
        rank / total
    }

    /// The line that the quantiles lie on: ranks and values. The value of a centroid is at its middle.
    fn points(&self) -> Vec<(f64, f64)> {
        let centroids = self.centroids();
        let mut points = Vec::with_capacity(centroids.len() + 2);
        points.push((0.0, self.min));
        let mut before = 0;
        for centroid in centroids {
            points.push((before as f64 + centroid.weight as f64 / 2.0, centroid.mean));
            before += centroid.weight;
        }
        points.push((before as f64, self.max));
        points
    }
}

impl Default for TDigest {
    /// Compression 100.
    fn default() -> TDigest {
        TDigest::new(100.0)
    }
}

/// Merges neighbours. A centroid may reach from the share `q` of all weight to where `asin(2q - 1)` has grown by
/// `pi / compression`.
fn clustered(mut centroids: Vec<Centroid>, compression: f64) -> Vec<Centroid> {
    centroids.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    let total = centroids.iter().map(|centroid| centroid.weight).sum::<u64>() as f64;
    let reach = |q: f64| {
        let angle = (2.0 * q - 1.0).clamp(-1.0, 1.0).asin() + std::f64::consts::PI / compression;
        if angle >= std::f64::consts::FRAC_PI_2 { 1.0 } else { (angle.sin() + 1.0) / 2.0 }
    };
    let mut merged: Vec<Centroid> = Vec::with_capacity(compression as usize);
    let (mut before, mut most) = (0, 0.0);
    for next in centroids {
        match merged.last_mut() {
            Some(last) if (before + last.weight + next.weight) as f64 <= most && can_merge(last.mean, next.mean) => {
                let weight = last.weight + next.weight;
                last.mean = between(last.mean, next.mean, next.weight as f64 / weight as f64);
                last.weight = weight;
            }
            last => {
                before += last.map_or(0, |last| last.weight);
                most = reach(before as f64 / total) * total;
                merged.push(next);
            }
        }
    }
    merged
}

/// A finite and an infinite number have no mean.
fn can_merge(a: f64, b: f64) -> bool {
    a == b || (a.is_finite() && b.is_finite())
}

/// The value at the share `t` of the way from `a` to `b`, which is not below `a`.
fn between(a: f64, b: f64, t: f64) -> f64 {
    if a == b {
        a
    } else if a.is_finite() && b.is_finite() {
        let there = a + (b - a) * t;
        // The distance may be too large for a number.
        if there.is_finite() { there.clamp(a, b) } else { (a * (1.0 - t) + b * t).clamp(a, b) }
    } else if t < 0.5 {
        a
    } else {
        b
    }
}

/// Gathers numbers in digests.
#[derive(Serialize, Deserialize)]
pub(crate) struct Digest;

impl<V: Number> Aggregator<V> for Digest {
    type Sketch = TDigest;

    fn zero(&self) -> TDigest {
        TDigest::default()
    }

    #[inline]
    fn add(&self, digest: &mut TDigest, value: V) {
        digest.add(value.to_f64())
    }

    fn merge(&self, digest: &mut TDigest, other: TDigest) {
        digest.merge(&other)
    }
}

#[cfg(test)]
mod tests;
