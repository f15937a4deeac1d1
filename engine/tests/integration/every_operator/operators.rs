//! All operators, each with what it does to plain vectors. `n` is a small number that they may make use of.

use super::{Parts, sorted};
use dpark::{Rdd, StorageLevel};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Whether the order of the rows is told, too.
pub(super) enum Order {
    Kept,
    Any,
}

pub(super) struct Operator {
    pub(super) name: &'static str,
    pub(super) order: Order,
    pub(super) apply: fn(&Rdd<i64>, i64) -> Rdd<i64>,
    /// The rows that come of these.
    pub(super) expected: fn(&Parts, i64) -> Vec<i64>,
}

const fn kept(
    name: &'static str,
    apply: fn(&Rdd<i64>, i64) -> Rdd<i64>,
    expected: fn(&Parts, i64) -> Vec<i64>,
) -> Operator {
    Operator { name, order: Order::Kept, apply, expected }
}

const fn any(
    name: &'static str,
    apply: fn(&Rdd<i64>, i64) -> Rdd<i64>,
    expected: fn(&Parts, i64) -> Vec<i64>,
) -> Operator {
    Operator { name, order: Order::Any, apply, expected }
}

fn all(parts: &Parts, _: i64) -> Vec<i64> {
    parts.concat()
}

fn key(x: i64) -> i64 {
    x.rem_euclid(5)
}

fn pairs(rdd: &Rdd<i64>) -> Rdd<(i64, i64)> {
    rdd.key_by(|x| x.rem_euclid(5))
}

/// Some other pairs: the keys 0 to 3, two of them twice.
fn others(rdd: &Rdd<i64>) -> Rdd<(i64, i64)> {
    rdd.context().parallelize_with(OTHERS, 4)
}

const OTHERS: [(i64, i64); 6] = [(0, 1), (1, 2), (3, 3), (1, 4), (2, 5), (3, 6)];

fn joined(k: i64, v: Option<i64>, w: Option<i64>) -> i64 {
    k * 10_000 + v.map_or(5000, |v| v * 10) + w.unwrap_or(7)
}

fn groups(parts: &Parts) -> BTreeMap<i64, Vec<i64>> {
    let mut groups = BTreeMap::<i64, Vec<i64>>::new();
    parts.concat().into_iter().for_each(|x| groups.entry(key(x)).or_default().push(x));
    groups
}

/// A number that tells a key and all its values.
fn told(k: i64, values: &[i64]) -> i64 {
    values.iter().fold(k, |told, v| (told * 31 + v) % 1_000_003)
}

fn by_group(parts: &Parts, tell: impl Fn(i64, &[i64]) -> i64) -> Vec<i64> {
    groups(parts).iter().map(|(k, values)| tell(*k, values)).collect()
}

/// The rows of a join with `OTHERS`, of which some are asked for.
fn join(parts: &Parts, left_only: bool, right_only: bool) -> Vec<i64> {
    let rows = parts.concat();
    let mut found = Vec::new();
    for x in &rows {
        let matches: Vec<i64> = OTHERS.iter().filter(|other| other.0 == key(*x)).map(|other| other.1).collect();
        found.extend(matches.iter().map(|w| joined(key(*x), Some(*x), Some(*w))));
        if matches.is_empty() && left_only {
            found.push(joined(key(*x), Some(*x), None));
        }
    }
    let unmet = OTHERS.iter().filter(|other| right_only && rows.iter().all(|x| key(*x) != other.0));
    found.extend(unmet.map(|(k, w)| joined(*k, None, Some(*w))));
    found
}

fn cogrouped(parts: &Parts, tell: impl Fn(i64, &[i64], &[i64]) -> i64) -> Vec<i64> {
    let groups = groups(parts);
    let other = |k: i64| OTHERS.iter().filter(|other| other.0 == k).map(|other| other.1).collect::<Vec<_>>();
    let keys: BTreeSet<i64> = groups.keys().copied().chain(OTHERS.map(|other| other.0)).collect();
    keys.iter().map(|k| tell(*k, groups.get(k).map_or(&[], Vec::as_slice), &other(*k))).collect()
}

fn distinct(parts: &Parts, _: i64) -> Vec<i64> {
    parts.concat().into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

fn pick(parts: &Parts, keep: impl Fn(usize, i64) -> i64) -> Vec<i64> {
    parts.iter().enumerate().flat_map(|(i, rows)| rows.iter().map(move |x| (i, *x))).map(|(i, x)| keep(i, x)).collect()
}

/// The rows read back from a checkpoint; they are cached, since its files go at once.
fn by_checkpoint(rdd: &Rdd<i64>, again: bool) -> Rdd<i64> {
    let directory = tempfile::tempdir().unwrap();
    let kept = rdd.map(|x| x).checkpoint(directory.path().join("rows")).unwrap();
    let kept = if again { rdd.context().read_checkpoint(directory.path().join("rows")).unwrap() } else { kept };
    kept.cache().count().unwrap();
    kept
}

pub(super) const OPERATORS: &[Operator] = &[
    kept("map", |rdd, n| rdd.with_env((&n,)).map(|(n,)| move |x| x * 2 - n), |rows, n| pick(rows, |_, x| x * 2 - n)),
    kept(
        "filter",
        |rdd, n| rdd.with_env((&n,)).filter(|(n,)| move |x| x % (n + 1) == 0),
        |rows, n| rows.concat().into_iter().filter(|x| x % (n + 1) == 0).collect(),
    ),
    kept(
        "filter_map",
        |rdd, n| rdd.with_env((&n,)).filter_map(|(n,)| move |x| (x > n).then_some(x - n)),
        |rows, n| rows.concat().into_iter().filter(|x| *x > n).map(|x| x - n).collect(),
    ),
    kept(
        "flat_map",
        |rdd, n| rdd.with_env((&n,)).flat_map(|(n,)| move |x| (0..n).map(move |i| x + i)),
        |rows, n| rows.concat().into_iter().flat_map(|x| (0..n).map(move |i| x + i)).collect(),
    ),
    kept(
        "flat_map_with",
        |rdd, n| rdd.with_env((&n,)).flat_map_with(|(n,)| move |x, out| (0..n).for_each(|i| out.emit(x - i))),
        |rows, n| rows.concat().into_iter().flat_map(|x| (0..n).map(move |i| x - i)).collect(),
    ),
    kept(
        "map_str",
        |rdd, n| {
            rdd.map(|x| x.to_string()).with_env((&n,)).map_str(|(n,)| move |text| text.parse::<i64>().unwrap() + n)
        },
        |rows, n| pick(rows, |_, x| x + n),
    ),
    kept(
        "filter_str",
        |rdd, _| {
            rdd.map(|x| x.to_string()).filter_str(|text| text.starts_with('-')).map_str(|text| text.parse().unwrap())
        },
        |rows, _| rows.concat().into_iter().filter(|x| *x < 0).collect(),
    ),
    kept(
        "filter_containing",
        |rdd, n| {
            let digits = rdd.map(|x| x.to_string()).filter_containing(&n.rem_euclid(10).to_string());
            digits.map_str(|text| text.parse().unwrap())
        },
        |rows, n| {
            let digit = n.rem_euclid(10).to_string();
            rows.concat().into_iter().filter(|x| x.to_string().contains(&digit)).collect()
        },
    ),
    kept(
        "flat_map_str",
        |rdd, _| rdd.map(|x| x.to_string()).flat_map_str(|text, out| text.bytes().for_each(|b| out.emit(i64::from(b)))),
        |rows, _| rows.concat().into_iter().flat_map(|x| x.to_string().into_bytes()).map(i64::from).collect(),
    ),
    kept("map_values", |rdd, _| pairs(rdd).map_values(|v| v + 1).values(), |rows, _| pick(rows, |_, x| x + 1)),
    kept(
        "filter_values",
        |rdd, _| pairs(rdd).filter_values(|v| *v > 0).values(),
        |rows, _| rows.concat().into_iter().filter(|x| *x > 0).collect(),
    ),
    kept(
        "flat_map_values",
        |rdd, n| pairs(rdd).with_env((&n,)).flat_map_values(|(n,)| move |v| vec![v; n as usize]).map(|(k, v)| k + v),
        |rows, n| rows.concat().into_iter().flat_map(|x| vec![key(x) + x; n as usize]).collect(),
    ),
    kept("keys", |rdd, _| pairs(rdd).keys(), |rows, _| pick(rows, |_, x| key(x))),
    kept("inspect", |rdd, _| rdd.inspect(|x| assert!(*x < i64::MAX)), all),
    kept(
        "map_partitions",
        |rdd, _| {
            rdd.map_partitions(|rows| {
                rows.scan(0, |sum, x| {
                    Some({
                        *sum += x;
                        *sum
                    })
                })
            })
        },
        |rows, _| {
            rows.iter()
                .flat_map(|rows| {
                    rows.iter().scan(0, |sum, x| {
                        Some({
                            *sum += x;
                            *sum
                        })
                    })
                })
                .collect()
        },
    ),
    kept(
        "map_partitions_with_index",
        |rdd, _| rdd.map_partitions_with_index(|i, rows| rows.map(move |x| x + i as i64)),
        |rows, _| pick(rows, |i, x| x + i as i64),
    ),
    kept(
        "glom",
        |rdd, _| rdd.glom().map(|rows| rows.len() as i64),
        |rows, _| rows.iter().map(|rows| rows.len() as i64).collect(),
    ),
    kept(
        "batch",
        |rdd, n| rdd.batch(n as usize + 1).map(|rows| told(rows.len() as i64, &rows)),
        |rows, n| {
            let batches = rows.iter().flat_map(|rows| rows.chunks(n as usize + 1));
            batches.map(|rows| told(rows.len() as i64, rows)).collect()
        },
    ),
    kept(
        "enumerate_partition",
        |rdd, _| rdd.enumerate_partition().map(|(i, x)| x * 3 + i as i64),
        |rows, _| pick(rows, |i, x| x * 3 + i as i64),
    ),
    kept(
        "zip_with_index",
        |rdd, _| rdd.zip_with_index().map(|(x, i)| x - i as i64),
        |rows, _| rows.concat().into_iter().zip(0..).map(|(x, i)| x - i).collect(),
    ),
    kept(
        "enumerate",
        |rdd, _| rdd.enumerate().map(|(i, x)| x + i as i64),
        |rows, _| rows.concat().into_iter().zip(0..).map(|(x, i)| x + i).collect(),
    ),
    kept("sample", |rdd, n| rdd.sample((n % 2) as f64, 3), |rows, n| if n % 2 == 1 { rows.concat() } else { vec![] }),
    kept("sample_with_replacement", |rdd, _| rdd.sample_with_replacement(0.0, 3), |_, _| vec![]),
    kept(
        "sample_by_key",
        |rdd, _| pairs(rdd).sample_by_key(&HashMap::from([(1, 1.0), (2, 0.0), (4, 1.0)]), 3).values(),
        |rows, _| rows.concat().into_iter().filter(|x| matches!(key(*x), 1 | 4)).collect(),
    ),
    any("random_split", |rdd, _| rdd.context().union(rdd.random_split([1.0, 2.0], 5)), all),
    kept(
        "union",
        |rdd, n| rdd.union(&rdd.context().range(0, n)),
        |rows, n| rows.concat().into_iter().chain(0..n).collect(),
    ),
    kept("zip", |rdd, _| rdd.zip(&rdd.map(|x| x + 1)).map(|(a, b)| a * b), |rows, _| pick(rows, |_, x| x * (x + 1))),
    kept("zip_with", |rdd, _| rdd.zip_with(rdd).map(|(a, b)| a + b), |rows, _| pick(rows, |_, x| x + x)),
    kept(
        "zip_partitions",
        |rdd, _| rdd.zip_partitions(rdd, |a, b| a.chain(b)),
        |rows, _| rows.iter().flat_map(|rows| [rows.clone(), rows.clone()].concat()).collect(),
    ),
    any(
        "cartesian",
        |rdd, n| rdd.cartesian(&rdd.context().range(0, n)).map(|(x, y)| x * 10 + y),
        |rows, n| rows.concat().into_iter().flat_map(|x| (0..n).map(move |y| x * 10 + y)).collect(),
    ),
    kept("coalesce", |rdd, n| rdd.coalesce(n as usize + 1), all),
    kept("merge_split", |rdd, n| rdd.merge_split(n as usize + 1), all),
    kept(
        "slice",
        |rdd, n| rdd.slice(0..(n as usize).min(rdd.num_partitions())),
        |rows, n| rows[..(n as usize).min(rows.len())].concat(),
    ),
    kept("pipe", |rdd, n| if n == 0 { rdd.pipe("cat").map(|line| line.parse().unwrap()) } else { rdd.clone() }, all),
    kept("cache", |rdd, _| rdd.map(|x| x).cache(), all),
    kept(
        "persist",
        |rdd, n| {
            use StorageLevel::{Disk, Memory, MemoryAndDisk, MemorySerialized};
            let level = [Disk, Memory, MemoryAndDisk, MemorySerialized][n as usize % 4];
            let persisted = rdd.map(|x| x).persist(level);
            assert_eq!(persisted.storage_level(), Some(level));
            persisted.count().unwrap();
            persisted
        },
        all,
    ),
    kept(
        "unpersist",
        |rdd, _| {
            let rdd = rdd.map(|x| x).cache();
            rdd.count().unwrap();
            assert_eq!(rdd.unpersist().storage_level(), None);
            rdd
        },
        all,
    ),
    kept("checkpoint", |rdd, n| by_checkpoint(rdd, n % 2 == 0), all),
    any("repartition", |rdd, n| rdd.repartition(n as usize * 3 + 1), all),
    any(
        "partition_by",
        |rdd, n| {
            let placed = pairs(rdd).partition_by(n as usize + 1);
            assert_eq!(placed.partitioner().map(|partitioner| partitioner.num_partitions()), Some(n as usize + 1));
            placed.map(|(k, v)| k + v)
        },
        |rows, _| pick(rows, |_, x| key(x) + x),
    ),
    any("partition_by_key", |rdd, n| pairs(rdd).partition_by_key(n as usize + 1).values(), |rows, _| rows.concat()),
    any(
        "shuffle_into",
        |rdd, n| {
            let sums = pairs(rdd).shuffle_into(n as usize + 1).reduce_by_key(|a, b| a + b);
            assert_eq!(sums.num_partitions(), n as usize + 1);
            sums.values()
        },
        |rows, _| by_group(rows, |_, values| values.iter().sum()),
    ),
    any("distinct", |rdd, _| rdd.distinct(), distinct),
    any("uniq", |rdd, _| rdd.uniq(), distinct),
    kept("sort", |rdd, _| rdd.sort(), |rows, _| sorted(rows.concat())),
    kept(
        "sort_by",
        |rdd, n| rdd.with_env((&n,)).sort_by(|(n,)| move |x| Reverse(x.rem_euclid(n + 1))),
        |rows, n| {
            let mut rows = rows.concat();
            rows.sort_by_key(|x| Reverse(x.rem_euclid(n + 1)));
            rows
        },
    ),
    kept(
        "sort_by_key",
        |rdd, _| pairs(rdd).sort_by_key().values(),
        |rows, _| {
            let mut rows = rows.concat();
            rows.sort_by_key(|x| key(*x));
            rows
        },
    ),
    any(
        "reduce_by_key",
        |rdd, _| pairs(rdd).reduce_by_key(|a, b| a.max(b)).map(|(k, v)| told(k, &[v])),
        |rows, _| by_group(rows, |k, values| told(k, values.iter().max().map_or(&[], std::slice::from_ref))),
    ),
    any(
        "fold_by_key",
        |rdd, _| pairs(rdd).fold_by_key(0, |a, b| a + b).map(|(k, v)| told(k, &[v])),
        |rows, _| by_group(rows, |k, values| told(k, &[values.iter().sum()])),
    ),
    any(
        "aggregate_by_key",
        |rdd, _| {
            pairs(rdd)
                .aggregate_by_key((0, 0), |a, v| (a.0 + 1, a.1 + v), |a, b| (a.0 + b.0, a.1 + b.1))
                .map(|(k, v)| told(k, &[v.0, v.1]))
        },
        |rows, _| by_group(rows, |k, values| told(k, &[values.len() as i64, values.iter().sum()])),
    ),
    any(
        "hot_by_key",
        |rdd, n| {
            let n = n as usize;
            let counts = rdd.map(|x| (x.rem_euclid(2), x.rem_euclid(3))).hot_by_key(n);
            counts.map(|(k, hot)| told(k, &hot.iter().map(|(_, count)| *count as i64).collect::<Vec<_>>()))
        },
        |rows, n| {
            let mut counts = BTreeMap::<i64, BTreeMap<i64, i64>>::new();
            for x in rows.concat() {
                *counts.entry(x.rem_euclid(2)).or_default().entry(x.rem_euclid(3)).or_default() += 1;
            }
            let most = |counts: &BTreeMap<i64, i64>| {
                let mut counts: Vec<i64> = counts.values().copied().collect();
                counts.sort_by_key(|count| Reverse(*count));
                counts.truncate(n as usize);
                counts
            };
            counts.iter().map(|(k, counts)| told(*k, &most(counts))).collect()
        },
    ),
    any(
        "take_sample_by_key",
        |rdd, n| {
            let samples = pairs(rdd).take_sample_by_key(n as usize, 3).collect().unwrap();
            let all = pairs(rdd).group_by_key().collect_as_map().unwrap();
            assert!(samples.iter().all(|(k, values)| values.iter().all(|value| all[k].contains(value))));
            assert_eq!(samples, pairs(rdd).take_sample_by_key(n as usize, 3).collect().unwrap());
            rdd.context().parallelize(samples.into_iter().map(|(k, values)| k * 1000 + values.len() as i64))
        },
        |rows, n| by_group(rows, |k, values| k * 1000 + values.len().min(n as usize) as i64),
    ),
    any(
        "combine_by_key",
        |rdd, _| {
            let all = pairs(rdd).combine_by_key(|v| vec![v], |a, v| [a, vec![v]].concat(), |a, b| [a, b].concat());
            all.map(|(k, values)| told(k, &values))
        },
        |rows, _| by_group(rows, told),
    ),
    any(
        "group_by_key",
        |rdd, _| pairs(rdd).group_by_key().map(|(k, values)| told(k, &values)),
        |rows, _| by_group(rows, told),
    ),
    any(
        "group_by",
        |rdd, _| rdd.group_by(|x| key(*x)).map(|(k, values)| told(k, &values)),
        |rows, _| by_group(rows, told),
    ),
    any(
        "cogroup",
        |rdd, _| pairs(rdd).cogroup(&others(rdd)).map(|(k, (v, w))| told(told(k, &v), &w)),
        |rows, _| cogrouped(rows, |k, v, w| told(told(k, v), w)),
    ),
    any(
        "group_with",
        |rdd, _| pairs(rdd).partition_by(3).group_with(&others(rdd)).map(|(k, (v, w))| told(told(k, &sorted(v)), &w)),
        |rows, _| cogrouped(rows, |k, v, w| told(told(k, &sorted(v.to_vec())), w)),
    ),
    any(
        "cogroup3",
        |rdd, _| pairs(rdd).cogroup3(&others(rdd), &pairs(rdd)).map(|(k, (v, w, x))| told(told(told(k, &v), &w), &x)),
        |rows, _| cogrouped(rows, |k, v, w| told(told(told(k, v), w), v)),
    ),
    any(
        "cogroup4",
        |rdd, _| {
            let (own, other) = (pairs(rdd), others(rdd));
            own.cogroup4(&other, &own, &other).map(|(k, (v, w, x, y))| told(told(told(told(k, &v), &w), &x), &y))
        },
        |rows, _| cogrouped(rows, |k, v, w| told(told(told(told(k, v), w), v), w)),
    ),
    any(
        "join",
        |rdd, _| pairs(rdd).join(&others(rdd)).map(|(k, (v, w))| joined(k, Some(v), Some(w))),
        |rows, _| join(rows, false, false),
    ),
    any(
        "join_with",
        |rdd, _| {
            let rows = pairs(rdd).cache();
            rows.join_with(&others(rdd), |(k, (v, w)), out| out.emit(joined(*k, Some(*v), Some(*w))))
        },
        |rows, _| join(rows, false, false),
    ),
    kept(
        "broadcast_join",
        |rdd, _| pairs(rdd).broadcast_join(&others(rdd)).unwrap().map(|(k, (v, w))| joined(k, Some(v), Some(w))),
        |rows, _| join(rows, false, false),
    ),
    kept(
        "inner_join",
        |rdd, _| pairs(rdd).inner_join(&others(rdd)).unwrap().map(|(k, (v, w))| joined(k, Some(v), Some(w))),
        |rows, _| join(rows, false, false),
    ),
    kept(
        "broadcast_left_outer_join",
        |rdd, _| pairs(rdd).broadcast_left_outer_join(&others(rdd)).unwrap().map(|(k, (v, w))| joined(k, Some(v), w)),
        |rows, _| join(rows, true, false),
    ),
    any(
        "outer_join",
        |rdd, _| pairs(rdd).outer_join(&others(rdd)).map(|(k, (v, w))| joined(k, v, w)),
        |rows, _| join(rows, true, true),
    ),
    any(
        "left_outer_join",
        |rdd, n| {
            pairs(rdd)
                .partition_by(n as usize + 1)
                .left_outer_join(&others(rdd))
                .map(|(k, (v, w))| joined(k, Some(v), w))
        },
        |rows, _| join(rows, true, false),
    ),
    any(
        "right_outer_join",
        |rdd, n| {
            pairs(rdd)
                .right_outer_join(&others(rdd).partition_by(n as usize + 1))
                .map(|(k, (v, w))| joined(k, v, Some(w)))
        },
        |rows, _| join(rows, false, true),
    ),
    any(
        "full_outer_join",
        |rdd, _| pairs(rdd).full_outer_join(&others(rdd)).map(|(k, (v, w))| joined(k, v, w)),
        |rows, _| join(rows, true, true),
    ),
    any(
        "subtract_by_key",
        |rdd, n| pairs(rdd).with_env((&n,)).filter(|(n,)| move |kv| kv.0 != n).subtract_by_key(&others(rdd)).values(),
        |rows, n| rows.concat().into_iter().filter(|x| key(*x) == 4 && n != 4).collect(),
    ),
    any(
        "intersection",
        |rdd, _| rdd.intersection(&rdd.context().range(-10, 10)),
        |rows, n| distinct(rows, n).into_iter().filter(|x| (-10..10).contains(x)).collect(),
    ),
    any(
        "subtract",
        |rdd, _| rdd.subtract(&rdd.context().range(-10, 10)),
        |rows, _| rows.concat().into_iter().filter(|x| !(-10..10).contains(x)).collect(),
    ),
    any(
        "update",
        |rdd, _| pairs(rdd).update(&others(rdd)).map(|(k, v)| told(k, &[v])),
        |rows, _| cogrouped(rows, |k, v, w| told(k, &[*w.last().or(v.last()).unwrap()])),
    ),
    any(
        "update_known",
        |rdd, _| pairs(rdd).update_known(&others(rdd)).map(|(k, v)| told(k, &[v])),
        |rows, _| {
            let known = groups(rows);
            let all = cogrouped(rows, |k, v, w| {
                if known.contains_key(&k) { told(k, &[*w.last().or(v.last()).unwrap()]) } else { i64::MAX }
            });
            all.into_iter().filter(|x| *x != i64::MAX).collect()
        },
    ),
    any(
        "top_by_key",
        |rdd, n| pairs(rdd).top_by_key(n as usize).map(|(k, values)| told(k, &values)),
        |rows, n| {
            by_group(rows, |k, values| {
                let mut largest = sorted(values.to_vec());
                largest.reverse();
                largest.truncate(n as usize);
                told(k, &largest)
            })
        },
    ),
    any(
        "top_by_key_by",
        |rdd, n| pairs(rdd).top_by_key_by(n as usize, |v| v % 3).map(|(k, values)| told(k, &values)),
        |rows, n| {
            by_group(rows, |k, values| {
                let mut largest = values.to_vec();
                largest.sort_by_key(|v| Reverse(v % 3));
                largest.truncate(n as usize);
                told(k, &largest)
            })
        },
    ),
    any(
        "stats_by_key",
        |rdd, _| {
            pairs(rdd)
                .stats_by_key()
                .map(|(k, stats)| told(k, &[stats.count() as i64, stats.sum() as i64, stats.min() as i64]))
        },
        |rows, _| {
            by_group(rows, |k, values| {
                told(k, &[values.len() as i64, values.iter().sum(), *values.iter().min().unwrap()])
            })
        },
    ),
    any(
        "percentiles_by_key",
        |rdd, _| {
            pairs(rdd).percentiles_by_key(&[0.0, 100.0]).map(|(k, found)| told(k, &[found[0] as i64, found[1] as i64]))
        },
        |rows, _| by_group(rows, |k, values| told(k, &[*values.iter().min().unwrap(), *values.iter().max().unwrap()])),
    ),
    any(
        "quantiles_by_key",
        |rdd, _| pairs(rdd).quantiles_by_key(&[1.0]).map(|(k, found)| told(k, &[found[0] as i64])),
        |rows, _| by_group(rows, |k, values| told(k, &[*values.iter().max().unwrap()])),
    ),
    any(
        "histogram_by_key",
        |rdd, _| {
            pairs(rdd)
                .histogram_by_key(&[-5.0, 0.0, 9.0])
                .map(|(k, counts)| told(k, &[counts[0] as i64, counts[1] as i64]))
        },
        |rows, _| {
            by_group(rows, |k, values| {
                let count =
                    |range: std::ops::RangeInclusive<i64>| values.iter().filter(|v| range.contains(v)).count() as i64;
                told(k, &[count(-5..=-1), count(0..=9)])
            })
        },
    ),
    any(
        "count_approx_distinct_by_key",
        |rdd, _| pairs(rdd).count_approx_distinct_by_key(0.01).map(|(k, count)| told(k, &[count as i64])),
        |rows, _| by_group(rows, |k, values| told(k, &[values.iter().collect::<BTreeSet<_>>().len() as i64])),
    ),
    any(
        "adcount_by_key",
        |rdd, _| pairs(rdd).adcount_by_key().map(|(k, count)| told(k, &[count as i64])),
        |rows, _| by_group(rows, |k, values| told(k, &[values.iter().collect::<BTreeSet<_>>().len() as i64])),
    ),
];
