//! The shell's `:commands`, declared in one table: dispatch, help and completion come from it.

mod engine;
mod help;
mod host;
mod script;
pub mod table;

use crate::shell::Flow;
use crate::view::rich::Bundle;
pub use help::about;
pub use host::Host;
pub use table::{Action, Argument, COMMANDS, Command};

/// What a command answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Something to show, in the forms that the front end may choose from.
    Shown(Bundle),
    /// A text to read once.
    Page(String),
    /// It has shown everything itself.
    Flow(Flow),
}

impl Reply {
    /// A text to show.
    pub(crate) fn text(text: String) -> Reply {
        Reply::Shown(Bundle::text(text))
    }
}

/// Runs a command. An error is one sentence for the user.
pub fn run(host: &mut dyn Host, name: &str, args: &str) -> Result<Reply, String> {
    let command = table::find(name, args).ok_or_else(|| unknown(name))?;
    match command.action {
        Action::Live(action) => action(host.live(), args).map(Reply::Shown),
        Action::Host(action) => action(host, args),
        Action::Evcxr => Ok(Reply::Flow(host.evcxr(format!("{name} {args}").trim_end()))),
        Action::Refused(reason) => Err(format!("{name} is not available here: {reason}")),
    }
}

/// Runs a command while a cell runs, if it can.
pub fn run_live(live: &crate::shell::Live, name: &str, args: &str) -> Result<Bundle, String> {
    match table::find(name, args).ok_or_else(|| unknown(name))?.action {
        Action::Live(action) => action(live, args),
        Action::Refused(reason) => Err(format!("{name} is not available here: {reason}")),
        Action::Host(_) | Action::Evcxr => Err(format!("{name} waits until the cell has ended")),
    }
}

/// Whether `:save` writes this command: those that change what later cells mean.
pub fn is_kept(name: &str, args: &str) -> bool {
    table::find(name, args).is_some_and(|command| command.kept)
}

fn unknown(name: &str) -> String {
    let similar: Vec<&str> = COMMANDS
        .iter()
        .map(|command| command.name)
        .filter(|known| name.len() > 2 && (known.starts_with(name) || name.starts_with(known) && known.len() > 2))
        .collect();
    match similar.as_slice() {
        [] => format!("there is no command {name}; :help lists them"),
        similar => format!("there is no command {name}; did you mean {}?", similar.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_commands_get_a_hint() {
        assert_eq!(unknown(":stage"), "there is no command :stage; did you mean :stages?");
        assert_eq!(unknown(":xyz"), "there is no command :xyz; :help lists them");
    }

    #[test]
    fn cache_with_a_number_is_evcxrs() {
        let action = |args| table::find(":cache", args).map(|command| command.action);
        assert!(matches!(action(""), Some(Action::Live(_))));
        assert!(matches!(action("500"), Some(Action::Evcxr)));
    }

    #[test]
    fn what_save_keeps() {
        assert!(is_kept(":dep", "regex") && is_kept(":opt", "2"));
        assert!(!is_kept(":vars", "") && !is_kept(":stages", "") && !is_kept(":nothing", ""));
    }
}
