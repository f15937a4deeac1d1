//! `:load` and `:save`.

use super::{Host, Reply};
use crate::cell;
use crate::shell::Flow;
use std::path::{Path, PathBuf};

/// What separates cells in a saved session.
const SEPARATOR: &str = "// %%\n";

/// `:load FILE`.
pub(super) fn load(host: &mut dyn Host, args: &str) -> Result<Reply, String> {
    let path = path(args, ":load")?;
    let script = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    for cell in cell::split_script(&script) {
        let flow = host.run(&cell);
        if flow != Flow::Done {
            return Ok(Reply::Flow(flow));
        }
    }
    Ok(Reply::Flow(Flow::Done))
}

/// `:save FILE`.
pub(super) fn save(host: &mut dyn Host, args: &str) -> Result<Reply, String> {
    let path = path(args, ":save")?;
    let cells = host.log();
    if cells.is_empty() {
        return Err("there is nothing to save yet".to_owned());
    }
    write(&path, &join(cells)).map_err(|error| format!("{}: {error}", path.display()))?;
    let count = crate::view::units::plural(cells.len() as u64, "cell");
    Ok(Reply::text(format!("{count} saved; `dpark-repl {}` runs them", path.display())))
}

fn join(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{}\n", cell.trim_end())).collect();
    cells.join(SEPARATOR)
}

/// A half-written script is never seen: a new file takes the old one's place.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

fn path(args: &str, command: &str) -> Result<PathBuf, String> {
    match args.strip_prefix("~/") {
        _ if args.is_empty() => Err(format!("which file? `{command} FILE`")),
        Some(rest) => Ok(dirs::home_dir().ok_or("there is no home directory")?.join(rest)),
        None => Ok(PathBuf::from(args)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_cut_into_the_same_cells() {
        let cells = [":dep regex = \"1\"".to_owned(), "let x = 1;\nx".to_owned()];
        let text = join(&cells);
        assert_eq!(text, ":dep regex = \"1\"\n// %%\nlet x = 1;\nx\n");
        let again = cell::split_script(&text);
        assert_eq!(again.iter().map(|cell| cell.trim()).collect::<Vec<_>>(), cells);
    }
}
