//! The state machine's promises, one by one; the simulation looks for what nobody thought of.

mod placement;

use super::Machine;
use crate::error::{Error, Failure};
use crate::event::{CallSite, Event, StageInfo, TaskMetrics};
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, StageId, TaskId};
use crate::scheduler::command::{Cause, Command, Input, Launch, Outcome};
use crate::work::{JobSpec, StageSpec};

/// A stage: the shuffle it writes, the shuffles it reads, its number of partitions.
type Sketch = (Option<u64>, &'static [u64], usize);

fn spec(job: u64, stages: &[Sketch]) -> JobSpec {
    let stage = |(index, (shuffle, inputs, partitions)): (usize, &Sketch)| {
        let (id, rdd, shuffle) = (StageId(job * 10 + index as u64), RddId(1), shuffle.map(ShuffleId));
        let (name, call_site, tasks) = ("map".to_owned(), CallSite::default(), *partitions);
        let info =
            StageInfo { id, job: JobId(job), rdd, shuffle, parents: vec![], name, call_site, tasks, rdds: vec![] };
        let inputs = inputs.iter().copied().map(ShuffleId).collect();
        StageSpec { id, rdd, shuffle, partitions: (0..tasks).collect(), inputs, cached: vec![], info }
    };
    let stages = stages.iter().enumerate().map(stage).collect();
    let (id, name, call_site) = (JobId(job), "collect".to_owned(), CallSite::default());
    JobSpec { id, name, call_site, stages, keeps_rows_for: None }
}

fn machine(slots: usize) -> Machine {
    let mut machine = Machine::default();
    machine.apply(Input::ExecutorAdded { id: ExecutorId(0), slots });
    machine
}

/// Job, stage and partition of what was launched.
fn launched(commands: &[Command]) -> Vec<(u64, usize, usize)> {
    launches(commands).iter().map(|launch| (launch.job.0, launch.stage, launch.partition)).collect()
}

fn launches(commands: &[Command]) -> Vec<Launch> {
    let launch = |command: &Command| if let Command::Launch(launch) = command { Some(*launch) } else { None };
    commands.iter().filter_map(launch).collect()
}

fn succeed(machine: &mut Machine, task: u64) -> Vec<Command> {
    let outcome = Outcome::Succeeded(TaskMetrics::default());
    machine.apply(Input::TaskFinished { task: TaskId(task), outcome })
}

fn lose(machine: &mut Machine, task: u64, shuffle: u64, map: usize) -> Vec<Command> {
    lose_all(machine, task, &[(ShuffleId(shuffle), map)])
}

fn lose_all(machine: &mut Machine, task: u64, outputs: &[(ShuffleId, usize)]) -> Vec<Command> {
    let failure = Failure::Lost { outputs: outputs.to_vec(), message: "gone".to_owned() };
    machine.apply(Input::TaskFinished { task: TaskId(task), outcome: Outcome::Failed(failure) })
}

fn lost(executor: u64, cause: Cause) -> Input {
    Input::ExecutorLost { id: ExecutorId(executor), why: "killed".to_owned(), cause }
}

fn ends(commands: &[Command]) -> Vec<&Result<(), Error>> {
    fn end(command: &Command) -> Option<&Result<(), Error>> {
        if let Command::JobEnded { end, .. } = command { Some(end) } else { None }
    }
    commands.iter().filter_map(end).collect()
}

#[test]
fn earlier_jobs_go_first_and_later_ones_take_what_is_free() {
    let mut machine = machine(2);
    assert_eq!(launched(&machine.apply(Input::Submit(spec(1, &[(None, &[], 3)])))), [(1, 0, 0), (1, 0, 1)]);
    assert_eq!(launched(&machine.apply(Input::Submit(spec(2, &[(None, &[], 1)])))), []);
    assert_eq!(launched(&succeed(&mut machine, 1)), [(1, 0, 2)]);
    assert_eq!(launched(&succeed(&mut machine, 2)), [(2, 0, 0)]);
}

#[test]
fn a_shared_stage_goes_on_when_the_job_that_started_it_is_cancelled() {
    let mut machine = machine(1);
    let stages: [Sketch; 2] = [(Some(5), &[], 2), (None, &[5], 1)];
    machine.apply(Input::Submit(spec(1, &stages)));
    assert_eq!(launched(&machine.apply(Input::Submit(spec(2, &stages)))), []);
    let cancelled = machine.apply(Input::Cancel(JobId(1)));
    assert!(!cancelled.iter().any(|command| matches!(command, Command::Kill { .. })));
    assert_eq!(launched(&succeed(&mut machine, 1)), [(2, 0, 1)]);
    assert_eq!(launched(&succeed(&mut machine, 2)), [(2, 1, 0)]);
    assert!(matches!(ends(&succeed(&mut machine, 3))[..], [Ok(())]));
}

#[test]
fn an_output_lost_from_a_skipped_stage_is_computed_again_alone() {
    let mut machine = machine(4);
    machine.apply(Input::Submit(spec(1, &[(Some(5), &[], 3), (None, &[5], 1)])));
    (1..=4).for_each(|task| drop(succeed(&mut machine, task)));
    let second = machine.apply(Input::Submit(spec(2, &[(Some(5), &[], 3), (None, &[5], 1)])));
    let skips = |command: &Command| matches!(command, Command::Emit(Event::JobStarted { skipped, .. }) if skipped[..] == [StageId(20)]);
    assert!(second.iter().any(skips));
    assert_eq!(launched(&second), [(2, 1, 0)]);
    assert_eq!(launched(&lose(&mut machine, 5, 5, 1)), [(2, 0, 1)]);
    let again = succeed(&mut machine, 6);
    assert_eq!(launches(&again).iter().map(|launch| (launch.stage, launch.attempt)).collect::<Vec<_>>(), [(1, 1)]);
    assert!(matches!(ends(&succeed(&mut machine, 7))[..], [Ok(())]));
}

#[test]
fn a_reader_may_miss_any_number_of_outputs_one_after_another() {
    let mut machine = machine(1);
    let mut launched = launches(&machine.apply(Input::Submit(spec(1, &[(Some(5), &[], 100), (None, &[5], 1)]))));
    let mut lost = 0..100;
    while let [launch] = launched[..] {
        let commands = match lost.next().filter(|_| launch.stage == 1) {
            Some(map) => lose(&mut machine, launch.task.0, 5, map),
            None => succeed(&mut machine, launch.task.0),
        };
        launched = launches(&commands);
        assert!(ends(&commands).iter().all(|end| end.is_ok()), "{commands:?}");
    }
    assert!(launched.is_empty() && machine.running_jobs().is_empty());
}

#[test]
fn outputs_that_are_lost_together_are_computed_together() {
    let mut machine = machine(3);
    machine.apply(Input::Submit(spec(1, &[(Some(4), &[], 2), (Some(5), &[], 2), (None, &[4, 5], 1)])));
    (1..=4).for_each(|task| drop(succeed(&mut machine, task)));
    let lost = lose_all(&mut machine, 5, &[(ShuffleId(5), 0), (ShuffleId(5), 1), (ShuffleId(4), 1)]);
    assert_eq!(launched(&lost), [(1, 0, 1), (1, 1, 0), (1, 1, 1)]);
}

#[test]
fn an_output_that_is_lost_again_and_again_fails_its_readers() {
    let mut machine = machine(1);
    machine.apply(Input::Submit(spec(1, &[(Some(5), &[], 1), (None, &[5], 2)])));
    // Computes the output, which its reader misses.
    let miss = |machine: &mut Machine, task: u64| {
        succeed(machine, task);
        lose(machine, task + 1, 5, 0)
    };
    [1, 3, 5].iter().for_each(|task| assert!(ends(&miss(&mut machine, *task)).is_empty()));
    // Somebody reads it: it is as good as any other again.
    succeed(&mut machine, 7);
    succeed(&mut machine, 8);
    assert!(ends(&lose(&mut machine, 9, 5, 0)).is_empty());
    [10, 12].iter().for_each(|task| assert!(ends(&miss(&mut machine, *task)).is_empty()));
    let last = miss(&mut machine, 14);
    let [Err(error)] = ends(&last)[..] else { panic!("it goes on for ever: {last:?}") };
    assert!(error.to_string().contains("map output 0 of shuffle 5 is lost: gone"), "{error}");
}

#[test]
fn an_input_that_the_spec_left_out_is_computed_when_it_is_missed() {
    // The result was thought to come from a cache, so its stage names no input.
    let mut machine = machine(2);
    let submitted = machine.apply(Input::Submit(spec(1, &[(Some(5), &[], 2), (None, &[], 1)])));
    assert_eq!(launched(&submitted), [(1, 1, 0)]);
    assert_eq!(launched(&lose(&mut machine, 1, 5, 0)), [(1, 0, 0), (1, 0, 1)]);
    succeed(&mut machine, 2);
    assert_eq!(launched(&succeed(&mut machine, 3)), [(1, 1, 0)]);
}

#[test]
fn an_input_that_the_job_does_not_know_fails_it() {
    let mut machine = machine(1);
    machine.apply(Input::Submit(spec(1, &[(None, &[], 1)])));
    assert!(matches!(ends(&lose(&mut machine, 1, 9, 0))[..], [Err(Error::Task(_))]));
}

#[test]
fn a_lost_executor_takes_its_outputs_along() {
    let mut machine = machine(1);
    machine.apply(Input::ExecutorAdded { id: ExecutorId(1), slots: 1 });
    machine.apply(Input::Submit(spec(1, &[(Some(5), &[], 2), (None, &[5], 1)])));
    succeed(&mut machine, 1);
    assert_eq!(launched(&succeed(&mut machine, 2)), [(1, 1, 0)]);
    let lost = launches(&machine.apply(lost(1, Cause::Tasks)));
    assert_eq!(lost.len(), 0, "the slot left is in use: {lost:?}");
    let failed = Outcome::Failed(Failure::Panic { message: String::new(), location: None });
    let next = machine.apply(Input::TaskFinished { task: TaskId(3), outcome: failed });
    assert_eq!(launched(&next), [(1, 0, 1)]);
}

#[test]
fn a_task_ends_with_four_executors_that_it_may_have_ended_itself() {
    for (cause, fails) in [(Cause::Tasks, true), (Cause::Others, false)] {
        let mut machine = machine(0);
        machine.apply(Input::Submit(spec(1, &[(None, &[], 1)])));
        let mut failed = false;
        for executor in 1..20 {
            let added = machine.apply(Input::ExecutorAdded { id: ExecutorId(executor), slots: 1 });
            assert_eq!(launches(&added).iter().map(|launch| launch.attempt).collect::<Vec<_>>(), [executor as u32 - 1]);
            let commands = machine.apply(lost(executor, cause));
            failed = !ends(&commands).is_empty();
            if failed {
                assert_eq!(executor, 4);
                break;
            }
        }
        assert_eq!(failed, fails, "{cause:?}");
    }
}

#[test]
fn nothing_starts_on_an_executor_that_leaves() {
    let mut machine = machine(1);
    machine.apply(Input::ExecutorAdded { id: ExecutorId(1), slots: 3 });
    machine.apply(Input::ExecutorLeaving(ExecutorId(1)));
    let started = launches(&machine.apply(Input::Submit(spec(1, &[(None, &[], 3)]))));
    assert_eq!(started.iter().map(|launch| launch.executor).collect::<Vec<_>>(), [ExecutorId(0)]);
    assert_eq!(launches(&machine.apply(lost(1, Cause::Tasks))), []);
}

#[test]
fn a_job_without_partitions_ends_at_once() {
    let commands = machine(1).apply(Input::Submit(spec(1, &[(Some(5), &[], 2), (None, &[5], 0)])));
    assert_eq!(launched(&commands), []);
    assert!(matches!(ends(&commands)[..], [Ok(())]));
}

#[test]
fn a_spec_that_makes_no_sense_is_refused() {
    let cases: [(&[Sketch], &str); 5] = [
        (&[], "job 1: it has no stages"),
        (&[(None, &[5], 1)], "job 1: stage 10 reads shuffle 5, which no earlier stage writes"),
        (&[(Some(5), &[], 1)], "job 1: its last stage (10) writes a shuffle"),
        (&[(None, &[], 1), (None, &[], 1)], "job 1: stage 10 writes no shuffle, but is not the last"),
        (&[(Some(5), &[], 1), (Some(5), &[], 1), (None, &[5], 1)], "job 1: two stages write shuffle 5"),
    ];
    for (stages, message) in cases {
        let commands = machine(1).apply(Input::Submit(spec(1, stages)));
        let [Err(error)] = ends(&commands)[..] else { panic!("{commands:?}") };
        assert_eq!(error.to_string(), message);
    }
    let mut machine = machine(1);
    machine.apply(Input::Submit(spec(1, &[(Some(5), &[], 1), (None, &[5], 1)])));
    let other = machine.apply(Input::Submit(spec(2, &[(Some(5), &[], 2), (None, &[5], 1)])));
    let [Err(error)] = ends(&other)[..] else { panic!("{other:?}") };
    assert_eq!(error.to_string(), "shuffle 5 has 1 map outputs, not 2");
}
