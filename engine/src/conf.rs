//! The settings of a context.

use crate::error::{Error, Result};

/// Where and how a context runs its tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conf {
    /// `local` (a thread for each core), `local[N]`.
    pub master: String,
    /// Default number of partitions; 0: the number of threads.
    pub parallelism: usize,
    /// Bytes for cached blocks, shuffles and results; 0: six tenths of the machine's memory. Set by `-M`.
    pub memory: u64,
}

impl Default for Conf {
    fn default() -> Conf {
        Conf { master: "local".to_owned(), parallelism: 0, memory: 0 }
    }
}

impl Conf {
    /// Reads `-m MASTER`, `-p N` and `-M MEM` from a program's arguments; the first argument that is none of them, and what
    /// follows, is the program's own.
    pub(crate) fn from_args(arguments: impl Iterator<Item = String>) -> Result<Conf> {
        let mut conf = Conf::default();
        let mut arguments = arguments.peekable();
        while let Some(option) = arguments
            .next_if(|argument| matches!(argument.as_str(), "-m" | "--master" | "-p" | "--parallel" | "-M" | "--mem"))
        {
            let value = arguments.next().ok_or_else(|| Error::Invalid(format!("{option} needs a value")))?;
            match option.as_str() {
                "-m" | "--master" => conf.master = value,
                "-p" | "--parallel" => {
                    let number = value.parse().ok().filter(|n| *n > 0);
                    conf.parallelism = number.ok_or_else(|| {
                        Error::Invalid(format!("{option} {value}: not a number of partitions above 0"))
                    })?;
                }
                _ => conf.memory = parse_memory(&value)?,
            }
        }
        Ok(conf)
    }

    /// Number of threads that the master asks for.
    pub(crate) fn slots(&self) -> Result<usize> {
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        let master = self.master.as_str();
        if master == "local" || master == "local[*]" {
            return Ok(cores());
        }
        if let Some(n) = master.strip_prefix("local[").and_then(|rest| rest.strip_suffix(']')) {
            return n.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
                Error::Invalid(format!("master `{master}`: the number of threads in local[N] must be above 0"))
            });
        }
        Err(Error::Invalid(format!("master `{master}` is not supported yet: use `local` or `local[N]`")))
    }

    /// The memory budget in bytes.
    pub(crate) fn memory_limit(&self) -> u64 {
        if self.memory > 0 { self.memory } else { machine_memory() / 10 * 6 }
    }
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

fn machine_memory() -> u64 {
    // SAFETY: `sysconf` only reads its argument.
    let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    u64::try_from(pages).unwrap_or(0).saturating_mul(u64::try_from(size).unwrap_or(0)).max(1 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_end_at_the_programs_own() {
        let arguments = ["-m", "local[3]", "-M", "1.5g", "input.txt", "-p", "9"].map(str::to_owned);
        let conf = Conf::from_args(arguments.into_iter()).unwrap();
        assert_eq!(conf, Conf { master: "local[3]".into(), parallelism: 0, memory: 3 << 29 });
        assert_eq!(conf.slots().unwrap(), 3);
    }

    #[test]
    fn bad_settings_say_what_is_wrong() {
        let message = |result: Result<u64>| result.unwrap_err().to_string();
        assert_eq!(message(parse_memory("12q")), "`12q` is not an amount of memory: write for example 500m or 4g");
        let conf = Conf { master: "zk://a".into(), ..Conf::default() };
        assert_eq!(
            conf.slots().unwrap_err().to_string(),
            "master `zk://a` is not supported yet: use `local` or `local[N]`"
        );
    }
}
