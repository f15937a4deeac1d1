//! Much output, and front ends that do not read it.

use crate::harness::Kernel;
use jupyter_zmq_client::create_client_iopub_connection;

#[tokio::test]
async fn much_output_comes_in_few_messages_and_ends_at_the_limit() {
    let kernel = Kernel::start_with(&[("DPARK_OUTPUT_LIMIT", "1m")]);
    let mut client = kernel.connect().await;
    let lines = client.execute("for i in 0..10_000 { println!(\"line {i}\"); }").await;
    let text = lines.text("stdout");
    assert_eq!(text.lines().count(), 10_000);
    assert!(text.ends_with("line 9999\n"));
    assert!(lines.messages.len() < 500, "{} messages", lines.messages.len());
    let much = client.execute("for _ in 0..3000 { println!(\"{}\", \"x\".repeat(1023)); }").await;
    assert_eq!(much.text("stdout").len(), 1 << 20);
    assert!(much.text("stderr").contains("are not shown"), "{}", much.text("stderr"));
    assert_eq!(client.execute("println!(\"ä\")").await.outputs(), ["stdout: \"ä\\n\""]);
}

#[tokio::test]
async fn a_front_end_that_stops_reading_holds_nobody_up() {
    let kernel = Kernel::start_with(&[("DPARK_OUTPUT_LIMIT", "0")]);
    let mut client = kernel.connect().await;
    let lazy = create_client_iopub_connection(&kernel.connection, "", "lazy").await.expect("another front end");
    let much = client.execute("for _ in 0..100 { println!(\"{}\", \"x\".repeat((1 << 20) - 1)); }").await;
    assert_eq!(much.text("stdout").len(), 100 << 20);
    assert_eq!(client.execute("1").await.outputs(), ["execute_result 2: 1"]);
    drop(lazy);
}
