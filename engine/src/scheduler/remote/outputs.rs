//! Where the map outputs of shuffles are.

use crate::cluster::protocol::Place;
use crate::ids::{ExecutorId, ShuffleId};
use std::collections::BTreeMap;

/// See the module.
#[derive(Default)]
pub(super) struct MapOutputs(BTreeMap<ShuffleId, Places>);

/// The map outputs of one shuffle.
#[derive(Default)]
pub(super) struct Places {
    /// By map partition.
    pub(super) at: Vec<Option<Place>>,
    /// Counts the changes.
    pub(super) version: u64,
}

impl MapOutputs {
    /// Those of a shuffle, if it ever had any.
    pub(super) fn get(&self, shuffle: ShuffleId) -> Option<&Places> {
        self.0.get(&shuffle)
    }

    /// A map output is there.
    pub(super) fn put(&mut self, shuffle: ShuffleId, partition: usize, place: Place) {
        let Places { at, version } = self.0.entry(shuffle).or_default();
        if at.len() <= partition {
            at.resize(partition + 1, None);
        }
        at[partition] = Some(place);
        *version += 1;
    }

    /// An executor is gone, with what it had.
    pub(super) fn lose(&mut self, executor: ExecutorId) {
        for Places { at, version } in self.0.values_mut() {
            for place in at.iter_mut().filter(|place| place.is_some_and(|place| place.executor == executor)) {
                *place = None;
                *version += 1;
            }
        }
    }

    /// Nobody reads a shuffle any more; whether it ever had outputs.
    pub(super) fn forget(&mut self, shuffle: ShuffleId) -> bool {
        self.0.remove(&shuffle).is_some()
    }
}
