//! The inserted text: the one place that knows how captured variables are written down.
//!
//! `::dpark::capture` must offer the trait `Cap` (method `cap`), implemented by autoref levels so that the type of the
//! variable decides how it travels: `&&Wrap<&str>` (text, `&'static str` there), `&&&Wrap<&T>` (a reference: the
//! pointee travels and the closure gets a `&'static T`), `&Wrap<fn(..) -> _>` (a function's address in its library) and
//! `Wrap<T>` (any serialisable value). One trait under one import: no import is ever unused.

use crate::captures::{Capture, Place};

/// The most variables one environment can hold.
pub(crate) const MAX_CAPTURES: usize = 12;

/// The method that takes the environment.
pub(crate) const WITH_ENV: &str = "with_env";
/// The expression that captures one variable. Each has its own import, so that the environment is a plain tuple: only
/// then does rustc point at the element whose type cannot be captured.
pub(crate) fn capture(capture: &Capture) -> String {
    let source = match &capture.place {
        Place::Variable => capture.name.clone(),
        Place::SelfField(field) => format!("self.{field}"),
        Place::SelfWhole => "self".to_owned(),
    };
    format!("{{use ::dpark::capture::Cap as _;(&&&::dpark::capture::Wrap(&{source})).cap()}}")
}

/// The parameter of the factory: `|(a, b,)|`.
pub(crate) fn factory(captures: &[Capture], functions: usize) -> String {
    let attribute = if may_be_unused(captures, functions) { "#[allow(unused_variables)]" } else { "" };
    let names: String = captures.iter().map(|capture| format!("{},", capture.name)).collect();
    format!("|{attribute}({names})| ")
}

/// Tokens of a macro may be no use of a variable after all, and one of several functions may not use what the other
/// one does: not worth a warning.
pub(crate) fn may_be_unused(captures: &[Capture], functions: usize) -> bool {
    functions > 1 || captures.iter().any(|capture| capture.uncertain)
}
