"""Why a call or a run did not succeed. It decides nothing about retries: the host does."""

from __future__ import annotations

import json
from typing import Any

from . import _wit


class Failure(Exception):
    """Why something did not succeed. Calls raise one, and a workflow that raises one ends with it."""

    code: str
    """A stable word in kebab case for programs, such as ``rate-limited``, or a word of your own."""
    message: str
    """A sentence for people."""
    details: Any
    """More for programs, in what JSON can say; ``None`` if there is no more."""
    retryable: bool
    """Whether trying the same again may help."""

    def __init__(self, code: str, message: str, details: Any = None, *, retryable: bool = False) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.details = details
        self.retryable = retryable

    @classmethod
    def cancelled(cls, reason: str) -> Failure:
        """The failure of a run that was asked to end."""
        return cls("cancelled", reason)

    @property
    def cause(self) -> Failure | None:
        """The failure behind this one: of a child, where this says that the child failed. That one may have a cause too."""
        cause = self.details.get("cause") if isinstance(self.details, dict) else None
        if not isinstance(cause, dict) or not {"code", "message"} <= cause.keys():
            return None
        retryable = bool(cause.get("retryable", False))
        return Failure(str(cause["code"]), str(cause["message"]), cause.get("details"), retryable=retryable)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def from_wire(failure: Any) -> Failure:
    """The failure that the host gave."""
    details = failure.details
    if details is not None:
        try:
            details = json.loads(details)
        except ValueError:
            # The host gives JSON here. Should another party ever not do so, its text is worth more than an error about it.
            pass
    return Failure(failure.code, failure.message, details, retryable=failure.retryable)


def to_wire(failure: Failure) -> Any:
    """A failure as the host takes it."""
    details = failure.details
    if details is not None:
        try:
            details = json.dumps(details, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
        except (TypeError, ValueError, RecursionError):
            details = json.dumps(repr(details), ensure_ascii=False)
    return _wit.types.Failure(
        code=failure.code, message=failure.message, details=details, retryable=failure.retryable
    )
