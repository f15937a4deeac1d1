//! Colours for Rust code and commands at the prompt.

use crate::lexer::{self, Kind};

/// The code with ANSI colours; the brackets at `cursor`, if given, stand out.
pub(super) fn highlight(source: &str, cursor: Option<usize>) -> String {
    let brackets = cursor.and_then(|cursor| lexer::matching_bracket(source, cursor));
    let is_marked = |offset: usize| brackets.is_some_and(|(one, other)| offset == one || offset == other);
    let mut text = String::with_capacity(source.len() * 2);
    let mut end = 0;
    let mut command_end = 0;
    for token in lexer::tokens(source) {
        let range = token.range;
        text.push_str(&source[end..range.start]);
        end = range.end;
        if is_command(source, range.start) {
            command_end = range.start + source[range.start..].find('\n').unwrap_or(source.len() - range.start);
        }
        let piece = &source[range.clone()];
        let style = if is_marked(range.start) {
            "1;36"
        } else if range.start < command_end {
            if piece == ":" || source[..range.start].ends_with(':') { "36" } else { "" }
        } else {
            style(token.kind)
        };
        if style.is_empty() {
            text.push_str(piece);
        } else {
            text.push_str(&paint(piece, style));
        }
    }
    text.push_str(&source[end..]);
    text
}

/// Whether a command begins here: a colon and a letter at the start of a line.
fn is_command(source: &str, offset: usize) -> bool {
    let starts_line = source[..offset].rsplit('\n').next().is_some_and(|before| before.trim().is_empty());
    let rest = &source[offset..];
    starts_line && rest.starts_with(':') && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Each line by itself: the editor may break the text at line ends.
fn paint(text: &str, style: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| format!("\x1b[{style}m{line}\x1b[0m")).collect();
    lines.join("\n")
}

fn style(kind: Kind) -> &'static str {
    match kind {
        Kind::Keyword => "35",
        Kind::Type => "33",
        Kind::Macro => "34",
        Kind::Lifetime => "33",
        Kind::Number => "36",
        Kind::Text => "32",
        Kind::Comment => "2",
        Kind::Name | Kind::Open | Kind::Close | Kind::Punctuation => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours() {
        assert_eq!(highlight("let s = \"a\";", None), "\x1b[35mlet\x1b[0m s = \x1b[32m\"a\"\x1b[0m;");
        assert_eq!(highlight("f(1)", Some(1)), "f\x1b[1;36m(\x1b[0m\x1b[36m1\x1b[0m\x1b[1;36m)\x1b[0m");
        assert_eq!(highlight(":type x\nlet", None), "\x1b[36m:\x1b[0m\x1b[36mtype\x1b[0m x\n\x1b[35mlet\x1b[0m");
        assert_eq!(highlight("\"a\nb", None), "\x1b[32m\"a\x1b[0m\n\x1b[32mb\x1b[0m");
    }
}
