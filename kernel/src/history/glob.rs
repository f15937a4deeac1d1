//! Patterns of history searches, as the databases of other kernels have them.

use std::ops::RangeInclusive;

/// Whether a text fits a pattern as a whole: `*` stands for any characters, `?` for one, `[a-c]` for one of these and
/// `[^a-c]` for one that is none of them.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<Piece>, Vec<char>) = (pieces(pattern), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // The last star, and where its match ends for now.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Piece::Any) => {
                star = Some((p, t));
                p += 1;
            }
            Some(piece) if piece.fits(text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((at, end)) => {
                    *end += 1;
                    (p, t) = (*at + 1, *end);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|piece| matches!(piece, Piece::Any))
}

enum Piece {
    /// `*`
    Any,
    /// `?`
    One,
    Exactly(char),
    /// `[…]`, or `[^…]` if none of them is meant.
    Class {
        ranges: Vec<RangeInclusive<char>>,
        none_of_them: bool,
    },
}

impl Piece {
    fn fits(&self, character: char) -> bool {
        match self {
            Piece::Any | Piece::One => true,
            Piece::Exactly(exactly) => *exactly == character,
            Piece::Class { ranges, none_of_them } => {
                ranges.iter().any(|range| range.contains(&character)) != *none_of_them
            }
        }
    }
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut pieces = Vec::new();
    let mut rest = &characters[..];
    while let [first, after @ ..] = rest {
        rest = after;
        pieces.push(match first {
            '*' => Piece::Any,
            '?' => Piece::One,
            '[' => match class(after) {
                Some((class, behind)) => {
                    rest = behind;
                    class
                }
                None => Piece::Exactly('['),
            },
            other => Piece::Exactly(*other),
        });
    }
    pieces
}

/// The class that begins here, behind its bracket, and what follows; none if it does not end.
fn class(inside: &[char]) -> Option<(Piece, &[char])> {
    let (none_of_them, inside) = match inside {
        ['^', inside @ ..] => (true, inside),
        _ => (false, inside),
    };
    // A bracket that comes first is one of the characters.
    let end = 1 + inside.iter().skip(1).position(|c| *c == ']')?;
    let (mut members, behind) = (&inside[..end], &inside[end + 1..]);
    let mut ranges = Vec::new();
    loop {
        members = match members {
            [from, '-', to, more @ ..] => {
                ranges.push(*from..=*to);
                more
            }
            [one, more @ ..] => {
                ranges.push(*one..=*one);
                more
            }
            [] => return Some((Piece::Class { ranges, none_of_them }, behind)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_question_marks_and_classes() {
        for (pattern, text) in [
            ("*", ""),
            ("a*c", "abcc"),
            ("*b*", "abc"),
            ("a?c", "aäc"),
            ("a**", "a"),
            ("6 [*]*", "6 * 7"),
            ("[a-c]x", "bx"),
            ("[^a-c]x", "dx"),
            ("[]]", "]"),
            ("v[0", "v[0"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("a", "ab"),
            ("a*c", "ab"),
            ("?", ""),
            ("b*", "ab"),
            ("6 [*]*", "6 + 7"),
            ("[^a-c]x", "ax"),
            ("[a-c]", "d"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
