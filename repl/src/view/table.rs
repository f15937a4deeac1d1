//! Box tables, by comfy-table.

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle, Width,
};

/// Solid boxes, no lines between rows.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('┌', '─', '┬', '┐'))
    .header_lines(ContentLineStyle::new('│', '│', '│'))
    .header_separator(LineStyle::new('├', '─', '┼', '┤'))
    .content_lines(ContentLineStyle::new('│', '│', '│'))
    .bottom_border(LineStyle::new('└', '─', '┴', '┘'));

/// How a column stands in its box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table of texts, no wider than `width` columns if given: longer cells are wrapped.
pub fn table(header: &[(&str, Align)], rows: &[Vec<String>], width: Option<usize>) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(header.iter().map(|(name, _)| Cell::new(clean(name))));
    for row in rows {
        table.add_row(row.iter().map(|text| Cell::new(clean(text))));
    }
    for ((_, align), column) in header.iter().zip(table.column_iter_mut()) {
        column.set_cell_alignment(match align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        });
    }
    if let Some(width) = width.and_then(|width| u16::try_from(width).ok()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        if header.len() * 4 >= usize::from(width) {
            table.set_constraints(header.iter().map(|_| ColumnConstraint::LowerBoundary(Width::Fixed(1))));
        }
    }
    table.trim_fmt()
}

/// A table that is not drawn yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The columns' names.
    pub header: Vec<(String, Align)>,
    /// A text for each column.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// A table without the columns in which no row has anything: they leave their room to the others.
    pub fn of_used_columns(header: &[(&str, Align)], rows: Vec<Vec<String>>) -> Sheet {
        let used: Vec<bool> = (0..header.len()).map(|column| rows.iter().any(|row| !row[column].is_empty())).collect();
        let chosen = header.iter().zip(&used).filter(|(_, used)| **used);
        let header = chosen.map(|((name, align), _)| ((*name).to_owned(), *align)).collect();
        let keep =
            |row: Vec<String>| row.into_iter().zip(&used).filter(|(_, used)| **used).map(|(cell, _)| cell).collect();
        Sheet { header, rows: rows.into_iter().map(keep).collect() }
    }

    /// The table as text; see [`table`].
    pub fn text(&self, width: Option<usize>) -> String {
        let header: Vec<(&str, Align)> = self.header.iter().map(|(name, align)| (name.as_str(), *align)).collect();
        table(&header, &self.rows, width)
    }
}

/// Text that cannot leave its cell: control characters in their escaped form.
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { clean.extend(c.escape_default()) } else { clean.push(c) }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes() {
        let header = [("word", Align::Left), ("count", Align::Right)];
        let rows = [vec!["the".to_owned(), "12".to_owned()], vec!["a\nb\x1b".to_owned(), "3".to_owned()]];
        insta::assert_snapshot!(table(&header, &rows, None));
    }

    #[test]
    fn long_cells_wrap_at_the_width() {
        let header = [("text", Align::Left), ("n", Align::Right)];
        let rows = [vec!["many words in one single cell of a table".to_owned(), "1".to_owned()]];
        let text = table(&header, &rows, Some(24));
        assert!(text.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 24), "{text}");
    }
}
