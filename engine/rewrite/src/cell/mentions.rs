//! The names that a part of a cell mentions, and whether it leaves by `.await` or `?`.

use super::Mentions;
use crate::format_string;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Expr, Item, Lit, Macro, Stmt};

/// Every identifier of a piece of syntax, by where it stands.
pub(super) fn mentions(syntax: &impl ToTokens) -> Mentions {
    let mut found = Mentions::default();
    collect(syntax.to_token_stream(), &mut found);
    found
}

fn collect(tokens: TokenStream, found: &mut Mentions) {
    let mut dots = 0;
    let mut lifetime = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(_) if lifetime => {}
            // One dot is a member, two or three are a range.
            TokenTree::Ident(ident) if dots == 1 => {
                found.members.insert(ident.to_string());
            }
            TokenTree::Ident(ident) => {
                found.names.insert(ident.to_string());
            }
            TokenTree::Group(group) => collect(group.stream(), found),
            TokenTree::Literal(literal) => {
                if let Lit::Str(text) = Lit::new(literal.clone()) {
                    found.names.extend(format_string::names(&text.value()));
                }
            }
            TokenTree::Punct(_) => {}
        }
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == '.' => dots += 1,
            _ => dots = 0,
        }
        lifetime = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
    }
}

/// How a statement may suspend or leave its cell.
#[derive(Clone, Copy, Default)]
pub(super) struct TopLevel {
    pub(super) uses_await: bool,
    pub(super) uses_question_mark: bool,
}

/// Looks for `.await` and `?` outside of closures, async blocks and items.
pub(super) fn top_level(statement: &Stmt) -> TopLevel {
    let mut found = TopLevel::default();
    found.visit_stmt(statement);
    found
}

impl<'ast> Visit<'ast> for TopLevel {
    fn visit_expr_await(&mut self, expr: &'ast syn::ExprAwait) {
        self.uses_await = true;
        visit::visit_expr_await(self, expr);
    }

    fn visit_expr_try(&mut self, expr: &'ast syn::ExprTry) {
        self.uses_question_mark = true;
        visit::visit_expr_try(self, expr);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        match crate::tokens::macro_arguments(mac) {
            Some(arguments) => arguments.iter().for_each(|argument: &Expr| self.visit_expr(argument)),
            None => self.scan(mac.tokens.clone()),
        }
    }

    fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
    fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
    fn visit_item(&mut self, _: &'ast Item) {}
}

impl TopLevel {
    /// Macro tokens that are not expressions, such as those of `select!`.
    fn scan(&mut self, tokens: TokenStream) {
        let mut after_dot = false;
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) if after_dot && ident == "await" => self.uses_await = true,
                TokenTree::Punct(punct) if punct.as_char() == '?' => self.uses_question_mark = true,
                TokenTree::Group(group) => self.scan(group.stream()),
                _ => {}
            }
            after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
        }
    }
}
