//! User expressions: values that a front end wants in the reply to a cell.

use crate::failure;
use crate::media::media;
use dpark_repl::session::{CellError, Session};
use dpark_repl::shell::Shell;
use jupyter_protocol::messaging::ExpressionResult;
use serde_json::Map;
use std::collections::HashMap;

/// The results by name.
pub(super) type Results = HashMap<String, ExpressionResult>;

/// Evaluates one.
pub(super) fn evaluate(shell: &mut Shell<Session>, code: &str) -> ExpressionResult {
    let outcome = shell.backend.execute(code);
    let error = outcome.error.or_else(|| match outcome.shown {
        Some(_) => None,
        None => Some(CellError::Command(format!("`{code}` has no value"))),
    });
    match (error, outcome.shown) {
        (None, Some(shown)) => ExpressionResult::Ok { data: media(&shell.picture(&shown)), metadata: Map::new() },
        (error, _) => {
            let failed = failure::output(&error.unwrap_or(CellError::Interrupted));
            ExpressionResult::Error { ename: failed.ename, evalue: failed.evalue, traceback: failed.traceback }
        }
    }
}
