//! From settings to a session: what all front ends do alike.

use crate::config::{self, Config};
use crate::doctor;
use crate::session::{Display, Input, Options, Session, Stdio};
use crate::shell::front::Front;
use anyhow::Context;
use std::sync::Arc;

/// Reads the settings from files, the environment and `flags` (key and value).
pub fn load_config(flags: &[(&'static str, String)]) -> anyhow::Result<Config> {
    let directory = std::env::current_dir().context("the current directory")?;
    let files = config::files(&directory, dirs::config_dir().as_deref());
    Ok(Config::load(&files, |name| std::env::var(name).ok(), flags)?)
}

/// How user code and the front end are connected.
pub struct Ends {
    /// What `std::env::args()` gives to user code, program name first.
    pub args: Vec<String>,
    /// Where its standard output and error go.
    pub stdio: Stdio,
    /// Where its standard input comes from.
    pub input: Input,
    /// Whether somebody types.
    pub interactive: bool,
}

/// Starts a session with these settings. `progress` hears what a first start builds. An error says what is missing on
/// this machine.
pub fn start(
    config: &Config,
    ends: Ends,
    front: &Arc<dyn Front>,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<Session> {
    let showing = Arc::clone(front);
    let options = Options {
        master: config.master().for_engine()?,
        parallelism: usize::try_from(config.number("parallel"))?,
        memory: config.memory(),
        work_dirs: config.paths("work_dir").map(std::path::absolute).collect::<Result<_, _>>()?,
        err: config.ratio("err"),
        args: ends.args,
        stdio: ends.stdio,
        input: ends.input,
        display: Display(Arc::new(move |output| showing.output(output))),
        interactive: ends.interactive,
    };
    Session::start(options, progress).map_err(|error| {
        let missing: Vec<String> = doctor::check().iter().filter_map(doctor::Check::problem).collect();
        if missing.is_empty() { error } else { error.context(missing.join("\n")) }
    })
}
