"""Cells sent to a kernel, and all that they bring, in the order in which it comes."""

import time
from dataclasses import dataclass, field
from queue import Empty

from jupyter_client.manager import start_new_kernel

# No wait is longer; nothing that works comes near it.
DEADLINE = 120


@dataclass
class Answer:
    """What a cell has brought when the kernel is idle again."""

    reply: dict
    messages: list = field(default_factory=list)

    def of(self, *kinds):
        """The contents of the messages of these types."""
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    def stream(self, name="stdout"):
        """All that was printed."""
        return "".join(content["text"] for content in self.of("stream") if content["name"] == name)

    def value(self, mime="text/plain"):
        """The value of the last expression."""
        (result,) = self.of("execute_result")
        return result["data"].get(mime)

    def error(self):
        """The one error, as the reply and the message have it."""
        (error,) = self.of("error")
        assert self.reply["status"] == "error", self.reply
        assert {key: self.reply[key] for key in ("ename", "evalue", "traceback")} == error
        return error


class Running:
    """A cell that has been sent."""

    def __init__(self, client, code, **options):
        self.client = client
        self.code = code
        self.id = client.execute(code, **options)
        self.messages = []

    def next(self, deadline):
        """The next message that belongs to this cell."""
        while True:
            left = deadline - time.monotonic()
            try:
                message = self.client.get_iopub_msg(timeout=max(left, 0.001))
            except Empty:
                kinds = [message["msg_type"] for message in self.messages]
                raise AssertionError(f"waited in vain after {kinds} of the cell\n{self.code}") from None
            if message["parent_header"].get("msg_id") == self.id:
                self.messages.append(message)
                return message

    def wait_for(self, wanted):
        """The first message, of those that have come or will come, for which `wanted` holds."""
        deadline = time.monotonic() + DEADLINE
        for message in self.messages:
            if wanted(message):
                return message
        while not wanted(message := self.next(deadline)):
            assert not is_state(message, "idle"), f"the cell has ended:\n{self.code}"
        return message

    def end(self, timeout=DEADLINE):
        """Waits for the end of the cell."""
        deadline = time.monotonic() + timeout
        while not (self.messages and is_state(self.messages[-1], "idle")):
            self.next(deadline)
        reply = reply_to(self.client.get_shell_msg, self.id, deadline)
        return Answer(reply["content"], self.messages)


def is_state(message, state):
    return message["msg_type"] == "status" and message["content"]["execution_state"] == state


def reply_to(receive, request, deadline):
    """The reply to a request; replies to others are dropped."""
    while True:
        reply = receive(timeout=max(deadline - time.monotonic(), 0.001))
        if reply["parent_header"].get("msg_id") == request:
            return reply


def run(client, code, **options):
    """Runs a cell to its end."""
    return Running(client, code, **options).end()


def succeed(client, code, **options):
    """Runs a cell that must not fail."""
    answer = run(client, code, **options)
    assert answer.reply["status"] == "ok", answer.reply
    return answer


def wait_for_completion(client, code="ctx.text_file_w"):
    """Asks until the kernel has something to complete: it never lets a client wait."""
    deadline = time.monotonic() + DEADLINE
    while True:
        request = client.complete(code)
        reply = reply_to(client.get_shell_msg, request, deadline)["content"]
        if reply["matches"]:
            return reply
        assert time.monotonic() < deadline, reply


def start(name="dpark", **options):
    """A kernel and a client of it."""
    return start_new_kernel(kernel_name=name, startup_timeout=DEADLINE, **options)


def stop(manager, client):
    client.stop_channels()
    manager.shutdown_kernel(now=True)


# A job that runs until it is interrupted: a minute at least, in steps of a few milliseconds.
ENDLESS = "ctx.range_with(0, 40_000, 1, 40).map(|x| { std::thread::sleep(std::time::Duration::from_millis(5)); x }).count()?"
