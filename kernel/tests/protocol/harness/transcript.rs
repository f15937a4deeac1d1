//! What a cell has sent, line by line.

use jupyter_protocol::media::Media;
use jupyter_protocol::messaging::{ExecuteReply, JupyterMessage, JupyterMessageContent, Stdio};
use serde_json::Value;

/// What a cell has sent.
pub(crate) struct Transcript {
    /// Its messages on IOPub, from busy to idle.
    pub(crate) messages: Vec<JupyterMessage>,
    /// Its reply.
    pub(crate) reply: ExecuteReply,
}

impl Transcript {
    pub(crate) fn new(messages: Vec<JupyterMessage>, reply: JupyterMessage) -> Transcript {
        let JupyterMessageContent::ExecuteReply(reply) = reply.content else { panic!("an execute_reply: {reply:?}") };
        Transcript { messages, reply }
    }

    /// A line for each message.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.messages.iter().map(line).collect()
    }

    /// The lines between the cell's code and its idle.
    pub(crate) fn outputs(&self) -> Vec<String> {
        let lines = self.lines();
        assert_eq!(lines.first().map(String::as_str), Some("busy"));
        assert!(lines[1].starts_with("execute_input"), "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some("idle"));
        lines[2..lines.len() - 1].to_vec()
    }

    /// All text of a stream.
    pub(crate) fn text(&self, stream: &str) -> String {
        let text = |message: &JupyterMessage| match &message.content {
            JupyterMessageContent::StreamContent(content) if name(&content.name) == stream => {
                Some(content.text.clone())
            }
            _ => None,
        };
        self.messages.iter().filter_map(text).collect()
    }
}

/// A message in a line.
pub(crate) fn line(message: &JupyterMessage) -> String {
    match &message.content {
        JupyterMessageContent::Status(status) => status.execution_state.as_str().to_owned(),
        JupyterMessageContent::ExecuteInput(input) => {
            format!("execute_input {}: {}", input.execution_count, input.code)
        }
        JupyterMessageContent::StreamContent(content) => format!("{}: {:?}", name(&content.name), content.text),
        JupyterMessageContent::ExecuteResult(result) => {
            format!("execute_result {}: {}", result.execution_count, plain(&result.data))
        }
        JupyterMessageContent::DisplayData(display) => format!("display_data: {}", plain(&display.data)),
        JupyterMessageContent::UpdateDisplayData(display) => format!("update_display_data: {}", plain(&display.data)),
        JupyterMessageContent::ClearOutput(clear) => format!("clear_output wait={}", clear.wait),
        JupyterMessageContent::ErrorOutput(error) => format!("error {}: {}", error.ename, error.evalue),
        other => other.message_type().to_owned(),
    }
}

fn name(stream: &Stdio) -> &'static str {
    match stream {
        Stdio::Stdout => "stdout",
        Stdio::Stderr => "stderr",
    }
}

/// The forms of a bundle by MIME type.
pub(crate) fn forms(data: &Media) -> serde_json::Map<String, Value> {
    match serde_json::to_value(data) {
        Ok(Value::Object(forms)) => forms,
        other => panic!("a bundle: {other:?}"),
    }
}

fn plain(data: &Media) -> String {
    forms(data).get("text/plain").and_then(Value::as_str).unwrap_or("no text").to_owned()
}
