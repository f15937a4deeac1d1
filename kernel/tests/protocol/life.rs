//! Interrupts, other front ends, and the end.

use crate::harness::{Kernel, lives, within};
use jupyter_protocol::messaging::{
    CompleteRequest, ExecuteRequest, InterruptRequest, JupyterMessage, JupyterMessageContent, KernelInfoRequest,
    ReplyStatus, ShutdownRequest,
};
use jupyter_zmq_client::{
    create_client_heartbeat_connection, create_client_shell_connection_with_identity, peer_identity_for_session,
};
use std::time::Duration;
use zeromq::{SocketRecv, SocketSend};

/// A job without end, which says when it runs.
const ENDLESS: &str = "println!(\"begun\"); ctx.range(0, i64::MAX).filter(|x| *x < 0).count()";

#[tokio::test]
async fn an_interrupt_ends_the_job_and_keeps_variables_and_nothing_waits_meanwhile() {
    let kernel = Kernel::start();
    let mut client = kernel.connect().await;
    client.execute("let x = 41;").await;
    let cell = client.send(ExecuteRequest::new(ENDLESS.to_owned())).await;
    within(async { while !matches!(client.published().await.content, JupyterMessageContent::StreamContent(_)) {} })
        .await;
    let completions = client.ask(CompleteRequest { code: ":sta".to_owned(), cursor_pos: 4 }).await;
    assert!(matches!(&completions, JupyterMessageContent::CompleteReply(reply) if reply.matches == [":stages"]));
    let mut heart = create_client_heartbeat_connection(&kernel.connection).await.expect("the heartbeat socket");
    heart.socket.send(zeromq::ZmqMessage::from("beat")).await.expect("a beat");
    let echo = within(heart.socket.recv()).await.expect("its echo");
    assert_eq!(echo.get(0).map(|frame| &frame[..]), Some(&b"beat"[..]));
    client.send_control(InterruptRequest {}).await;
    let reply = client.control_reply().await;
    assert!(matches!(reply.content, JupyterMessageContent::InterruptReply(_)), "{reply:?}");
    let interrupted = client.reply().await;
    let JupyterMessageContent::ExecuteReply(interrupted) = interrupted.content else { panic!("{interrupted:?}") };
    assert_eq!(interrupted.status, ReplyStatus::Error);
    assert_eq!(interrupted.error.expect("an error").ename, "Interrupted");
    let rest = client.published_for(&cell).await;
    let errors = rest.iter().filter(|message| message.header.msg_type == "error");
    assert_eq!(errors.count(), 1);
    // An interrupt where nothing runs is none for the next cell.
    client.send_control(InterruptRequest {}).await;
    client.control_reply().await;
    assert_eq!(client.execute("x + 1").await.outputs(), ["execute_result 3: 42"]);
}

#[tokio::test]
async fn two_front_ends_see_each_others_cells() {
    let kernel = Kernel::start();
    let mut one = kernel.connect().await;
    let mut other = kernel.connect().await;
    let cell = one.send(ExecuteRequest::new("let shared = 3; shared".to_owned())).await;
    assert_eq!(other.published_for(&cell).await.len(), 4);
    assert_eq!(other.execute("shared + 1").await.outputs(), ["execute_result 2: 4"]);
}

#[tokio::test]
async fn messages_without_the_key_are_not_heard() {
    let kernel = Kernel::start();
    let mut client = kernel.connect().await;
    let mut forged = kernel.connection.clone();
    forged.key = "another key".to_owned();
    let identity = peer_identity_for_session("forger").expect("an identity");
    let mut forger =
        create_client_shell_connection_with_identity(&forged, "forger", identity).await.expect("the shell socket");
    forger.send(JupyterMessage::new(ExecuteRequest::new("let x = 1;".to_owned()), None)).await.expect("it is sent");
    // The kernel lives on and has not run the cell.
    assert!(matches!(client.ask(KernelInfoRequest {}).await, JupyterMessageContent::KernelInfoReply(_)));
    assert_eq!(client.execute("x").await.reply.status, ReplyStatus::Error);
}

#[tokio::test]
async fn a_shutdown_leaves_no_process_behind_even_while_a_cell_runs() {
    let mut kernel = Kernel::start_with(&[("DPARK_MASTER", "process[2]")]);
    let mut client = kernel.connect().await;
    assert_eq!(client.execute("ctx.range(0, 10).count()").await.reply.status, ReplyStatus::Ok);
    client.send(ExecuteRequest::new(ENDLESS.to_owned())).await;
    within(async { while !matches!(client.published().await.content, JupyterMessageContent::StreamContent(_)) {} })
        .await;
    let descendants = kernel.descendants();
    assert!(descendants.len() >= 3, "{descendants:?}");
    client.send_control(ShutdownRequest { restart: false }).await;
    let reply = client.control_reply().await;
    assert!(matches!(reply.content, JupyterMessageContent::ShutdownReply(_)), "{reply:?}");
    kernel.ended().await;
    within(async {
        while descendants.iter().any(|process| lives(*process)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_killed_kernel_leaves_no_process_behind() {
    let mut kernel = Kernel::start();
    let mut client = kernel.connect().await;
    client.execute("1").await;
    let descendants = kernel.descendants();
    assert!(!descendants.is_empty());
    kernel.process.kill().expect("it can be killed");
    kernel.ended().await;
    within(async {
        while descendants.iter().any(|process| lives(*process)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
