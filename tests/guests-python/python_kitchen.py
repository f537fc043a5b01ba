"""What the tests ask of a workflow in Python: the input says which part."""

import asyncio
import hashlib
import os
import random
import secrets
import time
import uuid

import abide
from abide import queries, signals, state, timer, tools, updates

tidied = False


async def run(input):
    queries.on("part", lambda: input["part"])
    return await PARTS[input["part"]](input)


async def echo(value):
    return (await tools.call("kitchen", "echo", {"value": value})).json()["value"]


async def chain(input):
    return [await echo(number) for number in range(input["length"])]


async def fan_out(_input):
    """Calls at the same time, in whatever order they complete."""
    return await asyncio.gather(*(echo(number) for number in range(8)))


async def deadline(input):
    """A signal that has to come in time, by the words of asyncio."""
    try:
        async with asyncio.timeout(input["patience_s"]):
            return {"came": await signals.receive("go")}
    except TimeoutError:
        return {"came": None}


async def lost_and_found(_input):
    """A task that is cancelled while it waits for a signal takes none: the signal is for the one who waits next."""
    waiting = asyncio.create_task(signals.receive("go"))
    done, _ = await asyncio.wait({waiting, asyncio.create_task(echo("first"))}, return_when=asyncio.FIRST_COMPLETED)
    assert waiting not in done
    waiting.cancel()
    try:
        await asyncio.wait_for(signals.receive("never"), 0.01)
    except TimeoutError:
        pass
    state.publish("stage", "listening again")
    return await signals.receive("go")


async def tidy(_input):
    """Asked to end, it tidies up with a further call."""
    async with abide.saga() as saga:
        saga.undo("put it back", lambda: tools.call("kitchen", "put-back", {}))
        await tools.call("kitchen", "take", {})
        await signals.receive("never")


async def broken(_input):
    return {}["missing"]


async def refused(_input):
    raise abide.Failure("sold-out", "there is none left", {"left": 0}, retryable=True)


async def no_json(_input):
    return {"it": object()}


async def left_over(_input):
    """Ends while a task of it still waits."""
    task = asyncio.create_task(signals.receive("never"))
    await asyncio.sleep(0)
    await asyncio.sleep(0.005)
    return task.done()


async def questions(_input):
    total = 0
    while total < 3:
        update = await updates.receive("add")
        if update.arguments > 0:
            total += update.arguments
            update.respond(total)
        else:
            update.reject(abide.Failure("too-little", "add something"))
    return total


async def again(input):
    if input["left"] > 0:
        raise abide.run.continue_as_new({"part": "again", "left": input["left"] - 1})
    return "done"


class Thing:
    pass


async def surroundings(_input):
    """Digests everything that could differ between a run and its replay."""
    digest = hashlib.sha256()

    def look():
        seen = [time.time(), time.time_ns(), time.monotonic(), time.perf_counter(), timer.now_ms(), random.random()]
        seen += [uuid.uuid4(), uuid.uuid1(), secrets.token_hex(8), os.urandom(8), hash("text"), hash(Thing())]
        seen += [list({str(number) for number in range(50)}), list({Thing: 1, object: 2}), id(seen), id(Thing())]
        seen += [[type(task).__name__ for task in asyncio.all_tasks()], sorted(os.environ), abide.random.u64()]
        # An infinity less itself: its bits depend on the processor, unless somebody takes care.
        seen += [str(float("inf") - float("inf")), sum(0.1 * number for number in range(100))]
        digest.update(repr(seen).encode())

    look()
    completed = []

    async def one(number):
        await echo(number)
        completed.append(number)
        look()

    await asyncio.gather(*(one(number) for number in range(10)))
    await asyncio.sleep(0.003)
    look()
    state.publish("digest", digest.hexdigest())
    return {"digest": digest.hexdigest(), "completed": completed}


PARTS = {
    "chain": chain,
    "fan-out": fan_out,
    "deadline": deadline,
    "lost-and-found": lost_and_found,
    "tidy": tidy,
    "broken": broken,
    "refused": refused,
    "no-json": no_json,
    "left-over": left_over,
    "questions": questions,
    "again": again,
    "surroundings": surroundings,
}
