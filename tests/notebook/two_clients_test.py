"""Several clients of one kernel, among them one that stops reading."""

import time

import pytest
import zmq
from jupyter_client import BlockingKernelClient

import cells
from cells import Running, succeed


@pytest.fixture
def second(fresh):
    """Another client of the same kernel."""
    manager, _ = fresh
    client = BlockingKernelClient(connection_file=manager.connection_file)
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=cells.DEADLINE)
    yield client
    client.stop_channels()


def test_two_clients_share_variables_and_see_each_other(fresh, second):
    _, first = fresh
    succeed(first, "let shared = 5;")
    answer = succeed(second, 'println!("from the second"); shared')
    assert answer.value() == "5"
    # The first one sees what the second one has done, but gets no reply to it.
    seen = []
    deadline = time.monotonic() + cells.DEADLINE
    while not any(kind == "execute_result" for kind, _ in seen):
        message = first.get_iopub_msg(timeout=deadline - time.monotonic())
        seen.append((message["msg_type"], message["content"]))
    inputs = [content["code"] for kind, content in seen if kind == "execute_input"]
    assert 'println!("from the second"); shared' in inputs
    counts = [succeed(client, "1").reply["execution_count"] for client in (first, second, first)]
    assert counts == list(range(counts[0], counts[0] + 3))


def test_cells_of_two_clients_run_one_after_the_other(fresh, second):
    _, first = fresh
    succeed(first, "let mut order: Vec<i32> = Vec::new();")
    running = [Running(client, f"order.push({n}); order.len()") for n, client in enumerate([first, second] * 3)]
    lengths = [int(cell.end().value()) for cell in running]
    assert sorted(lengths) == [1, 2, 3, 4, 5, 6]


def test_a_client_that_stops_reading_stalls_nobody(fresh):
    manager, client = fresh
    info = manager.get_connection_info()
    context = zmq.Context()
    stalled = context.socket(zmq.SUB)
    stalled.setsockopt(zmq.RCVHWM, 1)
    stalled.setsockopt(zmq.RCVBUF, 4096)
    stalled.setsockopt(zmq.LINGER, 0)
    stalled.subscribe(b"")
    stalled.connect(f"{info['transport']}://{info['ip']}:{info['iopub_port']}")
    # It has joined when the first message reaches it; from then on it reads nothing.
    while not stalled.poll(100):
        succeed(client, "1")
    # More than the buffers of both sides of a connection hold.
    succeed(client, 'let picture = "x".repeat(1_000_000);')
    for _ in range(4):
        answer = succeed(client, 'for n in 0..10 { dpark::display(format!("{n}{picture}")); }')
        shown = [content["data"]["text/plain"][0] for content in answer.of("display_data")]
        assert shown == [str(n) for n in range(10)]
    assert succeed(client, 'println!("still here"); 1').stream() == "still here\n"
    stalled.close()
    context.term()
