//! File name patterns: `*`, `?` and `[a-z]` inside a name, `**` for any number of directories.

use super::paths::failed;
use crate::error::Result;
use std::path::{Component, Path, PathBuf};

/// Whether a path is a pattern.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The existing paths that match, sorted.
pub(super) fn expand(pattern: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let mut next = Vec::new();
        match component {
            Component::Normal(name) if name == "**" => {
                for base in found {
                    directories(base, &mut next)?;
                }
            }
            Component::Normal(name) if is_pattern(Path::new(name)) => {
                let pattern: Vec<char> = name.to_string_lossy().chars().collect();
                for base in &found {
                    for name in names(base)? {
                        let text: Vec<char> = name.chars().collect();
                        if matches(&pattern, &text) {
                            next.push(base.join(name));
                        }
                    }
                }
            }
            other => next.extend(found.iter().map(|base| base.join(other)).filter(|path| path.exists())),
        }
        found = next;
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The names in a directory; none if it is not one.
fn names(base: &Path) -> Result<Vec<String>> {
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    if !base.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(base).map_err(|error| failed(base, &error))? {
        names.push(entry.map_err(|error| failed(base, &error))?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// A directory and all directories below it.
fn directories(base: PathBuf, found: &mut Vec<PathBuf>) -> Result<()> {
    for name in names(&base)? {
        let child = base.join(&name);
        if !name.starts_with('.') && child.is_dir() && !child.is_symlink() {
            directories(child, found)?;
        }
    }
    found.push(base);
    Ok(())
}

/// Whether a name matches a pattern; a leading dot must be written.
fn matches(pattern: &[char], name: &[char]) -> bool {
    if name.first() == Some(&'.') && pattern.first() != Some(&'.') {
        return false;
    }
    matches_rest(pattern, name)
}

fn matches_rest(pattern: &[char], name: &[char]) -> bool {
    match pattern.first() {
        None => name.is_empty(),
        Some('*') => (0..=name.len()).any(|skip| matches_rest(&pattern[1..], &name[skip..])),
        Some('?') => !name.is_empty() && matches_rest(&pattern[1..], &name[1..]),
        Some('[') => match (class(&pattern[1..]), name.first()) {
            (Some((set, rest)), Some(c)) => in_class(set, *c) && matches_rest(rest, &name[1..]),
            (Some(_), None) => false,
            (None, first) => first == Some(&'[') && matches_rest(&pattern[1..], &name[1..]),
        },
        Some(c) => name.first() == Some(c) && matches_rest(&pattern[1..], &name[1..]),
    }
}

/// The inside of `[..]` and what follows; a `]` right at the start is a member.
fn class(pattern: &[char]) -> Option<(&[char], &[char])> {
    let start = usize::from(pattern.first().is_some_and(|c| matches!(c, '!' | '^')));
    let end = (start + 1..pattern.len()).find(|&i| pattern[i] == ']')?;
    Some((&pattern[..end], &pattern[end + 1..]))
}

fn in_class(set: &[char], c: char) -> bool {
    let negated = matches!(set.first(), Some('!' | '^'));
    let mut set = &set[usize::from(negated)..];
    let mut found = false;
    while let Some((&first, rest)) = set.split_first() {
        if let ['-', last, ..] = rest {
            found |= (first..=*last).contains(&c);
            set = &rest[2..];
        } else {
            found |= first == c;
            set = rest;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn names_match_patterns() {
        let check = |pattern: &str, name: &str| {
            matches(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
        };
        for (pattern, name) in
            [("*.txt", "a.txt"), ("a?c*", "abcd"), ("[a-c]*[!x]", "boy"), ("[]x]", "]"), (".*", ".a")]
        {
            assert!(check(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*.txt", ".txt"), ("?", ""), ("[a-c]", "d"), ("a[", "ab"), ("*", ".hidden")] {
            assert!(!check(pattern, name), "{pattern} {name}");
        }
    }
}
