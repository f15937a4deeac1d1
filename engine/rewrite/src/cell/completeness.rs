//! Whether what was typed so far is a whole cell, for the line editor.

/// The verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Completeness {
    /// It can be run.
    Complete,
    /// More lines are to come.
    Incomplete,
    /// No further line would make it Rust; the message says why. (Run it: the compiler says it better.)
    Invalid(String),
}

/// Whether a source is a whole cell. Lines of the form `:command` are left out of the Rust around them.
///
/// ```
/// use dpark_rewrite::cell::{Completeness, completeness};
/// assert_eq!(completeness("let x = 1;"), Completeness::Complete);
/// assert_eq!(completeness("let x ="), Completeness::Incomplete);
/// assert_eq!(completeness("ctx.range(0, 10).map(|x| {"), Completeness::Incomplete);
/// assert_eq!(completeness(":stages"), Completeness::Complete);
/// ```
pub fn completeness(source: &str) -> Completeness {
    let rust = match scan(source) {
        Ok(rust) => rust,
        Err(verdict) => return verdict,
    };
    match super::parse(&rust) {
        Ok(_) => Completeness::Complete,
        Err(error) if rust[error.offset..].trim().is_empty() => Completeness::Incomplete,
        Err(error) => Completeness::Invalid(error.message),
    }
}

/// The source with its command lines blanked, once every string, comment and bracket is closed.
fn scan(source: &str) -> Result<String, Completeness> {
    let mut rust = source.to_owned().into_bytes();
    let mut open: Vec<u8> = Vec::new();
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if open.is_empty() && starts_line(source, at) && is_command(rest) {
            let end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            rust[at..end].fill(b' ');
            at = end;
            continue;
        }
        at = match rest[0] {
            b'/' if rest.starts_with(b"//") => {
                let end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                // A doc comment waits for its item; any other comment is nothing.
                end
            }
            b'/' if rest.starts_with(b"/*") => at + comment(rest).ok_or(Completeness::Incomplete)?,
            b'"' => at + string(rest).ok_or(Completeness::Incomplete)?,
            b'\'' => at + quote(&source[at..]),
            b'r' | b'b' | b'c' if !follows_word(bytes, at) => match raw_or_prefixed(rest) {
                Some(len) => at + len.ok_or(Completeness::Incomplete)?,
                None => at + 1,
            },
            bracket @ (b'(' | b'[' | b'{') => {
                open.push(bracket);
                at + 1
            }
            bracket @ (b')' | b']' | b'}') => {
                let expected = match bracket {
                    b')' => b'(',
                    b']' => b'[',
                    _ => b'{',
                };
                if open.pop() != Some(expected) {
                    return Err(Completeness::Invalid(format!("unexpected `{}`", bracket as char)));
                }
                at + 1
            }
            _ => at + 1,
        };
    }
    if !open.is_empty() {
        return Err(Completeness::Incomplete);
    }
    String::from_utf8(rust).map_err(|_| Completeness::Invalid("a command line cuts a character".to_owned()))
}

fn starts_line(source: &str, at: usize) -> bool {
    let line = source.as_bytes()[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    source.as_bytes()[line..at].iter().all(u8::is_ascii_whitespace)
}

fn is_command(rest: &[u8]) -> bool {
    rest[0] == b':' && rest.get(1).is_some_and(u8::is_ascii_alphabetic)
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_' || bytes[at - 1] >= 0x80)
}

/// The length of a block comment, nested ones included.
fn comment(rest: &[u8]) -> Option<usize> {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    None
}

/// The length of a string literal.
fn string(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// The length of a character literal, or of the quote of a lifetime.
fn quote(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(1, |(at, _)| 2 + at + 1),
        Some((_, c)) if c != '\'' => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        _ => 1,
    }
}

/// The length of `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`, `b'…'`: None if it is none of these, Some(None) if it is not
/// closed.
fn raw_or_prefixed(rest: &[u8]) -> Option<Option<usize>> {
    let prefix = rest.iter().take(2).take_while(|byte| matches!(byte, b'r' | b'b' | b'c')).count();
    let after = &rest[prefix..];
    let raw = rest[prefix - 1] == b'r';
    let hashes = after.iter().take_while(|byte| **byte == b'#').count();
    match after.get(hashes) {
        Some(b'"') if raw => {
            let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let body = prefix + hashes + 1;
            Some(rest[body..].windows(close.len()).position(|window| window == close).map(|at| body + at + close.len()))
        }
        Some(b'"') if hashes == 0 => Some(string(after).map(|len| prefix + len)),
        _ => None,
    }
}
