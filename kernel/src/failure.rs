//! Failed cells as the protocol tells of them.

use dpark_repl::report;
use dpark_repl::session::CellError;
use jupyter_protocol::messaging::{ErrorOutput, ReplyError};

/// The `error` message of a failed cell.
pub fn output(error: &CellError) -> ErrorOutput {
    let (name, value) = match error {
        CellError::Compile(diagnostics) => {
            let first = diagnostics.first();
            let code = first.and_then(|diagnostic| diagnostic.code.clone());
            let message = first.map_or_else(String::new, |diagnostic| diagnostic.message.clone());
            (code.unwrap_or_else(|| "CompileError".to_owned()), message)
        }
        CellError::Returned(text) => ("Error".to_owned(), text.clone()),
        CellError::Panicked(text) => ("Panic".to_owned(), text.clone()),
        CellError::Interrupted => ("Interrupted".to_owned(), "the cell was interrupted; variables are kept".to_owned()),
        CellError::ChildDied(text) => ("EngineEnded".to_owned(), text.clone()),
        CellError::Exited(code) => ("Exited".to_owned(), format!("with code {code}")),
        CellError::Command(text) => ("CommandError".to_owned(), text.clone()),
        CellError::Session(text) => ("SessionError".to_owned(), text.clone()),
    };
    let traceback = report::error(error, true, None).lines().map(str::to_owned).collect();
    ErrorOutput { ename: name, evalue: value, traceback }
}

/// The same in a reply.
pub fn in_reply(error: &ErrorOutput) -> ReplyError {
    ReplyError { ename: error.ename.clone(), evalue: error.evalue.clone(), traceback: error.traceback.clone() }
}
