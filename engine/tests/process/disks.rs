//! A work directory on several disks.

use crate::support::{Collected, Disk, collected, files_ending, in_directories, wait_for};
use crate::{run_again, tests};
use dpark::event::Event;
use dpark::{DparkContext, Rdd, StorageLevel};
use std::path::{Path, PathBuf};

tests!(
    files_are_spread_over_disks,
    full_and_read_only_disks_are_skipped,
    when_all_disks_are_full_it_is_an_error,
    the_environment_names_disks,
);

/// Has the disks that were skipped.
fn skipped(ctx: &DparkContext) -> Collected<(String, String)> {
    collected(ctx, |event| match event {
        Event::DiskSkipped { directory, why } => Some((directory.clone(), why.clone())),
        _ => None,
    })
}

/// Cached blocks, map outputs and parts of a result of half a megabyte each, so many of each. The map outputs stay with what is
/// returned.
fn check(ctx: &DparkContext, maps: usize) -> Rdd<(i64, i64)> {
    let not_stored = collected(ctx, |event| matches!(event, Event::BlockNotStored { .. }).then_some(()));
    let rows = maps as i64 * 30_000;
    let numbers =
        ctx.range_with(0, rows, 1, maps).map(|x| (x, x.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed())));
    let numbers = numbers.persist(StorageLevel::Disk);
    assert_eq!(numbers.count().unwrap(), rows as u64);
    let sums = numbers.reduce_by_key(|a, b| a + b);
    assert_eq!(sums.count().unwrap(), rows as u64);
    let sorted = numbers.map(|row| row.0).sort_by(|x| -x).collect().unwrap();
    assert!(sorted.len() == rows as usize && sorted.is_sorted_by(|a, b| a > b));
    assert!(not_stored.lock().unwrap().is_empty(), "every block was stored");
    sums
}

/// The map outputs on a disk, each with its index beside it.
fn map_outputs(disk: &Path) -> usize {
    let mut outputs = 0;
    // Those that nobody needs any more may be about to go.
    wait_for("data and index are together", || {
        let data = files_ending(disk, "data");
        outputs = data.len();
        data.iter().all(|path| path.with_extension("index").exists())
    });
    outputs
}

fn files_are_spread_over_disks() {
    let disks = [Disk::mount("size=64m"), Disk::mount("size=64m")];
    let ctx = in_directories("process[2]", disks.iter().map(Disk::path));
    let skipped = skipped(&ctx);
    let pairs = ctx.range_with(0, 3200, 1, 32).map(|x| (x % 100, x)).reduce_by_key(|a, b| a + b);
    assert_eq!(pairs.count().unwrap(), 100);
    let outputs = disks.each_ref().map(|disk| map_outputs(disk.path()));
    assert!(outputs[0] + outputs[1] == 32 && outputs.iter().all(|outputs| *outputs >= 4), "{outputs:?}");
    drop(check(&ctx, 8));
    assert!(skipped.lock().unwrap().is_empty());
    drop(pairs);
    ctx.stop();
    let left = disks.iter().flat_map(|disk| std::fs::read_dir(disk.path()).unwrap()).count();
    assert_eq!(left, 0, "nothing is left behind");
}

fn full_and_read_only_disks_are_skipped() {
    let (full, read_only, other) = (Disk::mount("size=300k"), Disk::mount("ro"), Disk::mount("size=64m"));
    let ctx = in_directories("process[2]", [&full, &read_only, &other].map(Disk::path));
    let skipped = skipped(&ctx);
    let _kept = check(&ctx, 8);
    let skipped = skipped.lock().unwrap();
    let (directory, why) = skipped.first().expect("it is told");
    assert_eq!(Path::new(directory), full.path());
    assert!(why.contains("No space left on device"), "{why}");
    assert!(skipped.iter().all(|disk| disk.0 == *directory), "{skipped:?}");
    assert!(map_outputs(other.path()) > 0);
}

fn when_all_disks_are_full_it_is_an_error() {
    let disks = [Disk::mount("size=200k"), Disk::mount("size=200k")];
    let ctx = in_directories("process[2]", disks.iter().map(Disk::path));
    let pairs = ctx.range_with(0, 400_000, 1, 8).map(|x| (x, x)).reduce_by_key(|a, b| a + b);
    let error = pairs.count().unwrap_err().to_string();
    let [first, second] = disks.each_ref().map(|disk| disk.path().display().to_string());
    assert!(error.contains(&first) && error.contains(&second), "{error}");
    assert!(error.contains("No space left on device") && error.contains("free some space"), "{error}");
    drop(pairs);
    assert_eq!(ctx.range(0, 100).count().unwrap(), 100, "the executors live on");
}

fn the_environment_names_disks() {
    const NAMES: &str = "DPARK_WORK_DIR";
    if let Ok(names) = std::env::var(NAMES) {
        let (first, second) = names.split_once(',').unwrap();
        let ctx = DparkContext::from_args().unwrap();
        assert_eq!(ctx.conf().work_dirs, [first, second].map(PathBuf::from));
        return;
    }
    run_again(&[], "the_environment_names_disks", &[(NAMES, "/tmp/first,/tmp/second")]);
}
