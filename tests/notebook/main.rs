//! The notebook kernel with its real clients: each file of tests in Python beside this one, and each notebook of the
//! project, is a test.

use dpark_tests::clients::{self, Client};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let tests = files(&clients::workspace().join("tests/notebook"), "_test.py");
    let notebooks = files(&clients::workspace().join("notebooks"), ".ipynb");
    assert!(tests.len() > 5 && notebooks.len() > 5, "the tests are not where they were");
    let tests = tests.into_iter().map(|path| Trial::test(name(&path), move || run_tests(&path)));
    let notebooks =
        notebooks.into_iter().map(|path| Trial::test(format!("notebooks::{}", name(&path)), move || compare(&path)));
    libtest_mimic::run(&Arguments::from_args(), tests.chain(notebooks).collect()).exit();
}

/// Files of a directory with this ending, in order.
fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory with tests");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_stem().expect("a file has a name").to_string_lossy().into_owned()
}

/// A file of tests, by pytest.
fn run_tests(path: &Path) -> Result<(), Failed> {
    let mut client = pytest();
    client.command.arg(path);
    finish(client)
}

/// A notebook: it is run anew, and must bring what it was committed with (nbval). With `$DPARK_RENEW_NOTEBOOKS` set, what it
/// brings is written into it instead.
fn compare(path: &Path) -> Result<(), Failed> {
    if std::env::var_os("DPARK_RENEW_NOTEBOOKS").is_some() {
        return renew(path);
    }
    let mut client = pytest();
    let copy = copy_of(path, &client)?;
    client
        .command
        .args([
            "-p",
            "compare_forms",
            "--nbval",
            "--nbval-cell-timeout=300",
            "--nbval-kernel-startup-timeout=120",
            "--nbval-sanitize-with",
        ])
        .arg(copy.with_file_name("sanitize.cfg"))
        .arg(copy);
    finish(client)
}

fn renew(path: &Path) -> Result<(), Failed> {
    let mut client = clients::clients().client("jupyter");
    let copy = copy_of(path, &client)?;
    client
        .command
        .args(["nbconvert", "--execute", "--to=notebook", "--inplace", "--ExecutePreprocessor.record_timing=False"])
        .arg(&copy);
    succeed(&mut client)?;
    fs::copy(copy, path)?;
    Ok(())
}

/// The notebook in a copy of its directory: notebooks write files.
fn copy_of(path: &Path, client: &Client) -> Result<PathBuf, Failed> {
    let directory = client.directory.path().join("notebooks");
    let status = Command::new("cp")
        .arg("-r")
        .arg(path.parent().expect("notebooks have a directory"))
        .arg(&directory)
        .status()?;
    if !status.success() {
        return Err(format!("{} cannot be copied: {status}", path.display()).into());
    }
    Ok(directory.join(path.file_name().expect("a file has a name")))
}

/// Pytest with our settings and plug-in.
fn pytest() -> Client {
    let mut client = clients::clients().client("pytest");
    let tests = clients::workspace().join("tests/notebook");
    client.command.arg("--config-file").arg(tests.join("pytest.ini")).arg("--rootdir").arg(&tests);
    client.command.env("PYTHONPATH", &tests).args(["-p", "no_skips"]);
    client
}

/// Runs the client to its end, with success, and passes on what was not applicable, whether anybody asks or not.
fn finish(mut client: Client) -> Result<(), Failed> {
    let text = succeed(&mut client)?;
    text.lines().filter(|line| line.starts_with("not applicable: ")).for_each(|line| eprintln!("{line}"));
    Ok(())
}

fn succeed(client: &mut Client) -> Result<String, Failed> {
    let output = client.command.output()?;
    let text = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(text.into()) }
}
