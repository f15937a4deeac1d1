//! The stages of a job as SVG: a box for each with its operators inside, an arrow for each shuffle; cached RDDs marked
//! `●`, skipped stages grey. Colours are fixed, since an image cannot see the page's theme.

use super::layout::{Layout, Node, Place, layout};
use super::{Names, dag, html, stages};
use dpark::ids::JobId;
use dpark::status::{Snapshot, StageState, StageStatus};
use unicode_width::UnicodeWidthStr;

const MARGIN: f64 = 12.0;
const LINE: f64 = 20.0;
const PAD: f64 = 10.0;
/// Width of one column of the font that is asked for.
const COLUMN: f64 = 7.3;

/// The drawing.
pub fn dag(snapshot: &Snapshot, job: JobId, names: &Names) -> String {
    let stages: Vec<&StageStatus> = snapshot.stages_of(job).collect();
    let boxes: Vec<Vec<String>> = stages.iter().map(|stage| lines(snapshot, stage, names)).collect();
    let nodes: Vec<Node> = stages.iter().zip(&boxes).map(|(stage, lines)| node(&stages, stage, lines)).collect();
    let layout = layout(&nodes);
    let (width, height) = (layout.width + 2.0 * MARGIN, layout.height + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"monospace\" font-size=\"12\">\n\
         <defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (child, node) in nodes.iter().enumerate() {
        for parent in &node.parents {
            svg.push_str(&arrow(&nodes, &layout, *parent, child));
        }
    }
    for (index, stage) in stages.iter().enumerate() {
        svg.push_str(&stage_box(stage, &boxes[index], &nodes[index], layout.places[index]));
    }
    svg.push_str("</svg>\n");
    svg
}

/// What a box says: the stage, then its operators.
fn lines(snapshot: &Snapshot, stage: &StageStatus, names: &Names) -> Vec<String> {
    let head = match stage.state {
        StageState::Skipped => format!("stage {} · skipped", stage.info.id),
        state => format!("stage {} · {} · {}/{}", stage.info.id, stages::state(state), stage.done, stage.info.tasks),
    };
    let operators = stage.info.rdds.iter().map(|rdd| dag::operator(snapshot, *rdd, names));
    std::iter::once(head).chain(operators).collect()
}

fn node(stages: &[&StageStatus], stage: &StageStatus, lines: &[String]) -> Node {
    let columns = lines.iter().map(|line| line.width()).max().unwrap_or(0);
    let own = stages.iter().position(|other| other.info.id == stage.info.id).unwrap_or(0);
    let index = |id: &dpark::ids::StageId| stages[..own].iter().position(|other| other.info.id == *id);
    Node {
        width: columns as f64 * COLUMN + 4.0 * PAD,
        height: lines.len() as f64 * LINE + PAD + (lines.len() as f64 - 1.0) * 4.0,
        parents: stage.info.parents.iter().filter_map(index).collect(),
    }
}

fn arrow(nodes: &[Node], layout: &Layout, parent: usize, child: usize) -> String {
    let (from, to) = (layout.places[parent], layout.places[child]);
    let x = MARGIN + from.x + nodes[parent].width / 2.0;
    let y = MARGIN + from.y + nodes[parent].height;
    let end_x = MARGIN + to.x + nodes[child].width / 2.0;
    let end_y = MARGIN + to.y;
    let bend = (y + end_y) / 2.0;
    format!(
        "<path d=\"M{x:.0} {y:.0}C{x:.0} {bend:.0} {end_x:.0} {bend:.0} {end_x:.0} {end_y:.0}\" fill=\"none\" \
         stroke=\"#555\" marker-end=\"url(#a)\"/>\n"
    )
}

fn stage_box(stage: &StageStatus, lines: &[String], node: &Node, place: Place) -> String {
    let (fill, ink) = match stage.state {
        StageState::Skipped => ("#eee", "#999"),
        StageState::Stopped { .. } => ("#fde0dc", "#222"),
        StageState::Running { .. } => ("#fff4d6", "#222"),
        StageState::Finished { .. } => ("#e3f1e3", "#222"),
        StageState::Waiting => ("#f4f4f8", "#222"),
    };
    let (x, y) = (MARGIN + place.x, MARGIN + place.y);
    let mut svg = format!(
        "<g fill=\"{ink}\"><rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{:.0}\" height=\"{:.0}\" rx=\"6\" fill=\"{fill}\" stroke=\"#888\"/>\n",
        node.width, node.height
    );
    for (index, line) in lines.iter().enumerate() {
        let top = y + PAD / 2.0 + index as f64 * (LINE + 4.0);
        if index > 0 {
            svg.push_str(&format!(
                "<rect x=\"{:.0}\" y=\"{top:.0}\" width=\"{:.0}\" height=\"{LINE:.0}\" rx=\"3\" fill=\"#fff\" stroke=\"#bbb\"/>",
                x + PAD,
                node.width - 2.0 * PAD
            ));
        }
        let text = html::escape(line).replace('●', "<tspan fill=\"#2a8f3c\">●</tspan>");
        let indent = if index > 0 { 2.0 * PAD } else { PAD };
        svg.push_str(&format!("<text x=\"{:.0}\" y=\"{:.0}\">{text}</text>\n", x + indent, top + 14.0));
    }
    svg.push_str("</g>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::example;

    #[test]
    fn golden() {
        insta::assert_snapshot!(dag(
            &example::snapshot(),
            JobId(2),
            &[(dpark::ids::RddId(7), "a<b".to_owned())].into()
        ));
    }
}
