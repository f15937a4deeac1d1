//! Pictures as SVG, for `<img>` elements: an image sees neither the page's fonts nor its colours, so it has pale boxes with
//! dark text, and lines and words outside of boxes in a grey that reads on white and on black.

mod call_sites;
mod dag;
mod timeline;

pub use call_sites::call_sites;
pub use dag::dag;
pub use timeline::timeline;

use super::html;
use super::layout::{Arrow, Layout, Node};
use unicode_width::UnicodeWidthStr;

/// Width of one column of the font that is asked for, at 12 pixels.
const COLUMN: f64 = 7.25;
/// Space around a drawing.
const MARGIN: f64 = 6.0;
/// Lines and words outside of boxes.
const GREY: &str = "#8a8a8a";
/// Text in boxes.
const INK: &str = "#24292f";
/// Text in boxes that is not so important.
const FAINT: &str = "#6e7781";

/// A drawing that grows.
struct Canvas {
    body: String,
}

/// How a text stands at its place.
#[derive(Clone, Copy)]
struct Type {
    size: f64,
    fill: &'static str,
    anchor: &'static str,
    bold: bool,
}

impl Type {
    const fn new(size: f64, fill: &'static str) -> Type {
        Type { size, fill, anchor: "start", bold: false }
    }

    const fn bold(self) -> Type {
        Type { bold: true, ..self }
    }

    const fn centred(self) -> Type {
        Type { anchor: "middle", ..self }
    }

    const fn to_the_right(self) -> Type {
        Type { anchor: "end", ..self }
    }

    /// The room that a text takes.
    fn width(self, text: &str) -> f64 {
        text.width() as f64 * COLUMN * self.size / 12.0
    }
}

impl Canvas {
    fn new() -> Canvas {
        Canvas { body: String::new() }
    }

    /// A box. `paint` is attributes: fill, stroke, rounded corners.
    fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), paint: &str) {
        let (x, y, width, height) = (number(x), number(y), number(width), number(height));
        self.body.push_str(&format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" {paint}/>\n"));
    }

    /// A text with its baseline at `y`.
    fn text(&mut self, (x, y): (f64, f64), kind: Type, text: &str) {
        let weight = if kind.bold { " font-weight=\"bold\"" } else { "" };
        let anchor = match kind.anchor {
            "start" => String::new(),
            anchor => format!(" text-anchor=\"{anchor}\""),
        };
        self.body.push_str(&format!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{weight}{anchor}>{}</text>\n",
            number(x),
            number(y),
            kind.size,
            kind.fill,
            html::escape(text)
        ));
    }

    /// A line or a shape.
    fn path(&mut self, data: &str, paint: &str) {
        self.body.push_str(&format!("<path d=\"{data}\" {paint}/>\n"));
    }

    /// An arrow of a layout between two points, through the layers it passes. `origin` is where the layout begins.
    /// The arrow leaves straight for `stub`: there a label may stand beside it.
    fn arrow(&mut self, from: (f64, f64), stub: f64, to: (f64, f64), arrow: &Arrow, origin: (f64, f64)) {
        let mut at = (from.0, from.1 + stub);
        let mut data = format!("M{} {}V{}", number(from.0), number(from.1), number(at.1));
        for pass in &arrow.passes {
            let next = (origin.0 + pass.x, origin.1 + pass.top);
            data.push_str(&curve(at, next));
            at = (next.0, origin.1 + pass.bottom);
            data.push_str(&format!("V{}", number(at.1)));
        }
        data.push_str(&curve(at, (to.0, to.1 - 1.0)));
        self.path(&data, &format!("fill=\"none\" stroke=\"{GREY}\" stroke-width=\"1.3\" marker-end=\"url(#a)\""));
    }

    /// The whole image.
    fn finish(self, width: f64, height: f64) -> String {
        let (width, height) = (number(width.ceil()), number(height.ceil()));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" xml:space=\"preserve\">\n\
             <defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto\"><path d=\"M0 0.5L8 4L0 7.5z\" fill=\"{GREY}\"/></marker></defs>\n{}</svg>\n",
            self.body
        )
    }
}

/// A curve that leaves and arrives upright.
fn curve(from: (f64, f64), to: (f64, f64)) -> String {
    let bend = f64::midpoint(from.1, to.1);
    let [x, to_x, y, bend] = [from.0, to.0, to.1, bend].map(number);
    if x == to_x { format!("V{y}") } else { format!("C{x} {bend} {to_x} {bend} {to_x} {y}") }
}

/// Where the arrows into each box arrive, as a distance from its middle: side by side, in the order in which they come.
fn arrivals(nodes: &[Node], layout: &Layout, apart: f64) -> Vec<f64> {
    let comes_from = |arrow: &Arrow| match arrow.passes.last() {
        Some(pass) => pass.x,
        None => layout.places[arrow.parent].x + nodes[arrow.parent].width / 2.0,
    };
    let of_child = |child: usize| layout.arrows.iter().filter(move |arrow| arrow.child == child);
    let place = |arrow: &Arrow| {
        let from = comes_from(arrow);
        let before =
            of_child(arrow.child).filter(|other| (comes_from(other), other.parent) < (from, arrow.parent)).count();
        let room = nodes[arrow.child].width - 2.0 * apart;
        let count = of_child(arrow.child).count() as f64;
        (before as f64 - (count - 1.0) / 2.0) * apart.min(room / count)
    };
    layout.arrows.iter().map(place).collect()
}

/// A number with at most one digit behind the point.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A text of at most so many columns.
fn shorten(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if short.width() >= most {
            short.pop();
            break;
        }
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;
    use dpark::ids::{JobId, RddId};

    #[test]
    fn a_dag() {
        insta::assert_snapshot!(dag(&example::snapshot(), JobId(2), &[(RddId(7), "a<b".to_owned())].into()));
    }

    #[test]
    fn the_call_sites() {
        insta::assert_snapshot!(call_sites(&example::snapshot(), JobId(2)).expect("there is such a job"));
        assert_eq!(call_sites(&example::snapshot(), JobId(9)), None);
    }

    #[test]
    fn a_timeline() {
        insta::assert_snapshot!(timeline(&example::snapshot(), JobId(2)).expect("tasks have ended"));
        assert_eq!(timeline(&example::snapshot(), JobId(9)), None);
    }

    #[test]
    fn long_texts_are_cut_to_their_room() {
        assert_eq!([shorten("map", 3), shorten("filter", 3), shorten("中文字", 4)], ["map", "fi…", "中…"]);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([number(3.0), number(3.14), number(-0.5)], ["3", "3.1", "-0.5"]);
    }
}
