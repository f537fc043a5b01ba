"""JSON at the edge of a workflow, written as the Rust SDK writes it: no spaces, text as it is."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from ._failure import Failure


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (set, frozenset)):
        # The order of a set is nothing that a history may depend on.
        return sorted(value)
    raise TypeError(f"a `{type(value).__name__}` has no form in JSON")


def encode(value: Any, what: str, *, sort_keys: bool = False) -> str:
    """Encodes a value: what JSON knows, dataclasses, and sets. What has no form in JSON is the failure ``invalid-json``."""
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys, default=_plain
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise Failure("invalid-json", f"{what} cannot be written as JSON: {error}") from error


def decode(text: str, code: str, what: str) -> Any:
    """Decodes ``text``. What is no JSON becomes a failure with ``code``, whose message begins with ``what``."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Failure(code, f"{what}: {error}") from error
