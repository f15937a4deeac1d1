//! The shell's settings: declared once in [`keys`], read from `dpark.toml` files, the environment and the command
//! line, each remembering where it came from.

pub mod keys;

use crate::master::Master;
use keys::{KEYS, Key, Kind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a value came from; a later variant wins over an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A `dpark.toml`.
    File(PathBuf),
    /// An environment variable.
    Environment(&'static str),
    /// An option of the command line.
    Flag(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => path.display().fmt(f),
            Origin::Environment(name) => write!(f, "${name}"),
            Origin::Flag(flag) => f.write_str(flag),
        }
    }
}

/// A bad setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The value does not fit its key.
    #[error("{origin}: {key} = `{value}`: {problem}")]
    Value {
        /// Where it came from.
        origin: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// No such key.
    #[error("{file}: there is no key `{key}`{}; `:conf` lists them all", hint(.similar))]
    UnknownKey {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// What may have been meant.
        similar: Option<&'static str>,
    },
    /// The file cannot be read or is no TOML.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
}

fn hint(similar: &Option<&'static str>) -> String {
    similar.map_or_else(String::new, |similar| format!(" (did you mean `{similar}`?)"))
}

/// A setting's value as text, and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The value, in the form that a file or a variable would give it.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// All settings. Every value in it has been checked against its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    settings: BTreeMap<&'static str, Setting>,
}

impl Default for Config {
    fn default() -> Config {
        let default = |key: &Key| (key.name, Setting { value: key.default.to_owned(), origin: Origin::Default });
        Config { settings: KEYS.iter().map(default).collect() }
    }
}

impl Config {
    /// Reads every source: files (nearest last), `environment`, then `flags` (key and value).
    pub fn load(
        files: &[PathBuf],
        environment: impl Fn(&str) -> Option<String>,
        flags: &[(&'static str, String)],
    ) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        for file in files {
            let problem = |problem: String| ConfigError::File { file: file.display().to_string(), problem };
            let text = std::fs::read_to_string(file).map_err(|error| problem(error.to_string()))?;
            config.merge_file(file, &text)?;
        }
        for key in KEYS {
            if let Some(value) = environment(key.env).filter(|value| !value.is_empty()) {
                config.set(key, value, Origin::Environment(key.env))?;
            }
        }
        for (name, value) in flags {
            if let Some(key) = keys::find(name) {
                config.set(key, value.clone(), Origin::Flag(key.flag))?;
            }
        }
        Ok(config)
    }

    fn merge_file(&mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let name = file.display().to_string();
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| ConfigError::File { file: name.clone(), problem: error.to_string() })?;
        for (key, value) in table {
            let known = keys::find(&key).ok_or_else(|| ConfigError::UnknownKey {
                file: name.clone(),
                similar: keys::similar(&key),
                key: key.clone(),
            })?;
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Array(items) if known.kind == Kind::Directories => list(&items),
                toml::Value::Boolean(flag) => if flag { "on" } else { "off" }.to_owned(),
                other => other.to_string(),
            };
            self.set(known, value, Origin::File(file.to_owned()))?;
        }
        Ok(())
    }

    fn set(&mut self, key: &'static Key, value: String, origin: Origin) -> Result<(), ConfigError> {
        if let Err(problem) = key.kind.check(&value) {
            return Err(ConfigError::Value { origin: origin.to_string(), key: key.name.to_owned(), value, problem });
        }
        self.settings.insert(key.name, Setting { value, origin });
        Ok(())
    }

    /// Every key with its setting, in the order of the table.
    pub fn entries(&self) -> impl Iterator<Item = (&'static Key, &Setting)> {
        KEYS.iter().filter_map(|key| Some((key, self.settings.get(key.name)?)))
    }

    /// A value as text.
    pub fn text(&self, key: &str) -> &str {
        self.settings.get(key).map_or("", |setting| &setting.value)
    }

    /// Whether an `on`/`off` key is on.
    pub fn is_on(&self, key: &str) -> bool {
        keys::switch(self.text(key)) == Some(true)
    }

    /// A count or size; 0 stands for the default of whoever uses it (also written `auto`).
    pub fn number(&self, key: &str) -> u64 {
        match keys::find(key).map(|key| key.kind) {
            Some(Kind::Size) => keys::size(self.text(key)).unwrap_or(0),
            _ => self.text(key).parse().unwrap_or(0),
        }
    }

    /// A part of a whole, from 0 to 1.
    pub fn ratio(&self, key: &str) -> f64 {
        keys::ratio(self.text(key)).unwrap_or(0.0)
    }

    /// A path, if one was set.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.text(key)).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// The paths of a list.
    pub fn paths(&self, key: &str) -> impl Iterator<Item = PathBuf> {
        keys::paths(self.text(key))
    }

    /// The master.
    pub fn master(&self) -> Master {
        self.text("master").parse().unwrap_or(Master::Local(None))
    }

    /// The memory budget in bytes; 0 leaves it to the engine, which knows how many executors share the machine.
    pub fn memory(&self) -> u64 {
        self.number("mem")
    }
}

/// A list as the environment would give it.
fn list(items: &[toml::Value]) -> String {
    let texts = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
    texts.collect::<Vec<_>>().join(",")
}

/// The `dpark.toml` files that count, weakest first: the one in the user's configuration directory, then those of the
/// parents of `directory` from the root down to itself.
pub fn files(directory: &Path, user: Option<&Path>) -> Vec<PathBuf> {
    let user = user.map(|user| user.join("dpark").join("dpark.toml"));
    let mut own: Vec<PathBuf> = directory.ancestors().map(|parent| parent.join("dpark.toml")).collect();
    own.reverse();
    user.into_iter().chain(own).filter(|path| path.is_file()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, env: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dpark.toml");
        std::fs::write(&path, file).unwrap();
        let flags: Vec<_> = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let environment = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::load(&[path], environment, &flags)
    }

    #[test]
    fn later_sources_win_and_are_remembered() {
        let config = load(
            "master = \"local[3]\"\nparallel = 4\nmem = \"1g\"\nprogress = false\n",
            &[("DPARK_MASTER", "local[5]"), ("DPARK_MEM", "")],
            &[("parallel", "8")],
        )
        .unwrap();
        assert_eq!(config.master(), Master::Local(Some(5)));
        assert_eq!(config.settings["master"].origin.to_string(), "$DPARK_MASTER");
        assert_eq!(config.number("parallel"), 8);
        assert_eq!(config.settings["parallel"].origin.to_string(), "-p");
        assert_eq!(config.memory(), 1 << 30);
        assert!(config.settings["mem"].origin.to_string().ends_with("dpark.toml"));
        assert!(!config.is_on("progress"));
        assert_eq!(config.settings["color"].origin, Origin::Default);
    }

    #[test]
    fn directories_are_a_list() {
        let paths = |file: &str| load(file, &[], &[]).unwrap().paths("work_dir").collect::<Vec<_>>();
        assert_eq!(paths("work_dir = \"/tmp/a, /tmp/b\"\n"), ["/tmp/a", "/tmp/b"].map(PathBuf::from));
        assert_eq!(paths("work_dir = [\"/tmp/a\", \"/tmp/b\"]\n"), ["/tmp/a", "/tmp/b"].map(PathBuf::from));
        assert!(paths("").is_empty());
    }

    #[test]
    fn bad_values_name_file_and_key() {
        let message = |file| load(file, &[], &[]).unwrap_err().to_string();
        assert!(message("mem = \"lots\"").contains("dpark.toml: mem = `lots`: "));
        assert!(
            message("masters = 1")
                .ends_with("dpark.toml: there is no key `masters` (did you mean `master`?); `:conf` lists them all")
        );
        assert!(message("parallel = -1").contains("parallel = `-1`"));
        assert!(message("x = = 1").contains("dpark.toml: TOML parse error"));
        let error = load("", &[("DPARK_PARALLEL", "many")], &[]).unwrap_err().to_string();
        assert_eq!(error, "$DPARK_PARALLEL: parallel = `many`: a whole number is wanted");
        assert!(load("", &[], &[("master", "moon[3]")]).unwrap_err().to_string().starts_with("-m: master = `moon[3]`"));
    }

    #[test]
    fn files_are_found_like_cargos() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        let user = root.path().join("home");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::create_dir_all(user.join("dpark")).unwrap();
        let expected = [user.join("dpark/dpark.toml"), root.path().join("dpark.toml"), inner.join("dpark.toml")];
        for file in &expected {
            std::fs::write(file, "").unwrap();
        }
        assert_eq!(files(&inner, Some(&user)), expected);
    }
}
