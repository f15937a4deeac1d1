//! The reduce side.

use super::joined::Joined;
use super::rows_in_pieces::RowsInPieces;
use super::store::{BlockBytes, MapOutput};
use super::{Intake, Meter};
use crate::batch::Batch;
use crate::closure::Closure;
use crate::codec::{CodecError, CodecVt, Reader, quickest};
use crate::error::Failure;
use crate::ids::ShuffleId;
use crate::node::{Node, ShuffleInput, Shuffled};
use crate::pipeline::{Pipeline, Source, open_partition};
use crate::sort;
use crate::storage::Reservation;
use crate::table::{Buckets, Emptied, Numbering};
use crate::task::{Stop, TaskContext};
use std::ops::Range;
use std::sync::Arc;

/// Rows decoded at a time.
pub(super) const CHUNK: usize = 2048;

/// Reads and merges one reduce partition.
pub(crate) fn read_partition(
    node: &Arc<Node>,
    shuffled: &Shuffled,
    parents: &[Arc<Node>],
    partition: usize,
    task: &TaskContext,
) -> Result<Box<dyn Source>, Stop> {
    // In an executor the task has what was fetched for it.
    if !node.context.arc().is_in_executor() {
        all_there(node, shuffled, parents)?;
    } else if shuffled.sort.is_some() {
        shuffled.kept.clear();
    }
    let inputs: Vec<Input> = parents
        .iter()
        .enumerate()
        .map(|(input, parent)| Input::open(node, shuffled, (input, parent), partition, task))
        .collect::<Result<_, Stop>>()?;
    let closure = shuffled.closure.for_task(task)?;
    let pieces = 0..shuffled.pieces;
    let node = Arc::clone(node);
    if let Some(op) = shuffled.probe {
        let step = if shuffled.is_in_pieces() { 1 } else { pieces.len() };
        return Ok(Box::new(Joined::new(node, (op, closure), inputs, pieces, step)));
    }
    let meter = Meter::new(node.context.arc().budget.reserve());
    let rows = Batch::new(shuffled.read.out);
    Ok(Box::new(Merged { node, closure, inputs, pieces, meter, rows, array: None, numbering: None }))
}

/// Fails with all map outputs that are gone.
fn all_there(node: &Node, shuffled: &Shuffled, parents: &[Arc<Node>]) -> Result<(), Stop> {
    let store = &node.context.arc().shuffles;
    let written = shuffled.inputs.iter().zip(parents).filter(|(input, _)| !input.narrow);
    let gone = written.flat_map(|(input, parent)| {
        store.missing(input.shuffle, parent.partitions).into_iter().map(|map| (input.shuffle, map))
    });
    let gone: Vec<(ShuffleId, usize)> = gone.collect();
    if gone.is_empty() { Ok(()) } else { Err(lost(gone, "it is gone")) }
}

/// Where the rows of one input come from.
pub(super) enum Input {
    /// The map outputs of a shuffle.
    Outputs {
        shuffle: ShuffleId,
        codec: &'static CodecVt,
        outputs: Vec<Arc<MapOutput>>,
        partition: usize,
        pieces: usize,
    },
    /// What the map side would have made of the partition of a parent that is partitioned as the result is, by pieces.
    Combined(Vec<Batch>, #[expect(dead_code, reason = "held for its drop")] Reservation),
    /// The rows of such a parent, for a join.
    Rows(Option<Box<Pipeline>>),
    /// The same where they come piece by piece.
    Pieces(RowsInPieces),
}

impl Input {
    fn open(
        node: &Arc<Node>,
        shuffled: &Shuffled,
        (input, parent): (usize, &Arc<Node>),
        partition: usize,
        task: &TaskContext,
    ) -> Result<Input, Stop> {
        let ShuffleInput { shuffle, write, narrow, .. } = shuffled.inputs[input];
        if narrow && let Some(op) = shuffled.probe {
            let rows = Box::new(open_partition(parent, partition, task)?);
            return Ok(match op.hash.filter(|_| shuffled.is_in_pieces()) {
                Some(hash) => {
                    Input::Pieces(RowsInPieces::new(rows, op.rows(input, write.input), hash[input], shuffled.pieces))
                }
                None => Input::Rows(Some(rows)),
            });
        }
        if narrow {
            let (tables, memory) = super::write::combine(node, (input, parent), partition, 1, task)?;
            return Ok(Input::Combined(tables.into_rows().collect(), memory));
        }
        let context = node.context.arc();
        let first = partition * shuffled.pieces;
        let output = |map| {
            if context.is_in_executor() {
                let fetched = task.inputs().and_then(|inputs| inputs.get(shuffle, map, first));
                return fetched.ok_or_else(|| task.stop_for_inputs());
            }
            context.shuffles.get(shuffle, map).ok_or_else(|| lost(vec![(shuffle, map)], "it is gone"))
        };
        let outputs = (0..parent.partitions).map(output).collect::<Result<_, Stop>>()?;
        let codec = quickest(write.codec, write.stored);
        Ok(Input::Outputs { shuffle, codec, outputs, partition, pieces: shuffled.pieces })
    }

    /// How many rows a piece gets from each map partition, where that can be told at once.
    fn counts(&self, piece: usize) -> Vec<usize> {
        match self {
            Input::Outputs { outputs, partition, pieces, .. } => {
                let block = *partition * *pieces + piece;
                outputs.iter().map(|output| output.rows_at_most(block)).collect()
            }
            Input::Combined(tables, _) => vec![tables[piece].rows()],
            Input::Rows(_) | Input::Pieces(_) => Vec::new(),
        }
    }

    /// The rows of some pieces, in the order of the pieces and, within one, of the map partitions.
    pub(super) fn rows(&mut self, node: &Arc<Node>, pieces: Range<usize>) -> Box<dyn Source> {
        match self {
            Input::Outputs { shuffle, codec, outputs, partition, pieces: all } => {
                let first = *partition * *all;
                Box::new(Blocks {
                    node: Arc::clone(node),
                    shuffle: *shuffle,
                    codec,
                    outputs: outputs.clone(),
                    blocks: first + pieces.start..first + pieces.end,
                    map: 0,
                    open: None,
                })
            }
            Input::Combined(tables, _) => {
                let elem = tables[pieces.start].elem();
                let mut rows = std::mem::replace(&mut tables[pieces.start], Batch::new(elem));
                tables[pieces].iter_mut().for_each(|more| more.append_to(&mut rows));
                Box::new(Gathered(rows))
            }
            Input::Rows(pipeline) => match pipeline.take() {
                Some(pipeline) => pipeline,
                None => Box::new(Gathered(Batch::new(node.elem))),
            },
            Input::Pieces(rows) => Box::new(rows.piece(pieces.start)),
        }
    }
}

fn lost(outputs: Vec<(ShuffleId, usize)>, message: &str) -> Stop {
    Failure::Lost { outputs, message: message.to_owned() }.into()
}

/// The blocks of some pieces of all map partitions.
struct Blocks {
    node: Arc<Node>,
    shuffle: ShuffleId,
    codec: &'static CodecVt,
    outputs: Vec<Arc<MapOutput>>,
    /// The numbers of the blocks not read yet, in each of the outputs.
    blocks: Range<usize>,
    /// The map partition whose block is next.
    map: usize,
    open: Option<Block>,
}

/// One block, partly read.
struct Block {
    map: usize,
    bytes: BlockBytes,
    /// Where its next row begins.
    at: usize,
    /// Rows not read yet.
    left: usize,
}

impl Blocks {
    /// The next block with rows.
    fn next_block(&mut self, task: &TaskContext) -> Result<Option<Block>, Stop> {
        while !self.blocks.is_empty() {
            let (map, number) = (self.map, self.blocks.start);
            let Some(output) = self.outputs.get(map) else {
                self.map = 0;
                self.blocks.start += 1;
                continue;
            };
            self.map += 1;
            let bytes = output.block(number).map_err(|problem| self.corrupt(map, &problem))?;
            if !bytes.is_empty() {
                task.add_shuffle_read(bytes.len() as u64);
                let mut input = Reader::new(&bytes);
                let left = input.take_u64().map_err(|error| self.undecodable(map, &error))? as usize;
                let at = bytes.len() - input.remaining();
                return Ok(Some(Block { map, bytes, at, left }));
            }
        }
        Ok(None)
    }

    /// A block of this map partition is corrupt. Others that are, too, would be found one by one: all that this task has
    /// still to read is looked at now.
    #[cold]
    fn corrupt(&self, map: usize, problem: &str) -> Stop {
        let corrupt = |map: &usize| self.blocks.clone().any(|number| self.outputs[*map].block(number).is_err());
        let others = (0..self.outputs.len()).filter(|other| *other != map).filter(corrupt);
        let all: Vec<(ShuffleId, usize)> = std::iter::once(map).chain(others).map(|map| (self.shuffle, map)).collect();
        all.iter().for_each(|(shuffle, map)| self.node.context.arc().shuffles.lose(*shuffle, *map));
        lost(all, problem)
    }

    fn undecodable(&self, map: usize, error: &CodecError) -> Stop {
        let shuffle = self.shuffle;
        Failure::Other(format!("a row of map output {map} of shuffle {shuffle} cannot be deserialised: {error}")).into()
    }
}

impl Source for Blocks {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        let block = match self.open.take() {
            Some(block) => Some(block),
            None => self.next_block(task)?,
        };
        let Some(mut block) = block else { return Ok(false) };
        let n = block.left.min(out.limit);
        let mut input = Reader::new(&block.bytes[block.at..]);
        // SAFETY: the batch holds rows of the codec's type.
        unsafe { (self.codec.load)(&mut input, n, out) }.map_err(|error| self.undecodable(block.map, &error))?;
        let left = input.remaining();
        block.at = block.bytes.len() - left;
        block.left -= n;
        self.open = Some(block).filter(|block| block.left > 0);
        Ok(true)
    }
}

/// Rows that are there.
struct Gathered(Batch);

impl Source for Gathered {
    fn next_batch(&mut self, out: &mut Batch, _: &TaskContext) -> Result<bool, Stop> {
        self.0.move_rows(out, out.limit);
        Ok(!out.is_empty())
    }
}

/// A reduce partition, merged piece by piece.
struct Merged {
    node: Arc<Node>,
    closure: Closure,
    inputs: Vec<Input>,
    /// Not merged yet.
    pieces: Range<usize>,
    meter: Meter,
    /// What is left of the last piece.
    rows: Batch,
    /// Where the next piece is merged, if keys are integers that lie close together.
    array: Option<Emptied>,
    /// How the keys of the next piece are numbered, if they are such.
    numbering: Option<Numbering>,
}

impl Merged {
    fn merge(&mut self, piece: usize, task: &TaskContext) -> Result<(), Stop> {
        let Merged { node, closure, inputs, meter, array, numbering, pieces, .. } = self;
        let context = node.context.arc();
        let Some(shuffled) = node.shuffled() else { return Ok(()) };
        let mut table = Buckets::new(shuffled.read.table, 1);
        let mut in_array = array.take().map(|array| table.merge_into(array));
        let mut intake = Intake::new(meter.memory.emptied());
        let (mut added, mut held) = (0, 0);
        for (i, input) in inputs.iter_mut().enumerate() {
            let write = shuffled.inputs[i].write;
            // Rows of another type than the stored ones are measured by what was read for them.
            let same = crate::batch::same_type(write.stored, shuffled.read.table);
            let counts = input.counts(piece);
            if in_array.is_some() {
                // There is room.
            } else if write.keys.is_some() {
                // There are at least as many keys as in the largest block, whose rows were combined on the map side.
                table.expect(counts.iter().copied().max().unwrap_or(0));
            } else if shuffled.read.merge.is_empty() {
                table.rows_mut().reserve(counts.iter().sum());
            }
            let mut source = input.rows(node, piece..piece + 1);
            let mut rows = Batch::new(write.stored);
            rows.limit = CHUNK;
            while source.next_batch(&mut rows, task)? {
                task.check()?;
                added += rows.rows();
                if !same {
                    intake.take(&rows, write.codec);
                }
                match shuffled.read.merge.get(i) {
                    // SAFETY: closure, rows and table have the types of the table of this shuffle.
                    Some(merge) => unsafe { merge(closure.ptr(), &mut rows, &mut table) },
                    None => rows.move_rows(table.rows_mut(), usize::MAX),
                }
                rows.clear();
                if let Some(memory) = &mut in_array {
                    if table.is_dense() && memory.try_resize(table.bytes() as u64).is_ok() {
                        continue;
                    }
                    table.leave_dense();
                    in_array = None;
                }
                held = if same {
                    // Rows that are put one after the other are not in the table's own account.
                    let unknown = table.rows_mut().bytes().saturating_sub(table.bytes()) as u64;
                    unknown + meter.bytes(&table, added, Some(write.codec))
                } else {
                    intake.bytes(&mut table, write.stored.size)
                };
                context.reserve(&mut meter.memory, held)?;
            }
        }
        let was_in_array = in_array.is_some();
        let (mut rows, emptied) = table.take_piece(in_array);
        *array = emptied;
        if was_in_array {
            held = rows.bytes() as u64;
            context.reserve(&mut meter.memory, held)?;
        } else if let ([_], Some(keys)) = (&inputs[..], shuffled.inputs[0].write.keys)
            && crate::batch::same_type(shuffled.inputs[0].write.stored, shuffled.read.table)
        {
            *array = Emptied::like(&rows, pieces.len(), keys, meter.memory.emptied());
        }
        if let Some(vt) = shuffled.sort {
            context.reserve(&mut meter.memory, held + sort::scratch_bytes(vt, &rows))?;
            sort::sort_rows(vt, closure.ptr(), &mut rows, task)?;
            context.reserve(&mut meter.memory, held)?;
        }
        if let Some(group) = shuffled.read.group {
            rows = group.run(node, (rows, pieces.len()), numbering, shuffled.read.out, (&mut meter.memory, held))?;
        }
        self.rows = rows;
        Ok(())
    }
}

impl Source for Merged {
    fn next_batch(&mut self, out: &mut Batch, task: &TaskContext) -> Result<bool, Stop> {
        while self.rows.is_empty() {
            let Some(piece) = self.pieces.next() else { return Ok(false) };
            self.merge(piece, task)?;
        }
        self.rows.move_rows(out, out.limit);
        Ok(true)
    }
}
