//! The compiler's messages in the user's own coordinates.

use super::compiler::{Message, Span};
use super::program::{Moved, Program};
use super::{Diagnostic, Label, Level};
use std::sync::Arc;

/// The stores that failed only because their variable had been moved before, if all errors are of that kind.
pub(super) fn moved_stores(messages: &[Message], program: &Program) -> Option<Moved> {
    let mut moved = Moved::new();
    for message in messages {
        let code = message.code.as_ref().map(|code| code.code.as_str());
        if !matches!(code, Some("E0382" | "E0381" | "E0505")) {
            return None;
        }
        let primary = message.spans.iter().find(|span| span.is_primary && span.file_name == program.name)?;
        moved.insert(program.store_at(primary.byte_start)?);
    }
    (!moved.is_empty()).then_some(moved)
}

/// What the user is shown. Errors in generated code alone are left out as long as one of the user's remains.
pub(super) fn translate(messages: &[Message], program: &Program) -> Vec<Diagnostic> {
    let all: Vec<(Diagnostic, bool)> = messages
        .iter()
        .filter(|message| moved_stores(std::slice::from_ref(message), program).is_none())
        .map(|message| {
            (diagnostic(message, program), message.spans.iter().any(|span| span.is_primary && is_own(span, program)))
        })
        .collect();
    // What is wrong in the user's own text comes first; what is wrong in ours often follows from it.
    let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, own)| *own);
    let (placed, unplaced): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|(diagnostic, _)| !diagnostic.labels.is_empty());
    let chosen = [own, placed, unplaced].into_iter().find(|group| !group.is_empty()).unwrap_or_default();
    let mut shown: Vec<Diagnostic> = Vec::new();
    for (diagnostic, _) in chosen {
        if !shown.contains(&diagnostic) {
            shown.push(diagnostic);
        }
    }
    shown
}

/// Whether a place begins in the user's own text, not in an insertion.
fn is_own(span: &Span, program: &Program) -> bool {
    match program.files.get(&span.file_name) {
        Some(file) => {
            let at = file.edits.original(span.byte_start);
            // What captures a variable stands for its mention.
            if !file.edits.captures_at(span.byte_start).is_empty() {
                return true;
            }
            at.is_empty() && file.edits.text().as_bytes().get(span.byte_start) == file.source.as_bytes().get(at.start)
        }
        None => span.expansion.as_ref().is_some_and(|expansion| is_own(&expansion.span, program)),
    }
}

fn diagnostic(message: &Message, program: &Program) -> Diagnostic {
    let mut labels: Vec<Label> = message.spans.iter().filter_map(|span| label(span, program, None)).collect();
    let mut notes = Vec::new();
    for child in &message.children {
        note(child, program, &mut labels, &mut notes);
    }
    explain(message, program, &mut notes);
    if !labels.iter().any(|label| label.primary)
        && let Some(first) = labels.first_mut()
    {
        first.primary = true;
    }
    let mut distinct: Vec<Label> = Vec::new();
    for label in labels {
        if !distinct.contains(&label) {
            distinct.push(label);
        }
    }
    if message.message == "implementation of `Deserialize` is not general enough" {
        // The compiler has no words for it, and the only borrowed rows that people try are texts.
        return Diagnostic {
            level: Level::Error,
            code: None,
            message:
                "rows cannot be `&str`, which borrows its text: use `String` (`.map(str::to_owned)`, `.to_string()`)"
                    .to_owned(),
            labels: distinct.into_iter().map(|label| Label { text: String::new(), ..label }).collect(),
            notes: Vec::new(),
        };
    }
    Diagnostic {
        level: if message.level == "warning" { Level::Warning } else { Level::Error },
        code: message.code.as_ref().map(|code| code.code.clone()),
        message: message.message.clone(),
        labels: distinct,
        notes,
    }
}

/// What the compiler cannot know: which variables a closure captures, and what becomes of a cell's variables.
fn explain(message: &Message, program: &Program, notes: &mut Vec<(String, String)>) {
    if message.message.starts_with("a closure that runs in tasks cannot capture") {
        let internal =
            ["the trait `Capture` is implemented", "required for `", "the trait `Capture` is not implemented"];
        notes.retain(|(_, text)| !internal.iter().any(|start| text.starts_with(start)));
        let spans = message.spans.iter().filter_map(|span| Some((program.files.get(&span.file_name)?, span)));
        let captures: Vec<&[String]> = spans.map(|(file, span)| file.edits.captures_at(span.byte_start)).collect();
        if let Some(captures) = captures.into_iter().find(|captures| !captures.is_empty()) {
            let names: Vec<String> = captures.iter().map(|name| format!("`{name}`")).collect();
            notes.insert(0, ("note".to_owned(), format!("the closure captures {}", names.join(", "))));
        }
    }
    advise(message, notes);
    if message.message.ends_with("does not live long enough") || message.message.starts_with("temporary value dropped")
    {
        let is_capture =
            message.spans.iter().filter_map(|span| span.label.as_deref()).any(|label| label == "value captured here");
        let text = if is_capture {
            "if this is an operator of an RDD, the shell did not see that its receiver is one: bind it first, as in `let rdd: Rdd<_> = ..;`, then call `rdd.map(..)`"
        } else {
            "a variable of a cell cannot keep a reference to another value: clone it, or put the `let` and its uses in a block"
        };
        notes.push(("help".to_owned(), text.to_owned()));
    }
}

/// What users of RDDs try that the compiler's own words do not help with.
fn advise(message: &Message, notes: &mut Vec<(String, String)>) {
    let text = message.message.as_str();
    let wants_pairs = text.contains("found for struct `dpark::Rdd<")
        && notes.iter().any(|(_, note)| note.contains("`dpark::Rdd<(K, V)>`"));
    let advice = if wants_pairs {
        "this operator is for RDDs of pairs: make rows `(key, value)` first, by `map(|x| (key, value))` or `key_by(|x| key)`"
    } else if text.starts_with("the trait bound") && text.contains("Deserialize") {
        "rows of a file are made by serde: put `#[derive(Serialize, Deserialize)]` on the type"
    } else if text.contains("found for mutable reference `&mut Emitter<") {
        "a row is emitted by `emit(row)`"
    } else {
        return;
    };
    notes.push(("help".to_owned(), advice.to_owned()));
}

fn note(child: &Message, program: &Program, labels: &mut Vec<Label>, notes: &mut Vec<(String, String)>) {
    let replacement = child.spans.iter().find_map(|span| span.suggested_replacement.as_ref());
    if let Some(replacement) = replacement {
        let own = child.spans.iter().all(|span| label(span, program, None).is_some());
        let text = replacement.trim();
        // What the compiler would change in our own text is no advice for the user.
        if own && !text.is_empty() && !text.contains("__f") && !text.contains("::dpark::") {
            let said = child.message.contains(text);
            let whole = if said { child.message.clone() } else { format!("{}: `{text}`", child.message) };
            notes.push((child.level.clone(), whole));
        }
        return;
    }
    let places: Vec<Label> = child.spans.iter().filter_map(|span| label(span, program, Some(&child.message))).collect();
    if places.is_empty() {
        let is_noise = is_noise(&child.message);
        if !child.message.contains("__f") && !is_noise {
            notes.push((child.level.clone(), child.message.clone()));
        }
    } else {
        labels.extend(places.into_iter().map(|place| Label { primary: false, ..place }));
    }
}

/// What helps nobody: that a bound stands in a module of ours, a list that was left out, and which types serde knows.
fn is_noise(text: &str) -> bool {
    let is_list = text.starts_with("the following other types implement trait");
    ["required by a bound in `rdd::", "required by a bound in `source::"].iter().any(|start| text.starts_with(start))
        || is_list && (!text.contains('\n') || text.contains("`Deserialize<'de>`") || text.contains("`Serialize`"))
}

fn label(span: &Span, program: &Program, text: Option<&str>) -> Option<Label> {
    let Some(file) = program.files.get(&span.file_name) else {
        let call = &span.expansion.as_ref()?.span;
        let mut label = label(call, program, text)?;
        if let (Some(said), true) = (&span.label, label.text.is_empty()) {
            label.text.clone_from(said);
        }
        label.primary |= span.is_primary;
        return Some(label);
    };
    let range = file.edits.original_range(span.byte_start..span.byte_end);
    if range.start == 0 && range.end == 0 && span.byte_end != 0 {
        // The wrapper's head and tail stand for nothing of the user's.
        return None;
    }
    if range.start >= file.source.len()
        && !file.source.is_empty()
        && range.is_empty()
        && span.byte_start > file.source.len()
    {
        return None;
    }
    Some(Label {
        file: file.title.clone(),
        source: Arc::clone(&file.source),
        range,
        text: text.map(str::to_owned).or_else(|| span.label.clone()).unwrap_or_default(),
        primary: span.is_primary,
    })
}
