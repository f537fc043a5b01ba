"""Being asked to end. A workflow is cancelled as an asyncio task is, unless it says ``@abide.workflow(cancellation="manual")``."""

from __future__ import annotations

from . import _wit
from ._calls import call as _call


async def requested() -> str:
    """Waits until somebody asks this run to end, and gives their reason; at once where they already did."""
    reason: str = await _call(_wit.cancellation.requested())
    return reason
