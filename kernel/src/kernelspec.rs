//! The kernelspec: the directory by which Jupyter finds the kernel.

use crate::cli::Place;
use anyhow::{Context, bail};
use dpark_repl::master::Master;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name if none is given.
pub const DEFAULT_NAME: &str = "dpark";
/// What users read in menus.
pub const DISPLAY_NAME: &str = "DPark (Rust)";

const LOGO: &str = include_str!("../assets/logo-svg.svg");

/// Installs this program as a kernel and returns the kernelspec's directory. One of the same name is replaced.
pub fn install(place: &Place, name: &str, master: Option<&str>) -> anyhow::Result<PathBuf> {
    check_name(name)?;
    if let Some(master) = master {
        master.parse::<Master>()?.for_engine()?;
    }
    let program = std::env::current_exe().context("the path of this program")?;
    let program = program.to_str().context("the path of this program is not UTF-8, which kernel.json wants")?;
    let directory = directory(place, name)?;
    let specification = serde_json::to_string_pretty(&specification(program, name, master))?;
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for (file, content) in [("logo-svg.svg", LOGO), ("kernel.json", &specification)] {
        let path = directory.join(file);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(directory)
}

/// Removes a kernel that `install` has made and returns the directory that was.
pub fn uninstall(place: &Place, name: &str) -> anyhow::Result<PathBuf> {
    check_name(name)?;
    let directory = directory(place, name)?;
    let file = directory.join("kernel.json");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("there is no kernel `{name}` in {}", directory.parent().unwrap_or(&directory).display())
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let is_ours =
        serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|found| found["metadata"]["dpark"] == true);
    if !is_ours {
        bail!("the kernel `{name}` in {} is not one of dpark's; it stays", directory.display());
    }
    fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    Ok(directory)
}

fn specification(program: &str, name: &str, master: Option<&str>) -> serde_json::Value {
    let mut argv = vec![program, "run", "{connection_file}"];
    argv.extend(master.iter().flat_map(|master| ["--master", master]));
    let display_name = if name == DEFAULT_NAME { DISPLAY_NAME.to_owned() } else { format!("{DISPLAY_NAME}: {name}") };
    json!({
        "argv": argv,
        "display_name": display_name,
        "language": "rust",
        "interrupt_mode": "message",
        "kernel_protocol_version": crate::info::PROTOCOL,
        "metadata": { "debugger": false, "dpark": true },
    })
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
        bail!("`{name}` cannot be the name of a kernel: letters, digits, `-`, `_` and `.` can stand in it");
    }
    Ok(())
}

fn directory(place: &Place, name: &str) -> anyhow::Result<PathBuf> {
    let data = match place {
        Place { prefix: Some(prefix), .. } => below(&std::path::absolute(prefix)?),
        Place { sys_prefix: true, .. } => below(&python_environment()?),
        _ => user_data()?,
    };
    Ok(data.join("kernels").join(name))
}

fn below(prefix: &Path) -> PathBuf {
    prefix.join("share/jupyter")
}

/// Jupyter's data directory of this user.
fn user_data() -> anyhow::Result<PathBuf> {
    match std::env::var_os("JUPYTER_DATA_DIR") {
        Some(directory) if !directory.is_empty() => Ok(directory.into()),
        _ => Ok(dirs::data_dir().context("no data directory: set HOME, or use --prefix")?.join("jupyter")),
    }
}

/// The active virtual environment, or that of the Python on the path.
fn python_environment() -> anyhow::Result<PathBuf> {
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(directory) = std::env::var_os(variable).filter(|value| !value.is_empty()) {
            return Ok(directory.into());
        }
    }
    let output = Command::new("python3").args(["-c", "import sys; print(sys.prefix)"]).output();
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().into()),
        _ => bail!("no Python environment is active and there is no python3; use --user or --prefix"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(prefix: &Path) -> Place {
        Place { prefix: Some(prefix.to_owned()), ..Place::default() }
    }

    fn read(directory: &Path) -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(directory.join("kernel.json")).unwrap()).unwrap()
    }

    #[test]
    fn jupyter_finds_what_install_writes_until_it_is_removed() {
        let prefix = tempfile::tempdir().unwrap();
        let directory = install(&at(prefix.path()), "dpark", None).unwrap();
        assert_eq!(directory, prefix.path().join("share/jupyter/kernels/dpark"));
        let found = read(&directory);
        assert_eq!(found["display_name"], "DPark (Rust)");
        assert_eq!(found["language"], "rust");
        assert_eq!(found["interrupt_mode"], "message");
        assert_eq!(found["argv"][1], "run");
        assert_eq!(found["argv"][2], "{connection_file}");
        assert!(directory.join("logo-svg.svg").exists());
        assert_eq!(uninstall(&at(prefix.path()), "dpark").unwrap(), directory);
        assert!(!directory.exists());
        assert!(uninstall(&at(prefix.path()), "dpark").unwrap_err().to_string().contains("no kernel `dpark`"));
    }

    #[test]
    fn kernels_with_other_masters_stand_beside_it() {
        let prefix = tempfile::tempdir().unwrap();
        let found = read(&install(&at(prefix.path()), "dpark-4", Some("process[4]")).unwrap());
        assert_eq!(found["argv"].as_array().unwrap()[3..], ["--master", "process[4]"]);
        assert_eq!(found["display_name"], "DPark (Rust): dpark-4");
        assert!(install(&at(prefix.path()), "x", Some("nonsense[")).is_err());
        assert!(install(&at(prefix.path()), "../x", None).unwrap_err().to_string().contains("`../x` cannot be"));
    }

    #[test]
    fn kernels_of_others_stay() {
        let prefix = tempfile::tempdir().unwrap();
        let directory = prefix.path().join("share/jupyter/kernels/other");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("kernel.json"), "{\"argv\": []}").unwrap();
        assert!(uninstall(&at(prefix.path()), "other").unwrap_err().to_string().contains("it stays"));
        assert!(directory.exists());
    }
}
