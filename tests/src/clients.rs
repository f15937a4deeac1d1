//! Where the notebook's clients are: a Python environment and a browser's remote control below the target directory, with
//! the kernel installed in it.

use crate::{program, shell};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

/// What the environment is made from, seen from the workspace: if one of these changes, it is made anew.
const SOURCES: &[&str] = &[
    "tests/notebook/requirements.txt",
    "tests/notebook/constraints.txt",
    "tests/notebook/package.json",
    "tests/notebook/package-lock.json",
    "kernel/python/pyproject.toml",
    "kernel/python/dpark_papermill/__init__.py",
    "kernel/python/dpark_papermill/literal.py",
    "kernel/python/dpark_papermill/translator.py",
];

/// Programs in Python and for node that speak to the kernel.
pub struct Clients {
    directory: PathBuf,
}

/// A run of a client in an empty directory of its own, free of the user's settings.
pub struct Client {
    /// What to run; arguments may be added.
    pub command: Command,
    /// Its settings and whatever it leaves.
    pub directory: TempDir,
}

/// The clients, installed when this returns: pip and npm get what is missing.
pub fn clients() -> &'static Clients {
    static CLIENTS: OnceLock<Clients> = OnceLock::new();
    CLIENTS.get_or_init(|| {
        let clients = Clients { directory: program::target_directory().join("notebook-clients") };
        fs::create_dir_all(&clients.directory).expect("a directory for the clients");
        let lock = File::create(clients.directory.join("lock")).expect("a file to lock");
        lock.lock().expect("one test installs at a time");
        clients.install();
        clients.install_kernel("dpark", "local[2]");
        clients.install_kernel("dpark-process", "process[2]");
        clients
    })
}

/// The directory of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a member")
}

impl Clients {
    /// A program of the Python environment, in a directory of its own and without the user's settings.
    pub fn client(&self, name: &str) -> Client {
        let directory = tempfile::tempdir().expect("a directory for the client");
        let mut command = Command::new(self.bin(name));
        shell::isolate(&mut command, directory.path());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.directory.join("venv/bin")).chain(std::env::split_paths(&path));
        command
            .env("PATH", std::env::join_paths(paths).expect("directories without colons"))
            // What notebooks show of it shall not depend on the machine.
            .env("DPARK_MEM", "2g")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONHASHSEED", "0")
            .env("JUPYTER_CONFIG_DIR", directory.path().join("config"))
            .env("JUPYTER_DATA_DIR", directory.path().join("data"))
            .env("JUPYTER_RUNTIME_DIR", directory.path().join("runtime"))
            .env("JUPYTERLAB_SETTINGS_DIR", directory.path().join("settings"))
            .env("JUPYTERLAB_WORKSPACES_DIR", directory.path().join("workspaces"))
            .env("IPYTHONDIR", directory.path().join("ipython"))
            .env("DPARK_NODE_MODULES", self.directory.join("node_modules"))
            .env("DPARK_NOTEBOOK_ARTEFACTS", artefacts());
        Client { command, directory }
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.directory.join("venv/bin").join(name)
    }

    fn install(&self) {
        let sources = sources();
        let mark = self.directory.join("made-from");
        if fs::read_to_string(&mark).is_ok_and(|made| made == sources) {
            return;
        }
        for old in ["venv", "node_modules"] {
            let _ = fs::remove_dir_all(self.directory.join(old));
        }
        let files = workspace().join("tests/notebook");
        run(Command::new("python3").args(["-m", "venv"]).arg(self.directory.join("venv")));
        run(Command::new(self.bin("python"))
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(files.join("requirements.txt"))
            .arg("--constraint")
            .arg(files.join("constraints.txt")));
        // From a copy: pip builds in the directory of the sources.
        let package = tempfile::tempdir().expect("a directory for the package");
        run(Command::new("cp").arg("-r").arg(workspace().join("kernel/python/.")).arg(package.path()));
        run(Command::new(self.bin("python")).args(["-m", "pip", "install", "--quiet"]).arg(package.path()));
        for name in ["package.json", "package-lock.json"] {
            fs::copy(files.join(name), self.directory.join(name)).expect("a copy");
        }
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&self.directory));
        fs::write(mark, sources).expect("a note of what the clients were made from");
    }

    fn install_kernel(&self, name: &str, master: &str) {
        run(Command::new(program::dpark_kernel())
            .args(["install", "--name", name, "--master", master, "--prefix"])
            .arg(self.directory.join("venv")));
    }
}

/// Where pictures are kept.
pub fn artefacts() -> PathBuf {
    program::target_directory().join("notebook-artefacts")
}

fn sources() -> String {
    let mut hasher = DefaultHasher::new();
    for path in SOURCES {
        fs::read(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}")).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
