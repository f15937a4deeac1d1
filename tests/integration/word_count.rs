//! The program everybody writes first, over real text, against a plain count.

use dpark_tests::shell::Shell;
use std::collections::HashMap;
use std::path::PathBuf;

/// A text that is there in every clone.
fn text() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../notebooks/data"))
}

fn counted(text: &str) -> Vec<(String, u64)> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_default() += 1;
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().map(|(word, count)| (word.to_owned(), count)).collect();
    counts.sort();
    counts
}

const CELLS: &str = r#"let words = ctx.text_file(std::env::args().nth(1).unwrap()).flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
// %%
let counts = words.map(|w| (w, 1)).reduce_by_key(|a, b| a + b);
// %%
for (word, count) in counts.sort_by(|kv| kv.0.clone()).collect()? { println!("{word} {count}"); }
"#;

#[test]
fn equals_a_plain_count_over_a_directory() {
    let mut all = String::new();
    let mut files = 0;
    for entry in std::fs::read_dir(text()).expect("notebooks/data") {
        let path = entry.unwrap().path();
        if path.is_file() {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
            all.push('\n');
            files += 1;
        }
    }
    assert!(files > 0 && all.len() > 1000, "there is no text in notebooks/data");
    let expected: String = counted(&all).iter().map(|(word, count)| format!("{word} {count}\n")).collect();
    let mut shell = Shell::new().file("wc.rs", CELLS).arg("-p").arg("5").arg("wc.rs").arg(text());
    shell.run().prints(&expected);
}

#[test]
fn equals_a_plain_count_whatever_the_lines_look_like() {
    let text = "a b  a\r\n\n\tb\u{a0}ü ü 漢字 漢字\na\u{2028}b\n\nlast without end a";
    let expected: String = counted(text).iter().map(|(word, count)| format!("{word} {count}\n")).collect();
    let mut shell = Shell::new().file("wc.rs", CELLS).file("t.txt", text).arg("wc.rs").arg("t.txt");
    shell.run().prints(&expected);
}

#[test]
fn the_most_frequent_words() {
    let mut shell = Shell::new().file("t.txt", "c b a\nb a\na\n");
    shell.transcript(&[
        ("let words = ctx.text_file(\"t.txt\").flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());", ""),
        ("words.map(|w| (w, 1)).reduce_by_key(|a, b| a + b).top_by(2, |kv| kv.1)?", "┌[…]│ a │ 3 │\n│ b │ 2 │\n└[…]┘"),
        ("words.map(|w| (w, 1)).reduce_by_key(|a, b| a + b).top_by(2, |kv| kv.1)", "[…]a[…]3[…]b[…]2[…]"),
    ]);
}
