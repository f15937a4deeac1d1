//! The table of settings. Help, checks, `:conf` and the command line's defaults come from it.

use crate::master::{FORMS, Master};
use nix::unistd::AccessFlags;
use std::path::{Path, PathBuf};

/// A setting.
#[derive(Debug)]
pub struct Key {
    /// Its name in `dpark.toml`.
    pub name: &'static str,
    /// The environment variable that sets it.
    pub env: &'static str,
    /// The option that sets it; empty if there is none.
    pub flag: &'static str,
    /// Its value when nobody sets it.
    pub default: &'static str,
    /// What may be written.
    pub kind: Kind,
    /// What it is for.
    pub doc: &'static str,
}

/// What values a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A master.
    Master,
    /// A whole number.
    Count,
    /// A number of bytes with a suffix k, m, g or t (default m), or `auto`.
    Size,
    /// `on` or `off`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A part of a whole: a number from 0 to 1.
    Ratio,
    /// Directories with commas between, of which one at least exists or can be made.
    Directories,
    /// Any text.
    Path,
}

/// Every setting, in the order in which `:conf` shows them.
pub const KEYS: &[Key] = &[
    Key {
        name: "master",
        env: "DPARK_MASTER",
        flag: "-m",
        default: "local",
        kind: Kind::Master,
        doc: "where tasks run: local, local[N], process[N], mesos, HOST[:PORT], zk://…, mesos://…",
    },
    Key {
        name: "parallel",
        env: "DPARK_PARALLEL",
        flag: "-p",
        default: "0",
        kind: Kind::Count,
        doc: "default number of partitions; 0 is the master's own",
    },
    Key {
        name: "mem",
        env: "DPARK_MEM",
        flag: "-M",
        default: "auto",
        kind: Kind::Size,
        doc: "memory budget of the session or of each executor, suffix k, m, g or t (default m); auto is six tenths of the machine's, shared by the executors",
    },
    Key {
        name: "work_dir",
        env: "DPARK_WORK_DIR",
        flag: "",
        default: "",
        kind: Kind::Directories,
        doc: "directories for files, one on each disk, with commas between; empty is the system's for temporary files",
    },
    Key {
        name: "err",
        env: "DPARK_ERR",
        flag: "--err",
        default: "0",
        kind: Kind::Ratio,
        doc: "the part of bad records that is skipped and counted, 0 (none) to 1; more fail their job",
    },
    Key {
        name: "verbosity",
        env: "DPARK_VERBOSITY",
        flag: "-v/-q",
        default: "normal",
        kind: Kind::Choice(&["quiet", "normal", "verbose"]),
        doc: "quiet: results and errors only; verbose: timing of every cell, also in scripts",
    },
    Key {
        name: "color",
        env: "DPARK_COLOR",
        flag: "--color",
        default: "auto",
        kind: Kind::Choice(&["auto", "always", "never"]),
        doc: "colours; auto is on a terminal without NO_COLOR",
    },
    Key {
        name: "progress",
        env: "DPARK_PROGRESS",
        flag: "",
        default: "on",
        kind: Kind::Switch,
        doc: "a line for each running stage, on a terminal",
    },
    Key {
        name: "timing",
        env: "DPARK_TIMING",
        flag: "",
        default: "off",
        kind: Kind::Switch,
        doc: "time of every cell, also of those without a job (`:timing`)",
    },
    Key {
        name: "output_limit",
        env: "DPARK_OUTPUT_LIMIT",
        flag: "",
        default: "1m",
        kind: Kind::Size,
        doc: "what one cell may print on the terminal; 0 is no limit",
    },
    Key {
        name: "edit_mode",
        env: "DPARK_EDIT_MODE",
        flag: "",
        default: "emacs",
        kind: Kind::Choice(&["emacs", "vi"]),
        doc: "key bindings of the prompt",
    },
    Key {
        name: "history",
        env: "DPARK_HISTORY",
        flag: "",
        default: "",
        kind: Kind::Path,
        doc: "file of the prompt's history; empty is the user's state directory, off keeps none",
    },
    Key {
        name: "history_size",
        env: "DPARK_HISTORY_SIZE",
        flag: "",
        default: "10000",
        kind: Kind::Count,
        doc: "entries kept in the history",
    },
];

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key that may have been meant.
pub fn similar(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace('-', "_");
    let names = || KEYS.iter().map(|key| key.name);
    names()
        .find(|key| *key == name)
        .or_else(|| names().find(|key| name.starts_with(key) || (name.len() > 2 && key.starts_with(&name))))
}

impl Kind {
    /// Says what is wrong with a value, if anything.
    pub fn check(self, value: &str) -> Result<(), String> {
        match self {
            Kind::Master => value.parse::<Master>().map(drop).map_err(|_| format!("no such master; use {FORMS}")),
            Kind::Count => value.parse::<u32>().map(drop).map_err(|_| "a whole number is wanted".to_owned()),
            Kind::Size => size(value).map(drop).ok_or_else(|| {
                "a size is wanted: a number with k, m, g or t behind it (m if none), or auto".to_owned()
            }),
            Kind::Switch => switch(value).map(drop).ok_or_else(|| "on or off is wanted".to_owned()),
            Kind::Choice(words) if words.contains(&value) => Ok(()),
            Kind::Choice(words) => Err(format!("one of {} is wanted", words.join(", "))),
            Kind::Ratio => ratio(value)
                .map(drop)
                .ok_or_else(|| "a number from 0 (skip no bad record) to 1 is wanted, for example 0.01".to_owned()),
            Kind::Directories => directories(value),
            Kind::Path => Ok(()),
        }
    }
}

/// A size in bytes: `200` (MiB), `64k`, `1.5g`; `auto` is 0.
pub fn size(text: &str) -> Option<u64> {
    if text == "auto" {
        return Some(0);
    }
    let lower = text.trim().to_ascii_lowercase();
    let (number, shift) = match lower.trim_end_matches("ib").trim_end_matches('b').char_indices().next_back()? {
        (at, 'k') => (&lower[..at], 10),
        (at, 'm') => (&lower[..at], 20),
        (at, 'g') => (&lower[..at], 30),
        (at, 't') => (&lower[..at], 40),
        _ => (lower.as_str(), 20),
    };
    let number: f64 = number.trim().parse().ok()?;
    let bytes = number * (1_u64 << shift) as f64;
    (0.0..1e18).contains(&bytes).then_some(bytes as u64)
}

/// A part of a whole: `0.01`.
pub fn ratio(text: &str) -> Option<f64> {
    text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
}

/// The paths of a list with commas between.
pub fn paths(list: &str) -> impl Iterator<Item = PathBuf> {
    list.split(',').map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Whether files may be put below one of these paths: the others are skipped when they are used, with a notice.
fn directories(list: &str) -> Result<(), String> {
    let mut problem = Ok(());
    for path in paths(list) {
        match directory(&path) {
            Ok(()) => return Ok(()),
            error => problem = problem.and(error),
        }
    }
    problem
}

/// Whether files may be put below this path. What is missing of it is made when it is needed, so the nearest part that
/// exists is looked at.
fn directory(path: &Path) -> Result<(), String> {
    let Some(existing) = path.ancestors().find(|part| part.symlink_metadata().is_ok()) else { return Ok(()) };
    let name = if existing == path { "it".to_owned() } else { existing.display().to_string() };
    match existing.metadata() {
        Ok(metadata) if !metadata.is_dir() => {
            Err(format!("{name} is not a directory; name one that dpark may write to"))
        }
        Ok(_) if nix::unistd::access(existing, AccessFlags::W_OK | AccessFlags::X_OK).is_err() => {
            Err(format!("dpark may not write to {name}; name a directory where it may"))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// `on` and `off`, and the other words for them.
pub fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_dpark_writes_them() {
        assert_eq!(size("200"), Some(200 << 20));
        assert_eq!(size("64k"), Some(64 << 10));
        assert_eq!(size("1.5G"), Some(3 << 29));
        assert_eq!(size("2t"), Some(2 << 40));
        assert_eq!(size("512MiB"), Some(512 << 20));
        assert_eq!(size("auto"), Some(0));
        for wrong in ["", "k", "-1", "1x", "nan", "inf"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ratios_are_parts_of_a_whole() {
        assert_eq!([ratio("0"), ratio("0.25"), ratio("1")], [Some(0.0), Some(0.25), Some(1.0)]);
        for wrong in ["", "-0.1", "1.01", "1%", "NaN"] {
            assert_eq!(ratio(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn directories_need_not_exist_but_must_be_possible() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        let check = |path: &Path| Kind::Directories.check(&path.to_string_lossy());
        assert_eq!(check(root.path()), Ok(()));
        assert_eq!(check(&root.path().join("not/yet")), Ok(()));
        assert_eq!(check(&file), Err("it is not a directory; name one that dpark may write to".to_owned()));
        let inside = check(&file.join("inside")).unwrap_err();
        assert!(inside.starts_with(&format!("{} is not a directory", file.display())), "{inside}");
        let list = |first: &Path, second: &Path| format!("{},{}", first.display(), second.display());
        assert_eq!(check(Path::new(&list(&file, root.path()))), Ok(()), "one of two is enough");
        assert!(check(Path::new(&list(&file, &file))).is_err());
    }

    #[test]
    fn every_default_fits_its_key() {
        for key in KEYS {
            assert_eq!(key.kind.check(key.default), Ok(()), "{}", key.name);
        }
    }
}
