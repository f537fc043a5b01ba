"""Code that changes under runs that began before::

    if versions.patched("check-twice"):
        await new()
    else:
        # Runs that came here before the change.
        await old()

When no run is left that came here before, the ``if`` may go: what it recorded does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _json, _wit
from ._calls import ask


def patched(id: str) -> bool:
    """Whether this run comes here with the changed code: for the first time, or did so when that was recorded."""
    changed: bool = _wit.versions.patched(id)
    return changed


def record(id: str, compute: Callable[[], Any]) -> Any:
    """The value that ``compute`` gave when the run first came here, whatever it gives now. So a value (a prompt, a price list) stays what it was
    for the runs that began with it."""
    recorded = ask(_wit.versions.record, id, _json.encode(compute(), "the value"))
    return _json.decode(recorded, "invalid-record", f"what is recorded as `{id}` does not fit")
