"""The event loop of a component, under ``asyncio``. `install` puts it in the place of the one of componentize-py.

That one knows no timers, and breaks when a task is cancelled that waits for a call. Here ``call_later`` is a timer of the host, so that
``asyncio.sleep``, ``asyncio.timeout`` and ``asyncio.wait_for`` are durable, and a call that nobody waits for any more is dropped, which the history
shows. All callbacks run in the order in which they were asked for, and the loop never looks at a clock of its own: so a replay does the same.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

import componentize_py_async_support as support
import componentize_py_runtime as runtime
from componentize_py_types import Err, Ok

from . import _options, _wit, log

# What the component model's callbacks give and are given.
_EXIT = 0
_WAIT = 2
_EVENT_SUBTASK = 1
_STATUS_RETURNED = 2

_LONGEST_TIMER_S = 10 * 366 * 24 * 3600


class Loop(support._Loop):  # type: ignore[misc]
    """The loop. There is one, for the one run that the component instance is."""

    def __init__(self) -> None:
        super().__init__()
        self.running = True
        self._ready: collections.deque[asyncio.Handle] = collections.deque()
        self._when_idle: Callable[[], object] | None = None
        self._rings: dict[asyncio.TimerHandle, asyncio.Task[None]] = {}
        # Calls that wait: by the number that the component model has for them, who waits and what holds the outcome.
        self._open: dict[int, tuple[asyncio.Future[int], int]] = {}
        self._waitables: int | None = None
        self._ended = False

    def when_idle(self, callback: Callable[[], object] | None) -> None:
        """Runs ``callback`` once, when everything waits for the host for the first time."""
        self._when_idle = callback

    # What asyncio asks of a loop.

    def time(self) -> float:
        """The time of the run in seconds: it moves only with the history."""
        now: int = _wit.timer.now()
        return now / 1000

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self._call_after(when - self.time(), when, callback, args, context)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self._call_after(delay, self.time() + delay, callback, args, context)

    def _call_after(
        self,
        delay: float,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context | None,
    ) -> asyncio.TimerHandle:
        if delay > _LONGEST_TIMER_S:
            raise ValueError(f"a timer of {delay} seconds is longer than 10 years")
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if delay <= 0:
            self._ready.append(handle)
        else:
            self._rings[handle] = self.create_task(self._ring(handle, _options.to_ms(delay)))
        return handle

    async def _ring(self, handle: asyncio.TimerHandle, delay_ms: int) -> None:
        try:
            await _wit.timer.sleep(delay_ms)
        finally:
            self._rings.pop(handle, None)
        self._ready.append(handle)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        ring = self._rings.pop(handle, None)
        if ring is not None:
            ring.cancel()

    def create_task(
        self,
        coroutine: Coroutine[Any, Any, Any],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **kwargs: Any,
    ) -> asyncio.Task[Any]:
        return asyncio.Task(coroutine, loop=self, name=name, context=context, **kwargs)

    def get_exception_handler(self) -> None:
        return None

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        log.error(context.get("message", "an exception was not handled"), exception=repr(error))

    # What the component model asks of it.

    def turn(self) -> int:
        """Runs what can run, and says what the component waits for."""
        while self._ready or self._when_idle is not None:
            if not self._ready and self._when_idle is not None:
                self.call_soon(self._when_idle)
                self._when_idle = None
            handle = self._ready.popleft()
            if not handle.cancelled():
                try:
                    handle._run()
                except (SystemExit, KeyboardInterrupt):
                    # The task has it as its outcome; here it would tear down the component.
                    pass
        if self._ended:
            for waitable in self._open:
                runtime.waitable_join(waitable, 0)
            if self._waitables is not None:
                runtime.waitable_set_drop(self._waitables)
            return _EXIT
        return _WAIT | (self._set() << 4)

    def begin(self, export: int, borrows: int, coroutine: Coroutine[Any, Any, Any]) -> int:
        """Begins an exported ``async`` function."""
        self.create_task(self._export(export, borrows, coroutine))
        return self.turn()

    async def _export(self, export: int, borrows: int, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            result: Any = Ok(await coroutine)
        except Err as error:
            result = error
        self._ended = True
        runtime.call_task_return(export, borrows, result)

    def event(self, event: int, waitable: int, status: int) -> int:
        """Takes what the component waited for."""
        if event == _EVENT_SUBTASK and status == _STATUS_RETURNED:
            runtime.waitable_join(waitable, 0)
            runtime.subtask_drop(waitable)
            future, promise = self._open.pop(waitable)
            if future.done():
                # It was cancelled, and this is the answer to that. It is taken for the sake of the memory that it holds.
                runtime.promise_get_result(status, promise)
            else:
                future.set_result(status)
        return self.turn()

    async def outcome(self, began: Any) -> Any:
        """Waits for a call that was made just now."""
        if isinstance(began, Ok):
            return began.value
        waitable, promise = began.value
        number = _wit.calls.newest()
        future: asyncio.Future[int] = self.create_future()
        self._open[waitable] = (future, promise)
        runtime.waitable_join(waitable, self._set())
        try:
            status = await future
        except asyncio.CancelledError:
            if number is not None:
                _wit.calls.drop(number)
            raise
        return runtime.promise_get_result(status, promise)

    def _set(self) -> int:
        if self._waitables is None:
            self._waitables = runtime.waitable_set_new()
        return self._waitables


def install() -> Loop:
    """Makes it the loop of this component. Has to happen before componentize-py has looked for its own functions: while the app is imported."""
    loop = Loop()
    support._loop = loop
    support.first_poll = loop.begin
    support.callback = loop.event
    support.await_result = loop.outcome
    asyncio.set_event_loop(loop)
    asyncio.events._set_running_loop(loop)
    return loop
