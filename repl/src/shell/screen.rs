//! Everything that reaches the user passes here, so that live progress, the output of user code and our own lines do
//! not write over each other. Cheap to clone; clones are the same screen.

use super::limit::OutputLimit;
use crate::session::Stream;
use crate::view;
use dpark::status::StatusStore;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Progress appears when a cell has run for so long.
const PROGRESS_AFTER: Duration = Duration::from_millis(500);
/// Progress is drawn anew so often.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// At most so many progress lines.
const PROGRESS_LINES: usize = 8;

/// What a screen may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// A person looks at it: progress, quiet lines and notices are shown.
    pub terminal: bool,
    /// Colours.
    pub colors: bool,
    /// Live progress.
    pub progress: bool,
    /// Notes beside results.
    pub notes: bool,
    /// Bytes of user output per cell; 0 is no limit.
    pub output_limit: u64,
}

impl Abilities {
    /// Reads them off the settings. `interactive` says whether a prompt is shown.
    pub fn of(config: &crate::config::Config, interactive: bool) -> Abilities {
        let colors = match config.text("color") {
            "always" => true,
            "never" => false,
            _ => {
                let stream = if interactive { io::stdout().is_terminal() } else { io::stderr().is_terminal() };
                stream && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        let terminal = interactive && io::stdout().is_terminal();
        let quiet = config.text("verbosity") == "quiet";
        Abilities {
            terminal: terminal && !quiet,
            colors,
            progress: terminal && !quiet && config.is_on("progress"),
            notes: !quiet,
            output_limit: if interactive { config.number("output_limit") } else { 0 },
        }
    }
}

/// The screen.
#[derive(Clone)]
pub struct Screen {
    inner: Arc<Inner>,
}

struct Inner {
    abilities: Abilities,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// Column of the cursor, by what user code printed.
    column: usize,
    escape: Escape,
    /// Progress lines on the screen, and whether a line end was put before them.
    drawn: usize,
    below_text: bool,
    width: Option<usize>,
    cell_since: Option<Instant>,
    limit: OutputLimit,
    broken: bool,
    status: Option<Arc<Mutex<StatusStore>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Started,
    Inside,
}

impl Screen {
    /// The process's own standard output and error.
    pub fn standard(abilities: Abilities) -> Screen {
        Screen::new(abilities, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    /// A screen over any writers.
    pub fn new(abilities: Abilities, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Screen {
        let state = State {
            out,
            err,
            column: 0,
            escape: Escape::None,
            drawn: 0,
            below_text: false,
            width: None,
            cell_since: None,
            limit: OutputLimit::new(abilities.output_limit),
            broken: false,
            status: None,
        };
        let inner = Arc::new(Inner { abilities, state: Mutex::new(state), changed: Condvar::new() });
        if abilities.progress {
            let weak = Arc::downgrade(&inner);
            // Ends by itself soon after the last screen is gone.
            let spawned = std::thread::Builder::new().name("progress".into()).spawn(move || tick(&weak));
            debug_assert!(spawned.is_ok());
        }
        Screen { inner }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes progress from this store.
    pub fn watch(&self, status: Arc<Mutex<StatusStore>>) {
        self.state().status = Some(status);
    }

    /// Columns of the terminal, if known.
    pub fn width(&self) -> Option<usize> {
        self.state().width
    }

    /// Sets the columns of the terminal.
    pub fn set_width(&self, width: Option<usize>) {
        self.state().width = width;
    }

    /// Whether to write colours.
    pub fn colors(&self) -> bool {
        self.inner.abilities.colors
    }

    /// Whether a person looks at it.
    pub fn is_terminal(&self) -> bool {
        self.inner.abilities.terminal
    }

    /// Whether nobody reads our output any more.
    pub fn is_broken(&self) -> bool {
        self.state().broken
    }

    /// Nobody reads our output any more.
    pub fn set_broken(&self) {
        self.state().broken = true;
    }

    /// The terminal has echoed `^C` where the cursor was.
    pub fn key_echoed(&self) {
        let mut state = self.state();
        // Below progress lines it goes with them.
        if self.inner.abilities.terminal && state.drawn == 0 {
            state.column += 2;
        }
    }

    /// A cell begins: progress may appear from now on.
    pub fn begin_cell(&self) {
        let mut state = self.state();
        state.flush();
        state.cell_since = Some(Instant::now());
        state.limit.begin_cell();
        self.inner.changed.notify_all();
    }

    /// A cell ended: progress goes, the cursor is at the start of a line.
    pub fn end_cell(&self) {
        let mut state = self.state();
        state.cell_since = None;
        state.erase();
        state.fresh_line();
        if let Some(notice) = state.limit.notice() {
            let notice = dim(&notice, self.colors());
            state.line(Stream::Stderr, &notice);
        }
        state.flush();
    }

    /// A chunk that user code printed.
    pub fn user_output(&self, stream: Stream, bytes: &[u8]) {
        let mut state = self.state();
        let shown = state.limit.admit(bytes);
        if shown.is_empty() {
            return;
        }
        state.erase();
        state.track(shown);
        state.write(stream, shown);
        state.flush();
    }

    /// The text, cut at the output limit with a word about the rest.
    pub fn capped(&self, text: &str) -> String {
        self.state().limit.cut(text)
    }

    /// A result: a text on lines of its own, on standard output.
    pub fn show(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut state = self.state();
        state.erase();
        state.fresh_line();
        state.line(Stream::Stdout, text.trim_end_matches('\n'));
        state.flush();
    }

    /// A quiet line beside results, on standard error unless a person looks.
    pub fn note(&self, text: &str) {
        if !self.inner.abilities.notes || text.is_empty() {
            return;
        }
        let text = dim(text.trim_end(), self.colors());
        self.show_error(&text);
    }

    /// An error, on standard error.
    pub fn show_error(&self, text: &str) {
        let mut state = self.state();
        state.erase();
        state.fresh_line();
        state.flush();
        state.line(Stream::Stderr, text.trim_end_matches('\n'));
        state.flush();
    }

    /// Writes out what is buffered.
    pub fn flush(&self) {
        self.state().flush();
    }

    #[cfg(test)]
    fn draw(&self, lines: &[String]) {
        self.state().draw(lines);
    }
}

fn dim(text: &str, colors: bool) -> String {
    if colors { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
}

/// The progress thread: sleeps until a cell runs, then draws until it ends.
fn tick(screen: &Weak<Inner>) {
    while let Some(inner) = screen.upgrade() {
        let state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = if state.cell_since.is_some() { PROGRESS_EVERY } else { Duration::from_secs(1) };
        let (mut state, timeout) = inner.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
        let runs_long = state.cell_since.is_some_and(|since| since.elapsed() >= PROGRESS_AFTER);
        if !runs_long || !timeout.timed_out() {
            continue;
        }
        let Some(status) = state.status.clone() else { continue };
        let snapshot = status.lock().unwrap_or_else(PoisonError::into_inner).snapshot();
        let lines = view::progress::lines(&snapshot, state.width.unwrap_or(80), PROGRESS_LINES);
        state.draw(&lines);
    }
}

impl State {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let writer = match stream {
            Stream::Stdout => &mut self.out,
            Stream::Stderr => &mut self.err,
        };
        if let Err(error) = writer.write_all(bytes) {
            self.broken |= error.kind() == io::ErrorKind::BrokenPipe;
        }
    }

    fn line(&mut self, stream: Stream, text: &str) {
        self.write(stream, text.as_bytes());
        self.write(stream, b"\n");
    }

    fn flush(&mut self) {
        for writer in [&mut self.out, &mut self.err] {
            if let Err(error) = writer.flush() {
                self.broken |= error.kind() == io::ErrorKind::BrokenPipe;
            }
        }
    }

    fn fresh_line(&mut self) {
        if self.column > 0 {
            self.write(Stream::Stdout, b"\n");
            self.column = 0;
        }
        self.escape = Escape::None;
    }

    /// Follows the cursor through user output: wide enough for text, line ends and the usual escape sequences.
    fn track(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match (self.escape, byte) {
                (Escape::None, 0x1b) => self.escape = Escape::Started,
                (Escape::None, b'\n' | b'\r') => self.column = 0,
                (Escape::None, b'\t') => self.column = self.column / 8 * 8 + 8,
                (Escape::None, 0x08) => self.column = self.column.saturating_sub(1),
                // Bytes that continue a UTF-8 character do not move the cursor.
                (Escape::None, 0x20..=0x7f | 0xc0..) => self.column += 1,
                (Escape::None, _) => {}
                (Escape::Started, b'[') => self.escape = Escape::Inside,
                (Escape::Started, _) | (Escape::Inside, 0x40..=0x7e) => self.escape = Escape::None,
                (Escape::Inside, _) => {}
            }
        }
    }

    fn draw(&mut self, lines: &[String]) {
        self.erase();
        if lines.is_empty() {
            return;
        }
        self.below_text = self.column > 0;
        let mut text = String::new();
        if self.below_text {
            text.push('\n');
        }
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = lines.len();
        self.write(Stream::Stdout, text.as_bytes());
        self.flush();
    }

    /// Takes the progress lines away; the cursor returns to where user output stopped.
    fn erase(&mut self) {
        if self.drawn == 0 {
            return;
        }
        let up = self.drawn + usize::from(self.below_text);
        let column = match self.width {
            Some(width) if width > 0 => self.column % width,
            _ => self.column,
        };
        let back = if self.below_text {
            // Clears below the user's line, not the line itself.
            format!("\r\x1b[{}A\x1b[J\x1b[A\x1b[{}G", self.drawn, column + 1)
        } else {
            // The terminal may have echoed a key (`^C`) on the last line.
            format!("\r\x1b[{up}A\x1b[J")
        };
        self.drawn = 0;
        self.below_text = false;
        self.write(Stream::Stdout, back.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
        }
    }

    fn screen(output_limit: u64) -> (Screen, Sink) {
        let sink = Sink::default();
        let abilities = Abilities { terminal: true, colors: false, progress: false, notes: true, output_limit };
        (Screen::new(abilities, Box::new(sink.clone()), Box::new(sink.clone())), sink)
    }

    #[test]
    fn a_result_begins_on_its_own_line() {
        let (screen, sink) = screen(0);
        screen.begin_cell();
        screen.user_output(Stream::Stdout, b"x");
        assert_eq!(sink.take(), "x");
        screen.end_cell();
        screen.show("1\n");
        assert_eq!(sink.take(), "\n1\n");
    }

    #[test]
    fn progress_makes_room_for_output() {
        let (screen, sink) = screen(0);
        screen.draw(&["one".into(), "two".into()]);
        assert_eq!(sink.take(), "one\ntwo\n");
        screen.user_output(Stream::Stdout, "\x1b[1mé\x1b[0m".as_bytes());
        assert_eq!(sink.take(), "\r\x1b[2A\x1b[J\x1b[1mé\x1b[0m");
        screen.draw(&["one".into()]);
        assert_eq!(sink.take(), "\none\n");
        screen.user_output(Stream::Stdout, b"y\n");
        assert_eq!(sink.take(), "\r\x1b[1A\x1b[J\x1b[A\x1b[2Gy\n");
        screen.end_cell();
        assert_eq!(sink.take(), "");
    }

    #[test]
    fn output_is_capped_with_a_notice() {
        let (screen, sink) = screen(4);
        screen.begin_cell();
        screen.user_output(Stream::Stdout, b"abc\n");
        screen.user_output(Stream::Stdout, &[b'x'; 2048]);
        screen.end_cell();
        let text = sink.take();
        assert!(text.starts_with("abc\nthe cell printed more than 4 B; 2.0 KiB are not shown."), "{text}");
        assert_eq!(screen.capped("aaaé"), "aaa…\n2 B more are not shown (`output_limit`)");
        assert_eq!(screen.capped("abcd"), "abcd");
        screen.begin_cell();
        screen.user_output(Stream::Stdout, b"again");
        assert_eq!(sink.take(), "agai");
    }
}
