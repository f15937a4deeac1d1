//! The loop over a fake session.

use super::backend::Listener;
use super::interrupt::Mode;
use super::screen::{Abilities, Screen};
use super::*;
use crate::batch::{self, Exit};
use crate::session::{Completions, Documentation, Timing, Variable};
use dpark::event::{CallSite, Event, JobEnd, RddInfo, StageInfo, TaskEnd, TaskMetrics};
use dpark::ids::{ExecutorId, StageId, TaskId};
use std::cell::RefCell;
use std::io::Write;
use std::time::Duration;

#[derive(Default)]
struct Fake {
    ran: Vec<String>,
    listener: RefCell<Option<Listener>>,
}

struct Variables;

impl Control for Variables {
    fn interrupt(&self) {}
    fn kill_child(&self) {}
    fn cancel_job(&self, _job: JobId) {}
    fn uncache(&self, _rdd: RddId) {}
    fn kill_executor(&self, _executor: ExecutorId) {}
    fn variables(&self) -> Vec<Variable> {
        vec![Variable { name: "n".into(), type_name: "i32".into(), rdd: None }]
    }
    fn complete(&self, _code: &str, _offset: usize, _patience: Duration) -> Completions {
        Completions::default()
    }
    fn document(&self, _code: &str, _offset: usize, _patience: Duration) -> Option<Documentation> {
        None
    }
}

impl Fake {
    fn run_job(&self, bad_records: u64) {
        let call_site = CallSite::default();
        let stage = StageInfo {
            id: StageId(1),
            job: JobId(1),
            rdd: RddId(1),
            shuffle: None,
            parents: vec![],
            name: "count".into(),
            call_site: call_site.clone(),
            tasks: 1,
            rdds: vec![],
        };
        let (task, partition, attempt) = (TaskId(1), 0, 0);
        let end = TaskEnd::Succeeded(TaskMetrics { bad_records, ..TaskMetrics::default() });
        let (operator, example) = ("map".to_owned(), "panicked: no".to_owned());
        let mut events = vec![
            rdd(),
            Event::JobStarted {
                job: JobId(1),
                name: "count".into(),
                call_site,
                stages: vec![stage],
                skipped: vec![],
                at: 0,
            },
            Event::StageStarted { stage: StageId(1), at: 1 },
            Event::TaskStarted {
                task,
                stage: StageId(1),
                partition,
                attempt,
                executor: ExecutorId(0),
                is_copy: false,
                at: 2,
            },
            Event::TaskFinished { task, stage: StageId(1), partition, end, at: 4 },
            Event::JobFinished { job: JobId(1), end: JobEnd::Succeeded, at: 5 },
        ];
        if bad_records > 0 {
            events.push(Event::RowsSkipped { rdd: RddId(1), partition, operator, rows: bad_records, example });
        }
        self.tell(&events);
    }

    fn fill_disk(&self) {
        self.tell(&[rdd(), Event::BlockNotStored { rdd: RddId(1), partition: 1, why: "no space left".to_owned() }]);
    }

    fn skip_disk(&self) {
        self.tell(&[Event::DiskSkipped { directory: "/a".to_owned(), why: "no space left".to_owned() }]);
    }

    fn tell(&self, events: &[Event]) {
        if let Some(listener) = self.listener.borrow_mut().as_mut() {
            events.iter().for_each(listener);
        }
    }
}

fn rdd() -> Event {
    Event::RddCreated(RddInfo {
        id: RddId(1),
        operator: "map".to_owned(),
        element: "i64".to_owned(),
        partitions: 2,
        call_site: CallSite::default(),
        parents: vec![],
    })
}

impl Backend for Fake {
    fn execute(&mut self, code: &str) -> Outcome {
        self.ran.push(code.to_owned());
        let mut outcome = Outcome {
            timing: Timing {
                compile: Duration::from_millis(190),
                run: Duration::ZERO,
                total: Duration::from_millis(1240),
                ..Timing::default()
            },
            ..Outcome::default()
        };
        match code.trim() {
            "fail" => outcome.error = Some(CellError::Returned("no".into())),
            "job" => self.run_job(0),
            "bad" => self.run_job(3),
            "full disk" => self.fill_disk(),
            "one full disk of several" => self.skip_disk(),
            code => outcome.shown = Some(Shown::Text(format!("<{code}>"))),
        }
        outcome
    }

    fn execute_last(&mut self, code: &str) -> Outcome {
        self.execute(code)
    }

    fn evcxr_command(&mut self, line: &str) -> Outcome {
        Outcome { text: Some(format!("evcxr: {line}")), ..Outcome::default() }
    }

    fn clear(&mut self) -> Outcome {
        Outcome::default()
    }

    fn restart(&mut self) -> Outcome {
        Outcome::default()
    }

    fn count_cells_from(&mut self, _number: u32) {}

    fn control(&self) -> Arc<dyn Control> {
        Arc::new(Variables)
    }

    fn on_event(&self, listener: Listener) {
        *self.listener.borrow_mut() = Some(listener);
    }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn shell() -> (Shell<Fake>, Sink) {
    shell_on(true)
}

fn shell_on(terminal: bool) -> (Shell<Fake>, Sink) {
    let sink = Sink::default();
    let abilities = Abilities { terminal, colors: false, progress: false, notes: true, output_limit: 0 };
    let screen = Screen::new(abilities, Box::new(sink.clone()), Box::new(sink.clone()));
    let front: Arc<dyn Front> = Arc::new(screen);
    let interrupts = Interrupts::without_signals(Mode::Prompt, Arc::clone(&front)).unwrap();
    (Shell::new(Fake::default(), Arc::new(Config::default()), front, interrupts), sink)
}

fn transcript(inputs: &[&str]) -> String {
    let (mut shell, sink) = shell();
    for input in inputs {
        shell.run(input);
    }
    let text = sink.0.lock().unwrap().clone();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_cell_with_a_job_ends_with_a_quiet_line() {
    assert_eq!(transcript(&["job"]), "1 stage · 1 task · 1.24 s (compile 0.19)\n");
    assert_eq!(transcript(&["1"]), "<1>\n");
    assert_eq!(transcript(&[":timing on", "1"]), "timing is on\n<1>\n1.24 s (compile 0.19)\n");
}

#[test]
fn what_is_missing_from_a_result_is_said_in_scripts_too() {
    const EXAMPLE: &str = "skipped in map, for example: panicked: no\n";
    assert_eq!(
        transcript(&["bad"]),
        format!("1 stage · 1 task · 3 bad records skipped · 1.24 s (compile 0.19)\n{EXAMPLE}")
    );
    let (mut script, sink) = shell_on(false);
    script.run("bad");
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text, format!("3 bad records skipped\n{EXAMPLE}"));
}

#[test]
fn a_disk_that_is_full_is_said_once() {
    const NOTE: &str =
        "rdd 1 is not stored on disk as a whole: 1 partition: no space left; what is missing is computed again\n";
    assert_eq!(transcript(&["full disk", "1"]), format!("{NOTE}<1>\n"));
    const SKIPPED: &str = "/a is skipped: no space left; files go to the other disks of work_dir\n";
    let twice = transcript(&["one full disk of several", "one full disk of several", "1"]);
    assert_eq!(twice, format!("{SKIPPED}<1>\n"));
}

#[test]
fn commands_and_code_mix() {
    assert_eq!(transcript(&[":vars\n1\n:cache 5"]), "evcxr: :vars\n<1>\nevcxr: :cache 5\n");
    assert_eq!(transcript(&[":cache"]), "nothing is cached; `rdd.cache()` marks an RDD\n");
    assert_eq!(
        transcript(&[":sccache 1"]),
        "error: :sccache is not available here: the session compiles the cells itself and keeps its own cache\n"
    );
    assert_eq!(transcript(&[":lineage n"]), "error: `n` is no RDD but a i32\n");
    assert_eq!(transcript(&[":lineage 9"]), "error: there is no RDD 9\n");
}

#[test]
fn a_failed_part_ends_the_cell() {
    assert_eq!(transcript(&["fail\n:vars"]), "error: no\n");
    let (mut shell, _) = shell();
    assert_eq!(shell.run("1;\n:quit\n2"), Flow::Quit);
    assert_eq!(shell.backend.ran, ["1;\n"]);
}

#[test]
fn save_and_load() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session.rs");
    let (mut shell, _) = shell();
    for input in [":dep regex", "1;\n:vars", "fail", &format!(":save {}", file.display())] {
        shell.run(input);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), ":dep regex\n// %%\n1;\n");
    assert_eq!(shell.run(&format!(":load {}", file.display())), Flow::Done);
    assert_eq!(shell.backend.ran.len(), 3);
    assert_eq!(shell.run(":load /nonexistent"), Flow::Failed);
}

#[test]
fn fresh_starts_say_what_they_drop() {
    assert!(transcript(&[":clear"]).starts_with("dropped: variables, items, imports and dependencies"));
    assert!(transcript(&[":restart"]).contains("items, imports and dependencies stay"));
}

#[test]
fn a_script_stops_at_the_cell_that_fails() {
    let cells = ["1;".to_owned(), "fail".to_owned(), "2".to_owned()];
    let (mut shell, _) = shell();
    assert_eq!(batch::run_cells(&mut shell, &cells), Exit::Failure);
    assert_eq!(shell.backend.ran, ["1;", "fail"]);
    assert_eq!(batch::run_cells(&mut shell, &cells[..1]), Exit::Success);
}

#[test]
fn input_goes_on_after_a_failure() {
    let (mut shell, sink) = shell();
    let exit = batch::run_input(&mut shell, &mut "fail\nf(1,\n2)\n:quit\n3\n".as_bytes()).unwrap();
    assert_eq!(exit, Exit::Failure);
    assert_eq!(String::from_utf8(sink.0.lock().unwrap().clone()).unwrap(), "error: no\n<f(1,\n2)>\n");
}
