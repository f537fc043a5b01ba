"""Lines for people. A line is written once, and never by a replay. `logging` and `print` write such lines too."""

from __future__ import annotations

import logging
from typing import Any

from . import _json, _wit
from ._failure import Failure


def _write(level: str, message: str, fields: dict[str, Any]) -> None:
    try:
        text = _json.encode(fields, "the fields") if fields else None
    except Failure:
        # A log line is never a reason to fail.
        text = _json.encode({name: repr(value) for name, value in fields.items()}, "the fields")
    _wit.log.write(_wit.log.Level[level], message, text)


def trace(message: str, **fields: Any) -> None:
    """A line for those who look for something very small."""
    _write("TRACE", message, fields)


def debug(message: str, **fields: Any) -> None:
    """A line for developers."""
    _write("DEBUG", message, fields)


def info(message: str, **fields: Any) -> None:
    """A line of the usual kind."""
    _write("INFO", message, fields)


def warn(message: str, **fields: Any) -> None:
    """A line about something odd."""
    _write("WARN", message, fields)


def error(message: str, **fields: Any) -> None:
    """A line about something wrong."""
    _write("ERROR", message, fields)


class Handler(logging.Handler):
    """Writes what `logging` is given as lines of the run. The entry of the component installs one."""

    def emit(self, record: logging.LogRecord) -> None:
        level = next(
            (name for least, name in _LEVELS if record.levelno >= least),
            "TRACE",
        )
        _write(level, self.format(record), {} if record.name == "root" else {"logger": record.name})


_LEVELS = (
    (logging.ERROR, "ERROR"),
    (logging.WARNING, "WARN"),
    (logging.INFO, "INFO"),
    (logging.DEBUG, "DEBUG"),
)
