//! The thread that owns the state machine: feeds it what happens and carries out what it orders.

mod message;

pub(crate) use message::{Message, Reply, Report};

use super::backend::Backend;
use super::command::{Cause, Command, Count, Input, Launch, Outcome};
use super::dag::Machine;
use super::edge;
use super::local::Assignment;
use crate::cluster::executors::{Ended, Lost};
use crate::cluster::hub::News;
use crate::error::{Error, Failure, Result};
use crate::event::Event;
use crate::event_bus::EventBus;
use crate::ids::{ExecutorId, JobId, ShuffleId};
use crate::work::{JobSpec, Work};
use message::Output;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How long `stop` waits for tasks that were told to stop.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the machine is told the time.
const TICK: Duration = Duration::from_millis(100);

/// See the module.
pub(crate) struct Driver {
    machine: Machine,
    backend: Backend,
    bus: EventBus,
    jobs: BTreeMap<JobId, Client>,
    /// When the machine was last told the time, in microseconds.
    ticked: u64,
    /// Why no job can be run any more.
    broken: Option<String>,
}

/// Who waits for a job.
struct Client {
    work: Arc<dyn Work>,
    reply: Sender<Reply>,
    /// For each stage, the shuffle that it writes and those that it reads.
    stages: Vec<(Option<ShuffleId>, Vec<ShuffleId>)>,
}

impl Driver {
    /// `slots` is the number of tasks that run at once in this process.
    pub(crate) fn new(backend: Backend, bus: EventBus, slots: Option<usize>) -> Driver {
        let mut machine = Machine::default();
        if let Some(slots) = slots {
            // No task can be launched yet, so nothing follows from this.
            let _ = machine.apply(Input::ExecutorAdded { id: ExecutorId(0), slots });
        }
        Driver { machine, backend, bus, jobs: BTreeMap::new(), ticked: 0, broken: None }
    }

    /// Serves messages until told to stop.
    pub(crate) fn run(mut self, messages: Receiver<Message>) {
        edge::enter_thread();
        while let Some(message) = self.next(&messages) {
            match message {
                Message::Submit { spec, work, reply } => self.submit(spec, work, reply),
                Message::Cancel(job) => self.feed(Input::Cancel(job), None),
                Message::CancelAll => self.feed(Input::CancelAll, None),
                Message::Finished(report) => self.finished(report),
                Message::OutputsComplete { shuffle, reply } => {
                    // Who asked may have gone.
                    let _ = reply.send(self.machine.outputs_complete(shuffle));
                }
                Message::ForgetShuffle(shuffle) => self.feed(Input::ForgetShuffle(shuffle), None),
                Message::ForgetRdd(rdd) => {
                    if let Some(remote) = self.backend.remote() {
                        remote.forget_rdd(rdd);
                    }
                }
                Message::Uncache(rdd) => {
                    if let Some(remote) = self.backend.remote() {
                        remote.uncache(rdd);
                    }
                }
                Message::ForgetBroadcast(id) => {
                    if let Some(remote) = self.backend.remote() {
                        remote.forget_broadcast(id);
                    }
                }
                Message::KillExecutor(executor) => {
                    if let Some(remote) = self.backend.remote() {
                        remote.kill_executor(executor, "it was killed by the user", Cause::Others);
                        self.feed(Input::ExecutorLeaving(executor), None);
                    }
                }
                Message::Packed(parcel) => {
                    if let Some(remote) = self.backend.remote() {
                        remote.packed(*parcel);
                    }
                }
                Message::News(news) => self.hear(news),
                Message::ProcessEnded { pid, status } => {
                    if let Some(remote) = self.backend.remote() {
                        let Ended { lost, problem } = remote.process_ended(pid, &status);
                        self.lose(lost);
                        if let Some(problem) = problem {
                            self.give_up(problem);
                        }
                    }
                }
                Message::EndDeaf { since } => {
                    if let Some(remote) = self.backend.remote() {
                        let ended = remote.end_the_deaf(since);
                        ended.into_iter().for_each(|executor| self.feed(Input::ExecutorLeaving(executor), None));
                    }
                }
                Message::Stop => break,
            }
        }
        self.stop(&messages);
    }

    /// The next message. Before it comes and while tasks run in other processes, or these are starting, time passes.
    fn next(&mut self, messages: &Receiver<Message>) -> Option<Message> {
        loop {
            let received = match self.backend.remote() {
                None => return messages.recv().ok(),
                Some(remote) if !remote.needs_time() => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(_) => messages.recv_timeout(TICK),
            };
            self.tick();
            match received {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Lets time pass, if enough of it has: slow attempts are noticed, and executors whose tasks do not stop.
    fn tick(&mut self) {
        let now = self.bus.now();
        if now.saturating_sub(self.ticked) < TICK.as_micros() as u64 {
            return;
        }
        self.ticked = now;
        if let Some(remote) = self.backend.remote() {
            remote.pass_time();
            remote.notice_the_deaf();
            if let Some(problem) = remote.tend_processes() {
                self.give_up(problem);
            }
        }
        self.feed(Input::Tick { now }, None);
    }

    fn submit(&mut self, spec: JobSpec, work: Arc<dyn Work>, reply: Sender<Reply>) {
        let job = spec.id;
        if self.jobs.contains_key(&job) {
            let error = Error::Invalid(format!("job {job} is running already"));
            let _ = reply.send(Reply::Ended { end: Err(error), work });
            return;
        }
        if let Some(problem) = &self.broken {
            let _ = reply.send(Reply::Ended { end: Err(Error::Invalid(problem.clone())), work });
            return;
        }
        let stages = spec.stages.iter().map(|stage| (stage.shuffle, stage.inputs.clone())).collect();
        self.jobs.insert(job, Client { work, reply, stages });
        self.feed(Input::Submit(spec), None);
    }

    fn finished(&mut self, report: Report) {
        let count = self.machine.counts(report.task);
        let outcome = self.commit(&report, count);
        let counts = count.is_some() && matches!(outcome, Outcome::Succeeded(_));
        self.backend.finished(report.task, counts);
        let Report { task, mut output, work, .. } = report;
        // Before the job can end: then its last handle goes where it was submitted.
        self.release(work);
        self.feed(Input::TaskFinished { task, outcome }, Some(&mut output));
        if let Some(unwanted) = output {
            self.backend.discard(unwanted);
        }
    }

    /// Lets the job take note of an attempt that counts. If that panics, the attempt has failed, and for good: what was
    /// noted cannot be taken back.
    fn commit(&self, report: &Report, count: Option<Count>) -> Outcome {
        if count == Some(Count::First) && matches!(report.outcome, Outcome::Succeeded(_)) {
            let noted = edge::guard(|| report.work.committed(report.stage, report.partition, &report.context));
            if let Err(panic) = noted {
                return Outcome::Failed(Failure::Other(format!("merging what the task accumulated {panic}")));
            }
        }
        report.outcome.clone()
    }

    /// Drops a handle of the lineage. The last one runs drop code of the user's, which may panic or take its time: not
    /// on this thread.
    fn release(&self, work: Arc<dyn Work>) {
        if Arc::strong_count(&work) == 1 {
            self.backend.discard(work);
        } else {
            // Nothing to tell of a panic in a drop that came to be the last one after all.
            let _ = edge::guard(|| drop(work));
        }
    }

    /// Lets the machine take in `input` and does what it says. `output` is the value of the task that the input told of.
    fn feed(&mut self, input: Input, mut output: Option<&mut Output>) {
        for command in self.machine.apply(input) {
            self.obey(command, output.as_deref_mut());
        }
    }

    fn obey(&mut self, command: Command, output: Option<&mut Output>) {
        match command {
            Command::Launch(launch) => {
                // The machine launches nothing for a job that has ended.
                let Some(client) = self.jobs.get(&launch.job) else { return };
                let work = Arc::clone(&client.work);
                let Launch { task, job, stage, partition, executor, .. } = launch;
                let (shuffle, inputs) = client.stages.get(stage).cloned().unwrap_or_default();
                self.backend.launch(Assignment { task, job, stage, partition, executor, shuffle, inputs, work });
            }
            Command::Kill { task, because } => self.backend.kill(task, because),
            Command::RemoveOutputs(shuffle) => {
                if let Some(remote) = self.backend.remote() {
                    remote.forget_shuffle(shuffle);
                }
            }
            Command::Emit(event) => self.bus.emit(event.stamped(self.bus.now())),
            Command::Accept { job, partition, .. } => {
                let client = self.jobs.get(&job);
                if let Some(value) = output.and_then(Option::take)
                    && let Some(client) = client
                    && let Err(unread) = client.reply.send(Reply::Result { partition, value })
                {
                    self.backend.discard(unread.0);
                }
            }
            Command::JobEnded { job, end } => {
                let Some(client) = self.jobs.remove(&job) else { return };
                self.end(client, end);
                if let Some(remote) = self.backend.remote() {
                    remote.job_ended(job);
                }
            }
        }
    }

    /// Tells the caller of a job, and gives it back the work: what is freed with it is freed when `run_job` returns.
    fn end(&self, client: Client, end: Result<()>) {
        let Client { work, reply, .. } = client;
        if let Err(unread) = reply.send(Reply::Ended { end, work })
            && let Reply::Ended { work, .. } = unread.0
        {
            self.release(work);
        }
    }

    /// Takes in what the executors tell.
    fn hear(&mut self, news: News) {
        let Some(remote) = self.backend.remote() else { return };
        match news {
            News::Joined { executor, hello, line } => {
                remote.joined(executor, &hello, line);
                let (pid, slots, at) = (hello.pid, hello.slots, self.bus.now());
                self.bus.emit(Event::ExecutorJoined { executor, pid, slots, at });
                self.feed(Input::ExecutorAdded { id: executor, slots: hello.slots }, None);
            }
            News::Stopped { executor, task } => drop(remote.stopped(executor, task)),
            News::Answered { executor, answer } => remote.answered(executor, answer),
            News::Happened { executor, event } => {
                let event = event.of_executor(executor);
                match event {
                    Event::BlockStored { rdd, partition, .. } => {
                        self.feed(Input::BlockStored { rdd, partition, executor }, None);
                    }
                    Event::BlockRemoved { rdd, partition, .. } => {
                        self.feed(Input::BlockRemoved { rdd, partition, executor }, None);
                    }
                    _ => {}
                }
                self.bus.emit(event);
            }
            News::Takes { executor, memory } => {
                let at = self.bus.now();
                self.bus.emit(Event::ExecutorMemory { executor, memory, at });
            }
            News::GivesUp { executor, why } => {
                remote.kill_executor(executor, &why, Cause::Tasks);
                self.feed(Input::ExecutorLeaving(executor), None);
            }
            News::Left { executor, how } => {
                let lost = remote.left(executor, how);
                self.feed(Input::ExecutorLeaving(executor), None);
                self.lose(lost);
            }
        }
    }

    /// An executor is gone for good.
    fn lose(&mut self, lost: Option<Lost>) {
        if let Some(Lost { executor, why, cause }) = lost {
            self.bus.emit(Event::ExecutorLost { executor, why: why.clone(), at: self.bus.now() });
            self.feed(Input::ExecutorLost { id: executor, why, cause }, None);
        }
    }

    /// No job can be run any more.
    fn give_up(&mut self, problem: String) {
        for client in std::mem::take(&mut self.jobs).into_values() {
            self.end(client, Err(Error::Invalid(problem.clone())));
        }
        self.broken = Some(problem);
        self.feed(Input::CancelAll, None);
    }

    /// Ends every job, waits a little for tasks to stop, ends the threads.
    fn stop(mut self, messages: &Receiver<Message>) {
        let clients = std::mem::take(&mut self.jobs);
        for client in clients.into_values() {
            self.end(client, Err(Error::Stopped));
        }
        self.feed(Input::CancelAll, None);
        let deadline = Instant::now() + PATIENCE;
        while !self.backend.is_idle() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
            match messages.recv_timeout(left) {
                Ok(Message::Finished(report)) => self.finished(report),
                // What executors say of the tasks that are waited for.
                Ok(Message::News(news)) => self.hear(news),
                Ok(Message::Submit { reply, work, .. }) => {
                    let _ = reply.send(Reply::Ended { end: Err(Error::Stopped), work });
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        self.backend.stop();
    }
}
