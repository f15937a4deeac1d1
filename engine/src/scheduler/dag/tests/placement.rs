//! Where tasks start, and when a second time.

use super::{Sketch, ends, launches, lose, lost, machine, spec, succeed};
use crate::error::{Error, Failure};
use crate::ids::{ExecutorId, JobId, RddId, ShuffleId, TaskId};
use crate::scheduler::command::{Because, Cause, Command, Input, Outcome};
use crate::scheduler::dag::Machine;
use crate::work::{CachedInput, JobSpec};

const SECOND: u64 = 1_000_000;
const STAGE_OF_4: &[Sketch] = &[(None, &[], 4)];

/// Executors 0, 1… with so many slots.
fn executors(slots: &[usize]) -> Machine {
    let mut machine = machine(slots[0]);
    for (id, slots) in (1..).zip(&slots[1..]) {
        machine.apply(Input::ExecutorAdded { id: ExecutorId(id), slots: *slots });
    }
    machine
}

/// A job whose partitions begin with those of the persisted RDD 7.
fn over_cached(job: u64, partitions: usize) -> JobSpec {
    let mut spec = spec(job, &[(None, &[], partitions)]);
    spec.stages[0].cached = vec![CachedInput { rdd: RddId(7), partitions: 0..partitions }];
    spec
}

fn store(machine: &mut Machine, partition: usize, executor: u64) {
    machine.apply(Input::BlockStored { rdd: RddId(7), partition, executor: ExecutorId(executor) });
}

fn fail(machine: &mut Machine, task: u64) -> Vec<Command> {
    let failed = Outcome::Failed(Failure::Panic { message: "oh".to_owned(), location: None });
    machine.apply(Input::TaskFinished { task: TaskId(task), outcome: failed })
}

fn tick(machine: &mut Machine, seconds: u64) -> Vec<Command> {
    machine.apply(Input::Tick { now: seconds * SECOND })
}

/// Partition and executor of what was launched.
fn placed(commands: &[Command]) -> Vec<(usize, u64)> {
    launches(commands).iter().map(|launch| (launch.partition, launch.executor.0)).collect()
}

fn killed(commands: &[Command]) -> Vec<(u64, Because)> {
    let kill = |command: &Command| {
        if let Command::Kill { task, because } = command { Some((task.0, *because)) } else { None }
    };
    commands.iter().filter_map(kill).collect()
}

#[test]
fn partitions_start_where_their_blocks_are() {
    let mut machine = executors(&[2, 2]);
    [(0, 1), (1, 0), (2, 1), (3, 0)].iter().for_each(|(partition, on)| store(&mut machine, *partition, *on));
    let mut started = placed(&machine.apply(Input::Submit(over_cached(1, 4))));
    started.sort();
    assert_eq!(started, [(0, 1), (1, 0), (2, 1), (3, 0)]);
}

#[test]
fn those_without_a_block_go_before_those_that_wait_for_another_executor() {
    let mut machine = executors(&[1, 1]);
    (0..3).for_each(|partition| store(&mut machine, partition, 1));
    assert_eq!(placed(&machine.apply(Input::Submit(over_cached(1, 4)))), [(3, 0), (0, 1)]);
    // The slot that is free now does not stand idle: the executor with the blocks has none.
    assert_eq!(placed(&succeed(&mut machine, 1)), [(1, 0)]);
    assert_eq!(placed(&succeed(&mut machine, 2)), [(2, 1)]);
}

#[test]
fn news_of_blocks_reach_stages_that_wait() {
    let mut machine = executors(&[1, 1]);
    machine.apply(Input::Submit(over_cached(1, 6)));
    store(&mut machine, 4, 0);
    store(&mut machine, 5, 0);
    assert_eq!(placed(&succeed(&mut machine, 1)), [(4, 0)]);
    machine.apply(Input::BlockRemoved { rdd: RddId(7), partition: 5, executor: ExecutorId(0) });
    assert_eq!(placed(&succeed(&mut machine, 3)), [(2, 0)]);
    store(&mut machine, 5, 1);
    machine.apply(lost(1, Cause::Tasks));
    assert_eq!(placed(&succeed(&mut machine, 4)), [(1, 0)], "what was lost with its executor goes first again");
}

#[test]
fn the_nearest_rdd_that_is_stored_counts() {
    let mut machine = executors(&[1, 1]);
    let mut spec = over_cached(1, 1);
    spec.stages[0].cached.insert(0, CachedInput { rdd: RddId(8), partitions: 0..1 });
    store(&mut machine, 0, 1);
    let two = machine.apply(Input::Submit(spec.clone()));
    assert_eq!(placed(&two), [(0, 1)], "only the far one is stored");
    succeed(&mut machine, 1);
    machine.apply(Input::BlockStored { rdd: RddId(8), partition: 0, executor: ExecutorId(0) });
    assert_eq!(placed(&machine.apply(Input::Submit(spec))), [(0, 0)]);
}

/// A job that samples the rows of the map partitions of shuffle 5.
fn sampling(job: u64, partitions: usize) -> JobSpec {
    JobSpec { keeps_rows_for: Some(ShuffleId(5)), ..spec(job, &[(None, &[], partitions)]) }
}

#[test]
fn map_tasks_start_where_their_rows_were_kept() {
    let mut machine = executors(&[2, 1]);
    let mut sampled = placed(&machine.apply(Input::Submit(sampling(1, 3))));
    (1..=3).for_each(|task| drop(succeed(&mut machine, task)));
    let sort = spec(2, &[(Some(5), &[], 3), (None, &[5], 1)]);
    let mut mapped = placed(&machine.apply(Input::Submit(sort)));
    sampled.sort();
    mapped.sort();
    assert_eq!(sampled, [(0, 0), (1, 1), (2, 0)]);
    assert_eq!(mapped, sampled);
}

#[test]
fn kept_rows_are_nearer_than_persisted_ones_until_they_are_taken_or_lost() {
    let mut machine = executors(&[1, 1]);
    machine.apply(Input::Submit(sampling(1, 2)));
    (1..=2).for_each(|task| drop(succeed(&mut machine, task)));
    store(&mut machine, 0, 1);
    let mut sort = spec(2, &[(Some(5), &[], 2), (None, &[5], 1)]);
    sort.stages[0].cached = vec![CachedInput { rdd: RddId(7), partitions: 0..2 }];
    assert_eq!(placed(&machine.apply(Input::Submit(sort.clone()))), [(0, 0), (1, 1)]);
    (3..=5).for_each(|task| drop(succeed(&mut machine, task)));
    // Computed again it begins with what is persisted.
    machine.apply(Input::OutputLost { shuffle: ShuffleId(5), map: 0 });
    assert_eq!(placed(&machine.apply(Input::Submit(JobSpec { id: JobId(3), ..sort }))), [(0, 1)]);

    let mut machine = executors(&[1, 1]);
    machine.apply(Input::Submit(sampling(1, 2)));
    (1..=2).for_each(|task| drop(succeed(&mut machine, task)));
    machine.apply(lost(1, Cause::Tasks));
    machine.apply(Input::ExecutorAdded { id: ExecutorId(2), slots: 1 });
    let sort = spec(2, &[(Some(5), &[], 2), (None, &[5], 1)]);
    assert_eq!(placed(&machine.apply(Input::Submit(sort))), [(0, 0), (1, 2)]);
    machine.apply(Input::CancelAll);
    (3..=4).for_each(|task| drop(succeed(&mut machine, task)));
    machine.apply(Input::ForgetShuffle(ShuffleId(5)));
    assert!(machine.is_empty(), "{machine:?}");
}

#[test]
fn a_slow_attempt_gets_one_copy_and_the_first_one_wins() {
    let mut machine = executors(&[2, 2]);
    machine.apply(Input::Submit(spec(1, STAGE_OF_4)));
    tick(&mut machine, 1);
    [1, 2].iter().for_each(|task| drop(succeed(&mut machine, *task)));
    assert_eq!(placed(&tick(&mut machine, 5)), [], "a half is not the end of a stage");
    succeed(&mut machine, 3);
    // Partition 3 runs on executor 1.
    let copies = tick(&mut machine, 6);
    assert_eq!(placed(&copies), [(3, 0)]);
    assert_eq!(placed(&tick(&mut machine, 60)), [], "one copy is enough");
    let won = succeed(&mut machine, 5);
    assert_eq!(killed(&won), [(4, Because::Beaten)]);
    assert!(matches!(ends(&won)[..], [Ok(())]));
    let accepted = |command: &Command| matches!(command, Command::Accept { .. });
    assert!(!succeed(&mut machine, 4).iter().any(accepted), "the other one counts no more");
    assert!(machine.is_empty());
}

#[test]
fn no_attempt_is_slow_before_twice_the_median_and_a_second() {
    let mut machine = executors(&[2, 2]);
    machine.apply(Input::Submit(spec(1, STAGE_OF_4)));
    (1..=3).for_each(|task| drop(succeed(&mut machine, task)));
    assert_eq!(placed(&tick(&mut machine, 1)), []);
    assert_eq!(placed(&tick(&mut machine, 2)), [(3, 0)]);

    let mut machine = executors(&[2, 2]);
    machine.apply(Input::Submit(spec(1, STAGE_OF_4)));
    tick(&mut machine, 10);
    (1..=3).for_each(|task| drop(succeed(&mut machine, task)));
    assert_eq!(placed(&tick(&mut machine, 20)), []);
    assert_eq!(placed(&tick(&mut machine, 21)), [(3, 0)]);
}

#[test]
fn one_executor_makes_no_copies() {
    let mut machine = machine(8);
    machine.apply(Input::Submit(spec(1, STAGE_OF_4)));
    (1..=3).for_each(|task| drop(succeed(&mut machine, task)));
    assert_eq!(placed(&tick(&mut machine, 100)), []);
}

#[test]
fn when_one_of_two_copies_fails_the_other_goes_on() {
    let mut machine = executors(&[2, 2]);
    machine.apply(Input::Submit(spec(1, STAGE_OF_4)));
    (1..=3).for_each(|task| drop(succeed(&mut machine, task)));
    assert_eq!(placed(&tick(&mut machine, 9)), [(3, 0)]);
    assert_eq!(placed(&fail(&mut machine, 4)), []);
    let again = tick(&mut machine, 99);
    assert_eq!(placed(&again), [(3, 1)], "which may get a copy in its turn");
    assert_eq!(launches(&again)[0].attempt, 1);
    machine.apply(lost(0, Cause::Tasks));
    assert!(matches!(ends(&succeed(&mut machine, 6))[..], [Ok(())]));
}

#[test]
fn a_cancelled_job_stops_both_copies() {
    let mut machine = executors(&[2, 2]);
    let job = spec(1, STAGE_OF_4);
    machine.apply(Input::Submit(job.clone()));
    (1..=3).for_each(|task| drop(succeed(&mut machine, task)));
    tick(&mut machine, 9);
    let mut stopped = killed(&machine.apply(Input::Cancel(job.id)));
    stopped.sort_by_key(|(task, _)| *task);
    assert_eq!(stopped, [(4, Because::Unwanted), (5, Because::Unwanted)]);
}

#[test]
fn an_executor_on_which_everything_fails_gets_nothing_for_a_minute() {
    let mut machine = executors(&[3, 1]);
    machine.apply(Input::Submit(spec(1, &[(None, &[], 20)])));
    tick(&mut machine, 5);
    // Tasks 1 to 3 are on executor 0.
    assert_eq!(placed(&fail(&mut machine, 1)), [(0, 0)]);
    assert_eq!(placed(&fail(&mut machine, 2)), [(1, 0)]);
    assert_eq!(placed(&fail(&mut machine, 3)), [], "that was one too many");
    assert_eq!(placed(&succeed(&mut machine, 4)), [(2, 1)], "others get it");
    assert_eq!(placed(&tick(&mut machine, 64)), []);
    assert_eq!(placed(&tick(&mut machine, 65)), [(4, 0)]);
}

#[test]
fn an_attempt_that_succeeds_clears_its_executor() {
    let mut machine = executors(&[4, 1]);
    machine.apply(Input::Submit(spec(1, &[(None, &[], 20)])));
    let failed = |machine: &mut Machine, task| placed(&fail(machine, task)).len();
    assert_eq!((failed(&mut machine, 1), failed(&mut machine, 2)), (1, 1));
    succeed(&mut machine, 3);
    assert_eq!((failed(&mut machine, 4), failed(&mut machine, 6)), (1, 1));
}

#[test]
fn if_all_are_excluded_the_first_one_is_used() {
    let mut machine = executors(&[3, 3]);
    machine.apply(Input::Submit(spec(1, &[(None, &[], 20)])));
    // Tasks 1, 3 and 5 are on executor 0.
    [1, 3, 5].iter().for_each(|task| drop(fail(&mut machine, *task)));
    let [first, second, third] = [2, 4, 6].map(|task| placed(&fail(&mut machine, task)));
    assert!(first.iter().chain(&second).all(|(_, on)| *on == 1), "{first:?} {second:?}");
    assert!(!third.is_empty() && third.iter().all(|(_, on)| *on == 0), "{third:?}");
}

#[test]
fn the_only_executor_is_never_excluded() {
    let mut machine = machine(1);
    machine.apply(Input::Submit(spec(1, &[(None, &[], 20)])));
    assert!((1..=3).all(|task| placed(&fail(&mut machine, task)).len() == 1));
}

#[test]
fn lost_inputs_are_not_the_readers_fault() {
    let mut machine = executors(&[1, 1]);
    machine.apply(Input::Submit(spec(1, &[(Some(5), &[], 1), (None, &[5], 1)])));
    for task in [1, 3, 5] {
        assert_eq!(placed(&succeed(&mut machine, task)), [(0, 0)]);
        assert_eq!(placed(&lose(&mut machine, task + 1, 5, 0)), [(0, 0)]);
    }
}

#[test]
fn a_job_that_fails_is_to_blame_itself() {
    let mut machine = executors(&[1, 1]);
    machine.apply(Input::Submit(spec(1, &[(None, &[], 1)])));
    // Three times on executor 0, then on executor 1.
    let failed: Vec<_> = (1..=4).map(|task| fail(&mut machine, task)).collect();
    assert_eq!(placed(&failed[2]), [(0, 1)]);
    assert!(matches!(ends(&failed[3])[..], [Err(Error::Task(_))]));
    assert_eq!(placed(&machine.apply(Input::Submit(spec(2, &[(None, &[], 2)])))), [(0, 0), (1, 1)]);
}
