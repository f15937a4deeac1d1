//! Values shown as text, cut where nobody reads on.

use super::Shown;
use std::fmt::{self, Debug, Write};

/// Longer texts are cut here.
const LONGEST: usize = 64 * 1024;

/// The `Debug` text of a value.
#[inline(never)]
pub(super) fn debug(value: &dyn Debug) -> Shown {
    let mut text = Limited::default();
    // The only error is the limit's, and the text so far is what we want.
    let _ = write!(text, "{value:?}");
    Shown::Text(text.finish())
}

/// A value of which only the type is known.
#[inline(never)]
pub(super) fn type_name(name: &str) -> Shown {
    Shown::Text(format!("<{name}>"))
}

/// A text that ends the formatting when it is long enough.
#[derive(Default)]
struct Limited {
    text: String,
    cut: bool,
}

impl Limited {
    fn finish(mut self) -> String {
        if self.cut {
            self.text.push_str(" … (cut at 64 KiB)");
        }
        self.text
    }
}

impl fmt::Write for Limited {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let room = LONGEST - self.text.len();
        if piece.len() <= room {
            self.text.push_str(piece);
            return Ok(());
        }
        let end = (0..=room).rev().find(|end| piece.is_char_boundary(*end)).unwrap_or(0);
        self.text.push_str(&piece[..end]);
        self.cut = true;
        Err(fmt::Error)
    }
}
