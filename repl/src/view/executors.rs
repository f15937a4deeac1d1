//! `:executors`.

use super::table::{Align, Sheet};
use super::units;
use dpark::status::{ExecutorStatus, Snapshot};

/// Every executor process, those that are gone included; else what there is to say.
pub fn sheet(snapshot: &Snapshot) -> Result<Sheet, &'static str> {
    if snapshot.executors.is_empty() {
        return Err("no executors: tasks run on threads of the session's process; start dpark with `-m process`");
    }
    let header = [
        ("id", Align::Right),
        ("process", Align::Right),
        ("cores", Align::Right),
        ("running", Align::Right),
        ("done", Align::Right),
        ("failed", Align::Right),
        ("memory", Align::Right),
        ("shuffle write", Align::Right),
        ("shuffle read", Align::Right),
        ("state", Align::Left),
        ("gone", Align::Left),
    ];
    Ok(Sheet::of_used_columns(&header, snapshot.executors.iter().map(row).collect()))
}

fn row(executor: &ExecutorStatus) -> Vec<String> {
    vec![
        executor.id.to_string(),
        executor.pid.to_string(),
        executor.slots.to_string(),
        executor.running.to_string(),
        executor.done.to_string(),
        executor.failed.to_string(),
        units::bytes_or_blank(executor.memory),
        units::bytes(executor.totals.shuffle_write_bytes),
        units::bytes(executor.totals.shuffle_read_bytes),
        if executor.excluded { "excluded for a while" } else { "" }.to_owned(),
        executor.lost.clone().unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use dpark::ids::ExecutorId;
    use dpark::status::Totals;

    #[test]
    fn golden() {
        let executor = |id: u64, lost: Option<&str>| ExecutorStatus {
            id: ExecutorId(id),
            pid: 4000 + id as u32,
            slots: 2,
            memory: if lost.is_some() { 0 } else { 96 << 20 },
            excluded: id == 2,
            lost: lost.map(str::to_owned),
            running: 1,
            done: 12,
            failed: 0,
            totals: Totals { shuffle_write_bytes: 3 << 20, ..Totals::default() },
        };
        let executors = vec![executor(1, Some("it closed the connection")), executor(2, None)];
        let snapshot = Snapshot { executors, ..Snapshot::default() };
        insta::assert_snapshot!(sheet(&snapshot).expect("there are executors").text(None));
        assert!(sheet(&Snapshot::default()).is_err_and(|text| text.starts_with("no executors")));
    }
}
