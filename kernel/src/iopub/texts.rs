//! Printed texts that wait for more of their kind.

use crate::wire::Request;
use dpark_repl::session::Stream;
use jupyter_protocol::messaging::{Stdio, StreamContent};
use std::sync::Arc;

/// A message with more than so many bytes is not made longer.
const FULL: usize = 64 * 1024;

/// The texts. Those of the two streams go out apart: they came through two pipes, so no order among them is lost.
#[derive(Default)]
pub(super) struct Texts {
    parent: Option<Request>,
    out: String,
    err: String,
}

/// A text to send.
pub(super) struct Text {
    pub(super) content: StreamContent,
    pub(super) parent: Option<Request>,
}

impl Texts {
    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty() && self.err.is_empty()
    }

    /// Adds a text; what has to go out first, or now, is returned.
    pub(super) fn push(&mut self, stream: Stream, text: &str, parent: Option<Request>) -> Option<Vec<Text>> {
        let is_same = match (&self.parent, &parent) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        let mut ready = Vec::new();
        if !is_same {
            ready = self.take();
            self.parent = parent;
        }
        let waiting = match stream {
            Stream::Stdout => &mut self.out,
            Stream::Stderr => &mut self.err,
        };
        waiting.push_str(text);
        if waiting.len() >= FULL {
            ready.extend(self.take());
        }
        (!ready.is_empty()).then_some(ready)
    }

    /// Everything.
    pub(super) fn take(&mut self) -> Vec<Text> {
        let both = [(Stdio::Stdout, std::mem::take(&mut self.out)), (Stdio::Stderr, std::mem::take(&mut self.err))];
        let filled = both.into_iter().filter(|(_, text)| !text.is_empty());
        filled.map(|(name, text)| Text { content: StreamContent { name, text }, parent: self.parent.clone() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::messaging::{ExecuteRequest, JupyterMessage};

    fn request() -> Option<Request> {
        Some(Arc::new(JupyterMessage::new(ExecuteRequest::new("1".to_owned()), None)))
    }

    fn texts(found: Vec<Text>) -> Vec<String> {
        found.into_iter().map(|text| format!("{:?} {}", text.content.name, text.content.text)).collect()
    }

    #[test]
    fn texts_of_one_cell_and_stream_become_one() {
        let parent = request();
        let mut waiting = Texts::default();
        assert!(waiting.push(Stream::Stdout, "a", parent.clone()).is_none());
        assert!(waiting.push(Stream::Stderr, "x", parent.clone()).is_none());
        assert!(waiting.push(Stream::Stdout, "b", parent).is_none());
        assert_eq!(texts(waiting.take()), ["Stdout ab", "Stderr x"]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn texts_of_another_cell_push_the_others_out() {
        let mut waiting = Texts::default();
        assert!(waiting.push(Stream::Stdout, "a", request()).is_none());
        assert_eq!(texts(waiting.push(Stream::Stdout, "b", request()).unwrap()), ["Stdout a"]);
        assert_eq!(texts(waiting.take()), ["Stdout b"]);
    }

    #[test]
    fn a_long_text_does_not_wait() {
        let mut waiting = Texts::default();
        let full = waiting.push(Stream::Stdout, &"x".repeat(FULL), request()).unwrap();
        assert_eq!(full.len(), 1);
        assert!(waiting.is_empty());
    }
}
