//! Who we are.

use crate::wire;
use jupyter_protocol::messaging::JupyterMessageContent;
use serde_json::json;

/// The version of the protocol that we speak.
pub const PROTOCOL: &str = "5.5";

/// The reply to `kernel_info_request`. `master` is where tasks run.
pub fn reply(master: &str) -> JupyterMessageContent {
    let content = json!({
        "status": "ok",
        "protocol_version": PROTOCOL,
        "implementation": "dpark",
        "implementation_version": env!("CARGO_PKG_VERSION"),
        "language_info": {
            "name": "rust",
            "version": env!("CARGO_PKG_RUST_VERSION"),
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
            "nbconvert_exporter": "script",
        },
        "banner": dpark_repl::terminal::banner(master),
        "debugger": false,
        "supported_features": [],
        "help_links": [],
    });
    // The crate's own type has no `supported_features`.
    wire::other("kernel_info_reply", content)
}
