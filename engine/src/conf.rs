//! The settings of a context.

use crate::error::{Error, Result};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Where and how a context runs its tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Conf {
    /// `local` (a thread for each core), `local[N]`; `process` (an executor for each core), `process[N]`, `process[N*C]` (N
    /// executors that run C tasks at once each).
    pub master: String,
    /// Default number of partitions; 0: the number of threads.
    pub parallelism: usize,
    /// Bytes for cached blocks, shuffles and results; 0: six tenths of the memory of the machine or its container, of which
    /// executors in other processes have equal parts. The process of an executor may take half as much again and 256 MB
    /// besides, user code included: beyond that its tasks fail. Set by `-M`.
    pub memory: u64,
    /// Where files go, that is persisted partitions that are not kept in memory and map outputs of executors: a private
    /// directory is made there when the first is written, and removed when the context ends. Of several, on disks of their own,
    /// each gets its share, and one that is full is left out. None: the system's directory for temporary files. Set by
    /// `DPARK_WORK_DIR`, with commas between.
    pub work_dirs: Vec<PathBuf>,
    /// The part of bad records that is tolerated, from 0 (none) to 1: a row that makes the closure of a row operator or of a fold
    /// panic, or that cannot be read (a line that is not UTF-8, say), is skipped and counted. A task fails when more of its
    /// rows are bad. Set by `--err`.
    pub err: f64,
}

/// The environment variable with the directories.
const WORK_DIR: &str = "DPARK_WORK_DIR";

/// Where tasks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On so many threads of this process.
    Threads(usize),
    /// On executors in other processes of this machine, which run so many tasks at once each.
    Processes { executors: usize, slots: usize },
}

impl Default for Conf {
    fn default() -> Conf {
        Conf { master: "local".to_owned(), parallelism: 0, memory: 0, work_dirs: Vec::new(), err: 0.0 }
    }
}

impl Conf {
    /// Reads `-m MASTER`, `-p N`, `-M MEM` and `--err RATIO` from a program's arguments; the first argument that is none of
    /// them, and what follows, is the program's own.
    pub(crate) fn from_args(arguments: impl Iterator<Item = String>) -> Result<Conf> {
        let mut conf = Conf::default();
        let mut arguments = arguments.peekable();
        let is_option = |argument: &String| {
            matches!(argument.as_str(), "-m" | "--master" | "-p" | "--parallel" | "-M" | "--mem" | "--err")
        };
        while let Some(option) = arguments.next_if(is_option) {
            let value = arguments.next().ok_or_else(|| Error::Invalid(format!("{option} needs a value")))?;
            match option.as_str() {
                "-m" | "--master" => conf.master = value,
                "-p" | "--parallel" => {
                    let number = value.parse().ok().filter(|n| *n > 0);
                    conf.parallelism = number.ok_or_else(|| {
                        Error::Invalid(format!("{option} {value}: not a number of partitions above 0"))
                    })?;
                }
                "--err" => conf.err = parse_err(&value)?,
                _ => conf.memory = parse_memory(&value)?,
            }
        }
        Ok(conf)
    }

    /// Takes the directories from the environment, if they are named there.
    pub(crate) fn with_environment(self) -> Conf {
        match std::env::var_os(WORK_DIR) {
            Some(list) => Conf { work_dirs: parse_work_dirs(&list), ..self },
            None => self,
        }
    }

    /// Where the master says that tasks run.
    pub(crate) fn place(&self) -> Result<Place> {
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        let master = self.master.as_str();
        let (kind, size) = match master.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
            Some((kind, size)) => (kind, Some(size)),
            None => (master, None),
        };
        let number = |text: &str, of: &str| {
            text.parse()
                .ok()
                .filter(|n| *n > 0)
                .ok_or_else(|| Error::Invalid(format!("master `{master}`: the number of {of} must be above 0")))
        };
        match (kind, size) {
            ("local", None | Some("*")) => Ok(Place::Threads(cores())),
            ("local", Some(n)) => number(n, "threads in local[N]").map(Place::Threads),
            ("process", None | Some("*")) => Ok(Place::Processes { executors: cores(), slots: 1 }),
            ("process", Some(size)) => {
                let (executors, slots) = size.split_once('*').unwrap_or((size, "1"));
                Ok(Place::Processes {
                    executors: number(executors.trim(), "executors in process[N]")?,
                    slots: number(slots.trim(), "cores in process[N*C]")?,
                })
            }
            _ => Err(Error::Invalid(format!(
                "master `{master}` is not supported yet: use `local`, `local[N]`, `process`, `process[N]` or `process[N*C]`"
            ))),
        }
    }

    /// The memory budget in bytes.
    pub(crate) fn memory_limit(&self) -> u64 {
        if self.memory > 0 { self.memory } else { machine_memory() / 10 * 6 }
    }
}

/// The directories of a list with commas between, as in DPark.
fn parse_work_dirs(list: &OsStr) -> Vec<PathBuf> {
    let names = list.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect()
}

/// The tolerated part of bad records.
pub(crate) fn parse_err(text: &str) -> Result<f64> {
    text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or_else(|| bad_err(text))
}

fn bad_err(text: &str) -> Error {
    Error::Invalid(format!(
        "--err {text}: not a part of the records; write a number from 0 (tolerate none) to 1, for example 0.01"
    ))
}

/// `200`, `200m`, `4g`: mega bytes if there is no suffix, as in DPark.
pub(crate) fn parse_memory(text: &str) -> Result<u64> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, suffix)) if suffix.is_ascii_alphabetic() => {
            let shift = match suffix.to_ascii_lowercase() {
                'k' => 10,
                'm' => 20,
                'g' => 30,
                't' => 40,
                _ => return Err(bad_memory(text)),
            };
            (&text[..at], shift)
        }
        _ => (text, 20),
    };
    let number: f64 = digits.parse().map_err(|_| bad_memory(text))?;
    if !(number.is_finite() && number > 0.0) {
        return Err(bad_memory(text));
    }
    Ok((number * (1u64 << shift) as f64) as u64)
}

fn bad_memory(text: &str) -> Error {
    Error::Invalid(format!("`{text}` is not an amount of memory: write for example 500m or 4g"))
}

/// The memory of the machine, or of the container.
fn machine_memory() -> u64 {
    // SAFETY: `sysconf` only reads its argument.
    let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    let total = u64::try_from(pages).unwrap_or(0).saturating_mul(u64::try_from(size).unwrap_or(0));
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = limits.iter().find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    limit.map_or(total, |limit| limit.min(total)).max(1 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_end_at_the_programs_own() {
        let arguments = ["-m", "local[3]", "-M", "1.5g", "input.txt", "-p", "9"].map(str::to_owned);
        let conf = Conf::from_args(arguments.into_iter()).unwrap();
        assert_eq!(conf, Conf { master: "local[3]".into(), memory: 3 << 29, ..Conf::default() });
        assert_eq!(conf.place().unwrap(), Place::Threads(3));
        let place = |master: &str| Conf { master: master.to_owned(), ..Conf::default() }.place();
        assert_eq!(place("process[2*3]").unwrap(), Place::Processes { executors: 2, slots: 3 });
        assert_eq!(place("process[4]").unwrap(), Place::Processes { executors: 4, slots: 1 });
        let none = place("process[0]").unwrap_err().to_string();
        assert_eq!(none, "master `process[0]`: the number of executors in process[N] must be above 0");
    }

    #[test]
    fn directories_have_commas_between() {
        let parsed = |list: &str| parse_work_dirs(list.as_ref());
        assert_eq!(parsed("/a/b"), [PathBuf::from("/a/b")]);
        assert_eq!(parsed("/a:/b, /c d,"), ["/a:/b", "/c d"].map(PathBuf::from));
        assert!(parsed("").is_empty());
    }

    #[test]
    fn bad_settings_say_what_is_wrong() {
        let message = |result: Result<u64>| result.unwrap_err().to_string();
        for bad in ["2", "-0.1", "NaN", "1%"] {
            let error = Conf::from_args(["--err", bad].map(str::to_owned).into_iter()).unwrap_err().to_string();
            assert!(error.contains("write a number from 0 (tolerate none) to 1"), "{error}");
        }
        assert_eq!(Conf::from_args(["--err", "0.25"].map(str::to_owned).into_iter()).unwrap().err, 0.25);
        assert_eq!(message(parse_memory("12q")), "`12q` is not an amount of memory: write for example 500m or 4g");
        let conf = Conf { master: "zk://a".into(), ..Conf::default() };
        assert_eq!(
            conf.place().unwrap_err().to_string(),
            "master `zk://a` is not supported yet: use `local`, `local[N]`, `process`, `process[N]` or `process[N*C]`"
        );
    }
}
