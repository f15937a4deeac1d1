//! The variables that a format string mentions: `{n}`, `{n:?}`, `{:>width$.precision$}`.

/// The names in the placeholders of a format string, in order.
pub(crate) fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        if let Some(escaped) = rest.strip_prefix('{') {
            rest = escaped;
            continue;
        }
        let Some(close) = rest.find('}') else { break };
        let placeholder = &rest[..close];
        rest = &rest[close + 1..];
        let (argument, spec) = placeholder.split_once(':').unwrap_or((placeholder, ""));
        push_name(argument.trim(), &mut names);
        // A width or precision taken from a variable ends in `$`.
        for before in spec.split('$').take(spec.matches('$').count()) {
            let start = before
                .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
                .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
            // `0width$`: the zero flag stands before the name.
            push_name(before[start..].trim_start_matches(|c: char| c.is_ascii_digit()), &mut names);
        }
    }
    names
}

fn push_name(name: &str, names: &mut Vec<String>) {
    let starts = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    let plain = name.strip_prefix("r#").unwrap_or(name).chars().all(|c| c.is_alphanumeric() || c == '_');
    if starts && plain && name != "_" {
        names.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn placeholders() {
        assert_eq!(names("{n}"), ["n"]);
        assert_eq!(names("a {n:?} b {m:>8} {0} {}"), ["n", "m"]);
        assert_eq!(names("{{n}} {{{m}}}"), ["m"]);
        assert_eq!(names("{:>width$.precision$}"), ["width", "precision"]);
        assert_eq!(names("{n:0width$}"), ["n", "width"]);
        assert_eq!(names("{:1$} {:.*}"), Vec::<String>::new());
        assert_eq!(names("{größe}"), ["größe"]);
        assert_eq!(names("no { end"), Vec::<String>::new());
    }
}
