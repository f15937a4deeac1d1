//! The command line.

use crate::WORKLOADS;
use std::path::PathBuf;

const HELP: &str = "\
cargo bench -p dpark --bench workloads -- [OPTIONS]
  --data DIR       where notebooks/data/make.py put its files (default: $DPARK_BENCH_DATA, then dpark-bench in the
                   directory of temporary files)
  --scale SHARE    of the full size, for what is not read from files (default 1)
  --only A,B       these workloads
  --repeat N       runs of each; the median counts (default 3)
  --threads N      for both sides (default 2)
  --twin-only      leave the engine out
  --processes      also run the engine on as many executors in processes of their own
  --repl PROGRAM   also run the workloads of benches/cells through this dpark-repl
  --profile SIDE   only run one side (engine, processes, twin) of one workload, in this process, for a profiler";

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Engine,
    /// The engine, with executors in processes of their own.
    Processes,
    Twin,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Engine => "engine",
            Side::Processes => "processes",
            Side::Twin => "twin",
        }
    }
}

pub(crate) struct Options {
    pub(crate) data: PathBuf,
    pub(crate) scale: f64,
    pub(crate) only: Vec<String>,
    pub(crate) repeat: usize,
    pub(crate) threads: usize,
    pub(crate) twin_only: bool,
    pub(crate) processes: bool,
    pub(crate) repl: Option<PathBuf>,
    /// Set in the processes that do the work.
    pub(crate) side: Option<Side>,
}

impl Options {
    pub(crate) fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let default_data = || std::env::temp_dir().join("dpark-bench");
        let mut options = Options {
            data: std::env::var_os("DPARK_BENCH_DATA").map_or_else(default_data, PathBuf::from),
            scale: 1.0,
            only: Vec::new(),
            repeat: 3,
            threads: 2,
            twin_only: false,
            processes: false,
            repl: None,
            side: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value\n{HELP}"));
            match argument.as_str() {
                "--data" => options.data = value()?.into(),
                "--scale" => options.scale = number(&argument, &value()?)?,
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--repeat" => options.repeat = number::<usize>(&argument, &value()?)?.max(1),
                "--threads" => options.threads = number::<usize>(&argument, &value()?)?.max(1),
                "--twin-only" => options.twin_only = true,
                "--processes" => options.processes = true,
                "--repl" => options.repl = Some(value()?.into()),
                "--profile" => {
                    options.side = Some(match value()?.as_str() {
                        "engine" => Side::Engine,
                        "processes" => Side::Processes,
                        "twin" => Side::Twin,
                        other => return Err(format!("--profile: `{other}` is none of engine, processes and twin")),
                    })
                }
                // What cargo passes to every bench.
                "--bench" => {}
                "--help" => return Err(HELP.to_owned()),
                other => return Err(format!("`{other}` is no option\n{HELP}")),
            }
        }
        if let Some(unknown) = options.only.iter().find(|name| WORKLOADS.iter().all(|known| known.name != **name)) {
            let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
            return Err(format!("--only: there is no workload `{unknown}`; there are {}", names.join(", ")));
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(argument: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{argument}: `{text}` is not a number"))
}
