//! How much slower than hand-written loops the engine is: prints ratios of wall and CPU times on the same
//! threads.
//!
//! `cargo run --release -p dpark --example speed [MEGABYTES OF TEXT] [NUMBERS]`

use dpark::{DparkContext, Result};
use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (megabytes, numbers) = (arguments.next().unwrap_or(1000), arguments.next().unwrap_or(1_000_000_000));
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let ctx = DparkContext::local(threads);
    narrow(&ctx, threads, numbers as i64)?;
    word_count(&ctx, threads, megabytes as usize)
}

/// Wall and CPU seconds of the quickest of five runs.
fn best(mut f: impl FnMut()) -> (f64, f64) {
    let mut best = (f64::INFINITY, f64::INFINITY);
    for _ in 0..5 {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        f();
        best = (best.0.min(start.elapsed().as_secs_f64()), best.1.min(cpu_seconds() - cpu));
    }
    best
}

fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn report(what: &str, engine: (f64, f64), plain: (f64, f64)) {
    println!(
        "{what}: engine {:.2} s (CPU {:.2}), plain {:.2} s (CPU {:.2}), ratio {:.2} (CPU {:.2})",
        engine.0,
        engine.1,
        plain.0,
        plain.1,
        engine.0 / plain.0,
        engine.1 / plain.1
    );
}

fn narrow(ctx: &DparkContext, threads: usize, numbers: i64) -> Result<()> {
    let loop_over = |start: i64, end: i64| {
        let mut sum = 0i64;
        for i in start..end {
            let x = i * 3 + 1;
            if x % 7 != 0 {
                sum += x;
            }
        }
        sum
    };
    let mut expected = 0;
    let plain = best(|| {
        let part = |i: i64| numbers * i / threads as i64;
        expected = std::thread::scope(|scope| {
            let parts = (0..threads as i64).map(|i| scope.spawn(move || black_box(loop_over)(part(i), part(i + 1))));
            parts.collect::<Vec<_>>().into_iter().map(|part| part.join().expect("no panic")).sum()
        });
    });
    let rdd = ctx.range(0, numbers).map(|i| i * 3 + 1).filter(|x| x % 7 != 0);
    let mut sum = Ok(0);
    let engine = best(|| sum = rdd.sum());
    assert_eq!(sum?, expected);
    report(&format!("map, filter, sum of {numbers} numbers"), engine, plain);
    Ok(())
}

fn word_count(ctx: &DparkContext, threads: usize, megabytes: usize) -> Result<()> {
    let directory = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "." });
    let directory = directory.expect("a temporary directory");
    let path = directory.path().join("words.txt");
    write_text(&path, megabytes);
    let mut expected = HashMap::new();
    let plain = best(|| expected = plain_word_count(&path, threads));
    let mut counts = Ok(HashMap::new());
    let engine = best(|| {
        let words =
            ctx.text_file(&path).flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        counts = words.map(|word| (word, 1u64)).reduce_by_key(|a, b| a + b).collect_as_map();
    });
    assert!(counts? == expected, "both programs count the same");
    report(&format!("word count of {megabytes} MB, {} words", expected.len()), engine, plain);
    Ok(())
}

/// Different words in the text.
const DISTINCT: f64 = 500_000.0;

/// Lines of ten words, distributed as in real text.
fn write_text(path: &Path, megabytes: usize) {
    let mut out = BufWriter::new(File::create(path).expect("the file can be made"));
    let mut state = 1u64;
    let mut written = 0;
    while written < megabytes << 20 {
        for i in 0..10 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let uniform = (state >> 33) as f64 / f64::from(1u32 << 31);
            // Zipf's law with exponent 1: the rank's logarithm is uniform.
            let word = DISTINCT.powf(uniform) as u32;
            let separator = if i == 9 { '\n' } else { ' ' };
            let text = format!("w{word:x}{separator}");
            written += text.len();
            out.write_all(text.as_bytes()).expect("the text can be written");
        }
    }
    out.flush().expect("the text can be written");
}

/// What one would write by hand: each thread reads a part of the file and counts in a map of its own.
fn plain_word_count(path: &Path, threads: usize) -> HashMap<String, u64> {
    let size = std::fs::metadata(path).expect("the file is there").len();
    let part = |i: usize| size * i as u64 / threads as u64;
    std::thread::scope(|scope| {
        let counts = (0..threads).map(|i| scope.spawn(move || count_part(path, part(i), part(i + 1))));
        let mut total: HashMap<String, u64> = HashMap::new();
        for counts in counts.collect::<Vec<_>>() {
            for (word, n) in counts.join().expect("no panic") {
                *total.entry(word).or_default() += n;
            }
        }
        total
    })
}

fn count_part(path: &Path, start: u64, end: u64) -> HashMap<String, u64> {
    use std::io::BufRead;
    let mut file = File::open(path).expect("the file is there");
    let mut at = start.saturating_sub(1);
    file.seek(SeekFrom::Start(at)).expect("the file can be read");
    let mut reader = std::io::BufReader::with_capacity(1 << 18, file);
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut line = String::new();
    if start > 0 {
        at += reader.read_line(&mut line).expect("text") as u64;
    }
    while at < end {
        line.clear();
        match reader.read_line(&mut line).expect("text") {
            0 => break,
            n => at += n as u64,
        }
        for word in line.split_whitespace() {
            match counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(word.to_owned(), 1);
                }
            }
        }
    }
    counts
}
