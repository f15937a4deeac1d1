//! Maps and sets by numbers against those of the standard library.

use super::*;
use crate::ids::{ExecutorId, RddId};
use proptest::prelude::*;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

proptest! {
    #[test]
    fn a_map_is_what_a_btree_map_is(steps in prop::collection::vec((0u8..7, 0u64..12, any::<i32>()), 0..200)) {
        let (mut map, mut oracle) = (IdMap::new(), BTreeMap::new());
        for (step, key, value) in steps {
            match step {
                0 | 1 => prop_assert_eq!(map.insert(key, value), oracle.insert(key, value)),
                2 | 3 => prop_assert_eq!(map.remove(&key), oracle.remove(&key)),
                4 => prop_assert_eq!(map.get_or_insert_with(key, || value), oracle.entry(key).or_insert(value)),
                5 => {
                    map.retain(|key, held| (*key as i32 ^ *held) % 3 != 0);
                    oracle.retain(|key, held| (*key as i32 ^ *held) % 3 != 0);
                }
                _ => {
                    map.values_mut().enumerate().for_each(|(at, held)| *held = held.wrapping_add(at as i32));
                    oracle.values_mut().enumerate().for_each(|(at, held)| *held = held.wrapping_add(at as i32));
                }
            }
            prop_assert_eq!(map.len(), oracle.len());
            prop_assert_eq!(map.is_empty(), oracle.is_empty());
            prop_assert_eq!((map.get(&key), map.contains_key(&key)), (oracle.get(&key), oracle.contains_key(&key)));
            prop_assert_eq!(map.first_key_value(), oracle.first_key_value());
            prop_assert!(map.iter().eq(&oracle));
            prop_assert!(map.from(key).eq(oracle.range(key..)));
        }
        prop_assert_eq!(format!("{map:?}"), format!("{oracle:?}"));
        prop_assert!(map.clone().into_iter().eq(oracle));
    }

    #[test]
    fn a_set_of_pairs_has_their_order(steps in prop::collection::vec((any::<bool>(), 0usize..4, 0u64..4), 0..100)) {
        let (mut set, mut oracle) = (IdSet::new(), BTreeSet::new());
        for (puts, free, id) in steps {
            let key = (Reverse(free), ExecutorId(id));
            if puts {
                prop_assert_eq!(set.insert(key), oracle.insert(key));
            } else {
                prop_assert_eq!(set.remove(&key), oracle.remove(&key));
            }
            prop_assert_eq!((set.contains(&key), set.len()), (oracle.contains(&key), oracle.len()));
            prop_assert!(set.from(key).eq(oracle.range(key..)));
        }
        prop_assert_eq!(set.pop_first(), oracle.pop_first());
        prop_assert!(set.into_iter().eq(oracle));
    }
}

#[test]
fn places_are_used_again() {
    let mut map = IdMap::new();
    for id in 0..1000 {
        map.insert(RddId(id), ());
        assert_eq!(map.remove(&RddId(id)), Some(()));
    }
    assert_eq!(map.entries.len(), 1);
}
