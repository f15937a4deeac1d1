//! Jobs: an action's lineage is cut into stages at the shuffles, the scheduler runs their tasks, and the results of the
//! last stage come back to the action.

mod fold;
mod locality;
mod plan;
mod save;
mod shipped;
mod sink;

pub(crate) use fold::Zero;
pub use fold::{FoldVt, LeaveOut, StepFn};
pub use save::{FormatFn, RowWriter, SaveOptions};
pub(crate) use save::{Layout, Save, save_rows};
pub(crate) use sink::{Output, Sink};

use crate::error::{Error, Failure, Result};
use crate::event::{CallSite, Event, StageInfo};
use crate::node::{Kind, Node};
use crate::scheduler::edge;
use crate::ship::Shipment;
use crate::shuffle::may_be_kept;
use crate::sort;
use crate::task::{BadRecords, Stop, TaskContext};
use crate::work::{JobSpec, StageSpec, TaskOutput, Work};
use plan::{Plan, PlannedStage, Target};
use std::sync::Arc;

/// What an action asks for.
pub(crate) struct Action<'a> {
    pub(crate) node: &'a Arc<Node>,
    pub(crate) name: &'static str,
    /// Where it was called.
    pub(crate) call_site: CallSite,
    /// The partitions to compute; none for all.
    pub(crate) partitions: Option<Vec<usize>>,
    pub(crate) sink: Sink,
}

/// Runs an action and returns its outputs in the order of the partitions.
pub(crate) fn run(action: Action<'_>) -> Result<Vec<Output>> {
    let Action { node, name, call_site, partitions, sink } = action;
    let context = node.context.arc();
    context.check_running()?;
    let plan = prepared_plan(node)?;
    let partitions = partitions.unwrap_or_else(|| (0..node.partitions).collect());
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let keeps_rows_for = sink.keeps_rows_for();
    let spec = JobSpec { keeps_rows_for, ..job_spec(&plan, node, name, call_site, &partitions) };
    let work: Arc<dyn Work> = Arc::new(JobWork { plan, sink });
    let mut outputs: Vec<Option<Output>> = partitions.iter().map(|_| None).collect();
    let first = partitions[0];
    context.scheduler.run_job(spec, work, &mut |partition, value| {
        // Actions ask for contiguous partitions.
        let Ok(result) = value.downcast::<TaskResult>() else { return };
        if let Some(slot) = partition.checked_sub(first).and_then(|i| outputs.get_mut(i))
            && slot.is_none()
        {
            result.task.updates().commit();
            *slot = Some(result.output);
        }
    })?;
    outputs
        .into_iter()
        .collect::<Option<Vec<Output>>>()
        .ok_or_else(|| Error::Invalid(format!("{name}: the scheduler ended the job without all results")))
}

/// Runs the part of an action that puts the results of the partitions together on the driver: user code's panic in it is
/// an error of the action, as in a task.
pub(crate) fn merged<T>(action: &'static str, merge: impl FnOnce() -> Result<T>) -> Result<T> {
    edge::guard(merge).unwrap_or_else(|panic| {
        Err(Error::Invalid(format!("{action}: putting the results of the partitions together {panic}")))
    })
}

/// The plan of a job, after the ranges of every sort in it are known, and the index of every first row that is needed.
fn prepared_plan(node: &Arc<Node>) -> Result<Plan> {
    loop {
        let plan = plan::plan(node)?;
        // The blocks stay pinned by `plan` while another job runs.
        if let Some(uncounted) = plan.uncounted() {
            count_rows(&uncounted)?;
        } else if let Some(unprepared) = plan.unprepared_sort() {
            prepare_sort(&unprepared)?;
        } else {
            return Ok(plan);
        }
    }
}

/// Counts the rows of an indexed RDD's parent, but for the last partition.
fn count_rows(node: &Arc<Node>) -> Result<()> {
    let Kind::Indexed { firsts, .. } = &node.kind else { return Ok(()) };
    let parents = node.parents();
    // Without a parent, the lineage was cut meanwhile, and the next plan reads the checkpoint.
    let Some(parent) = parents.first() else { return Ok(()) };
    let (name, call_site) = ("zip_with_index (counting)", node.call_site.clone());
    let partitions = Some((0..node.partitions.saturating_sub(1)).collect());
    let counts = run(Action { node: parent, name, call_site, partitions, sink: Sink::Count })?;
    let mut found = vec![0];
    for count in &counts {
        found.push(found[found.len() - 1] + count.count());
    }
    // Another thread may have been faster; it has found the same.
    let _ = firsts.set(found);
    Ok(())
}

/// Samples the rows of a sort's parent and fixes the ranges of its partitions.
fn prepare_sort(node: &Arc<Node>) -> Result<()> {
    let Some((shuffled, vt)) = node.shuffled().and_then(|shuffled| Some((shuffled, shuffled.sort?))) else {
        return Ok(());
    };
    let parents = node.parents();
    // Without a parent, the lineage was cut meanwhile, and the next plan reads the checkpoint.
    let Some(parent) = parents.first() else { return Ok(()) };
    let samples = if node.partitions == 1 {
        Vec::new()
    } else {
        let keep = parent.cached().is_none() && may_be_kept(parent.elem);
        let keep = keep.then(|| Arc::clone(node));
        let sink = Sink::Sample { vt, closure: shuffled.closure.clone(), keep };
        let (name, call_site) = ("sort_by (sampling)", node.call_site.clone());
        let outputs = run(Action { node: parent, name, call_site, partitions: None, sink })?;
        outputs.into_iter().filter_map(Output::into_sample).collect()
    };
    let ranges = sort::ranges(vt, samples, node.partitions * shuffled.pieces, &TaskContext::default());
    let ranges = ranges.map_err(|stop| Error::Invalid(format!("sort_by: {stop:?}")))?;
    // Another thread may have been faster; its ranges are as good.
    let _ = shuffled.ranges.set(ranges);
    Ok(())
}

fn job_spec(plan: &Plan, node: &Arc<Node>, name: &'static str, call_site: CallSite, partitions: &[usize]) -> JobSpec {
    let scheduler = &node.context.arc().scheduler;
    let job = scheduler.next_job_id();
    let ids: Vec<_> = plan.stages.iter().map(|_| scheduler.next_stage_id()).collect();
    let stage_of = |shuffle| plan.stages.iter().position(|stage| stage.target.shuffle() == Some(shuffle));
    let stages = plan.stages.iter().enumerate().map(|(i, stage)| {
        let (name, at, partitions) = match &stage.target {
            Target::Map { node, .. } => (node.operator, node.call_site.clone(), (0..stage.node.partitions).collect()),
            Target::Result => (name, call_site.clone(), partitions.to_vec()),
        };
        let info = StageInfo {
            id: ids[i],
            job,
            rdd: stage.node.id,
            shuffle: stage.target.shuffle(),
            parents: stage.inputs.iter().filter_map(|shuffle| stage_of(*shuffle)).map(|i| ids[i]).collect(),
            name: name.to_owned(),
            call_site: at,
            tasks: partitions.len(),
            rdds: stage.rdds.clone(),
        };
        StageSpec {
            id: ids[i],
            rdd: stage.node.id,
            shuffle: stage.target.shuffle(),
            partitions,
            inputs: stage.inputs.clone(),
            cached: locality::cached_inputs(&stage.node),
            info,
        }
    });
    let stages = stages.collect();
    JobSpec { id: job, name: name.to_owned(), call_site, stages, keeps_rows_for: None }
}

/// How the tasks of one job are computed.
pub(crate) struct JobWork {
    plan: Plan,
    sink: Sink,
}

/// What a task of the result stage returns.
struct TaskResult {
    output: Output,
    task: TaskContext,
}

impl Work for JobWork {
    fn run(&self, stage: usize, partition: usize, task: &TaskContext) -> std::result::Result<TaskOutput, Stop> {
        let stage = self.plan.stages.get(stage).ok_or_else(|| Failure::Other(format!("no stage {stage}")))?;
        let context = stage.node.context.arc();
        task.tolerate(context.conf.err);
        let output = match &stage.target {
            Target::Map { node, input } => {
                crate::shuffle::write_map_output(node, *input, &stage.node, partition, task)?;
                TaskOutput::MapOutput
            }
            Target::Result => {
                let output = self.sink.run(&stage.node, partition, task)?;
                TaskOutput::Value(Box::new(TaskResult { output, task: task.clone() }))
            }
        };
        for BadRecords { operator, rows, example } in task.bad_records() {
            let (rdd, operator) = (stage.node.id, operator.to_owned());
            context.bus.emit(Event::RowsSkipped { rdd, partition, operator, rows, example });
        }
        Ok(output)
    }

    fn ship(&self, shipment: &mut Shipment) -> std::result::Result<(), Failure> {
        self.pack(shipment).map_err(|error| Failure::Other(format!("the job cannot be sent to executors: {error}")))
    }

    fn receive(&self, stage: usize, reply: &[u8], task: &TaskContext) -> std::result::Result<TaskOutput, Failure> {
        self.unpack(stage, reply, task)
    }

    fn committed(&self, stage: usize, partition: usize, task: &TaskContext) {
        let Some(PlannedStage { node, target, .. }) = self.plan.stages.get(stage) else { return };
        // What result tasks have added counts when the action takes their results over.
        if let Some(shuffle) = target.shuffle()
            && node.context.arc().shuffles.count(shuffle, partition)
        {
            task.updates().commit();
        }
    }
}
