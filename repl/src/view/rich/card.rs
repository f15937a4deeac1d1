//! Cards: an RDD or the context as the value of a cell.

use super::Bundle;
use crate::view::{self, Names, html, units};
use dpark::ids::RddId;
use dpark::show::ContextCard;
use dpark::status::{RddStatus, Snapshot};

/// An RDD: what it is, and its lineage.
pub fn rdd(snapshot: &Snapshot, id: RddId, names: &Names) -> Bundle {
    let plain = view::card::rdd(snapshot, id, names);
    let Some(status) = snapshot.rdd(id) else { return Bundle::text(plain) };
    let title = format!("Rdd<{}>", status.info.element);
    let tree = view::lineage::lineage(snapshot, id, names);
    let html = card("#6ea8e0", &title, &facts(status, names), &html::details("lineage", &html::text(&tree)));
    Bundle::of(plain, html)
}

/// The context.
pub fn context(context: &ContextCard) -> Bundle {
    let facts = [
        ("master", context.master.clone()),
        ("partitions by default", context.default_parallelism.to_string()),
        ("memory", units::bytes(context.memory)),
    ];
    Bundle::of(view::card::context(context), card("#e0a800", "DparkContext", &facts, ""))
}

/// How an RDD is computed.
pub fn lineage(snapshot: &Snapshot, id: RddId, names: &Names) -> Bundle {
    Bundle::preformatted(view::lineage::lineage(snapshot, id, names))
}

fn facts(rdd: &RddStatus, names: &Names) -> Vec<(&'static str, String)> {
    let info = &rdd.info;
    let mut facts = Vec::new();
    facts.extend(names.get(&info.id).map(|name| ("variable", name.clone())));
    facts.push(("made by", format!("{} at {}", info.operator, info.call_site)));
    facts.push(("partitions", info.partitions.to_string()));
    if let Some(level) = &rdd.level {
        let size = units::bytes(rdd.memory() + rdd.disk());
        facts.push(("cached", format!("● {}/{} partitions, {size} ({level})", rdd.cached.len(), info.partitions)));
    }
    facts.extend(rdd.checkpoint.as_ref().map(|directory| ("checkpoint", format!("■ {directory}"))));
    facts
}

/// A box with a stripe of this colour.
fn card(colour: &str, title: &str, facts: &[(&str, String)], more: &str) -> String {
    let mut html = format!(
        "<div style=\"display:inline-block;max-width:100%;box-sizing:border-box;border:1px solid rgba(128,128,128,0.35);\
         border-left:5px solid {colour};border-radius:4px;padding:6px 14px\">\n\
         <div style=\"font-weight:bold;font-family:monospace;overflow-wrap:break-word\">{}</div>\n\
         <table style=\"border-collapse:collapse;margin:2px 0\"><tbody>\n",
        html::escape(title)
    );
    for (name, value) in facts {
        html.push_str(&format!(
            "<tr style=\"background:transparent\"><td style=\"text-align:left;padding:1px 14px 1px 0;opacity:0.75\">{}</td>\
             <td style=\"text-align:left;padding:1px 0;overflow-wrap:break-word\">{}</td></tr>\n",
            html::escape(name),
            html::escape(value)
        ));
    }
    html.push_str(&format!("</tbody></table>\n{more}</div>\n"));
    html
}
