"""The ticket system of the example: answers the three tools of abide.toml on port 7410.

It shows what a good neighbour of a durable workflow does: it remembers the answer to each Idempotency-Key, so that a call that is
made again after a crash is not done again. It keeps nothing on disk.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

answers: dict[str, dict] = {}
tickets = 0
lock = Lock()


def perform(path: str, request: dict) -> dict | None:
    global tickets
    if path == "/tickets":
        tickets += 1
        return {"ticket": f"DESK-{tickets}"}
    if path == "/reminders":
        return {"reminded": True}
    if path == "/provisions":
        return {"done": f"{request['action']} (approved by {request['approved_by']})"}
    return None


class Desk(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        key = self.headers.get("Idempotency-Key")
        with lock:
            again = key in answers
            answer = answers[key] if again else perform(self.path, request)
            if key and answer is not None:
                answers[key] = answer
        print(self.path, json.dumps(request), "->", json.dumps(answer), "(again)" if again else "", flush=True)
        body = json.dumps(answer or {"error": f"there is nothing at {self.path}"}).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """One line a request is enough."""


if __name__ == "__main__":
    print("the desk listens on http://127.0.0.1:7410", flush=True)
    ThreadingHTTPServer(("127.0.0.1", 7410), Desk).serve_forever()
