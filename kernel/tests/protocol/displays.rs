//! What cells show by `dpark::display`.

use crate::harness::{Kernel, forms};
use jupyter_protocol::messaging::JupyterMessageContent;

#[tokio::test]
async fn displays_stay_in_order_with_what_is_printed() {
    let kernel = Kernel::start();
    let mut client = kernel.connect().await;
    let cell = client
        .execute(
            "print!(\"before\");\n\
             let plot = dpark::display(dpark::MimeBundle::new().svg(\"<svg/>\").text(\"a plot\"));\n\
             println!(\"between\");\n\
             dpark::update_display(&plot, dpark::MimeBundle::new().svg(\"<svg />\").text(\"another\"));\n\
             println!(\"after\");\n\
             dpark::clear_output(true);\n\
             dpark::display(\"last\")",
        )
        .await;
    assert_eq!(
        cell.outputs(),
        [
            "stdout: \"before\"",
            "display_data: a plot",
            "stdout: \"between\\n\"",
            "update_display_data: another",
            "stdout: \"after\\n\"",
            "clear_output wait=true",
            "display_data: last",
        ]
    );
    let JupyterMessageContent::DisplayData(first) = &cell.messages[3].content else { panic!("{:?}", cell.lines()) };
    let JupyterMessageContent::UpdateDisplayData(update) = &cell.messages[5].content else {
        panic!("{:?}", cell.lines())
    };
    assert_eq!(first.transient.as_ref().and_then(|it| it.display_id.clone()), update.transient.display_id);
    let types = forms(&first.data).keys().cloned().collect::<Vec<_>>();
    assert_eq!(types, ["image/svg+xml", "text/html", "text/plain"]);
    // A later cell updates it, too, and a bundle may be the value of a cell.
    let later = client
        .execute("dpark::update_display(&plot, \"third\"); dpark::MimeBundle::new().html(\"<b>1</b>\").text(\"1\")");
    assert_eq!(later.await.outputs(), ["update_display_data: third", "execute_result 2: 1"]);
}
