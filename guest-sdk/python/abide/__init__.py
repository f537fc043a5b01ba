"""Write abide workflows in Python.

A workflow is one ``async def run``. It may take months: the host records the outcome of every call that it makes, and when the process
dies it runs the function again against that record until it stands where it stood. Nothing of that shows in the code::

    from abide import llm, signals, tools

    async def run(order):
        await tools.call("shop", "reserve", {"item": order["item"]})
        approval = await signals.receive("approved")
        thanks = await llm.generate(f"Thank {approval['by']} in one sentence.")
        return {"approved_by": approval["by"], "note": thanks.text}

``abide deploy order.py`` makes a component of it and uploads it; nothing has to be installed for the import of this package to work there.

A workflow is deterministic without trying: ``asyncio.sleep``, ``asyncio.timeout``, ``time.time``, ``random``, ``uuid`` and ``secrets`` take
what they give from the history. There are no threads, files or sockets. Imports stand at the top of a file: a component has no files to
import from later.
"""

from . import (
    cancellation,
    children,
    http,
    llm,
    log,
    queries,
    random,
    run,
    runs,
    signals,
    state,
    timer,
    tools,
    updates,
    versions,
)
from ._agent import Agent, AgentOutcome
from ._failure import Failure
from ._options import CallOptions, RetryPolicy
from ._saga import Saga, saga
from ._workflow import workflow

__all__ = [
    "Agent",
    "AgentOutcome",
    "CallOptions",
    "Failure",
    "RetryPolicy",
    "Saga",
    "cancellation",
    "children",
    "http",
    "llm",
    "log",
    "queries",
    "random",
    "run",
    "runs",
    "saga",
    "signals",
    "state",
    "timer",
    "tools",
    "updates",
    "versions",
    "workflow",
]
