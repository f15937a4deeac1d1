//! The stages of a job: a box for each with its pipelines inside, an arrow for each shuffle. What is marked for the cache
//! is green and has a `●`, a checkpoint a `■`; skipped stages, whose outputs were there already, are grey.
//!
//! No times stand in it, so the same program gives the same picture.

use super::{Canvas, FAINT, GREY, INK, MARGIN, Type, arrivals, shorten};
use crate::view::graph::{Graph, Input, Pipeline, Row, Stage, graph};
use crate::view::layout::{Gap, Layout, Node, Parent, layout};
use crate::view::{Names, stages, units};
use dpark::ids::JobId;
use dpark::status::{Snapshot, StageState};

const PAD: f64 = 10.0;
/// Height of a stage's headline, and of a row in a pipeline.
const HEAD: f64 = 40.0;
const ROW: f64 = 21.0;
const TITLE: Type = Type::new(12.0, INK).bold();
const NOTE: Type = Type::new(10.5, FAINT);
const OPERATOR: Type = Type::new(12.0, INK);
const SITE: Type = Type::new(10.0, FAINT);
const LABEL: Type = Type::new(10.5, GREY);
/// Space between pipelines and between stages.
const INSIDE: Gap = Gap { x: 14.0, y: 22.0 };
const OUTSIDE: Gap = Gap { x: 28.0, y: 46.0 };
/// How far an arrow runs straight beside its label.
const STUB: f64 = 16.0;
/// Space between arrows that arrive at one box.
const APART: f64 = 16.0;

/// The picture; empty if there is no such job.
pub fn dag(snapshot: &Snapshot, job: JobId, names: &Names) -> String {
    let graph = graph(snapshot, job, names);
    let boxes: Vec<StageBox<'_>> = graph.stages.iter().map(StageBox::new).collect();
    let nodes: Vec<Node> = boxes.iter().map(StageBox::node).collect();
    let layout = layout(&nodes, OUTSIDE);
    let above = if graph.left_out > 0 { 22.0 } else { 0.0 };
    let origin = (MARGIN, MARGIN + above);
    let mut canvas = Canvas::new();
    if graph.left_out > 0 {
        let text = format!("… {} before these", units::plural(graph.left_out as u64, "stage"));
        canvas.text((MARGIN, MARGIN + 12.0), LABEL, &text);
    }
    for (index, stage) in boxes.iter().enumerate() {
        let place = layout.places[index];
        stage.draw(&mut canvas, (origin.0 + place.x, origin.1 + place.y));
    }
    shuffles(&mut canvas, &graph, &boxes, &nodes, &layout, origin);
    canvas.finish(layout.width + 2.0 * MARGIN, layout.height + 2.0 * MARGIN + above)
}

/// The arrows between stages, with the bytes that were written.
fn shuffles(
    canvas: &mut Canvas,
    graph: &Graph<'_>,
    boxes: &[StageBox<'_>],
    nodes: &[Node],
    layout: &Layout,
    origin: (f64, f64),
) {
    let arrivals = arrivals(nodes, layout, APART);
    for (arrow, offset) in layout.arrows.iter().zip(arrivals) {
        let (parent, child) = (layout.places[arrow.parent], layout.places[arrow.child]);
        let inputs = &graph.stages[arrow.child].inputs;
        let Some(input) = inputs.iter().find(|input| input.stage == arrow.parent) else { continue };
        let from =
            (origin.0 + parent.x + nodes[arrow.parent].width / 2.0, origin.1 + parent.y + nodes[arrow.parent].height);
        let alone = inputs.iter().filter(|other| other.pipeline == input.pipeline).count() == 1;
        let middle = boxes[arrow.child].middle_of(input.pipeline);
        let shift = if alone { 0.0 } else { offset };
        let to = (origin.0 + child.x + middle + shift, origin.1 + child.y);
        canvas.arrow(from, STUB, to, arrow, origin);
        if input.bytes > 0 {
            canvas.text((from.0 + 6.0, from.1 + 13.0), LABEL, &units::bytes(input.bytes));
        }
    }
}

/// A stage, laid out.
struct StageBox<'a> {
    stage: &'a Stage<'a>,
    title: String,
    note: String,
    nodes: Vec<Node>,
    inner: Layout,
}

impl<'a> StageBox<'a> {
    fn new(stage: &'a Stage<'a>) -> StageBox<'a> {
        let nodes: Vec<Node> = stage.pipelines.iter().map(pipeline_node).collect();
        let inner = layout(&nodes, INSIDE);
        StageBox { title: shorten(&title(stage), 44), note: note(stage), nodes, inner, stage }
    }

    fn width(&self) -> f64 {
        let head = TITLE.width(&self.title).max(NOTE.width(&self.note));
        self.inner.width.max(head).max(90.0) + 2.0 * PAD
    }

    fn node(&self) -> Node {
        let width = self.width();
        let port = |pipeline| self.middle_of(pipeline) - width / 2.0;
        let parent = |input: &Input| Parent { index: input.stage, port: port(input.pipeline) };
        let parents = self.stage.inputs.iter().map(parent).collect();
        Node { width, height: HEAD + self.inner.height + PAD, parents }
    }

    /// Where the pipelines begin.
    fn indent(&self) -> f64 {
        (self.width() - self.inner.width) / 2.0
    }

    fn middle_of(&self, pipeline: usize) -> f64 {
        match (self.inner.places.get(pipeline), self.nodes.get(pipeline)) {
            (Some(place), Some(node)) => self.indent() + place.x + node.width / 2.0,
            _ => self.width() / 2.0,
        }
    }

    fn draw(&self, canvas: &mut Canvas, (x, y): (f64, f64)) {
        let (fill, stroke) = colours(self.stage.first().state);
        let dashes = if self.is_skipped() { " stroke-dasharray=\"4 3\"" } else { "" };
        let node = self.node();
        canvas.rect(
            (x, y),
            (node.width, node.height),
            &format!("rx=\"7\" fill=\"{fill}\" stroke=\"{stroke}\"{dashes}"),
        );
        canvas.text((x + PAD, y + 17.0), self.faded(TITLE), &self.title);
        canvas.text((x + PAD, y + 32.0), NOTE, &self.note);
        let origin = (x + self.indent(), y + HEAD);
        let arrivals = arrivals(&self.nodes, &self.inner, APART);
        for (arrow, offset) in self.inner.arrows.iter().zip(arrivals) {
            let (parent, child) = (self.inner.places[arrow.parent], self.inner.places[arrow.child]);
            let from = (
                origin.0 + parent.x + self.nodes[arrow.parent].width / 2.0,
                origin.1 + parent.y + self.nodes[arrow.parent].height,
            );
            let to = (origin.0 + child.x + self.nodes[arrow.child].width / 2.0 + offset, origin.1 + child.y);
            canvas.arrow(from, STUB / 4.0, to, arrow, origin);
            let parents = &self.stage.pipelines[arrow.child].parents;
            if let Some((_, count)) = parents.iter().find(|(parent, count)| *parent == arrow.parent && *count > 1) {
                canvas.text((from.0 + 5.0, from.1 + 14.0), NOTE, &format!("×{count}"));
            }
        }
        for (pipeline, (place, node)) in self.stage.pipelines.iter().zip(self.inner.places.iter().zip(&self.nodes)) {
            self.draw_pipeline(canvas, pipeline, (origin.0 + place.x, origin.1 + place.y), node);
        }
    }

    fn draw_pipeline(&self, canvas: &mut Canvas, pipeline: &Pipeline, (x, y): (f64, f64), node: &Node) {
        canvas.rect((x, y), (node.width, node.height), "rx=\"4\" fill=\"#ffffff\" stroke=\"#c4c9cf\"");
        for (index, row) in pipeline.rows.iter().enumerate() {
            let top = y + index as f64 * ROW;
            if matches!(row, Row::Rdd { is_cached: true, .. }) {
                let paint = "rx=\"3\" fill=\"#d3f2d9\"";
                canvas.rect((x + 1.5, top + 1.5), (node.width - 3.0, ROW - 3.0), paint);
            }
            if index > 0 {
                canvas.path(&format!("M{} {}h{}", x + 0.5, top, node.width - 1.0), "stroke=\"#e3e6ea\"");
            }
            canvas.text((x + 8.0, top + 14.5), self.faded(OPERATOR), &label(row));
            if let Row::Rdd { site, .. } = row {
                let right = (x + node.width - 8.0, top + 14.0);
                canvas.text(right, SITE.to_the_right(), &shorten(site, 22));
            }
        }
    }

    fn is_skipped(&self) -> bool {
        self.stage.first().state == StageState::Skipped
    }

    fn faded(&self, kind: Type) -> Type {
        if self.is_skipped() { Type { fill: "#7d8590", ..kind } } else { kind }
    }
}

fn pipeline_node(pipeline: &Pipeline) -> Node {
    let width = |row: &Row| match row {
        Row::Rdd { site, .. } => OPERATOR.width(&label(row)) + 18.0 + SITE.width(&shorten(site, 22)),
        Row::Folded(_) => OPERATOR.width(&label(row)),
    };
    Node {
        width: pipeline.rows.iter().map(width).fold(0.0, f64::max) + 16.0,
        height: pipeline.rows.len() as f64 * ROW,
        parents: pipeline.parents.iter().map(|(parent, _)| Parent::of(*parent)).collect(),
    }
}

/// `stage 4 · join`, `stages 1, 3, 5 · reduce_by_key ×3`.
fn title(stage: &Stage<'_>) -> String {
    let ids: Vec<String> = stage.members.iter().map(|member| member.info.id.to_string()).collect();
    let name = &stage.first().info.name;
    match ids.as_slice() {
        [id] => format!("stage {id} · {name}"),
        [first, .., last] if ids.len() > 3 => format!("stages {first}…{last} · {name} ×{}", ids.len()),
        _ => format!("stages {} · {name} ×{}", ids.join(", "), ids.len()),
    }
}

/// `finished · 4/4 tasks · 1 failed`.
fn note(stage: &Stage<'_>) -> String {
    let state = stages::state(stage.first().state);
    if stage.first().state == StageState::Skipped {
        return state.to_owned();
    }
    let (done, tasks) = (stage.sum(|member| member.done), stage.sum(|member| member.info.tasks));
    let failed = match stage.sum(|member| member.failed) {
        0 => String::new(),
        failed => format!(" · {failed} failed"),
    };
    format!("{state} · {done}/{}{failed}", units::plural(tasks as u64, "task"))
}

fn label(row: &Row) -> String {
    match row {
        Row::Rdd { operator, variable, is_cached, has_checkpoint, count, .. } => {
            let variable = variable.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
            let cached = if *is_cached { " ●" } else { "" };
            let checkpoint = if *has_checkpoint { " ■" } else { "" };
            let count = if *count > 1 { format!(" ×{count}") } else { String::new() };
            format!("{}{cached}{checkpoint}{count}", shorten(&format!("{operator}{variable}"), 36))
        }
        Row::Folded(count) => format!("… {} more", units::plural(*count as u64, "operator")),
    }
}

/// Fill and border of a stage's box.
fn colours(state: StageState) -> (&'static str, &'static str) {
    match state {
        StageState::Waiting => ("#f3f4f8", "#aab1bd"),
        StageState::Running { .. } => ("#fff6dd", "#e0a800"),
        StageState::Finished { .. } => ("#eaf3fd", "#6ea8e0"),
        StageState::Stopped { .. } => ("#fdeae8", "#dd6b62"),
        StageState::Skipped => ("#ededee", "#b5b8bd"),
    }
}
