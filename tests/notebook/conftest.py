"""Kernels for the tests."""

import os
from pathlib import Path

import pytest

import cells


@pytest.fixture(scope="module")
def kernel():
    """A client of a kernel that the tests of a file share."""
    manager, client = cells.start()
    yield client
    cells.stop(manager, client)


@pytest.fixture
def fresh():
    """A manager and a client of a kernel for one test that ends, restarts or stalls it."""
    manager, client = cells.start()
    yield manager, client
    cells.stop(manager, client)


@pytest.fixture
def artefacts():
    """Where pictures are kept for those who want to look at them."""
    directory = Path(os.environ["DPARK_NOTEBOOK_ARTEFACTS"])
    directory.mkdir(parents=True, exist_ok=True)
    return directory
