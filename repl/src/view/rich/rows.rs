//! Collected rows as a table.

use super::Bundle;
use crate::view::{html, rows as text};
use dpark::show::Column;

/// The first rows of a collected RDD, and how many there are in all.
pub fn rows(columns: &[Column], rows: &[Vec<String>], total: u64, width: Option<usize>) -> Bundle {
    Bundle::of(text::rows(columns, rows, total, width), html::rows(columns, rows, total))
}
