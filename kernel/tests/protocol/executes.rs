//! Cells, from busy to idle.

use crate::harness::{Kernel, forms, within};
use jupyter_protocol::messaging::{
    ExecuteRequest, ExpressionResult, InputReply, InterruptRequest, JupyterMessage, JupyterMessageContent, Payload,
    ReplyStatus,
};
use std::collections::HashMap;

#[tokio::test]
async fn a_cell_is_told_in_order() {
    let kernel = Kernel::start();
    let mut client = kernel.connect().await;
    let cell = client.execute("println!(\"a\"); eprint!(\"b\"); 1 + 1").await;
    assert_eq!(
        cell.lines(),
        [
            "busy",
            "execute_input 1: println!(\"a\"); eprint!(\"b\"); 1 + 1",
            "stdout: \"a\\n\"",
            "stderr: \"b\"",
            "execute_result 1: 2",
            "idle"
        ]
    );
    assert_eq!((cell.reply.status, cell.reply.execution_count.value()), (ReplyStatus::Ok, 1));
    // A table has its HTML with it.
    let table = client.execute("vec![(\"a\", 1), (\"b\", 2)]").await;
    let JupyterMessageContent::ExecuteResult(result) = &table.messages[2].content else {
        panic!("{:?}", table.lines())
    };
    assert!(forms(&result.data)["text/html"].as_str().unwrap().contains("<table"));
    // Nothing of a silent cell is counted or told, but it runs.
    let silent = ExecuteRequest { silent: true, ..ExecuteRequest::new("let x = 5; x".to_owned()) };
    assert_eq!(client.run(silent).await.lines(), ["busy", "idle"]);
    let uncounted = ExecuteRequest { store_history: false, ..ExecuteRequest::new("x".to_owned()) };
    assert_eq!(client.run(uncounted).await.outputs(), ["execute_result 2: 5"]);
    assert_eq!(client.execute("x + 1").await.outputs(), ["execute_result 3: 6"]);
}

#[tokio::test]
async fn a_cell_that_fails_is_told_once_and_takes_the_waiting_ones_with_it() {
    let kernel = Kernel::start();
    let mut client = kernel.connect().await;
    client.execute("let x = 1;").await;
    let failing =
        client.send(ExecuteRequest::new("let y = 2; let n: i32 = \"a\".parse()?; let z = 3;".to_owned())).await;
    let waiting = client.send(ExecuteRequest::new("let x = 7;".to_owned())).await;
    let failed = client.transcript(&failing).await;
    assert_eq!(failed.outputs(), ["error Error: ParseIntError { kind: InvalidDigit }"]);
    let JupyterMessageContent::ErrorOutput(told) = &failed.messages[2].content else { panic!("an error") };
    let replied = failed.reply.error.expect("the error is in the reply, too");
    assert_eq!((replied.ename, replied.evalue), (told.ename.clone(), told.evalue.clone()));
    assert!(told.traceback.join("\n").contains("\x1b["));
    let aborted = client.transcript(&waiting).await;
    assert_eq!((aborted.lines(), aborted.reply.status), (vec!["busy".into(), "idle".into()], ReplyStatus::Aborted));
    assert_eq!(client.execute("(x, y)").await.outputs(), ["execute_result 3: (1, 2)"]);

    let wrong = client.execute("let s: String = 1;").await;
    assert_eq!(wrong.outputs(), ["error E0308: mismatched types"]);
    let traceback = wrong.reply.error.expect("an error").traceback.join("\n");
    assert!(traceback.contains("cell 4"), "{traceback}");
    let panic = client.execute("panic!(\"no\")").await;
    assert_eq!(panic.outputs(), ["error Panic: no (at cell 5, line 1)"]);
    let unknown = client.execute(":nonsense").await;
    assert_eq!(unknown.outputs(), ["error CommandError: there is no command :nonsense; :help lists them"]);

    // Without stop_on_error the next one runs.
    let going_on = ExecuteRequest { stop_on_error: false, ..ExecuteRequest::new("panic!(\"no\")".to_owned()) };
    let failing = client.send(going_on).await;
    let next = client.send(ExecuteRequest::new("x".to_owned())).await;
    client.transcript(&failing).await;
    assert_eq!(client.transcript(&next).await.outputs(), ["execute_result 8: 1"]);
}

#[tokio::test]
async fn commands_and_expressions_stand_beside_code() {
    let kernel = Kernel::start();
    let mut client = kernel.connect().await;
    let mixed = client.execute("let n = 4;\n:vars\n!echo from sh\nn").await;
    let outputs = mixed.outputs();
    assert!(outputs[0].starts_with("display_data: ") && outputs[0].contains("n: i32"), "{outputs:?}");
    assert_eq!(outputs[1..], ["stdout: \"from sh\\n\"", "execute_result 1: 4"]);
    let help = client.execute(":help").await;
    assert_eq!(help.outputs(), [""; 0]);
    let [Payload::Page { data, start: 0 }] = &help.reply.payload[..] else { panic!("{:?}", help.reply.payload) };
    assert!(forms(data)["text/plain"].as_str().unwrap().contains(":stages"));
    let asked = HashMap::from([("one", "n + 1"), ("none", "n + \"\"")].map(|(name, code)| (name.into(), code.into())));
    let with_expressions = ExecuteRequest { user_expressions: Some(asked), ..ExecuteRequest::new("n".to_owned()) };
    let results = client.run(with_expressions).await.reply.user_expressions.expect("results");
    let ExpressionResult::Ok { data, .. } = &results["one"] else { panic!("{results:?}") };
    assert_eq!(forms(data)["text/plain"], "5");
    assert!(matches!(&results["none"], ExpressionResult::Error { ename, .. } if ename == "E0277"), "{results:?}");
}

#[tokio::test]
async fn user_code_reads_what_the_front_end_is_asked_for() {
    let kernel = Kernel::start();
    let mut client = kernel.connect().await;
    const READ: &str =
        "print!(\"name? \"); let mut s = String::new(); let n = std::io::stdin().read_line(&mut s)?; (n, s)";
    let asking = ExecuteRequest { allow_stdin: true, ..ExecuteRequest::new(READ.to_owned()) };
    for name in ["Ada", "Grace"] {
        let cell = client.send(asking.clone()).await;
        let question = within(client.stdin.read()).await.expect("a question");
        assert!(matches!(question.content, JupyterMessageContent::InputRequest(_)), "{question:?}");
        let answer = InputReply { value: name.to_owned(), ..InputReply::default() };
        client.stdin.send(JupyterMessage::new(answer, Some(&question))).await.expect("the answer is sent");
        let outputs = client.transcript(&cell).await.outputs();
        assert_eq!(outputs[0], "stdout: \"name? \"");
        assert!(outputs[1].ends_with(&format!("({}, \"{name}\\n\")", name.len() + 1)), "{outputs:?}");
    }
    // An interrupt ends the wait, and the cell has failed; the next one is asked for again.
    let cell = client.send(asking.clone()).await;
    within(client.stdin.read()).await.expect("a question");
    client.send_control(InterruptRequest {}).await;
    client.control_reply().await;
    let interrupted = client.transcript(&cell).await;
    // A value would stand before the error. Once the interrupt is answered, the cell is busy again.
    let shown: Vec<String> = interrupted.outputs().into_iter().filter(|line| line != "busy").collect();
    assert_eq!(shown[0], "stdout: \"name? \"");
    assert!(shown.len() == 2 && shown[1].starts_with("error Interrupted"), "{shown:?}");
    assert_eq!(interrupted.reply.error.expect("an error").ename, "Interrupted");
    let cell = client.send(asking).await;
    let question = within(client.stdin.read()).await.expect("a question");
    let answer = InputReply { value: "Mary".to_owned(), ..InputReply::default() };
    client.stdin.send(JupyterMessage::new(answer, Some(&question))).await.expect("the answer is sent");
    assert!(client.transcript(&cell).await.outputs()[1].ends_with("(5, \"Mary\\n\")"));
    // Without leave to ask the input has ended.
    let outputs = client.execute(READ).await.outputs();
    assert!(outputs[1].ends_with("(0, \"\")"), "{outputs:?}");
}
