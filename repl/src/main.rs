//! `dpark-repl`: reads the command line and the settings, starts a session and feeds it.

use dpark_repl::batch::{self, Exit};
use dpark_repl::cli::{Args, Task};
use dpark_repl::config::Config;
use dpark_repl::feeder::SharedInput;
use dpark_repl::launch::{self, Ends};
use dpark_repl::session::{Input, Session, Stdio};
use dpark_repl::shell::Shell;
use dpark_repl::shell::front::Front;
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
    let config = Arc::new(launch::load_config(&args.settings())?);
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
    let front: Arc<dyn Front> = Arc::new(screen.clone());
    let mode = if interactive { Mode::Prompt } else { Mode::Batch };
    let interrupts = Interrupts::start(mode, Arc::clone(&front))?;
    let from = match task {
        Task::Input if interactive => Cells::Prompt,
        Task::Input => Cells::Input(SharedInput::feed(io::stdin())?),
        _ => Cells::Given(cells),
    };
    let session = start(args, &config, &from, &screen, &front)?;
    let mut shell = Shell::new(session, Arc::clone(&config), front, interrupts);
    match from {
        Cells::Prompt => terminal::run(shell, &screen, &master),
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

fn start(
    args: &Args,
    config: &Config,
    from: &Cells,
    screen: &Screen,
    front: &Arc<dyn Front>,
) -> anyhow::Result<Session> {
    let interactive = matches!(from, Cells::Prompt);
    let stdio = if interactive {
        let screen = screen.clone();
        Stdio::Watch(Arc::new(move |stream, bytes| screen.user_output(stream, bytes)))
    } else {
        Stdio::Inherit
    };
    let input = if let Cells::Input(input) = from { Input::Shared(input.clone()) } else { Input::Inherit };
    let ends = Ends { args: args.user_args(), stdio, input, interactive };
    let detailed = io::stderr().is_terminal();
    launch::start(config, ends, front, &mut |building| {
        // A log need not hear of every crate.
        if detailed || !["Compiling ", "Download"].iter().any(|detail| building.starts_with(detail)) {
            screen.note(building);
        }
    })
}
