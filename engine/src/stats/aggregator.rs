//! `Aggregator`: the one way in which rows become sketches, for a whole RDD and for each key.

use crate::capture::Capture;
use crate::data::Data;

/// How values of type `V` are gathered. It holds the parameters (a precision, the bounds of buckets) and travels to the
/// tasks as the operator's environment, so the sketches need not repeat them.
///
/// What comes out must not depend on how values are cut into batches.
pub(crate) trait Aggregator<V>: Capture + Send + Sync {
    /// What values are gathered in.
    type Sketch: Data;
    /// The sketch of no values.
    fn zero(&self) -> Self::Sketch;
    /// Adds a value.
    fn add(&self, sketch: &mut Self::Sketch, value: V);
    /// Adds what another sketch holds, whose values come after those of `sketch`.
    fn merge(&self, sketch: &mut Self::Sketch, other: Self::Sketch);
}
