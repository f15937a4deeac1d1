//! `dpark-repl`: reads the command line and the settings, starts a session and feeds it.

use anyhow::Context;
use dpark_repl::batch::{self, Exit};
use dpark_repl::cli::{Args, Task};
use dpark_repl::config::{self, Config};
use dpark_repl::feeder::SharedInput;
use dpark_repl::session::{Options, Session, Stdio};
use dpark_repl::shell::Shell;
use dpark_repl::shell::interrupt::{self, Interrupts, Mode};
use dpark_repl::shell::screen::{Abilities, Screen};
use dpark_repl::{bundle, doctor, report, terminal};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    match run(&Args::from_process()) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let message = report::failure(&format!("{error:#}"), io::stderr().is_terminal());
            // Nobody is left to be told if this fails.
            let _ = writeln!(io::stderr(), "{message}");
            ExitCode::from(Exit::Failure.code())
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(kind))
}

fn run(args: &Args) -> anyhow::Result<Exit> {
    let task = args.task();
    if task == Task::Doctor {
        let checks = doctor::check();
        io::stdout().write_all(doctor::report(&checks).as_bytes())?;
        return Ok(if checks.iter().all(|check| check.is_fine()) { Exit::Success } else { Exit::Failure });
    }
    if let Task::Bundle(directory) = &task {
        let files = bundle::write(directory, &mut |building| eprintln!("{building}"))?;
        let names: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
        io::stdout().write_all(names.as_bytes())?;
        return Ok(Exit::Success);
    }
    let config = Arc::new(load_config(args)?);
    let master = config.master().for_engine()?;
    let mut cells = Vec::new();
    if let Task::Batch { code, script } = &task {
        cells.extend(code.iter().cloned());
        if let Some(script) = script {
            cells.extend(batch::read_script(Path::new(script))?);
        }
    }
    let interactive = task == Task::Input && io::stdin().is_terminal();

    interrupt::block_signals()?;
    let screen = Screen::standard(Abilities::of(&config, interactive));
    let mode = if interactive { Mode::Prompt } else { Mode::Batch };
    let interrupts = Interrupts::start(mode, screen.clone())?;
    let from = match task {
        Task::Input if interactive => Cells::Prompt,
        Task::Input => Cells::Input(SharedInput::feed(io::stdin())?),
        _ => Cells::Given(cells),
    };
    let session = start(args, &config, &master, &from, &screen)?;
    let mut shell = Shell::new(session, Arc::clone(&config), screen, interrupts);
    match from {
        Cells::Prompt => terminal::run(shell, &master),
        Cells::Input(mut input) => Ok(batch::run_input(&mut shell, &mut input)?),
        Cells::Given(cells) => Ok(batch::run_cells(&mut shell, &cells)),
    }
}

/// Where cells come from.
enum Cells {
    /// Somebody types them.
    Prompt,
    /// Standard input, which their code may read too.
    Input(SharedInput),
    /// The command line.
    Given(Vec<String>),
}

fn load_config(args: &Args) -> anyhow::Result<Config> {
    let directory = std::env::current_dir().context("the current directory")?;
    let files = config::files(&directory, dirs::config_dir().as_deref());
    Ok(Config::load(&files, |name| std::env::var(name).ok(), &args.settings())?)
}

fn start(args: &Args, config: &Config, master: &str, from: &Cells, screen: &Screen) -> anyhow::Result<Session> {
    let interactive = matches!(from, Cells::Prompt);
    let stdio = if interactive {
        let screen = screen.clone();
        Stdio::Watch(Arc::new(move |stream, bytes| screen.user_output(stream, bytes)))
    } else {
        Stdio::Inherit
    };
    let options = Options {
        master: master.to_owned(),
        parallelism: usize::try_from(config.number("parallel"))?,
        memory: config.memory(),
        work_dirs: config.paths("work_dir").map(std::path::absolute).collect::<Result<_, _>>()?,
        err: config.ratio("err"),
        args: args.user_args(),
        stdio,
        input: if let Cells::Input(input) = from { Some(input.clone()) } else { None },
        interactive,
    };
    let detailed = io::stderr().is_terminal();
    let started = Session::start(options, &mut |building| {
        // A log need not hear of every crate.
        if detailed || !["Compiling ", "Download"].iter().any(|detail| building.starts_with(detail)) {
            screen.note(building);
        }
    });
    started.map_err(|error| {
        let missing: Vec<String> = doctor::check().iter().filter_map(doctor::Check::problem).collect();
        if missing.is_empty() { error } else { error.context(missing.join("\n")) }
    })
}
