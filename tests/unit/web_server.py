"""A web server for tests: answers that a test sets, and files that can be had in parts (RFC 9110, section 14)."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class WebFile:
    """A file on the server.

    ranges, conditions: whether the server knows the headers Range and If-Range.
    cuts: for each request, the number of bytes after which the connection breaks; none of them: no break.
    held: number of bytes of the body after which the server waits for `released`.
    """

    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"1"'})
    ranges: bool = True
    conditions: bool = True
    cuts: list[int] = field(default_factory=list)
    held: int | None = None
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, asked: dict[str, str]) -> Answer:
        start = int(asked["Range"].removeprefix("bytes=").removesuffix("-")) if "Range" in asked else None
        condition = asked.get("If-Range", self.headers.get("ETag"))
        known = not self.conditions or condition in (self.headers.get("ETag"), self.headers.get("Last-Modified"))
        if start is None or not self.ranges or not known:
            return 200, self.headers, self.body
        total = len(self.body)
        if start >= total:
            return 416, self.headers | {"Content-Range": f"bytes */{total}"}, b""
        return 206, self.headers | {"Content-Range": f"bytes {start}-{total - 1}/{total}"}, self.body[start:]


class Server:
    """Paths with what is there: a file, or answers of status, headers and body, of which the last one is repeated."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.files: dict[str, WebFile] = {}
        self.requests: list[str] = []
        self.ranges: list[str | None] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def serve(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return self.root + path

    def publish(self, path: str, file: WebFile | bytes) -> str:
        self.files[path] = file if isinstance(file, WebFile) else WebFile(file)
        return self.root + path

    def close(self) -> None:
        for file in self.files.values():
            file.released.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def _answer(self, path: str, asked: dict[str, str]) -> Answer:
        if path in self.files:
            return self.files[path].answer(asked)
        queue = self.answers.get(path, [(404, {}, b"nothing here")])
        return queue.pop(0) if len(queue) > 1 else queue[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                outer.ranges.append(self.headers.get("Range"))
                status, headers, body = outer._answer(self.path, dict(self.headers))
                self.send_response(status)
                length = {} if "Transfer-Encoding" in headers else {"Content-Length": str(len(body))}
                for key, value in (length | headers).items():
                    self.send_header(key, value)
                self.end_headers()
                self._send(body, outer.files.get(self.path))

            def _send(self, body: bytes, file: WebFile | None) -> None:
                if file is not None and file.cuts:
                    body = body[: file.cuts.pop(0)]
                if file is not None and file.held is not None:
                    self.wfile.write(body[: file.held])
                    self.wfile.flush()
                    file.released.wait()
                    return
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        return Handler
