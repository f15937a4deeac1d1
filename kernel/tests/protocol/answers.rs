//! Requests that need no cell.

use crate::harness::{Client, Kernel, within};
use jupyter_protocol::messaging::{
    CommId, CommInfoRequest, CommMsg, CommOpen, CompleteReply, CompleteRequest, HistoryEntry, HistoryRequest,
    InspectReply, InspectRequest, IsCompleteReplyStatus, IsCompleteRequest, JupyterMessageContent, KernelInfoRequest,
};
use serde_json::json;
use std::time::Duration;

async fn complete(client: &mut Client, code: &str) -> CompleteReply {
    let request = CompleteRequest { code: code.to_owned(), cursor_pos: code.chars().count() };
    let JupyterMessageContent::CompleteReply(reply) = client.ask(request).await else { panic!("a complete_reply") };
    reply
}

async fn inspect(client: &mut Client, code: &str, cursor_pos: usize) -> InspectReply {
    let request = InspectRequest { code: code.to_owned(), cursor_pos, detail_level: Some(0) };
    let JupyterMessageContent::InspectReply(reply) = client.ask(request).await else { panic!("an inspect_reply") };
    reply
}

#[tokio::test]
async fn who_we_are_is_told_on_both_sockets() {
    let kernel = Kernel::start_at_ports();
    let mut client = kernel.connect().await;
    let JupyterMessageContent::KernelInfoReply(info) = client.ask(KernelInfoRequest {}).await else {
        panic!("a kernel_info_reply")
    };
    assert_eq!(info.protocol_version, "5.5");
    assert_eq!((info.language_info.name.as_str(), info.language_info.file_extension.as_deref()), ("rust", Some(".rs")));
    client.send_control(KernelInfoRequest {}).await;
    let reply = client.control_reply().await;
    assert_eq!(reply.header.version, "5.5");
    assert!(matches!(reply.content, JupyterMessageContent::KernelInfoReply(_)), "{reply:?}");
    assert_eq!(client.execute("1").await.outputs(), ["execute_result 1: 1"]);
}

#[tokio::test]
async fn who_types_is_helped() {
    let kernel = Kernel::start();
    let mut client = kernel.connect().await;
    client.execute("fn doubled(x: i32) -> i32 { x * 2 }\nlet words = ctx.range(0, 3);").await;
    // Type inference warms up behind the first cells.
    within(async {
        while !complete(&mut client, "let ä = doub").await.matches.contains(&"doubled(x)".to_owned()) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let reply = complete(&mut client, "let ä = doub").await;
    assert_eq!((reply.cursor_start, reply.cursor_end), (8, 12));
    let types = reply.metadata["_jupyter_types_experimental"].as_array().expect("types").clone();
    let doubled = types.iter().find(|found| found["text"] == "doubled(x)").expect("the function");
    assert_eq!((&doubled["type"], &doubled["start"]), (&json!("function"), &json!(8)));
    assert_eq!(complete(&mut client, "1;\n:dag wo").await.matches, ["words"]);
    assert_eq!(complete(&mut client, ":stag").await.matches, [":stages"]);

    let found = inspect(&mut client, "doubled(1)", 3).await;
    let forms = crate::harness::forms(&found.data);
    assert!(found.found && forms["text/plain"].as_str().unwrap().contains("fn doubled(x: i32) -> i32"), "{forms:?}");
    assert!(forms["text/html"].as_str().unwrap().contains("<code class=\"language-rust\">"), "{forms:?}");
    let unknown = inspect(&mut client, "nothing_of_this_name", 4).await;
    assert!(!unknown.found, "{unknown:?}");

    let status =
        async |client: &mut Client, code: &str| match client.ask(IsCompleteRequest { code: code.to_owned() }).await {
            JupyterMessageContent::IsCompleteReply(reply) => reply.status,
            other => panic!("{other:?}"),
        };
    assert_eq!(status(&mut client, "let x = 1;").await, IsCompleteReplyStatus::Complete);
    assert_eq!(status(&mut client, "fn f() {").await, IsCompleteReplyStatus::Incomplete);
    assert_eq!(status(&mut client, "1 )").await, IsCompleteReplyStatus::Invalid);
}

#[tokio::test]
async fn history_outlives_the_kernel() {
    let mut kernel = Kernel::start();
    let mut client = kernel.connect().await;
    client.execute("1 + 1").await;
    client.send_control(jupyter_protocol::messaging::ShutdownRequest { restart: true }).await;
    kernel.ended().await;

    let history = kernel.directory.path().join("history");
    let again = Kernel::start_with(&[("DPARK_HISTORY", history.to_str().unwrap())]);
    let mut client = again.connect().await;
    client.execute("2 + 2").await;
    let tail = HistoryRequest::Tail { n: 10, output: true, raw: true };
    let JupyterMessageContent::HistoryReply(reply) = client.ask(tail).await else { panic!("a history_reply") };
    let entries: Vec<_> = reply
        .history
        .into_iter()
        .map(|entry| match entry {
            HistoryEntry::InputOutput(session, line, (input, output)) => (session, line, input, output),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(entries, [(1, 1, "1 + 1".into(), "2".into()), (2, 1, "2 + 2".into(), "4".into())]);
}

#[tokio::test]
async fn comms_look_at_the_engine() {
    let kernel = Kernel::start();
    let mut client = kernel.connect().await;
    client.execute("ctx.range(0, 3).count()").await;
    let open = |id: &str, target: &str| CommOpen {
        comm_id: CommId(id.to_owned()),
        target_name: target.to_owned(),
        ..CommOpen::default()
    };
    let unknown = client.send(open("1", "jupyter.widget")).await;
    let published = client.published_for(&unknown).await;
    assert!(matches!(&published[1].content, JupyterMessageContent::CommClose(close) if close.comm_id.0 == "1"));
    let known = client.send(open("2", "dpark")).await;
    client.published_for(&known).await;
    let JupyterMessageContent::CommInfoReply(info) = client.ask(CommInfoRequest { target_name: None }).await else {
        panic!("a comm_info_reply")
    };
    assert_eq!(info.comms.len(), 1);
    let data = serde_json::Map::from_iter([("jobs".to_owned(), json!(true))]);
    let said = client.send(CommMsg { comm_id: CommId("2".to_owned()), data }).await;
    let published = client.published_for(&said).await;
    let JupyterMessageContent::CommMsg(answer) = &published[1].content else { panic!("{published:?}") };
    assert!(answer.data["jobs"].is_object(), "{:?}", answer.data);
}
