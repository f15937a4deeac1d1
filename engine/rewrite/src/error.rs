//! What the rewriter refuses, with the way out.

use proc_macro2::Span;
use std::fmt;

/// Why a closure cannot be shipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// The closure mentions an RDD.
    Rdd,
    /// The closure mentions the context.
    Context,
    /// The closure assigns to a captured variable.
    Mutated,
    /// The closure assigns to an accumulator instead of adding to it.
    AssignedAccumulator,
    /// The closure calls another closure that was bound to a name.
    Closure,
    /// `self` stands where it cannot be replaced by a captured copy.
    SelfInText,
    /// The operator is called with explicit type arguments and a capturing closure.
    TypeArguments,
    /// More variables than an environment can hold.
    TooMany,
}

/// A closure that cannot be shipped: which variable, in which operator, where, and what to do instead.
#[derive(Clone, Debug)]
pub struct RewriteError {
    /// What is wrong.
    pub problem: Problem,
    /// The variable.
    pub variable: String,
    /// The operator whose closure it is.
    pub operator: String,
    /// Byte offset of the mention in the source (0 in a macro).
    pub offset: usize,
    /// Line of the mention, from 1.
    pub line: usize,
    /// Column of the mention in characters, from 1.
    pub column: usize,
    /// Length of the mention in bytes (0 in a macro).
    pub len: usize,
}

impl RewriteError {
    pub(crate) fn new(problem: Problem, variable: &str, operator: &str, span: Span) -> RewriteError {
        let start = span.start();
        let range = span.byte_range();
        RewriteError {
            problem,
            variable: variable.to_owned(),
            operator: operator.to_owned(),
            offset: range.start,
            line: start.line,
            column: start.column + 1,
            len: range.len(),
        }
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> String {
        let RewriteError { variable, operator, .. } = self;
        match self.problem {
            Problem::Rdd => {
                format!("the closure of `{operator}` uses the RDD `{variable}`: an RDD cannot be used inside a closure")
            }
            Problem::Context => {
                format!("the closure of `{operator}` uses the context `{variable}`: it exists only on the driver")
            }
            Problem::Mutated => format!(
                "the closure of `{operator}` changes the captured variable `{variable}`: it works on a copy, on another machine"
            ),
            Problem::AssignedAccumulator => {
                format!("the closure of `{operator}` assigns to the accumulator `{variable}`")
            }
            Problem::Closure => format!(
                "the closure of `{operator}` uses `{variable}`, which is a closure itself: closures cannot be captured"
            ),
            Problem::SelfInText => {
                format!("the closure of `{operator}` uses `{variable}` in a place where no copy can stand for it")
            }
            Problem::TypeArguments => format!(
                "`{operator}::<…>` cannot have type arguments when its closure captures variables (here `{variable}`)"
            ),
            Problem::TooMany => {
                format!("the closure of `{operator}` captures more than {} variables", crate::form::MAX_CAPTURES)
            }
        }
    }

    /// The way out, in one sentence.
    pub fn help(&self) -> String {
        let RewriteError { variable, .. } = self;
        match self.problem {
            Problem::Rdd => format!(
                "join the two RDDs, or collect it first: `let table = {variable}.collect_as_map()?;` and use `table`"
            ),
            Problem::Context => "make the RDD before, outside the closure".to_owned(),
            Problem::Mutated => "to count or sum, use an accumulator (`let total = ctx.accumulator(0);`, in the closure `total.add(..)`); \
                else return the value and use an action such as `reduce` or `collect`"
                .to_owned(),
            Problem::AssignedAccumulator => format!("write `{variable}.add(..)`"),
            Problem::Closure => {
                format!("make it a function (`fn {variable}(..) -> ..`), or write it inside the closure")
            }
            Problem::SelfInText => "bind what is needed to a name first: `let value = self.field.clone();`".to_owned(),
            Problem::TypeArguments => {
                "leave them out and give the type inside: `|x: A| -> B { .. }`, or on the `let`".to_owned()
            }
            Problem::TooMany => "put them into a struct or tuple that derives Serialize and Deserialize".to_owned(),
        }
    }
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message(), self.help())
    }
}

impl std::error::Error for RewriteError {}
