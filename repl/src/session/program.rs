//! The program that a cell becomes.
//!
//! The user's text stays where it is, line for line; the wrapper around it consists of insertions, so every position
//! that the compiler or a panic names leads back to the user's own line and column. Items go into files of their own,
//! blanked but for what is needed, and are included.
//!
//! Each top-level statement runs in a step of its own. What a `let` binds is handed out of the step, and whenever a
//! step fails, the variables that are alive at that place are put back into the session: those completed before stay,
//! and one about to be shadowed is still the old one.

use super::items::{Items, Needed, Piece};
use dpark_rewrite::cell::{Cell, Mentions, Statement, StatementKind};
use dpark_rewrite::{Edits, Insertion};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A variable that a cell may mention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its type, as code in the session writes it.
    pub type_name: String,
    /// Whether it was bound with `mut`.
    pub is_mut: bool,
}

/// A store of a variable that must not happen, because the variable was moved before: which exit, which variable.
pub type Moved = BTreeSet<(usize, String)>;

/// A cell's program.
pub struct Program {
    /// The main file: `cell 7`.
    pub name: String,
    /// The name of the entry point.
    pub symbol: String,
    /// The files to write, by name, with the way back to the user's text.
    pub files: BTreeMap<String, File>,
    /// The variables that it loads.
    pub loads: Vec<String>,
    /// The variables that it binds when it completes.
    pub binds: Vec<(String, bool)>,
}

/// A file of a program.
pub struct File {
    /// What the user's cell that it shows is called.
    pub title: String,
    /// The user's text of that cell.
    pub source: Arc<str>,
    /// What is compiled, and the way back.
    pub edits: Edits,
}

/// What a program is made from.
pub struct Inputs<'a> {
    /// The cell's number.
    pub number: u32,
    /// What it is called: `cell 4`.
    pub title: &'a str,
    /// Its text.
    pub source: &'a Arc<str>,
    /// Its parts; none if it does not parse: then the compiler shall say why.
    pub cell: Option<&'a Cell>,
    /// The rewriter's insertions.
    pub rewritten: &'a [Insertion],
    /// The session's variables.
    pub variables: &'a BTreeMap<String, Known>,
    /// The session's items, with those of this cell.
    pub items: &'a Items,
    /// Stores to leave out.
    pub moved: &'a Moved,
    /// What is left for later cells.
    pub keep: Keep,
}

/// What a cell leaves for later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Its variables.
    Variables,
    /// Nothing: it is the last one, an ordinary function body.
    Nothing,
}

/// The exit at the end of the cell, where it completed.
pub const COMPLETED: usize = usize::MAX;

impl Program {
    /// Builds the program.
    pub fn new(inputs: &Inputs<'_>) -> Program {
        let name = inputs.title.to_owned();
        let symbol = format!("dpark_cell_{}", inputs.number);
        let mut mentions = inputs.cell.map(mentions).unwrap_or_default();
        let loaded = inputs.variables.iter().filter(|(name, _)| mentions.names.contains(*name));
        let types: Vec<String> = loaded.flat_map(|(_, known)| words(&known.type_name)).collect();
        mentions.names.extend(types);
        let needed = inputs.items.needed(&mentions, inputs.number);
        let mut writer = Writer { inputs, insertions: Vec::new(), live: BTreeMap::new(), shown: None };
        let statements: Vec<&Statement> = inputs.cell.map(|cell| cell.statements().collect()).unwrap_or_default();
        let shown = inputs.cell.and_then(Cell::shown).map(|statement| statement.range.clone());
        writer.shown = shown;
        let loads = writer.head(&symbol, &needed, &mentions);
        writer.statements(&statements);
        let binds: Vec<(String, bool)> = writer.live.iter().map(|(name, is_mut)| (name.clone(), *is_mut)).collect();
        writer.tail(needed.level);
        let mut insertions = std::mem::take(&mut writer.insertions);
        let kept: Vec<Range<usize>> = match inputs.cell {
            Some(_) => statements.iter().map(|statement| statement.range.clone()).collect(),
            None => std::iter::once(0..inputs.source.len()).collect(),
        };
        merge(&mut insertions, inputs.rewritten, &kept);
        let main = File {
            title: name.clone(),
            source: Arc::clone(inputs.source),
            edits: Edits::new(&blanked(inputs.source, &kept), &insertions),
        };
        let mut files: BTreeMap<String, File> =
            needed.pieces.iter().map(|piece| (file_name(piece), item_file(piece))).collect();
        files.insert(name.clone(), main);
        Program { name, symbol, files, loads, binds }
    }

    /// Writes the files into a folder.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        for (name, file) in &self.files {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, file.edits.text())?;
        }
        Ok(())
    }

    /// Which store of a variable stands at an offset of the main file, if one does.
    pub fn store_at(&self, offset: usize) -> Option<(usize, String)> {
        let text = self.files.get(&self.name)?.edits.text();
        let after = text.get(offset..)?;
        let (variable, rest) = after.split_once(")/*")?;
        let (exit, _) = rest.split_once("*/")?;
        let before = text.get(..offset)?;
        let exit = if exit == "end" { COMPLETED } else { exit.parse().ok()? };
        before.ends_with(&format!("__f.put({variable:?},")).then(|| (exit, variable.to_owned()))
    }
}

/// All that the cell's statements mention.
fn mentions(cell: &Cell) -> Mentions {
    let mut all = Mentions::default();
    for statement in cell.statements() {
        all.names.extend(statement.mentions.names.iter().cloned());
        all.members.extend(statement.mentions.members.iter().cloned());
    }
    all
}

/// The identifiers in a type.
fn words(type_name: &str) -> impl Iterator<Item = String> {
    let words = type_name.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).map(str::to_owned)
}

fn file_name(piece: &Piece) -> String {
    format!("i{}/{}", piece.level, piece.source.file)
}

fn item_file(piece: &Piece) -> File {
    let mut insertions = Vec::new();
    merge(&mut insertions, &piece.source.insertions, &piece.ranges);
    File {
        title: piece.source.file.clone(),
        source: Arc::clone(&piece.source.text),
        edits: Edits::new(&blanked(&piece.source.text, &piece.ranges), &insertions),
    }
}

/// Adds the rewriter's insertions that lie in what is kept.
fn merge(insertions: &mut Vec<Insertion>, rewritten: &[Insertion], kept: &[Range<usize>]) {
    let inside = |insertion: &&Insertion| {
        kept.iter().any(|range| range.start <= insertion.offset && insertion.offset <= range.end)
    };
    insertions.extend(rewritten.iter().filter(inside).cloned());
}

/// The text with spaces for everything outside of the ranges; lines and bytes stay where they are.
fn blanked(text: &str, kept: &[Range<usize>]) -> String {
    let mut blank = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if character == '\n' || kept.iter().any(|range| range.contains(&at)) {
            blank.push(character);
        } else {
            blank.extend(std::iter::repeat_n(' ', character.len_utf8()));
        }
    }
    blank
}

/// Writes the wrapper.
struct Writer<'a> {
    inputs: &'a Inputs<'a>,
    insertions: Vec<Insertion>,
    /// The variables alive at this place: loaded, or bound by a completed statement; whether they are `mut`.
    live: BTreeMap<String, bool>,
    /// The statement whose value is shown.
    shown: Option<Range<usize>>,
}

impl Writer<'_> {
    fn insert(&mut self, offset: usize, text: String, target: Range<usize>) {
        self.insertions.push(Insertion { offset, text, target, marks: Vec::new(), captures: Vec::new() });
    }

    fn head(&mut self, symbol: &str, needed: &Needed, mentions: &Mentions) -> Vec<String> {
        let mut text = String::from("#![allow(warnings)]use ::dpark::prelude::*;");
        for level in 0..=needed.level {
            if level > 0 {
                let _ = write!(text, "mod v{level}{{use super::*;");
            }
            for piece in needed.pieces.iter().filter(|piece| piece.level == level) {
                let _ = write!(text, "include!({:?});", file_name(piece));
            }
        }
        let _ = write!(text, "#[unsafe(no_mangle)]pub extern \"C-unwind\" fn {symbol}(__f:&::dpark::cell::Frame){{");
        let loads: Vec<(&String, &Known)> =
            self.inputs.variables.iter().filter(|(name, _)| mentions.names.contains(*name)).collect();
        if !loads.is_empty() {
            text.push_str("if !__f.check(&[");
            for (name, known) in &loads {
                let _ = write!(text, "({name:?},::dpark::cell::store::table::<{}>()),", known.type_name);
            }
            text.push_str("]){return}");
        }
        for (name, known) in &loads {
            let mutability = if known.is_mut { "mut " } else { "" };
            let _ = write!(text, "let {mutability}{name}=__f.take::<{}>({name:?});", known.type_name);
            self.live.insert((*name).clone(), known.is_mut);
        }
        let loads = loads.into_iter().map(|(name, _)| name.clone()).collect();
        self.insert(0, text, 0..0);
        loads
    }

    fn statements(&mut self, statements: &[&Statement]) {
        if self.inputs.keep == Keep::Nothing {
            self.body(statements);
            return;
        }
        let mut rest = statements;
        while let Some((statement, after)) = rest.split_first() {
            let exit = statements.len() - rest.len();
            if matches!(&statement.kind, StatementKind::Let { init: None, .. }) {
                // `let x;` is bound somewhere below: all of that is one step.
                self.group(rest, exit);
                return;
            }
            self.statement(statement, exit);
            rest = after;
        }
    }

    /// All statements as one function body.
    fn body(&mut self, statements: &[&Statement]) {
        let (Some(first), Some(last)) = (statements.first(), statements.last()) else { return };
        let (open, close) = step(statements.iter().any(|statement| statement.uses_await));
        self.insert(first.range.start, format!("if {open}"), first.range.clone());
        if self.shown.as_ref() == Some(&last.range) {
            self.insert(last.range.start, SHOW.0.to_owned(), last.range.clone());
            self.insert(last.range.end, SHOW.1.to_owned(), last.range.clone());
        }
        self.insert(
            last.range.end,
            format!(" ;Ok::<_,::dpark::cell::Exit>(()){close}.is_none(){{return}}"),
            last.range.clone(),
        );
        self.live.clear();
    }

    fn statement(&mut self, statement: &Statement, exit: usize) {
        let Range { start, end } = statement.range.clone();
        let target = start..end;
        let (open, close) = step(statement.uses_await);
        match &statement.kind {
            StatementKind::Let { binds, .. } if !binds.is_empty() => {
                let outer: String = binds
                    .iter()
                    .map(|bind| format!("{}{},", if bind.is_mut { "mut " } else { "" }, bind.name))
                    .collect();
                let inner: String = binds.iter().map(|bind| format!("{},", bind.name)).collect();
                self.insert(start, format!("let ({outer})=match {open}"), target.clone());
                let stores = self.stores(exit);
                let text = format!(
                    " Ok::<_,::dpark::cell::Exit>(({inner})){close}{{Some(__v)=>__v,None=>{{{stores}return}}}};"
                );
                self.insert(end, text, target);
                self.live.extend(binds.iter().map(|bind| (bind.name.clone(), bind.is_mut)));
            }
            _ => {
                let stores = self.stores(exit);
                let (before, after) = if self.shown.as_ref() == Some(&statement.range) { SHOW } else { ("", "") };
                self.insert(start, format!("if {open}{before}"), target.clone());
                self.insert(
                    end,
                    format!("{after} ;Ok::<_,::dpark::cell::Exit>(()){close}.is_none(){{{stores}return}}"),
                    target,
                );
            }
        }
    }

    fn group(&mut self, statements: &[&Statement], exit: usize) {
        let (Some(first), Some(last)) = (statements.first(), statements.last()) else { return };
        let (open, close) = step(statements.iter().any(|statement| statement.uses_await));
        let binds: BTreeMap<String, bool> = statements
            .iter()
            .filter_map(
                |statement| if let StatementKind::Let { binds, .. } = &statement.kind { Some(binds) } else { None },
            )
            .flatten()
            .map(|bind| (bind.name.clone(), bind.is_mut))
            .collect();
        let outer: String =
            binds.iter().map(|(name, is_mut)| format!("{}{name},", if *is_mut { "mut " } else { "" })).collect();
        let inner: String = binds.keys().map(|name| format!("{name},")).collect();
        self.insert(first.range.start, format!("let ({outer})=match {open}"), first.range.clone());
        let stores = self.stores(exit);
        let text =
            format!(" ;Ok::<_,::dpark::cell::Exit>(({inner})){close}{{Some(__v)=>__v,None=>{{{stores}return}}}};");
        self.insert(last.range.end, text, last.range.clone());
        self.live.extend(binds);
    }

    /// Puts everything that is alive back into the session.
    fn stores(&self, exit: usize) -> String {
        let mut text = String::new();
        if exit != COMPLETED {
            let _ = write!(text, "__f.left_at({exit});");
        }
        for name in self.live.keys().filter(|name| !self.inputs.moved.contains(&(exit, (*name).clone()))) {
            let mark = if exit == COMPLETED { "end".to_owned() } else { exit.to_string() };
            let _ = write!(text, "__f.put({name:?},{name})/*{mark}*/;");
        }
        text
    }

    fn tail(&mut self, level: u32) {
        let end = self.inputs.source.len();
        // A comment on the last line must not swallow the tail; nothing of the user's comes after this line break.
        let text = format!("\n{}}}{}", self.stores(COMPLETED), "}".repeat(level as usize));
        self.insert(end, text, end..end);
    }
}

/// What stands around an expression whose value is shown.
const SHOW: (&str, &str) = (
    "{use ::dpark::show::probe::*;let __v=&(",
    ");let __v=(&&Value(__v)).open()?;__f.show((&&&&&&Probe(__v)).show());}",
);

/// What stands around a step.
fn step(uses_await: bool) -> (&'static str, &'static str) {
    if uses_await { ("__f.step(||{::dpark::cell::block_on(async{", "})})") } else { ("__f.step(||{", "})") }
}
