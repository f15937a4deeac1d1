"""The translator that papermill asks for the language `rust`."""

import re

from papermill.exceptions import PapermillException
from papermill.models import Parameter
from papermill.translators import Translator

from .literal import rust

NAME = re.compile(r"[A-Za-z_]\w*")
KEYWORDS = frozenset(
    "abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if impl in let loop "
    "macro match mod move mut override priv pub ref return self Self static struct super trait true try type typeof unsafe unsized use "
    "virtual where while yield _".split()
)
# `let mut name: Type = value; // what it is`, at the beginning of a line; the value may have several lines.
LET = re.compile(r"^let\s+(?:mut\s+)?(?P<name>\w+)\s*(?::\s*(?P<type>[^=]+?))?\s*=\s*(?P<value>.*?);[ \t]*(?://\s*(?P<help>[^\n]*))?$", re.M | re.S)


class RustTranslator(Translator):
    """Writes parameters as `let` statements, and reads those of a notebook."""

    @classmethod
    def codify(cls, parameters, comment="Parameters"):
        lines = [cls.comment(comment)]
        for name, value in parameters.items():
            if not NAME.fullmatch(name) or name in KEYWORDS:
                raise PapermillException(f"`{name}` cannot be the name of a variable in Rust")
            kind, expression = rust(name, value)
            lines.append(f"let {name}: {kind} = {expression};")
        return "\n".join(lines) + "\n"

    @classmethod
    def comment(cls, comment_string):
        return f"// {comment_string}".strip()

    @classmethod
    def inspect(cls, parameters_cell):
        return [
            Parameter(
                name=found["name"],
                inferred_type_name=found["type"] or "None",
                default=found["value"],
                help=(found["help"] or "").strip(),
            )
            for found in LET.finditer(parameters_cell["source"])
        ]
