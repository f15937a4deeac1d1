//! `:help` and `:conf`.

use super::{Action, COMMANDS, Command, Host, Reply};
use crate::shell::Live;
use crate::view::rich::Bundle;
use crate::view::table::{Align, table as draw};

/// `:help [COMMAND]`.
pub(super) fn help(_host: &mut dyn Host, args: &str) -> Result<Reply, String> {
    if args.is_empty() {
        return Ok(Reply::Page(list()));
    }
    let name = format!(":{}", args.trim_start_matches(':'));
    about(&name).map(Reply::Page).ok_or_else(|| super::unknown(&name))
}

/// What a command (`:dag`) is for, if there is one of that name.
pub fn about(name: &str) -> Option<String> {
    let named: Vec<String> = COMMANDS.iter().filter(|command| command.name == name).map(one).collect();
    (!named.is_empty()).then(|| named.join("\n"))
}

fn list() -> String {
    let line = |command: &Command| format!("  {:<24} {}", usage(command), command.help);
    let chosen = |wanted: fn(&Action) -> bool| -> String {
        COMMANDS.iter().filter(|command| wanted(&command.action)).map(line).collect::<Vec<_>>().join("\n")
    };
    format!(
        "Rust code runs as it is; `ctx` is the context. Lines that begin with `:` are commands, with `!` lines for sh.\n\
         {}\nof evcxr:\n{}\nnot available (:help COMMAND says why):\n{}",
        chosen(|action| matches!(action, Action::Live(_) | Action::Host(_))),
        chosen(|action| matches!(action, Action::Evcxr)),
        chosen(|action| matches!(action, Action::Refused(_))),
    )
}

fn usage(command: &Command) -> String {
    format!("{} {}", command.name, command.args).trim_end().to_owned()
}

fn one(command: &Command) -> String {
    let more = match command.action {
        Action::Live(_) => "It also answers while a cell runs, where the front end can ask.".to_owned(),
        Action::Host(_) => String::new(),
        Action::Evcxr => "A command of evcxr.".to_owned(),
        Action::Refused(reason) => format!("Not available here: {reason}."),
    };
    format!("{}\n  {}\n  {more}", usage(command), command.help).trim_end().to_owned()
}

/// `:conf`.
pub(super) fn conf(live: &Live, _args: &str) -> Result<Bundle, String> {
    let header = [("key", Align::Left), ("value", Align::Left), ("from", Align::Left), ("what it is", Align::Left)];
    let rows: Vec<Vec<String>> = live
        .config
        .entries()
        .map(|(key, setting)| {
            vec![key.name.to_owned(), setting.value.clone(), setting.origin.to_string(), key.doc.to_owned()]
        })
        .collect();
    Ok(Bundle::preformatted(draw(&header, &rows, live.width)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_listed_once_per_form() {
        let list = list();
        for command in COMMANDS {
            assert!(list.contains(&format!("  {:<24} {}", usage(command), command.help)), "{}", command.name);
        }
    }

    #[test]
    fn a_refused_command_says_why() {
        let sccache = super::super::table::find(":sccache", "").map(one);
        assert!(sccache.is_some_and(|text| {
            text.ends_with("Not available here: the session compiles the cells itself and keeps its own cache.")
        }));
    }
}
