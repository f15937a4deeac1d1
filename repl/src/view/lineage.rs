//! `:lineage`: how an RDD is computed, as a tree; the RDD itself on top, its parents below it.

use super::Names;
use dpark::ids::RddId;
use dpark::status::{RddLife, RddStatus, Snapshot};
use std::collections::BTreeSet;

/// Chains longer than this are folded in the middle.
const LONGEST: usize = 200;

/// The tree. A parent met a second time is named, not drawn again.
pub fn lineage(snapshot: &Snapshot, root: RddId, names: &Names) -> String {
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    // A chain of single parents stays at one depth, so depth grows with branches only. No recursion: lineages of ten
    // thousand operators are drawn too.
    let mut todo = vec![Node { id: root, indent: String::new(), branch: "", below: "", shuffle: false }];
    while let Some(node) = todo.pop() {
        let wide = if node.shuffle { "⇐ " } else { "" };
        let Some(rdd) = snapshot.rdd(node.id) else {
            lines.push(format!("{}{}{wide}rdd {} (dropped)", node.indent, node.branch, node.id));
            continue;
        };
        let again = !seen.insert(node.id);
        let more = if again && rdd.checkpoint.is_none() && !rdd.info.parents.is_empty() { " (see above)" } else { "" };
        lines.push(format!("{}{}{wide}{}{more}", node.indent, node.branch, describe(rdd, names)));
        // Behind a checkpoint nothing is computed any more.
        if again || rdd.checkpoint.is_some() {
            continue;
        }
        let indent = format!("{}{}", node.indent, node.below);
        let only_child = rdd.info.parents.len() == 1;
        for (index, link) in rdd.info.parents.iter().enumerate().rev() {
            let last = index + 1 == rdd.info.parents.len();
            let (branch, below) = match (only_child, last) {
                (true, _) => ("", ""),
                (_, true) => ("└─ ", "   "),
                (_, false) => ("├─ ", "│  "),
            };
            let shuffle = link.shuffle.is_some();
            todo.push(Node { id: link.parent, indent: indent.clone(), branch, below, shuffle });
        }
    }
    fold(lines).join("\n")
}

struct Node {
    id: RddId,
    indent: String,
    branch: &'static str,
    below: &'static str,
    shuffle: bool,
}

fn fold(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > LONGEST {
        let half = LONGEST / 2;
        let hidden = lines.len() - 2 * half;
        lines.splice(half..half + hidden, [format!("… {}", super::units::plural(hidden as u64, "operator"))]);
    }
    lines
}

/// One RDD in one line: `counts = reduce_by_key: (String, i64) · 4 partitions · cell 2, line 1 · ● cached 4/4`.
pub fn describe(rdd: &RddStatus, names: &Names) -> String {
    let info = &rdd.info;
    let name = names.get(&info.id).map_or_else(String::new, |name| format!("{name} = "));
    let partitions = super::units::plural(info.partitions as u64, "partition");
    let mut text =
        format!("{name}{} [{}]: {} · {partitions} · {}", info.operator, info.id, info.element, info.call_site);
    if let Some(level) = &rdd.level {
        text.push_str(&format!(" · ● cached {}/{}", rdd.cached.len(), info.partitions));
        if level != "memory" {
            text.push_str(&format!(" ({level})"));
        }
    }
    if let Some(directory) = &rdd.checkpoint {
        text.push_str(&format!(" · ■ checkpoint in {directory}"));
    }
    if rdd.life == RddLife::Dropped {
        text.push_str(" · no variable holds it any more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;

    #[test]
    fn golden() {
        insta::assert_snapshot!(lineage(&example::snapshot(), RddId(7), &example::names()));
    }

    #[test]
    fn a_checkpoint_ends_the_tree() {
        insta::assert_snapshot!(lineage(&example::snapshot(), RddId(9), &Names::new()), @r"
        filter [9]: f64 · 2 partitions · cell 4, line 1 · ● cached 1/2 (disk)
        map [8]: f64 · 2 partitions · cell 4, line 1 · ■ checkpoint in /data/ranks
        ");
    }

    #[test]
    fn a_long_chain_is_folded() {
        let text = lineage(&example::chain(10_000), RddId(10_000), &Names::new());
        assert_eq!(text.lines().count(), LONGEST + 1);
        assert!(text.contains("… 9,800 operators"));
    }
}
