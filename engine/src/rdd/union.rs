//! `union`: the partitions of several RDDs, one after the other.

use super::Rdd;
use crate::batch::Elem;
use crate::context::{ContextHandle, DparkContext};
use crate::node::{Kind, NewNode, Node, RddHandle};
use std::panic::Location;
use std::sync::Arc;

#[track_caller]
pub(crate) fn union<T: 'static>(context: &DparkContext, rdds: Vec<Rdd<T>>) -> Rdd<T> {
    let parents = rdds.iter().map(|rdd| Arc::clone(rdd.handle.arc())).collect();
    Rdd::from_handle(union_node(&context.0, Elem::<T>::VT, parents))
}

#[inline(never)]
#[track_caller]
fn union_node(context: &ContextHandle, elem: &'static crate::batch::ElemVt, parents: Vec<Arc<Node>>) -> RddHandle {
    let partitions = parents.iter().map(|parent| parent.partitions).sum();
    let location = Location::caller();
    Node::create(context, NewNode { operator: "union", elem, partitions, parents, kind: Kind::Union, location })
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn union(&self, other: &RddHandle) -> RddHandle {
        let parents = vec![Arc::clone(self.arc()), Arc::clone(other.arc())];
        union_node(&self.arc().context, self.arc().elem, parents)
    }
}

impl<T: 'static> Rdd<T> {
    /// The rows of `self`, then the rows of `other`.
    ///
    /// ```
    /// let ctx = dpark::DparkContext::local(2);
    /// assert_eq!(ctx.range(0, 2).union(&ctx.range(7, 9)).collect()?, [0, 1, 7, 8]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn union(&self, other: &Rdd<T>) -> Rdd<T> {
        Rdd::from_handle(self.handle.union(&other.handle))
    }
}
