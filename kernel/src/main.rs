//! `dpark-kernel`: installs itself where Jupyter looks for kernels, and is run by Jupyter.

use clap::Parser;
use dpark_kernel::cli::{Args, Task};
use dpark_kernel::{connection, kernelspec, server};
use dpark_repl::shell::interrupt;
use dpark_repl::{launch, report};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = report::failure(&format!("{error:#}"), io::stderr().is_terminal());
            // Nobody is left to be told if this fails.
            let _ = writeln!(io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    match args.task {
        Task::Install { place, name, master } => {
            let path = kernelspec::install(&place, &name, master.as_deref())?;
            writeln!(io::stdout(), "installed kernel `{name}` in {}", path.display())?;
        }
        Task::Uninstall { place, name } => {
            let path = kernelspec::uninstall(&place, &name)?;
            writeln!(io::stdout(), "removed kernel `{name}` from {}", path.display())?;
        }
        Task::Run { connection_file, master } => {
            // Before any thread is started. Interrupts come by message.
            interrupt::block_signals()?;
            let connection = connection::read(&connection_file)?;
            let flags: Vec<(&'static str, String)> = master.into_iter().map(|master| ("master", master)).collect();
            let config = Arc::new(launch::load_config(&flags)?);
            config.master().for_engine()?;
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            let served = runtime.block_on(server::run(&connection, config));
            // What still waits somewhere has nobody to answer to.
            runtime.shutdown_background();
            served?;
        }
    }
    Ok(())
}
