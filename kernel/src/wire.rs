//! Messages as the sockets carry them: reading with patience for what front ends leave out, and writing with our own
//! protocol version.

use jupyter_protocol::messaging::{Header, JupyterMessage, JupyterMessageContent, UnknownMessage};
use jupyter_zmq_client::{Connection, RawMessage};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A request, as long as somebody answers it.
pub type Request = Arc<JupyterMessage>;

/// The next request. What is not signed as it should be, or is no message, is left out: there is nobody to answer.
pub async fn read<S: zeromq::SocketRecv>(connection: &mut Connection<S>) -> Option<Request> {
    loop {
        let multipart = match connection.socket.recv().await {
            Ok(multipart) => multipart,
            Err(zeromq::ZmqError::NoMessage) => return None,
            Err(error) => {
                eprintln!("dpark-kernel: a connection failed: {error}");
                continue;
            }
        };
        match RawMessage::from_multipart(multipart, &connection.mac).map_err(|error| error.to_string()).and_then(parse)
        {
            Ok(message) => return Some(Arc::new(message)),
            Err(error) => eprintln!("dpark-kernel: a message is left out: {error}"),
        }
    }
}

fn parse(raw: RawMessage) -> Result<JupyterMessage, String> {
    let part = |index: usize| raw.jparts.get(index).ok_or_else(|| format!("it has only {} parts", raw.jparts.len()));
    let header: Header = serde_json::from_slice(part(0)?).map_err(|error| format!("the header: {error}"))?;
    let metadata: Value = serde_json::from_slice(part(2)?).map_err(|error| format!("the metadata: {error}"))?;
    let content: Value = serde_json::from_slice(part(3)?).map_err(|error| format!("the content: {error}"))?;
    let content = complete(&header.msg_type, content);
    let unknown = |content| UnknownMessage { msg_type: header.msg_type.clone(), content };
    let content = JupyterMessageContent::from_type_and_content(&header.msg_type, content.clone())
        .unwrap_or_else(|_| JupyterMessageContent::UnknownMessage(unknown(content)));
    Ok(JupyterMessage {
        zmq_identities: raw.zmq_identities,
        header,
        parent_header: serde_json::from_slice(&raw.jparts[1]).ok(),
        metadata,
        content,
        buffers: raw.jparts[4..].to_vec(),
        channel: None,
    })
}

/// Puts in what the protocol lets a front end leave out, or write as null.
fn complete(msg_type: &str, content: Value) -> Value {
    let defaults = match msg_type {
        "execute_request" => json!({ "silent": false, "store_history": true, "user_expressions": {},
            "allow_stdin": true, "stop_on_error": true }),
        "history_request" => json!({ "hist_access_type": "tail", "output": false, "raw": true, "session": 0,
            "start": 0, "stop": i32::MAX, "n": 1000, "pattern": "*", "unique": false }),
        "shutdown_request" => json!({ "restart": false }),
        "inspect_request" => json!({ "detail_level": 0 }),
        "comm_open" | "comm_msg" | "comm_close" => json!({ "data": {} }),
        _ => return content,
    };
    let (Value::Object(mut all), Value::Object(given)) = (defaults, content) else { return Value::Null };
    all.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
    Value::Object(all)
}

/// A message of ours. With a parent it goes where the parent came from.
pub fn message(content: impl Into<JupyterMessageContent>, parent: Option<&JupyterMessage>) -> JupyterMessage {
    let mut message = JupyterMessage::new(content, parent);
    message.header.version = crate::info::PROTOCOL.to_owned();
    message.header.username = "kernel".to_owned();
    message
}

/// A message whose content the protocol crate has no type for.
pub fn other(msg_type: &str, content: Value) -> JupyterMessageContent {
    JupyterMessageContent::UnknownMessage(UnknownMessage { msg_type: msg_type.to_owned(), content })
}

/// The reply to a request that makes no sense to us; none if it is no request.
pub fn refusal(request: &JupyterMessage) -> Option<JupyterMessageContent> {
    let kind = request.header.msg_type.strip_suffix("_request")?;
    let mut content = Map::new();
    content.insert("status".to_owned(), "error".into());
    content.insert("ename".to_owned(), "BadRequest".into());
    content.insert("evalue".to_owned(), format!("this kernel does not understand this {kind}_request").into());
    content.insert("traceback".to_owned(), json!([]));
    Some(other(&format!("{kind}_reply"), Value::Object(content)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::messaging::HistoryRequest;

    fn parsed(msg_type: &str, content: &str) -> JupyterMessage {
        let header = json!({ "msg_id": "1", "username": "u", "session": "s", "msg_type": msg_type, "version": "5.4" });
        let parts = [header.to_string(), "{}".to_owned(), "{}".to_owned(), content.to_owned()];
        parse(RawMessage { zmq_identities: vec![], jparts: parts.map(Into::into).to_vec() }).unwrap()
    }

    #[test]
    fn what_front_ends_leave_out_has_its_default() {
        let request = parsed("execute_request", r#"{"code": "1"}"#);
        let JupyterMessageContent::ExecuteRequest(execute) = request.content else { panic!("an execute_request") };
        assert!(execute.store_history && execute.stop_on_error && execute.allow_stdin && !execute.silent);
        let request =
            parsed("history_request", r#"{"hist_access_type": "range", "session": 0, "start": 1, "stop": null}"#);
        let JupyterMessageContent::HistoryRequest(HistoryRequest::Range { start, stop, .. }) = request.content else {
            panic!("a range")
        };
        assert_eq!((start, stop), (1, i32::MAX));
    }

    #[test]
    fn what_makes_no_sense_is_answered() {
        let request = parsed("complete_request", r#"{"code": 1}"#);
        let reply = refusal(&request).unwrap();
        assert_eq!(reply.message_type(), "complete_reply");
        assert!(refusal(&parsed("comm_msg", "{}")).is_none());
    }
}
