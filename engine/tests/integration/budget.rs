//! Every kind of job gives its memory back, also when it fails; what it holds meanwhile is counted.

use dpark::{Conf, DparkContext, Rdd};

fn with_memory(threads: usize, parallelism: usize, memory: u64) -> DparkContext {
    DparkContext::new(Conf { master: format!("local[{threads}]"), parallelism, memory, ..Conf::default() }).unwrap()
}

/// The job has ended at its first failure; its other tasks let go when they notice.
fn wait_until_nothing_is_held(ctx: &DparkContext) {
    let since = std::time::Instant::now();
    while ctx.held() != (0, 0, 0) {
        assert!(since.elapsed().as_secs() < 60, "still held: {:?}", ctx.held());
        std::thread::yield_now();
    }
}

type Job = fn(&Rdd<(i64, String)>) -> dpark::Result<u64>;

/// Every kind of job that holds memory.
const JOBS: [(&str, Job); 16] = [
    ("reduce_by_key", |rdd| rdd.reduce_by_key(|a, b| a.max(b)).count()),
    ("group_by_key", |rdd| rdd.group_by_key().count()),
    ("aggregate_by_key", |rdd| rdd.aggregate_by_key(0, |n, v| n + v.len(), |a, b| a + b).count()),
    ("distinct", |rdd| rdd.distinct().count()),
    ("sort", |rdd| rdd.sort().count()),
    ("sort_by", |rdd| rdd.sort_by(|kv| kv.1.clone()).count()),
    ("join", |rdd| rdd.join(&rdd.reduce_by_key(|a, _| a)).count()),
    ("narrow join", |rdd| {
        let placed = rdd.partition_by(3);
        placed.full_outer_join(&placed.reduce_by_key(|a, _| a)).count()
    }),
    ("cogroup", |rdd| rdd.cogroup3(rdd, &rdd.map_values(|v| v.len())).count()),
    ("cartesian", |rdd| rdd.filter(|kv| kv.0 < 20).cartesian(&rdd.keys()).count()),
    ("zip", |rdd| rdd.zip(&rdd.cache()).count()),
    ("glom", |rdd| rdd.glom().count()),
    ("top", |rdd| rdd.top(5000).map(|rows| rows.len() as u64)),
    ("count_by_key", |rdd| rdd.count_by_key().map(|counts| counts.len() as u64)),
    ("collect", |rdd| rdd.collect().map(|rows| rows.len() as u64)),
    ("top_by_key", |rdd| rdd.top_by_key(2).zip_with_index().coalesce(2).count()),
];

#[test]
fn every_kind_of_job_gives_its_memory_back() {
    for (name, job) in JOBS {
        let ctx = with_memory(2, 3, 1 << 30);
        let rdd = ctx.range(0, 3000).map(|x| (x % 700, format!("value {x}")));
        job(&rdd).unwrap();
        drop(rdd);
        assert_eq!(ctx.held(), (0, 0, 0), "{name}");
    }
}

#[test]
fn a_job_that_fails_gives_its_memory_back() {
    for (name, job) in JOBS {
        let ctx = with_memory(2, 3, 1 << 30);
        let failing = ctx.range(0, 3000).map(|x| {
            assert!(x != 2900, "bad row");
            (x % 700, format!("value {x}"))
        });
        assert!(job(&failing).unwrap_err().to_string().contains("bad row"), "{name}");
        drop(failing);
        wait_until_nothing_is_held(&ctx);
    }
    // Over the budget, at whatever point that is.
    for kilobytes in [1, 40, 100, 200, 400] {
        for (name, job) in JOBS {
            let ctx = with_memory(2, 3, kilobytes << 10);
            let rdd = ctx.range(0, 3000).map(|x| (x % 700, format!("value {x}")));
            if let Err(error) = job(&rdd) {
                assert!(error.to_string().contains("the memory budget"), "{name}: {error}");
            }
            drop(rdd);
            wait_until_nothing_is_held(&ctx);
        }
    }
}

#[test]
fn a_table_counts_what_its_values_own() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = with_memory(1, 1, 20 << 20);
    // Checkpointed, so that no map outputs are held that would be over the budget themselves.
    let texts = ctx.range(0, 6000).map(|x| (x % 10, "x".repeat(1000) + &x.to_string())).partition_by(1);
    texts.checkpoint(directory.path().join("texts")).unwrap();
    assert_eq!(ctx.held(), (0, 0, 0));
    // 36 MB in a table of less than one.
    let large = texts.flat_map_values(|v| vec![v; 6]);
    let jobs: [(&str, Job); 4] = [
        ("join", |rdd| rdd.filter(|kv| kv.0 > 8).join(rdd).map_values(|_| ()).count()),
        ("cartesian", |rdd| rdd.filter(|kv| kv.0 > 100).cartesian(rdd).count()),
        ("cogroup", |rdd| rdd.filter(|kv| kv.0 > 100).cogroup(rdd).count()),
        ("group_by_key", |rdd| rdd.group_by_key().count()),
    ];
    for (name, job) in jobs {
        let error = job(&large).unwrap_err().to_string();
        assert!(error.contains("the memory budget of 20 MB does not suffice"), "{name}: {error}");
        wait_until_nothing_is_held(&ctx);
    }
}

#[test]
fn what_comes_in_pieces_is_joined_in_pieces() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = with_memory(1, 1, 20 << 20);
    let texts = ctx.range(0, 6000).map(|x| (x, "x".repeat(1000))).reduce_by_key(|a, _| a);
    texts.checkpoint(directory.path().join("texts")).unwrap();
    assert_eq!(ctx.held(), (0, 0, 0));
    // 36 MB, of which the join needs one piece at a time in its table.
    let large = texts.map_values(|v| v.repeat(6));
    let joined = texts.filter(|kv| kv.0 % 10 == 0).join(&large).map_values(|(v, w)| v.len() + w.len());
    assert_eq!(joined.collect_as_map().unwrap(), (0..600).map(|x| (x * 10, 7000)).collect());
    let rest = texts.filter(|kv| kv.0 < 5990).right_outer_join(&large).filter(|(_, (v, _))| v.is_none());
    assert_eq!(rest.keys().sort().collect().unwrap(), (5990..6000).collect::<Vec<i64>>());
    // A join in pieces comes in pieces itself.
    let again = joined.join(&large).map_values(|(n, w)| n - w.len());
    assert_eq!(again.values().distinct().collect().unwrap(), [1000]);
    drop((rest, again, joined, large, texts));
    wait_until_nothing_is_held(&ctx);
}

#[test]
fn buffers_of_the_map_side_give_way() {
    // The tables need 32 MB in the end; the buffers before them would be another four.
    let ctx = with_memory(1, 1, 34 << 20);
    let sums = ctx.range(0, 600_000).map(|x| (x, x)).reduce_by_key(|a, b| a + b);
    assert_eq!(sums.count().unwrap(), 600_000);
    // Buffers for rows as large as these would take half a gigabyte.
    let ctx = with_memory(1, 1, 200 << 20);
    let wide = ctx.range(0, 2000).map(|x| (x, [[x; 32]; 8])).reduce_by_key(|a, _| a);
    assert_eq!(wide.count().unwrap(), 2000);
}

#[test]
fn grouping_counts_the_second_copy_of_a_piece() {
    let group = |megabytes: u64| {
        let ctx = with_memory(1, 1, megabytes << 20);
        let groups = ctx.range(0, 1 << 20).map(|x| (0u8, x)).group_by_key().map_values(|values| values.len());
        groups.collect()
    };
    // 9 MB of map output and 16 MB of pairs; 4 MB of numbers and 8 MB of values besides.
    let error = group(32).unwrap_err().to_string();
    assert!(error.contains("the memory budget of 32 MB does not suffice"), "{error}");
    assert_eq!(group(40).unwrap(), [(0, 1 << 20)]);
}
