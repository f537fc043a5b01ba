"""Timeouts and retries of one call. Without them the provider's configuration counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from . import _wit


def to_ms(seconds: float) -> int:
    """Milliseconds, rounded up: a timeout of half a millisecond is not one of none."""
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"`{seconds}` is no number of seconds: give one from 0 on")
    # What a float cannot say exactly (0.1 s) must not become a millisecond more.
    return math.ceil(round(seconds * 1000, 6))


def _optional_ms(seconds: float | None) -> int | None:
    return None if seconds is None else to_ms(seconds)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When and how often a call is tried again. What is left out comes from the provider's configuration."""

    initial_interval_s: float | None = None
    """The wait before the second attempt, in seconds."""
    backoff_coefficient: float | None = None
    """What each further wait is multiplied by; 1 or more."""
    max_interval_s: float | None = None
    """No wait is longer than this, but for one that the provider asked for."""
    jitter: float | None = None
    """The share of each wait that is left to chance, 0 to 1."""
    max_attempts: int | None = None
    """Attempts in all, the first included; 1 means no retry."""
    max_elapsed_s: float | None = None
    """No attempt begins later than this after the call was requested."""
    non_retryable: tuple[str, ...] = ()
    """Failure codes that are final, whatever the provider says of them."""

    @classmethod
    def never(cls) -> RetryPolicy:
        """One attempt, no more."""
        return cls(max_attempts=1)

    def _wire(self) -> Any:
        return _wit.types.RetryPolicy(
            initial_interval_ms=_optional_ms(self.initial_interval_s),
            backoff_coefficient=self.backoff_coefficient,
            max_interval_ms=_optional_ms(self.max_interval_s),
            jitter=self.jitter,
            max_attempts=self.max_attempts,
            max_elapsed_ms=_optional_ms(self.max_elapsed_s),
            non_retryable=list(self.non_retryable),
        )


@dataclass(frozen=True, kw_only=True)
class CallOptions:
    """How a call is performed. What is left out comes from the provider's configuration."""

    attempt_timeout_s: float | None = None
    """The longest that one attempt may take, in seconds."""
    total_timeout_s: float | None = None
    """The longest that the call may take with all its attempts and waits, across restarts of the host."""
    retry: RetryPolicy | None = None
    """When and how often it is tried again."""
    idempotency_key: str | None = None
    """What the provider sees as the key of the call, the same in every attempt."""


def to_wire(options: CallOptions | None) -> Any:
    """Options as the host takes them."""
    if options is None:
        return None
    return _wit.types.CallOptions(
        attempt_timeout_ms=_optional_ms(options.attempt_timeout_s),
        total_timeout_ms=_optional_ms(options.total_timeout_s),
        retry=None if options.retry is None else options.retry._wire(),
        idempotency_key=options.idempotency_key,
    )
