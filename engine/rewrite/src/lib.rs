//! Makes closures of RDD operators shippable, and reads what a cell of the shell consists of.
//!
//! A closure that captures variables cannot be sent to an executor as it is. The rewriter turns
//! `rdd.map(|x| x + n)` into `rdd.with_env({…(…Wrap(&n)).cap()…}).map(|(n,)| move |x| x + n)`: the outer closure
//! captures nothing, the environment is serialised, and the user's own tokens are not touched. It works on syntax
//! alone, so it must see that the receiver is an RDD: a variable known to be one, a chain that starts at a context or
//! an RDD, a parameter or `let` with the type written out, a function of the same source that returns one, or a field
//! of `self` whose struct stands in the same source. What it cannot see (`job.rdd.map(..)` for a struct defined
//! elsewhere, a closure bound to a name, `Rdd::map(&rdd, ..)`) is left alone, and the engine says so when the operator
//! is applied.
//!
//! The shell rewrites text ([`rewrite_cell`]), `#[dpark::closures]` a syntax tree ([`rewrite_item`]): one analysis, and
//! the same inserted text.
#![warn(missing_docs)]
// What rewrites text uses more of what is found than the attribute does.
#![cfg_attr(not(feature = "cells"), allow(dead_code))]

#[cfg(feature = "cells")]
pub mod cell;

mod captures;
mod edits;
mod error;
mod form;
mod format_string;
mod operators;
mod scope;
#[cfg(feature = "cells")]
mod source;
mod splice;
mod tokens;
mod walk;

pub use edits::{Edits, Insertion, Mark, Position, apply};
pub use error::{Problem, RewriteError};
pub use operators::{Gives, OPERATORS, Operator};
#[cfg(feature = "cells")]
pub use source::{Rewrite, rewrite_cell};
pub use splice::rewrite_item;
