"""What stands before a platform and hands everything on, so that the rows can count what reached it."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator

#: Of the connection, not of the message (RFC 9110 7.6.1).
HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


class Front:
    """A loopback server that passes requests on to `port`, and remembers each with its answer's status."""

    def __init__(self, port: int) -> None:
        front, seen = self, list[tuple[str, str, int]]()

        class Passing(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if front.is_failing:
                    self.send_error(503)
                    return
                behind = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                kept = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                behind.request(self.command, self.path, body or None, {**kept, "Content-Length": str(len(body))})
                answer = behind.getresponse()
                text = answer.read()
                front.last[self.path] = text
                seen.append((self.command, self.path.partition("?")[0], answer.status))
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)
                behind.close()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = pass_on

            def log_message(self, *_: Any) -> None:
                pass

        self.seen = seen
        self.is_failing = False
        #: What was answered last at each path.
        self.last: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def count(self, path: str, below: int = 600) -> int:
        """How many requests whose path has that in it came to an answer whose status is below that."""
        return sum(path in each and status < below for _, each, status in self.seen)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Answers 503 to everything meanwhile."""
        self.is_failing = True
        try:
            yield
        finally:
            self.is_failing = False

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
