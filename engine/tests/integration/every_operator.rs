//! Every public operator and action, against plain iterators: random pipelines of all operators, all actions on RDDs of every
//! shape, and a test that nothing is missing here.

mod actions;
mod operators;

use dpark::{DparkContext, Rdd};
use operators::{OPERATORS, Operator, Order};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Rows by partition.
type Parts = Vec<Vec<i64>>;

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort();
    rows
}

/// Applies an operator and compares; the RDD and its rows, in the engine's order.
fn step(operator: &Operator, rdd: &Rdd<i64>, parts: &Parts, n: i64) -> Result<(Rdd<i64>, Parts), TestCaseError> {
    let Operator { name, order, apply, expected } = operator;
    let next = apply(rdd, n);
    let found = next.glom().collect().unwrap();
    let expected = expected(parts, n);
    match order {
        Order::Kept => prop_assert_eq!(found.concat(), expected, "{}({})", name, n),
        Order::Any => prop_assert_eq!(sorted(found.concat()), sorted(expected), "{}({})", name, n),
    }
    prop_assert_eq!(next.num_partitions(), found.len(), "{}", name);
    Ok((next, found))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_pipelines_equal_iterators(
        rows in prop::collection::vec(-60i64..60, 0..80),
        partitions in 1usize..9,
        threads in 1usize..4,
        steps in prop::collection::vec((0..OPERATORS.len(), 0i64..6), 1..10),
    ) {
        let ctx = DparkContext::local(threads);
        let mut rdd = ctx.parallelize_with(rows, partitions);
        let mut parts = rdd.glom().collect().unwrap();
        for (operator, n) in steps {
            (rdd, parts) = step(&OPERATORS[operator], &rdd, &parts, n)?;
            if parts.iter().map(Vec::len).sum::<usize>() > 500 {
                rdd = rdd.filter(|x| x % 11 == 0);
                parts = rdd.glom().collect().unwrap();
            }
        }
        actions::check(&rdd, &parts.concat())?;
        drop(rdd);
        prop_assert_eq!(ctx.held(), (0, 0, 0));
    }
}

/// Every operator alone, on RDDs of every shape.
#[test]
fn every_operator_on_every_shape() {
    let ctx = DparkContext::local(3);
    for (shape, rdd) in shapes(&ctx) {
        let parts = rdd.glom().collect().unwrap();
        for operator in OPERATORS {
            for n in [0, 1, 3] {
                step(operator, &rdd, &parts, n).unwrap_or_else(|problem| panic!("{shape}: {problem}"));
            }
        }
    }
}

/// Every action on RDDs of every shape.
#[test]
fn every_action_on_every_shape() {
    let ctx = DparkContext::local(3);
    for (shape, rdd) in shapes(&ctx) {
        let rows = rdd.collect().unwrap();
        actions::check(&rdd, &rows).unwrap_or_else(|problem| panic!("{shape}: {problem}"));
    }
}

fn shapes(ctx: &DparkContext) -> Vec<(&'static str, Rdd<i64>)> {
    vec![
        ("no partitions", ctx.union([])),
        ("no rows", ctx.make_rdd([])),
        ("no rows in five partitions", ctx.parallelize_with([], 5)),
        ("no rows are left", ctx.range(0, 9).filter(|_| false)),
        ("no rows from a shuffle", ctx.range(0, 0).distinct()),
        ("one row", ctx.parallelize([7])),
        ("one row in six partitions", ctx.parallelize_with([-7], 6)),
        ("more partitions than rows", ctx.range_with(5, -5, -3, 9)),
        ("equal rows", ctx.parallelize_with([4; 60], 4)),
        ("two hundred partitions", ctx.range_with(0, 450, 1, 200)),
        ("one partition", ctx.range_with(-40, 40, 1, 1)),
        ("persisted", ctx.range(0, 50).map(|x| x % 9).cache()),
        ("from a sort", ctx.range(0, 50).sort_by(|x| x % 5)),
    ]
}

/// The public methods of `Rdd` (and of the context, for what makes RDDs) that a file of the engine defines.
fn methods(source: &str) -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    let mut inside = false;
    for line in source.lines() {
        if line.starts_with("impl") {
            let of = line.rsplit_once(" for ").map_or(line, |(_, of)| of);
            inside = !line.contains(" for ") && !of.contains("WithEnv<") && of.contains(" Rdd<");
        } else if line.starts_with('}') {
            inside = false;
        }
        // A macro that writes an operator has its name first.
        if let Some((name, arguments)) = line.split_once("!(")
            && !name.contains(|c: char| !c.is_ascii_lowercase() && c != '_')
            && source.contains("pub fn $name")
            && let Some((method, _)) = arguments.split_once(',')
        {
            methods.insert(method.to_owned());
        }
        let signature = line.trim_start().strip_prefix("pub fn ").filter(|_| inside);
        if let Some((name, _)) = signature.and_then(|rest| rest.split_once(['<', '('])) {
            methods.insert(name.to_owned());
        }
    }
    methods
}

/// An operator that is not tested here fails this test: a line in `operators.rs` or in `actions.rs` mends it.
#[test]
fn no_method_of_an_rdd_is_missing_here() {
    let here = [
        include_str!("every_operator.rs"),
        include_str!("every_operator/operators.rs"),
        include_str!("every_operator/actions.rs"),
    ]
    .concat();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<_> =
        std::fs::read_dir(sources.join("rdd")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.push(sources.join("rdd.rs"));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let all: BTreeSet<String> =
        files.iter().flat_map(|file| methods(&std::fs::read_to_string(file).unwrap())).collect();
    for known in ["map", "min_by", "max_by", "join", "partitioner", "id", "unpersist", "aggregate"] {
        assert!(all.contains(known), "`{known}` was not found in the sources");
    }
    assert!(!all.contains("emit"), "an `Emitter` is no RDD");
    let missing: Vec<&String> = all
        .iter()
        .filter(|method| !here.contains(&format!(".{method}(")) && !here.contains(&format!(".{method}::<")))
        .collect();
    assert!(missing.is_empty(), "add tests of these methods to tests/integration/every_operator: {missing:?}");
}

#[test]
fn rows_that_are_none_or_nan() {
    let ctx = DparkContext::local(2);
    let options = ctx.parallelize_with([Some(2), None, Some(1), None, Some(2)], 3);
    assert_eq!(options.sort().collect().unwrap(), [None, None, Some(1), Some(2), Some(2)]);
    assert_eq!(options.distinct().count().unwrap(), 3);
    assert_eq!(options.count_by_value().unwrap()[&None], 2);
    assert_eq!((options.min().unwrap(), options.max().unwrap()), (None, Some(2)));
    assert_eq!(options.top(2).unwrap(), [Some(2), Some(2)]);
    assert_eq!(options.take_ordered(3).unwrap(), [None, None, Some(1)]);
    assert_eq!(options.hot(1).unwrap().len(), 1);
    assert_eq!(options.reduce(|a, b| a.or(b)).unwrap(), Some(2));
    assert_eq!(options.intersection(&ctx.parallelize([None, Some(9)])).collect().unwrap(), [None]);
    assert_eq!(options.subtract(&ctx.parallelize([None])).count().unwrap(), 3);
    let keyed = options.map(|key| (key, key));
    // A combined value that is None is a value (DPark takes it for an absent one).
    assert_eq!(keyed.reduce_by_key(|_, _| None).count().unwrap(), 3);
    assert_eq!(keyed.reduce_by_key(|_, _| None).collect_as_map().unwrap()[&Some(1)], Some(1));
    assert_eq!(keyed.fold_by_key(None, |a, b| a.max(b)).lookup(&None).unwrap(), [None]);
    assert_eq!(keyed.group_by_key().collect_as_map().unwrap()[&None], [None, None]);
    assert_eq!(keyed.join(&keyed).count().unwrap(), 4 + 4 + 1);
    assert_eq!(
        keyed
            .left_outer_join(&ctx.parallelize([(None, None::<u8>)]))
            .filter(|row| row.1.1 == Some(None))
            .count()
            .unwrap(),
        2
    );
    assert_eq!(keyed.sort_by_key().keys().first().unwrap(), None);
    assert_eq!(keyed.count_by_key().unwrap()[&Some(2)], 2);

    let numbers = ctx.parallelize_with([1.0, f64::NAN, -0.0, f64::INFINITY, 0.0], 2);
    assert_eq!(numbers.collect().unwrap().iter().filter(|x| x.is_nan()).count(), 1);
    assert!(
        numbers.sum().unwrap().is_nan() && numbers.mean().unwrap().is_nan() && numbers.stats().unwrap().max().is_nan()
    );
    assert!(numbers.fold(0.0, |a, b| a + b).unwrap().is_nan());
    assert_eq!(numbers.filter(|x| !x.is_nan()).reduce(f64::max).unwrap(), f64::INFINITY);
    assert_eq!(numbers.histogram_with(&[0.0, 2.0]).unwrap(), [3]);
    assert!(numbers.histogram(2).is_err());
    assert!(numbers.percentiles(&[50.0]).unwrap_err().to_string().contains("a row is NaN"));
    assert!(numbers.map(|x| (1, x)).reduce_by_key(|a, b| a + b).values().first().unwrap().is_nan());
    assert!(numbers.map(|x| (1, x)).stats_by_key().values().first().unwrap().sum().is_nan());
    // Ordered as bits; NaN is above infinity.
    assert!(numbers.sort_by(|x| x.max(0.0).to_bits()).collect().unwrap().len() == 5);
    assert!(numbers.cache().take(2).unwrap()[1].is_nan());
}
