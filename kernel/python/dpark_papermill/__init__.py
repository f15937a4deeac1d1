"""Papermill's parameters as Rust: what the command line or a program passes becomes the `let`s of a cell."""

from papermill.engines import NBClientEngine
from papermill.translators import papermill_translators

from .translator import RustTranslator

__all__ = ["DparkEngine", "RustTranslator"]


class DparkEngine(NBClientEngine):
    """Runs notebooks as papermill does by itself. It is there to be found: papermill loads engines, and with this one the translator."""


papermill_translators.register("rust", RustTranslator)
