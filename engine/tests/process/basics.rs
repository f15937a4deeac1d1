//! Closures, captured variables, shuffles, accumulators and broadcasts on executors.

use crate::support::{context, in_directory, wait_for};
use crate::tests;
use std::collections::HashMap;
use std::io::{Read, Write};

tests!(
    rows_come_back,
    captured_variables_travel,
    shuffles_meet_between_executors,
    zero_values_and_functions_travel,
    accumulators_come_back,
    broadcasts_are_shared,
    sorts_are_total,
    a_panic_names_its_line,
    cached_rows_stay,
    files_are_saved,
    large_results_come_through_files,
    nobody_gets_in_without_the_secret,
);

fn rows_come_back() {
    let ctx = context("process[2]");
    assert_eq!(ctx.default_parallelism(), 2);
    assert_eq!(ctx.range(0, 10).map(|x| x * x).filter(|x| x % 2 == 0).collect().unwrap(), [0, 4, 16, 36, 64]);
    let pids = ctx.range_with(0, 20, 1, 20).map_partitions(|_| std::iter::once(std::process::id())).collect().unwrap();
    assert!(pids.iter().all(|pid| *pid != std::process::id()), "tasks run elsewhere");
    assert_eq!(ctx.range(0, 100).count().unwrap(), 100);
    assert_eq!(ctx.parallelize(["b", "a"].map(String::from)).collect().unwrap(), ["b", "a"]);
    assert_eq!(ctx.range(0, 100).sum().unwrap(), 4950);
    assert_eq!(ctx.range(0, 100).take(3).unwrap(), [0, 1, 2]);
    assert_eq!(ctx.range(0, 100).top(2).unwrap(), [99, 98]);
}

fn captured_variables_travel() {
    let ctx = context("process[2]");
    let (n, names) = (3, vec!["zero".to_string(), "one".to_string(), "two".to_string()]);
    let rdd = ctx.range(0, 6).with_env((&n, &names)).map(|(n, names)| move |x| names[(x % n) as usize].clone());
    assert_eq!(rdd.collect().unwrap(), ["zero", "one", "two", "zero", "one", "two"]);
    let double: fn(i64) -> i64 = |x| 2 * x;
    assert_eq!(ctx.range(0, 4).map(double).collect().unwrap(), [0, 2, 4, 6]);
}

fn shuffles_meet_between_executors() {
    let ctx = context("process[2*2]");
    let pairs = ctx.range_with(0, 10_000, 1, 7).map(|x| (x % 100, x));
    let sums = pairs.reduce_by_key(|a, b| a + b).collect_as_map().unwrap();
    let mut right: HashMap<i64, i64> = HashMap::new();
    (0..10_000).for_each(|x| *right.entry(x % 100).or_default() += x);
    assert_eq!(sums, right);
    let names = ctx.parallelize((0..50i64).map(|x| (x, format!("name {x}"))).collect::<Vec<_>>());
    let joined = pairs.join(&names).map(|(_, (x, name))| (x, name)).collect_as_map().unwrap();
    assert_eq!(joined.len(), 5000);
    assert_eq!(joined[&1049], "name 49");
    let groups = pairs.group_by_key().map_values(|group| group.len()).collect_as_map().unwrap();
    assert!(groups.len() == 100 && groups.values().all(|n| *n == 100));
    let union = pairs.union(&pairs).reduce_by_key(|a, b| a + b).coalesce(2).collect_as_map().unwrap();
    assert_eq!(union[&7], 2 * right[&7]);
}

fn zero_values_and_functions_travel() {
    let ctx = context("process[2]");
    let words = ctx.parallelize(["a", "bc", "a"].map(String::from));
    let all = words.aggregate(
        Vec::new(),
        |mut all, word| {
            all.push(word);
            all
        },
        |mut a, b| {
            a.extend(b);
            a
        },
    );
    assert_eq!(all.unwrap(), ["a", "bc", "a"]);
    let by_length = words.key_by(|word| word.len());
    let texts = by_length.aggregate_by_key(String::from("-"), |all, word| all + &word, |a, b| a + &b);
    assert_eq!(texts.collect_as_map().unwrap()[&2], "-bc");
    assert_eq!(ctx.range(0, 5).fold(0, |a, b| a + b).unwrap(), 10);
}

fn accumulators_come_back() {
    let ctx = context("process[2]");
    let (seen, mapped) = (ctx.accumulator(0i64), ctx.accumulator(0u64));
    ctx.range(0, 10).with_env((&seen,)).foreach(|(seen,)| move |x| seen.add(x)).unwrap();
    assert_eq!(seen.value(), 45);
    let pairs = ctx.range(0, 10).with_env((&mapped,)).map(|(mapped,)| {
        move |x| {
            mapped.add(1);
            (x % 2, x)
        }
    });
    let sums = pairs.reduce_by_key(|a, b| a + b);
    assert_eq!((sums.count().unwrap(), sums.count().unwrap()), (2, 2));
    assert_eq!(mapped.value(), 10, "the map side ran once");
}

fn broadcasts_are_shared() {
    let ctx = context("process[2]");
    let table = ctx.broadcast(HashMap::from([(0, "zero".to_string()), (2, "two".to_string())]));
    let rdd = ctx.range(0, 3).with_env((&table,)).flat_map(|(table,)| move |x| table.get(&x).cloned());
    assert_eq!(rdd.collect().unwrap(), ["zero", "two"]);
    assert_eq!(rdd.map(|name| name.len()).collect().unwrap(), [4, 3], "also in a later job");
}

fn sorts_are_total() {
    let ctx = context("process[2]");
    let rows = ctx.range_with(0, 5000, 1, 5).map(|x| (x * 7919) % 5003);
    let sorted = rows.sort_by(|x| *x).collect().unwrap();
    assert!(sorted.len() == 5000 && sorted.is_sorted());
    let indexed = rows.zip_with_index().filter(|row| row.1 % 1000 == 0).map(|row| row.1).collect().unwrap();
    assert_eq!(indexed, [0, 1000, 2000, 3000, 4000]);
}

fn a_panic_names_its_line() {
    let ctx = context("process[2]");
    let error = ctx.range(0, 4).map(|x| if x == 3 { panic!("three is bad") } else { x }).collect().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("three is bad") && text.contains("basics.rs") && text.contains("partition 1"), "{text}");
    assert_eq!(ctx.range(0, 4).count().unwrap(), 4, "the executors live on");
}

fn cached_rows_stay() {
    let ctx = context("process[1]");
    let computed = ctx.accumulator(0u64);
    let rdd = ctx.range(0, 100).with_env((&computed,)).map(|(computed,)| {
        move |x| {
            computed.add(1);
            x
        }
    });
    let rdd = rdd.cache();
    assert_eq!((rdd.count().unwrap(), rdd.sum().unwrap()), (100, 4950));
    assert_eq!(computed.value(), 100);
    rdd.unpersist();
    assert_eq!(rdd.count().unwrap(), 100);
    assert_eq!(computed.value(), 200);
}

fn files_are_saved() {
    let ctx = context("process[2]");
    let dir = tempfile::tempdir().unwrap();
    let files = ctx.range(0, 6).save_as_text_file(dir.path()).unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(ctx.text_file(dir.path()).map(|line| line.parse::<i64>().unwrap()).sum().unwrap(), 15);
}

fn large_results_come_through_files() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = in_directory("process[2]", directory.path());
    let texts = ctx.range_with(0, 400_000, 1, 4).map(|x| format!("row {x}")).collect().unwrap();
    assert_eq!(texts.len(), 400_000);
    assert_eq!(texts[399_999], "row 399999");
    let find = std::process::Command::new("find").arg(directory.path()).args(["-name", "reply-*"]).output().unwrap();
    assert!(ctx.range(0, 1).count().is_ok_and(|n| n == 1) && find.status.success());
    assert_eq!(String::from_utf8_lossy(&find.stdout).lines().count(), 0, "they are removed once they are taken");
}

fn nobody_gets_in_without_the_secret() {
    let ctx = context("process[1]");
    let driver = ctx.range(0, 1).map_partitions(|_| {
        // The environment that the process was started with.
        let environment = std::fs::read("/proc/self/environ").unwrap();
        let wanted = environment.split(|byte| *byte == 0).filter_map(|entry| {
            std::str::from_utf8(entry).ok()?.strip_prefix("DPARK_EXECUTOR_DRIVER=").map(str::to_owned)
        });
        wanted.collect::<Vec<_>>().into_iter()
    });
    let address = driver.first().unwrap();
    assert_eq!(ctx.refused_connections(), 0);
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.starts_with(b"dprk"), "it is told why: {answer:?}");
    wait_for("it is counted", || ctx.refused_connections() == 1);
    assert_eq!(ctx.range(0, 3).count().unwrap(), 3);
}
