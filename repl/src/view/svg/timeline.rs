//! The tasks of a job over time: a row for each task that an executor ran at once, a bar for each attempt in the colour
//! of its stage; red if it failed, grey if it was told to stop, pale if it was a second copy.

use super::{Canvas, GREY, MARGIN, Type, number, shorten};
use crate::view::units;
use dpark::ids::{ExecutorId, JobId};
use dpark::status::{AttemptEnd, AttemptStatus, JobState, JobStatus, Snapshot, StageStatus};
use std::collections::BTreeMap;
use std::time::Duration;

const LABELS: f64 = 92.0;
const PLOT: f64 = 640.0;
const LANE: f64 = 11.0;
const BAR: f64 = 9.0;
/// Space between the lanes of two executors.
const APART: f64 = 5.0;
/// Lanes and stages in the legend that are drawn.
const MOST_LANES: usize = 32;
const MOST_STAGES: usize = 12;
const WORD: Type = Type::new(10.5, GREY);
const COLOURS: [&str; 8] = ["#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#39a3a3", "#d4a72c", "#9c755f", "#e377c2"];
const FAILED: &str = "#d62728";
const CANCELLED: &str = "#a8a8a8";

/// The picture; none if no attempt of the job is remembered.
pub fn timeline(snapshot: &Snapshot, job: JobId) -> Option<String> {
    let status = snapshot.job(job)?;
    let stages: Vec<&StageStatus> = snapshot.stages_of(job).filter(|stage| !stage.attempts.kept().is_empty()).collect();
    let scale = Scale::new(status, &stages)?;
    let mut canvas = Canvas::new();
    let top = MARGIN + legend(&mut canvas, &stages);
    let lanes = lanes(&stages);
    let heights = heights(&lanes, top);
    let bottom = heights[heights.len() - 1];
    axis(&mut canvas, &scale, top, bottom);
    draw_lanes(&mut canvas, &lanes, &scale, &heights);
    let mut height = bottom + 20.0;
    for note in notes(&stages, lanes.len()) {
        canvas.text((MARGIN + LABELS, height + 10.0), WORD, &note);
        height += 16.0;
    }
    Some(canvas.finish(2.0 * MARGIN + LABELS + PLOT + 24.0, height + MARGIN))
}

/// From time to place.
struct Scale {
    start: u64,
    length: u64,
}

impl Scale {
    fn new(job: &JobStatus, stages: &[&StageStatus]) -> Option<Scale> {
        let attempts = || stages.iter().flat_map(|stage| stage.attempts.kept());
        let last = attempts().map(|attempt| attempt.ended).max()?;
        let end = match job.state {
            JobState::Running => last,
            JobState::Ended { at, .. } => at.max(last),
        };
        Some(Scale { start: job.started, length: end.saturating_sub(job.started).max(1) })
    }

    fn x(&self, time: u64) -> f64 {
        MARGIN + LABELS + PLOT * (time.saturating_sub(self.start) as f64 / self.length as f64)
    }

    /// A round length of time of which four to ten fit in.
    fn step(&self) -> u64 {
        let mut step = 1;
        for factor in [2, 5, 10].into_iter().cycle() {
            if self.length / step < 10 {
                break;
            }
            let power = 10_u64.pow(step.ilog10());
            step = power * factor;
        }
        step
    }
}

/// An attempt and the number of its stage in the legend.
type Bar<'a> = (usize, &'a AttemptStatus);

/// Attempts of an executor that ran one after the other.
struct Lane<'a> {
    executor: ExecutorId,
    bars: Vec<Bar<'a>>,
}

/// Spreads the attempts over lanes, each over the first that is free.
fn lanes<'a>(stages: &[&'a StageStatus]) -> Vec<Lane<'a>> {
    let mut by_executor: BTreeMap<ExecutorId, Vec<Bar<'a>>> = BTreeMap::new();
    for (number, stage) in stages.iter().enumerate() {
        for attempt in stage.attempts.kept() {
            by_executor.entry(attempt.executor).or_default().push((number, attempt));
        }
    }
    let mut lanes: Vec<Lane<'a>> = Vec::new();
    for (executor, mut bars) in by_executor {
        bars.sort_by_key(|(number, attempt)| (attempt.started, attempt.ended, *number, attempt.partition));
        let first = lanes.len();
        for bar in bars {
            let is_free = |lane: &&mut Lane<'_>| lane.bars.last().is_none_or(|last| last.1.ended <= bar.1.started);
            match lanes[first..].iter_mut().find(is_free) {
                Some(lane) => lane.bars.push(bar),
                None => lanes.push(Lane { executor, bars: vec![bar] }),
            }
        }
    }
    lanes
}

/// Where each lane that is drawn begins, from `top` on, and last where they end.
fn heights(lanes: &[Lane<'_>], top: f64) -> Vec<f64> {
    let mut y = top;
    let mut heights = Vec::new();
    for (index, lane) in lanes.iter().take(MOST_LANES).enumerate() {
        y += if index > 0 && lanes[index - 1].executor != lane.executor { APART } else { 0.0 };
        heights.push(y);
        y += LANE;
    }
    heights.push(y);
    heights
}

fn draw_lanes(canvas: &mut Canvas, lanes: &[Lane<'_>], scale: &Scale, heights: &[f64]) {
    let mut shapes: BTreeMap<(&str, bool), String> = BTreeMap::new();
    for (index, (lane, y)) in lanes.iter().take(MOST_LANES).zip(heights).enumerate() {
        if index == 0 || lanes[index - 1].executor != lane.executor {
            let name = match lane.executor {
                ExecutorId(0) => "threads".to_owned(),
                executor => format!("executor {executor}"),
            };
            canvas.text((MARGIN + LABELS - 8.0, y + 9.0), WORD.to_the_right(), &name);
        }
        canvas.rect((MARGIN + LABELS, *y), (PLOT, BAR), "fill=\"#8a8a8a\" fill-opacity=\"0.13\"");
        for (stage, attempt) in &lane.bars {
            let colour = match attempt.end {
                AttemptEnd::Succeeded => COLOURS[stage % COLOURS.len()],
                AttemptEnd::Failed => FAILED,
                AttemptEnd::Cancelled => CANCELLED,
            };
            let (left, right) = (scale.x(attempt.started), scale.x(attempt.ended));
            let (left, top, width) = (number(left), number(*y), number((right - left - 0.5).max(1.0)));
            let shape = shapes.entry((colour, attempt.is_copy)).or_default();
            shape.push_str(&format!("M{left} {top}h{width}v{BAR}h-{width}z"));
        }
    }
    // One shape for each colour: a thousand elements would make a large notebook.
    for ((colour, is_copy), shape) in shapes {
        let pale = if is_copy { " fill-opacity=\"0.5\"" } else { "" };
        canvas.path(&shape, &format!("fill=\"{colour}\"{pale}"));
    }
}

/// The time below the lanes.
fn axis(canvas: &mut Canvas, scale: &Scale, top: f64, bottom: f64) {
    let step = scale.step();
    for tick in (0..=scale.length / step).map(|tick| tick * step) {
        let x = scale.x(scale.start + tick);
        canvas.path(
            &format!("M{} {}V{}", number(x), number(top), number(bottom + 3.0)),
            "stroke=\"#8a8a8a\" stroke-opacity=\"0.4\"",
        );
        canvas.text((x, bottom + 15.0), WORD.centred(), &moment(tick));
    }
}

/// A time on the axis: `0`, `50 ms`, `1.5 s`, `2 min 05 s`.
fn moment(micros: u64) -> String {
    match micros {
        0 => "0".to_owned(),
        1..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", number(micros as f64 / 1e3)),
        1_000_000..60_000_000 => format!("{} s", number(micros as f64 / 1e6)),
        _ => units::time(Duration::from_micros(micros)),
    }
}

/// Which colour is which stage; it gives the height that it takes.
fn legend(canvas: &mut Canvas, stages: &[&StageStatus]) -> f64 {
    let (left, right) = (MARGIN + LABELS, MARGIN + LABELS + PLOT);
    let (mut x, mut y) = (left, MARGIN);
    for (number, stage) in stages.iter().take(MOST_STAGES).enumerate() {
        let text = format!("stage {} {}", stage.info.id, shorten(&stage.info.name, 24));
        let width = 14.0 + WORD.width(&text) + 16.0;
        if x > left && x + width > right {
            (x, y) = (left, y + 16.0);
        }
        let paint = format!("rx=\"2\" fill=\"{}\"", COLOURS[number % COLOURS.len()]);
        canvas.rect((x, y), (10.0, 10.0), &paint);
        canvas.text((x + 14.0, y + 9.0), WORD, &text);
        x += width;
    }
    if stages.len() > MOST_STAGES {
        canvas.text((x, y + 9.0), WORD, "…");
    }
    y - MARGIN + 20.0
}

/// What the picture leaves out.
fn notes(stages: &[&StageStatus], lanes: usize) -> Vec<String> {
    let one_of = stages.iter().map(|stage| stage.attempts.one_of()).max().unwrap_or(1);
    let thinned = (one_of > 1).then(|| format!("of large stages one of {one_of} tasks is drawn"));
    let hidden = lanes.saturating_sub(MOST_LANES);
    let hidden = (hidden > 0).then(|| format!("… {} more", units::plural(hidden as u64, "row")));
    hidden.into_iter().chain(thinned).collect()
}
