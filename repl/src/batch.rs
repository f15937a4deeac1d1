//! Without a prompt: `-e` cells, scripts, and standard input that is no terminal.

use crate::cell;
use crate::shell::backend::Backend;
use crate::shell::{Flow, Shell};
use std::io::{self, Read};
use std::path::Path;

/// What the process exits with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0.
    Success,
    /// 1.
    Failure,
    /// 130: ended by Ctrl-C.
    Interrupted,
    /// What user code passed to `exit`.
    Code(u8),
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Interrupted => 130,
            Exit::Code(code) => code,
        }
    }
}

/// The cells of a script's file.
pub fn read_script(path: &Path) -> anyhow::Result<Vec<String>> {
    let bytes = std::fs::read(path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        anyhow::anyhow!("{}: not UTF-8 at byte {}", path.display(), error.utf8_error().valid_up_to())
    })?;
    Ok(cell::split_script(&text))
}

/// Runs cells until one fails.
pub fn run_cells<B: Backend>(shell: &mut Shell<B>, cells: &[String]) -> Exit {
    for (index, cell) in cells.iter().enumerate() {
        let last = index + 1 == cells.len();
        match if last { shell.run_last(cell) } else { shell.run(cell) } {
            Flow::Done => {}
            Flow::Quit => break,
            Flow::Failed => return failed(shell),
        }
        if shell.front.is_broken() {
            break;
        }
    }
    Exit::Success
}

fn failed<B: Backend>(shell: &Shell<B>) -> Exit {
    if let Some(code) = shell.exited {
        Exit::Code(u8::try_from(code & 0xff).unwrap_or(1))
    } else if shell.interrupts.was_pressed() {
        Exit::Interrupted
    } else if shell.front.is_broken() {
        Exit::Success
    } else {
        Exit::Failure
    }
}

/// Reads cells as at the prompt: one ends where its code is complete. A cell that fails does not end the input, as at
/// the prompt; the exit code tells of it.
pub fn run_input<B: Backend>(shell: &mut Shell<B>, input: &mut dyn Read) -> io::Result<Exit> {
    let mut exit = Exit::Success;
    while let Some(cell) = read_cell(input)? {
        match shell.run(&cell) {
            Flow::Done => {}
            Flow::Quit => break,
            Flow::Failed => exit = failed(shell),
        }
        if matches!(exit, Exit::Interrupted | Exit::Code(_)) || shell.front.is_broken() {
            break;
        }
    }
    Ok(exit)
}

/// The next cell; what is left at the end counts as one.
fn read_cell(input: &mut dyn Read) -> io::Result<Option<String>> {
    let mut cell = String::new();
    loop {
        let line = read_line(input)?;
        let ended = line.is_empty();
        cell.push_str(&line);
        if ended {
            return Ok(if cell.trim().is_empty() { None } else { Some(cell) });
        }
        if cell.trim().is_empty() {
            cell.clear();
        } else if cell::cell_is_complete(&cell) {
            return Ok(Some(cell));
        }
    }
}

/// One line with its end, read byte by byte: what follows stays in the descriptor, for user code to read.
fn read_line(input: &mut dyn Read) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match input.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if byte[0] == b'\n' {
            break;
        }
    }
    String::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "standard input is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_end_where_the_code_is_complete() {
        let mut input = "let x = 1;\n\nfn f() {\n  1\n}\n:vars\nx +\n1\nf(".as_bytes();
        let mut cells = Vec::new();
        while let Some(cell) = read_cell(&mut input).unwrap() {
            cells.push(cell);
        }
        assert_eq!(cells, ["let x = 1;\n", "fn f() {\n  1\n}\n", ":vars\n", "x +\n1\n", "f("]);
    }

    #[test]
    fn later_lines_are_left_for_user_code() {
        let mut input = "read()\nfor the code\n".as_bytes();
        assert_eq!(read_cell(&mut input).unwrap().as_deref(), Some("read()\n"));
        assert_eq!(input, b"for the code\n");
    }
}
