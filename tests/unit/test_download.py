"""Downloads that break off go on where they stopped, and never mix two versions of a file."""

import gzip
import hashlib
import json
import random
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from web_server import WebFile

import genoglot
from genoglot.errors import InputError
from genoglot.sources import download
from genoglot.sources.fetch import fetch

BODY = random.Random(1).randbytes(3_000_000)
OTHER = random.Random(2).randbytes(3_000_000)
MD5 = hashlib.md5(BODY).hexdigest()
DATE = "Wed, 01 Feb 2023 10:00:00 GMT"
LATER = "Thu, 02 Feb 2023 10:00:00 GMT"

IN_ANOTHER_PROCESS = """
import resource, sys
from genoglot.errors import InputError
from genoglot.sources.fetch import fetch
if int(sys.argv[3]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    fetch(sys.argv[1], sys.argv[2], retries=2)
except InputError as error:
    sys.exit(str(error))
"""


pytestmark = pytest.mark.usefixtures("pauses")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def interrupted(server, tmp_path, headers=None, cut=1_000_000):
    """A file on the server, `cut` bytes of which have been downloaded; the server may be changed after that."""
    file = WebFile(BODY, headers={"ETag": '"1"'} if headers is None else headers, cuts=[cut])
    url = server.publish("/genome.2bit", file)
    with pytest.raises(InputError, match=r"the connection broke|bytes came"):
        fetch(url, tmp_path / "got", retries=0)
    return url, file


def process(url, tmp_path, limit=0):
    """`fetch` in a process of its own, which cannot write files of more than `limit` bytes."""
    return subprocess.Popen(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, url, str(tmp_path / "got"), str(limit)],
        env={"PYTHONPATH": str(Path(genoglot.__file__).parents[1])},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("headers", [{"ETag": '"1"'}, {"Last-Modified": DATE}, {"ETag": '"1"', "Last-Modified": DATE}])
def test_a_retry_goes_on_where_the_connection_broke(server, tmp_path, headers):
    file = WebFile(BODY, headers=headers, cuts=[700_000, 500_000])
    fetch(server.publish("/genome.2bit", file), tmp_path / "got", MD5)
    assert (tmp_path / "got").read_bytes() == BODY
    assert server.ranges == [None, "bytes=700000-", "bytes=1200000-"]
    assert names(tmp_path) == ["got"]


def test_another_run_goes_on_where_one_broke(server, tmp_path):
    url, _ = interrupted(server, tmp_path)
    assert names(tmp_path) == ["got.partial", "got.partial.json"]
    assert (tmp_path / "got.partial").read_bytes() == BODY[:1_000_000]
    state = json.loads((tmp_path / "got.partial.json").read_text())
    assert state == {"url": url, "etag": '"1"', "last_modified": None, "length": len(BODY)}
    fetch(url, tmp_path / "got", MD5)
    assert server.ranges == [None, "bytes=1000000-"]
    assert names(tmp_path) == ["got"]


def test_another_run_goes_on_after_a_kill(server, tmp_path):
    file = WebFile(BODY, held=1_200_000)
    url = server.publish("/genome.2bit", file)
    victim = process(url, tmp_path)
    partial = tmp_path / "got.partial"
    wait_until(lambda: partial.exists() and partial.stat().st_size >= 1_000_000)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    victim.stderr.close()
    kept = partial.stat().st_size
    file.held = None
    fetch(url, tmp_path / "got", MD5, record=tmp_path / "record")
    assert (tmp_path / "got").read_bytes() == BODY
    assert server.ranges == [None, f"bytes={kept}-"]
    assert json.loads((tmp_path / "record").read_text())["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert names(tmp_path) == ["got", "record"]


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the download did not get that far"
        threading.Event().wait(0.02)


def test_a_file_that_had_come_whole_is_not_asked_for_again(server, tmp_path):
    url, _ = interrupted(server, tmp_path)
    (tmp_path / "got.partial").write_bytes(BODY)
    fetch(url, tmp_path / "got", MD5)
    assert server.ranges == [None, f"bytes={len(BODY) - 1}-"]


@pytest.mark.parametrize("obeys", [True, False], ids=["If-Range obeyed", "If-Range ignored"])
@pytest.mark.parametrize(
    ("before", "after"),
    [({"ETag": '"1"'}, {"ETag": '"2"'}), ({"Last-Modified": DATE}, {"Last-Modified": LATER})],
    ids=["ETag", "Last-Modified"],
)
def test_a_changed_file_starts_over(server, tmp_path, before, after, obeys):
    url, file = interrupted(server, tmp_path, before)
    file.body, file.headers = OTHER, after
    file.conditions = obeys
    fetch(url, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == OTHER
    assert server.ranges == [None, "bytes=1000000-"] + ([] if obeys else [None])


def test_a_file_that_became_shorter_starts_over(server, tmp_path, monkeypatch):
    url, file = interrupted(server, tmp_path)
    file.body = OTHER[:500]
    monkeypatch.setattr(download.Version, "contradicts", lambda *_: False)
    fetch(url, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == OTHER[:500]
    assert server.ranges == [None, "bytes=1000000-", None]


def test_another_part_than_asked_for_starts_over(server, tmp_path):
    url, _ = interrupted(server, tmp_path)
    del server.files["/genome.2bit"]
    wrong = {"ETag": '"1"', "Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"}
    server.serve("/genome.2bit", (206, wrong, BODY), (200, {"ETag": '"1"'}, BODY))
    fetch(url, tmp_path / "got", MD5, retries=0)
    assert server.ranges == [None, "bytes=1000000-", None]


def test_a_part_may_come_in_parts(server, tmp_path):
    url, _ = interrupted(server, tmp_path)
    del server.files["/genome.2bit"]
    total = len(BODY)
    server.serve(
        "/genome.2bit",
        (206, {"ETag": '"1"', "Content-Range": f"bytes 1000000-1999999/{total}"}, BODY[1_000_000:2_000_000]),
        (206, {"ETag": '"1"', "Content-Range": f"bytes 2000000-{total - 1}/{total}"}, BODY[2_000_000:]),
    )
    fetch(url, tmp_path / "got", MD5)
    assert server.ranges == [None, "bytes=1000000-", "bytes=2000000-"]


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    url, file = interrupted(server, tmp_path)
    file.ranges = False
    fetch(url, tmp_path / "got", MD5)
    assert server.ranges == [None, "bytes=1000000-"]


@pytest.mark.parametrize(
    "headers", [{}, {"ETag": 'W/"1"', "Last-Modified": DATE}, {"ETag": '"1"', "Accept-Ranges": "none"}]
)
def test_what_cannot_be_known_again_is_not_kept(server, tmp_path, headers):
    url, _ = interrupted(server, tmp_path, headers)
    assert names(tmp_path) == []
    fetch(url, tmp_path / "got", MD5)
    assert server.ranges == [None, None]


@pytest.mark.parametrize("state", ["", "[]", '{"url": 1}', '{"url": "http://other/", "etag": "1"}'])
def test_bytes_of_unknown_origin_are_not_used(server, tmp_path, state):
    (tmp_path / "got.partial").write_bytes(OTHER)
    (tmp_path / "got.partial.json").write_text(state)
    fetch(server.publish("/genome.2bit", BODY), tmp_path / "got", MD5)
    assert (tmp_path / "got").read_bytes() == BODY
    assert server.ranges == [None]


def test_a_chunked_download_that_breaks_goes_on(server, tmp_path):
    """Without a length a break is seen by the chunk that does not end."""
    chunked = {"ETag": '"1"', "Transfer-Encoding": "chunked"}
    url = server.serve("/genome.2bit", (200, chunked, b"%x\r\n" % len(BODY) + BODY[:900_000]))
    with pytest.raises(InputError, match="the connection broke"):
        fetch(url, tmp_path / "got", retries=0)
    server.publish("/genome.2bit", BODY)
    fetch(url, tmp_path / "got", MD5)
    assert server.ranges == [None, "bytes=900000-"]


def test_failures_are_counted_anew_after_each_megabyte(server, tmp_path, pauses):
    body = BODY + OTHER
    file = WebFile(body, cuts=[1_100_000] * 4)
    fetch(server.publish("/genome.2bit", file), tmp_path / "got", retries=1)
    assert (tmp_path / "got").read_bytes() == body
    assert pauses == [1.0] * 4


def test_a_wrong_checksum_removes_the_part(server, tmp_path):
    url, file = interrupted(server, tmp_path)
    file.body = BODY[:1_000_000] + OTHER[1_000_000:]
    with pytest.raises(InputError, match="md5 checksum is"):
        fetch(url, tmp_path / "got", MD5)
    assert names(tmp_path) == []


def test_a_damaged_gzip_stream_removes_the_part(server, tmp_path):
    packed = gzip.compress(BODY)
    with pytest.raises(InputError, match="end too early"):
        fetch(server.publish("/genome.fa.gz", packed[:-9]), tmp_path / "got")
    assert names(tmp_path) == []


@pytest.mark.parametrize("headers", [{"ETag": '"1"'}, {}], ids=["with ETag", "without"])
def test_a_full_disk_is_named_and_not_tried_again(server, tmp_path, headers):
    url = server.publish("/genome.2bit", WebFile(BODY, headers=headers))
    full = process(url, tmp_path, limit=1_000_000)
    _, message = full.communicate(timeout=60)
    assert full.returncode == 1
    assert f"no room left in {tmp_path} after 1000000 bytes" in message
    assert "Traceback" not in message
    assert len(server.requests) == 1
    assert names(tmp_path) == (["got.partial", "got.partial.json"] if headers else [])
    fetch(url, tmp_path / "got", MD5)
    assert server.ranges == [None, "bytes=1000000-" if headers else None]


def test_a_full_disk_while_a_local_file_is_copied(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "genome.2bit").write_bytes(BODY)
    full = process(str(tmp_path / "in" / "genome.2bit"), tmp_path, limit=1_000_000)
    _, message = full.communicate(timeout=60)
    assert "no room left" in message
    assert names(tmp_path) == ["in"]


class FtpServer:
    """An FTP server of one file, as much of it as a client needs to get that (RFC 959)."""

    def __init__(self, body: bytes, announced: int) -> None:
        outer = self
        self.retrieved = 0

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 ready")
                while line := self.rfile.readline().decode().strip():
                    command, _, argument = line.partition(" ")
                    getattr(self, command.lower(), self.refuse)(argument)

            def say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

            def refuse(self, _argument: str) -> None:
                self.say("502 not here")

            def user(self, _argument: str) -> None:
                self.say("230 welcome")

            def cwd(self, folder: str) -> None:
                self.say("250 done" if folder in ("pub", "/pub") else "550 no such folder")

            def pwd(self, _argument: str) -> None:
                self.say('257 "/pub"')

            def type(self, _argument: str) -> None:
                self.say("200 done")

            def pasv(self, _argument: str) -> None:
                self.data = socket.create_server(("127.0.0.1", 0))
                high, low = divmod(self.data.getsockname()[1], 256)
                self.say(f"227 here (127,0,0,1,{high},{low})")

            def retr(self, name: str) -> None:
                outer.retrieved += 1
                if name != "genome.2bit":
                    self.say("550 no such file")
                    return
                self.say(f"150 opening ({announced} bytes)")
                connection, _ = self.data.accept()
                with connection:
                    connection.sendall(body)
                self.data.close()
                self.say("226 done")

        self.tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.tcp.daemon_threads = True
        self.root = f"ftp://127.0.0.1:{self.tcp.server_address[1]}"
        threading.Thread(target=self.tcp.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def ftp(request):
    server = FtpServer(BODY, announced=len(BODY) + request.param)
    yield server
    server.tcp.shutdown()
    server.tcp.server_close()


@pytest.mark.parametrize("ftp", [0], indirect=True)
def test_ftp(ftp, tmp_path):
    fetch(f"{ftp.root}/pub/genome.2bit", tmp_path / "got", MD5)
    assert (tmp_path / "got").read_bytes() == BODY
    with pytest.raises(InputError, match=r"other\.2bit: the server has no such file"):
        fetch(f"{ftp.root}/pub/other.2bit", tmp_path / "other")
    assert ftp.retrieved == 2
    assert names(tmp_path) == ["got"]


@pytest.mark.parametrize("ftp", [7], indirect=True)
def test_a_cut_ftp_download_never_passes(ftp, tmp_path):
    with pytest.raises(InputError, match="only 3000000 of 3000007 bytes came, in each of 2 attempts"):
        fetch(f"{ftp.root}/pub/genome.2bit", tmp_path / "got", retries=1)
    assert names(tmp_path) == []
