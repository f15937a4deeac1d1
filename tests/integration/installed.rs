//! A copy of the program, far from its clone, on a machine that has none of its files.

use dpark_tests::{program, shell};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// The clone is covered by an empty file system in a mount namespace of its own; only the program is taken along.
#[test]
fn runs_from_anywhere_without_its_clone() {
    assert!(
        std::fs::metadata("/proc/self").unwrap().uid() == 0,
        "this test hides the clone in a mount namespace, which only root may: run it as root"
    );
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("dpark-repl");
    std::fs::copy(program::dpark_repl(), &copy).unwrap();
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let built_from = program::dpark_repl().ancestors().nth(2).unwrap();
    let script = "for hidden in \"$1\" \"$2\"; do mount -t tmpfs none \"$hidden\" || exit 9; done
cd /
test -e \"$2/Cargo.toml\" && exit 8
\"$3\" -e '(1..4).map(|x| x * 2).sum::<i32>()' || exit 7
echo 'let n = 5_i64;
ctx.range(0, 4).map(|x| x + n).sum()?' | \"$3\"
";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(built_from).arg(clone).arg(&copy);
    shell::isolate(&mut command, directory.path());
    command.env("DPARK_CACHE_DIR", directory.path().join("cache"));
    command.env_remove("CARGO").env_remove("CARGO_TARGET_DIR").env_remove("CARGO_MANIFEST_DIR");
    let output = command.output().expect("unshare of util-linux starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stderr}", output.status);
    assert_eq!(stdout, "12\n26\n", "{stderr}");
    // The first start says what it builds; the second has nothing to build.
    assert!(stderr.starts_with("building the engine for this machine"), "{stderr}");
    assert!(stderr.contains("building dpark-executor"), "{stderr}");
    assert_eq!(stderr.matches("building the engine").count(), 1, "{stderr}");
}
