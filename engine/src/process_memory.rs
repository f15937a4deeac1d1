//! How much memory processes take, and how much they may take: what user code and programs take is in no budget.

/// What may be taken besides half as much again as the budget: libraries, stacks, and what user code holds for a moment.
const ALLOWANCE: u64 = 256 << 20;

/// What may be taken where this is the budget.
pub(crate) fn limit(budget: u64) -> u64 {
    budget.saturating_add(budget / 2).saturating_add(ALLOWANCE)
}

/// `412 MB of memory, over the limit of …`, and what to do about it. Programs that tasks have started take part of it.
pub(crate) fn too_much(used: u64, by_programs: u64, budget: u64) -> String {
    let (used, limit, budget) = (used >> 20, limit(budget) >> 20, budget >> 20);
    let programs = match by_programs >> 20 {
        0 => String::new(),
        part => format!(" ({part} MB of it in programs of `pipe`)"),
    };
    format!(
        "{used} MB of memory{programs}, over the limit of {limit} MB (half as much again as the budget of {budget} MB, and \
         {} MB): raise the memory setting (`-M`, `mem` in dpark.toml), use more partitions (`-p`), or run fewer tasks at once",
        ALLOWANCE >> 20
    )
}

/// The bytes that this process has for itself; none where the system does not tell.
pub(crate) fn of_this_process() -> Option<u64> {
    own_bytes("self")
}

/// The bytes of a process and of those that it has started. Some of them may be about to end.
pub(crate) fn of_tree(process: u32) -> u64 {
    let (mut bytes, mut to_visit) = (0, vec![process.to_string()]);
    while let Some(process) = to_visit.pop() {
        bytes += own_bytes(&process).unwrap_or(0);
        to_visit.extend(children(&process));
    }
    bytes
}

/// The bytes that a process has for itself: those of files that are mapped are not among them.
fn own_bytes(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some((kilobytes("RssAnon:")? + kilobytes("VmSwap:").unwrap_or(0)) << 10)
}

/// The processes that the threads of a process have started; none where the kernel keeps no such list.
fn children(process: &str) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::{Command, Stdio};

    #[test]
    fn memory_is_seen_to_come_and_go() {
        let taken = || of_this_process().unwrap();
        let before = taken();
        let much = std::hint::black_box(vec![1u8; 200 << 20]);
        assert!(taken() > before + (150 << 20));
        drop(much);
        assert!(taken() < before + (150 << 20));
    }

    #[test]
    fn what_a_program_has_started_counts() {
        // `tail` keeps all of a line that has not ended, until there is no more input.
        let script = "{ head -c 100000000 /dev/zero; echo written >&2; cat; } | tail -n 1 | wc -c";
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let mut written = [0; 7];
        shell.stderr.as_mut().unwrap().read_exact(&mut written).unwrap();
        let (alone, all) = (own_bytes(&shell.id().to_string()).unwrap(), of_tree(shell.id()));
        assert!(alone < 20 << 20 && all > 80 << 20, "{alone} {all}");
        drop(shell.stdin.take());
        assert!(shell.wait().unwrap().success());
        assert_eq!(of_tree(shell.id()), 0);
    }
}
