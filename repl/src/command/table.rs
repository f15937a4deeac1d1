//! The table of commands.

use super::{Host, Reply, engine, help, script};
use crate::shell::{Flow, Live};
use crate::view::rich::Bundle;

/// A command.
pub struct Command {
    /// Its name, with the colon.
    pub name: &'static str,
    /// Its arguments, as help shows them.
    pub args: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What to complete after it.
    pub argument: Argument,
    /// Whether `:save` writes it.
    pub kept: bool,
    /// What it does.
    pub action: Action,
}

/// What a command does with its arguments. An error is one sentence for the user.
#[derive(Clone, Copy)]
pub enum Action {
    /// Looks at the engine or speaks to it from outside: may run while a cell runs.
    Live(fn(&Live, &str) -> Result<Bundle, String>),
    /// Needs the session to itself.
    Host(fn(&mut dyn Host, &str) -> Result<Reply, String>),
    /// Handed to evcxr as it is.
    Evcxr,
    /// Not available here, and why.
    Refused(&'static str),
}

/// What a command's argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing to complete.
    Other,
    /// A variable that holds an RDD.
    Rdd,
    /// Any variable.
    Variable,
    /// A file.
    File,
    /// A command.
    Command,
    /// One of these words.
    Words(&'static [&'static str]),
}

/// Why the commands that change compiler or engine under the running child are refused.
const ONE_BUILD: &str = "the engine and all cells must be built by one compiler with the same settings";

const fn ours(
    name: &'static str,
    args: &'static str,
    help: &'static str,
    argument: Argument,
    action: Action,
) -> Command {
    Command { name, args, help, argument, kept: false, action }
}

const fn evcxr(name: &'static str, args: &'static str, help: &'static str, argument: Argument) -> Command {
    Command { name, args, help, argument, kept: false, action: Action::Evcxr }
}

const fn kept(name: &'static str, args: &'static str, help: &'static str) -> Command {
    Command { name, args, help, argument: Argument::Other, kept: true, action: Action::Evcxr }
}

const fn refused(name: &'static str, help: &'static str, reason: &'static str) -> Command {
    Command { name, args: "", help, argument: Argument::Other, kept: false, action: Action::Refused(reason) }
}

/// Every command: ours in the order of a first look, then evcxr's, then what is refused. Of two with one name the
/// first is the one without argument.
pub const COMMANDS: &[Command] = &[
    ours(":help", "[COMMAND]", "this list, or more about one command", Argument::Command, Action::Host(help::help)),
    ours(":jobs", "", "jobs: action, state, stages, tasks, time", Argument::Other, Action::Live(engine::jobs)),
    ours(":stages", "[JOB]", "stages: state, tasks, rows, bytes, time", Argument::Other, Action::Live(engine::stages)),
    ours(
        ":dag",
        "[RDD]",
        "the stages of the last job, or of the last one that computed RDD",
        Argument::Rdd,
        Action::Live(engine::dag),
    ),
    ours(
        ":lineage",
        "RDD",
        "how an RDD (a variable or a number) is computed",
        Argument::Rdd,
        Action::Live(engine::lineage),
    ),
    ours(
        ":cache",
        "",
        "the RDD cache: name, level, partitions cached, memory, disk",
        Argument::Other,
        Action::Live(engine::cache),
    ),
    evcxr(":cache", "MB", "the size of evcxr's cache of compiled crates; 0 turns it off", Argument::Other),
    ours(":uncache", "RDD", "drops the cached partitions of an RDD", Argument::Rdd, Action::Live(engine::uncache)),
    ours(
        ":executors",
        "",
        "executor processes: id, process, cores, tasks, failures, bytes shuffled",
        Argument::Other,
        Action::Live(engine::executors),
    ),
    ours(
        ":kill-executor",
        "ID",
        "kills an executor's process; what it had is computed again",
        Argument::Other,
        Action::Live(engine::kill_executor),
    ),
    ours(":cancel", "JOB", "cancels a job", Argument::Other, Action::Live(engine::cancel)),
    ours(":conf", "", "each setting, its value and where it came from", Argument::Other, Action::Live(help::conf)),
    ours(":timing", "[on|off]", "shows the time of every cell", Argument::Words(&["on", "off"]), Action::Host(timing)),
    ours(":load", "FILE", "runs a script's cells in this session", Argument::File, Action::Host(script::load)),
    ours(":save", "FILE", "writes the session's cells as a script", Argument::File, Action::Host(script::save)),
    ours(
        ":restart",
        "",
        "drops the variables; items and dependencies stay; a fresh ctx",
        Argument::Other,
        Action::Host(restart),
    ),
    ours(":clear", "", "drops variables, items and dependencies; a fresh ctx", Argument::Other, Action::Host(clear)),
    ours(":reset", "", "the same as :clear", Argument::Other, Action::Host(clear)),
    ours(":quit", "", "leaves the shell", Argument::Other, Action::Host(quit)),
    kept(":dep", "NAME [= …]", "adds a dependency: :dep regex = \"1\""),
    evcxr(":show_deps", "", "the dependencies", Argument::Other),
    evcxr(":vars", "", "the variables and their types", Argument::Other),
    evcxr(":type", "NAME", "the type of a variable", Argument::Variable),
    evcxr(":t", "NAME", "the same as :type", Argument::Variable),
    evcxr(":types", "", "shows the types of results, or stops it", Argument::Other),
    evcxr(":doc", "NAME", "the documentation of a name", Argument::Variable),
    evcxr(":explain", "", "explains the last compile error", Argument::Other),
    kept(":opt", "[0|1|2]", "optimisation of cells; dependencies and engine always have the highest"),
    kept(":fmt", "[FORMAT]", "format of results, {:?} without argument"),
    kept(":efmt", "[FORMAT]", "format of errors that leave a cell by `?`"),
    kept(":env", "KEY=VALUE", "sets an environment variable for the next :restart"),
    kept(":offline", "0|1", "whether cargo stays off the network"),
    evcxr(":load_config", "[--quiet]", "reads evcxr's start-up files again", Argument::Words(&["--quiet"])),
    evcxr(":clear_cache", "", "empties evcxr's cache of compiled crates", Argument::Other),
    evcxr(":last_compile_dir", "", "where the last cell was compiled", Argument::Other),
    evcxr(":last_error_json", "", "the last compile error as JSON", Argument::Other),
    evcxr(":internal_debug", "", "evcxr's own debugging, on or off", Argument::Other),
    evcxr(":version", "", "evcxr's version", Argument::Other),
    refused(":toolchain", "choice of the compiler", ONE_BUILD),
    refused(":linker", "choice of the linker", "the session links the cells itself"),
    refused(":codegen_backend", "choice of the code generator", ONE_BUILD),
    refused(
        ":allow_static_linking",
        "static or shared dependencies",
        "all cells share one copy of the engine and of each dependency",
    ),
    refused(":sccache", "a cache of compiler calls", "the session compiles the cells itself and keeps its own cache"),
    refused(
        ":time_passes",
        "times of the compiler's passes",
        "it needs a nightly compiler; :timing shows the time of each cell",
    ),
    refused(":build_env", "environment of the compiler", ONE_BUILD),
    refused(":preserve_vars_on_panic", "variables after a panic", "they are always kept"),
];

/// The command that a line means.
pub fn find(name: &str, args: &str) -> Option<&'static Command> {
    let mut named = COMMANDS.iter().filter(|command| command.name == name);
    let first = named.next()?;
    match named.next() {
        Some(second) if !args.is_empty() => Some(second),
        _ => Some(first),
    }
}

fn timing(host: &mut dyn Host, args: &str) -> Result<Reply, String> {
    let timing = host.timing();
    *timing = match args {
        "" => !*timing,
        word => crate::config::keys::switch(word).ok_or("`:timing on` or `:timing off`")?,
    };
    Ok(Reply::text(format!("timing is {}", if *timing { "on" } else { "off" })))
}

fn restart(host: &mut dyn Host, _args: &str) -> Result<Reply, String> {
    Ok(Reply::Flow(host.restart()))
}

fn clear(host: &mut dyn Host, _args: &str) -> Result<Reply, String> {
    Ok(Reply::Flow(host.clear()))
}

fn quit(_host: &mut dyn Host, _args: &str) -> Result<Reply, String> {
    Ok(Reply::Flow(Flow::Quit))
}
