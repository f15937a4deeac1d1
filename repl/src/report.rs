//! Errors as text: the compiler's messages as rustc draws them, on the user's own lines; everything else in one line.

use crate::session::{CellError, Diagnostic, Label, Level};
use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{AnnotationKind, Group, Level as Weight, Renderer, Snippet};

/// Why a cell failed.
pub fn error(error: &CellError, colors: bool, width: Option<usize>) -> String {
    match error {
        CellError::Compile(diagnostics) => {
            let texts: Vec<String> = diagnostics.iter().map(|each| diagnostic(each, colors, width)).collect();
            texts.join("\n")
        }
        CellError::Returned(text) => failure(text, colors),
        CellError::Panicked(text) => failure(&format!("panicked: {text}"), colors),
        CellError::Interrupted => failure("interrupted", colors),
        CellError::ChildDied(lost) => failure(lost, colors),
        CellError::Exited(_) => String::new(),
        CellError::Command(text) | CellError::Session(text) => failure(text, colors),
    }
}

/// An error of one line: `error: …`.
pub fn failure(message: &str, colors: bool) -> String {
    if colors { format!("\x1b[1;31merror\x1b[0m\x1b[1m:\x1b[0m {message}") } else { format!("error: {message}") }
}

/// One message of the compiler.
pub fn diagnostic(diagnostic: &Diagnostic, colors: bool, width: Option<usize>) -> String {
    let weight = match diagnostic.level {
        Level::Error => Weight::ERROR,
        Level::Warning => Weight::WARNING,
    };
    let mut title = weight.primary_title(diagnostic.message.as_str());
    if let Some(code) = &diagnostic.code {
        title = title.id(code.as_str());
    }
    let mut group = Group::with_title(title);
    for labels in by_file(&diagnostic.labels) {
        let Some(first) = labels.first() else { continue };
        let annotations = labels.iter().map(|label| {
            let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(clamp(label));
            if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
        });
        group = group.element(Snippet::source(&*first.source).path(first.file.as_str()).annotations(annotations));
    }
    for (kind, text) in &diagnostic.notes {
        let weight = if kind == "help" { Weight::HELP } else { Weight::NOTE };
        group = group.element(weight.message(text.as_str()));
    }
    let renderer = if colors { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(width.unwrap_or(DEFAULT_TERM_WIDTH)).render(&[group])
}

/// The labels of each source together; the source of the primary one first.
fn by_file(labels: &[Label]) -> Vec<Vec<&Label>> {
    let mut files: Vec<Vec<&Label>> = Vec::new();
    let (primary, context): (Vec<&Label>, Vec<&Label>) = labels.iter().partition(|label| label.primary);
    for label in primary.into_iter().chain(context) {
        match files.iter_mut().find(|file| file.iter().any(|other| other.file == label.file)) {
            Some(file) => file.push(label),
            None => files.push(vec![label]),
        }
    }
    files
}

/// The label's range, inside the source and on character borders whatever it says.
fn clamp(label: &Label) -> std::ops::Range<usize> {
    let start = label.source.floor_char_boundary(label.range.start);
    let end = label.source.ceil_char_boundary(label.range.end).max(start);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn mismatch() -> Diagnostic {
        let source: Arc<str> = "let n = 1;\nlet s: String = n;\n".into();
        let label = |range, text: &str, primary| Label {
            file: "cell 4".into(),
            source: Arc::clone(&source),
            range,
            text: text.into(),
            primary,
        };
        Diagnostic {
            level: Level::Error,
            code: Some("E0308".into()),
            message: "mismatched types".into(),
            labels: vec![
                label(18..24, "expected due to this", false),
                label(27..28, "expected `String`, found integer", true),
            ],
            notes: vec![("help".into(), "try using a conversion method".into())],
        }
    }

    #[test]
    fn like_rustc() {
        insta::assert_snapshot!(diagnostic(&mismatch(), false, None));
        assert!(diagnostic(&mismatch(), true, None).contains("\x1b["));
    }

    #[test]
    fn one_line_for_the_rest() {
        let text = |error| super::error(&error, false, None);
        assert_eq!(text(CellError::Returned("no such file".into())), "error: no such file");
        assert_eq!(
            text(CellError::Panicked("boom at cell 1, line 2".into())),
            "error: panicked: boom at cell 1, line 2"
        );
        assert_eq!(text(CellError::Interrupted), "error: interrupted");
    }

    #[test]
    fn ranges_outside_of_the_source_do_no_harm() {
        let mut wrong = mismatch();
        wrong.labels[0].range = 500..600;
        wrong.labels[1].range = 27..900;
        assert!(diagnostic(&wrong, false, None).contains("mismatched types"));
    }
}
