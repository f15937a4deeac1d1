//! Cards: an RDD or the context as the value of a cell.

use super::Bundle;
use crate::view::{self, Names};
use dpark::ids::RddId;
use dpark::show::ContextCard;
use dpark::status::Snapshot;

/// An RDD: what it is, and its lineage.
pub fn rdd(snapshot: &Snapshot, id: RddId, names: &Names) -> Bundle {
    Bundle::preformatted(view::card::rdd(snapshot, id, names))
}

/// The context.
pub fn context(card: &ContextCard) -> Bundle {
    Bundle::preformatted(view::card::context(card))
}

/// How an RDD is computed.
pub fn lineage(snapshot: &Snapshot, id: RddId, names: &Names) -> Bundle {
    Bundle::preformatted(view::lineage::lineage(snapshot, id, names))
}
