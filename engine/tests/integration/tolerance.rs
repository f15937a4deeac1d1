//! `--err`: bad rows are left out and counted, as long as they are few.

use dpark::event::{Event, TaskEnd};
use dpark::source::{Input, Source};
use dpark::status::StatusStore;
use dpark::{Conf, CsvOptions, DparkContext, Error, FileOptions, Rdd, StorageLevel};
use proptest::prelude::*;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

fn tolerating(err: f64) -> DparkContext {
    DparkContext::new(Conf { master: "local[2]".into(), err, ..Conf::default() }).unwrap()
}

fn good(x: i64) -> i64 {
    if x % 50 == 7 { panic!("bad {x}") } else { x }
}

fn is_good(x: &i64) -> bool {
    x % 50 != 7
}

#[test]
fn every_row_operator_leaves_bad_rows_out() {
    let ctx = tolerating(0.02);
    let rows = ctx.range(0, 5000);
    let expected: Vec<i64> = (0..5000).filter(is_good).collect();
    let pairs = rows.map(|x| (x, x));
    let doubled = |x: &i64| [*x, *x];
    assert_eq!(rows.map(good).collect().unwrap(), expected);
    assert_eq!(rows.filter(|x| good(*x) >= 0).collect().unwrap(), expected);
    assert_eq!(rows.key_by(|x| good(*x)).map(|row| row.0).collect().unwrap(), expected);
    assert_eq!(pairs.map_values(good).map(|row| row.1).collect().unwrap(), expected);
    let twice: Vec<i64> = expected.iter().flat_map(doubled).collect();
    assert_eq!(rows.flat_map(|x| [good(x), x]).collect().unwrap(), twice);
    // The panic comes when the row has made something already.
    let late = rows.flat_map(|x| (0..3).map(move |i| if i == 2 { good(x) } else { x }));
    assert_eq!(late.collect().unwrap(), expected.iter().flat_map(|x| [*x; 3]).collect::<Vec<_>>());
    let words = rows.map(|x| format!("{}", good(x))).filter(|word| word.len() < 4 || word.parse::<i64>().is_ok());
    assert_eq!(words.collect().unwrap(), expected.iter().map(i64::to_string).collect::<Vec<_>>());
    assert_eq!(rows.map(good).take(10).unwrap(), [0, 1, 2, 3, 4, 5, 6, 8, 9, 10]);
}

#[test]
fn behind_shuffles_in_caches_and_under_iterators_too() {
    let ctx = tolerating(0.02);
    let expected: Vec<i64> = (0..5000).filter(is_good).collect();
    let rows = ctx.range(0, 5000).map(good);
    assert_eq!(rows.map(|x| (x, ())).reduce_by_key(|_, ()| ()).count().unwrap(), 4900);
    assert_eq!(rows.sort_by(|x| -x).first().unwrap(), 4999);
    assert_eq!(rows.map_partitions(|rows| rows.map(|x| x * 2)).map(|x| x / 2).collect().unwrap(), expected);
    for level in [StorageLevel::Memory, StorageLevel::Disk, StorageLevel::MemorySerialized] {
        let kept = rows.map(|x| x).persist(level);
        assert_eq!((kept.collect().unwrap(), kept.collect().unwrap()), (expected.clone(), expected.clone()));
    }
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(rows.checkpoint(directory.path()).unwrap().collect().unwrap(), expected);
}

#[test]
fn too_many_bad_rows_fail_the_task_at_its_end() {
    let ctx = tolerating(0.019);
    let error = ctx.range(0, 5000).map(good).count().unwrap_err();
    let Error::Task(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.attempts, 1, "another attempt would not help");
    let message = error.to_string();
    assert!(message.contains("map: 50 of 2500 rows were bad, and --err 0.019 tolerates 47 of so many"), "{message}");
    assert!(message.contains("the last one: panicked at engine/tests/integration/tolerance.rs:"), "{message}");
    assert!(message.contains(": bad "), "{message}");
    // Each partition is judged by itself.
    let error = ctx.parallelize(vec![1, 2, 7, 4]).map(good).count().unwrap_err().to_string();
    assert!(error.contains("map: 1 of 2 rows were bad"), "{error}");
}

#[test]
fn hopeless_tasks_fail_early() {
    static CALLS: AtomicI64 = AtomicI64::new(0);
    let ctx = DparkContext::new(Conf { master: "local[1]".into(), err: 0.01, ..Conf::default() }).unwrap();
    let rows = ctx.range(0, 1_000_000).map(|x| {
        CALLS.fetch_add(1, Ordering::SeqCst);
        if x % 5 == 0 { panic!("bad") } else { x }
    });
    let error = rows.count().unwrap_err().to_string();
    assert!(error.contains("map: 21 of 101 rows were bad"), "{error}");
    assert_eq!(CALLS.load(Ordering::SeqCst), 101);
    // Bad rows at the beginning are no reason yet.
    let rows = ctx.range(0, 10_000).map(|x| if x < 5 { panic!("bad") } else { x });
    assert_eq!(rows.count().unwrap(), 9995);
}

#[test]
fn nothing_is_tolerated_unless_asked_for() {
    let ctx = DparkContext::local(2);
    assert!(ctx.range(0, 5000).map(good).count().unwrap_err().to_string().contains("tried 4 times"));
    assert!(tolerating(1.0).range(0, 100).map(|_| -> i64 { panic!("all are") }).collect().unwrap().is_empty());
}

#[test]
fn what_was_left_out_is_reported() {
    let ctx = tolerating(0.02);
    let status = Arc::new(Mutex::new(StatusStore::new()));
    let (store, events) = (Arc::clone(&status), Arc::new(Mutex::new(Vec::new())));
    let sink = Arc::clone(&events);
    ctx.events().subscribe(Box::new(move |event| {
        store.lock().unwrap().apply(event);
        match event {
            Event::RowsSkipped { partition, operator, rows, example, .. } => {
                sink.lock().unwrap().push(format!("{partition} {operator} {rows} {}", example.ends_with("bad 7")));
            }
            Event::TaskFinished { end: TaskEnd::Succeeded(metrics), .. } => {
                sink.lock().unwrap().push(format!("task {}", metrics.bad_records));
            }
            _ => {}
        }
    }));
    ctx.range(0, 1000).map(good).map(|x| (x % 2, x)).reduce_by_key(|a, b| a + b).count().unwrap();
    let mut events = events.lock().unwrap().clone();
    events.sort();
    assert_eq!(events, ["0 map 10 true", "1 map 10 false", "task 0", "task 0", "task 10", "task 10"]);
    let snapshot = status.lock().unwrap().snapshot();
    assert_eq!(snapshot.stages.values().map(|stage| stage.totals.bad_records).collect::<Vec<_>>(), [20, 0]);
}

#[test]
fn lines_that_are_not_text_count() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lines");
    let mut bytes = b"bad \xff line\n".to_vec();
    bytes.extend(std::iter::repeat_n(b"good\n", 99).flatten());
    std::fs::write(&file, bytes).unwrap();
    let path = file.display().to_string();
    assert_eq!(tolerating(0.01).text_file(path.as_str()).count().unwrap(), 99);
    let error = tolerating(0.009).text_file(path.as_str()).count().unwrap_err().to_string();
    assert!(error.contains("text_file: 1 of 100 rows were bad"), "{error}");
    assert!(error.contains("lines: the text is not valid UTF-8 at byte 4"), "{error}");
    let error = DparkContext::local(1).text_file(path.as_str()).count().unwrap_err().to_string();
    assert!(error.contains("the text is not valid UTF-8 at byte 4; convert it with `iconv`"), "{error}");
}

#[test]
fn folds_leave_bad_rows_out() {
    let ctx = tolerating(0.02);
    let rows = ctx.range(0, 5000);
    let expected: Vec<i64> = (0..5000).filter(is_good).collect();
    let sum: i64 = expected.iter().sum();
    assert_eq!(rows.reduce(|a, b| a + good(b)).unwrap(), sum);
    assert_eq!(rows.fold(0, |a, b| a + good(b)).unwrap(), sum);
    // What is accumulated owns memory, and is gone with the panic.
    let add = |mut list: Vec<i64>, x| {
        list.push(good(x));
        list
    };
    assert_eq!(rows.aggregate(Vec::new(), add, |a, b| [a, b].concat()).unwrap(), expected);
    let concat = |a: String, b: String| if b.contains("77") { panic!("bad {b}") } else { a + &b };
    let texts = ctx.range(0, 100).map(|x| x.to_string());
    let joined: String = (0..100).filter(|x| *x != 77).map(|x| x.to_string()).collect();
    assert_eq!(texts.reduce(concat).unwrap(), joined);
    assert_eq!(rows.max_by(|x| good(*x) % 1000).unwrap(), 999);
    assert_eq!(rows.min_by(|x| -good(*x) % 1000).unwrap(), 999);
    let seen = ctx.accumulator(0);
    rows.with_env((&seen,)).foreach(|(seen,)| move |x| seen.add(good(x))).unwrap();
    assert_eq!(seen.value(), sum);
    let error = rows.filter(|x| x % 25 == 7).reduce(|a, b| a + good(b)).unwrap_err().to_string();
    assert!(error.contains("reduce: 49 of 100 rows were bad"), "{error}");
    // Nothing tells which row of a partition is bad, or which partition's result.
    assert!(rows.map_partitions(|rows| [rows.map(good).sum::<i64>()]).count().is_err());
    assert!(rows.foreach_partition(|rows| rows.for_each(|x| assert_eq!(good(x), x))).is_err());
    assert!(rows.aggregate(0, |sum, x| sum + x, |_, _| panic!("merging")).is_err());
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Item {
    id: i64,
    text: String,
}

#[test]
fn records_that_do_not_parse_count() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("items");
    let expected: Vec<i64> = (0..1000).filter(is_good).collect();
    // Bad ones of every kind, one of them the last: no number, no text, too few fields, no JSON.
    let write = |head: &[u8], line: &dyn Fn(i64) -> Vec<u8>, bad: &[&[u8]]| {
        let lines = (0..1000i64).map(|i| if is_good(&i) { line(i) } else { bad[i as usize / 50 % bad.len()].to_vec() });
        let mut bytes = head.to_vec();
        lines.for_each(|line| bytes.extend([line, b"\n".to_vec()].concat()));
        std::fs::write(&path, [bytes.as_slice(), bad[0]].concat()).unwrap();
    };
    for splits in [1, 3, 10] {
        let options = FileOptions::new().num_splits(splits);
        write(b"id,text\n", &|i| format!("{i},\"a\nb{i}\"").into_bytes(), &[b"x,y", b"1", b"1,2,3", b"1,\xff"]);
        let csv = CsvOptions::new().num_splits(splits);
        let items = tolerating(0.05).csv_file_with::<Item>(&path, csv.clone());
        assert_eq!(items.map(|item| item.id).collect().unwrap(), expected, "{splits} splits");
        assert_eq!(items.filter(|item| item.text.starts_with("a\nb")).count().unwrap(), 980);
        let error = tolerating(0.001).csv_file_with::<Item>(&path, csv).count().unwrap_err().to_string();
        assert!(error.contains("csv_file: ") && error.contains("rows were bad") && error.contains("byte"), "{error}");

        write(
            b"",
            &|i| format!("{{\"id\": {i}, \"text\": \"\"}}").into_bytes(),
            &[b"{", b"{\"id\": 1.5, \"text\": \"\"}", b"\"\xff\""],
        );
        let items = tolerating(0.05).json_lines_with::<Item>(&path, options.clone());
        assert_eq!(items.map(|item| item.id).collect().unwrap(), expected, "{splits} splits");
        let error = tolerating(0.001).json_lines_with::<Item>(&path, options).count().unwrap_err().to_string();
        assert!(error.contains("json_lines: ") && error.contains("rows were bad"), "{error}");
    }
    let error = DparkContext::local(1).json_lines::<Item>(&path).count().unwrap_err().to_string();
    assert!(error.contains("items: line 8 (byte 154), column 1: EOF while parsing"), "{error}");
}

#[test]
fn tf_records_whose_data_is_bad_count() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("records");
    let ctx = DparkContext::local(1);
    let written = ctx.range(0, 1000).map(|x| x.to_le_bytes()).save_as_tf_records(&path).unwrap();
    let mut bytes = std::fs::read(&written[0]).unwrap();
    let length = bytes.len() / 1000;
    for i in (0..1000).filter(|i| !is_good(i)).chain([999]) {
        bytes[i as usize * length + 12] ^= 1;
    }
    std::fs::write(&written[0], &bytes).unwrap();
    let expected: Vec<i64> = (0..999).filter(is_good).collect();
    for splits in 1..40 {
        let options = FileOptions::new().num_splits(splits);
        let rows = tolerating(0.1).tf_records_with(&path, options);
        let rows = rows.map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()));
        assert_eq!(rows.collect().unwrap(), expected, "{splits} splits");
    }
    // Behind a bad length there is no telling where records are.
    bytes[length * 500] ^= 1;
    std::fs::write(&written[0], &bytes).unwrap();
    assert!(tolerating(1.0).tf_records(&path).count().unwrap_err().to_string().contains("checksum of its length"));
}

/// Numbers of which some are bad records, until reading fails.
#[derive(serde::Serialize, serde::Deserialize)]
struct Shaky;

impl Source for Shaky {
    type Row = i64;
    type Split = ();

    fn splits(&self) -> dpark::Result<Vec<()>> {
        Ok(vec![()])
    }

    fn read(&self, _: &(), _: &Input) -> dpark::Result<impl Iterator<Item = dpark::Result<i64>> + 'static> {
        Ok((0..).map(|x| match x {
            900 => Err(Error::io("shaky", "the line is gone")),
            x if is_good(&x) => Ok(x),
            x => Err(Error::bad_record("shaky", format!("record {x} is bad"))),
        }))
    }
}

#[test]
fn sources_of_users_can_tell_bad_records() {
    let rows = tolerating(0.1).from_source(Shaky);
    assert_eq!(rows.take(10).unwrap(), [0, 1, 2, 3, 4, 5, 6, 8, 9, 10]);
    assert_eq!(rows.take(882).unwrap().last(), Some(&899));
    assert!(rows.count().unwrap_err().to_string().contains("shaky: the line is gone"));
    let error = DparkContext::local(1).from_source(Shaky).count().unwrap_err().to_string();
    assert!(error.contains("shaky: record 7 is bad"), "{error}");
}

#[test]
fn a_row_that_makes_much_and_panics_then_fails_its_task() {
    let ctx = tolerating(1.0);
    let some = ctx.range(0, 2).with_env((&100_000i64,)).flat_map(|(n,)| move |_| (0..=n).map(after(n)));
    assert_eq!(some.count().unwrap(), 0, "a megabyte is held back");
    let many = ctx.range(0, 2).with_env((&1_000_000i64,)).flat_map(|(n,)| move |_| (0..=n).map(after(n)));
    assert!(many.count().unwrap_err().to_string().contains("after 1000000"));
    // Much is no problem in itself, and endless rows can be taken from.
    assert_eq!(ctx.range(0, 2).flat_map(|_| 0..1_000_000i64).count().unwrap(), 2_000_000);
    assert_eq!(ctx.range(0, 2).flat_map(|x| x..).take(3).unwrap(), [0, 1, 2]);
}

fn after(n: i64) -> impl Fn(i64) -> i64 {
    move |i| if i < n { i } else { panic!("after {n}") }
}

/// How many values of it are alive.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(from = "i64", into = "i64")]
struct Counted(i64);

impl From<i64> for Counted {
    fn from(x: i64) -> Counted {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Counted(x)
    }
}

impl From<Counted> for i64 {
    fn from(counted: Counted) -> i64 {
        counted.0
    }
}

impl Clone for Counted {
    fn clone(&self) -> Counted {
        Counted::from(self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn every_row_is_dropped_once() {
    let ctx = tolerating(0.5);
    let rows = ctx.range(0, 3000).map(Counted::from);
    let odd = rows.map(|row| if row.0 % 3 == 0 { panic!("bad") } else { (row.clone(), row) });
    let odd = odd.filter(|row| if row.0.0 % 7 == 0 { panic!("bad") } else { row.1.0 % 2 == 0 });
    let odd = odd.flat_map(|row| {
        let bad = row.0.0 % 11 == 0;
        [row.0, row.1].into_iter().enumerate().map(move |(i, row)| if bad && i == 1 { panic!("bad") } else { row })
    });
    let right = (0..3000).filter(|x| x % 3 != 0 && x % 7 != 0 && x % 2 == 0 && x % 11 != 0).count();
    assert_eq!(odd.count().unwrap(), 2 * right as u64);
    assert_eq!(odd.collect().unwrap().len(), 2 * right);
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
}

#[test]
fn no_partitions_no_rows_and_cancellation() {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let ctx = tolerating(0.1);
    assert_eq!(ctx.union(std::iter::empty::<Rdd<i64>>()).map(good).count().unwrap(), 0);
    assert_eq!(ctx.range(0, 8).filter(|x| *x > 9).map(good).count().unwrap(), 0);
    let endless = ctx.range(0, 2).flat_map(|_| {
        STARTED.fetch_add(1, Ordering::SeqCst);
        0i64..
    });
    let canceller = ctx.clone();
    let thread = std::thread::spawn(move || {
        while STARTED.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        canceller.cancel_all();
    });
    assert!(matches!(endless.filter(|_| false).count(), Err(Error::Cancelled { .. })));
    thread.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_left_equals_the_good_rows(
        rows in proptest::collection::vec((0..10i64, any::<String>()), 0..300),
        bad in 0..12i64,
    ) {
        let ctx = tolerating(1.0);
        let kept = ctx.parallelize(rows.clone()).with_env((&bad,)).flat_map(|(bad,)| {
            move |(key, text)| (0..key).map(move |i| if i == bad { panic!("bad") } else { text.clone() })
        });
        let expected: Vec<String> =
            rows.iter().filter(|row| row.0 <= bad).flat_map(|(key, text)| vec![text.clone(); *key as usize]).collect();
        prop_assert_eq!(kept.collect().unwrap(), expected);
    }
}
