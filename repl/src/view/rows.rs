//! Values: the rows of a collected RDD as a table, everything else as the text it has.

use super::table::{Align, Sheet};
use super::units;
use dpark::show::Column;

/// Cells longer than this are cut, with an ellipsis.
const CELL_LIMIT: usize = 200;

/// The first rows; of long cells the beginning.
pub(super) fn sheet(columns: &[Column], rows: &[Vec<String>]) -> Sheet {
    let align = |column: &Column| if column.numeric { Align::Right } else { Align::Left };
    Sheet {
        header: columns.iter().map(|column| (column.name.clone(), align(column))).collect(),
        rows: rows.iter().map(|row| row.iter().map(|text| shorten(text)).collect()).collect(),
    }
}

/// The first rows as a table, and a line that says how many there are if these are not all.
pub fn rows(columns: &[Column], rows: &[Vec<String>], total: u64, width: Option<usize>) -> String {
    if rows.is_empty() {
        return "no rows".to_owned();
    }
    let mut text = sheet(columns, rows).text(width);
    if total > rows.len() as u64 {
        text.push_str(&format!("\n… {} rows", units::count(total)));
    }
    text
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(CELL_LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_count() {
        let columns = [Column { name: "0".to_owned(), numeric: false }, Column { name: "1".to_owned(), numeric: true }];
        let words = [vec!["the".to_owned(), "1201".to_owned()], vec!["and".to_owned(), "87".to_owned()]];
        insta::assert_snapshot!(rows(&columns, &words, 4312, Some(80)));
        assert_eq!(rows(&columns, &[], 0, None), "no rows");
        assert!(!rows(&columns, &words, 2, None).contains('…'));
        assert!(rows(&columns, &[vec!["x".repeat(300), String::new()]], 1, None).contains("x…"));
    }
}
