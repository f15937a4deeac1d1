//! Jobs on their way to executors, and what tasks send back.

use super::fold::{CloneFn, FoldVt, Zero};
use super::plan::{Plan, PlannedStage, Target};
use super::save::{SaveSink, Saved, ShippedSave};
use super::sink::{Output, Sink};
use super::{JobWork, TaskResult};
use crate::batch::{Batch, ElemVt, SharedBatch};
use crate::closure::ShippedClosure;
use crate::codec::{CodecVt, Reader, Writer};
use crate::error::Failure;
use crate::ids::RddId;
use crate::node::{Node, ShippedNode, ShippedState, with_ancestors};
use crate::serialize::{decode, encode};
use crate::ship::{CodeRef, Landing, ShipError, Shipment, Shipper};
use crate::shuffle::{Needs, Persisted, WriteVt, needs};
use crate::sort::SortVt;
use crate::storage::{PartWriter, Reservation, WrittenPart};
use crate::task::{Stop, TaskContext};
use crate::work::{TaskOutput, Work};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A job.
#[derive(Debug, Serialize, Deserialize)]
struct ShippedJob {
    /// RDDs that the executor has not met, parents first.
    nodes: Vec<ShippedNode>,
    states: Vec<ShippedState>,
    stages: Vec<ShippedStage>,
    sink: ShippedSink,
}

#[derive(Debug, Serialize, Deserialize)]
struct ShippedStage {
    node: RddId,
    /// The shuffled RDD whose map outputs the tasks make, and which of its inputs they are; none for results.
    map: Option<(RddId, usize)>,
}

#[derive(Debug, Serialize, Deserialize)]
enum ShippedSink {
    Gather { limit: usize, codec: CodeRef },
    Count,
    Fold { name: String, vt: CodeRef, closure: ShippedClosure, zero: Option<(Vec<u8>, CodeRef)> },
    Combine { write: CodeRef, closure: ShippedClosure },
    Top { vt: CodeRef, codec: CodeRef, closure: ShippedClosure, n: usize },
    Sample { vt: CodeRef, closure: ShippedClosure, keep: Option<RddId> },
    Save(ShippedSave),
    Checkpoint { directory: PathBuf, codec: CodeRef },
}

/// What a task sends: its output, and what it has added to accumulators.
#[derive(Debug, Serialize, Deserialize)]
struct Reply {
    output: ShippedOutput,
    updates: Vec<(u64, Vec<u8>)>,
}

#[derive(Debug, Serialize, Deserialize)]
enum ShippedOutput {
    /// Its map output is stored.
    Stored,
    Rows {
        rows: usize,
        bytes: Vec<u8>,
    },
    Count(u64),
    Sample {
        rows: usize,
        bytes: Vec<u8>,
        weight: u64,
    },
    Saved(Vec<Saved>),
    Part(WrittenPart),
}

impl JobWork {
    /// Packs the job for an executor.
    pub(super) fn pack(&self, shipment: &mut Shipment) -> Result<(), ShipError> {
        let Shipment { known, shipper, described, assumed, bytes } = shipment;
        let (mut nodes, mut states) = (Vec::new(), Vec::new());
        // A sort that is not computed yet may be given the rows that its sample is taken from.
        let sort = match &self.sink {
            Sink::Sample { keep, .. } => keep.as_ref(),
            _ => None,
        };
        for node in with_ancestors(self.plan.nodes().chain(sort)) {
            if known.contains(&node.id) {
                assumed.push(node.id);
            } else {
                described.push(node.id);
                nodes.push(node.ship(shipper)?);
            }
            states.extend(node.ship_state(shipper)?);
        }
        let stage = |stage: &PlannedStage| ShippedStage {
            node: stage.node.id,
            map: match &stage.target {
                Target::Map { node, input } => Some((node.id, *input)),
                Target::Result => None,
            },
        };
        let stages = self.plan.stages.iter().map(stage).collect();
        let job = ShippedJob { nodes, states, stages, sink: self.sink.ship(shipper)? };
        *bytes = encode(&job).map_err(ShipError::new)?;
        if let Some(node) = self.plan.result() {
            node.context.arc().sent.add(&shipper.accumulators);
        }
        Ok(())
    }

    /// What a task of another process has left.
    pub(super) fn unpack(&self, stage: usize, reply: &[u8], task: &TaskContext) -> Result<TaskOutput, Failure> {
        let Reply { output, updates } = decode(reply).map_err(|error| unreadable(&error))?;
        let node = self.plan.stages.get(stage).map(|stage| &stage.node);
        let node = node.ok_or_else(|| unreadable(&format!("there is no stage {stage}")))?;
        for (id, bytes) in updates {
            let target = node.context.arc().sent.get(id);
            let target = target.ok_or_else(|| unreadable(&format!("accumulator {id} is not known")))?;
            task.updates().load(&target, &bytes).map_err(|error| unreadable(&error.to_string()))?;
        }
        if matches!(output, ShippedOutput::Stored) {
            return Ok(TaskOutput::MapOutput);
        }
        let output = self.sink.unpack(node, output)?;
        Ok(TaskOutput::Value(Box::new(TaskResult { output, task: task.clone() })))
    }
}

impl JobWork {
    /// A job that has arrived.
    pub(crate) fn land(bytes: &[u8], landing: &Landing) -> Result<JobWork, ShipError> {
        let ShippedJob { nodes, states, stages, sink } = decode(bytes).map_err(ShipError::new)?;
        for node in nodes {
            landing.keep(node.id, || Node::land(node, landing));
        }
        for state in states {
            Node::land_state(state, landing)?;
        }
        let stage = |ShippedStage { node, map }| {
            let target = match map {
                Some((node, input)) => Target::Map { node: landing.node(node)?, input },
                None => Target::Result,
            };
            Ok(PlannedStage::arrived(landing.node(node)?, target))
        };
        let plan = Plan::arrived(stages.into_iter().map(stage).collect::<Result<_, ShipError>>()?);
        Ok(JobWork { plan, sink: sink.land(landing)? })
    }

    /// What a task needs that is elsewhere.
    pub(crate) fn needs(&self, stage: usize, partition: usize, persisted: Persisted) -> Needs {
        self.plan.stages.get(stage).map(|stage| needs(&stage.node, partition, persisted)).unwrap_or_default()
    }

    /// Runs a task of a job that has arrived; what is sent to the driver.
    pub(crate) fn answer(&self, stage: usize, partition: usize, task: &TaskContext) -> Result<Vec<u8>, Stop> {
        let unsendable = |error: String| Failure::Other(format!("a result cannot be sent: {error}"));
        let output = match self.run(stage, partition, task)? {
            TaskOutput::MapOutput => ShippedOutput::Stored,
            TaskOutput::Value(value) => match value.downcast::<TaskResult>() {
                Ok(result) => self.sink.pack(result.output).map_err(|error| unsendable(error.to_string()))?,
                Err(_) => return Err(unsendable("it is of no kind that is known".to_owned()).into()),
            },
        };
        let updates = task.updates().save().map_err(|error| unsendable(error.to_string()))?;
        Ok(encode(&Reply { output, updates }).map_err(unsendable)?)
    }
}

impl Sink {
    fn ship(&self, out: &mut Shipper) -> Result<ShippedSink, ShipError> {
        Ok(match self {
            Sink::Gather { limit, codec } => ShippedSink::Gather { limit: *limit, codec: out.table(*codec)? },
            Sink::Count => ShippedSink::Count,
            Sink::Fold { name, vt, closure, zero } => {
                let zero = match zero {
                    Some(Zero { row, clone }) => Some((saved(row.get(), vt.codec)?, out.code(*clone as usize)?)),
                    None => None,
                };
                let name = (*name).to_owned();
                ShippedSink::Fold { name, vt: out.table(*vt)?, closure: out.closure(closure)?, zero }
            }
            Sink::Combine { write, closure } => {
                ShippedSink::Combine { write: out.table(*write)?, closure: out.closure(closure)? }
            }
            Sink::Top { vt, codec, closure, n } => ShippedSink::Top {
                vt: out.table(*vt)?,
                codec: out.table(*codec)?,
                closure: out.closure(closure)?,
                n: *n,
            },
            Sink::Sample { vt, closure, keep } => {
                let keep = keep.as_ref().map(|sort| sort.id);
                ShippedSink::Sample { vt: out.table(*vt)?, closure: out.closure(closure)?, keep }
            }
            Sink::Save(save) => ShippedSink::Save(save.ship(out)?),
            Sink::Checkpoint(PartWriter { directory, codec }) => {
                ShippedSink::Checkpoint { directory: directory.clone(), codec: out.table(*codec)? }
            }
        })
    }

    /// How the rows of its outputs travel; none if there are none.
    fn codec(&self) -> Option<(&'static CodecVt, Rows)> {
        match self {
            Sink::Gather { codec, .. } | Sink::Top { codec, .. } => Some((codec, Rows::OfNode)),
            Sink::Fold { vt, .. } => Some((vt.codec, Rows::Of(vt.acc))),
            Sink::Combine { write, .. } => Some((write.codec, Rows::Of(write.stored))),
            Sink::Sample { vt, .. } => Some((vt.codec?, Rows::Of(vt.key))),
            Sink::Count | Sink::Save(_) | Sink::Checkpoint(_) => None,
        }
    }

    fn pack(&self, output: Output) -> Result<ShippedOutput, ShipError> {
        let bytes = |rows: &SharedBatch| -> Result<(usize, Vec<u8>), ShipError> {
            let (codec, _) = self.codec().ok_or_else(|| ShipError::new("rows where none are expected"))?;
            Ok((rows.get().rows(), saved(rows.get(), codec)?))
        };
        Ok(match output {
            Output::Rows(rows, _) => {
                let (rows, bytes) = bytes(&rows)?;
                ShippedOutput::Rows { rows, bytes }
            }
            Output::Sample(keys, weight) => {
                let (rows, bytes) = bytes(&keys)?;
                ShippedOutput::Sample { rows, bytes, weight }
            }
            Output::Count(n) => ShippedOutput::Count(n),
            Output::Saved(files) => ShippedOutput::Saved(files),
            Output::Part(part) => ShippedOutput::Part(part),
        })
    }

    fn unpack(&self, node: &Node, output: ShippedOutput) -> Result<Output, Failure> {
        let rows = |rows: usize, bytes: &[u8]| -> Result<(SharedBatch, Reservation), Failure> {
            let context = node.context.arc();
            let (codec, of) = self.codec().ok_or_else(|| unreadable("rows where none are expected"))?;
            let mut batch = Batch::new(match of {
                Rows::OfNode => node.elem,
                Rows::Of(elem) => elem,
            });
            // SAFETY: the codec belongs to the batch's type: both come from the sink.
            unsafe { (codec.load)(&mut Reader::new(bytes), rows, &mut batch) }
                .map_err(|error| unreadable(&error.to_string()))?;
            let mut memory = context.budget.reserve();
            context.reserve(&mut memory, batch.bytes() as u64)?;
            // SAFETY: what travels is `Data`, hence `Send + Sync`.
            Ok((unsafe { SharedBatch::new(batch) }, memory))
        };
        Ok(match output {
            ShippedOutput::Stored => return Err(unreadable("a map output where a result is expected")),
            ShippedOutput::Rows { rows: n, bytes } => {
                let (rows, memory) = rows(n, &bytes)?;
                Output::Rows(rows, memory)
            }
            ShippedOutput::Sample { rows: n, bytes, weight } => Output::Sample(rows(n, &bytes)?.0, weight),
            ShippedOutput::Count(n) => Output::Count(n),
            ShippedOutput::Saved(files) => Output::Saved(files),
            ShippedOutput::Part(part) => Output::Part(part),
        })
    }
}

/// What rows a sink puts out.
enum Rows {
    /// Those of the RDD.
    OfNode,
    Of(&'static ElemVt),
}

impl ShippedSink {
    fn land(self, landing: &Landing) -> Result<Sink, ShipError> {
        // SAFETY: the sender took the places from tables and functions of these types (see `Sink::ship`).
        unsafe {
            Ok(match self {
                ShippedSink::Gather { limit, codec } => Sink::Gather { limit, codec: landing.table::<CodecVt>(codec)? },
                ShippedSink::Count => Sink::Count,
                ShippedSink::Fold { name, vt, closure, zero } => {
                    let name = crate::capture::kept_text(&name);
                    let vt = landing.table::<FoldVt>(vt)?;
                    let zero = match zero {
                        Some((bytes, clone)) => {
                            let mut row = Batch::new(vt.acc);
                            (vt.codec.load)(&mut Reader::new(&bytes), 1, &mut row)?;
                            Some(Zero { row: SharedBatch::new(row), clone: landing.function::<CloneFn>(clone)? })
                        }
                        None => None,
                    };
                    Sink::Fold { name, vt, closure: landing.closure(closure)?, zero }
                }
                ShippedSink::Combine { write, closure } => {
                    Sink::Combine { write: landing.table::<WriteVt>(write)?, closure: landing.closure(closure)? }
                }
                ShippedSink::Top { vt, codec, closure, n } => Sink::Top {
                    vt: landing.table::<SortVt>(vt)?,
                    codec: landing.table::<CodecVt>(codec)?,
                    closure: landing.closure(closure)?,
                    n,
                },
                ShippedSink::Sample { vt, closure, keep } => {
                    let keep = keep.map(|sort| landing.node(sort)).transpose()?;
                    Sink::Sample { vt: landing.table::<SortVt>(vt)?, closure: landing.closure(closure)?, keep }
                }
                ShippedSink::Save(save) => Sink::Save(SaveSink::land(save, landing)?),
                ShippedSink::Checkpoint { directory, codec } => {
                    Sink::Checkpoint(PartWriter { directory, codec: landing.table::<CodecVt>(codec)? })
                }
            })
        }
    }
}

fn saved(rows: &Batch, codec: &'static CodecVt) -> Result<Vec<u8>, ShipError> {
    let mut out = Writer::default();
    // SAFETY: the codec belongs to the rows' type: both come from the sink.
    unsafe { (codec.save)(rows.row(0), rows.rows(), &mut out)? }
    Ok(out.bytes)
}

fn unreadable(problem: &str) -> Failure {
    Failure::Other(format!("what a task has sent cannot be read: {problem}"))
}
