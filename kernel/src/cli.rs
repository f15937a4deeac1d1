//! The command line.

use crate::kernelspec::DEFAULT_NAME;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// The Jupyter kernel over dpark.
#[derive(Debug, Parser)]
#[command(name = "dpark-kernel", version, about)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Make the kernel known to Jupyter
    Install {
        /// Where.
        #[command(flatten)]
        place: Place,
        /// The kernel's name; several, with different masters, stand side by side
        #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME)]
        name: String,
        /// Where tasks run (local, process, …), if not where dpark.toml or $DPARK_MASTER say
        #[arg(short = 'm', long, value_name = "MASTER")]
        master: Option<String>,
    },
    /// Undo `install`
    Uninstall {
        /// Where.
        #[command(flatten)]
        place: Place,
        /// The kernel's name
        #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME)]
        name: String,
    },
    /// Serve one front end; Jupyter calls this
    Run {
        /// The file with ports and key
        #[arg(value_name = "CONNECTION_FILE")]
        connection_file: PathBuf,
        /// Where tasks run
        #[arg(short = 'm', long, value_name = "MASTER")]
        master: Option<String>,
    },
}

/// Where kernels are installed.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(multiple = false)]
pub struct Place {
    /// For this user (the default)
    #[arg(long)]
    pub user: bool,
    /// Below a directory: PREFIX/share/jupyter/kernels
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<PathBuf>,
    /// Into the active Python environment
    #[arg(long)]
    pub sys_prefix: bool,
}
