//! The call sites of a job: where in the user's code its RDDs came about, and what feeds what. RDDs that one call made,
//! in a loop or in a function, are one box; a number at an arrow tells how many RDDs it stands for.

use super::{Canvas, FAINT, GREY, INK, MARGIN, Type, arrivals, shorten};
use crate::view::graph::short_site;
use crate::view::layout::{Gap, Node, Parent, layout};
use dpark::event::CallSite;
use dpark::ids::{JobId, RddId};
use dpark::status::{RddStatus, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

const GAP: Gap = Gap { x: 16.0, y: 26.0 };
const HEIGHT: f64 = 36.0;
const APART: f64 = 12.0;
/// How far an arrow runs straight beside its count.
const STUB: f64 = 6.0;
const NAME: Type = Type::new(12.0, INK).centred();
const SITE: Type = Type::new(10.0, FAINT).centred();
const COUNT: Type = Type::new(10.5, GREY);
/// Room at the right for each arrow that leads back up, of which the first few are drawn.
const BACK: f64 = 14.0;
const MOST_BACK: usize = 4;
/// Call sites that are drawn.
const MOST: usize = 60;

/// The call sites, those that feed others first, and how many RDDs pass from one to the other.
struct Calls<'a> {
    sites: Vec<(&'a str, &'a CallSite)>,
    edges: BTreeMap<(usize, usize), usize>,
}

/// The picture; none if there is no such job, or if it has more call sites than can be read.
pub fn call_sites(snapshot: &Snapshot, job: JobId) -> Option<String> {
    let calls = calls(snapshot, job)?;
    if calls.sites.len() > MOST {
        return None;
    }
    let mut nodes: Vec<Node> = calls.sites.iter().map(|(name, site)| node(name, site)).collect();
    for (from, to) in calls.edges.keys().filter(|(from, to)| from < to) {
        nodes[*to].parents.push(Parent::of(*from));
    }
    let layout = layout(&nodes, GAP);
    let mut canvas = Canvas::new();
    for (place, (node, (name, site))) in layout.places.iter().zip(nodes.iter().zip(&calls.sites)) {
        let (x, y) = (MARGIN + place.x, MARGIN + place.y);
        canvas.rect((x, y), (node.width, HEIGHT), "rx=\"5\" fill=\"#f6f1fb\" stroke=\"#b49ad6\"");
        canvas.text((x + node.width / 2.0, y + 15.0), NAME, &shorten(name, 30));
        canvas.text((x + node.width / 2.0, y + 29.0), SITE, &shorten(&short_site(site), 30));
    }
    let middle = |index: usize| MARGIN + layout.places[index].x + nodes[index].width / 2.0;
    let top = |index: usize| MARGIN + layout.places[index].y;
    for (arrow, offset) in layout.arrows.iter().zip(arrivals(&nodes, &layout, APART)) {
        let from = (middle(arrow.parent), top(arrow.parent) + HEIGHT);
        canvas.arrow(from, STUB, (middle(arrow.child) + offset, top(arrow.child)), arrow, (MARGIN, MARGIN));
        count(&mut canvas, &calls, (arrow.parent, arrow.child), (from.0 + 6.0, from.1 + 12.0));
    }
    let back: Vec<(usize, usize)> =
        calls.edges.keys().filter(|(from, to)| from >= to).copied().take(MOST_BACK).collect();
    for (number, (from, to)) in back.iter().enumerate() {
        let right = |index: usize| MARGIN + layout.places[index].x + nodes[index].width;
        let far = MARGIN + layout.width + BACK * (number as f64 + 1.0);
        let (start, end) = ((right(*from), top(*from) + HEIGHT - 10.0), (right(*to) + 2.0, top(*to) + 10.0));
        let data = format!("M{:.0} {:.0}H{far:.0}V{:.0}H{:.0}", start.0, start.1, end.1, end.0);
        let paint = format!(
            "fill=\"none\" stroke=\"{GREY}\" stroke-dasharray=\"4 3\" stroke-linejoin=\"round\" marker-end=\"url(#a)\""
        );
        canvas.path(&data, &paint);
        count(&mut canvas, &calls, (*from, *to), (far + 3.0, f64::midpoint(start.1, end.1)));
    }
    let back = if back.is_empty() { 0.0 } else { BACK * back.len() as f64 + 30.0 };
    Some(canvas.finish(layout.width + back + 2.0 * MARGIN, layout.height + 2.0 * MARGIN))
}

fn count(canvas: &mut Canvas, calls: &Calls<'_>, edge: (usize, usize), at: (f64, f64)) {
    if let Some(count) = calls.edges.get(&edge).filter(|count| **count > 1) {
        canvas.text(at, COUNT, &format!("×{count}"));
    }
}

fn node(name: &str, site: &CallSite) -> Node {
    let width = NAME.width(&shorten(name, 30)).max(SITE.width(&shorten(&short_site(site), 30))) + 20.0;
    Node { width: width.max(70.0), height: HEIGHT, parents: Vec::new() }
}

/// The call sites of a job's RDDs and of its action.
fn calls(snapshot: &Snapshot, job: JobId) -> Option<Calls<'_>> {
    let status = snapshot.job(job)?;
    let rdds: BTreeSet<RddId> = snapshot.stages_of(job).flat_map(|stage| stage.info.rdds.iter().copied()).collect();
    let rdds: Vec<&RddStatus> = rdds.into_iter().filter_map(|rdd| snapshot.rdd(rdd)).collect();
    let mut sites: Vec<(&str, &CallSite)> = Vec::new();
    let mut number_of: BTreeMap<(&str, &str, u32, u32), usize> = BTreeMap::new();
    let mut site_of: BTreeMap<RddId, usize> = BTreeMap::new();
    let mut edges: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for rdd in rdds {
        let (name, site) = (&rdd.info.operator, &rdd.info.call_site);
        let number = *number_of.entry((name, &site.file, site.line, site.column)).or_insert_with(|| {
            sites.push((name, site));
            sites.len() - 1
        });
        site_of.insert(rdd.info.id, number);
        for parent in rdd.info.parents.iter().filter_map(|link| site_of.get(&link.parent)) {
            *edges.entry((*parent, number)).or_default() += 1;
        }
    }
    let result = snapshot.stages_of(job).find(|stage| stage.info.shuffle.is_none());
    if let Some(last) = result.and_then(|stage| site_of.get(&stage.info.rdd)) {
        edges.insert((*last, sites.len()), 1);
    }
    sites.push((&status.name, &status.call_site));
    Some(Calls { sites, edges })
}
