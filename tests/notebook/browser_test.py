"""JupyterLab in a real browser: what a person sees."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

import cells
from front_ends_test import WORDS, notebook

HERE = Path(__file__).parent
TOKEN = "browser-test"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab server; its address and the directory that it shows."""
    directory = tmp_path_factory.mktemp("lab")
    be_quiet()
    log = open(directory / ".server.log", "wb")  # noqa: SIM115
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--ip=127.0.0.1", "--port=0",
            f"--ServerApp.root_dir={directory}", f"--IdentityProvider.token={TOKEN}",
            "--LabApp.expose_app_in_browser=True", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ],
        stdout=log, stderr=subprocess.STDOUT, cwd=directory,
    )
    try:
        yield server_address(server, directory), directory
    finally:
        server.terminate()
        try:
            # It ends its kernels first, and may then wait for a browser that is not there any more.
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def be_quiet():
    """No question whether one wants to read news: it would cover the notebook."""
    settings = Path(os.environ["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab/apputils-extension/notification.jupyterlab-settings")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))


def server_address(server, directory):
    """Where the server listens, as its own file in the runtime directory says."""
    deadline = time.monotonic() + cells.DEADLINE
    path = Path(os.environ["JUPYTER_RUNTIME_DIR"]) / f"jpserver-{server.pid}.json"
    while time.monotonic() < deadline:
        assert server.poll() is None, (directory / ".server.log").read_text()
        try:
            address = json.loads(path.read_text())["url"]
            urllib.request.urlopen(f"{address}api?token={TOKEN}", timeout=5).close()
            return address
        except (OSError, ValueError, KeyError):
            time.sleep(0.1)
    raise AssertionError((directory / ".server.log").read_text())


def browse(script, lab, artefacts, name):
    """Runs one of the scripts over a notebook; the facts that it has found."""
    address, _ = lab
    done = subprocess.run(
        ["node", HERE / "browser" / f"{script}.mjs", f"{address}lab/tree/{name}?token={TOKEN}&reset", artefacts],
        capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"CHROMIUM": chromium()},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\npictures: {artefacts}"
    return json.loads(done.stdout.splitlines()[-1])


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise AssertionError("no chromium: install Debian's package of that name")


def write(lab, name, *codes):
    nbformat.write(notebook(*codes), lab[1] / name)


SLOW = (
    "ctx.range_with(0, 400, 1, 20).map(|x| { std::thread::sleep(std::time::Duration::from_millis(20)); (x % 3, x) })"
    ".reduce_by_key(|a, b| a + b).count()?"
)


def test_cells_show_table_card_and_stages(lab, artefacts):
    write(lab, "cells.ipynb", f"let counts = {WORDS};\ncounts.sort_by_key().collect()?", ":dag", "ctx", "counts", ":stages")
    facts = browse("cells", lab, artefacts, "cells.ipynb")
    assert ["or not", "1"] in facts["rows"] and ["to be", "2"] in facts["rows"]
    assert facts["pictures"], "the stages are drawn"
    assert all(width > 50 and height > 30 for width, height in facts["pictures"])
    assert facts["errors"] == []


def test_progress_moves_and_the_toolbar_button_interrupts(lab, artefacts):
    write(lab, "progress.ipynb", "let n = 6;", SLOW, cells.ENDLESS, "n * 7")
    facts = browse("progress", lab, artefacts, "progress.ipynb")
    assert facts["first"] != facts["second"], "two pictures of one run have different bars"
    assert facts["value"] == "3"
    assert "interrupted" in facts["interrupted"].lower()
    assert facts["after"] == "42"


def test_an_untrusted_notebook_shows_them_as_they_were(lab, artefacts):
    book = nbformat.read(lab[1] / "cells.ipynb", 4)
    assert any(cell.outputs for cell in book.cells), "the browser has saved it"
    # Another text, so another signature: nobody has trusted this one.
    book.cells.append(nbformat.v4.new_markdown_cell("From somewhere else."))
    nbformat.write(book, lab[1] / "untrusted.ipynb")
    facts = browse("untrusted", lab, artefacts, "untrusted.ipynb")
    assert "not trusted" in facts["trust"].lower(), facts["trust"]
    assert ["or not", "1"] in facts["rows"] and ["to be", "2"] in facts["rows"]
    assert facts["pictures"] and all(width > 50 and height > 30 for width, height in facts["pictures"])
