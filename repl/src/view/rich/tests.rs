//! The bundles of the example session, what an untrusted notebook lets through of them, and hostile names.

use super::*;
use crate::view::example::{self, rdd, site, stage};
use crate::view::svg;
use dpark::event::{Event, JobEnd};
use dpark::ids::{JobId, RddId};
use dpark::show::{Column, ContextCard};
use dpark::status::{StageState, StatusStore};
use std::time::Duration;

/// What JupyterLab's sanitiser keeps, as far as it is used here: elements, their attributes, styles.
const ELEMENTS: [&str; 15] =
    ["b", "details", "div", "img", "pre", "small", "span", "summary", "table", "tbody", "td", "th", "thead", "tr", "p"];
const ATTRIBUTES: [&str; 4] = ["alt", "open", "src", "style"];
const STYLES: [&str; 28] = [
    "align-items",
    "background",
    "border",
    "border-collapse",
    "border-left",
    "border-radius",
    "box-sizing",
    "color",
    "cursor",
    "display",
    "flex-wrap",
    "font-family",
    "font-size",
    "font-weight",
    "gap",
    "height",
    "line-height",
    "margin",
    "margin-top",
    "max-width",
    "opacity",
    "overflow",
    "overflow-wrap",
    "overflow-x",
    "padding",
    "text-align",
    "vertical-align",
    "width",
];

/// Jobs of a cell that have pictures, each with a table of its numbers.
const PICTURES_OF_A_CELL: usize = 3;

/// What stands in the angle brackets of a text.
fn tags(text: &str) -> Vec<&str> {
    let parts = text.split('<').skip(1);
    parts.map(|part| part.split_once('>').expect("each tag ends").0).filter(|tag| !tag.starts_with('/')).collect()
}

/// The attributes of a tag, all of which are quoted.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut rest = tag.split_once(' ').map_or("", |(_, rest)| rest).trim_end_matches('/').trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("an attribute with a value in <{tag}>"));
        let (value, more) = value.split_once('"').expect("a value ends");
        found.push((name, value));
        rest = more.trim_start();
    }
    found
}

fn assert_is_let_through(html: &str) {
    for tag in tags(html) {
        let element = tag.split([' ', '/']).next().unwrap_or_default();
        assert!(ELEMENTS.contains(&element), "<{tag}>");
        for (name, value) in attributes(tag) {
            assert!(ATTRIBUTES.contains(&name), "{name} in <{tag}>");
            if name == "style" {
                let styles = value.split(';').filter_map(|style| style.split_once(':'));
                styles.for_each(|(style, _)| assert!(STYLES.contains(&style) || style == "white-space", "{style}"));
            }
        }
    }
}

fn bundles(snapshot: &Snapshot, names: &Names) -> Vec<Bundle> {
    let jobs: Vec<JobId> = snapshot.jobs.iter().map(|job| job.id).collect();
    let mut bundles: Vec<Bundle> = jobs.iter().map(|id| job(snapshot, *id, names)).collect();
    bundles.extend(snapshot.rdds.iter().map(|status| rdd_bundle(snapshot, status.info.id, names)));
    bundles.extend([
        progress(snapshot, &jobs, names, Duration::from_millis(1240)),
        after(snapshot, &jobs, names),
        after(snapshot, &jobs[..1], names),
        self::jobs(snapshot, None),
        stages(snapshot, None, None),
        cache(snapshot, names, None),
        executors(snapshot, None),
    ]);
    bundles
}

fn rdd_bundle(snapshot: &Snapshot, id: RddId, names: &Names) -> Bundle {
    super::rdd(snapshot, id, names)
}

/// The pictures by their names, so that one can read the rest; they have goldens of their own.
fn without_pictures(html: &str) -> String {
    let mut parts = html.split("src=\"data:image/svg+xml;base64,");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("src=\"…");
        text.push_str(part.find('"').map_or("", |end| &part[end..]));
    }
    text
}

fn golden(bundle: &Bundle) -> String {
    let html = bundle.html.as_deref().map(without_pictures).unwrap_or_default();
    format!("{}\n\n{html}", bundle.plain)
}

#[test]
fn a_finished_job() {
    let bundle = job(&example::snapshot(), JobId(1), &example::names());
    insta::assert_snapshot!(golden(&bundle));
    let facts = bundle.json.expect("a job has facts");
    insta::assert_snapshot!("facts", serde_json::to_string_pretty(&facts).expect("they are JSON"));
    assert_eq!(job(&example::snapshot(), JobId(9), &example::names()), Bundle::text("there is no job 9".into()));
}

#[test]
fn a_frame_of_progress() {
    let jobs = [JobId(1), JobId(2)];
    insta::assert_snapshot!(golden(&progress(
        &example::snapshot(),
        &jobs,
        &example::names(),
        Duration::from_millis(1240)
    )));
}

#[test]
fn the_jobs_of_a_cell_that_has_ended() {
    let snapshot = example::snapshot();
    let one = after(&snapshot, &[JobId(1)], &example::names());
    assert_eq!(
        one.plain,
        "job 1 · count at cell 4, line 2 · finished · 2 stages · 6 tasks · 1.24 s · shuffle 273.4 KiB"
    );
    insta::assert_snapshot!(golden(&after(&snapshot, &[JobId(1), JobId(2)], &example::names())));
}

#[test]
fn cards() {
    let snapshot = example::snapshot();
    let context = context(&ContextCard { master: "local[2]".into(), default_parallelism: 2, memory: 4 << 30 });
    let counts = rdd_bundle(&snapshot, RddId(4), &example::names());
    insta::assert_snapshot!(format!("{}\n\n{}", golden(&counts), golden(&context)));
}

#[test]
fn rows_of_a_value() {
    let columns = [Column { name: "word".into(), numeric: false }, Column { name: "n".into(), numeric: true }];
    let words = [vec!["the  <b>\n".into(), "1201".into()], vec!["and".into(), "87".into()]];
    insta::assert_snapshot!(golden(&rows(&columns, &words, 4312, None)));
    let all = rows(&columns, &words, 2, None).html.expect("a table");
    assert!(all.contains(">2 rows<"), "{all}");
    assert_eq!(rows(&columns, &[], 0, None), Bundle::text("no rows".into()));
}

#[test]
fn tables() {
    let snapshot = example::snapshot();
    let html = |bundle: Bundle| bundle.html.expect("a table");
    insta::assert_snapshot!(
        [
            html(jobs(&snapshot, None)),
            html(stages(&snapshot, None, None)),
            html(cache(&snapshot, &example::names(), None))
        ]
        .join("\n")
    );
    assert_eq!(executors(&snapshot, None).html, None);
}

#[test]
fn every_frame_of_a_display_has_the_same_forms() {
    let (empty, names) = (Snapshot::default(), Names::new());
    let time = Duration::from_secs(1);
    let jobs = [JobId(1)];
    let frames = [
        progress(&empty, &[], &names, time),
        progress(&example::snapshot(), &jobs, &names, time),
        after(&empty, &[], &names),
        after(&example::snapshot(), &jobs, &names),
    ];
    assert!(frames.iter().all(|frame| frame.html.is_some() && frame.json.is_some()));
}

#[test]
fn the_facts_of_many_jobs_are_bounded() {
    let mut store = StatusStore::new();
    for id in 1..=120 {
        let stages = vec![stage(id, id, 1, None, &[], "count", 1, &[1])];
        let started = Event::JobStarted {
            job: JobId(id),
            name: "count".into(),
            call_site: site(1),
            stages,
            skipped: vec![],
            at: 0,
        };
        store.apply(&started);
    }
    let jobs: Vec<JobId> = (1..=120).map(JobId).collect();
    let bundle = after(&store.snapshot(), &jobs, &Names::new());
    let facts = bundle.json.expect("jobs have facts");
    assert_eq!(facts["jobs"].as_array().map(Vec::len), Some(100));
    assert_eq!(facts["jobs"][0]["id"], 21);
    assert_eq!(facts["left_out"]["jobs"], 20);
    let html = bundle.html.expect("jobs have HTML");
    assert!(html.contains("… 70 jobs more"));
    assert_eq!(html.matches("<details>").count(), 1 + PICTURES_OF_A_CELL + PICTURES_OF_A_CELL);
}

#[test]
fn the_picture_of_the_stages_does_not_tell_times() {
    let (snapshot, names) = (example::snapshot(), example::names());
    let mut later = snapshot.clone();
    for job in &mut later.jobs {
        job.started += 12_345;
    }
    for stage in later.stages.values_mut() {
        if let StageState::Finished { started, at } = stage.state {
            stage.state = StageState::Finished { started: started + 999, at: at + 99_999 };
        }
    }
    assert_ne!(snapshot, later);
    assert_eq!(svg::dag(&snapshot, JobId(1), &names), svg::dag(&later, JobId(1), &names));
}

#[test]
fn an_untrusted_notebook_shows_everything() {
    let bundles = bundles(&example::snapshot(), &example::names());
    bundles.iter().filter_map(|bundle| bundle.html.as_deref()).for_each(assert_is_let_through);
}

/// The picture in an address.
fn decoded(data: &str) -> String {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in data.chars().filter_map(|c| DIGITS.find(c)) {
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    String::from_utf8(bytes).expect("a text")
}

#[test]
fn hostile_names_stay_text() {
    let hostile = "</td></text><script>alert(1)</script><img src=x onerror=\"alert('&')\">\u{1b}[31m";
    let mut store = StatusStore::new();
    store.apply(&rdd(1, hostile, hostile, 2, &[]));
    store.apply(&rdd(2, hostile, hostile, 2, &[(1, Some(1))]));
    store.apply(&Event::CacheMarked { rdd: RddId(2), level: Some(hostile.into()) });
    store.apply(&Event::Checkpointed { rdd: RddId(1), directory: hostile.into() });
    let stages = vec![stage(1, 1, 1, Some(1), &[], hostile, 2, &[1]), stage(2, 1, 2, None, &[1], hostile, 2, &[2])];
    let mut call_site = site(1);
    call_site.file = hostile.into();
    store.apply(&Event::JobStarted { job: JobId(1), name: hostile.into(), call_site, stages, skipped: vec![], at: 0 });
    let names = [(RddId(2), hostile.to_owned())].into();
    let mut found = bundles(&store.snapshot(), &names);
    store.apply(&Event::JobFinished { job: JobId(1), end: JobEnd::Failed(hostile.into()), at: 5 });
    found.extend(bundles(&store.snapshot(), &names));
    found.push(rows(&[Column { name: hostile.into(), numeric: false }], &[vec![hostile.into()]], 1, None));
    found.push(context(&ContextCard { master: hostile.into(), default_parallelism: 1, memory: 1 }));
    let mut pictures = 0;
    for html in found.iter().filter_map(|bundle| bundle.html.as_deref()) {
        assert_is_let_through(html);
        assert!(!html.contains('\u{1b}'));
        for picture in
            html.split("base64,").skip(1).filter_map(|part| part.split_once('"')).map(|(data, _)| decoded(data))
        {
            let known = ["svg", "defs", "marker", "path", "rect", "text"];
            let element = |tag: &str| tag.split([' ', '/']).next().unwrap_or_default().to_owned();
            assert!(tags(&picture).iter().all(|tag| known.contains(&element(tag).as_str())), "{picture}");
            pictures += 1;
        }
    }
    assert!(pictures > 4);
}
