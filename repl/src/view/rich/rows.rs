//! Collected rows as a table.

use super::Bundle;
use crate::view::{html, rows as text, units};
use dpark::show::Column;

/// The first rows of a collected RDD, and how many there are in all. `width` is that of the text form, in columns.
pub fn rows(columns: &[Column], rows: &[Vec<String>], total: u64, width: Option<usize>) -> Bundle {
    let plain = text::rows(columns, rows, total, width);
    if rows.is_empty() {
        return Bundle::text(plain);
    }
    let shown = rows.len() as u64;
    let mut count = units::plural(total, "row");
    if shown < total {
        count = format!("{count}, the first {shown} shown");
    }
    Bundle::of(plain, html::table(&text::sheet(columns, rows)) + &html::small(&count))
}
