"""Other runs. A run is named by its run id, or by its id: then the latest run with that id is meant."""

from __future__ import annotations

from typing import Any

from . import _json, _wit
from ._calls import call as _call


async def signal(run: str, name: str, payload: Any = None) -> None:
    """Sends a signal to a run, once, and goes on when it is durable."""
    await _call(_wit.runs.signal(run, name, _json.encode(payload, "the payload of the signal")))


async def cancel(run: str, reason: str) -> None:
    """Asks a run to end. One that has ended already is fine."""
    await _call(_wit.runs.cancel(run, reason))
