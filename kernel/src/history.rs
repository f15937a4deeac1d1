//! The history of cells: kept in a file, a line of JSON for each, so that it outlives the kernel.

mod glob;

use glob::fits;
use jupyter_protocol::messaging::{HistoryEntry, HistoryReply, HistoryRequest};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Values are remembered up to this length.
const LONGEST_VALUE: usize = 4096;

/// A cell that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    session: usize,
    line: usize,
    input: String,
    /// The text of its value.
    #[serde(default)]
    output: String,
}

/// The history.
#[derive(Debug)]
pub struct History {
    file: Option<PathBuf>,
    session: usize,
    entries: Vec<Entry>,
}

impl History {
    /// The history in a file, of at most `most` entries; none keeps it in memory. A file that cannot be read or written
    /// is told of, and done without.
    pub fn open(file: Option<PathBuf>, most: usize) -> History {
        let (entries, session) = match file.as_deref().map(|file| begin(file, most)) {
            Some(Ok(begun)) => begun,
            Some(Err(error)) => {
                eprintln!("dpark-kernel: the history is not kept: {error}");
                return History { file: None, session: 1, entries: Vec::new() };
            }
            None => (Vec::new(), 1),
        };
        History { file, session, entries }
    }

    /// Adds a cell.
    pub fn add(&mut self, line: usize, input: &str, value: Option<&str>) {
        let output = value.map(|text| text[..text.floor_char_boundary(LONGEST_VALUE)].to_owned()).unwrap_or_default();
        let entry = Entry { session: self.session, line, input: input.to_owned(), output };
        if let Some(file) = &self.file
            && let Err(error) = append(file, &entry)
        {
            eprintln!("dpark-kernel: the history is kept no more: {}: {error}", file.display());
            self.file = None;
        }
        self.entries.push(entry);
    }

    /// Answers a request.
    pub fn reply(&self, request: &HistoryRequest) -> HistoryReply {
        let (found, with_output) = match request {
            HistoryRequest::Tail { n, output, .. } => (last(self.entries.iter().collect(), *n), *output),
            HistoryRequest::Range { session, start, stop, output, .. } => {
                (self.range(session.unwrap_or(0), *start, *stop), *output)
            }
            HistoryRequest::Search { pattern, unique, n, output, .. } => {
                (last(self.search(pattern, *unique), *n), *output)
            }
        };
        let entry = |entry: &Entry| match with_output {
            false => HistoryEntry::Input(entry.session, entry.line, entry.input.clone()),
            true => HistoryEntry::InputOutput(entry.session, entry.line, (entry.input.clone(), entry.output.clone())),
        };
        HistoryReply::new(found.into_iter().map(entry).collect())
    }

    /// Lines `start` up to, but not including, `stop` of a session: 0 is this one, -1 the one before.
    fn range(&self, session: i32, start: i32, stop: i32) -> Vec<&Entry> {
        let session = match usize::try_from(session) {
            Ok(0) => self.session,
            Ok(session) => session,
            Err(_) => self.session.saturating_sub(session.unsigned_abs() as usize),
        };
        let lines = usize::try_from(start).unwrap_or(0)..usize::try_from(stop).unwrap_or(usize::MAX);
        self.entries.iter().filter(|entry| entry.session == session && lines.contains(&entry.line)).collect()
    }

    fn search(&self, pattern: &str, unique: bool) -> Vec<&Entry> {
        let mut found: Vec<&Entry> = self.entries.iter().filter(|entry| fits(pattern, &entry.input)).collect();
        if unique {
            let mut seen = std::collections::BTreeSet::new();
            found.reverse();
            found.retain(|entry| seen.insert(&entry.input));
            found.reverse();
        }
        found
    }
}

/// The last `n`; 0 or less is all.
fn last(mut entries: Vec<&Entry>, n: i32) -> Vec<&Entry> {
    if let Ok(n @ 1..) = usize::try_from(n) {
        entries.drain(..entries.len().saturating_sub(n));
    }
    entries
}

/// Reads the file and takes a number for this session, which other kernels that begin now do not get.
fn begin(file: &Path, most: usize) -> io::Result<(Vec<Entry>, usize)> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let guard = File::create(file.with_extension("lock"))?;
    guard.lock()?;
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    // A line that was cut short by a full disk is no reason to lose the others.
    let mut entries: Vec<Entry> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let session = entries.iter().map(|entry| entry.session).max().unwrap_or(0) + 1;
    if entries.len() > most.saturating_mul(2) {
        entries.drain(..entries.len() - most);
        rewrite(file, &entries)?;
    }
    // An entry without a line holds the number.
    append(file, &Entry { session, line: 0, input: String::new(), output: String::new() })?;
    entries.retain(|entry| entry.line > 0);
    Ok((entries, session))
}

fn rewrite(file: &Path, entries: &[Entry]) -> io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(directory)?;
    for entry in entries {
        fresh.write_all(line(entry).as_bytes())?;
    }
    fresh.persist(file)?;
    Ok(())
}

/// In one piece: other kernels write to the same file.
fn append(file: &Path, entry: &Entry) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line(entry).as_bytes())
}

fn line(entry: &Entry) -> String {
    let mut line = serde_json::to_string(entry).unwrap_or_default();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(reply: HistoryReply) -> Vec<(usize, usize, String)> {
        let input = |entry| match entry {
            HistoryEntry::Input(session, line, input) => (session, line, input),
            HistoryEntry::InputOutput(session, line, (input, output)) => {
                (session, line, format!("{input} -> {output}"))
            }
        };
        reply.history.into_iter().map(input).collect()
    }

    fn tail(n: i32) -> HistoryRequest {
        HistoryRequest::Tail { n, output: false, raw: true }
    }

    fn range(session: i32, start: i32, stop: i32) -> HistoryRequest {
        HistoryRequest::Range { session: Some(session), start, stop, output: false, raw: true }
    }

    fn search(pattern: &str, unique: bool, n: i32) -> HistoryRequest {
        HistoryRequest::Search { pattern: pattern.into(), unique, n, output: true, raw: true }
    }

    fn two_sessions(file: &Path) -> History {
        let mut first = History::open(Some(file.to_owned()), 100);
        first.add(1, "let x = 1;", None);
        first.add(2, "x", Some("1"));
        let mut second = History::open(Some(file.to_owned()), 100);
        second.add(1, "x", Some("1"));
        second
    }

    #[test]
    fn it_outlives_the_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let history = two_sessions(&folder.path().join("state/cells.jsonl"));
        assert_eq!(inputs(history.reply(&tail(2))), [(1, 2, "x".into()), (2, 1, "x".into())]);
        assert_eq!(inputs(history.reply(&range(0, 1, 9))), [(2, 1, "x".into())]);
        assert_eq!(inputs(history.reply(&range(-1, 1, 2))), [(1, 1, "let x = 1;".into())]);
        assert_eq!(inputs(history.reply(&range(1, 2, i32::MAX))), [(1, 2, "x".into())]);
        assert_eq!(inputs(history.reply(&search("x*", true, 0))), [(2, 1, "x -> 1".into())]);
        assert_eq!(inputs(history.reply(&search("*x*", false, 2))).len(), 2);
    }

    #[test]
    fn kernels_that_begin_together_have_different_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cells.jsonl");
        let (one, other) = (History::open(Some(file.clone()), 100), History::open(Some(file), 100));
        assert_ne!(one.session, other.session);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cells.jsonl");
        let mut history = History::open(Some(file.clone()), 10);
        (1..=30).for_each(|line| history.add(line, "1", None));
        let again = History::open(Some(file), 10);
        let kept = inputs(again.reply(&tail(0)));
        assert_eq!(kept.len(), 10);
        assert_eq!(kept[9].1, 30);
    }
}
