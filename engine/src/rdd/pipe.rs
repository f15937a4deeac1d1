//! `pipe`: the rows of each partition as lines through a program.

use super::Rdd;
use super::index::parameters;
use crate::batch::{Batch, Elem, ElemVt, drain_rows};
use crate::node::RddHandle;
use crate::piped::{NO_COMMAND, Next, Piped};
use crate::pipeline::{PartitionsVt, StateVt, Upstream};
use crate::task::Stop;
use std::alloc::Layout;
use std::fmt::{Display, Write};
use std::marker::PhantomData;

/// What `pipe` accepts: a command as one text, which is split at white space, or a list of the program and its arguments. No
/// shell takes part; `["sh", "-c", "…"]` asks for one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no command: give a text (`\"grep -c error\"`) or a list of the program and its arguments",
    label = "not a command"
)]
pub trait PipeCommand {
    /// The program and its arguments.
    fn into_arguments(self) -> Vec<String>;
}

macro_rules! texts {
    ($($text:ty),*) => {
        $(
            impl PipeCommand for $text {
                fn into_arguments(self) -> Vec<String> {
                    self.split_whitespace().map(str::to_owned).collect()
                }
            }
        )*
    };
}

texts!(&str, String, &String);

impl<S: AsRef<str>> PipeCommand for Vec<S> {
    fn into_arguments(self) -> Vec<String> {
        self.as_slice().into_arguments()
    }
}

impl<S: AsRef<str>, const N: usize> PipeCommand for [S; N] {
    fn into_arguments(self) -> Vec<String> {
        self.as_slice().into_arguments()
    }
}

impl<S: AsRef<str>> PipeCommand for &[S] {
    fn into_arguments(self) -> Vec<String> {
        self.iter().map(|argument| argument.as_ref().to_owned()).collect()
    }
}

struct Pipe<T>(PhantomData<T>);

impl<T: Display + 'static> Pipe<T> {
    const OP: &'static PartitionsVt =
        &PartitionsVt { name: "pipe", out: LINES, state: Piping::STATE, open: open::<T>, next };
}

const LINES: &ElemVt = Elem::<String>::VT;

/// A partition on its way through a program; none before it was started.
struct Piping(Option<Running>);

struct Running {
    piped: Piped,
    upstream: Upstream,
    format: unsafe fn(&mut Batch, &mut String),
}

impl Piping {
    const STATE: &'static StateVt = &StateVt { layout: Layout::new::<Piping>(), init, drop: drop_piping };
}

unsafe fn init(state: *mut u8, _: u64) {
    // SAFETY: the memory is laid out for the state.
    unsafe { (state as *mut Piping).write(Piping(None)) }
}

unsafe fn drop_piping(state: *mut u8) {
    // SAFETY: the state was written by `init`.
    unsafe { std::ptr::drop_in_place(state as *mut Piping) }
}

unsafe fn format<T: Display>(rows: &mut Batch, text: &mut String) {
    // SAFETY: the rows are of type `T`.
    unsafe { drain_rows::<T>(rows, |row| append_line(text, &row)) }
}

#[inline(never)]
fn append_line(text: &mut String, row: &dyn Display) {
    if writeln!(text, "{row}").is_err() {
        panic!("a row's Display implementation failed")
    }
}

unsafe fn open<T: Display>(arguments: *const u8, upstream: Upstream, state: *mut u8) {
    // SAFETY: parameters and state have these types; the upstream has rows `T`.
    unsafe { (*(state as *mut Piping)).start(&*(arguments as *const Vec<String>), upstream, format::<T>) }
}

unsafe fn next(state: *mut u8, out: &mut Batch) -> bool {
    // SAFETY: the state is of this type.
    let Some(running) = (unsafe { &mut (*(state as *mut Piping)).0 }) else { return false };
    running.next(out).unwrap_or_else(|stop| {
        running.upstream.stop(stop);
        false
    })
}

impl Piping {
    #[inline(never)]
    fn start(&mut self, arguments: &[String], mut upstream: Upstream, format: unsafe fn(&mut Batch, &mut String)) {
        match Piped::start(arguments, upstream.context()) {
            Ok(piped) => self.0 = Some(Running { piped, upstream, format }),
            Err(failure) => upstream.stop(failure.into()),
        }
    }
}

impl Running {
    /// Takes lines that have arrived; if there are none, feeds the program until there are.
    fn next(&mut self, out: &mut Batch) -> Result<bool, Stop> {
        loop {
            while out.rows() < out.limit
                && let Some(line) = self.piped.take_line()?
            {
                // SAFETY: the batch has rows of type `String`.
                unsafe { out.push(line) }
            }
            if !out.is_empty() {
                return Ok(true);
            }
            match self.piped.next(self.upstream.task())? {
                Next::Lines => {}
                Next::End => return Ok(false),
                Next::Feed => {
                    let mut text = String::new();
                    if let Some(rows) = self.upstream.rows() {
                        // SAFETY: the function was made for rows of the upstream's type.
                        unsafe { (self.format)(rows, &mut text) }
                    } else if self.upstream.has_stopped() {
                        return Ok(false);
                    } else {
                        self.piped.end_input();
                    }
                    self.piped.feed(text.into_bytes());
                }
            }
        }
    }
}

impl RddHandle {
    #[inline(never)]
    #[track_caller]
    fn pipe(&self, op: &'static PartitionsVt, arguments: Vec<String>) -> RddHandle {
        if arguments.is_empty() {
            return self.failed(op.name, op.out, NO_COMMAND);
        }
        self.partitions(op, parameters((&arguments,), |(arguments,)| arguments))
    }
}

impl<T: 'static> Rdd<T> {
    /// Sends the rows of each partition, one line for each, through a program that is started for it (also if it has no rows);
    /// the lines that the program writes are the new rows.
    ///
    /// A program that ends with another exit status than 0 fails the job, at once: it is not tried again. Its error output is
    /// passed on, the last line of it is in the error. It need not read all lines. When the job is cancelled, or has enough
    /// rows, the program is killed with all that it started.
    ///
    /// ```
    /// let rdd = dpark::DparkContext::local(2).parallelize([30, 4, 1, 2]);
    /// assert_eq!(rdd.pipe("sort -n").collect()?, ["4", "30", "1", "2"]);
    /// assert_eq!(rdd.pipe(["sh", "-c", "wc -l | tr -d ' '"]).collect()?, ["2", "2"]);
    /// # Ok::<(), dpark::Error>(())
    /// ```
    #[track_caller]
    pub fn pipe(&self, command: impl PipeCommand) -> Rdd<String>
    where
        T: Display,
    {
        Rdd::from_handle(self.handle.pipe(Pipe::<T>::OP, command.into_arguments()))
    }
}
