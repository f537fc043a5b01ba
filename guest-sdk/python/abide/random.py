"""Randomness that replays: it comes from a seed in the history. Whoever reads the history can compute it, so it makes no secrets. The modules
``random``, ``uuid`` and ``secrets`` of Python draw from the same seed."""

from __future__ import annotations

import builtins

from . import _wit


def bytes(length: int) -> builtins.bytes:
    """Random bytes."""
    parts = b""
    # One call of the host gives at most 65536.
    while len(parts) < length:
        parts += _wit.random.bytes(min(length - len(parts), 65_536))
    return parts


def u64() -> int:
    """A random number of 64 bits."""
    number: int = _wit.random.u64()
    return number
