//! The prompt: a line editor over the shell.

mod helper;
mod highlight;

use crate::batch::Exit;
use crate::complete::Completer;
use crate::config::Config;
use crate::shell::backend::Backend;
use crate::shell::screen::Screen;
use crate::shell::{Flow, Shell};
use helper::Helper;
use rustyline::config::{BellStyle, Config as EditorConfig, EditMode};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Editor};
use std::path::PathBuf;

/// The prompt's text.
const PROMPT: &str = ">> ";

/// Runs the prompt until the user leaves.
pub fn run<B: Backend>(mut shell: Shell<B>, screen: &Screen, master: &str) -> anyhow::Result<Exit> {
    screen.note(&banner(master));
    let mut editor = editor(&shell, screen)?;
    let history = history_file(&shell.live.config);
    if let Some(file) = &history
        && file.exists()
        && let Err(error) = editor.load_history(file)
    {
        screen.note(&format!("history: {}: {error}", file.display()));
    }
    let prompt = if screen.colors() { format!("\x1b[1;32m{PROMPT}\x1b[0m") } else { PROMPT.to_owned() };
    loop {
        let width = editor.dimensions().map(|(columns, _)| usize::from(columns));
        screen.set_width(width);
        shell.live.width = width;
        match editor.readline(&(PROMPT, prompt.as_str())) {
            Ok(input) if input.trim().is_empty() => {}
            Ok(input) => {
                remember(&mut editor, history.as_ref(), &input);
                if shell.run(&input) == Flow::Quit {
                    break;
                }
            }
            // Ctrl-C at the prompt clears what was typed.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Exit::Success)
}

/// The line that a session begins with.
pub fn banner(master: &str) -> String {
    format!(
        "dpark {} · {master} · Rust {} · :help for commands",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_RUST_VERSION")
    )
}

fn editor<B: Backend>(shell: &Shell<B>, screen: &Screen) -> anyhow::Result<Editor<Helper, FileHistory>> {
    let config = &shell.live.config;
    let edit_mode = if config.text("edit_mode") == "vi" { EditMode::Vi } else { EditMode::Emacs };
    let entries = usize::try_from(config.number("history_size"))?;
    let settings = EditorConfig::builder()
        .completion_type(CompletionType::List)
        .edit_mode(edit_mode)
        .bell_style(BellStyle::None)
        .bracketed_paste(true)
        .max_history_size(entries)?
        .build();
    let mut editor = Editor::with_config(settings)?;
    editor.set_helper(Some(Helper::new(Completer::new(shell.live.clone()), screen.colors())));
    Ok(editor)
}

/// A history that cannot be written is no reason to stop; the next start says so when it reads it.
fn remember(editor: &mut Editor<Helper, FileHistory>, file: Option<&PathBuf>, input: &str) {
    let _ = editor.add_history_entry(input);
    if let Some(file) = file {
        let directory = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        let _ = directory.map(|()| editor.append_history(file));
    }
}

fn history_file(config: &Config) -> Option<PathBuf> {
    match config.text("history") {
        "off" => None,
        "" => Some(dirs::state_dir().or_else(dirs::cache_dir)?.join("dpark").join("history")),
        path => Some(PathBuf::from(path)),
    }
}
