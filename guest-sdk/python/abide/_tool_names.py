"""The names by which a model knows tools. Models take 1 to 64 characters of ``a-z A-Z 0-9 _ -``; providers call their tools what they like."""

from __future__ import annotations

from collections.abc import Container

_NAME_LENGTH = 64


def for_model(*parts: str) -> str:
    """A name that models take: the parts with ``__`` between. One that is too long is cut, and ends in a digest of the whole."""
    whole = "__".join(parts)
    name = "".join(c if c.isascii() and (c.isalnum() or c == "-") else "_" for c in whole)
    if 1 <= len(name) <= _NAME_LENGTH:
        return name
    # FNV-1a
    digest = 0x811C9DC5
    for byte in whole.encode():
        digest = (digest ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{name[: _NAME_LENGTH - 9]}_{digest:08x}"


def unique(name: str, taken: Container[str]) -> str:
    """The name, or where another tool has it, the name with a number."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        ending = f"_{number}"
        candidate = name[: _NAME_LENGTH - len(ending)] + ending
    return candidate
