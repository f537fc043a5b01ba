"""Making a call of the host: what comes back as an error of the bindings is raised as a `Failure`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from . import _wit
from ._failure import from_wire


async def call(awaitable: Awaitable[Any]) -> Any:
    """Waits for a call."""
    try:
        return await awaitable
    except _wit.Err as error:
        raise from_wire(error.value) from None


def ask(function: Callable[..., Any], *arguments: Any) -> Any:
    """Asks the host something that it answers at once."""
    try:
        return function(*arguments)
    except _wit.Err as error:
        raise from_wire(error.value) from None
