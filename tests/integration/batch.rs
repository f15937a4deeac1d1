//! `-e`, scripts and standard input.

use dpark_tests::shell::Shell;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

#[test]
fn a_cell_prints_its_value() {
    Shell::new().cell("1 + 1").run().prints("2\n");
}

#[test]
fn cells_share_their_variables() {
    Shell::new().cell("let n = 20;").cell("let m = n + 1;").cell("n + m").run().prints("41\n");
}

#[test]
fn a_cell_may_begin_with_a_hyphen() {
    Shell::new().cell("let n = 20;").cell("-n").run().prints("-20\n");
}

#[test]
fn cells_come_before_the_script() {
    let mut shell = Shell::new().file("s.rs", "n * 2\n").cell("let n = 20;").arg("s.rs");
    shell.run().prints("40\n");
}

#[test]
fn a_compile_error_exits_with_one() {
    let ended = Shell::new().cell("let s: String = 1;").run();
    ended.fails("error[E0308]: mismatched types[…]cell 1:1:17[…]");
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_cell_left_by_a_question_mark_exits_with_one() {
    let ended = Shell::new().cell("println!(\"before\"); \"x\".parse::<i32>()?; println!(\"after\");").run();
    ended.fails("error: ParseIntError { kind: InvalidDigit }");
    assert_eq!(ended.stdout, "before\n");
}

#[test]
fn a_panic_exits_with_one() {
    Shell::new().cell("panic!(\"too bad\")").run().fails("error: panicked: too bad (at cell 1, line 1)");
}

#[test]
fn an_unknown_command_exits_with_one() {
    Shell::new().cell(":stage").run().fails("error: there is no command :stage; did you mean :stages?");
}

#[test]
fn nothing_runs_after_a_cell_that_failed() {
    let ended = Shell::new().cell("println!(\"one\");").cell("None::<i32>.unwrap()").cell("println!(\"three\");").run();
    assert_eq!((ended.stdout.as_str(), ended.code), ("one\n", Some(1)));
}

#[test]
fn user_code_chooses_the_exit_code() {
    let ended = Shell::new().cell("println!(\"bye\"); std::process::exit(7)").run();
    assert_eq!((ended.stdout.as_str(), ended.code), ("bye\n", Some(7)), "{ended:?}");
}

#[test]
fn results_go_to_stdout_and_everything_else_to_stderr() {
    let ended = Shell::new().cell("println!(\"out\"); eprintln!(\"err\"); ctx.range(0, 4).sum()?").run();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str(), ended.code), ("out\n6\n", "err\n", Some(0)));
}

#[test]
fn a_script_is_cut_into_cells_and_gets_its_arguments() {
    let script = "#!/usr/bin/env dpark-repl
let args: Vec<String> = std::env::args().collect();
// %% what it was called with
println!(\"{}\", args[1..].join(\" \"));
// %%
let n: i64 = args[2].parse()?;
// %%
ctx.range(0, n).sum()?
";
    let mut shell = Shell::new().file("sum.rs", script).arg("sum.rs").arg("-x").arg("5").arg("--help");
    shell.run().prints("-x 5 --help\n10\n");
}

#[test]
fn the_first_argument_is_the_script() {
    let mut shell = Shell::new().file("name.rs", "std::env::args().next().unwrap()").arg("name.rs");
    shell.run().prints("\"name.rs\"\n");
}

#[test]
fn a_script_may_be_one_cell_that_ends_without_a_value() {
    let script = "let words = ctx.parallelize(vec![1, 2, 3].into_iter().map(|n| n.to_string()).collect::<Vec<_>>());
for word in words.collect()? {
    println!(\"{word}\");
}
";
    let mut shell = Shell::new().file("s.rs", script).arg("s.rs");
    shell.run().prints("1\n2\n3\n");
}

#[test]
fn an_error_in_a_script_names_the_line_of_the_file() {
    let mut shell = Shell::new().file("s.rs", "#!/usr/bin/env dpark-repl\nlet n = 1;\n// %%\n\n\nn + nn\n").arg("s.rs");
    shell.run().fails("error[E0425]: cannot find value `nn`[…]:6:5[…]6 | n + nn[…]");
}

#[test]
fn a_script_that_is_executable_runs_by_its_first_line() {
    let interpreter =
        format!("#!{}\nprintln!(\"{{:?}}\", std::env::args().nth(1));\n", dpark_tests::program::dpark_repl().display());
    let shell = Shell::new().file("run", interpreter);
    let path = shell.path("run");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new(&path);
    dpark_tests::shell::isolate(&mut command, shell.directory());
    let output = command.arg("an argument").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Some(\"an argument\")\n", "{output:?}");
}

#[test]
fn a_script_that_is_missing_or_no_text_is_named() {
    Shell::new().arg("nowhere.rs").run().fails("error: nowhere.rs: No such file or directory[…]");
    let mut shell = Shell::new().file("bytes.rs", b"let x = \"\xff\";").arg("bytes.rs");
    shell.run().fails("error: bytes.rs: not UTF-8 at byte 9");
}

/// A compiler that counts its calls.
fn counting_compiler(shell: &Shell) -> (String, PathBuf) {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let real = format!("{}/bin/rustc", String::from_utf8(output.stdout).unwrap().trim());
    let (tools, log) = (shell.path("tools"), shell.path("compiled"));
    std::fs::create_dir(&tools).unwrap();
    let program = |name: &str, text: String| {
        let path = tools.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    };
    // Without rustup the shell takes what is on the PATH.
    program("rustup", "#!/bin/sh\nexit 1\n".to_owned());
    program(
        "rustc",
        format!(
            "#!/bin/sh\ncase \"$*\" in *crate-type=cdylib*) echo call >> '{}';; esac\nexec '{real}' \"$@\"\n",
            log.display()
        ),
    );
    (format!("{}:{}", tools.display(), std::env::var("PATH").unwrap()), log)
}

#[test]
fn a_script_that_runs_again_does_not_compile_again() {
    // Something new in each cell, or an earlier run of this test would have compiled it.
    let salt = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let script = |last: &str| {
        format!(
            "let salt = {salt}_u128;\n// %%\nfn twice(x: u128) -> u128 {{ 2 * x }}\n// %%\ntwice(salt) / 2 - {salt}{last}\n"
        )
    };
    let shell = Shell::new().file("s.rs", script("")).arg("s.rs");
    let (path, log) = counting_compiler(&shell);
    let mut shell = shell.env("PATH", path);
    let calls = || std::fs::read_to_string(&log).unwrap_or_default().lines().count();
    shell.run().prints("0\n");
    let first = calls();
    assert!(first > 0, "the compiler that counts was not called");
    shell.run().prints("0\n");
    assert_eq!(calls(), first);
    // A changed cell is compiled, the ones before it are not.
    std::fs::write(shell.path("s.rs"), script(" + 5")).unwrap();
    shell.run().prints("5\n");
    assert_eq!(calls(), first + 1);
}

#[test]
fn input_is_read_as_at_the_prompt() {
    let input = "let n = 3_i64;\n\nfn cube(x: i64) -> i64 {\n    x * x * x\n}\nn +\n1\ncube(n)\nctx.range(0, 10).map(|x| {\n    x + n\n}).sum()?\n";
    Shell::new().feed(input).prints("4\n27\n75\n");
}

#[test]
fn input_goes_on_after_an_error_and_the_exit_code_tells() {
    let ended = Shell::new().feed("let n = 3;\nn + \"a\"\nn\n");
    assert_eq!((ended.stdout.as_str(), ended.code), ("3\n", Some(1)), "{ended:?}");
    assert!(ended.stderr.starts_with("error[E0277]"), "{ended:?}");
}

#[test]
fn a_hyphen_is_standard_input_and_may_have_arguments() {
    Shell::new()
        .arg("-")
        .arg("a")
        .arg("b")
        .feed("std::env::args().skip(1).collect::<Vec<_>>()\n")
        .prints("[\"a\", \"b\"]\n");
}

#[test]
fn an_incomplete_last_cell_is_reported() {
    let ended = Shell::new().feed("1\nfn f() {\n");
    assert_eq!((ended.stdout.as_str(), ended.code), ("1\n", Some(1)), "{ended:?}");
}

#[test]
fn user_code_reads_the_line_that_is_typed_next() {
    let mut shell = Shell::new();
    let mut child = shell.spawn();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut expect = |wanted: &str| {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, wanted);
    };
    stdin
        .write_all(b"let mut name = String::new(); println!(\"name?\"); std::io::stdin().read_line(&mut name)?; println!(\"thanks\");\n")
        .unwrap();
    expect("name?\n");
    stdin.write_all(b"Ada \"Lovelace\n").unwrap();
    // What is written later cannot have been read ahead.
    expect("thanks\n");
    stdin.write_all(b"name\n").unwrap();
    drop(stdin);
    expect("\"Ada \\\"Lovelace\\n\"\n");
    assert!(child.wait().success());
}

/// As in bash, where `read` takes the next line of the script: what follows stays for the shell.
#[test]
fn user_code_reads_the_line_after_its_cell() {
    let input = "let mut line = String::new(); std::io::stdin().read_line(&mut line)?;\nfor the code\nline\n";
    Shell::new().feed(input).prints("\"for the code\\n\"\n");
}

#[test]
fn user_code_may_read_all_of_the_rest() {
    let input = "let text = std::io::read_to_string(std::io::stdin())?; println!(\"{text:?}\");\na\nb\n";
    Shell::new().feed(input).prints("\"a\\nb\\n\"\n");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut shell = Shell::new().cell("for n in 0..1_000_000 { println!(\"{n}\"); }");
    let mut child = shell.spawn();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "0\n");
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((stderr.as_str(), child.wait().code()), ("", Some(0)));
}

#[test]
fn a_reader_that_leaves_before_a_result_is_no_error() {
    let mut shell = Shell::new().cell("(0..1_000_000).collect::<Vec<i64>>()");
    let mut child = shell.spawn();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((stderr.as_str(), child.wait().code()), ("", Some(0)));
}
