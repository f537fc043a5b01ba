"""Greets somebody, if a person approves."""

import asyncio

from abide import llm, log, signals, state

PATIENCE_S = 24 * 3600


async def run(input):
    greeting = await llm.generate(f"Greet {input['name']} in one sentence.")
    state.publish("greeting", greeting.text)
    try:
        async with asyncio.timeout(PATIENCE_S):
            approval = await signals.receive("approval")
    except TimeoutError:
        approval = {"approved": False, "by": "nobody"}
    log.info("decided", by=approval["by"])
    return {"greeting": greeting.text, "approved": approval["approved"], "by": approval["by"]}
