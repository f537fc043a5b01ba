"""The entry of the component: what componentize-py calls, around the file of the workflow."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import _json, _loop, _wit, cancellation, log, queries
from ._failure import Failure, to_wire
from ._workflow import is_manual

# What the failure of a run holds of a traceback at most, in characters.
_LONGEST_TRACEBACK = 8000


class Refusal(Exception):
    """The file is no workflow."""


def world(module_name: str) -> type:
    """The class that componentize-py looks for, around the module of the workflow."""
    loop = _loop.install()
    module = importlib.import_module(module_name)
    found = _function(module, "run")
    if found is None or not inspect.iscoroutinefunction(found):
        raise Refusal(f"`{module_name}.py` has no `async def run(input)`: that is what a workflow begins with")
    run: Callable[..., Any] = found
    query = _function(module, "query")
    if query is not None and inspect.iscoroutinefunction(query):
        raise Refusal(f"`query` of `{module_name}.py` is `async`: a query makes no calls, write `def query(name, arguments)`")
    takes_input = bool(inspect.signature(run).parameters)
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[log.Handler()])

    class WitWorld:
        async def run(self, input: str) -> str:
            try:
                arguments = [_json.decode(input, "invalid-input", "the input does not fit")] if takes_input else []
                value = await _run(loop, run, arguments)
                return _json.encode(value, "the result of the workflow")
            except BaseException as error:
                raise _wit.Err(to_wire(_failure(error))) from None

        def query(self, name: str, arguments: str) -> str:
            try:
                given = _json.decode(arguments, "invalid-arguments", "the arguments of the query do not fit")
                value = queries.answer(name, given) if query is None else query(name, given)
                return _json.encode(value, "the answer to the query")
            except BaseException as error:
                raise _wit.Err(to_wire(_failure(error))) from None

    # componentize-py generates the methods that the component model calls in its own class of that name.
    generated = sys.modules["wit_world"].WitWorld
    return type("WitWorld", (WitWorld, generated), {})


def _function(module: ModuleType, name: str) -> Callable[..., Any] | None:
    function = getattr(module, name, None)
    return function if inspect.isfunction(function) else None


async def _run(loop: _loop.Loop, run: Callable[..., Any], arguments: list[Any]) -> Any:
    body: asyncio.Task[Any] = loop.create_task(run(*arguments))
    watch: asyncio.Task[None] | None = None
    reason: str | None = None

    async def listen() -> None:
        nonlocal reason
        reason = await cancellation.requested()
        body.cancel()

    def begin_to_listen() -> None:
        nonlocal watch
        watch = loop.create_task(listen())

    if not is_manual(run):
        # First the workflow makes its first calls: one that ends without any needs nobody who listens.
        loop.when_idle(begin_to_listen)
    try:
        return await body
    except asyncio.CancelledError:
        raise Failure.cancelled(reason if reason is not None else "the workflow cancelled itself") from None
    finally:
        loop.when_idle(None)
        me = asyncio.current_task()
        await _put_away([task for task in asyncio.all_tasks(loop) if task not in (me, watch)])
        if watch is not None:
            await _put_away([watch])


async def _put_away(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancels what is left, as ``asyncio.run`` does, in the order in which it began."""
    open_tasks = sorted((task for task in tasks if not task.done()), key=lambda task: _number(task.get_name()))
    for task in open_tasks:
        task.cancel()
    if open_tasks:
        await asyncio.gather(*open_tasks, return_exceptions=True)


def _number(name: str) -> tuple[int, str]:
    """The number in the name that asyncio gives a task that was given none."""
    number = name.removeprefix("Task-")
    return (int(number), "") if number.isdecimal() else (sys.maxsize, name)


def _failure(error: BaseException) -> Failure:
    if isinstance(error, Failure):
        return error
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    # The lines of this file say nothing about the workflow.
    lines = [line for line in traceback.format_exception(error) if __file__ not in line]
    text = "".join(lines)[-_LONGEST_TRACEBACK:]
    message = f"{name}: {error}" if str(error) else name
    return Failure("exception", message, {"type": name, "traceback": text})
