"""Sagas: steps that are undone in reverse order when a later one fails, or when the run is asked to end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from . import log
from ._failure import Failure


class Saga:
    """What is to be undone."""

    def __init__(self) -> None:
        self._undo: list[tuple[str, Callable[[], Awaitable[Any]]]] = []

    def undo(self, what: str, undo: Callable[[], Awaitable[Any]]) -> None:
        """Remembers how to undo a step, *before* it is made: a step that fails may have done something all the same. Nothing of ``undo`` happens
        unless it is needed."""
        self._undo.append((what, undo))

    async def _compensate(self) -> list[dict[str, Any]]:
        """Undoes what was done, the last first. One that fails does not keep the others from being tried."""
        failed = []
        while self._undo:
            what, undo = self._undo.pop()
            try:
                await undo()
            except Exception as error:
                log.error(f"`{what}` failed: {error}")
                failed.append({"what": what, "failure": str(error)})
        return failed


@contextlib.asynccontextmanager
async def saga() -> AsyncIterator[Saga]:
    """Makes the steps inside of it; when one raises, what `Saga.undo` was told is undone, in reverse order, and the error goes on::

        async with abide.saga() as saga:
            saga.undo("cancel the flight", lambda: tools.call("travel", "cancel-flight", trip))
            await tools.call("travel", "book-flight", trip)

    Steps that could not be undone are named in the failure.
    """
    steps = Saga()
    try:
        yield steps
    except BaseException as error:
        failed = await steps._compensate()
        if failed and isinstance(error, Failure):
            error.message = f"{error.message} ({len(failed)} steps could not be undone)"
            error.details = {"details": error.details, "not_undone": failed}
        raise
