"""Programs that run notebooks without a person: nbclient, nbconvert, papermill; and the console, with one."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pexpect
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import cells

BIN = Path(sys.executable).parent
KERNEL = {"kernelspec": {"name": "dpark", "display_name": "DPark (Rust)", "language": "rust"}}


def notebook(*codes, tags=None):
    """A notebook of these code cells; the first one has these tags."""
    book = nbformat.v4.new_notebook(metadata=KERNEL, cells=[nbformat.v4.new_code_cell(code) for code in codes])
    if tags:
        book.cells[0].metadata["tags"] = tags
    return book


def execute(book, **options):
    NotebookClient(book, kernel_name="dpark", timeout=cells.DEADLINE, startup_timeout=cells.DEADLINE, **options).execute()
    nbformat.validate(book)
    return book


def values(book):
    """The values of the cells, as text."""
    results = [output for cell in book.cells for output in cell.outputs if output.output_type == "execute_result"]
    return [result.data["text/plain"] for result in results]


def printed(book):
    return "".join(output.text for cell in book.cells for output in cell.outputs if output.get("name") == "stdout")


WORDS = 'ctx.parallelize(["to be", "or not", "to be"].map(String::from)).map(|line| (line, 1)).reduce_by_key(|a, b| a + b)'


def test_nbclient_runs_a_notebook():
    book = execute(notebook(f"let counts = {WORDS};", "counts.sort_by_key().collect()?", 'println!("end");'))
    (result,) = [output for output in book.cells[1].outputs if output.output_type == "execute_result"]
    assert "<table" in result.data["text/html"] and "or not" in result.data["text/plain"]
    assert printed(book) == "end\n"
    assert book.metadata.language_info["name"] == "rust"
    assert book.metadata.language_info["file_extension"] == ".rs"


def test_nbclient_stops_at_an_error_and_shows_it():
    book = notebook("1 + 1", "let text: i32 = \"to be\";", 'println!("never");')
    with pytest.raises(CellExecutionError, match="mismatched types"):
        execute(book)
    assert printed(book) == ""
    (error,) = book.cells[1].outputs
    assert error.output_type == "error" and error.ename and error.evalue


def test_nbclient_goes_on_if_errors_are_allowed():
    book = execute(notebook("let n = 4;", "missing", "n"), allow_errors=True)
    assert values(book) == ["4"]


def test_nbconvert_makes_a_page_with_table_and_picture(tmp_path):
    nbformat.write(notebook(f"let counts = {WORDS};", "counts.collect()?", ":dag"), tmp_path / "words.ipynb")
    convert(tmp_path, "--inplace", "--execute", "--to=notebook")
    convert(tmp_path, "--to=html")
    page = (tmp_path / "words.html").read_text()
    assert "or not" in page and "<table" in page
    assert 'src="data:image/svg+xml;base64,' in page
    convert(tmp_path, "--to=script")
    assert (tmp_path / "words.rs").exists(), "the language's file extension is known"


def convert(directory, *options):
    command = [BIN / "jupyter", "nbconvert", *options, "words.ipynb"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


PARAMETERS = {
    "count": 5,
    "negative": -7,
    "ratio": 0.25,
    "large": 1e300,
    "on": True,
    "text": 'it\'s "be"\\ and {braces} and ünïcode\nand a second line',
    "numbers": [1, 2, 3],
    "mixed": [1, 2.5],
    "words": ["to", "be"],
    "nested": [[1], [2, 3]],
    "table": {"a": 1, "b": 2},
}


def test_papermill_passes_parameters_of_every_type(tmp_path):
    book = notebook(
        "let count = 1_i64; let text = String::new();",
        "(count, negative, ratio, large, on)",
        "&text",
        "(numbers.iter().sum::<i64>(), mixed.iter().sum::<f64>(), words.join(\" \"), nested[1][1])",
        'let mut keys: Vec<_> = table.into_iter().collect(); keys.sort(); keys.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")',
        # They are variables as any others: closures of jobs capture them.
        "ctx.range(0, count).map(|x| x * count).sum()?",
        tags=["parameters"],
    )
    result = mill(tmp_path, book, PARAMETERS)
    assert values(result) == [
        "(5, -7, 0.25, 1e300, true)",
        r'''"it's \"be\"\\ and {braces} and ünïcode\nand a second line"''',
        '(6, 3.5, "to be", 3)',
        '"a=1 b=2"',
        "50",
    ]
    injected = [cell for cell in result.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    assert len(injected) == 1 and injected[0].source.startswith("// Parameters\n")


def test_papermill_runs_a_notebook_without_a_parameters_cell(tmp_path):
    assert values(mill(tmp_path, notebook("n * 2"), {"n": 21})) == ["42"]


def test_papermill_knows_the_parameters_of_a_notebook(tmp_path):
    source = "let lines: usize = 10; // how many to read\nlet name = \"x\".to_string();\nlet mut rest: Vec<i64> = vec![1,\n    2];"
    nbformat.write(notebook(source, tags=["parameters"]), tmp_path / "in.ipynb")
    found = papermill.inspect_notebook(str(tmp_path / "in.ipynb"))
    assert found["lines"] == {"name": "lines", "inferred_type_name": "usize", "default": "10", "help": "how many to read"}
    assert found["name"]["default"] == '"x".to_string()'
    assert found["rest"]["inferred_type_name"] == "Vec<i64>"


def test_papermill_says_what_it_cannot_translate(tmp_path):
    with pytest.raises(Exception, match="list `odd`.*one type"):
        mill(tmp_path, notebook("1"), {"odd": [1, "a"]})
    for name in ("no name", "type"):
        with pytest.raises(Exception, match=f"`{name}`"):
            mill(tmp_path, notebook("1"), {name: 1})


def mill(directory, book, parameters):
    source, target = directory / "in.ipynb", directory / "out.ipynb"
    nbformat.write(book, source)
    papermill.execute_notebook(
        str(source), str(target), parameters=parameters, kernel_name="dpark", progress_bar=False,
        start_timeout=cells.DEADLINE, execution_timeout=cells.DEADLINE,
    )
    return nbformat.read(target, 4)


COLOURS = r"(?:\x1b\[[\d;]*m)*"


def prompt(kind, number):
    """`In [3]:`, in whatever colours."""
    return rf"{kind} ?\[{COLOURS}{number}{COLOURS}\]:"


@pytest.fixture
def console():
    """`jupyter console` at a terminal."""
    environment = os.environ | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    child = pexpect.spawn(
        str(BIN / "jupyter"), ["console", "--kernel", "dpark"], encoding="utf-8", timeout=cells.DEADLINE,
        dimensions=(50, 120), env=environment,
    )
    child.expect(prompt("In", 1))
    yield child
    child.close(force=True)


def test_the_console_runs_cells_at_a_terminal(console):
    # Numbers of four digits: escape sequences have shorter ones.
    console.send("600 * 7\r")
    console.expect(prompt("Out", 1) + ".*?4200")
    console.expect(prompt("In", 2))
    # An open bracket: the cell goes on, as the kernel says.
    console.send("fn twice(x: i64) -> i64 {\r")
    console.expect(r"\.\.\.:")
    console.send("x + x }\r\r")
    console.expect(prompt("In", 3))
    console.send("ctx.range(0, 40).map(twice).sum()?\r")
    console.expect(prompt("Out", 3) + ".*?1560")
    console.expect(prompt("In", 4))
    console.send(":jobs\r")
    console.expect("sum at cell")
    console.expect(prompt("In", 5))


def test_the_console_interrupts_a_job_and_leaves(console):
    console.send("let n = 5;\r")
    console.expect(prompt("In", 2))
    console.send(cells.ENDLESS + "\r")
    console.expect("stage")
    console.sendintr()
    console.expect("(?i)interrupted")
    console.expect(prompt("In", 3))
    console.send("n + 1000\r")
    console.expect(prompt("Out", 3) + ".*?1005")
    console.expect(prompt("In", 4))
    console.sendeof()
    console.expect(r"\(\[?y\]?/n\)")
    console.send("y\r")
    console.expect(pexpect.EOF)
