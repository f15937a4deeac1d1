//! The rewriter on syntax trees, for `#[dpark::closures]`: the user's tokens stay, with their spans.

use crate::captures::{Capture, Place, self_name};
use crate::form;
use crate::tokens;
use crate::walk::{Call, ParsedMacro, Refused, Walk, key};
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprMethodCall, Item, Macro, Member};

/// Makes the closures of RDD operators in a function, impl block, trait or module shippable. A call that cannot be
/// shipped becomes a `compile_error!` in its place: no errors follow from it.
pub fn rewrite_item(item: &mut Item) {
    let mut walk = Walk::new(&[], &[]);
    walk.alone(item);
    Splice { calls: walk.calls, refused: walk.errors, macros: walk.macros, spliced: 0 }.visit_item_mut(item);
}

/// Puts the environment and the factories in. A call is found again by its address: the tree stays where it is until
/// the call itself, after all calls inside it, is taken apart.
struct Splice {
    calls: Vec<Call>,
    refused: Vec<Refused>,
    macros: Vec<ParsedMacro>,
    /// How many calls were rewritten or refused so far.
    spliced: usize,
}

impl VisitMut for Splice {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Expr::MethodCall(call) = &*expr {
            let address = key(call);
            let refused: Vec<&Refused> = self.refused.iter().filter(|refused| refused.key == address).collect();
            if !refused.is_empty() {
                let errors = refused.iter().map(|refused| {
                    let message = format!("{}\nhelp: {}", refused.error.message(), refused.error.help());
                    quote_spanned!(refused.span=> ::core::compile_error!(#message))
                });
                *expr = Expr::Verbatim(quote_spanned!(call.method.span()=> { #(#errors);* }));
                self.spliced += 1;
                return;
            }
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_expr_method_call_mut(&mut self, call: &mut ExprMethodCall) {
        let address = key(call);
        visit_mut::visit_expr_method_call_mut(self, call);
        if let Some(found) = self.calls.iter().find(|found| found.key == address) {
            splice(call, found);
            self.spliced += 1;
        }
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        let address = std::ptr::from_ref(mac).addr();
        let Some(index) = self.macros.iter().position(|parsed| parsed.key == address) else { return };
        let mut parsed = self.macros.swap_remove(index);
        let before = self.spliced;
        parsed.arguments.iter_mut().for_each(|argument| self.visit_expr_mut(argument));
        if self.spliced > before {
            mac.tokens = parsed.arguments.to_token_stream();
        }
    }
}

fn splice(call: &mut ExprMethodCall, found: &Call) {
    let mut copies = Copies { whole: found.captures.iter().any(|capture| capture.place == Place::SelfWhole) };
    for function in &found.functions {
        let Some(argument) = call.args.get_mut(function.index) else { continue };
        if !found.self_uses.is_empty() {
            copies.visit_expr_mut(argument);
        }
        if function.needs_move.is_some() {
            add_move(argument);
        }
        let mut tokens = factory(&found.captures, found.functions.len());
        argument.to_tokens(&mut tokens);
        *argument = Expr::Verbatim(tokens);
    }
    let receiver = std::mem::replace(&mut *call.receiver, Expr::Verbatim(TokenStream::new()));
    let operator = found.operator;
    let method = Ident::new(form::WITH_ENV, operator);
    let captured = found.captures.iter().map(|capture| {
        let expression = parsed(&form::capture(capture), capture.span);
        quote_spanned!(capture.span=> #expression,)
    });
    *call.receiver = Expr::Verbatim(quote_spanned!(operator=> #receiver.#method((#(#captured)*))));
}

fn add_move(argument: &mut Expr) {
    match argument {
        Expr::Closure(closure) => closure.capture = Some(syn::Token![move](closure.inputs_begin.span)),
        Expr::Paren(paren) => add_move(&mut paren.expr),
        Expr::Group(group) => add_move(&mut group.expr),
        _ => {}
    }
}

/// `|(a, b,)|`, each name with the span of its first mention, so that it resolves as the user's own word does.
fn factory(captures: &[Capture], functions: usize) -> TokenStream {
    let Some(first) = captures.first() else { return TokenStream::new() };
    let names = captures.iter().map(|capture| {
        let name = parsed(&capture.name, capture.span);
        quote_spanned!(capture.span=> #name,)
    });
    let attribute =
        form::may_be_unused(captures, functions).then(|| quote_spanned!(first.span=> #[allow(unused_variables)]));
    quote_spanned!(first.span=> |#attribute (#(#names)*)|)
}

/// A text of this crate as tokens at a place of the user's.
fn parsed(text: &str, span: Span) -> TokenStream {
    // The texts are this crate's own: a name, or the forms in `form`. They always lex.
    let tokens: TokenStream = text.parse().unwrap_or_default();
    at(tokens, span)
}

fn at(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let TokenTree::Group(group) = &token {
                token = TokenTree::Group(Group::new(group.delimiter(), at(group.stream(), span)));
            }
            token.set_span(span);
            token
        })
        .collect()
}

/// Puts the captured copies in the place of `self` and `self.field`.
struct Copies {
    /// The copy is of the whole of `self`.
    whole: bool,
}

impl VisitMut for Copies {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let copy = match &*expr {
            Expr::Path(path) if path.path.is_ident("self") => {
                path.path.get_ident().map(|ident| Ident::new(&self_name(None), ident.span()))
            }
            Expr::Field(field) if !self.whole => match (&*field.base, &field.member) {
                (Expr::Path(base), Member::Named(name)) if base.path.is_ident("self") => {
                    Some(Ident::new(&self_name(Some(&name.to_string())), name.span()))
                }
                _ => None,
            },
            _ => None,
        };
        match copy {
            Some(copy) => *expr = Expr::Verbatim(copy.to_token_stream()),
            None => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        mac.tokens = self.in_tokens(mac.tokens.clone());
    }

    // `self` of an item inside the closure is another one.
    fn visit_item_mut(&mut self, _: &mut Item) {}
}

impl Copies {
    fn in_tokens(&self, tokens: TokenStream) -> TokenStream {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut copied = TokenStream::new();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            index += 1;
            match token {
                TokenTree::Ident(ident) if ident == "self" => {
                    let field = if self.whole { None } else { tokens::self_field(&tokens[index..]) };
                    if field.is_some() {
                        index += 2;
                    }
                    let name = self_name(field.map(Ident::to_string).as_deref());
                    copied.extend([TokenTree::Ident(Ident::new(&name, ident.span()))]);
                }
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.in_tokens(group.stream()));
                    inner.set_span(group.span());
                    copied.extend([TokenTree::Group(inner)]);
                }
                other => copied.extend([other.clone()]),
            }
        }
        copied
    }
}
