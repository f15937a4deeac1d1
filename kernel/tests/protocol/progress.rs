//! The progress of jobs under their cell.

use crate::harness::{Kernel, forms};
use jupyter_protocol::messaging::{JupyterMessage, JupyterMessageContent};
use std::collections::BTreeSet;

/// The display and the forms of a frame.
fn frame(message: &JupyterMessage) -> Option<(Option<String>, BTreeSet<String>)> {
    let (data, transient) = match &message.content {
        JupyterMessageContent::DisplayData(display) => (&display.data, display.transient.clone().unwrap_or_default()),
        JupyterMessageContent::UpdateDisplayData(display) => (&display.data, display.transient.clone()),
        _ => return None,
    };
    Some((transient.display_id, forms(data).keys().cloned().collect()))
}

#[tokio::test]
async fn a_long_job_moves_in_one_display_that_is_final_before_idle() {
    let kernel = Kernel::start();
    let mut client = kernel.connect().await;
    let cell = client
        .execute(
            "ctx.range_with(0, 20, 1, 20).map(|x| { std::thread::sleep(std::time::Duration::from_millis(150)); (x % 3, 1) })\n\
             .reduce_by_key(|a, b| a + b).count()",
        )
        .await;
    let frames: Vec<_> = cell.messages.iter().filter_map(frame).collect();
    assert!(frames.len() >= 3, "{:?}", cell.lines());
    assert!(frames.iter().all(|one| one == &frames[0]), "{frames:?}");
    assert!(frames[0].0.is_some());
    assert!(
        frames[0].1.contains("text/html") && frames[0].1.contains("application/vnd.dpark.job.v1+json"),
        "{frames:?}"
    );
    let outputs = cell.outputs();
    assert!(outputs[0].starts_with("display_data: "), "{outputs:?}");
    assert!(outputs.last().is_some_and(|last| last == "execute_result 1: 3"), "{outputs:?}");
    // A short job has its picture only.
    let short = client.execute("ctx.range(0, 5).count()").await;
    assert_eq!(short.messages.iter().filter_map(frame).count(), 1, "{:?}", short.lines());
    // A cell without a job has none.
    assert_eq!(client.execute("1").await.outputs(), ["execute_result 3: 1"]);
}
