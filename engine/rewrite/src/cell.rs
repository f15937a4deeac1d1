//! What a cell of the shell consists of: items and statements, with their exact bytes, the names they define and the
//! names they mention.
//!
//! Mentions over-approximate: an identifier counts wherever it may name a variable or an item, macro tokens and format
//! strings included, since what is not loaded or emitted for a cell is a compile error while a name too many costs a
//! little time.

mod completeness;
mod items;
mod mentions;

pub use completeness::{Completeness, completeness};

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, Pat, Stmt};

/// A cell that parsed.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// Its items and statements, in order.
    pub parts: Vec<Part>,
}

impl Cell {
    /// The last statement, if it is an expression without semicolon: the value to show.
    pub fn shown(&self) -> Option<&Statement> {
        match self.parts.last() {
            Some(Part::Statement(statement)) if matches!(statement.kind, StatementKind::Expr { semi: false, .. }) => {
                Some(statement)
            }
            _ => None,
        }
    }

    /// The items, in order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.parts.iter().filter_map(|part| if let Part::Item(item) = part { Some(item) } else { None })
    }

    /// The statements, in order.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.parts.iter().filter_map(|part| if let Part::Statement(found) = part { Some(found) } else { None })
    }

    /// Whether a statement awaits something, outside of closures and async blocks.
    pub fn uses_await(&self) -> bool {
        self.statements().any(|statement| statement.uses_await)
    }

    /// Whether a statement uses `?`, outside of closures and async blocks.
    pub fn uses_question_mark(&self) -> bool {
        self.statements().any(|statement| statement.uses_question_mark)
    }
}

/// An item or a statement.
#[derive(Clone, Debug)]
pub enum Part {
    /// A function, type, impl, import, …
    Item(Item),
    /// A `let`, an expression or a macro call.
    Statement(Statement),
}

impl Part {
    /// Its bytes in the source, attributes and doc comments included.
    pub fn range(&self) -> Range<usize> {
        match self {
            Part::Item(item) => item.range.clone(),
            Part::Statement(statement) => statement.range.clone(),
        }
    }
}

/// The names that a part mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Identifiers that may name variables, functions, types, macros or modules.
    pub names: BTreeSet<String>,
    /// Identifiers after a dot: fields and methods (a method may come from a trait of the session).
    pub members: BTreeSet<String>,
}

/// An item of a cell.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its bytes, attributes and doc comments included.
    pub range: Range<usize>,
    /// What it is.
    pub kind: ItemKind,
    /// What it is known by: a new item with the same key replaces the old one.
    pub key: ItemKey,
    /// What it mentions, its own name aside.
    pub mentions: Mentions,
}

/// The kinds of items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are Rust's own")]
pub enum ItemKind {
    Fn,
    Struct,
    Enum,
    Union,
    Trait,
    Impl,
    Use,
    Mod,
    Const,
    Static,
    Type,
    MacroRules,
    MacroCall,
    ExternCrate,
    ExternBlock,
    Other,
}

/// What an item is known by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ItemKey {
    /// An item with a name.
    Named(String),
    /// An `impl` block.
    Impl {
        /// The header without attributes and body, with single spaces: `impl Display for Foo`.
        header: String,
        /// The functions it defines.
        methods: Vec<String>,
        /// The identifiers of types and traits in the header, in order of appearance.
        types: Vec<String>,
    },
    /// An import.
    Use {
        /// The names it binds.
        names: Vec<String>,
        /// Whether it imports everything of some module.
        glob: bool,
    },
    /// An item without a name of its own: a macro call, an extern block.
    Text(String),
}

/// A statement of a cell.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its bytes, attributes and semicolon included.
    pub range: Range<usize>,
    /// What it is.
    pub kind: StatementKind,
    /// What it mentions.
    pub mentions: Mentions,
    /// It awaits something outside of closures and async blocks.
    pub uses_await: bool,
    /// It uses `?` outside of closures and async blocks.
    pub uses_question_mark: bool,
}

/// The kinds of statements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StatementKind {
    /// `let pattern: type = value else { .. };`
    Let {
        /// The variables it binds, in order.
        binds: Vec<Binding>,
        /// The bytes of the written type.
        ty: Option<Range<usize>>,
        /// The bytes of the value.
        init: Option<Range<usize>>,
        /// Whether it has an `else` block.
        has_else: bool,
    },
    /// An expression.
    Expr {
        /// The bytes of the expression, without semicolon.
        value: Range<usize>,
        /// Whether a semicolon follows.
        semi: bool,
    },
    /// `name! { .. }` or `name!(..);`
    MacroCall {
        /// Whether a semicolon follows.
        semi: bool,
    },
}

/// A variable that a `let` binds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// The name.
    pub name: String,
    /// Whether it is `mut`.
    pub is_mut: bool,
    /// The bytes of the name.
    pub range: Range<usize>,
}

/// Why a cell does not parse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// What the parser expected.
    pub message: String,
    /// Where, in bytes; the end of the source if something is missing there.
    pub offset: usize,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}

/// Reads a cell.
///
/// ```
/// use dpark_rewrite::cell::{self, Part};
/// let cell = cell::parse("struct Point { x: i64 }\nlet p = Point { x: 1 };\np.x").unwrap();
/// assert_eq!(cell.parts.len(), 3);
/// assert!(matches!(cell.parts[0], Part::Item(_)));
/// assert!(cell.shown().unwrap().mentions.names.contains("p"));
/// ```
pub fn parse(source: &str) -> Result<Cell, SyntaxError> {
    let statements = crate::source::parse(source).map_err(|error| {
        let range = error.span().byte_range();
        let offset = if range.is_empty() { source.len() } else { range.start };
        SyntaxError { message: error.to_string(), offset }
    })?;
    Ok(Cell { parts: statements.iter().map(part).collect() })
}

fn part(statement: &Stmt) -> Part {
    match statement {
        Stmt::Item(item) => Part::Item(items::item(item)),
        Stmt::Macro(mac) if items::defines_items(&mac.mac) => Part::Item(items::macro_call(mac)),
        _ => Part::Statement(Statement {
            range: statement.span().byte_range(),
            kind: statement_kind(statement),
            mentions: mentions::mentions(statement),
            uses_await: mentions::top_level(statement).uses_await,
            uses_question_mark: mentions::top_level(statement).uses_question_mark,
        }),
    }
}

fn statement_kind(statement: &Stmt) -> StatementKind {
    match statement {
        Stmt::Local(local) => StatementKind::Let {
            binds: bindings(&local.pat),
            ty: if let Pat::Type(typed) = &local.pat { Some(typed.ty.span().byte_range()) } else { None },
            init: local.init.as_ref().map(|init| init.expr.span().byte_range()),
            has_else: local.init.as_ref().is_some_and(|init| init.diverge.is_some()),
        },
        Stmt::Expr(expr, semi) => StatementKind::Expr { value: expr.span().byte_range(), semi: semi.is_some() },
        Stmt::Macro(mac) => StatementKind::MacroCall { semi: mac.semi_token.is_some() },
        Stmt::Item(_) => StatementKind::MacroCall { semi: false },
    }
}

fn bindings(pattern: &Pat) -> Vec<Binding> {
    struct Bindings {
        names: Vec<String>,
        found: Vec<Binding>,
    }
    impl<'ast> Visit<'ast> for Bindings {
        fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
            let name = pattern.ident.to_string();
            // Both sides of `A(x) | B(x)` bind the same variable.
            if self.names.contains(&name) && self.found.iter().all(|binding| binding.name != name) {
                let range = pattern.ident.span().byte_range();
                self.found.push(Binding { name, is_mut: pattern.mutability.is_some(), range });
            }
            visit::visit_pat_ident(self, pattern);
        }
        fn visit_expr(&mut self, _: &'ast Expr) {}
    }
    let mut bindings = Bindings { names: crate::scope::pattern_names(pattern), found: Vec::new() };
    bindings.visit_pat(pattern);
    bindings.found
}

#[cfg(test)]
mod tests;
