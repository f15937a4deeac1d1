//! `checkpoint`: the rows in files, and the lineage cut.

use super::Rdd;
use crate::batch::{Elem, ElemVt};
use crate::codec::{Codec, CodecVt};
use crate::context::DparkContext;
use crate::data::Data;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::{Action, Output, Sink, run};
use crate::node::{Kind, Lineage, NewNode, Node, RddHandle, call_site};
use crate::storage::{Checkpoint, Draft};
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn checkpoint(&self, codec: &'static CodecVt, directory: &Path) -> Result<()> {
        let node = self.arc();
        let bad_path = |error: std::io::Error| Error::Io {
            path: directory.display().to_string(),
            message: format!("{error}; name a directory for the checkpoint"),
        };
        let directory = std::path::absolute(directory).map_err(bad_path)?;
        if let Lineage::Checkpoint(done) = node.lineage() {
            return match done.directory == directory {
                true => Ok(()),
                false => Err(Error::Invalid(format!(
                    "RDD {} is checkpointed in {} already; `read_checkpoint` opens that elsewhere, and a copy is made by \
                     copying the directory",
                    node.id,
                    done.directory.display()
                ))),
            };
        }
        let draft = Draft::begin(directory)?;
        let sink = Sink::Checkpoint(draft.writer(codec));
        let call_site = call_site(Location::caller());
        let outputs = run(Action { node, name: "checkpoint", call_site, partitions: None, sink })?;
        let written = outputs.into_iter().filter_map(Output::into_part).collect();
        let checkpoint = draft.finish(node.elem, codec, written)?;
        let directory = checkpoint.directory.display().to_string();
        node.cut(Arc::new(checkpoint));
        node.context.arc().bus.emit(Event::Checkpointed { rdd: node.id, directory });
        Ok(())
    }
}

impl<T: Data> Rdd<T> {
    /// Computes all partitions now, writes them to files in `directory`, and cuts the lineage: from then on the rows are read
    /// from the files, verified by checksums, and the parents are let go, with what they cached and shuffled. Call it every few
    /// rounds of an iteration to keep its lineage short.
    ///
    /// The directory must be new or empty; it is complete when it has a file `manifest`, stays when the program ends, and
    /// [`DparkContext::read_checkpoint`] opens it again. In Spark and DPark `checkpoint` only marks the RDD, and the next job
    /// computes it twice; here it is an action. An RDD that is persisted as well is not computed again for it.
    ///
    /// ```
    /// let directory = std::env::temp_dir().join(format!("dpark-doc-checkpoint-{}", std::process::id()));
    /// let ctx = dpark::DparkContext::local(2);
    /// let mut ranks = ctx.range(0, 4);
    /// for round in 0..6 {
    ///     ranks = ranks.map(|x| x + 1);
    ///     if round % 3 == 2 {
    ///         ranks = ranks.checkpoint(directory.join(round.to_string()))?;
    ///     }
    /// }
    /// assert_eq!(ranks.collect()?, [6, 7, 8, 9]);
    /// # std::fs::remove_dir_all(directory).unwrap();
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn checkpoint(&self, directory: impl AsRef<Path>) -> Result<Rdd<T>> {
        self.handle.checkpoint(Codec::<T>::VT, directory.as_ref())?;
        Ok(self.clone())
    }
}

impl DparkContext {
    /// The rows of a finished checkpoint, also one of another program. The type of the rows and the version of the engine must
    /// be those that wrote it: both are recorded and compared. (Of your own types only the name is: one whose fields have changed
    /// since gives an error at the best.)
    ///
    /// ```
    /// let directory = std::env::temp_dir().join(format!("dpark-doc-read-checkpoint-{}", std::process::id()));
    /// dpark::DparkContext::local(2).range(0, 4).map(|x| x * x).checkpoint(&directory)?;
    /// let squares = dpark::DparkContext::local(1).read_checkpoint::<i64>(&directory)?;
    /// assert_eq!(squares.collect()?, [0, 1, 4, 9]);
    /// # std::fs::remove_dir_all(directory).unwrap();
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn read_checkpoint<T: Data>(&self, directory: impl AsRef<Path>) -> Result<Rdd<T>> {
        read_checkpoint(self, Elem::<T>::VT, Codec::<T>::VT, directory.as_ref()).map(Rdd::from_handle)
    }
}

#[inline(never)]
#[track_caller]
fn read_checkpoint(
    context: &DparkContext,
    elem: &'static ElemVt,
    codec: &'static CodecVt,
    directory: &Path,
) -> Result<RddHandle> {
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let checkpoint = Checkpoint::find(&directory, elem, codec)?;
    Ok(Node::create(
        &context.0,
        NewNode {
            operator: "read_checkpoint",
            elem,
            partitions: checkpoint.partitions(),
            parents: Vec::new(),
            kind: Kind::Source(Box::new(checkpoint)),
            location: Location::caller(),
        },
    ))
}
