//! The error of the codec. It travels through every serde implementation that is compiled into a cell, so it is one pointer
//! wide and its glue is in the engine.

use crate::handle::handle;
use serde::de::{Expected, Unexpected};
use std::fmt::{Debug, Display, Formatter};
use std::sync::Arc;

handle! {
    /// Why bytes could not be written or read.
    pub struct CodecError(String);
}

impl CodecError {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(message: &str) -> CodecError {
        CodecError::wrap(Arc::new(message.to_owned()))
    }

    #[cold]
    #[inline(never)]
    fn of(message: std::fmt::Arguments<'_>) -> CodecError {
        CodecError::wrap(Arc::new(message.to_string()))
    }
}

impl PartialEq for CodecError {
    fn eq(&self, other: &CodecError) -> bool {
        self.arc() == other.arc()
    }
}

impl Eq for CodecError {}

impl Debug for CodecError {
    #[inline(never)]
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CodecError").field(self.arc()).finish()
    }
}

impl Display for CodecError {
    #[inline(never)]
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.arc())
    }
}

impl std::error::Error for CodecError {}

impl serde::ser::Error for CodecError {
    fn custom<T: Display>(message: T) -> CodecError {
        CodecError::of(format_args!("{message}"))
    }
}

/// The messages are serde's own; its defaults would be compiled into cells.
impl serde::de::Error for CodecError {
    fn custom<T: Display>(message: T) -> CodecError {
        CodecError::of(format_args!("{message}"))
    }

    #[cold]
    #[inline(never)]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> CodecError {
        CodecError::of(format_args!("invalid type: {found}, expected {expected}"))
    }

    #[cold]
    #[inline(never)]
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> CodecError {
        CodecError::of(format_args!("invalid value: {found}, expected {expected}"))
    }

    #[cold]
    #[inline(never)]
    fn invalid_length(len: usize, expected: &dyn Expected) -> CodecError {
        CodecError::of(format_args!("invalid length {len}, expected {expected}"))
    }

    #[cold]
    #[inline(never)]
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> CodecError {
        CodecError::of(format_args!("unknown variant `{variant}`, expected one of {expected:?}"))
    }

    #[cold]
    #[inline(never)]
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> CodecError {
        CodecError::of(format_args!("unknown field `{field}`, expected one of {expected:?}"))
    }

    #[cold]
    #[inline(never)]
    fn missing_field(field: &'static str) -> CodecError {
        CodecError::of(format_args!("missing field `{field}`"))
    }

    #[cold]
    #[inline(never)]
    fn duplicate_field(field: &'static str) -> CodecError {
        CodecError::of(format_args!("duplicate field `{field}`"))
    }
}
