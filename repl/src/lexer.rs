//! A small Rust lexer: enough to colour a line, to find matching brackets and to know whether code is complete.
//! It never fails; what it does not know is punctuation.

use std::ops::Range;

/// What a [`Token`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `let`, `match`…
    Keyword,
    /// A name.
    Name,
    /// A name that begins with a capital, or a primitive type.
    Type,
    /// A name before `!`.
    Macro,
    /// `'a`.
    Lifetime,
    /// `1_000u64`, `2.5`.
    Number,
    /// Any string or character literal.
    Text,
    /// A comment.
    Comment,
    /// `(`, `[`, `{`.
    Open,
    /// `)`, `]`, `}`.
    Close,
    /// One character of anything else.
    Punctuation,
}

/// A piece of source text. White space is between the tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub range: Range<usize>,
    /// False for a string or a block comment whose end is missing.
    pub closed: bool,
}

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn",
    "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while",
];

const PRIMITIVES: &[&str] = &[
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16", "u32", "u64", "u128",
    "usize",
];

/// Cuts source text into tokens.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { source, at: 0 };
    std::iter::from_fn(|| lexer.next()).collect()
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        self.take_while(char::is_whitespace);
        let start = self.at;
        let first = self.peek(0)?;
        let (kind, closed) = match first {
            '/' if self.peek(1) == Some('/') => {
                self.take_while(|c| c != '\n');
                (Kind::Comment, true)
            }
            '/' if self.peek(1) == Some('*') => (Kind::Comment, self.block_comment()),
            '"' => (Kind::Text, self.string()),
            '\'' => self.quote(),
            '(' | '[' | '{' => (Kind::Open, self.skip(1)),
            ')' | ']' | '}' => (Kind::Close, self.skip(1)),
            c if c.is_ascii_digit() => (Kind::Number, self.number()),
            c if is_name_start(c) => self.name(),
            _ => (Kind::Punctuation, self.skip(1)),
        };
        Some(Token { kind, range: start..self.at, closed })
    }

    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest().chars().nth(ahead)
    }

    fn skip(&mut self, count: usize) -> bool {
        for c in self.source[self.at..].chars().take(count) {
            self.at += c.len_utf8();
        }
        true
    }

    fn take_while(&mut self, mut wanted: impl FnMut(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    }

    fn block_comment(&mut self) -> bool {
        let mut depth = 0_usize;
        loop {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return true;
                }
            } else if self.peek(0).is_some() {
                self.skip(1);
            } else {
                return false;
            }
        }
    }

    fn string(&mut self) -> bool {
        self.at += 1;
        self.until_quote('"')
    }

    fn until_quote(&mut self, quote: char) -> bool {
        while let Some(c) = self.peek(0) {
            self.skip(if c == '\\' { 2 } else { 1 });
            if c == quote {
                return true;
            }
        }
        false
    }

    fn raw_string(&mut self) -> bool {
        let start = self.at;
        self.take_while(|c| c == '#');
        let end = format!("\"{}", &self.source[start..self.at]);
        self.at += 1;
        match self.rest().find(&end) {
            Some(found) => {
                self.at += found + end.len();
                true
            }
            None => {
                self.at = self.source.len();
                false
            }
        }
    }

    /// A character literal or a lifetime.
    fn quote(&mut self) -> (Kind, bool) {
        let is_character = self.peek(1) == Some('\\') || self.peek(2) == Some('\'');
        self.at += 1;
        if is_character {
            (Kind::Text, self.until_quote('\''))
        } else {
            self.take_while(is_name);
            (Kind::Lifetime, true)
        }
    }

    fn number(&mut self) -> bool {
        self.take_while(is_name);
        // `1..2` is a range and `1.max(2)` a call; `1.5` and `1.` are numbers.
        if self.peek(0) == Some('.') && self.peek(1).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            self.take_while(is_name);
        }
        true
    }

    fn name(&mut self) -> (Kind, bool) {
        let start = self.at;
        self.take_while(is_name);
        let name = &self.source[start..self.at];
        let raw_follows = || {
            let rest = self.rest().trim_start_matches('#');
            rest.starts_with('"')
        };
        match (name, self.peek(0)) {
            ("r" | "br" | "cr", Some('"' | '#')) if raw_follows() => return (Kind::Text, self.raw_string()),
            ("b" | "c", Some('"')) => return (Kind::Text, self.string()),
            ("b", Some('\'')) => {
                self.at += 1;
                return (Kind::Text, self.until_quote('\''));
            }
            ("r", Some('#')) => {
                self.at += 1;
                self.take_while(is_name);
                return (Kind::Name, true);
            }
            _ => {}
        }
        let kind = if KEYWORDS.contains(&name) {
            Kind::Keyword
        } else if PRIMITIVES.contains(&name) || name.starts_with(char::is_uppercase) {
            Kind::Type
        } else if self.peek(0) == Some('!') && self.peek(1) != Some('=') {
            Kind::Macro
        } else {
            Kind::Name
        };
        (kind, true)
    }
}

fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The bracket that belongs to the one at or just before `cursor`, both as byte offsets.
pub fn matching_bracket(source: &str, cursor: usize) -> Option<(usize, usize)> {
    let tokens = tokens(source);
    let is_bracket = |token: &&Token| matches!(token.kind, Kind::Open | Kind::Close);
    let here = tokens
        .iter()
        .filter(is_bracket)
        .rfind(|token| token.range.start == cursor || token.range.end == cursor)?
        .range
        .start;
    let mut open = Vec::new();
    for token in tokens.iter().filter(is_bracket) {
        if token.kind == Kind::Open {
            open.push(token.range.start);
        } else {
            let start = open.pop()?;
            if start == here {
                return Some((here, token.range.start));
            }
            if token.range.start == here {
                return Some((here, start));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<(Kind, &str)> {
        tokens(source).into_iter().map(|token| (token.kind, &source[token.range])).collect()
    }

    #[test]
    fn literals_and_names() {
        use Kind::*;
        assert_eq!(
            kinds("let r = r#\"a\"b\"# + 'x' as u8; // end"),
            [
                (Keyword, "let"),
                (Name, "r"),
                (Punctuation, "="),
                (Text, "r#\"a\"b\"#"),
                (Punctuation, "+"),
                (Text, "'x'"),
                (Keyword, "as"),
                (Type, "u8"),
                (Punctuation, ";"),
                (Comment, "// end"),
            ]
        );
        assert_eq!(kinds("&'a str")[1], (Lifetime, "'a"));
        assert_eq!(kinds("'\\''"), [(Text, "'\\''")]);
        assert_eq!(kinds("println!(1..2)")[0], (Macro, "println"));
        assert_eq!(kinds("1..2").len(), 4);
        assert_eq!(kinds("b\"x\" r#type 1.5e3"), [(Text, "b\"x\""), (Name, "r#type"), (Number, "1.5e3")]);
    }

    #[test]
    fn missing_ends_are_seen() {
        assert!(!tokens("\"abc")[0].closed);
        assert!(!tokens("/* a /* b */")[0].closed);
        assert!(!tokens("r##\"a\"#")[0].closed);
        assert!(!tokens("\"a\\")[0].closed);
        assert!(tokens("/* a /* b */ */")[0].closed);
    }

    #[test]
    fn brackets_match_outside_of_strings() {
        let source = "f(\")\", [1])";
        assert_eq!(matching_bracket(source, 1), Some((1, 10)));
        assert_eq!(matching_bracket(source, 11), Some((10, 1)));
        assert_eq!(matching_bracket("f(", 1), None);
        assert_eq!(matching_bracket("(é)", 0), Some((0, 3)));
    }
}
