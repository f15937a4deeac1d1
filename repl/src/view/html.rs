//! The pictures as HTML for notebooks. No scripts and no inline SVG: a notebook that is not trusted shows tables and
//! images only. Everything that comes from user code is escaped.

use super::{Names, svg, units};
use dpark::display::base64;
use dpark::ids::JobId;
use dpark::show::Column;
use dpark::status::Snapshot;

/// Text as it may stand in an element or in a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The rows of a collected RDD.
pub fn rows(columns: &[Column], rows: &[Vec<String>], total: u64) -> String {
    let align = |column: &Column| if column.numeric { " style=\"text-align:right\"" } else { "" };
    let mut html = String::from("<table><thead><tr>");
    for column in columns {
        html.push_str(&format!("<th{}>{}</th>", align(column), escape(&column.name)));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for (column, text) in columns.iter().zip(row) {
            html.push_str(&format!("<td{}>{}</td>", align(column), escape(text)));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table>");
    if total > rows.len() as u64 {
        html.push_str(&format!("<p>… {} rows</p>", units::count(total)));
    }
    html
}

/// The stages of a job as an image.
pub fn dag(snapshot: &Snapshot, job: JobId, names: &Names) -> String {
    let svg = svg::dag(snapshot, job, names);
    format!("<img alt=\"stages of job {job}\" src=\"data:image/svg+xml;base64,{}\"/>", base64(svg.as_bytes()))
}

/// A text view (a lineage, a card) as it is.
pub fn text(text: &str) -> String {
    format!("<pre>{}</pre>", escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;

    #[test]
    fn everything_is_escaped() {
        let columns = [Column { name: "<i>".into(), numeric: true }];
        insta::assert_snapshot!(rows(&columns, &[vec!["<script>alert('&')</script>\u{1b}".into()]], 3));
        assert_eq!(text("Rdd<\"a\">"), "<pre>Rdd&lt;&quot;a&quot;&gt;</pre>");
    }

    #[test]
    fn images_are_data() {
        let html = dag(&example::snapshot(), JobId(1), &example::names());
        assert!(html.starts_with("<img alt=\"stages of job 1\" src=\"data:image/svg+xml;base64,PHN2Zy"));
    }
}
