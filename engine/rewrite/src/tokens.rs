//! Captures inside macro calls: the arguments are read as expressions where that is what they are, and scanned token by
//! token otherwise.

use crate::captures::Captures;
use crate::format_string;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Expr, Lit, Macro, Pat, Token};

/// Macros of the standard library and of logging whose arguments are expressions, with the position of the format
/// string if there is one.
const KNOWN: &[(&str, Option<usize>)] = &[
    ("anyhow", Some(0)),
    ("assert", Some(1)),
    ("assert_eq", Some(2)),
    ("assert_ne", Some(2)),
    ("bail", Some(0)),
    ("dbg", None),
    ("debug", Some(0)),
    ("debug_assert", Some(1)),
    ("debug_assert_eq", Some(2)),
    ("debug_assert_ne", Some(2)),
    ("ensure", Some(1)),
    ("eprint", Some(0)),
    ("eprintln", Some(0)),
    ("error", Some(0)),
    ("format", Some(0)),
    ("format_args", Some(0)),
    ("info", Some(0)),
    ("panic", Some(0)),
    ("print", Some(0)),
    ("println", Some(0)),
    ("todo", Some(0)),
    ("trace", Some(0)),
    ("unimplemented", Some(0)),
    ("unreachable", Some(0)),
    ("vec", None),
    ("warn", Some(0)),
    ("write", Some(1)),
    ("writeln", Some(1)),
];

/// Adds what a macro call mentions.
pub(crate) fn captures_of_macro(captures: &mut Captures<'_>, mac: &Macro) {
    let name = mac.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
    if matches!(name.as_str(), "matches" | "assert_matches" | "debug_assert_matches")
        && let Ok((value, pattern, guard)) = matches_arguments.parse2(mac.tokens.clone())
    {
        captures.visit_expr(&value);
        captures.scoped(|captures| {
            captures.bind(&pattern);
            if let Some(guard) = guard {
                captures.visit_expr(&guard);
            }
        });
        return;
    }
    let known = KNOWN.iter().find(|known| known.0 == name);
    let outer = captures.uncertain;
    captures.uncertain |= known.is_none();
    match macro_arguments(mac) {
        Some(arguments) => expressions(captures, &arguments, known.map(|known| known.1)),
        None => scan(captures, mac.tokens.clone()),
    }
    captures.uncertain = outer;
}

fn expressions(captures: &mut Captures<'_>, arguments: &Arguments, format: Option<Option<usize>>) {
    let mut named = Vec::new();
    for argument in arguments.iter() {
        match argument {
            // `name = value`: a named argument of a format string.
            Expr::Assign(assign) if matches!(&*assign.left, Expr::Path(_)) => {
                if let Expr::Path(path) = &*assign.left
                    && let Some(ident) = path.path.get_ident()
                {
                    named.push(ident.to_string());
                }
                captures.visit_expr(&assign.right);
            }
            argument => captures.visit_expr(argument),
        }
    }
    for (index, argument) in arguments.iter().enumerate() {
        let is_format = match format {
            Some(position) => position == Some(index),
            None => true,
        };
        if let (true, Expr::Lit(literal)) = (is_format, argument)
            && let Lit::Str(text) = &literal.lit
        {
            text_names(captures, &text.value(), text.span(), &named);
        }
    }
}

fn text_names(captures: &mut Captures<'_>, text: &str, span: proc_macro2::Span, named: &[String]) {
    for name in format_string::names(text) {
        if name == "self" {
            captures.mention_self_in_text(span);
        } else if !named.contains(&name) {
            captures.mention(&name, span);
        }
    }
}

/// Every identifier that is not a field, a method or a path segment counts as a mention.
fn scan(captures: &mut Captures<'_>, tokens: TokenStream) {
    let outer = captures.uncertain;
    captures.uncertain = true;
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let after_dot =
            index > 0 && is_punct(&tokens[index - 1], '.') && !(index > 1 && is_punct(&tokens[index - 2], '.'));
        match token {
            TokenTree::Ident(ident) if ident == "self" => {
                captures.mention_self(ident.span(), self_field(&tokens[index + 1..]));
            }
            TokenTree::Ident(ident) if !after_dot && !in_path(&tokens, index) => {
                captures.mention(&ident.to_string(), ident.span());
            }
            TokenTree::Group(group) => scan(captures, group.stream()),
            TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse2::<syn::LitStr>(TokenStream::from(token.clone())) {
                    text_names(captures, &text.value(), literal.span(), &[]);
                }
            }
            _ => {}
        }
    }
    captures.uncertain = outer;
}

/// After a `self`: the field that is read, if it is one (a method call needs the whole of `self`).
pub(crate) fn self_field(rest: &[TokenTree]) -> Option<&proc_macro2::Ident> {
    match rest {
        [dot, TokenTree::Ident(field), next, ..] if is_punct(dot, '.') => {
            let called = matches!(next, TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Parenthesis)
                || is_punct(next, ':')
                || field == "await";
            (!called).then_some(field)
        }
        [dot, TokenTree::Ident(field)] if is_punct(dot, '.') => Some(field),
        _ => None,
    }
}

fn in_path(tokens: &[TokenTree], index: usize) -> bool {
    let colons = |first: Option<&TokenTree>, second: Option<&TokenTree>| matches!((first, second), (Some(a), Some(b)) if is_punct(a, ':') && is_punct(b, ':'));
    colons(tokens.get(index + 1), tokens.get(index + 2))
        || (index > 1 && colons(tokens.get(index - 2), tokens.get(index - 1)))
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// The arguments of a macro call that are expressions.
pub(crate) enum Arguments {
    /// `a, b, c`
    List(Punctuated<Expr, Token![,]>),
    /// `value; count`
    Repeat(Box<[Expr; 2]>, Token![;]),
}

impl Arguments {
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = &Expr> + '_> {
        match self {
            Arguments::List(list) => Box::new(list.iter()),
            Arguments::Repeat(pair, _) => Box::new(pair.iter()),
        }
    }

    pub(crate) fn iter_mut(&mut self) -> Box<dyn Iterator<Item = &mut Expr> + '_> {
        match self {
            Arguments::List(list) => Box::new(list.iter_mut()),
            Arguments::Repeat(pair, _) => Box::new(pair.iter_mut()),
        }
    }
}

impl ToTokens for Arguments {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Arguments::List(list) => list.to_tokens(tokens),
            Arguments::Repeat(pair, semicolon) => {
                pair[0].to_tokens(tokens);
                semicolon.to_tokens(tokens);
                pair[1].to_tokens(tokens);
            }
        }
    }
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Arguments> {
        let mut list: Punctuated<Expr, Token![,]> = Punctuated::new();
        while !input.is_empty() {
            list.push_value(input.parse()?);
            if input.is_empty() {
                break;
            }
            if list.len() == 1 && input.peek(Token![;]) {
                let semicolon = input.parse()?;
                let count = input.parse()?;
                return match list.pop() {
                    Some(value) => Ok(Arguments::Repeat(Box::new([value, count]), semicolon)),
                    None => Err(input.error("expected a value")),
                };
            }
            list.push_punct(input.parse()?);
        }
        Ok(Arguments::List(list))
    }
}

/// The arguments of a macro call, if they are expressions.
pub(crate) fn macro_arguments(mac: &Macro) -> Option<Arguments> {
    syn::parse2(mac.tokens.clone()).ok()
}

/// `value, pattern if guard`, with whatever a message adds.
fn matches_arguments(input: ParseStream<'_>) -> syn::Result<(Expr, Pat, Option<Expr>)> {
    let value = input.parse()?;
    input.parse::<Token![,]>()?;
    let pattern = Pat::parse_multi_with_leading_vert(input)?;
    let guard = if input.peek(Token![if]) {
        input.parse::<Token![if]>()?;
        Some(input.parse()?)
    } else {
        None
    };
    input.parse::<Option<Token![,]>>()?;
    if input.is_empty() { Ok((value, pattern, guard)) } else { Err(input.error("a message follows")) }
}
