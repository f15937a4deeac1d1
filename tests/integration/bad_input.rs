//! Bad input: each failure names the object and the reason, and the session lives.

use dpark_tests::shell::{Shell, matches};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn a_file_that_is_missing() {
    Shell::new().transcript(&[
        ("ctx.text_file(\"no/such/file\").count()?", "error: no/such/file: No such file or directory[…]"),
        ("ctx.text_file(\"*.nothing\").count()?", "error: *.nothing: […]"),
        ("ctx.range(0, 2).count()?", "2"),
    ]);
}

#[test]
fn a_directory_that_may_not_be_read() {
    let shell = Shell::new();
    let closed = shell.path("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::write(closed.join("a.txt"), "text\n").unwrap();
    let read = "ctx.text_file(\"closed\").count()?";
    if !is_root() {
        std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
        let mut shell = shell.cell(read);
        shell.run().fails("error: closed: Permission denied[…]");
        std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        return;
    }
    // Root may read everything, unless it gives up that right.
    std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]);
    command.arg(dpark_tests::program::dpark_repl()).args(["-m", "local[2]", "-e", read]);
    dpark_tests::shell::isolate(&mut command, shell.directory());
    let output = command.output().expect("setpriv of util-linux starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(matches("error: closed[…]Permission denied[…]", &stderr), "{output:?}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn bytes_that_are_no_text() {
    let mut shell = Shell::new().file("bytes.txt", b"fine\nnot \xff\xfe fine\nfine again\n");
    shell.transcript(&[
        ("let lines = ctx.text_file(\"bytes.txt\");", ""),
        ("lines.count()?", "error: […]bytes.txt: […]UTF-8[…]"),
        ("1 + 1", "2"),
    ]);
}

#[test]
fn gzip_whole_cut_and_damaged() {
    let whole = gzip(&"a line of text\n".repeat(1000));
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..].iter_mut().for_each(|byte| *byte ^= 0x5a);
    let mut shell = Shell::new()
        .file("whole.gz", &whole)
        .file("cut.gz", &whole[..whole.len() - 9])
        .file("damaged.gz", damaged)
        .file("no.gz", "this is no gzip\n");
    shell.transcript(&[
        ("ctx.text_file(\"whole.gz\").count()?", "1000"),
        ("ctx.text_file(\"cut.gz\").count()?", "error: […]cut.gz: […]"),
        ("ctx.text_file(\"damaged.gz\").count()?", "error: […]damaged.gz: […]"),
        ("ctx.text_file(\"no.gz\").count()?", "error: […]no.gz: […]"),
        ("ctx.text_file(\"whole.gz\").count()?", "1000"),
    ]);
}

#[test]
fn rdds_without_rows() {
    Shell::new().transcript(&[
        ("let none = ctx.parallelize(Vec::<i64>::new());", ""),
        ("none.first()?", "error: first: the RDD is empty"),
        ("none.reduce(|a, b| a + b)?", "error: reduce: the RDD is empty"),
        ("none.sum()?", "0"),
        ("none.count()?", "0"),
        ("none.collect()?", "[]"),
        ("none.take(3)?", "[]"),
        ("none.fold(0, |a, b| a + b)?", "0"),
        ("none.map(|x| (x, 1)).reduce_by_key(|a, b| a + b).count()?", "0"),
        ("none.sort_by(|x| *x).collect()?", "[]"),
        ("ctx.range(5, 5).first()?", "error: first: the RDD is empty"),
        ("ctx.range(0, 5).filter(|x| *x > 9).first()?", "error: first: the RDD is empty"),
    ]);
}

#[test]
fn an_empty_file_has_no_lines() {
    let mut shell = Shell::new().file("empty.txt", "").file("line.txt", "no line end");
    shell.transcript(&[
        ("ctx.text_file(\"empty.txt\").collect()?", "[]"),
        ("ctx.text_file(\"line.txt\").collect()?", "[\"no line end\"]"),
        ("ctx.text_file(\"*.txt\").count()?", "1"),
    ]);
}

#[test]
fn a_directory_that_has_files_is_not_written_to() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path("out")).unwrap();
    let mut shell = shell.file("out/mine", "precious");
    shell.transcript(&[
        ("ctx.range(0, 4).map(|x| x.to_string()).save_as_text_file(\"out\")?;", "error: out: […]"),
        ("ctx.range(0, 4).map(|x| x.to_string()).save_as_text_file(\"fresh\")?;", ""),
        ("ctx.text_file(\"fresh\").collect()?", "[\"0\", \"1\", \"2\", \"3\"]"),
        ("ctx.range(0, 4).map(|x| x.to_string()).save_as_text_file(\"fresh\")?;", "error: fresh: […]"),
    ]);
    assert_eq!(std::fs::read_to_string(shell.path("out/mine")).unwrap(), "precious");
    assert_eq!(std::fs::read_dir(shell.path("out")).unwrap().count(), 1);
}

/// In a mount namespace of its own, on a file system of one megabyte.
#[test]
fn a_full_disk_while_saving() {
    assert!(is_root(), "this test mounts a small tmpfs, which only root may: run it as root");
    let shell = Shell::new();
    let small = shell.path("small");
    std::fs::create_dir(&small).unwrap();
    let cells = "let rows = ctx.range(0, 1_000_000).map(|x| format!(\"{x:>40}\"));
rows.save_as_text_file(\"small/out\")?;
rows.count()?
std::fs::read_dir(\"small\")?.count()
ctx.range(0, 3).map(|x| x.to_string()).save_as_text_file(\"small/again\")?;
ctx.text_file(\"small/again\").collect()?
";
    std::fs::write(shell.path("cells"), cells).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", "mount -t tmpfs -o size=1m none \"$1\" && exec \"$2\" < cells", "sh"]);
    command.arg(&small).arg(dpark_tests::program::dpark_repl());
    dpark_tests::shell::isolate(&mut command, shell.directory());
    let output = command.output().expect("unshare of util-linux starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(matches("error: […]small/out[…]No space left on device[…]", &stderr), "{output:?}");
    assert_eq!(stderr.lines().count(), 1, "more than one message: {stderr}");
    // The failed attempt takes no room any more.
    assert!(matches("1000000\n[…]\n[\"0\", \"1\", \"2\"]\n", &stdout), "{stdout}");
}

#[test]
fn a_memory_budget_that_does_not_suffice() {
    let mut shell = Shell::new()
        .arg("-M")
        .arg("1m")
        .cell("ctx.range(0, 3_000_000).map(|x| (x, vec![x; 10])).group_by_key().count()?");
    let ended = shell.run();
    if ended.code == Some(0) {
        assert_eq!(ended.stdout, "3000000\n");
    } else {
        ended.fails("error: […]the memory budget of 1 MB does not suffice[…]`-M`[…]");
    }
}

#[test]
fn arguments_that_make_no_sense() {
    let ended = Shell::new().arg("--nonsense").run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--nonsense"), "{}", ended.stderr);
    let ended = Shell::new().arg("-v").arg("-q").run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
}
