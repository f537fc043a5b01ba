"""Runs that this run starts and waits for: a workflow calls other workflows.

::

    reports = await asyncio.gather(*(children.run("report", city) for city in cities))

A child that fails raises the failure ``child-failed`` (or ``child-cancelled``, ``child-terminated``, ``child-timed-out``), whose ``cause`` is
the child's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from . import _json, _options, _wit, runs
from ._calls import call as _call


@dataclass(frozen=True)
class Child:
    """A run that this run started."""

    id: str
    """What it is called."""
    run_id: str
    """What the host calls it."""

    async def result(self) -> Any:
        """Waits for its result. Where the child goes on as new runs, that of the last of them."""
        result = await _call(_wit.children.await_result(self.run_id))
        return _json.decode(result, "invalid-result", f"the result of the child `{self.id}` does not fit")

    async def signal(self, name: str, payload: Any = None) -> None:
        """Sends it a signal."""
        await runs.signal(self.run_id, name, payload)

    async def cancel(self, reason: str) -> None:
        """Asks it to end."""
        await runs.cancel(self.run_id, reason)


async def start(
    workflow: str,
    input: Any = None,
    *,
    id: str | None = None,
    version: str | None = None,
    parent_close: Literal["cancel", "terminate", "abandon"] = "cancel",
    run_timeout_s: float | None = None,
) -> Child:
    """Starts a run of ``workflow``, and gives it when its start is durable.

    ``id`` is what to call it, ``version`` 8 or more of the first digits of a digest, ``parent_close`` what happens to it when this run has ended,
    and ``run_timeout_s`` how long it may take, in seconds.
    """
    wire = _wit.children
    options = wire.ChildOptions(
        id=id,
        version=version,
        parent_close=wire.ParentClosePolicy[parent_close.upper()],
        run_timeout_ms=None if run_timeout_s is None else _options.to_ms(run_timeout_s),
    )
    child = await _call(wire.start(workflow, _json.encode(input, "the input of the child"), options))
    return Child(child.id, child.run_id)


async def run(workflow: str, input: Any = None, **options: Any) -> Any:
    """Starts a run of ``workflow``, and waits for its result; ``options`` are those of `start`."""
    return await (await start(workflow, input, **options)).result()
