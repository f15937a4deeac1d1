//! The master that `-m` names: which backend runs the tasks.

use std::fmt;
use std::str::FromStr;

/// A parsed master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Master {
    /// Threads of one process; none means all processors.
    Local(Option<usize>),
    /// Executor processes on this machine, and how many tasks each runs at once; none means one process for each processor.
    Process(Option<usize>, usize),
    /// A Mesos master: `mesos`, `host:port`, `zk://…`.
    Mesos(String),
}

/// What masters look like.
pub const FORMS: &str = "local, local[N], local[*], process, process[N], process[N*C], mesos, HOST[:PORT], mesos://HOST[:PORT] or zk://HOSTS/PATH";

/// Why a master cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterError {
    /// It is not the name of a master.
    #[error("`{0}` is no master; use {FORMS}")]
    Unknown(String),
    /// Its backend is not part of this version.
    #[error(
        "master `{master}`: {part} come with their own part of dpark, which is not in this version yet; use local or process"
    )]
    NotYet {
        /// The master.
        master: String,
        /// What is missing.
        part: &'static str,
    },
}

impl Master {
    /// The master as the engine takes it: `local[2]` with the number of threads filled in.
    pub fn for_engine(&self) -> Result<String, MasterError> {
        match self {
            Master::Local(threads) => Ok(format!("local[{}]", threads.unwrap_or_else(processors))),
            Master::Process(executors, cores) => {
                Ok(format!("process[{}*{cores}]", executors.unwrap_or_else(processors)))
            }
            Master::Mesos(_) => Err(MasterError::NotYet { master: self.to_string(), part: "Mesos executors" }),
        }
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl FromStr for Master {
    type Err = MasterError;

    fn from_str(text: &str) -> Result<Master, MasterError> {
        let unknown = || MasterError::Unknown(text.to_owned());
        let (name, count) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            Some((name, "*")) => (name, None),
            Some((name, count)) => (name, Some(count)),
            None => (text, None),
        };
        let (count, cores) = match (name, count.map(|count| count.split_once('*').unwrap_or((count, "1")))) {
            (_, None) => (None, 1),
            ("process", Some((count, cores))) => {
                let (count, cores) = (number(count), number(cores));
                (Some(count.ok_or_else(unknown)?), cores.ok_or_else(unknown)?)
            }
            (_, Some(_)) => (Some(count.and_then(number).ok_or_else(unknown)?), 1),
        };
        let has_count = name.len() < text.len();
        match name {
            "local" => Ok(Master::Local(count)),
            "process" => Ok(Master::Process(count, cores)),
            _ if has_count => Err(unknown()),
            "mesos" => Ok(Master::Mesos(text.to_owned())),
            _ => match text.split_once("://") {
                Some(("zk" | "mesos", rest)) if !rest.is_empty() => Ok(Master::Mesos(text.to_owned())),
                None if is_host(text) => Ok(Master::Mesos(text.to_owned())),
                _ => Err(unknown()),
            },
        }
    }
}

fn number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number > 0)
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let is_host_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !host.is_empty()
        && host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.chars().all(is_host_char)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

impl fmt::Display for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Master::Local(None) => f.write_str("local"),
            Master::Local(Some(count)) => write!(f, "local[{count}]"),
            Master::Process(None, _) => f.write_str("process"),
            Master::Process(Some(count), 1) => write!(f, "process[{count}]"),
            Master::Process(Some(count), cores) => write!(f, "process[{count}*{cores}]"),
            Master::Mesos(address) => f.write_str(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_parses() {
        assert_eq!("local".parse(), Ok(Master::Local(None)));
        assert_eq!("local[*]".parse(), Ok(Master::Local(None)));
        assert_eq!("local[4]".parse(), Ok(Master::Local(Some(4))));
        assert_eq!("process".parse(), Ok(Master::Process(None, 1)));
        assert_eq!("process[2]".parse(), Ok(Master::Process(Some(2), 1)));
        assert_eq!("process[2*4]".parse(), Ok(Master::Process(Some(2), 4)));
        for mesos in ["mesos", "mesos://a:5050", "zk://a:2181,b:2181/mesos", "host", "10.0.0.1:5050"] {
            assert_eq!(mesos.parse(), Ok(Master::Mesos(mesos.into())));
        }
        for wrong in [
            "",
            "local[0]",
            "local[x]",
            "local[2*2]",
            "process[2*0]",
            "process[*2]",
            "local[",
            "mesos[2]",
            "host:99999",
            "http://x",
            "zk://",
            "-x",
            "a b",
        ] {
            assert_eq!(wrong.parse::<Master>(), Err(MasterError::Unknown(wrong.into())));
        }
    }

    #[test]
    fn mesos_does_not_run_yet() {
        assert_eq!(Master::Local(Some(3)).for_engine().as_deref(), Ok("local[3]"));
        assert_eq!(Master::Process(Some(3), 2).for_engine().as_deref(), Ok("process[3*2]"));
        let error = Master::Mesos("zk://a/b".into()).for_engine().unwrap_err();
        assert!(error.to_string().contains("`zk://a/b`: Mesos executors come with their own part"));
    }
}
