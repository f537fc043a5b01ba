"""Messages to this run from outside. It does not answer them: see `abide.state`, `abide.queries` and `abide.updates`."""

from __future__ import annotations

from typing import Any

from . import _json, _wit
from ._calls import call as _call


async def receive(name: str) -> Any:
    """Waits for the next signal of that name, and gives its payload. Signals that came early wait for this, in their order, and each is
    received once."""
    return _json.decode(await _call(_wit.signals.receive(name)), "invalid-signal", f"the signal `{name}` does not fit")
