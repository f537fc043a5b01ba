"""What a workflow says of itself: the decorator for those that want something else than the usual."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

_MARK = "__abide_cancellation__"

F = TypeVar("F", bound=Callable[..., Any])


def workflow(*, cancellation: Literal["automatic", "manual"] = "automatic") -> Callable[[F], F]:
    """Says how ``run`` reacts to a request to end it. It is needed for ``"manual"`` only.

    ``automatic``: the function is cancelled where it waits, as ``asyncio.Task.cancel`` does it: ``asyncio.CancelledError`` is raised there, and
    ``finally`` may tidy up with further calls. ``manual``: nothing happens, and the function waits for `abide.cancellation.requested` itself.
    """
    if cancellation not in ("automatic", "manual"):
        raise ValueError(f"`{cancellation}` is neither `automatic` nor `manual`")

    def mark(function: F) -> F:
        setattr(function, _MARK, cancellation)
        return function

    return mark


def is_manual(function: Callable[..., Any]) -> bool:
    """Whether the function looks for requests to end by itself."""
    return getattr(function, _MARK, "automatic") == "manual"
