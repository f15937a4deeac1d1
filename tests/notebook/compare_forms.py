"""A plug-in for nbval: lets it compare what it would pass over or take apart.

* A picture in HTML is compared as what it shows: its shapes, colours and words in order. Where they stand depends on how long
  the words for durations are. The picture of tasks over time is nothing but durations.
* Of a cell with more than three jobs the three that took longest are drawn: chance decides which. Their table is compared.
* The facts of jobs are compared as JSON text, so that durations in them can be replaced.
* Tables of text are compared cell by cell: where a long text is broken depends on the width of durations, too.
* A display is compared as it is in the end: nbval itself knows no updates.
* Cells are counted, as in a notebook: places are told as `cell 3, line 1`.
"""

import base64
import json
import re
from queue import SimpleQueue
from xml.etree import ElementTree

from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

PICTURE = re.compile(r'alt="([^"]*)"[^>]*?src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)"')
MANY_JOBS = re.compile(r"(?s)(<summary[^>]*>(\d+) jobs.*?</table>).*")
DRAWN = 3

sanitize = IPyNbCell.sanitize
receive = IPyNbFile.get_kernel_message


def as_text(form):
    """A form of an output as text in which patterns can be found."""
    if not isinstance(form, str):
        return json.dumps(form, indent=1, sort_keys=True, ensure_ascii=False)
    form = unbroken(form)
    many = MANY_JOBS.search(form)
    if many and int(many[2]) > DRAWN:
        form = many[1]
    return PICTURE.sub(lambda found: f'alt="{found[1]}"\n{shapes(found[1], base64.b64decode(found[2]))}\n', form)


def unbroken(text):
    """Tables of text with their rows in one line each, and without padding."""
    lines = []
    for line in text.split("\n"):
        if not line.startswith("│"):
            lines.append(line)
            continue
        fields = [field.strip() for field in line.strip("│").split("│")]
        above = lines[-1].strip("│").split("│") if lines and lines[-1].startswith("│") else []
        if not fields[0] and len(above) == len(fields):
            fields = [f"{one} {other}".strip() for one, other in zip(above, fields)]
            lines.pop()
        lines.append(f"│{'│'.join(fields)}│")
    return "\n".join(lines)


def shapes(alt, svg):
    """What a picture shows, a line for each shape."""
    if alt.startswith("tasks of job"):
        return "over time"
    elements = ElementTree.fromstring(svg).iter()
    lines = [f"{e.tag.split('}')[1]} {e.get('fill', '')} {e.get('stroke', '')} {''.join(e.itertext()).strip()}" for e in elements]
    return "\n".join(lines[1:])


def sanitized(cell, form):
    return sanitize(cell, as_text(form))


def next_message(book, timeout=None, stream="iopub"):
    """The next message of the cell, with the displays as they are in the end."""
    if stream != "iopub":
        return receive(book, timeout, stream)
    waiting = book.__dict__.setdefault("messages_of_the_cell", SimpleQueue())
    if waiting.empty():
        for message in in_the_end(all_of_a_cell(book, timeout)):
            waiting.put(message)
    return waiting.get()


def all_of_a_cell(book, timeout):
    messages = []
    while not messages or messages[-1]["content"].get("execution_state") != "idle":
        messages.append(receive(book, timeout, "iopub"))
    return messages


def in_the_end(messages):
    """Without updates: what they bring stands where the display was."""
    shown, final = {}, []
    for message in messages:
        display = message["content"].get("transient", {}).get("display_id")
        if display and message["msg_type"] == "update_display_data" and display in shown:
            shown[display]["content"]["data"] = message["content"]["data"]
            continue
        if display and message["msg_type"] == "display_data":
            shown[display] = message
        final.append(message)
    return final


def execute(kernel, code, allow_stdin=None):
    return kernel.kc.execute(code, allow_stdin=allow_stdin, stop_on_error=False)


RunningKernel.execute_cell_input = execute
IPyNbCell.sanitize = sanitized
IPyNbFile.get_kernel_message = next_message
