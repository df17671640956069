"""An HTTP proxy before a server that a test kills: it can hold, damage and count the parts."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

Damage = Callable[[str, bytes], bytes]


class UploadProxy:
    """Forwards to `upstream()`; `tried` and `confirmed` count the PUTs by path. Thread-safe."""

    def __init__(self, upstream: Callable[[], str], damage: Damage | None = None) -> None:
        self.tried: Counter[str] = Counter()
        self.confirmed: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.open = threading.Event()  # while it is not set, parts after `free` of them wait
        self.open.set()
        self.free = 0
        self.lock = threading.Lock()
        self.upstream = upstream
        self.damage = damage
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                proxy.forward(self)

            def do_POST(self) -> None:
                proxy.forward(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> UploadProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()

    def forward(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        is_part = request.command == "PUT"
        if is_part:
            with self.lock:
                self.tried[request.path] += 1
                waits = self.tried.total() > self.free
            if waits:
                self.open.wait(60)
            if self.damage:
                body = self.damage(request.path, body)
        try:
            upstream = http.client.HTTPConnection(
                self.upstream().removeprefix("http://"), timeout=30
            )
            headers = {k: v for k, v in request.headers.items() if k.lower() != "host"}
            upstream.request(request.command, request.path, body, headers)
            answer = upstream.getresponse()
            text = answer.read()
            upstream.close()
        except (OSError, http.client.HTTPException):
            request.close_connection = True  # the server is dead: the client sees a cut
            return
        if is_part:
            with self.lock:
                (self.confirmed if answer.status == 200 else self.refused)[request.path] += 1
        try:
            request.send_response(answer.status)
            request.send_header("Content-Type", answer.headers.get("Content-Type", ""))
            request.send_header("Content-Length", str(len(text)))
            request.end_headers()
            request.wfile.write(text)
        except OSError:
            request.close_connection = True  # the client is dead
