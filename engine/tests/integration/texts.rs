//! Operators on borrowed texts give what those on strings give, wherever the texts come from.

use dpark::{Conf, DparkContext, Rdd, TextOptions};
use proptest::prelude::*;

fn check(lines: &Rdd<String>, expected: &[String]) {
    let limit = 3usize;
    assert_eq!(lines.map_str(str::to_uppercase).collect().unwrap(), lines.map(|l| l.to_uppercase()).collect().unwrap());
    let long = lines.with_env((&limit,)).filter_str(|(limit,)| move |line| line.len() > limit);
    let filtered: Vec<String> = expected.iter().filter(|line| line.len() > limit).cloned().collect();
    assert_eq!(long.collect().unwrap(), filtered);
    for needle in ["a", "ß", "bc", "", "a\nb", "cc"] {
        let expected: Vec<&String> = expected.iter().filter(|line| line.contains(needle)).collect();
        let found = lines.filter_containing(needle);
        assert_eq!(found.collect().unwrap().iter().collect::<Vec<_>>(), expected, "{needle:?}");
        assert_eq!(found.count().unwrap(), expected.len() as u64);
    }
    let chars = lines.flat_map_str(|line, out| line.chars().for_each(|c| out.emit(c)));
    assert_eq!(chars.collect().unwrap(), expected.iter().flat_map(|line| line.chars()).collect::<Vec<_>>());
    assert_eq!(lines.count().unwrap(), expected.len() as u64);
    assert_eq!(
        lines.map_str(|line| line.len()).take(2).unwrap(),
        expected.iter().take(2).map(String::len).collect::<Vec<_>>()
    );
    assert_eq!(lines.filter_str(|_| true).map_str(|line| line.len()).count().unwrap(), expected.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn borrowed_and_owned_texts_give_the_same(text in "[a-cß\n]{0,200}", split in 1u64..40) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("text");
        std::fs::write(&path, &text).unwrap();
        let ctx = DparkContext::local(2);
        let expected: Vec<String> = text.lines().map(String::from).collect();
        let lines = ctx.text_file_with(&path, TextOptions::new().split_bytes(split));
        check(&lines, &expected);
        check(&lines.union(&lines).slice(0..lines.num_partitions()), &expected);
        check(&lines.cache(), &expected);
        check(&ctx.parallelize(expected.clone()), &expected);
    }
}

#[test]
fn bad_text_is_an_error_or_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text");
    let mut bytes = b"good\n".repeat(60);
    bytes.extend_from_slice(b"b\xe4d\nlast");
    std::fs::write(&path, &bytes).unwrap();
    let strict = DparkContext::local(1).text_file(&path);
    for message in [
        strict.map_str(|line| line.len()).sum().unwrap_err().to_string(),
        strict.filter_str(|line| line.is_empty()).count().unwrap_err().to_string(),
        strict.filter_containing("no").count().unwrap_err().to_string(),
        strict.count().unwrap_err().to_string(),
    ] {
        assert!(message.contains("not valid UTF-8 at byte 301"), "{message}");
    }
    assert_eq!(strict.map_str(|line| line.len()).take(60).unwrap(), [4; 60], "the lines before it are there");
    let ctx = DparkContext::new(Conf { master: "local[1]".into(), err: 0.1, ..Conf::default() }).unwrap();
    let tolerant = ctx.text_file(&path);
    assert_eq!(tolerant.count().unwrap(), 61);
    assert_eq!(tolerant.map_str(|line| line.len()).sum().unwrap(), 61 * 4);
    let panicking = tolerant.map_str(|line| assert!(line != "last"));
    assert_eq!(panicking.count().unwrap(), 60);
    let ctx = DparkContext::new(Conf { master: "local[1]".into(), err: 0.01, ..Conf::default() }).unwrap();
    let message = ctx.text_file(&path).count().unwrap_err().to_string();
    assert!(message.contains("1 of 62 rows were bad"), "{message}");
}
