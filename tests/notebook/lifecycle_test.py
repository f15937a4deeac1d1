"""Restart, shutdown and sudden death: no process stays behind."""

import os
import signal

import psutil
import pytest

import cells
from cells import ENDLESS, Running, run, succeed


def family(manager):
    """The kernel's process and all below it."""
    kernel = psutil.Process(manager.provisioner.pid)
    return [kernel, *kernel.children(recursive=True)]


def assert_gone(processes):
    _, alive = psutil.wait_procs(processes, timeout=cells.DEADLINE)
    assert not alive, [" ".join(process.cmdline()) for process in alive]


@pytest.fixture(params=["dpark", "dpark-process"])
def started(request):
    """A kernel on threads, and one with executors, which have run a job."""
    manager, client = cells.start(request.param)
    succeed(client, "let n = 3; let r = ctx.range(0, 10).cache(); r.count()?")
    yield manager, client
    cells.stop(manager, client)


def test_a_restart_ends_all_processes_and_forgets_variables(started):
    manager, client = started
    before = family(manager)
    assert len(before) > 1, "there is a child, in which cells run"
    manager.restart_kernel()
    client.wait_for_ready(timeout=cells.DEADLINE)
    assert_gone(before)
    assert run(client, "n").reply["status"] == "error"
    assert succeed(client, "ctx.range(0, 4).sum()?").value() == "6"


def test_a_shutdown_ends_all_processes(started):
    manager, client = started
    before = family(manager)
    manager.shutdown_kernel()
    assert_gone(before)


def test_a_shutdown_while_a_job_runs_ends_all_processes(started):
    manager, client = started
    cell = Running(client, ENDLESS)
    cell.wait_for(lambda message: message["msg_type"] == "display_data")
    before = family(manager)
    manager.shutdown_kernel()
    assert_gone(before)


def test_a_killed_kernel_leaves_no_process(started):
    manager, client = started
    before = family(manager)
    os.kill(before[0].pid, signal.SIGKILL)
    assert_gone(before[1:])


def test_a_child_that_dies_is_replaced_and_the_cell_fails(fresh):
    _, client = fresh
    succeed(client, "let n = 3;")
    error = run(client, "std::process::abort()").error()
    assert "SIGABRT" in error["evalue"] and "`n`" in error["evalue"], "how it ended, and what is lost"
    assert run(client, "n").reply["status"] == "error"
    assert succeed(client, "1 + 1").value() == "2"
