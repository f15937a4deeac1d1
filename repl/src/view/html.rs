//! Pieces of HTML for notebooks. A notebook that is not trusted loses scripts, style elements and inline SVG, so there are
//! none: styles stand in attributes, pictures in the addresses of images. Everything that comes from user code is escaped.

use super::table::{Align, Sheet};
use dpark::display::base64;

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

/// A text view (a lineage) as it is.
pub fn text(text: &str) -> String {
    format!("<pre style=\"line-height:1.35\">{}</pre>", escape(text))
}

/// A picture in its own size; what is too wide for the page can be scrolled to.
pub fn image(alt: &str, svg: &str) -> String {
    let (alt, data) = (escape(alt), base64(svg.as_bytes()));
    format!(
        "<div style=\"overflow-x:auto\"><img alt=\"{alt}\" style=\"max-width:none\" \
         src=\"data:image/svg+xml;base64,{data}\"></div>\n"
    )
}

/// Something under a heading that opens.
pub fn details(summary: &str, inside: &str) -> String {
    format!("<details><summary style=\"cursor:pointer\">{}</summary>\n{inside}</details>\n", escape(summary))
}

/// A remark in small letters.
pub fn small(text: &str) -> String {
    format!("<div style=\"font-size:12px;opacity:0.75\">{}</div>\n", escape(text))
}

/// A table; what is too wide for the page can be scrolled to.
pub fn table(sheet: &Sheet) -> String {
    let mut html = String::from(
        "<div style=\"overflow-x:auto\"><table style=\"border-collapse:collapse;margin:2px 0\"><thead><tr>",
    );
    for (name, align) in &sheet.header {
        html.push_str(&cell("th", *align, name));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in &sheet.rows {
        html.push_str("<tr>");
        for ((_, align), text) in sheet.header.iter().zip(row) {
            html.push_str(&cell("td", *align, text));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

/// A cell. White space stays as it is, and a long text is broken.
fn cell(element: &str, align: Align, text: &str) -> String {
    let style = match align {
        Align::Left => "text-align:left;vertical-align:top;white-space:pre-wrap;max-width:36em",
        Align::Right => "text-align:right;vertical-align:top;white-space:nowrap",
    };
    format!("<{element} style=\"{style}\">{}</{element}>", escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_escaped() {
        let hostile = "<script>alert('&')</script>\u{1b}";
        let sheet = Sheet { header: vec![("<i>".into(), Align::Right)], rows: vec![vec![hostile.into()]] };
        insta::assert_snapshot!(table(&sheet));
        let pieces = [text(hostile), image(hostile, "<svg/>"), details(hostile, ""), small(hostile)];
        assert!(
            pieces.iter().all(|piece| !piece.contains("<script") && piece.contains("&lt;script&gt;")),
            "{pieces:?}"
        );
    }

    #[test]
    fn images_are_data() {
        assert!(image("a picture", "<svg").contains("src=\"data:image/svg+xml;base64,PHN2Zw==\""));
    }
}
