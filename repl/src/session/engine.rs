//! The engine that sessions share: built once per machine from the embedded sources, under a lock, into a folder named
//! by everything that it depends on.

use super::dependencies::{self, Dependencies};
use super::toolchain::Toolchain;
use anyhow::{Context, Result, anyhow, bail};
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A built engine.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Its folder in the cache.
    pub folder: PathBuf,
    /// What cells link when no `:dep` was given.
    pub dependencies: Dependencies,
}

impl Engine {
    /// The engine of this program and toolchain; builds it if this machine has none yet. `progress` hears what is built.
    pub fn ensure(toolchain: &Toolchain, progress: &mut dyn FnMut(&str)) -> Result<Engine> {
        let folder = cache_folder()?.join(format!("engine-{:016x}", key(toolchain)));
        fs::create_dir_all(&folder).with_context(|| format!("cannot write the cache {}", folder.display()))?;
        if let Some(engine) = Engine::open(&folder) {
            return Ok(engine);
        }
        let lock = File::create(folder.join("lock"))?;
        if lock.try_lock().is_err() {
            progress("waiting for another shell that builds the engine");
            lock.lock().context("the engine's lock")?;
        }
        if let Some(engine) = Engine::open(&folder) {
            return Ok(engine);
        }
        progress("building the engine for this machine (once; about a minute)");
        unpack(&folder)?;
        // The programs keep one core busy, and the engine does not need both all the time.
        progress("building dpark-executor");
        let (programs, dependencies) = std::thread::scope(|scope| {
            let programs = scope.spawn(|| build_programs(&folder, toolchain));
            let dependencies = dependencies::build(&folder.join("deps"), toolchain, progress);
            (programs.join(), dependencies)
        });
        programs.map_err(|_| anyhow!("the build of dpark-executor has panicked"))??;
        let dependencies = dependencies?;
        fs::write(folder.join("dependencies.json"), serde_json::to_vec(&dependencies)?)?;
        Ok(Engine { folder, dependencies })
    }

    fn open(folder: &Path) -> Option<Engine> {
        let bytes = fs::read(folder.join("dependencies.json")).ok()?;
        Some(Engine { folder: folder.to_owned(), dependencies: serde_json::from_slice(&bytes).ok()? })
    }

    /// The stub that becomes the session's child.
    pub fn stub(&self) -> PathBuf {
        self.folder.join("bin/dpark-executor")
    }

    /// The folder with the stand-in for cargo.
    pub fn stand_in(&self) -> PathBuf {
        self.folder.join("stand-in")
    }

    /// The sources of the engine crate, for the session's manifest.
    pub fn source(&self) -> PathBuf {
        self.folder.join("src/engine")
    }

    /// The lock file that pins what the engine was built with.
    pub fn lock_file(&self) -> PathBuf {
        self.folder.join("deps/Cargo.lock")
    }
}

/// Where engines, history and compiled scripts are kept: `$DPARK_CACHE_DIR`, else the user's cache folder.
pub fn cache_folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("DPARK_CACHE_DIR") {
        return Ok(PathBuf::from(folder));
    }
    Ok(dirs::cache_dir().context("no cache folder: set DPARK_CACHE_DIR")?.join("dpark"))
}

fn key(toolchain: &Toolchain) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    toolchain.version.hash(&mut hasher);
    toolchain.std.hash(&mut hasher);
    dependencies::PROFILE.hash(&mut hasher);
    FILES.hash(&mut hasher);
    hasher.finish()
}

fn unpack(folder: &Path) -> Result<()> {
    let source = folder.join("src");
    for (name, bytes) in FILES {
        let path = source.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // Unchanged files keep their time, so that an interrupted build goes on where it was.
        if fs::read(&path).ok().as_deref() != Some(bytes) {
            fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        }
    }
    let deps = folder.join("deps");
    dependencies::write_project(
        &deps,
        &[
            ("dpark".to_owned(), format!("{{ path = {:?} }}", source.join("engine"))),
            ("serde".to_owned(), "{ version = \"1\", features = [\"derive\"] }".to_owned()),
        ],
    )?;
    fs::copy(source.join("Cargo.lock"), deps.join("Cargo.lock"))?;
    Ok(())
}

/// Builds the stub and the stand-in for cargo.
fn build_programs(folder: &Path, toolchain: &Toolchain) -> Result<()> {
    let target = folder.join("programs");
    let output = Command::new(&toolchain.cargo)
        .args(["build", "--release", "--quiet", "-p", "dpark-executor"])
        .current_dir(folder.join("src"))
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTC", &toolchain.rustc)
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!("cannot build dpark-executor:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let built = target.join("release");
    fs::create_dir_all(folder.join("bin"))?;
    fs::create_dir_all(folder.join("stand-in"))?;
    fs::copy(built.join("dpark-executor"), folder.join("bin/dpark-executor"))?;
    // evcxr runs cargo through a linker called `mold` when told to: that call is ours.
    fs::copy(built.join("dpark-cargo"), folder.join("stand-in/mold"))?;
    Ok(())
}
