//! What can be a row that moves between tasks.

use crate::codec::{CodecError, Reader, Writer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::hash::Hash;

/// A row that can leave its task: shuffled, cached or collected. Every type with `#[derive(Serialize, Deserialize)]` that owns
/// its data is one; it is never implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a row of an RDD: rows must own their data (use `String` instead of `&str`) and be serialisable",
    label = "not a row type",
    note = "derive `Serialize` and `Deserialize` for your own types; rows must also be `Send`, `Sync` and `'static`"
)]
pub trait Data: Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// Appends the row to `out`.
    #[doc(hidden)]
    fn save(&self, out: &mut Writer) -> Result<(), CodecError>;
    /// Reads a row.
    #[doc(hidden)]
    fn load(input: &mut Reader<'_>) -> Result<Self, CodecError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Data for T {
    #[inline]
    fn save(&self, out: &mut Writer) -> Result<(), CodecError> {
        self.serialize(out)
    }

    #[inline]
    fn load(input: &mut Reader<'_>) -> Result<T, CodecError> {
        input.value()
    }
}

/// A row, or the first part of a pair, by which rows are brought together: what is [`Data`], `Hash` and `Eq`. Never implemented
/// by hand. Keys that hash addresses (pointers, `fn` pointers) are not supported: their hash differs between processes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key: keys are compared and hashed, so they need `Hash` and `Eq` besides being rows",
    label = "not a key type",
    note = "your own types: derive `Hash`, `PartialEq`, `Eq`, `Serialize` and `Deserialize`",
    note = "floating-point numbers: use their bits (`x.to_bits()`), or round them to an integer; hash maps and sets: use `BTreeMap` and `BTreeSet`"
)]
pub trait Key: Data + Hash + Eq {}

#[diagnostic::do_not_recommend]
impl<K: Data + Hash + Eq> Key for K {}
