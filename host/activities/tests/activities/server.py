"""An MCP server without a library, so that a test decides each line: python server.py [fault…] over standard input and output.

It appends a line to the file STARTS when it starts, and what it was sent to the file LOG, where those are set.
"""

import json
import os
import sys
import time

faults = set(sys.argv[1:])
tools = ["echo", "die", "wait", "grow", "fail"]


def note(name, line):
    if name in os.environ:
        with open(os.environ[name], "a") as file:
            file.write(line + "\n")


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(request, result):
    send({"id": request["id"], "result": result})


def refuse(request, code, message):
    send({"id": request["id"], "error": {"code": code, "message": message}})


def tool(name):
    return {"name": name, "inputSchema": {"type": "object", "properties": {"z": {}, "a": {}}}}


def list_tools(request):
    cursor = request.get("params", {}).get("cursor")
    if "endless" in faults:
        page = int(cursor or 0)
        answer(request, {"tools": [tool(f"t{page}")], "nextCursor": str(page + 1)})
    elif cursor is None:
        answer(request, {"tools": [tool(name) for name in tools[:2]], "nextCursor": "rest"})
    else:
        answer(request, {"tools": [tool(name) for name in tools[2:]]})


def call(request):
    params = request["params"]
    name = params["name"]
    if name == "die":
        sys.stderr.write("I was told to die with " + os.environ.get("KEY", "no key") + "\n")
        sys.stderr.flush()
        os._exit(3)
    elif name == "wait":
        pass
    elif name == "fail":
        code = params["arguments"]["code"]
        refuse(request, code, "as you wish")
    elif name == "grow":
        tools.append("new")
        send({"method": "notifications/tools/list_changed"})
        answer(request, {"content": []})
    else:
        text = json.dumps({"arguments": params["arguments"], "key": params["_meta"]["abide/idempotency-key"],
                           "env": sorted(os.environ), "cwd": os.getcwd()})
        answer(request, {"content": [{"type": "text", "text": text}]})


note("STARTS", str(os.getpid()))
if "broken" in faults:
    sys.stderr.write("cannot find my configuration\n")
    sys.exit(1)
if "stubborn" in faults:
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "chatty" in faults:
    sys.stderr.write("x" * 1000000 + "\n")
    sys.stderr.flush()
if "garbage" in faults:
    sys.stdout.write("this is no JSON\n{}\n[]\n")
    sys.stdout.flush()
for line in sys.stdin:
    note("LOG", line.strip())
    if "silent" in faults:
        continue
    request = json.loads(line)
    method = request.get("method")
    if method == "initialize":
        answer(request, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {"listChanged": True}},
                         "serverInfo": {"name": "test", "version": "1"}})
    elif method == "tools/list":
        list_tools(request)
    elif method == "tools/call":
        call(request)
    elif "id" in request:
        refuse(request, -32601, "no such method")
while "stubborn" in faults:
    time.sleep(1)
