//! Executors that run as users of their own and cannot read each other's files, so that all comes over HTTP.

use crate::support::{in_directory, processes, wait_for};
use crate::{run_again, tests};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

tests!(over_http);

/// What starts executors, see `cluster/launcher`.
const COMMAND: &str = "DPARK_EXECUTOR_COMMAND";

/// Hands the directories of an executor over to a user of its own, and becomes the executor as that one.
const AS_A_USER: &str = r#"#!/bin/sh
for directory in $DPARK_EXECUTOR_DIRECTORIES; do
    user=$((20000 + ${directory##*/executor-}))
    above=$(dirname "$directory")
    chmod o+x "$above" "$(dirname "$above")"
    chown "$user:$user" "$directory"
done
exec setpriv --reuid="$user" --regid="$user" --clear-groups --pdeathsig=keep "$@"
"#;

/// The tests of shuffles and losses once more.
fn over_http() {
    // In that run this is a test of its own.
    if std::env::var_os(COMMAND).is_some() {
        return files_of_others_are_closed();
    }
    let root = Path::new("/proc/self").metadata().unwrap().uid() == 0;
    assert!(root, "this test starts executors as users of their own, which only root may: run it as root");
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, put: &dyn Fn(&Path)| {
        let path = directory.path().join(name);
        put(&path);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let script = put("as-a-user", &|path| std::fs::write(path, AS_A_USER).unwrap());
    // Others may not come to where this program is.
    let program = put("program", &|path| {
        std::fs::copy(std::env::current_exe().unwrap(), path).unwrap();
    });
    let command = format!("{script} {program}");
    const BROADCASTS: [&str; 4] = ["come_from_peers", "damage_at_a_peer", "death_of_a_peer", "parallelized_rows"];
    const OTHERS: [&str; 7] =
        ["over_http", "shuffles", "sorts", "large_results", "a_killed_executor", "damaged_and", "a_hundred_jobs"];
    for name in OTHERS.into_iter().chain(BROADCASTS) {
        run_again(&[], name, &[(COMMAND, &command)]);
    }
}

/// What a task finds out about a directory: as which user, and why it cannot look into it.
type Look = (u32, Option<String>);

fn files_of_others_are_closed() {
    let directory = tempfile::tempdir().unwrap();
    let ctx = in_directory("process[2]", directory.path());
    let pids = processes(&ctx);
    let pairs = ctx.range_with(0, 1000, 1, 8).map(|x| (x % 10, x)).reduce_by_key(|a, b| a + b);
    assert_eq!(pairs.collect_as_map().unwrap()[&3], 49_800);
    wait_for("two executors have joined", || pids.lock().unwrap().len() == 2);
    let private = std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
    let of_executors: Vec<PathBuf> = [1, 2].map(|n| private.join(format!("executor-{n}"))).into();
    let look = ctx.range_with(0, 8, 1, 8).with_env((&of_executors,)).flat_map(|(directories,)| {
        move |_| {
            std::thread::sleep(Duration::from_millis(100));
            let user = Path::new("/proc/self").metadata().unwrap().uid();
            let look = |path: &PathBuf| (user, std::fs::read_dir(path).err().map(|error| error.kind().to_string()));
            directories.iter().map(look).collect::<Vec<Look>>()
        }
    });
    let denied = Some(ErrorKind::PermissionDenied.to_string());
    let mut users = BTreeSet::new();
    for looks in look.collect().unwrap().chunks(2) {
        users.insert(looks[0].0);
        let reasons: BTreeSet<_> = looks.iter().map(|look| look.1.clone()).collect();
        assert_eq!(reasons, [None, denied.clone()].into(), "its own directory is open, the other's is not: {looks:?}");
    }
    assert_eq!(users, [20_001, 20_002].into());
}
