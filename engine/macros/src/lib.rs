//! The attribute `#[dpark::closures]`: capturing closures of RDD operators in an ordinary crate.
//!
//! The rewriting itself is the crate `dpark-rewrite`, which the shell uses on its cells, so the same text means the
//! same in a cell and under the attribute.
#![warn(missing_docs)]

use proc_macro::TokenStream;
use proc_macro2::Span;
use quote::{ToTokens, quote_spanned};
use syn::Item;

/// Makes the closures of RDD operators in a function, an `impl` block, a trait or a module capture variables by
/// serialising them: `rdd.map(|x| x + n)` becomes `rdd.with_env((&n,)).map(|(n,)| move |x| x + n)`.
///
/// The attribute looks at syntax alone: it follows RDDs from contexts (`DparkContext::..`), from parameters, `let`s,
/// return types and fields of `self` whose types say `Rdd<..>` or `DparkContext` in the text it is applied to. An RDD
/// that it cannot see (a field of another struct, say) can be given a name first: `let rdd: &Rdd<_> = &job.rdd;`.
///
/// Where the attribute is missing, rustc says of a closure that it "may outlive the current function" (E0373), or of what
/// it refers to that it "escapes" (E0521) or "does not live long enough" (E0597). Its advice to write `move` does not help:
/// the operator then refuses the closure when it is applied.
#[proc_macro_attribute]
pub fn closures(arguments: TokenStream, input: TokenStream) -> TokenStream {
    if !arguments.is_empty() {
        return with_error(Span::call_site(), "`#[dpark::closures]` takes no arguments", input);
    }
    let original = input.clone();
    let mut item = match syn::parse::<Item>(input) {
        Ok(item @ (Item::Fn(_) | Item::Impl(_) | Item::Trait(_) | Item::Mod(_))) => item,
        Ok(_) | Err(_) => {
            let message = "`#[dpark::closures]` goes on a function, an `impl` block, a trait or a module with a body";
            return with_error(Span::call_site(), message, original);
        }
    };
    dpark_rewrite::rewrite_item(&mut item);
    item.into_token_stream().into()
}

/// The user's item as it is, with an error beside it.
fn with_error(span: Span, message: &str, mut item: TokenStream) -> TokenStream {
    item.extend(TokenStream::from(quote_spanned!(span=> ::core::compile_error!(#message);)));
    item
}
