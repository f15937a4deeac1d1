//! Where `dpark-repl` and `dpark-kernel` are, and the cache that all tests share.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The shell's program: `$DPARK_REPL`, else built once beside this test. Its engine is built when this returns.
pub fn dpark_repl() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = std::env::var_os("DPARK_REPL").map_or_else(|| build("dpark-repl"), PathBuf::from);
        let warm = Command::new(&program)
            .args(["-e", "1"])
            .env("DPARK_CACHE_DIR", cache_directory())
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        assert!(warm.status.success(), "the shell does not start:\n{}", String::from_utf8_lossy(&warm.stderr));
        program
    })
}

/// The notebook kernel: `$DPARK_KERNEL`, else built once beside this test. Its engine is the shell's, and built when this
/// returns.
pub fn dpark_kernel() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        dpark_repl();
        std::env::var_os("DPARK_KERNEL").map_or_else(|| build("dpark-kernel"), PathBuf::from)
    })
}

/// The cache of engines and scripts: one for the whole run, kept for the next.
pub fn cache_directory() -> PathBuf {
    target_directory().join("dpark-test-cache")
}

/// Cargo's target directory: this test is `target/PROFILE/deps/integration-…`.
pub fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.ancestors().nth(3).expect("tests lie three levels below the target directory").to_owned()
}

fn build(package: &str) -> PathBuf {
    let target = target_directory();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--locked", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", &target)
        .status()
        .expect("cargo starts");
    assert!(status.success(), "cargo cannot build {package}");
    target.join("release").join(package)
}
