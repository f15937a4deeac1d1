//! The rewriter on text: a cell of the shell or a script.

use crate::edits::{Edits, Insertion, Mark};
use crate::error::RewriteError;
use crate::form;
use crate::walk::{Call, Walk};
use std::borrow::Cow;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Block, Item, Stmt};

/// The outcome: insertions in order of their offset.
#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    /// What to insert where.
    pub insertions: Vec<Insertion>,
}

impl Rewrite {
    /// The rewritten source with its position map.
    pub fn edits(&self, source: &str) -> Edits {
        Edits::new(source, &self.insertions)
    }
}

/// Makes the closures of RDD operators in a cell shippable. `outer` names the session's variables and their types, `earlier` has the text
/// of its items that deal with RDDs.
///
/// A source that does not parse comes back without insertions: the compiler says what is wrong with it.
///
/// ```
/// use dpark_rewrite::rewrite_cell;
/// let outer = [("rdd", "Rdd<i64>"), ("n", "i64")].map(|(name, ty)| (name.to_owned(), ty.to_owned()));
/// let rewrite = rewrite_cell("rdd.map(|x| x + n)", &outer, &[]).unwrap();
/// let edits = rewrite.edits("rdd.map(|x| x + n)");
/// assert!(edits.text().starts_with("rdd.with_env(({"));
/// assert!(edits.text().ends_with("(&&&::dpark::capture::Wrap(&n)).cap()},)).map(|(n,)| move |x| x + n)"));
/// ```
pub fn rewrite_cell(source: &str, outer: &[(String, String)], earlier: &[&str]) -> Result<Rewrite, RewriteError> {
    let Ok(statements) = parse(source) else { return Ok(Rewrite::default()) };
    let earlier: Vec<Item> = earlier.iter().filter_map(|item| syn::parse_str(item).ok()).collect();
    let mut walk = Walk::new(outer, &earlier);
    walk.statements(&statements);
    if let Some(error) = walk.errors.into_iter().map(|refused| refused.error).min_by_key(|error| error.offset) {
        return Err(error);
    }
    let mut insertions: Vec<Insertion> = walk.calls.iter().flat_map(insertions_of).collect();
    insertions.sort_by_key(|insertion| insertion.offset);
    Ok(Rewrite { insertions })
}

/// The statements of a source; byte positions are those of the source.
pub(crate) fn parse(source: &str) -> syn::Result<Vec<Stmt>> {
    let statements = |input: ParseStream<'_>| {
        input.call(Attribute::parse_inner)?;
        input.call(Block::parse_within)
    };
    statements.parse_str(&without_head(source))
}

/// The source with a byte order mark or a `#!` line blanked, byte for byte.
pub(crate) fn without_head(source: &str) -> Cow<'_, str> {
    let mark = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let body = &source[mark..];
    let shebang = if body.starts_with("#!") && !body[2..].trim_start().starts_with('[') {
        body.find('\n').unwrap_or(body.len())
    } else {
        0
    };
    let head = mark + shebang;
    if head == 0 { Cow::Borrowed(source) } else { Cow::Owned(format!("{}{}", " ".repeat(head), &source[head..])) }
}

fn insertions_of(call: &Call) -> Vec<Insertion> {
    let operator = call.operator.byte_range();
    let mut text = format!(".{}((", form::WITH_ENV);
    let mut marks = vec![];
    for capture in &call.captures {
        let expression = form::capture(capture);
        marks.push(Mark { range: text.len()..text.len() + expression.len(), target: capture.span.byte_range() });
        text.push_str(&expression);
        text.push(',');
    }
    text.push_str("))");
    let names: Vec<String> = call.captures.iter().map(|capture| capture.name.clone()).collect();
    let mut insertions =
        vec![Insertion { offset: call.dot.byte_range().start, text, target: operator.clone(), marks, captures: names }];
    let plain = |offset: usize, text: String| Insertion {
        offset,
        text,
        target: operator.clone(),
        marks: Vec::new(),
        captures: Vec::new(),
    };
    let factory = form::factory(&call.captures, call.functions.len());
    for function in &call.functions {
        insertions.push(plain(function.start.byte_range().start, factory.clone()));
        if let Some(bar) = function.needs_move {
            insertions.push(plain(bar.byte_range().start, "move ".to_owned()));
        }
    }
    for found in &call.self_uses {
        // The copy stands for the user's words, which remain as a comment: columns and text are still theirs.
        let range = found.start.byte_range().start..found.end.byte_range().end;
        let name = crate::captures::self_name(found.field.as_deref());
        let end = range.end;
        insertions.push(Insertion { target: range.clone(), ..plain(range.start, format!("{name}/*")) });
        insertions.push(Insertion { target: range, ..plain(end, "*/".to_owned()) });
    }
    insertions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_travel_between_threads() {
        fn check<T: Send + Sync + std::error::Error + 'static>() {}
        check::<RewriteError>();
    }

    #[test]
    fn columns_are_those_of_the_users_line() {
        let outer = [("rdd", "Rdd<i64>"), ("total", "i64")].map(|(name, ty)| (name.to_owned(), ty.to_owned()));
        let source = "let é = 1;\n  rdd.foreach(|ä| total += ä)";
        let error = rewrite_cell(source, &outer, &[]).unwrap_err();
        assert_eq!((error.line, error.column, error.len), (2, 19, 5));
        assert_eq!(&source[error.offset..error.offset + error.len], "total");
    }
}
