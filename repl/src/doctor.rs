//! `dpark-repl doctor`: whether the parts of the toolchain that cells need are there, and the command that brings each
//! one that is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One part that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is.
    pub part: &'static str,
    /// What was found, or what is wrong.
    pub state: Result<String, Missing>,
}

/// A part that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What is wrong.
    pub problem: String,
    /// What to run to bring it.
    pub remedy: String,
}

impl Check {
    /// Whether the part is there.
    pub fn is_fine(&self) -> bool {
        self.state.is_ok()
    }

    /// The problem and its remedy in one line, if there is one.
    pub fn problem(&self) -> Option<String> {
        let missing = self.state.as_ref().err()?;
        Some(format!("{} is missing ({}); to get it: {}", self.part, missing.problem, missing.remedy))
    }
}

const RUSTUP: &str = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh";
const TOOLCHAIN: &str = "rustup toolchain install stable";

/// Looks at every part.
pub fn check() -> Vec<Check> {
    let sysroot = output("rustc", &["--print", "sysroot"]).map(PathBuf::from);
    vec![
        Check { part: "rustc", state: rustc() },
        Check { part: "cargo", state: output("cargo", &["--version"]).map_err(|problem| missing(problem, RUSTUP)) },
        Check {
            part: "rust-src",
            state: below(&sysroot, "rustup component add rust-src", |root| {
                let source = root.join("lib/rustlib/src/rust/library/core/src/lib.rs");
                source.is_file().then(|| root.join("lib/rustlib/src/rust").display().to_string())
            }),
        },
        Check { part: "shared libstd", state: below(&sysroot, TOOLCHAIN, shared_libstd) },
        Check { part: "a linker (cc)", state: linker() },
        Check { part: "the cache directory", state: cache_directory() },
    ]
}

/// The checks as text.
pub fn report(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        match &check.state {
            Ok(found) => text.push_str(&format!("ok       {}: {found}\n", check.part)),
            Err(missing) => {
                text.push_str(&format!("missing  {}: {}\n", check.part, missing.problem));
                text.push_str(&format!("         to get it: {}\n", missing.remedy));
            }
        }
    }
    text
}

fn missing(problem: impl Into<String>, remedy: &str) -> Missing {
    Missing { problem: problem.into(), remedy: remedy.to_owned() }
}

/// The first line that a program prints.
fn output(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(args).output().map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) if output.status.success() => Ok(line.to_owned()),
        _ => Err(format!("{program} {} ended with {}", args.join(" "), output.status)),
    }
}

fn rustc() -> Result<String, Missing> {
    let version = output("rustc", &["--version"]).map_err(|problem| missing(problem, RUSTUP))?;
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    match is_at_least(&version, wanted) {
        true => Ok(version),
        false => Err(missing(format!("{version}, but {wanted} or later is needed"), "rustup update stable")),
    }
}

fn is_at_least(version: &str, wanted: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> { text.split(['.', '-']).map_while(|part| part.parse().ok()).collect() };
    let found = version.split_whitespace().nth(1).map(numbers).unwrap_or_default();
    found >= numbers(wanted)
}

fn below(
    sysroot: &Result<PathBuf, String>,
    remedy: &str,
    look: impl Fn(&Path) -> Option<String>,
) -> Result<String, Missing> {
    let root = sysroot.as_ref().map_err(|problem| missing(problem.clone(), RUSTUP))?;
    look(root).ok_or_else(|| missing(format!("not in {}", root.display()), remedy))
}

/// Beside rustc's own libraries or among those of its targets.
fn shared_libstd(sysroot: &Path) -> Option<String> {
    let list = |directory: PathBuf| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    };
    let targets = list(sysroot.join("lib/rustlib")).into_iter().map(|target| target.join("lib"));
    let files = std::iter::once(sysroot.join("lib")).chain(targets).flat_map(list);
    let is_libstd = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("libstd-") && name.ends_with(".so"))
    };
    files.into_iter().find(is_libstd).map(|file| file.display().to_string())
}

fn linker() -> Result<String, Missing> {
    output("cc", &["--version"])
        .map_err(|problem| missing(problem, "apt-get install gcc (or your system's C compiler)"))
}

fn cache_directory() -> Result<String, Missing> {
    let Some(directory) = dirs::cache_dir().map(|cache| cache.join("dpark")) else {
        return Err(missing("no home directory", "export XDG_CACHE_HOME=/a/writable/directory"));
    };
    let writable = std::fs::create_dir_all(&directory).and_then(|()| tempfile::tempfile_in(&directory));
    match writable {
        Ok(_) => Ok(directory.display().to_string()),
        Err(error) => Err(missing(
            format!("{}: {error}", directory.display()),
            "make it writable, or export XDG_CACHE_HOME=/a/writable/directory",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(is_at_least("rustc 1.100.0 (abc)", "1.95"));
        assert!(is_at_least("rustc 1.95.0-nightly", "1.95"));
        assert!(!is_at_least("rustc 1.94.1", "1.95"));
        assert!(!is_at_least("nonsense", "1.95"));
    }

    #[test]
    fn each_missing_part_comes_with_its_command() {
        let checks = [
            Check { part: "rustc", state: Ok("rustc 1.95.0".into()) },
            Check { part: "rust-src", state: Err(missing("not in /x", "rustup component add rust-src")) },
        ];
        insta::assert_snapshot!(report(&checks));
        let problem = checks[1].problem();
        assert_eq!(
            problem.as_deref(),
            Some("rust-src is missing (not in /x); to get it: rustup component add rust-src")
        );
    }
}
