//! Where settings come from, and masters that are not there yet.

use dpark_tests::shell::Shell;

/// The row of `:conf` for a key: value and origin.
fn setting(shell: &mut Shell, key: &str) -> (String, String) {
    let answer = shell.cells(&[":conf"]).remove(0);
    let row = answer
        .lines()
        .find(|line| line.starts_with(&format!("│ {key} ")))
        .unwrap_or_else(|| panic!("no {key} in\n{answer}"));
    let mut cells = row.split('│').map(|cell| cell.trim().to_owned()).skip(2);
    (cells.next().unwrap(), cells.next().unwrap())
}

fn is(setting: (String, String), value: &str, origin: &str) {
    assert_eq!((setting.0.as_str(), setting.1.as_str()), (value, origin));
}

#[test]
fn nearer_sources_win() {
    let plain = || Shell::new().without_env("DPARK_MASTER");
    is(setting(&mut plain(), "master"), "local", "default");
    let file = |shell: Shell| shell.file("dpark.toml", "master = \"local[3]\"\nparallel = 4\n");
    let mut shell = file(plain());
    let origin = shell.path("dpark.toml").canonicalize().unwrap().display().to_string();
    is(setting(&mut shell, "master"), "local[3]", &origin);
    let mut shell = file(plain()).env("DPARK_MASTER", "local[5]");
    is(setting(&mut shell, "master"), "local[5]", "$DPARK_MASTER");
    let mut shell = file(plain()).env("DPARK_MASTER", "local[5]").arg("-m").arg("local[7]");
    is(setting(&mut shell, "master"), "local[7]", "-m");
    let origin = shell.path("dpark.toml").canonicalize().unwrap().display().to_string();
    is(setting(&mut shell, "parallel"), "4", &origin);
    is(setting(&mut shell.arg("-p").arg("9"), "parallel"), "9", "-p");
}

#[test]
fn files_are_searched_upwards_and_in_the_users_configuration() {
    let shell = Shell::new().file("dpark.toml", "parallel = 4\nmem = \"300\"\n");
    let inner = shell.path("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::create_dir_all(shell.path(".config/dpark")).unwrap();
    std::fs::write(shell.path(".config/dpark/dpark.toml"), "parallel = 1\nverbosity = \"quiet\"\n").unwrap();
    std::fs::write(inner.join("dpark.toml"), "parallel = 6\n").unwrap();
    let mut shell = shell.directory_inside("a/b");
    assert_eq!(setting(&mut shell, "parallel").0, "6");
    assert_eq!(setting(&mut shell, "mem").0, "300");
    assert_eq!(setting(&mut shell, "verbosity").0, "quiet");
}

#[test]
fn settings_reach_the_engine() {
    let shell = || Shell::new().arg("-m").arg("local[3]").arg("-p").arg("7").arg("-M").arg("64m");
    shell()
        .cell("(ctx.conf().master.clone(), ctx.default_parallelism(), ctx.memory())")
        .run()
        .prints("(\"local[3]\", 7, 67108864)\n");
    shell().cell("ctx.range(0, 100).num_partitions()").run().prints("7\n");
    let mut shell = Shell::new().arg("--err").arg("0.25").env("DPARK_WORK_DIR", "work");
    let work = shell.path("work").canonicalize().unwrap_or(shell.directory().canonicalize().unwrap().join("work"));
    shell.transcript(&[
        ("(ctx.conf().err, ctx.conf().work_dirs.clone())", &format!("(0.25, [{work:?}])")),
        (":conf", "[…]│ work_dir     │ work     │ $DPARK_WORK_DIR │[…]│ err          │ 0.25     │ --err           │[…]"),
        (
            "let r = ctx.range(0, 100).map(|x| if x % 10 == 7 { panic!(\"no {x}\") } else { x }).persist(StorageLevel::Disk);",
            "",
        ),
        ("r.count()?", "90\n10 bad records skipped\nskipped in map, for example: panicked at cell 2, line 1: no […]7"),
        (":stages", "[…]│ bad records │[…]│          10 │[…]"),
        ("std::fs::read_dir(\"work\")?.count()", "1"),
        (":cache", "[…]│ r   │ map at cell 2, line 1 │ disk  │               2/2 │    0 B │[…]"),
        (":lineage r", "r = map [2]: i64 · 2 partitions · cell 2, line 1 · ● cached 2/2 (disk)\n[…]"),
        ("r.checkpoint(\"saved\")?;", ""),
        (":lineage r", "r = map [2]: […] · ■ checkpoint in […]/saved"),
        (":cache", "[…]│ checkpoint […]/saved │[…]"),
    ]);
    assert_eq!(std::fs::read_dir(work).unwrap().count(), 0, "the session leaves nothing in the work directory");
    Shell::new().arg("--master=local[1]").transcript(&[("ctx", "[…]local[1][…]")]);
}

#[test]
fn bad_settings_name_their_source() {
    Shell::new()
        .arg("-m")
        .arg("moon[3]")
        .cell("1")
        .run()
        .fails("error: -m: master = `moon[3]`: no such master; use local[…]");
    Shell::new()
        .env("DPARK_PARALLEL", "many")
        .cell("1")
        .run()
        .fails("error: $DPARK_PARALLEL: parallel = `many`: a whole number is wanted");
    const RATIO: &str = "a number from 0 (skip no bad record) to 1 is wanted, for example 0.01";
    Shell::new().arg("--err=-1").cell("1").run().fails(&format!("error: --err: err = `-1`: {RATIO}"));
    Shell::new().env("DPARK_ERR", "1%").cell("1").run().fails(&format!("error: $DPARK_ERR: err = `1%`: {RATIO}"));
    Shell::new().file("file", "").env("DPARK_WORK_DIR", "file/work").cell("1").run().fails(
        "error: $DPARK_WORK_DIR: work_dir = `file/work`: file is not a directory; name one that dpark may write to",
    );
    let bad = |text: &str| Shell::new().file("dpark.toml", text).cell("1").run();
    bad("paralel = 4\n").fails("error: […]dpark.toml: there is no key `paralel`[…]");
    bad("err = 2\n").fails(&format!("error: […]dpark.toml: err = `2`: {RATIO}"));
    bad("mem = \"lots\"\n").fails("error: […]dpark.toml: mem = `lots`: a size is wanted[…]");
    bad("mem = = 1\n").fails("error: […]dpark.toml: TOML parse error[…]");
}

#[test]
fn masters_that_come_later_say_so() {
    for (master, part) in [
        ("mesos", "Mesos executors"),
        ("mesos://host:5050", "Mesos executors"),
        ("zk://a:2181,b:2181/mesos", "Mesos executors"),
        ("host", "Mesos executors"),
        ("10.0.0.1:5050", "Mesos executors"),
    ] {
        let expected = format!(
            "error: master `{master}`: {part} come with their own part of dpark, which is not in this version yet; use local or process"
        );
        Shell::new().arg("-m").arg(master).cell("1").run().fails(&expected);
        Shell::new().env("DPARK_MASTER", master).cell("1").run().fails(&expected);
    }
}

#[test]
fn verbosity() {
    let ended = Shell::new().arg("-v").cell("ctx.range(0, 4).count()?").run();
    assert_eq!(ended.stdout, "4\n");
    assert!(ended.stderr.starts_with("1 stage · 2 tasks · "), "{}", ended.stderr);
    Shell::new().arg("-q").cell("ctx.range(0, 4).count()?").run().prints("4\n");
    let again = ":restart\nlet n = 1;\nn\n";
    Shell::new().arg("-q").feed(again).prints("1\n");
}

#[test]
fn help_and_version() {
    let ended = Shell::new().arg("--help").run();
    assert_eq!(ended.code, Some(0));
    for option in ["-m, --master", "-p, --parallel", "-M, --mem", "-v, --verbose", "-q, --quiet", "-e <CODE>", "doctor"]
    {
        assert!(ended.stdout.contains(option), "{option} is missing:\n{}", ended.stdout);
    }
    Shell::new().arg("--version").run().prints("dpark-repl 0.1.0\n");
}

#[test]
fn doctor() {
    let ended = Shell::new().arg("doctor").run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for part in ["rustc", "cargo", "rust-src", "shared libstd", "a linker (cc)", "the cache directory"] {
        assert!(ended.stdout.contains(&format!("ok       {part}: ")), "{}", ended.stdout);
    }
}

#[test]
fn doctor_names_what_is_missing_and_the_command_that_brings_it() {
    let ended = Shell::new().env("PATH", "/nowhere").arg("doctor").run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("missing  rustc: "), "{}", ended.stdout);
    assert!(ended.stdout.contains("to get it: curl "), "{}", ended.stdout);
    assert!(ended.stdout.contains("missing  a linker (cc): "), "{}", ended.stdout);
    let ended = Shell::new().env("PATH", "/nowhere").cell("1").run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("rustc is missing") && ended.stderr.contains("curl "), "{}", ended.stderr);
}
