"""Questions that the workflow answers with code of its own. What can be shown as it is belongs into `abide.state`.

A handler sees the run where it stands, on a copy: it may look and compute, but make no calls.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ._failure import Failure

_handlers: dict[str, Callable[..., Any]] = {}


def on(name: str, handler: Callable[..., Any]) -> None:
    """Answers queries of that name from now on, in place of a handler that was there. The handler takes the arguments of the query, or
    nothing."""
    _handlers[name] = handler


def answer(name: str, arguments: Any) -> Any:
    """Answers one query. For the entry of the component."""
    handler = _handlers.get(name)
    if handler is None:
        known = ", ".join(f"`{name}`" for name in sorted(_handlers)) or "none so far"
        raise Failure("unknown-query", f"this run answers no query `{name}`; it answers: {known}")
    return handler(arguments) if inspect.signature(handler).parameters else handler()
