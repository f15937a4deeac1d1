//! How much of what a cell prints is shown.

use crate::view::units;

/// Counts what a cell prints.
#[derive(Clone, Copy, Debug)]
pub struct OutputLimit {
    /// Bytes of one cell; 0 is no limit.
    limit: u64,
    shown: u64,
    dropped: u64,
}

impl OutputLimit {
    /// A limit in bytes; 0 is none.
    pub fn new(limit: u64) -> OutputLimit {
        OutputLimit { limit, shown: 0, dropped: 0 }
    }

    /// A cell begins.
    pub fn begin_cell(&mut self) {
        *self = OutputLimit::new(self.limit);
    }

    /// The part of a chunk that is shown.
    pub fn admit<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        let room = if self.limit == 0 { u64::MAX } else { self.limit.saturating_sub(self.shown) };
        let shown = chunk.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        self.shown += shown as u64;
        self.dropped += (chunk.len() - shown) as u64;
        &chunk[..shown]
    }

    /// What to say of the part that was not shown, if there is one.
    pub fn notice(&self) -> Option<String> {
        let (shown, dropped) = (units::bytes(self.shown), units::bytes(self.dropped));
        (self.dropped > 0).then(|| {
            format!(
                "the cell printed more than {shown}; {dropped} are not shown. All of it: `output_limit = 0` in \
                 dpark.toml, or run it with `dpark-repl -e` or as a script"
            )
        })
    }

    /// The text, cut at the limit with a word about the rest.
    pub fn cut(&self, text: &str) -> String {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if limit == 0 || text.len() <= limit {
            return text.to_owned();
        }
        let shown = &text[..text.floor_char_boundary(limit)];
        let dropped = units::bytes((text.len() - shown.len()) as u64);
        format!("{shown}…\n{dropped} more are not shown (`output_limit`)")
    }
}
