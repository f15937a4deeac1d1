//! What cells link: the engine, serde and the crates of `:dep`, built by cargo, and how rustc is told of them.

use super::engine::Engine;
use super::toolchain::Toolchain;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The profile of everything that cells link, whatever `:opt` says. Optimising across the units of a crate would take a fifth
/// of the time, and each unit has its own copies of what is inlined: with four of them the engine took a sixth longer to compile
/// than with two, which keep two cores busy. Tokio moves no rows, but a message has to pass through it: a little optimising is
/// worth its time.
pub const PROFILE: &str = "\
[profile.dev]
opt-level = 3
debug = false
debug-assertions = false
overflow-checks = false
incremental = false
codegen-units = 2
lto = \"off\"
panic = \"unwind\"

[profile.dev.package.tokio]
opt-level = 1

[profile.dev.build-override]
opt-level = 0
";

/// Built dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependencies {
    /// The names cells may use, each with its library.
    pub externs: Vec<(String, PathBuf)>,
    /// The folder with everything those libraries need.
    pub search: PathBuf,
    /// The engine's shared library.
    pub engine: PathBuf,
    /// Whether anything but the engine and what it contains is linked; then rustc calls the linker.
    pub extra: bool,
    /// The engine's packages with their features: if this changes, the engine is another one.
    pub engine_features: String,
}

/// Writes the project that is built for its dependencies only.
pub fn write_project(folder: &Path, dependencies: &[(String, String)]) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut manifest = String::from(
        "[package]\nname = \"ctx\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\npath = \"lib.rs\"\n\n[workspace]\n\n",
    );
    manifest.push_str(PROFILE);
    manifest.push_str("\n[dependencies]\n");
    for (name, specification) in dependencies {
        manifest.push_str(&format!("{name} = {specification}\n"));
    }
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("lib.rs"), "")?;
    Ok(())
}

/// Builds the dependencies of a session beside the engine's own. The engine's packages must come out as they are: its
/// library is loaded already.
pub fn add(
    folder: &Path,
    engine: &Engine,
    toolchain: &Toolchain,
    wanted: &[(String, String)],
    progress: &mut dyn FnMut(&str),
) -> Result<Dependencies> {
    write_project(folder, wanted)?;
    if !folder.join("Cargo.lock").exists() {
        fs::copy(engine.lock_file(), folder.join("Cargo.lock"))?;
        link_tree(&engine.folder.join("deps/target"), &folder.join("target"))?;
    }
    let features = engine_features(folder, toolchain)?;
    let pinned = &engine.dependencies.engine_features;
    if features != *pinned {
        let changed: Vec<&str> = features.lines().filter(|line| !pinned.lines().any(|known| known == *line)).collect();
        bail!(
            "this dependency changes crates that the running engine is built with: {}. Use a version or features that leave them alone, or put the code that needs it into a Cargo project",
            changed.join(", ")
        );
    }
    build(folder, toolchain, progress)
}

/// The dependencies that evcxr wrote into its manifest.
pub fn of_manifest(text: &str) -> Result<Vec<(String, String)>> {
    let manifest: toml::Table = text.parse()?;
    let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
    let mut found: Vec<(String, String)> = dependencies
        .into_iter()
        .flatten()
        .map(|(name, specification)| (name.clone(), specification.to_string()))
        .collect();
    found.sort();
    Ok(found)
}

/// The same tree with the same files under other names: cargo finds everything built.
fn link_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_tree(&entry.path(), &target)?;
        } else if fs::hard_link(entry.path(), &target).is_err() {
            // Another file system. The time stays, or cargo would build again.
            fs::copy(entry.path(), &target)?;
            fs::File::open(&target)?.set_modified(entry.metadata()?.modified()?)?;
        }
    }
    Ok(())
}

/// Builds the project in `folder` and reads off what cells link.
pub fn build(folder: &Path, toolchain: &Toolchain, progress: &mut dyn FnMut(&str)) -> Result<Dependencies> {
    let artifacts = compile(folder, toolchain, progress)?;
    let externs = direct(folder, toolchain, &artifacts)?;
    let engine = externs.iter().find(|(name, _)| name == "dpark").map(|(_, library)| library.clone());
    let engine = engine.context("cargo built no engine")?;
    let extra = externs.iter().any(|(name, _)| name != "dpark" && name != "serde");
    let engine_features = engine_features(folder, toolchain)?;
    let search = folder.join("target/debug/deps");
    Ok(Dependencies { externs, search, engine, extra, engine_features })
}

/// The packages below the engine with their features, one a line: two builds with the same text have the same engine.
pub fn engine_features(folder: &Path, toolchain: &Toolchain) -> Result<String> {
    let arguments =
        ["tree", "--package", "dpark", "--edges", "normal,build", "--prefix", "none", "--format", "{p} {f}"];
    let text = capture(cargo(folder, toolchain).args(arguments))?;
    let mut lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    lines.sort_unstable();
    lines.dedup();
    Ok(lines.join("\n"))
}

fn cargo(folder: &Path, toolchain: &Toolchain) -> Command {
    let mut command = Command::new(&toolchain.cargo);
    command
        .current_dir(folder)
        .env("RUSTC", &toolchain.rustc)
        .env("RUSTFLAGS", "-Cprefer-dynamic")
        .env("CARGO_TARGET_DIR", "target")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stdin(Stdio::null());
    command
}

fn capture(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs `cargo build`; the libraries by package id.
fn compile(folder: &Path, toolchain: &Toolchain, progress: &mut dyn FnMut(&str)) -> Result<HashMap<String, PathBuf>> {
    let mut child = cargo(folder, toolchain)
        .args(["build", "--message-format=json-render-diagnostics"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let stdout = child.stdout.take().context("cargo's output")?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        BufReader::new(stdout).read_to_string(&mut text).map(|_| text)
    });
    let mut complaints = String::new();
    for line in BufReader::new(child.stderr.take().context("cargo's messages")?).lines() {
        let line = line?;
        let said = line.trim_start();
        if said.starts_with("Compiling ") || said.starts_with("Downloading ") || said.starts_with("Downloaded ") {
            progress(said);
        } else {
            complaints.push_str(&line);
            complaints.push('\n');
        }
    }
    let messages = reader.join().map_err(|_| anyhow::anyhow!("reading cargo's output"))??;
    if !child.wait()?.success() {
        bail!("{}", complaints.trim().to_owned());
    }
    let mut artifacts = HashMap::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if message["reason"] != "compiler-artifact" {
            continue;
        }
        let mut files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let library = files.rfind(|file| [".rlib", ".so"].iter().any(|ending| file.ends_with(ending)));
        if let (Some(package), Some(library)) = (message["package_id"].as_str(), library) {
            artifacts.insert(package.to_owned(), PathBuf::from(library));
        }
    }
    Ok(artifacts)
}

/// The direct dependencies by the name that code uses.
fn direct(
    folder: &Path,
    toolchain: &Toolchain,
    artifacts: &HashMap<String, PathBuf>,
) -> Result<Vec<(String, PathBuf)>> {
    let metadata: Value =
        serde_json::from_str(&capture(cargo(folder, toolchain).args(["metadata", "--format-version=1"]))?)?;
    let root = &metadata["resolve"]["root"];
    let nodes = metadata["resolve"]["nodes"].as_array().context("cargo metadata has no nodes")?;
    let node = nodes.iter().find(|node| node["id"] == *root).context("cargo metadata has no root")?;
    let mut externs = Vec::new();
    for dependency in node["deps"].as_array().into_iter().flatten() {
        let (name, package) = (dependency["name"].as_str(), dependency["pkg"].as_str());
        if let (Some(name), Some(library)) = (name, package.and_then(|package| artifacts.get(package))) {
            externs.push((name.to_owned(), library.clone()));
        }
    }
    externs.sort();
    Ok(externs)
}
