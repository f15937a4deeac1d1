//! Where evcxr's requests for a build are answered.
//!
//! evcxr keeps the session's items, variables and types; it believes that it compiles a cell, loads it and runs it.
//! The session does these three itself and lets evcxr take part only to learn what became of the cell: its request for
//! a build waits here until the cell has run, and the answer decides what evcxr commits.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What evcxr is told of a cell that it wants to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The cell ran: commit its items and variables, except for those that it moved away.
    Accept {
        /// Variables that the cell consumed.
        moved: Vec<String>,
    },
    /// It did not: forget it.
    Refuse,
}

/// Called with the session's manifest at each request; builds what `:dep` added and says what it does.
pub type Prepare = Box<dyn Fn(&Path, &mut dyn FnMut(&str)) -> Result<(), String> + Send + Sync>;

/// The desk. Cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Condvar,
    prepare: Prepare,
}

/// Cells are told apart by number. Without a current cell, every request is accepted.
#[derive(Debug, Default)]
struct State {
    /// The cell that evcxr works on.
    current: Option<u32>,
    /// The last cell that it has left.
    left: Option<u32>,
    /// What became of the cells that it has not left yet.
    verdicts: BTreeMap<u32, Verdict>,
}

impl Desk {
    /// Opens the desk at a socket.
    pub fn open(socket: &Path, prepare: Prepare) -> std::io::Result<Desk> {
        let listener = UnixListener::bind(socket)?;
        let desk = Desk(Arc::new(Inner { state: Mutex::default(), changed: Condvar::new(), prepare }));
        let serving = desk.clone();
        std::thread::Builder::new().name("dpark-desk".into()).spawn(move || {
            for request in listener.incoming().flatten() {
                // A stand-in that went away has nobody to be told.
                let _ = serving.answer(request);
            }
        })?;
        Ok(desk)
    }

    /// evcxr takes up a cell: its requests wait for the verdict.
    pub fn begin(&self, cell: u32) {
        self.change(|state| state.current = Some(cell));
    }

    /// evcxr has left a cell, whether it asked for a build or not.
    pub fn end(&self, cell: u32) {
        self.change(|state| {
            state.current = None;
            state.left = Some(cell);
            state.verdicts.remove(&cell);
        });
    }

    /// Says what became of a cell.
    pub fn decide(&self, cell: u32, verdict: Verdict) {
        self.change(|state| {
            if state.left != Some(cell) {
                state.verdicts.insert(cell, verdict);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.0.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, stream: UnixStream) -> std::io::Result<()> {
        let mut question = String::new();
        BufReader::new(&stream).read_line(&mut question)?;
        let mut stream = &stream;
        let (verb, folder) = question.trim_end().split_once(' ').unwrap_or((question.trim_end(), "."));
        let folder = Path::new(folder);
        if verb == "check" {
            // Only asked when type inference failed; our own compilation has the better message.
            return writeln!(stream, "ok -");
        }
        let mut say = |text: &str| {
            let _ = writeln!(stream, "+ {text}");
        };
        if let Err(message) = (self.0.prepare)(&folder.join("Cargo.toml"), &mut say) {
            return writeln!(stream, "+ {}\nfailed", error(&message, None));
        }
        match self.verdict() {
            Verdict::Refuse => writeln!(stream, "+ {}\nfailed", error("the cell did not run", None)),
            Verdict::Accept { moved } => match line_that_stores(folder, &moved)? {
                Some(line) => writeln!(stream, "+ {}\nfailed", error("use of moved value", Some(line))),
                None => writeln!(stream, "ok {}", dummy(folder)?.display()),
            },
        }
    }

    fn verdict(&self) -> Verdict {
        let mut state = self.lock();
        loop {
            let Some(cell) = state.current else { return Verdict::Accept { moved: Vec::new() } };
            if let Some(verdict) = state.verdicts.get(&cell) {
                return verdict.clone();
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The line of evcxr's generated code that would store a variable which the cell moved away. An error there makes evcxr
/// drop the variable and ask again.
fn line_that_stores(folder: &Path, moved: &[String]) -> std::io::Result<Option<usize>> {
    if moved.is_empty() {
        return Ok(None);
    }
    let source = std::fs::read_to_string(folder.join("src/lib.rs"))?;
    let stores = |line: &str| {
        line.starts_with("evcxr_variable_store.put_variable::<")
            && moved.iter().any(|name| line.ends_with(&format!(">(stringify!({name}), {name});")))
    };
    Ok(source.lines().position(stores).map(|index| index + 1))
}

/// evcxr renames the library that it believes to load.
fn dummy(folder: &Path) -> std::io::Result<PathBuf> {
    let path = folder.join("libctx.so");
    std::fs::write(&path, b"")?;
    Ok(path)
}

/// An error in rustc's JSON, at a line of evcxr's generated code or nowhere.
fn error(message: &str, line: Option<usize>) -> serde_json::Value {
    let spans: Vec<serde_json::Value> = line
        .map(|line| {
            serde_json::json!({
                "file_name": "src/lib.rs", "line_start": line, "line_end": line, "column_start": 1, "column_end": 2,
                "is_primary": true, "label": null, "suggested_replacement": null, "expansion": null
            })
        })
        .into_iter()
        .collect();
    let code = line.map(|_| serde_json::json!({ "code": "E0382", "explanation": null }));
    serde_json::json!({
        "message": message, "code": code, "level": "error", "spans": spans, "children": [], "rendered": message
    })
}
