//! The notebook as a front end of the shell: turns what a cell shows into messages.

mod decoder;
mod progress;

use crate::failure;
use crate::iopub::IoPub;
use crate::media::media;
use crate::stdin::Questions;
use crate::wire::Request;
use decoder::Decoder;
use dpark::MimeBundle;
use dpark::display::Output;
use dpark_repl::config::Config;
use dpark_repl::session::{CellError, Stream};
use dpark_repl::shell::front::Front;
use dpark_repl::shell::{Live, OutputLimit};
use jupyter_protocol::messaging::{
    ClearOutput, DisplayData, ErrorOutput, ExecuteResult, JupyterMessageContent, Payload, Transient, UpdateDisplayData,
};
use progress::Progress;
use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Columns of texts.
const WIDTH: usize = 120;

/// A notebook. Cheap to clone; clones are the same one.
#[derive(Clone)]
pub struct Notebook {
    iopub: IoPub,
    questions: Questions,
    state: Arc<Mutex<State>>,
    progress: Progress,
    /// Notes beside results are shown.
    notes: bool,
}

struct State {
    /// The cell that runs, or the last one that did.
    cell: Option<Cell>,
    limit: OutputLimit,
    out: Decoder,
    err: Decoder,
}

#[derive(Clone)]
struct Cell {
    request: Request,
    count: usize,
    silent: bool,
    left: Left,
}

/// What a cell has left for its reply.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// Why it failed.
    pub error: Option<ErrorOutput>,
    /// What the front end should page.
    pub payload: Vec<Payload>,
    /// The text of its value.
    pub value: Option<String>,
}

impl Notebook {
    /// A notebook with these settings.
    pub fn new(iopub: IoPub, questions: Questions, config: &Config) -> Notebook {
        let quiet = config.text("verbosity") == "quiet";
        let state = State {
            cell: None,
            limit: OutputLimit::new(config.number("output_limit")),
            out: Decoder::default(),
            err: Decoder::default(),
        };
        let progress = Progress::start(iopub.clone(), config.is_on("progress") && !quiet, !quiet);
        Notebook { iopub, questions, state: Arc::new(Mutex::new(state)), progress, notes: !quiet }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A cell begins; what is shown from now on belongs to it.
    pub fn begin(&self, request: &Request, count: usize, silent: bool) {
        let mut state = self.state();
        state.cell = Some(Cell { request: Arc::clone(request), count, silent, left: Left::default() });
        state.limit.begin_cell();
        drop(state);
        self.progress.begin(request);
    }

    /// The cell has ended: what it has left.
    pub fn end(&self) -> Left {
        self.progress.end();
        let mut state = self.state();
        if let Some(notice) = state.limit.notice() {
            self.text(&state, Stream::Stderr, format!("{notice}\n"));
        }
        state.cell.as_mut().map(|cell| std::mem::take(&mut cell.left)).unwrap_or_default()
    }

    /// The running cell cannot be run.
    pub fn fail(&self, error: ErrorOutput) {
        self.post(error.clone());
        self.change(|cell| cell.left.error = Some(error));
    }

    /// The first cell waits for the session: what is told until then belongs to it.
    pub fn is_awaited_by(&self, request: &Request) {
        let mut state = self.state();
        if state.cell.is_none() {
            state.cell = Some(Cell { request: Arc::clone(request), count: 0, silent: true, left: Left::default() });
        }
    }

    /// A chunk that user code has printed.
    pub fn user_output(&self, stream: Stream, bytes: &[u8]) {
        let mut state = self.state();
        let shown = state.limit.admit(bytes).to_vec();
        let decoder = match stream {
            Stream::Stdout => &mut state.out,
            Stream::Stderr => &mut state.err,
        };
        let text = decoder.decode(&shown);
        let cell = state.cell.as_ref().map(|cell| Arc::clone(&cell.request));
        // The sender may make us wait; who only wants to know the cell must not.
        drop(state);
        if !text.is_empty() {
            self.iopub.text(stream, text, cell);
        }
    }

    /// User code waits for a line of its standard input.
    pub fn ask(&self) {
        let cell = self.state().cell.as_ref().map(|cell| Arc::clone(&cell.request));
        self.questions.ask(cell);
    }

    fn text(&self, state: &State, stream: Stream, text: String) {
        match &state.cell {
            Some(cell) => self.iopub.text(stream, text, Some(Arc::clone(&cell.request))),
            None => eprint!("{text}"),
        }
    }

    fn post(&self, content: impl Into<JupyterMessageContent>) {
        let state = self.state();
        self.iopub.post(content, state.cell.as_ref().map(|cell| &*cell.request));
    }

    fn change(&self, change: impl FnOnce(&mut Cell)) {
        if let Some(cell) = &mut self.state().cell {
            change(cell);
        }
    }
}

impl Front for Notebook {
    fn watch(&self, live: &Live) {
        self.progress.watch(live);
    }

    fn begin_cell(&self) {
        self.progress.begin_code();
    }

    fn end_cell(&self) {
        self.progress.end_code();
    }

    fn value(&self, value: &MimeBundle) {
        let state = self.state();
        let Some(cell) = state.cell.as_ref().filter(|cell| !cell.silent) else { return };
        let limited = value.clone().text(state.limit.cut(&value.plain()));
        let mut result = ExecuteResult::new(cell.count.into(), media(&limited));
        // Null would not do for everybody.
        result.transient = Some(Transient::default());
        self.iopub.post(result, Some(&cell.request));
        drop(state);
        self.change(|cell| cell.left.value = Some(limited.plain()));
    }

    fn answer(&self, answer: &MimeBundle) {
        self.post(DisplayData::new(media(answer)));
    }

    fn page(&self, text: &MimeBundle) {
        self.change(|cell| cell.left.payload.push(Payload::Page { data: media(text), start: 0 }));
    }

    fn output(&self, output: Output) {
        match output {
            Output::Display(id, bundle) => {
                let mut display = DisplayData::new(media(&bundle));
                display.transient = Some(Transient { display_id: Some(id.to_string()) });
                self.post(display);
            }
            Output::Update(id, bundle) => self.post(UpdateDisplayData::new(media(&bundle), &id.to_string())),
            Output::Clear { wait } => self.post(ClearOutput { wait }),
        }
    }

    fn note(&self, text: &str) {
        if self.notes && !text.is_empty() {
            self.tell(text);
        }
    }

    fn tell(&self, text: &str) {
        let state = self.state();
        self.text(&state, Stream::Stderr, format!("{}\n", text.trim_end()));
    }

    fn error(&self, error: &CellError) {
        self.fail(failure::output(error));
    }

    fn width(&self) -> Option<usize> {
        Some(WIDTH)
    }

    fn shows_times(&self) -> bool {
        false
    }

    fn interrupt(&self) -> &'static str {
        "Interrupting the kernel"
    }

    fn run_line(&self, line: &str) -> io::Result<ExitStatus> {
        let mut shell = Command::new("sh")
            .arg("-c")
            .arg(line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (out, err) = (shell.stdout.take(), shell.stderr.take());
        std::thread::scope(|scope| {
            scope.spawn(|| self.pump(Stream::Stdout, out));
            self.pump(Stream::Stderr, err);
        });
        shell.wait()
    }
}

impl Notebook {
    fn pump(&self, stream: Stream, pipe: Option<impl Read>) {
        let Some(mut pipe) = pipe else { return };
        let mut chunk = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = pipe.read(&mut chunk) {
            self.user_output(stream, &chunk[..read]);
        }
    }
}
