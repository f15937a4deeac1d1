//! `dpark-repl bundle`: what it writes is all that executors need.

use dpark_tests::program;
use dpark_tests::shell::Shell;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

/// Lets executors run in a root directory with nothing in it but the C library and a bundle, so that all else must come to them.
pub(crate) fn in_bare_root(shell: Shell) -> Shell {
    assert!(
        fs::metadata("/proc/self").unwrap().uid() == 0,
        "this test starts executors in another root, which only root may: run it as root"
    );
    let root = shell.path("root");
    let bundle = root.join("bundle");
    let made = Command::new(program::dpark_repl())
        .arg("bundle")
        .arg(&bundle)
        .env("DPARK_CACHE_DIR", program::cache_directory())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let listed = String::from_utf8(made.stdout).unwrap();
    assert!(listed.contains("dpark-executor") && listed.contains("libdpark.so"), "{listed}");
    // Where the loader is, and what it needs of the C library.
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps.lines().find(|line| line.ends_with("/libc.so.6")).unwrap();
    let libraries = Path::new(&libc[libc.find('/').unwrap()..]).parent().unwrap();
    for name in ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"] {
        let to = root.join(libraries.strip_prefix("/").unwrap()).join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(libraries.join(name), to).unwrap();
    }
    let loader = Path::new("/lib64/ld-linux-x86-64.so.2");
    fs::create_dir_all(root.join("lib64")).unwrap();
    fs::copy(loader, root.join("lib64/ld-linux-x86-64.so.2")).unwrap();
    let mode = fs::metadata(bundle.join("dpark-executor")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "it can be executed");
    let again = Command::new(program::dpark_repl()).arg("bundle").arg(&bundle).output().unwrap();
    assert!(String::from_utf8_lossy(&again.stderr).contains("bundle is not empty"), "{again:?}");
    let command = format!("chroot {} /bundle/dpark-executor", root.display());
    shell.env("DPARK_EXECUTOR_COMMAND", command).arg("-m").arg("process[2]")
}

#[test]
fn a_bundle_works_where_nothing_else_is() {
    in_bare_root(Shell::new()).transcript(&[
        ("let n = 3_i64; let words = vec![\"a\".to_owned(), \"b\".to_owned()];", ""),
        (
            "ctx.range(0, 2).map(|_| std::fs::read_dir(\"/\").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| name == \"bundle\" || name == \"etc\").collect::<Vec<_>>().join(\" \")).collect()?",
            "[\"bundle\", \"bundle\"]",
        ),
        (
            "#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)] struct Word { text: String, n: i64 }",
            "",
        ),
        (
            "ctx.range(0, 10).map(|x| (Word { text: words[(x % 2) as usize].clone(), n }, x)).reduce_by_key(|a, b| a + b).sort_by_key().map(|(w, sum)| format!(\"{}{} {sum}\", w.text, w.n)).collect()?",
            "[\"a3 20\", \"b3 25\"]",
        ),
        ("ctx.range(0, 400_000).map(|x| x + n).collect()?.len()", "400000"),
        ("let table = ctx.broadcast(words.clone());", ""),
        ("ctx.range(0, 4).map(|x| table[(x % 2) as usize].clone()).collect()?", "[\"a\", \"b\", \"a\", \"b\"]"),
    ]);
}

#[test]
fn a_command_that_does_not_exist_is_named() {
    let shell = Shell::new().env("DPARK_EXECUTOR_COMMAND", "/no/such/command /bundle/dpark-executor");
    let mut shell = shell.arg("-m").arg("process[1]").cell("ctx.range(0, 3).count()?");
    shell.run().fails("error: tasks cannot be run: /no/such/command: No such file or directory[…]");
}
