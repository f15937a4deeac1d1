//! The inserted text: the one place that knows how captured variables are written down.
//!
//! `::dpark::capture` offers `Wrap` and the traits `CapStr`, `CapFn` and `CapAny`, each with a method `cap`, implemented
//! by autoref levels so that the type of the variable decides how it travels: text (the closure gets a `&'static str`), a
//! reference (the pointee travels and the closure gets a `&'static T`), a function pointer (its address in its library),
//! and any other serialisable value.

use crate::captures::{Capture, Place};

/// The most variables one environment can hold.
pub(crate) const MAX_CAPTURES: usize = 12;

/// The method that takes the environment.
pub(crate) const WITH_ENV: &str = "with_env";
/// Brings the method `cap` in. A variable needs one of the traits, hence the `allow`.
const IMPORT: &str = "#[allow(unused_imports)]use ::dpark::capture::{CapAny as _,CapFn as _,CapStr as _};";

/// The expression that captures one variable. Each has its own import, so that the environment is a plain tuple: only
/// then does rustc point at the element whose type cannot be captured.
pub(crate) fn capture(capture: &Capture) -> String {
    let source = match &capture.place {
        Place::Variable => capture.name.clone(),
        Place::SelfField(field) => format!("self.{field}"),
        Place::SelfWhole => "self".to_owned(),
    };
    format!("{{{IMPORT}(&&&::dpark::capture::Wrap(&{source})).cap()}}")
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
