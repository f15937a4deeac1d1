//! Applies insertions, and translates positions of the rewritten text back to the user's.

use std::ops::Range;

/// A text to insert, on one line: no line number changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Insertion {
    /// Byte offset in the source, before which the text goes.
    pub offset: usize,
    /// The text.
    pub text: String,
    /// The user's words that a message about the inserted text should point at: the operator's name.
    pub target: Range<usize>,
    /// Parts of the text with a better target: a captured variable points at its mention in the closure.
    pub marks: Vec<Mark>,
    /// The captured variables, if this insertion is an environment.
    pub captures: Vec<String>,
}

/// A part of an inserted text and the user's words it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Bytes of the inserted text.
    pub range: Range<usize>,
    /// Bytes of the source.
    pub target: Range<usize>,
}

/// A line and a column, both from 1; columns count characters, as rustc's do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// The source with the insertions in it.
pub fn apply(source: &str, insertions: &[Insertion]) -> String {
    let mut sorted: Vec<&Insertion> = insertions.iter().collect();
    sorted.sort_by_key(|insertion| insertion.offset);
    let mut text = String::with_capacity(source.len() + sorted.iter().map(|i| i.text.len()).sum::<usize>());
    let mut copied = 0;
    for insertion in sorted {
        text.push_str(&source[copied..insertion.offset]);
        text.push_str(&insertion.text);
        copied = insertion.offset;
    }
    text.push_str(&source[copied..]);
    text
}

/// A rewritten source and the way back.
#[derive(Clone, Debug)]
pub struct Edits {
    source: String,
    text: String,
    /// Where each insertion begins in the rewritten text, in order.
    placed: Vec<(usize, Insertion)>,
}

impl Edits {
    /// Applies the insertions.
    pub fn new(source: &str, insertions: &[Insertion]) -> Edits {
        let mut sorted = insertions.to_vec();
        sorted.sort_by_key(|insertion| insertion.offset);
        let mut grown = 0;
        let placed = sorted
            .into_iter()
            .map(|insertion| {
                let start = insertion.offset + grown;
                grown += insertion.text.len();
                (start, insertion)
            })
            .collect();
        Edits { source: source.to_owned(), text: apply(source, insertions), placed }
    }

    /// The rewritten text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The user's text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether nothing was inserted.
    pub fn is_empty(&self) -> bool {
        self.placed.is_empty()
    }

    /// The user's bytes behind a byte offset of the rewritten text: an empty range for the user's own text, the words
    /// that the text stands for inside an insertion.
    pub fn original(&self, offset: usize) -> Range<usize> {
        let mut grown = 0;
        for (start, insertion) in &self.placed {
            if offset < *start {
                break;
            }
            let end = start + insertion.text.len();
            if offset < end {
                let inside = offset - start;
                let mark = insertion.marks.iter().find(|mark| mark.range.contains(&inside));
                return mark.map_or(&insertion.target, |mark| &mark.target).clone();
            }
            grown += insertion.text.len();
        }
        let offset = offset.saturating_sub(grown).min(self.source.len());
        offset..offset
    }

    /// The user's bytes behind a range of the rewritten text. A range that only touches inserted text gives the words
    /// that this text stands for; one that reaches from the user's text over insertions gives all of the user's text in
    /// it.
    pub fn original_range(&self, range: Range<usize>) -> Range<usize> {
        let first = self.original(range.start);
        if range.is_empty() {
            return first;
        }
        let inside = self
            .placed
            .iter()
            .find(|(start, insertion)| range.start >= *start && range.end <= start + insertion.text.len());
        if let Some((start, insertion)) = inside {
            let covered: Vec<&Mark> = insertion
                .marks
                .iter()
                .filter(|mark| mark.range.start + start < range.end && mark.range.end + start > range.start)
                .collect();
            // One variable: point at it. Several: the operator speaks for them.
            return if let [mark] = covered[..] { mark.target.clone() } else { insertion.target.clone() };
        }
        // The user's own bytes of the range.
        let start = self.at_or_after(range.start);
        let end = self.at_or_after(range.end);
        if start < end { start..end } else { first }
    }

    /// The captured variables of the environment at an offset of the rewritten text.
    pub fn captures_at(&self, offset: usize) -> &[String] {
        let found =
            self.placed.iter().find(|(start, insertion)| (*start..start + insertion.text.len()).contains(&offset));
        found.map_or(&[], |(_, insertion)| &insertion.captures)
    }

    /// The user's position behind a line and column of the rewritten text, with the length in characters of the words
    /// it stands for (0 in the user's own text).
    pub fn original_position(&self, position: Position) -> (Position, usize) {
        let range = self.original(offset_of(&self.text, position));
        let len = self.source[range.clone()].chars().count();
        (position_of(&self.source, range.start), len)
    }

    /// The user's positions behind a range of the rewritten text.
    pub fn original_span(&self, start: Position, end: Position) -> (Position, Position) {
        let range = self.original_range(offset_of(&self.text, start)..offset_of(&self.text, end));
        (position_of(&self.source, range.start), position_of(&self.source, range.end))
    }

    /// The user's byte at an offset of the rewritten text; an insertion stands at its place.
    fn at_or_after(&self, offset: usize) -> usize {
        let mut grown = 0;
        for (start, insertion) in &self.placed {
            if offset < *start {
                break;
            }
            if offset < start + insertion.text.len() {
                return insertion.offset;
            }
            grown += insertion.text.len();
        }
        offset.saturating_sub(grown).min(self.source.len())
    }
}

/// The byte offset of a position; past the end of its line, the line's end.
pub(crate) fn offset_of(text: &str, position: Position) -> usize {
    let mut start = 0;
    for _ in 1..position.line {
        match text[start..].find('\n') {
            Some(newline) => start += newline + 1,
            None => return text.len(),
        }
    }
    let line = &text[start..];
    let line = &line[..line.find('\n').unwrap_or(line.len())];
    start + line.char_indices().nth(position.column.saturating_sub(1)).map_or(line.len(), |(at, _)| at)
}

/// The position of a byte offset.
pub(crate) fn position_of(text: &str, offset: usize) -> Position {
    let before = &text[..offset.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    Position { line, column: before[start..].chars().count() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite_cell;

    fn edits(source: &str) -> Edits {
        let outer =
            [("rdd", "Rdd<i64>"), ("n", "i64"), ("m", "i64")].map(|(name, ty)| (name.to_owned(), ty.to_owned()));
        rewrite_cell(source, &outer, &[]).unwrap().edits(source)
    }

    fn place(text: &str, needle: &str) -> usize {
        text.find(needle).unwrap()
    }

    #[test]
    fn the_users_own_bytes_come_back() {
        let source = "let é = 1;\nrdd.map(|x| x + n).filter(|y| *y > m).count()?;\nlast(é)";
        let edits = edits(source);
        for needle in ["let é", "rdd", "map(", "x + n", "filter(", "*y > m", "count()", "last(é)"] {
            let at = place(edits.text(), needle);
            let original = edits.original_range(at..at + needle.len());
            assert_eq!(&source[original.clone()], needle);
            assert_eq!(edits.original(at).start, original.start);
        }
    }

    #[test]
    fn inserted_text_points_at_what_it_stands_for() {
        let source = "rdd.map(|x| x + n * m)";
        let edits = edits(source);
        let text = edits.text();
        let capture = place(text, "Wrap(&m") + "Wrap(&".len();
        assert_eq!(edits.original_range(capture..capture + 1), place(source, "m)")..place(source, "m)") + 1);
        let whole = place(text, "with_env")..place(text, ",))");
        assert_eq!(&source[edits.original_range(whole)], "map");
        let one = place(text, "({#") + 1;
        let end = place(text, "},{#") + 1;
        assert_eq!(&source[edits.original_range(one..end)], "n");
        let factory = place(text, "|(n,m,)|");
        assert_eq!(&source[edits.original(factory)], "map");
        assert_eq!(edits.captures_at(place(text, "with_env")), ["n", "m"]);
        // From the user's text over an insertion to the user's text.
        let span = place(text, "rdd")..text.len();
        assert_eq!(edits.original_range(span), 0..source.len());
    }

    #[test]
    fn positions_in_lines_and_columns() {
        let source = "let a = 1;\nlet é = rdd\n    .map(|x| x + n) ;";
        let edits = edits(source);
        let text = edits.text();
        let at = position_of(text, place(text, "x + n"));
        assert_eq!(at.line, 3);
        assert_eq!(edits.original_position(at), (Position { line: 3, column: 14 }, 0));
        let inside = position_of(text, place(text, "Wrap(&n") + 6);
        assert_eq!(edits.original_position(inside), (Position { line: 3, column: 18 }, 1));
        let span = edits.original_span(at, position_of(text, place(text, "x + n") + 5));
        assert_eq!(span, (Position { line: 3, column: 14 }, Position { line: 3, column: 19 }));
        assert_eq!(edits.original_position(Position { line: 9, column: 1 }).0, position_of(source, source.len()));
    }

    #[test]
    fn copies_of_fields_point_at_the_field() {
        let source = "impl J { fn f(&self, rdd: &Rdd<i64>) { rdd.map(|x| x + self.field); } }";
        let edits = rewrite_cell(source, &[], &[]).unwrap().edits(source);
        let at = place(edits.text(), "__dpark_self_field/*");
        assert_eq!(&source[edits.original_range(at..at + "__dpark_self_field".len())], "self.field");
    }
}
