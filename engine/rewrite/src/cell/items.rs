//! Items of a cell and what they are known by.

use super::mentions;
use super::{Item, ItemKey, ItemKind};
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{ImplItem, ItemImpl, Macro, StmtMacro, UseTree};

/// Macros whose call stands for items, not for a statement.
const ITEM_MACROS: &[&str] = &["thread_local", "lazy_static", "bitflags"];

/// Whether a macro call defines items.
pub(super) fn defines_items(mac: &Macro) -> bool {
    mac.path.segments.last().is_some_and(|last| ITEM_MACROS.iter().any(|name| last.ident == name))
}

/// Such a call as an item.
pub(super) fn macro_call(call: &StmtMacro) -> Item {
    Item {
        range: call.span().byte_range(),
        kind: ItemKind::MacroCall,
        key: ItemKey::Text(text(call.to_token_stream())),
        mentions: mentions::mentions(call),
    }
}

/// An item.
pub(super) fn item(item: &syn::Item) -> Item {
    let (kind, key) = kind_and_key(item);
    let mut mentions = mentions::mentions(item);
    if let ItemKey::Named(name) = &key {
        mentions.names.remove(name);
    }
    Item { range: item.span().byte_range(), kind, key, mentions }
}

fn kind_and_key(item: &syn::Item) -> (ItemKind, ItemKey) {
    let named = |name: &proc_macro2::Ident| ItemKey::Named(name.to_string());
    match item {
        syn::Item::Fn(item) => (ItemKind::Fn, named(&item.sig.ident)),
        syn::Item::Struct(item) => (ItemKind::Struct, named(&item.ident)),
        syn::Item::Enum(item) => (ItemKind::Enum, named(&item.ident)),
        syn::Item::Union(item) => (ItemKind::Union, named(&item.ident)),
        syn::Item::Trait(item) => (ItemKind::Trait, named(&item.ident)),
        syn::Item::TraitAlias(item) => (ItemKind::Trait, named(&item.ident)),
        syn::Item::Mod(item) => (ItemKind::Mod, named(&item.ident)),
        syn::Item::Const(item) if item.ident == "_" => (ItemKind::Const, ItemKey::Text(text(item.to_token_stream()))),
        syn::Item::Const(item) => (ItemKind::Const, named(&item.ident)),
        syn::Item::Static(item) => (ItemKind::Static, named(&item.ident)),
        syn::Item::Type(item) => (ItemKind::Type, named(&item.ident)),
        syn::Item::Impl(item) => (ItemKind::Impl, impl_key(item)),
        syn::Item::Use(item) => {
            let mut names = Vec::new();
            let glob = use_names(&item.tree, None, &mut names);
            (ItemKind::Use, ItemKey::Use { names, glob })
        }
        syn::Item::Macro(item) => match &item.ident {
            Some(name) => (ItemKind::MacroRules, named(name)),
            None => (ItemKind::MacroCall, ItemKey::Text(text(item.to_token_stream()))),
        },
        syn::Item::ExternCrate(item) => {
            let name = item.rename.as_ref().map_or(&item.ident, |rename| &rename.1);
            (ItemKind::ExternCrate, named(name))
        }
        syn::Item::ForeignMod(item) => (ItemKind::ExternBlock, ItemKey::Text(text(item.to_token_stream()))),
        other => (ItemKind::Other, ItemKey::Text(text(other.to_token_stream()))),
    }
}

fn impl_key(item: &ItemImpl) -> ItemKey {
    let mut header = item.clone();
    header.attrs.clear();
    header.items.clear();
    // The body, now empty, is the last token.
    let mut tokens: Vec<TokenTree> = header.to_token_stream().into_iter().collect();
    if matches!(tokens.last(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace) {
        tokens.pop();
    }
    let tokens: TokenStream = tokens.into_iter().collect();
    let generics: Vec<String> = item
        .generics
        .params
        .iter()
        .map(|parameter| match parameter {
            syn::GenericParam::Type(ty) => ty.ident.to_string(),
            syn::GenericParam::Const(constant) => constant.ident.to_string(),
            syn::GenericParam::Lifetime(lifetime) => lifetime.lifetime.ident.to_string(),
        })
        .collect();
    let mut types = Vec::new();
    idents(tokens.clone(), &mut |name| {
        let keyword = matches!(
            name,
            "impl" | "for" | "where" | "unsafe" | "dyn" | "const" | "mut" | "crate" | "self" | "super" | "as"
        );
        if !keyword && !generics.iter().any(|generic| generic == name) && !types.iter().any(|known| known == name) {
            types.push(name.to_owned());
        }
    });
    let methods = item
        .items
        .iter()
        .filter_map(|item| if let ImplItem::Fn(function) = item { Some(function.sig.ident.to_string()) } else { None })
        .collect();
    ItemKey::Impl { header: text(tokens), methods, types }
}

fn idents(tokens: TokenStream, found: &mut impl FnMut(&str)) {
    let mut lifetime = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(ident) if !lifetime => found(&ident.to_string()),
            TokenTree::Group(group) => idents(group.stream(), found),
            _ => {}
        }
        lifetime = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
    }
}

/// The names an import binds; true if it is (or contains) a glob.
fn use_names(tree: &UseTree, parent: Option<&str>, names: &mut Vec<String>) -> bool {
    match tree {
        UseTree::Path(path) => use_names(&path.tree, Some(&path.ident.to_string()), names),
        UseTree::Name(name) if name.ident == "self" => {
            names.extend(parent.map(str::to_owned));
            false
        }
        UseTree::Name(name) => {
            names.push(name.ident.to_string());
            false
        }
        UseTree::Rename(rename) => {
            if rename.rename != "_" {
                names.push(rename.rename.to_string());
            }
            false
        }
        UseTree::Glob(_) => true,
        UseTree::Group(group) => {
            let globs = group.items.iter().filter(|tree| use_names(tree, parent, names)).count();
            globs > 0
        }
    }
}

/// Tokens as text that does not depend on how they were laid out, written as rustfmt would.
fn text(tokens: TokenStream) -> String {
    let mut text = String::new();
    write(tokens, &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let mut glued = true;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) => {
                let mark = punct.as_char();
                let spaced = matches!(mark, '+' | '=' | '-' | '|' | '*' | '#' | '&' | '\'') && !glued;
                if spaced && !text.ends_with(['&', '<', '(', '[']) {
                    text.push(' ');
                }
                text.push(mark);
                glued = punct.spacing() == Spacing::Joint || !matches!(mark, ',' | '+' | '=' | '>' | ';' | '|');
                // `a: B`, but `a::B`.
                if mark == ':' && punct.spacing() == Spacing::Alone && !text.ends_with("::") {
                    text.push(' ');
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => (" {", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                if !glued && text.ends_with([',', '>', '+', '=']) {
                    text.push(' ');
                }
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
                glued = false;
            }
            word => {
                if !glued && !text.ends_with(' ') {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
                glued = false;
            }
        }
    }
}
