"""What a run knows of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import _json, _wit
from ._calls import ask
from ._failure import Failure


@dataclass(frozen=True)
class Info:
    """Who and where a run is."""

    tenant: str
    """Whose run it is."""
    workflow: str
    """The workflow's name."""
    version: str
    """Digest of the component that the run started on: ``sha256:<hex>``."""
    id: str
    """What the caller called the run."""
    run_id: str
    """What the host called it: one of a kind."""
    started_ms: int
    """When it started, in milliseconds since 1970."""
    history_length: int
    """How many events it was given so far. A very long history makes replay slow."""
    parent_run_id: str | None
    """The run that started this one as its child."""
    continued_from: str | None
    """The run that went on as this one."""
    should_continue: bool
    """Whether the history is so long that the run should go on as a new one: see `continue_as_new`."""


def info() -> Info:
    """Who and where this run is."""
    wire = _wit.run.get_info()
    return Info(**{name: getattr(wire, name) for name in Info.__dataclass_fields__})


def continue_as_new(input: Any) -> Failure:
    """Lets the run go on as a new one with ``input`` and an empty history, on the active version of its workflow. Raise what this gives::

        raise abide.run.continue_as_new(count)

    The new run has the same id. Signals and updates that were not received move along. Open calls are dropped.
    """
    ask(_wit.run.continue_as_new, _json.encode(input, "the input of the next run"))
    # The host does not look at it.
    return Failure("continued", "the run goes on as a new one")
