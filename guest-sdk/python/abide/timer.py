"""Time as the run sees it. ``asyncio.sleep`` and ``time.time`` do the same, for a workflow that reads like any other program."""

from __future__ import annotations

from datetime import datetime, timezone

from . import _options, _wit
from ._calls import call as _call


def now_ms() -> int:
    """The time of the last event that this run was given, in milliseconds since 1970. It stands still between two outcomes."""
    now: int = _wit.timer.now()
    return now


def now() -> datetime:
    """The same as a time in UTC."""
    return datetime.fromtimestamp(now_ms() / 1000, timezone.utc)


async def sleep(seconds: float) -> int:
    """Waits, and gives the time then, in milliseconds since 1970. It costs nothing while it waits, be it a year, and outlives restarts. At most
    10 years."""
    then: int = await _call(_wit.timer.sleep(_options.to_ms(seconds)))
    return then


async def sleep_until(time: datetime | int) -> int:
    """Waits until a time (milliseconds since 1970, or a `datetime` with a time zone). A time that has passed waits for nothing."""
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise ValueError(f"`{time}` has no time zone: give one, such as `datetime.timezone.utc`")
        time = max(0, _options.to_ms(max(0.0, time.timestamp())))
    then: int = await _call(_wit.timer.sleep_until(time))
    return then
