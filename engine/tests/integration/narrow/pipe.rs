//! Rows through programs.

use dpark::{Conf, DparkContext, Error};
use std::path::Path;
use std::time::{Duration, Instant};

#[test]
fn lines_go_through_a_program_and_back() {
    let ctx = DparkContext::local(2);
    let words = ctx.parallelize(["b c", "", "a", "äöü\r"].map(String::from));
    assert_eq!(words.pipe("cat").collect().unwrap(), ["b c", "", "a", "äöü\r"]);
    assert_eq!(ctx.range(0, 4).pipe("  sort   -r  ").collect().unwrap(), ["1", "0", "3", "2"]);
    assert_eq!(
        ctx.range(0, 2).pipe(["printf", "%s", "a b\n\nno end"]).collect().unwrap(),
        ["a b", "", "no end"].repeat(2)
    );
    assert_eq!(ctx.range(0, 4).pipe(vec!["true".to_owned()]).collect().unwrap(), Vec::<String>::new());
    assert_eq!(words.pipe("cat").filter(|line| !line.is_empty()).pipe("tr a-z A-Z").take(1).unwrap(), ["B C"]);
}

#[test]
fn a_program_is_started_for_an_empty_partition_too() {
    let ctx = DparkContext::local(2);
    let counts = ctx.parallelize_with([1, 2, 3], 5).pipe(["sh", "-c", "echo $(($(wc -l)))"]);
    assert_eq!(counts.collect().unwrap(), ["0", "1", "0", "1", "1"]);
    assert!(ctx.union::<i64>([]).pipe("cat").is_empty().unwrap());
}

/// More than pipes and queues hold, in both directions, and programs that read or write late.
#[test]
fn a_program_may_read_and_write_in_any_order() {
    let ctx = DparkContext::local(2);
    let rows = ctx.range(0, 400_000);
    assert!(rows.pipe("cat").map(|line| line.parse::<i64>().unwrap()).collect().unwrap().into_iter().eq(0..400_000));
    let bloated = ctx.range(0, 40_000).pipe(["sed", "p;p;p;p;p;p;p;p;p"]);
    assert_eq!(bloated.count().unwrap(), 400_000);
    let late = rows.pipe(["sh", "-c", "seq 300000; cat"]);
    assert_eq!(late.count().unwrap(), 400_000 + 2 * 300_000);
    let first = rows.pipe(["sh", "-c", "all=$(cat); seq 300000"]);
    assert_eq!(first.count().unwrap(), 600_000);
}

#[test]
fn a_program_need_not_read_everything() {
    let ctx = DparkContext::local(2);
    assert_eq!(ctx.range(0, 1_000_000).pipe("head -n 2").collect().unwrap(), ["0", "1", "500000", "500001"]);
    let endless = ctx.range(0, 2).flat_map(|_| 0i64..).pipe("head -n 3");
    assert_eq!(endless.count().unwrap(), 6);
}

#[test]
fn an_exit_status_is_an_error_that_names_it_and_what_the_program_said() {
    let ctx = DparkContext::local(2);
    let rows = ctx.range(0, 10);
    let message = |script: &str| rows.pipe(["sh", "-c", script]).count().unwrap_err().to_string();
    let error = message("cat; echo 'a hint' >&2; echo 'the reason' >&2; echo >&2; exit 3");
    assert!(error.contains("pipe: `sh -c cat;"), "{error}");
    assert!(error.ends_with("ended with exit status: 3: the reason"), "{error}");
    let error = message("exit 4");
    assert!(
        error.ends_with("`sh -c exit 4` ended with exit status: 4: it wrote nothing to its error output"),
        "{error}"
    );
    let error = message("kill -9 $$");
    assert!(error.contains("signal: 9"), "{error}");
    let error = rows.pipe("no-such-program -x").count().unwrap_err();
    let Error::Task(failure) = &error else { panic!("{error:?}") };
    assert_eq!(failure.attempts, 1, "it is not tried again");
    assert!(error.to_string().contains("pipe: `no-such-program -x` cannot be started: "), "{error}");
    let error = rows.pipe(["printf", r"a\377b\n"]).count().unwrap_err().to_string();
    assert!(error.contains(r#"wrote a line that is not valid UTF-8: "a�b"; let it write UTF-8"#), "{error}");
    for nothing in ["", "  "] {
        let error = rows.pipe(nothing).count().unwrap_err().to_string();
        assert_eq!(error, "pipe: there is no command; give a program and its arguments");
    }
}

#[test]
fn a_failure_before_the_program_is_the_error() {
    let ctx = DparkContext::local(2);
    let failing = ctx.range(0, 10).map(|x| if x == 7 { panic!("bad row") } else { x });
    let error = failing.pipe("cat").count().unwrap_err();
    assert!(error.to_string().contains("bad row"), "{error}");
    let budget = DparkContext::new(dpark::Conf { memory: 1 << 20, ..Default::default() }).unwrap();
    let error = budget.range(0, 1_000_000).glom().map(|rows| rows.len()).pipe("cat").count().unwrap_err();
    assert!(error.to_string().contains("memory budget"), "{error}");
}

/// Waits for programs that wrote their process ids to a file to be gone.
fn wait_until_gone(pids: &str) {
    let since = Instant::now();
    for pid in pids.split_whitespace() {
        let status = Path::new("/proc").join(pid).join("stat");
        // One whose parent is gone may be a zombie until init looks after it.
        while std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z")) {
            assert!(since.elapsed().as_secs() < 60, "process {pid} still runs");
            std::thread::yield_now();
        }
    }
}

#[test]
fn cancellation_kills_the_program_and_what_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let script = format!("sleep 1000 & echo $$ $! >> {}; cat > /dev/null; wait", file.display());
    let ctx = DparkContext::local(2);
    let rdd = ctx.range(0, 4).pipe(["sh", "-c", &script]);
    let job = std::thread::spawn(move || rdd.count());
    let since = Instant::now();
    let started = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
    while started() < 2 {
        assert!(since.elapsed().as_secs() < 60, "the programs do not start");
        std::thread::yield_now();
    }
    ctx.cancel_all();
    assert!(matches!(job.join().unwrap(), Err(Error::Cancelled { .. })));
    wait_until_gone(&std::fs::read_to_string(&file).unwrap());
    assert_eq!(ctx.range(0, 2).pipe("cat").count().unwrap(), 2);
}

#[test]
fn a_program_that_is_not_needed_any_more_is_killed() {
    let ctx = DparkContext::local(1);
    let since = Instant::now();
    let pids = ctx.range(0, 1).pipe(["sh", "-c", "echo $$; exec sleep 1000"]).take(1).unwrap();
    wait_until_gone(&pids.join(" "));
    assert!(since.elapsed() < Duration::from_secs(60));
}

#[test]
fn programs_that_take_too_much_memory_fail_with_limit_and_setting() {
    let conf = Conf { master: "local[2]".to_owned(), memory: 64 << 20, ..Conf::default() };
    let ctx = DparkContext::new(conf).unwrap();
    // A gigabyte in small steps; `tail` keeps all of a line that has not ended.
    let script = "for i in $(seq 200); do head -c 5000000 /dev/zero; sleep 0.01; done | tail -n 1";
    let error = ctx.range_with(0, 1, 1, 1).pipe(["sh", "-c", script]).count().unwrap_err().to_string();
    for part in [
        "partition 0: the programs of `pipe` take ",
        " MB of memory, over the limit of 352 MB (half as much again as the budget of 64 MB, and 256 MB)",
        "raise the memory setting (`-M`, `mem` in dpark.toml)",
        "(tried 4 times)",
    ] {
        assert!(error.contains(part), "no {part:?} in: {error}");
    }
    assert_eq!(ctx.range(0, 10).pipe("cat").count().unwrap(), 10);
}
