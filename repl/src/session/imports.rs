//! Imports, one by one. A later cell may bind one of the names of `use a::{B, C};` anew, and the others stay; so each
//! name of an import is an item of its own.

use super::items::Source;
use dpark_rewrite::cell::{Item, ItemKey, Mentions};
use std::ops::Range;
use std::sync::Arc;
use syn::UseTree;

/// The imports of a `use` item, each an item in a source written for them. They stand on the line of the original.
pub(super) fn split(item: &Item, cell: &Source) -> Option<(Arc<Source>, Vec<Item>)> {
    let parsed: syn::ItemUse = syn::parse_str(&cell.text[item.range.clone()]).ok()?;
    let mut leaves = Vec::new();
    let root = if parsed.leading_colon.is_some() { "::" } else { "" };
    collect(&parsed.tree, root, &mut leaves);
    let mut text: String = cell.text[..item.range.start].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
    let mut items = Vec::new();
    for Leaf { path, name, rename } in leaves {
        let start = text.len();
        text.push_str(&match rename {
            Some(rename) => format!("use {path} as {rename};"),
            None => format!("use {path};"),
        });
        let segments = path.split("::").filter(|segment| !segment.is_empty() && *segment != "*");
        let names = segments.map(str::to_owned).chain(name.clone()).collect();
        items.push(Item {
            range: Range { start, end: text.len() },
            key: ItemKey::Use { names: name.into_iter().collect(), glob: path.ends_with('*') },
            mentions: Mentions { names, ..Mentions::default() },
            ..item.clone()
        });
    }
    let file = format!("use {}.{}", cell.number, item.range.start);
    Some((Arc::new(Source { file, number: cell.number, text: Arc::from(text), insertions: Vec::new() }), items))
}

struct Leaf {
    path: String,
    /// The name it binds, if it binds one.
    name: Option<String>,
    rename: Option<String>,
}

fn collect(tree: &UseTree, prefix: &str, leaves: &mut Vec<Leaf>) {
    let last = |prefix: &str| prefix.trim_end_matches("::").rsplit("::").next().unwrap_or_default().to_owned();
    match tree {
        UseTree::Path(path) => collect(&path.tree, &format!("{prefix}{}::", path.ident), leaves),
        UseTree::Name(name) if name.ident == "self" => {
            let path = prefix.trim_end_matches("::").to_owned();
            leaves.push(Leaf { name: Some(last(prefix)), path, rename: None });
        }
        UseTree::Name(name) => {
            leaves.push(Leaf {
                path: format!("{prefix}{}", name.ident),
                name: Some(name.ident.to_string()),
                rename: None,
            });
        }
        UseTree::Rename(rename) => {
            let path = if rename.ident == "self" {
                prefix.trim_end_matches("::").to_owned()
            } else {
                format!("{prefix}{}", rename.ident)
            };
            let new = rename.rename.to_string();
            leaves.push(Leaf { path, name: (new != "_").then(|| new.clone()), rename: Some(new) });
        }
        UseTree::Glob(_) => leaves.push(Leaf { path: format!("{prefix}*"), name: None, rename: None }),
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, prefix, leaves)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dpark_rewrite::cell;

    #[test]
    fn each_name_is_an_item_of_its_own() {
        let text = "let x = 1;\nuse std::{collections::{BTreeMap as Map, *}, fmt::{self, Write as _}};";
        let parsed = cell::parse(text).unwrap();
        let source = Source { file: "cell 1".into(), number: 1, text: Arc::from(text), insertions: Vec::new() };
        let (made, items) = split(parsed.items().next().unwrap(), &source).unwrap();
        let texts: Vec<&str> = items.iter().map(|item| &made.text[item.range.clone()]).collect();
        assert_eq!(
            texts,
            [
                "use std::collections::BTreeMap as Map;",
                "use std::collections::*;",
                "use std::fmt;",
                "use std::fmt::Write as _;"
            ]
        );
        assert!(made.text.starts_with("          \nuse"), "{:?}", made.text);
        let names: Vec<&ItemKey> = items.iter().map(|item| &item.key).collect();
        assert_eq!(names[0], &ItemKey::Use { names: vec!["Map".into()], glob: false });
        assert_eq!(names[1], &ItemKey::Use { names: vec![], glob: true });
    }
}
