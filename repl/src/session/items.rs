//! The items of a session: functions, types, impls, imports and macros of all cells, and which of them a cell needs.
//!
//! Every cell is a crate of its own, so it contains the earlier items that it mentions, and what those mention; the
//! others cost nothing. An item that is defined again with another text gets a new *level*, a module nested below the
//! levels before, and with it everything that mentions it: another path is another `TypeId`, so a value of the old
//! type is never taken for one of the new.

use super::imports;
use dpark_rewrite::Insertion;
use dpark_rewrite::cell::{Cell, Item, ItemKey, ItemKind, Mentions};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// A cell that defined items.
#[derive(Debug)]
pub struct Source {
    /// The name of the file that shows its items: `cell 3`.
    pub file: String,
    /// Its number.
    pub number: u32,
    /// Its text.
    pub text: Arc<str>,
    /// The rewriter's insertions for the whole cell.
    pub insertions: Vec<Insertion>,
}

/// One item.
#[derive(Clone, Debug)]
struct Entry {
    source: Arc<Source>,
    item: Item,
    level: u32,
}

impl Entry {
    fn range(&self) -> Range<usize> {
        self.item.range.clone()
    }

    fn text(&self) -> &str {
        &self.source.text[self.range()]
    }

    /// The names that the item defines.
    fn names(&self) -> &[String] {
        match &self.item.key {
            ItemKey::Named(name) => std::slice::from_ref(name),
            ItemKey::Use { names, .. } => names,
            ItemKey::Impl { .. } | ItemKey::Text(_) => &[],
        }
    }

    /// Whether macros and everything else are told apart: a macro and a function may have the same name.
    fn is_macro(&self) -> bool {
        self.item.kind == ItemKind::MacroRules
    }

    fn mentions(&self, names: &BTreeSet<String>) -> bool {
        self.item.mentions.names.iter().any(|name| names.contains(name))
    }
}

/// The items by key. Cheap enough to clone for each cell: the change is kept only if the cell compiles.
#[derive(Clone, Debug, Default)]
pub struct Items {
    entries: Vec<Entry>,
    epoch: u32,
}

/// What a new cell changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Names whose meaning is another now: defined again, or mentioning something that was.
    pub redefined: BTreeSet<String>,
}

/// The pieces of the items that a cell needs: by level and cell, the ranges to keep.
pub struct Needed {
    /// In the order in which they are emitted.
    pub pieces: Vec<Piece>,
    /// The deepest level.
    pub level: u32,
}

/// The needed items of one level in one cell's source.
pub struct Piece {
    /// The level.
    pub level: u32,
    /// The source.
    pub source: Arc<Source>,
    /// What to keep of it.
    pub ranges: Vec<Range<usize>>,
}

impl Items {
    /// The texts of the items that deal with RDDs, directly or by what they mention.
    pub fn about_rdds(&self) -> Vec<&str> {
        let mut names: BTreeSet<&str> = ["Rdd", "DparkContext"].into();
        let mut texts = Vec::new();
        for entry in &self.entries {
            let is_needed =
                matches!(entry.item.kind, ItemKind::Fn | ItemKind::Struct | ItemKind::Type | ItemKind::Impl);
            if is_needed && entry.item.mentions.names.iter().any(|name| names.contains(name.as_str())) {
                names.extend(entry.names().iter().map(String::as_str));
                texts.push(entry.text());
            }
        }
        texts
    }

    /// Adds the items of a cell.
    pub fn add(&mut self, source: &Arc<Source>, cell: &Cell) -> Change {
        let mut changed = BTreeSet::new();
        let items =
            cell.items().flat_map(|item| match imports::split(item, source).filter(|_| item.kind == ItemKind::Use) {
                Some((from, imports)) => {
                    imports.into_iter().map(|import| (Arc::clone(&from), import)).collect::<Vec<_>>()
                }
                None => vec![(Arc::clone(source), item.clone())],
            });
        for (source, item) in items {
            let entry = Entry { source, item, level: 0 };
            let old: Vec<usize> = (0..self.entries.len()).filter(|at| self.replaces(&entry, *at)).collect();
            if old.iter().any(|at| self.entries[*at].text() != entry.text()) {
                changed.extend(entry.names().iter().cloned());
            }
            // The place in the order stays, so that a macro comes before its uses.
            match old.split_first() {
                Some((first, others)) => {
                    let level = self.entries[*first].level;
                    self.entries[*first] = Entry { level, ..entry };
                    others.iter().rev().for_each(|at| drop(self.entries.remove(*at)));
                }
                None => self.entries.push(entry),
            }
        }
        self.move_down(changed)
    }

    /// Whether a new item takes the place of an old one: the same name, or an impl with the same header that defines
    /// the same thing again.
    fn replaces(&self, new: &Entry, at: usize) -> bool {
        let old = &self.entries[at];
        if old.source.number == new.source.number {
            return false;
        }
        match (&old.item.key, &new.item.key) {
            (ItemKey::Impl { header: old, methods: before, .. }, ItemKey::Impl { header, methods, .. }) => {
                old == header && (header.contains(" for ") || methods.iter().any(|method| before.contains(method)))
            }
            (ItemKey::Text(before), ItemKey::Text(text)) => before == text,
            // An import without a name: everything of a module, or a trait `as _`.
            (ItemKey::Use { names, .. }, ItemKey::Use { names: new_names, .. })
                if names.is_empty() && new_names.is_empty() =>
            {
                old.text() == new.text()
            }
            (ItemKey::Impl { .. } | ItemKey::Text(_), _) | (_, ItemKey::Impl { .. } | ItemKey::Text(_)) => false,
            _ => old.is_macro() == new.is_macro() && old.names().iter().any(|name| new.names().contains(name)),
        }
    }

    /// Gives the changed items and all that mention them a new level, and each item at least the level of what it
    /// mentions.
    fn move_down(&mut self, changed: BTreeSet<String>) -> Change {
        let mut redefined = changed;
        if !redefined.is_empty() {
            self.epoch += 1;
        }
        let mut grew = !redefined.is_empty();
        while grew {
            grew = false;
            for entry in &self.entries {
                if entry.mentions(&redefined) {
                    for name in entry.names() {
                        grew |= redefined.insert(name.clone());
                    }
                }
            }
        }
        for entry in &mut self.entries {
            if entry.names().iter().any(|name| redefined.contains(name)) || entry.mentions(&redefined) {
                entry.level = self.epoch;
            }
        }
        let mut settled = false;
        while !settled {
            settled = true;
            let levels = self.levels();
            for entry in &mut self.entries {
                let below = entry.item.mentions.names.iter().filter_map(|name| levels.get(name)).copied().max();
                if below.is_some_and(|below| below > entry.level) {
                    entry.level = below.unwrap_or_default();
                    settled = false;
                }
            }
        }
        Change { redefined }
    }

    fn levels(&self) -> BTreeMap<String, u32> {
        let mut levels = BTreeMap::new();
        for entry in &self.entries {
            for name in entry.names() {
                let level = levels.entry(name.clone()).or_insert(0);
                *level = entry.level.max(*level);
            }
        }
        levels
    }

    /// The items that code with these mentions needs, and everything that `own` (the cell being compiled) defines.
    pub fn needed(&self, mentions: &Mentions, own: u32) -> Needed {
        let defined: BTreeSet<&String> = self.entries.iter().flat_map(Entry::names).collect();
        let mut wanted: BTreeSet<&String> = mentions.names.iter().filter(|name| defined.contains(name)).collect();
        let mut members: BTreeSet<&String> = mentions.members.iter().collect();
        let mut taken = vec![false; self.entries.len()];
        let mut grew = true;
        while grew {
            grew = false;
            for (entry, taken) in self.entries.iter().zip(&mut taken) {
                if *taken || !(entry.source.number == own || entry.is_wanted(&wanted, &members, &defined)) {
                    continue;
                }
                *taken = true;
                grew = true;
                wanted.extend(entry.item.mentions.names.iter().filter(|name| defined.contains(name)));
                wanted.extend(entry.names());
                members.extend(&entry.item.mentions.members);
            }
        }
        let mut chosen: Vec<&Entry> =
            self.entries.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(e, _)| e).collect();
        // Macros are textual: they come first in their level.
        chosen.sort_by_key(|entry| (entry.level, !entry.is_macro(), entry.source.number, entry.item.range.start));
        let mut pieces: Vec<Piece> = Vec::new();
        for entry in chosen {
            let same = |piece: &&mut Piece| piece.level == entry.level && Arc::ptr_eq(&piece.source, &entry.source);
            match pieces.iter_mut().find(same) {
                Some(piece) => piece.ranges.push(entry.range()),
                None => {
                    let (level, source) = (entry.level, Arc::clone(&entry.source));
                    pieces.push(Piece { level, source, ranges: vec![entry.range()] });
                }
            }
        }
        let level = pieces.iter().map(|piece| piece.level).max().unwrap_or(0);
        Needed { pieces, level }
    }
}

impl Entry {
    fn is_wanted(&self, wanted: &BTreeSet<&String>, members: &BTreeSet<&String>, defined: &BTreeSet<&String>) -> bool {
        let ready = |name: &String| !defined.contains(name) || wanted.contains(name);
        match (&self.item.key, self.item.kind) {
            // An impl comes with its type and trait; one for a foreign type with the trait, and the other way round.
            (ItemKey::Impl { types, .. }, _) => {
                types.iter().any(|name| defined.contains(name)) && types.iter().all(ready)
            }
            // Imports may bring traits, whose methods nobody names; they cost nothing.
            (ItemKey::Use { names, .. }, _) => {
                self.item.mentions.names.iter().all(|name| names.contains(name) || ready(name))
            }
            (ItemKey::Text(_), _) | (_, ItemKind::ExternCrate) => true,
            (_, ItemKind::Trait) if self.defines_method(members) => true,
            _ => self.names().iter().any(|name| wanted.contains(name)),
        }
    }

    /// Whether a trait defines one of the methods that are called somewhere.
    fn defines_method(&self, members: &BTreeSet<&String>) -> bool {
        let text = self.text();
        text.match_indices("fn ").any(|(at, found)| {
            let rest = text[at + found.len()..].trim_start();
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            members.contains(&rest[..end].to_owned())
        })
    }
}
