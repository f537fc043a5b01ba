#!/usr/bin/env python3
"""A worker: it fetches tasks from a queue of abide over HTTP, does them in threads, and answers. Only the standard library is needed.

A tool is a function below `@tool`. It is given the task and its arguments as keywords, and gives any JSON. It may raise `Failure`, call
`task.heartbeat(details)` while it works, or give `LATER` when somebody else will answer by the token of the task.
"""

import argparse
import json
import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

TOOLS = {}
LATER = object()
# Codes of the host that pass by themselves. `task-not-found` does when a host has just come up and its runs are on their way.
PASSING = {"task-not-found", "not-yet", "unavailable", "limit-exceeded", "store-unavailable"}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failure(Exception):
    """The tool could not do it. The retry policy of the call decides what follows where `retryable` is true."""

    def __init__(self, code, message, retryable=False):
        super().__init__(message)
        self.failure = {"code": code, "message": message, "retryable": retryable}


class Refused(Exception):
    """The host refused: `code` says why."""

    def __init__(self, problem):
        super().__init__(problem.get("detail"))
        self.code = problem.get("code")


def say(*words):
    """Writes a line whole, whatever the other threads do."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Queue:
    """A task queue of a host."""

    def __init__(self, url, name):
        self.base = f"{url.rstrip('/')}/v1/tasks/{name}"

    def post(self, verb, body, patience=60):
        """Posts JSON. A host that is away, or says that it will pass, is asked again for `patience` seconds."""
        request = urllib.request.Request(f"{self.base}/{verb}", json.dumps(body).encode(), {"content-type": "application/json"})
        ends = time.monotonic() + patience
        while True:
            try:
                with OPENER.open(request, timeout=90) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                refused = Refused(json.load(error))
                if refused.code not in PASSING or time.monotonic() > ends:
                    raise refused from None
            except OSError:
                if time.monotonic() > ends:
                    raise
            time.sleep(0.3)


class Task:
    """A task that this worker has."""

    def __init__(self, queue, given):
        self.queue, self.given, self.token = queue, given, given["token"]

    def heartbeat(self, details=None):
        """Keeps the task for another lease; the next attempt, if there must be one, is given `details`."""
        if self.queue.post("heartbeat", {"token": self.token, "details": details})["cancelled"]:
            raise Refused({"code": "task-closed", "detail": "the workflow dropped the call"})

    def do(self):
        say("took", self.token, self.given["tool"])
        try:
            result = TOOLS[self.given["tool"]](self, **self.given["arguments"])
            if result is LATER:
                self.queue.post("defer", {"token": self.token, "later": True})
            else:
                self.queue.post("complete", {"token": self.token, "result": result})
            say("later" if result is LATER else "done", self.token)
        except Failure as error:
            self.queue.post("fail", {"token": self.token, "failure": error.failure})
        except Refused as error:
            say("dropped", self.token, error.code)
        except Exception as error:  # A bug of the tool: another attempt may go better.
            failure = {"code": "tool-broke", "message": f"{type(error).__name__}: {error}", "retryable": True}
            self.queue.post("fail", {"token": self.token, "failure": failure})


def tool(function):
    TOOLS[function.__name__] = function
    return function


@tool
def step(task, step):
    """Takes half a second, and says how far it is. A later attempt goes on from there."""
    done = (task.given.get("heartbeat") or {}).get("done", 0)
    for part in range(done, 5):
        time.sleep(0.1)
        task.heartbeat({"done": part + 1})
    return {"step": step, "by": "python"}


@tool
def ask_person(task, **question):
    """A person answers with `abide complete TOKEN JSON`, today or next week."""
    say("asking", task.token, json.dumps(question))
    return LATER


def work(queue, name):
    while True:
        try:
            for given in queue.post("poll", {"worker": name, "max_tasks": 1, "wait_ms": 20000}, patience=3600)["tasks"]:
                Task(queue, given).do()
        except (OSError, Refused) as error:
            say("trouble", error)
            time.sleep(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A worker for abide")
    parser.add_argument("--url", default="http://127.0.0.1:7400")
    parser.add_argument("--queue", default="python")
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    name = f"{socket.gethostname()}-{os.getpid()}"
    threads = [threading.Thread(target=work, args=(Queue(options.url, options.queue), name)) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
