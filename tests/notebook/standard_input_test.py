"""User code that reads: the client is asked."""

import time
from queue import Empty

import pytest

import cells
from cells import Running

READ = "let mut line = String::new();\nlet count = std::io::stdin().read_line(&mut line)?;\n(count, line)"


def ask(kernel, answer):
    request = kernel.get_stdin_msg(timeout=cells.DEADLINE)
    assert request["msg_type"] == "input_request"
    assert request["content"]["password"] is False
    kernel.input(answer)


def test_a_line_is_asked_for(kernel):
    cell = Running(kernel, READ, allow_stdin=True)
    ask(kernel, "to be")
    assert cell.end().value() == '(6, "to be\\n")'


def test_what_was_printed_before_is_there_when_the_question_comes(kernel):
    cell = Running(kernel, 'print!("name? ");\n' + READ, allow_stdin=True)
    cell.wait_for(lambda message: message["msg_type"] == "stream" and "name? " in message["content"]["text"])
    ask(kernel, "Ann")
    assert cell.end().value() == '(4, "Ann\\n")'


def test_two_lines_are_two_questions(kernel):
    code = "let lines: Vec<String> = std::io::stdin().lines().take(2).collect::<Result<_, _>>()?; lines"
    cell = Running(kernel, code, allow_stdin=True)
    ask(kernel, "one")
    ask(kernel, "two")
    assert cell.end().value() == '["one", "two"]'


def test_a_client_without_input_is_not_asked(kernel):
    answer = cells.run(kernel, READ, allow_stdin=False)
    # The end of input, or an error: in no case a cell that waits for ever.
    assert answer.reply["status"] == "error" or answer.value() == '(0, "")'
    with pytest.raises(Empty):
        kernel.get_stdin_msg(timeout=0)


def test_an_interrupt_ends_the_wait_for_input(kernel):
    cells.succeed(kernel, "let kept = 5;")
    cell = Running(kernel, READ, allow_stdin=True)
    kernel.get_stdin_msg(timeout=cells.DEADLINE)
    kernel.control_channel.send(kernel.session.msg("interrupt_request"))
    assert cell.end().reply["status"] == "error"
    assert cells.succeed(kernel, "kept").value() == "5"
    deadline = time.monotonic() + cells.DEADLINE
    info = kernel.kernel_info()
    cells.reply_to(kernel.get_shell_msg, info, deadline)
