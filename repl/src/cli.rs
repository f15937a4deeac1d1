//! The command line.

use crate::config::keys;
use clap::{ArgAction, Parser};
use std::ffi::OsString;
use std::path::PathBuf;

/// A live Rust shell over RDDs.
///
/// Without CODE and SCRIPT it reads cells from the terminal, or from standard input if that is none.
#[derive(Debug, Parser)]
#[command(name = "dpark-repl", version, about, after_help = AFTER, override_usage = USAGE)]
pub struct Args {
    /// Where tasks run.
    #[arg(short = 'm', long, value_name = "MASTER", help = MASTER_HELP)]
    pub master: Option<String>,
    /// Default number of partitions
    #[arg(short = 'p', long, value_name = "N")]
    pub parallel: Option<String>,
    /// Memory budget, with suffix k, m, g or t (default m)
    #[arg(short = 'M', long, value_name = "MEM")]
    pub mem: Option<String>,
    /// Skip and count bad records up to this part of all, 0 to 1
    #[arg(long, value_name = "RATIO", allow_hyphen_values = true)]
    pub err: Option<String>,
    /// Say more
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Say only results and errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Colours: auto, always or never
    #[arg(long, value_name = "WHEN")]
    pub color: Option<String>,
    /// Run CODE as a cell; may be given several times
    #[arg(short = 'e', value_name = "CODE", action = ArgAction::Append, allow_hyphen_values = true)]
    pub code: Vec<String>,
    /// A file of cells separated by `// %%` lines, and its own arguments; `-` reads standard input
    #[arg(value_name = "SCRIPT [ARGS]", trailing_var_arg = true, allow_hyphen_values = true)]
    pub script: Vec<OsString>,
}

const MASTER_HELP: &str = "Where tasks run: local, local[N], process[N], mesos, HOST[:PORT], zk://…, mesos://…";

const USAGE: &str =
    "dpark-repl [OPTIONS] [-e CODE]… [SCRIPT [ARGS…]]\n       dpark-repl doctor\n       dpark-repl bundle DIR";

const AFTER: &str = "`doctor` looks whether everything is there that the shell needs; `bundle` puts what an executor needs into a\n\
    new directory, for machines without a Rust toolchain.\n\
    -e cells run before SCRIPT. Options end at SCRIPT; what follows belongs to it. Settings also come from\n\
    dpark.toml and $DPARK_MASTER …; `:conf` in the shell lists them.";

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// `dpark-repl doctor`.
    Doctor,
    /// `dpark-repl bundle DIR`.
    Bundle(PathBuf),
    /// Standard input, at the prompt if it is a terminal.
    Input,
    /// `-e` cells, then a script.
    Batch {
        /// The cells.
        code: Vec<String>,
        /// The script's file.
        script: Option<OsString>,
    },
}

impl Args {
    /// The arguments of this process. An option nobody knows is an error, not the name of a script.
    pub fn from_process() -> Args {
        let args = Args::parse();
        if let Some(first) = args.script.first().map(|first| first.to_string_lossy())
            && first.len() > 1
            && first.starts_with('-')
        {
            let mut command = <Args as clap::CommandFactory>::command();
            command
                .error(clap::error::ErrorKind::UnknownArgument, format!("unexpected argument '{first}' found"))
                .exit();
        }
        args
    }

    /// What to run.
    pub fn task(&self) -> Task {
        match (self.code.as_slice(), self.script.as_slice()) {
            ([], [only]) if only == "doctor" => Task::Doctor,
            ([], [first, directory]) if first == "bundle" => Task::Bundle(directory.into()),
            ([], []) => Task::Input,
            ([], [first, ..]) if first == "-" => Task::Input,
            (code, script) => Task::Batch { code: code.to_vec(), script: script.first().cloned() },
        }
    }

    /// What `std::env::args()` gives to user code.
    pub fn user_args(&self) -> Vec<String> {
        match self.script.as_slice() {
            [] => vec!["dpark-repl".to_owned()],
            script => script.iter().map(|arg| arg.to_string_lossy().into_owned()).collect(),
        }
    }

    /// The settings that were given as options: key and value.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let verbosity = match (self.verbose, self.quiet) {
            (true, _) => Some("verbose".to_owned()),
            (_, true) => Some("quiet".to_owned()),
            _ => None,
        };
        let given = [
            ("master", &self.master),
            ("parallel", &self.parallel),
            ("mem", &self.mem),
            ("err", &self.err),
            ("verbosity", &verbosity),
            ("color", &self.color),
        ];
        debug_assert!(given.iter().all(|(key, _)| keys::find(key).is_some()));
        given.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Args {
        Args::try_parse_from(std::iter::once("dpark-repl").chain(args.iter().copied())).unwrap()
    }

    #[test]
    fn options_end_at_the_script() {
        let args = parse(&["-m", "local[2]", "-q", "wc.rs", "-m", "x", "--help", "a"]);
        assert_eq!(args.task(), Task::Batch { code: vec![], script: Some("wc.rs".into()) });
        assert_eq!(args.user_args(), ["wc.rs", "-m", "x", "--help", "a"]);
        assert_eq!(args.settings(), [("master", "local[2]".into()), ("verbosity", "quiet".into())]);
    }

    #[test]
    fn several_cells_may_begin_with_a_hyphen() {
        let args = parse(&["-e", "let x = 1;", "-e", "-x"]);
        assert_eq!(args.task(), Task::Batch { code: vec!["let x = 1;".into(), "-x".into()], script: None });
        assert_eq!(args.user_args(), ["dpark-repl"]);
    }

    #[test]
    fn doctor_bundle_and_input() {
        assert_eq!(parse(&["bundle", "to"]).task(), Task::Bundle("to".into()));
        assert_eq!(parse(&["doctor"]).task(), Task::Doctor);
        assert_eq!(parse(&[]).task(), Task::Input);
        assert_eq!(parse(&["-", "a"]).task(), Task::Input);
        assert!(Args::try_parse_from(["dpark-repl", "-v", "-q"]).is_err());
    }
}
