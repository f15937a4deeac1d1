//! Cards: an RDD or the context as the value of a cell.

use super::{Names, lineage, units};
use dpark::ids::RddId;
use dpark::show::ContextCard;
use dpark::status::Snapshot;

/// An RDD with its lineage.
pub fn rdd(snapshot: &Snapshot, id: RddId, names: &Names) -> String {
    match snapshot.rdd(id) {
        Some(rdd) => {
            let partitions = units::plural(rdd.info.partitions as u64, "partition");
            let tree = lineage::lineage(snapshot, id, names);
            let tree: Vec<String> = tree.lines().map(|line| format!("  {line}")).collect();
            format!("Rdd<{}> · {partitions}\n{}", rdd.info.element, tree.join("\n"))
        }
        None => format!("rdd {id}"),
    }
}

/// The context.
pub fn context(card: &ContextCard) -> String {
    format!(
        "DparkContext · {} · {} by default · {} of memory",
        card.master,
        units::plural(card.default_parallelism as u64, "partition"),
        units::bytes(card.memory)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;

    #[test]
    fn golden() {
        insta::assert_snapshot!(rdd(&example::snapshot(), RddId(4), &example::names()));
        let card = ContextCard { master: "local[2]".into(), default_parallelism: 2, memory: 4 << 30 };
        assert_eq!(context(&card), "DparkContext · local[2] · 2 partitions by default · 4.0 GiB of memory");
    }
}
