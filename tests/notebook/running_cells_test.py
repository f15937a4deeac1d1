"""What a client sees while cells run: streams, progress, answers to other requests, interrupts."""

import time

import cells
from cells import ENDLESS, Running, run, succeed


def test_what_is_printed_comes_while_the_cell_runs(kernel):
    cell = Running(kernel, f'println!("begin"); {ENDLESS}')
    cell.wait_for(lambda message: message["msg_type"] == "stream" and "begin" in message["content"]["text"])
    interrupt(kernel)
    assert cell.end().reply["status"] == "error"


def test_a_text_without_a_newline_comes_as_it_is(kernel):
    answer = succeed(kernel, 'print!("to be"); eprint!("or not");')
    assert (answer.stream(), answer.stream("stderr")) == ("to be", "or not")


def test_an_interrupt_in_mid_job_cancels_it_and_keeps_variables(kernel):
    succeed(kernel, "let n = 7_i64; let kept = ctx.range(0, 10).cache();")
    succeed(kernel, "kept.count()?")
    cell = Running(kernel, f"let n = {ENDLESS};")
    cell.wait_for(is_progress)
    interrupt(kernel)
    answer = cell.end()
    assert "interrupted" in answer.error()["evalue"].lower(), answer.reply
    assert succeed(kernel, "(n, kept.sum()?)").value() == "(7, 45)"


def test_an_interrupt_ends_a_cell_before_the_next_one_begins(kernel):
    first = Running(kernel, ENDLESS)
    second = Running(kernel, "1 + 1")
    first.wait_for(is_progress)
    interrupt(kernel)
    assert first.end().reply["status"] == "error"
    # What was queued behind a failed cell is aborted, as Jupyter's `stop_on_error` says.
    reply = cells.reply_to(kernel.get_shell_msg, second.id, time.monotonic() + cells.DEADLINE)
    assert reply["content"]["status"] == "aborted"
    assert succeed(kernel, "1 + 1").value() == "2"


def test_requests_are_answered_while_a_cell_runs(kernel):
    succeed(kernel, "let numbers = ctx.range(0, 3);")
    cell = Running(kernel, ENDLESS)
    cell.wait_for(is_progress)
    try:
        asked = {kernel.complete("numbers.co"), kernel.inspect("numbers"), kernel.is_complete("1 +"), kernel.kernel_info()}
        # All of them are answered before the cell is, in whatever order.
        answered = {kernel.get_shell_msg(timeout=cells.DEADLINE)["parent_header"]["msg_id"] for _ in asked}
        assert answered == asked
        control = kernel.session.msg("kernel_info_request")
        kernel.control_channel.send(control)
        cells.reply_to(kernel.get_control_msg, control["header"]["msg_id"], time.monotonic() + cells.DEADLINE)
        assert kernel.hb_channel.is_beating()
    finally:
        interrupt(kernel)
        answer = cell.end()
    assert answer.reply["status"] == "error"


def test_progress_moves_on_one_display_and_ends_before_idle(kernel):
    answer = succeed(
        kernel,
        "ctx.range_with(0, 400, 1, 20).map(|x| { std::thread::sleep(std::time::Duration::from_millis(10)); (x % 3, x) })"
        ".reduce_by_key(|a, b| a + b).count()?",
    )
    assert answer.value() == "3"
    shown = [message for message in answer.messages if is_progress(message)]
    identities = {message["content"]["transient"]["display_id"] for message in shown}
    assert len(identities) == 1, "one display for the cell"
    assert shown[0]["msg_type"] == "display_data"
    assert {message["msg_type"] for message in shown[1:]} == {"update_display_data"}
    mimes = {tuple(sorted(message["content"]["data"])) for message in shown}
    assert len(mimes) == 1, f"every frame has the same types: {mimes}"
    assert len({message["content"]["data"]["text/plain"] for message in shown}) > 2, "it moves"
    assert cells.is_state(answer.messages[-1], "idle")


def test_ten_thousand_lines_come_complete_and_in_few_messages(kernel):
    answer = succeed(kernel, 'for line in 0..10_000 { println!("line {line}"); }')
    assert answer.stream() == "".join(f"line {line}\n" for line in range(10_000))
    assert len(answer.of("stream")) < 1_000


def test_output_beyond_the_cap_is_cut_with_a_notice(kernel):
    answer = succeed(kernel, 'for line in 0..1_000_000 { println!("a line of some length, the {line}th of very many"); }')
    text = answer.stream() + answer.stream("stderr")
    assert text.startswith("a line of some length, the 0th")
    assert len(text) < 5_000_000
    notice = text.splitlines()[-1] if not answer.stream("stderr") else answer.stream("stderr")
    assert "a line of some length" not in notice, notice
    # The next cell has a cap of its own.
    assert succeed(kernel, 'println!("again");').stream() == "again\n"


def test_a_failing_cell_sends_one_error_and_keeps_what_was_there(kernel):
    succeed(kernel, "let before = 3;")
    error = run(kernel, "let before = missing;").error()
    assert "missing" in error["evalue"] and error["traceback"]
    error = run(kernel, 'ctx.range(0, 3).map(|x| { assert!(x < 2, "{x} is too large"); x }).count()?').error()
    assert "2 is too large" in error["evalue"] + "".join(error["traceback"])
    assert succeed(kernel, "before").value() == "3"


def test_commands_mix_with_code(kernel):
    succeed(kernel, "let by_key = ctx.range(0, 10).map(|x| (x % 2, x)).reduce_by_key(|a, b| a + b); by_key.count()?")
    for command in (":jobs", ":stages", ":dag", ":cache", ":lineage by_key", ":conf", ":vars"):
        answer = succeed(kernel, command)
        assert answer.of("stream", "display_data", "execute_result") or answer.reply.get("payload"), command
    answer = succeed(kernel, ":timing off\nlet doubled = by_key.map(|(k, v)| (k, v * 2));\n:lineage doubled\ndoubled.count()?")
    assert answer.value() == "2"


def test_a_display_is_updated_by_its_id(kernel):
    answer = succeed(
        kernel,
        'let id = dpark::display(dpark::MimeBundle::new().text("one").html("<i>one</i>"));\n'
        'dpark::update_display(&id, dpark::MimeBundle::new().text("two").html("<i>two</i>"));',
    )
    first, second = [m for m in answer.messages if m["msg_type"] in ("display_data", "update_display_data")]
    assert (first["msg_type"], second["msg_type"]) == ("display_data", "update_display_data")
    assert first["content"]["transient"] == second["content"]["transient"]
    assert second["content"]["data"] == {"text/plain": "two", "text/html": "<i>two</i>"}
    # From another cell, too.
    answer = succeed(kernel, 'dpark::update_display(&id, "three");')
    (third,) = answer.of("update_display_data")
    assert third["transient"] == first["content"]["transient"]


def test_displays_come_in_order_with_what_is_printed(kernel):
    answer = succeed(kernel, 'for n in 0..3 { println!("before {n}"); dpark::display(format!("shown {n}")); } dpark::clear_output(true);')
    texts = []
    for message in answer.messages:
        content = message["content"]
        if message["msg_type"] == "stream":
            texts += content["text"].splitlines()
        elif message["msg_type"] == "display_data":
            texts.append(content["data"]["text/plain"])
        elif message["msg_type"] == "clear_output":
            texts.append(f"clear, wait {content['wait']}")
    assert texts == ["before 0", "shown 0", "before 1", "shown 1", "before 2", "shown 2", "clear, wait True"]


def interrupt(client):
    """As a manager does for kernels whose mode is `message`."""
    client.control_channel.send(client.session.msg("interrupt_request"))


def is_progress(message):
    return message["msg_type"] in ("display_data", "update_display_data") and "display_id" in message["content"].get("transient", {})
