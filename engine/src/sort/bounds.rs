//! Bounds that are numbers. The highest bits of a key lead to the few bounds it may lie between: that takes one look at a table
//! where a binary search takes a dozen steps that no processor foresees.

/// Sorted numbers.
pub(super) struct NumberBounds {
    bounds: Vec<u64>,
    least: u64,
    /// Bits of a key's distance from the least bound that do not choose a slot.
    shift: u32,
    /// For each slot, how many bounds are below its first key; then their number, twice.
    starts: Vec<u32>,
}

/// There are up to so many slots: two to this power.
const SLOTS: u32 = 12;

impl NumberBounds {
    pub(super) fn new(bounds: Vec<u64>) -> NumberBounds {
        let least = bounds.first().copied().unwrap_or_default();
        let width = bounds.last().copied().unwrap_or_default() - least;
        let shift = (u64::BITS - width.leading_zeros()).saturating_sub(SLOTS);
        let below =
            |slot: u64| bounds.partition_point(|bound| u128::from(bound - least) < u128::from(slot) << shift) as u32;
        let starts = (0..=(width >> shift) + 1).map(below).chain([bounds.len() as u32]).collect();
        NumberBounds { bounds, least, shift, starts }
    }

    /// How many bounds are below the key.
    #[inline]
    pub(super) fn below(&self, key: u64) -> usize {
        let slot = (key.saturating_sub(self.least) >> self.shift).min(self.starts.len() as u64 - 2) as usize;
        let (from, to) = (self.starts[slot] as usize, self.starts[slot + 1] as usize);
        from + self.bounds[from..to].partition_point(|bound| *bound < key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_table_agrees_with_a_search(
            mut bounds in proptest::collection::vec((any::<u64>(), 0u32..64).prop_map(|(bound, shift)| bound >> shift), 0..200),
            keys in proptest::collection::vec((any::<u64>(), 0u32..64).prop_map(|(key, shift)| key >> shift), 0..50),
        ) {
            bounds.sort_unstable();
            bounds.dedup();
            let table = NumberBounds::new(bounds.clone());
            let near = bounds.iter().flat_map(|bound| [bound.saturating_sub(1), *bound, bound.saturating_add(1)]);
            for key in near.chain(keys).chain([0, u64::MAX]) {
                prop_assert_eq!(table.below(key), bounds.partition_point(|bound| *bound < key), "{}", key);
            }
        }
    }
}
