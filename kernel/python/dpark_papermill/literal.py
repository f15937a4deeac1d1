"""Python values as Rust: a type and an expression for each."""

from papermill.exceptions import PapermillException

INTEGERS = range(-(2**63), 2**63)


def rust(name, value):
    """The type and the expression of a parameter's value."""
    kind = type_of(name, value)
    return kind, expression(kind, value)


def type_of(name, value):
    if value is None:
        return "Option<String>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        if value not in INTEGERS:
            raise PapermillException(f"the number `{name}` does not fit into an i64: {value}")
        return "i64"
    if isinstance(value, float):
        return "f64"
    if isinstance(value, str):
        return "String"
    if isinstance(value, (list, tuple)):
        return f"Vec<{common(f'list `{name}`', name, value)}>"
    if isinstance(value, dict):
        return f"std::collections::HashMap<String, {common(f'mapping `{name}`', name, value.values())}>"
    raise PapermillException(f"the parameter `{name}` is a {type(value).__name__}, which has no form in Rust")


def common(what, name, values):
    """The type that all of these have."""
    kinds = {type_of(name, value) for value in values}
    if kinds == {"i64", "f64"}:
        return "f64"
    if len(kinds) > 1:
        raise PapermillException(f"the values of {what} are not of one type: {', '.join(sorted(kinds))}")
    return kinds.pop() if kinds else "String"


def expression(kind, value):
    if value is None:
        return "None"
    if kind == "bool":
        return "true" if value else "false"
    if kind == "f64":
        return number(float(value))
    if kind == "String":
        return f"{text(value)}.to_string()"
    if isinstance(value, (list, tuple)):
        inner = kind.removeprefix("Vec<").removesuffix(">")
        return f"vec![{', '.join(expression(inner, item) for item in value)}]"
    if isinstance(value, dict):
        inner = kind.partition(", ")[2].removesuffix(">")
        pairs = ", ".join(f"({text(str(key))}.to_string(), {expression(inner, item)})" for key, item in value.items())
        return f"{kind.partition('<')[0]}::from([{pairs}])"
    return str(value)


def number(value):
    """A float. `repr` writes one that Rust reads as the same, but for those that are no numbers."""
    if value != value:
        return "f64::NAN"
    if value in (float("inf"), float("-inf")):
        return "f64::INFINITY" if value > 0 else "f64::NEG_INFINITY"
    return repr(value)


def text(value):
    """A string literal."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(c) or (c if c.isprintable() else f"\\u{{{ord(c):x}}}") for c in value) + '"'
