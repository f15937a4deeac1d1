//! Completion, documentation and completeness: answers to somebody who types.

use crate::activity::Activity;
use crate::shell::Replies;
use crate::wire::Request;
use dpark_repl::cell;
use dpark_repl::complete::Completer;
use dpark_repl::session::{Completions, Documentation};
use dpark_repl::shell::Live;
use dpark_rewrite::cell::{Completeness, completeness};
use jupyter_protocol::media::{Media, MediaType};
use jupyter_protocol::messaging::{
    CompleteReply, CompleteRequest, InspectReply, InspectRequest, IsCompleteReply, JupyterMessageContent,
};
use serde_json::json;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same while a cell runs: type inference may have to wait for it.
const PATIENCE_BESIDE_A_CELL: Duration = Duration::from_millis(150);

/// Answers completions and inspections on a thread of its own, one after the other.
pub struct Assistant {
    requests: mpsc::Sender<Request>,
}

impl Assistant {
    /// Starts it. `live` is there when the session is.
    pub fn start(live: Arc<OnceLock<Live>>, activity: Activity, replies: Replies) -> std::io::Result<Assistant> {
        let (requests, queue) = mpsc::channel::<Request>();
        std::thread::Builder::new().name("assistant".into()).spawn(move || {
            for request in queue {
                activity.begin(&request);
                let patience = if activity.is_running() { PATIENCE_BESIDE_A_CELL } else { PATIENCE };
                if let Some(content) = answer(&request, live.get(), patience) {
                    replies.send(content, &request);
                }
                activity.end(&request);
            }
        })?;
        Ok(Assistant { requests })
    }

    /// Takes a `complete_request` or an `inspect_request`.
    pub fn answer(&self, request: Request) {
        let _ = self.requests.send(request);
    }
}

fn answer(request: &Request, live: Option<&Live>, patience: Duration) -> Option<JupyterMessageContent> {
    let completer = live.map(|live| Completer::new(live.clone()));
    match &request.content {
        JupyterMessageContent::CompleteRequest(CompleteRequest { code, cursor_pos }) => {
            let cursor = byte_offset(code, *cursor_pos);
            let found = completer.map(|completer| completer.complete(code, cursor, patience));
            Some(completions(code, cursor, found.unwrap_or_default()).into())
        }
        JupyterMessageContent::InspectRequest(InspectRequest { code, cursor_pos, .. }) => {
            let cursor = byte_offset(code, *cursor_pos);
            let found = completer.and_then(|completer| completer.document(code, cursor, patience));
            Some(inspection(found).into())
        }
        _ => None,
    }
}

/// The protocol counts characters.
fn byte_offset(code: &str, characters: usize) -> usize {
    code.char_indices().nth(characters).map_or(code.len(), |(offset, _)| offset)
}

fn characters(code: &str, offset: usize) -> usize {
    code[..offset].chars().count()
}

fn completions(code: &str, cursor: usize, found: Completions) -> CompleteReply {
    let range = if found.candidates.is_empty() { cursor..cursor } else { found.range };
    let (start, end) = (characters(code, range.start), characters(code, range.end));
    let types: Vec<_> = found
        .candidates
        .iter()
        .map(|candidate| {
            json!({ "text": candidate.code, "type": candidate.kind, "start": start, "end": end,
                "signature": candidate.label })
        })
        .collect();
    CompleteReply {
        matches: found.candidates.into_iter().map(|candidate| candidate.code).collect(),
        cursor_start: start,
        cursor_end: end,
        metadata: serde_json::Map::from_iter([("_jupyter_types_experimental".to_owned(), json!(types))]),
        ..CompleteReply::default()
    }
}

fn inspection(found: Option<Documentation>) -> InspectReply {
    match found {
        Some(Documentation { plain, html }) => InspectReply {
            found: true,
            data: Media::from(vec![MediaType::Plain(plain), MediaType::Html(html)]),
            ..InspectReply::default()
        },
        None => InspectReply::default(),
    }
}

/// Whether a front end should wait for more lines.
pub fn is_complete(code: &str) -> IsCompleteReply {
    if !cell::cell_is_complete(code) {
        return IsCompleteReply::incomplete(indent(code));
    }
    match completeness(&cell::without_commands(code)) {
        Completeness::Invalid(_) => IsCompleteReply::invalid(),
        _ => IsCompleteReply::complete(),
    }
}

/// What the next line begins with: as the last one, and deeper behind what opens a block.
fn indent(code: &str) -> String {
    let line = code.trim_end().rsplit('\n').next().unwrap_or_default();
    let before: String = line.chars().take_while(|c| c.is_whitespace()).collect();
    let opens = line.trim_end().ends_with(['{', '(', '[']) || line.trim_end().ends_with('|');
    if opens { before + "    " } else { before }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dpark_repl::session::Completion;
    use jupyter_protocol::messaging::IsCompleteReplyStatus;

    #[test]
    fn positions_are_in_characters() {
        let code = "let ä = 😀.fo";
        assert_eq!(byte_offset(code, 13), code.len());
        let found = Completions {
            range: code.len() - 2..code.len(),
            candidates: vec![Completion { code: "foo".into(), label: "foo()".into(), kind: "function" }],
        };
        let reply = completions(code, code.len(), found);
        assert_eq!((reply.cursor_start, reply.cursor_end), (10, 12));
        assert_eq!(reply.matches, ["foo"]);
        assert_eq!(reply.metadata["_jupyter_types_experimental"][0]["type"], "function");
    }

    #[test]
    fn without_completions_nothing_is_replaced() {
        let reply = completions("abc", 2, Completions::default());
        assert_eq!((reply.cursor_start, reply.cursor_end, reply.matches.len()), (2, 2, 0));
    }

    #[test]
    fn completeness_of_cells() {
        let status = |code| is_complete(code).status;
        assert_eq!(status("let x = 1;\nx"), IsCompleteReplyStatus::Complete);
        assert_eq!(status(":help"), IsCompleteReplyStatus::Complete);
        assert_eq!(status("1 )"), IsCompleteReplyStatus::Invalid);
        let reply = is_complete("fn f() {\n    loop {");
        assert_eq!((reply.status, reply.indent.as_str()), (IsCompleteReplyStatus::Incomplete, "        "));
    }
}
