"""An ordinary program in Python, for WASI 0.2: it knows nothing of abide. What it does is named in its input, which it reads from its standard
input; what it found it prints."""

import json
import os
import random
import socket
import sys
import time
from urllib.parse import urlsplit

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import outgoing_handler, streams
from wit_world.imports import wasi_http_types as http

# Drawn as the component is built, when componentize-py loads the modules: the same in each run. A run begins with a seed of its own.
DRAWN_AT_BUILD = random.random()


class Run(exports.Run):
    def run(self) -> None:
        given = json.load(sys.stdin)
        part = PARTS[given.pop("part", "talk")]
        try:
            print(json.dumps(part(**given)))
        except Exception as error:
            # What is raised further is a trap, as in any component: a program says itself that it failed.
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            raise Err(None) from error


def talk(question: str, url: str, pause_ms: int) -> dict:
    """Asks a model, waits, asks it again."""
    began = time.monotonic()
    print(f"asked: {question}", file=sys.stderr)
    first = ask(url, question)
    time.sleep(pause_ms / 1000)
    second = ask(url, f"Say it shorter: {first}")
    return {"answer": second, "waited": time.monotonic() - began >= pause_ms / 1000}


def surroundings() -> dict:
    """What differs from run to run, and may not differ from replay to replay."""
    return {
        "random": random.random(),
        "drawn_at_build": DRAWN_AT_BUILD,
        "bytes": os.urandom(8).hex(),
        "time": time.time(),
        "order": list({f"word-{number}" for number in range(20)}),
        "identity": id(object()) % 4096,
    }


def started_with() -> dict:
    """What the version was configured with."""
    return {"tone": os.environ.get("TONE"), "id": os.environ.get("ABIDE_ID"), "arguments": sys.argv[1:]}


def nap(pause_ms: int) -> str:
    """Waits, and knows then what it drew before."""
    before = random.random()
    time.sleep(pause_ms / 1000)
    return f"{before} {random.random()}"


def raise_error() -> None:
    """Ends badly."""
    raise KeyError("missing")


def leave(code: int) -> None:
    """Ends itself."""
    print(f"leaving with {code}", file=sys.stderr)
    sys.exit(code)


def write_file() -> str:
    """Wants a file."""
    with open("/notes.txt", "w") as file:
        return file.name


def connect() -> str:
    """Wants a socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.connect(("127.0.0.1", 9))
        return str(connection)


def ask(url: str, question: str) -> str:
    """What a model says to a question."""
    body = json.dumps({"model": "small", "messages": [{"role": "user", "content": question}]})
    status, answer = post(url, body.encode())
    if status != 200:
        raise RuntimeError(f"the model answered {status}: {answer.decode(errors='replace')}")
    return json.loads(answer)["choices"][0]["message"]["content"]


def post(url: str, body: bytes) -> tuple[int, bytes]:
    """Sends a request as `wasi:http` has it."""
    place = urlsplit(url)
    headers = http.Fields.from_list([("content-type", b"application/json"), ("abide-max-attempts", b"5")])
    request = http.OutgoingRequest(headers)
    request.set_method(http.Method_Post())
    request.set_scheme(http.Scheme_Https() if place.scheme == "https" else http.Scheme_Http())
    request.set_authority(place.netloc)
    request.set_path_with_query(place.path)
    outgoing = request.body()
    future = outgoing_handler.handle(request, None)
    with outgoing.write() as stream:
        for start in range(0, len(body), 4096):
            stream.blocking_write_and_flush(body[start : start + 4096])
    http.OutgoingBody.finish(outgoing, None)
    with future.subscribe() as pollable:
        pollable.block()
    match future.get():
        case Ok(Ok(response)):
            return response.status(), read(response)
        case Ok(Err(error)):
            raise ConnectionError(f"the request failed: {type(error).__name__}")
        case other:
            raise ConnectionError(f"the request came to {other}")


def read(response: http.IncomingResponse) -> bytes:
    """The body of an answer."""
    parts = []
    with response.consume() as body, body.stream() as stream:
        try:
            while True:
                parts.append(stream.blocking_read(65536))
        except Err as error:
            if not isinstance(error.value, streams.StreamError_Closed):
                raise
    return b"".join(parts)


PARTS = {
    "talk": talk,
    "surroundings": surroundings,
    "started-with": started_with,
    "nap": nap,
    "raise": raise_error,
    "leave": leave,
    "write-file": write_file,
    "connect": connect,
}
