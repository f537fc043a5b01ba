"""What others may see of this run while it goes on. What needs code to answer is in `abide.queries`."""

from __future__ import annotations

from typing import Any

from . import _json, _wit
from ._calls import ask


def publish(name: str, value: Any) -> None:
    """Shows ``value`` under ``name`` to whoever asks, in place of what was there. At most 64 names, and 256 KiB a value."""
    ask(_wit.state.publish, name, _json.encode(value, "the published value", sort_keys=True))


def set_attributes(**attributes: Any) -> None:
    """Changes what this run can be found by: ``abide list --filter "stage = 'review'"``. Values are texts, numbers, bools and lists of texts;
    ``None`` removes an attribute, and what is not named stays as it was."""
    ask(_wit.state.set_attributes, _json.encode(attributes, "the attributes"))
