"""The imports of the component. Outside of one, as in a unit test or an editor, there are none: then each use says so."""

from __future__ import annotations

from typing import Any

try:
    from componentize_py_types import Err, Ok
    from wit_world.imports import (
        calls,
        cancellation,
        children,
        http,
        llm,
        log,
        random,
        run,
        runs,
        signals,
        state,
        timer,
        tools,
        types,
        updates,
        versions,
    )

    INSIDE = True
except ImportError:

    class _Missing:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(f"`{name}` works inside of a workflow only: build it with `abide build`, and start a run")

    class Ok:  # type: ignore[no-redef]
        """Stands in for the type of the same name."""

    class Err(Exception):  # type: ignore[no-redef]
        """Stands in for the type of the same name."""

        value: Any

    calls = cancellation = children = http = llm = log = random = run = runs = _Missing()
    signals = state = timer = tools = types = updates = versions = _Missing()
    INSIDE = False

__all__ = [
    "INSIDE",
    "Err",
    "Ok",
    "calls",
    "cancellation",
    "children",
    "http",
    "llm",
    "log",
    "random",
    "run",
    "runs",
    "signals",
    "state",
    "timer",
    "tools",
    "types",
    "updates",
    "versions",
]
