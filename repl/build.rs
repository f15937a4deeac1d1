//! Embeds the engine's sources and the lock file, so that an installed shell can build its engine without the clone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The packages that a session builds, by their folder under the root.
const PACKAGES: [&str; 4] = ["engine", "engine/executor", "engine/macros", "engine/rewrite"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("..");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    let mut listing = String::from("pub(super) static FILES: &[(&str, &[u8])] = &[\n");
    let mut add = |name: &str, from: &Path| {
        println!("cargo::rerun-if-changed={}", from.display());
        let _ = writeln!(listing, "    ({name:?}, include_bytes!({from:?})),");
    };
    for package in PACKAGES {
        let manifest = out.join(format!("{}.toml", package.replace('/', "-")));
        fs::write(&manifest, package_manifest(&root, package)?)?;
        add(&format!("{package}/Cargo.toml"), &manifest);
        println!("cargo::rerun-if-changed={}", root.join(package).join("Cargo.toml").display());
        for file in sources(&root.join(package).join("src"))? {
            let name = file.strip_prefix(&root).map_err(io::Error::other)?.to_string_lossy().into_owned();
            add(&name, &file);
        }
        println!("cargo::rerun-if-changed={}", root.join(package).join("src").display());
    }
    let workspace = out.join("workspace.toml");
    fs::write(&workspace, workspace_manifest(&root)?)?;
    println!("cargo::rerun-if-changed={}", root.join("Cargo.toml").display());
    add("Cargo.toml", &workspace);
    add("Cargo.lock", &root.join("Cargo.lock"));
    listing.push_str("];\n");
    fs::write(out.join("embedded.rs"), listing)
}

/// All files below a folder, sorted.
fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(sources(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

/// The package's manifest without what only the workspace needs; the engine becomes the one dynamic library.
fn package_manifest(root: &Path, package: &str) -> io::Result<String> {
    let mut manifest = parse(&root.join(package).join("Cargo.toml"))?;
    for section in ["dev-dependencies", "bench", "example", "lints"] {
        manifest.remove(section);
    }
    if package == "engine" {
        let library = manifest.entry("lib").or_insert_with(|| toml::Table::new().into());
        if let Some(library) = library.as_table_mut() {
            library.insert("crate-type".into(), toml::Value::from(vec!["dylib"]));
        }
    }
    toml::to_string(&manifest).map_err(io::Error::other)
}

/// The root manifest with only the engine's packages as members.
fn workspace_manifest(root: &Path) -> io::Result<String> {
    let mut manifest = parse(&root.join("Cargo.toml"))?;
    manifest.remove("profile");
    let workspace = manifest.get_mut("workspace").and_then(toml::Value::as_table_mut);
    let workspace = workspace.ok_or_else(|| io::Error::other("the root manifest has no [workspace]"))?;
    workspace.insert("members".into(), toml::Value::from(PACKAGES.to_vec()));
    workspace.remove("default-members");
    workspace.remove("lints");
    toml::to_string(&manifest).map_err(io::Error::other)
}

fn parse(path: &Path) -> io::Result<toml::Table> {
    fs::read_to_string(path)?.parse().map_err(io::Error::other)
}
