//! What the value of a cell's last expression looks like, as plain data: the child makes it, the front end draws it
//! as text or HTML.

pub mod probe;
mod rows;
mod text;

use crate::display::MimeBundle;
use crate::ids::RddId;
use serde::{Deserialize, Serialize};

/// A value, ready to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// Rows of tuples, structs or maps: the first ones, as text, and how many there are.
    Table {
        /// Column names: field names of structs, keys of maps, `0`, `1`… for tuples.
        columns: Vec<Column>,
        /// The first rows (20 at most), a text for each column.
        rows: Vec<Vec<String>>,
        /// How many rows there are in all.
        total: u64,
    },
    /// Anything else: its `Debug` text.
    Text(String),
    /// An RDD, to be drawn as a card with its lineage.
    Rdd(RddId),
    /// The context, to be drawn as a card.
    Context(ContextCard),
    /// A bundle of the user's own.
    Bundle(MimeBundle),
}

/// A column of a [`Shown::Table`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Whether it holds numbers (drawn to the right).
    pub numeric: bool,
}

/// What the context says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextCard {
    /// `local[2]`.
    pub master: String,
    /// Default number of partitions.
    pub default_parallelism: usize,
    /// Memory budget in bytes.
    pub memory: u64,
}
