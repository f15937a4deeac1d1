//! The shell at a terminal.

use crate::{program, shell};
use nix::libc;
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No wait is longer; nothing that works comes near it.
const DEADLINE: Duration = Duration::from_secs(180);
/// The line editor sends it when it begins to read, and `READ` when a line is entered: bracketed paste on and off.
const READS: &str = "\x1b[?2004h";
const READ: &str = "\x1b[?2004l";
/// The terminal's size.
const ROWS: u16 = 50;
const COLUMNS: u16 = 120;

/// A shell at a terminal of 50 rows and 120 columns.
pub struct Terminal {
    child: Child,
    keyboard: File,
    seen: Arc<Seen>,
    reader: Option<JoinHandle<()>>,
    directory: Arc<TempDir>,
}

#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    raw: String,
    pending: Vec<u8>,
    screen: vt100::Parser,
    closed: bool,
}

impl Default for State {
    fn default() -> State {
        State { raw: String::new(), pending: Vec::new(), screen: vt100::Parser::new(ROWS, COLUMNS, 0), closed: false }
    }
}

impl Terminal {
    /// Starts the shell in an empty directory and waits for its prompt.
    pub fn start() -> Terminal {
        Terminal::start_in(Arc::new(tempfile::tempdir().expect("a directory for the shell")), |_| {})
    }

    /// Starts the shell in this directory, changed by `prepare`, and waits for its prompt.
    pub fn start_in(directory: Arc<TempDir>, prepare: impl FnOnce(&mut Command)) -> Terminal {
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).expect("a pseudo terminal");
        let mut command = Command::new(program::dpark_repl());
        shell::isolate(&mut command, directory.path());
        command.env("DPARK_MASTER", "local[2]").env("TERM", "xterm-256color").env_remove("NO_COLOR");
        prepare(&mut command);
        let slave = || Stdio::from(pair.slave.try_clone().expect("the terminal's own end"));
        command.stdin(slave()).stdout(slave()).stderr(slave());
        // SAFETY: setsid and ioctl may be called between fork and exec.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                nix::errno::Errno::result(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
                Ok(())
            });
        }
        let child = command.spawn().expect("the shell starts");
        drop(command);
        drop(pair.slave);
        let keyboard = File::from(pair.master);
        let seen = Arc::new(Seen::default());
        let reader = {
            let (mut screen, seen) =
                (keyboard.try_clone().expect("a second handle of the terminal"), Arc::clone(&seen));
            std::thread::spawn(move || seen.read(&mut screen))
        };
        let mut terminal = Terminal { child, keyboard, seen, reader: Some(reader), directory };
        terminal.wait("the first prompt", |raw, screen| raw.contains(READS) && screen.trim_end().ends_with(">>"));
        terminal
    }

    /// The shell's working directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Types without Enter.
    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Everything that was ever sent to the terminal.
    pub fn raw(&self) -> String {
        self.seen.lock().raw.clone()
    }

    /// What stands on the screen, without trailing blanks.
    pub fn screen(&self) -> String {
        self.seen.lock().screen.screen().contents()
    }

    /// Waits until raw output and screen are as wanted.
    #[track_caller]
    pub fn wait(&mut self, what: &str, wanted: impl Fn(&str, &str) -> bool) {
        let since = Instant::now();
        let mut state = self.seen.lock();
        loop {
            let screen = state.screen.screen().contents();
            if wanted(&state.raw, &screen) {
                return;
            }
            let left = DEADLINE.saturating_sub(since.elapsed());
            assert!(!left.is_zero() && !state.closed, "waited in vain for {what}; the screen:\n{screen}");
            state = self.seen.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until this stands on the screen.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        self.wait(text, |_, screen| screen.contains(text));
    }

    /// Types a cell and Enter, without waiting for its end.
    #[track_caller]
    pub fn enter(&mut self, cell: &str) {
        let before = self.count(READ);
        self.keys(cell);
        self.keys("\r");
        self.wait("the end of the line", |raw, _| raw.matches(READ).count() > before);
    }

    /// Presses a key again and again until the screen is as wanted: what answers may not be ready yet. No key is sent before
    /// the prompt has dealt with the last one: one too many would meet what comes next.
    #[track_caller]
    pub fn press_until(&mut self, key: &str, what: &str, wanted: impl Fn(&str) -> bool) {
        const MARK: &str = "~";
        let since = Instant::now();
        let is_marked = |screen: &str| screen.lines().last().is_some_and(|line| line.ends_with(MARK));
        while !wanted(&self.screen()) {
            assert!(since.elapsed() < DEADLINE, "pressed a key in vain for {what}; the screen:\n{}", self.screen());
            // The key may change nothing; a character behind it shows.
            self.keys(key);
            self.keys(MARK);
            self.wait(what, |_, screen| is_marked(screen));
            self.keys("\x7f");
            self.wait(what, |_, screen| !is_marked(screen));
        }
    }

    /// Waits for the next prompt after the last line that was entered; what was sent in between, without escape
    /// sequences.
    #[track_caller]
    pub fn answer(&mut self) -> String {
        self.wait("the next prompt", |raw, _| raw.rfind(READ).is_some_and(|line| raw[line..].contains(READS)));
        let raw = self.raw();
        let from = raw.rfind(READ).expect("a line was entered") + READ.len();
        let to = from + raw[from..].find(READS).expect("a prompt followed");
        plain(&raw[from..to])
    }

    /// Types a cell and Enter and waits for the next prompt; what was sent in between.
    #[track_caller]
    pub fn run(&mut self, cell: &str) -> String {
        self.enter(cell);
        self.answer()
    }

    /// Ctrl-C, as the terminal's driver delivers it.
    pub fn interrupt(&mut self) {
        self.keys("\x03");
    }

    /// Waits for the shell's end.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let since = Instant::now();
        let mut state = self.seen.lock();
        while !state.closed {
            let left = DEADLINE.saturating_sub(since.elapsed());
            assert!(!left.is_zero(), "the shell does not end; the screen:\n{}", state.screen.screen().contents());
            state = self.seen.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        self.child.wait().expect("the shell's end")
    }

    fn count(&self, sequence: &str) -> usize {
        self.seen.lock().raw.matches(sequence).count()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The shell leads a session of its own; its child ends with it.
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL);
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Seen {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until the last process has closed the terminal.
    fn read(&self, screen: &mut File) {
        let mut buffer = [0; 1 << 14];
        loop {
            let count = screen.read(&mut buffer).unwrap_or(0);
            let mut state = self.lock();
            if count == 0 {
                state.closed = true;
            } else {
                state.take(&buffer[..count]);
            }
            drop(state);
            self.changed.notify_all();
            if count == 0 {
                return;
            }
        }
    }
}

impl State {
    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.pending.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.pending) {
            Ok(_) => self.pending.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.pending.len(),
        };
        let taken: Vec<u8> = self.pending.drain(..whole).collect();
        self.raw.push_str(&String::from_utf8_lossy(&taken));
    }
}

/// The text without escape sequences and carriage returns.
pub fn plain(raw: &str) -> String {
    let mut text = String::new();
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => {
                if chars.next() == Some('[') {
                    // Up to the letter that ends it.
                    let _ = chars.by_ref().find(|c| matches!(c, '@'..='~'));
                }
            }
            '\r' => {}
            c => text.push(c),
        }
    }
    text
}
