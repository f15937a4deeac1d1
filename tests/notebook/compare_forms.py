"""A plug-in for nbval: lets it compare what it would pass over or take apart.

* A picture in HTML is compared as the SVG that it is, not as the base64 of it.
* The facts of jobs are compared as JSON text, so that durations in them can be replaced.
* A display is compared as it is in the end: nbval itself knows no updates.
"""

import base64
import json
import re
from queue import SimpleQueue

from nbval.plugin import IPyNbCell, IPyNbFile

PICTURE = re.compile(r'src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)"')

sanitize = IPyNbCell.sanitize
receive = IPyNbFile.get_kernel_message


def as_text(form):
    """A form of an output as text in which patterns can be found."""
    if not isinstance(form, str):
        return json.dumps(form, indent=1, sort_keys=True, ensure_ascii=False)
    return PICTURE.sub(lambda found: "\n" + base64.b64decode(found[1]).decode() + "\n", form)


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


IPyNbCell.sanitize = sanitized
IPyNbFile.get_kernel_message = next_message
