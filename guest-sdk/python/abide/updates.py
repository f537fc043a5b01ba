"""Requests to this run from outside, which wait for its answer. A signal is a message without one."""

from __future__ import annotations

from typing import Any

from . import _json, _wit
from ._calls import call as _call
from ._failure import Failure, to_wire


class Update:
    """A request. One that is forgotten without an answer is rejected, or, where it was accepted, fails; the code is ``not-answered``."""

    def __init__(self, wire: Any) -> None:
        self._wire = wire
        self.id: str = wire.id()
        """What its sender calls it."""
        self.name: str = wire.name()
        """What is asked for."""
        self.arguments: Any = _json.decode(wire.arguments(), "invalid-update", f"the update `{self.name}` does not fit")
        """With what; ``None`` where the sender gave nothing."""

    def accept(self) -> None:
        """Says that it will be done: a sender that waits for no more goes on."""
        if self._wire is not None:
            self._wire.accept()

    def reject(self, reason: Failure) -> None:
        """Says that it will not be done. After that nothing more can be said."""
        if self._wire is not None:
            self._wire.reject(to_wire(reason))
            self._release()

    def respond(self, value: Any) -> None:
        """Says what came of it. After that nothing more can be said."""
        answer = _json.encode(value, "the answer to the update")
        if self._wire is not None:
            self._wire.respond(_wit.Ok(answer))
            self._release()

    def fail(self, failure: Failure) -> None:
        """Says that nothing came of it. After that nothing more can be said."""
        if self._wire is not None:
            self._wire.respond(_wit.Err(to_wire(failure)))
            self._release()

    def _release(self) -> None:
        wire, self._wire = self._wire, None
        wire.__exit__(None, None, None)


async def receive(name: str) -> Update:
    """Waits for the next update of that name. Updates that came early wait for this, in their order."""
    return Update(await _call(_wit.updates.receive(name)))
