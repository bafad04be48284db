import gzip
import hashlib
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pysam
import pytest

from genoglot.errors import InputError
from genoglot.sources import fetch as module
from genoglot.sources.fetch import fetch, parse_checksum

FASTA = b">chrI\nACGTACGT\n"


class Server:
    """A web server whose answers a test sets: path -> list of (status, headers, body), the last one repeated."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.requests: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                queue = outer.answers[self.path]
                status, headers, body = queue.pop(0) if len(queue) > 1 else queue[0]
                self.send_response(status)
                for key, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def serve(self, path: str, *answers: tuple[int, dict[str, str], bytes]) -> str:
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.http.server_address[1]}{path}"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Back-off without waiting; the list of pauses asked for."""
    asked: list[float] = []
    monkeypatch.setattr(module.time, "sleep", asked.append)
    return asked


def assert_nothing_left(folder):
    assert list(folder.iterdir()) == []


def test_a_download_arrives_byte_for_byte(server, tmp_path):
    body = gzip.compress(FASTA * 1000)
    url = server.serve("/genome.fa.gz", (200, {}, body))
    fetch(url, tmp_path / "got", f"sha256:{hashlib.sha256(body).hexdigest()}")
    assert (tmp_path / "got").read_bytes() == body


def test_content_encoding_does_not_unpack_the_file(server, tmp_path):
    body = gzip.compress(FASTA)
    url = server.serve("/genome.fa.gz", (200, {"Content-Encoding": "gzip"}, body))
    fetch(url, tmp_path / "got", hashlib.md5(body).hexdigest())
    assert (tmp_path / "got").read_bytes() == body


def test_a_missing_file_is_not_asked_for_again(server, tmp_path):
    url = server.serve("/gone.fa", (404, {}, b"nope"))
    with pytest.raises(InputError, match=r"gone\.fa.*404.*check the address"):
        fetch(url, tmp_path / "got")
    assert len(server.requests) == 1
    assert_nothing_left(tmp_path)


def test_a_server_error_is_retried_with_longer_pauses(server, tmp_path, pauses):
    error = (503, {}, b"busy")
    url = server.serve("/genome.fa", error, error, (200, {}, FASTA))
    fetch(url, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == FASTA
    assert pauses == [1.0, 2.0]


def test_a_server_that_keeps_failing_is_given_up(server, tmp_path):
    url = server.serve("/genome.fa", (500, {}, b"broken"))
    with pytest.raises(InputError, match=r"500.*each of 3 attempts"):
        fetch(url, tmp_path / "got", retries=2)
    assert len(server.requests) == 3
    assert_nothing_left(tmp_path)


def test_a_cut_download_never_passes(server, tmp_path):
    cut = (200, {"Content-Length": str(len(FASTA) + 7)}, FASTA)
    url = server.serve("/genome.fa", cut)
    with pytest.raises(InputError, match="attempts"):
        fetch(url, tmp_path / "got", retries=1)
    assert len(server.requests) == 2
    assert_nothing_left(tmp_path)


def test_a_cut_download_is_whole_after_another_attempt(server, tmp_path):
    cut = (200, {"Content-Length": str(len(FASTA))}, FASTA[:5])
    fetch(server.serve("/genome.fa", cut, (200, {}, FASTA)), tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == FASTA


def test_a_refused_connection_is_an_input_error(server, tmp_path):
    url = server.serve("/genome.fa", (200, {}, FASTA))
    server.http.server_close()
    with pytest.raises(InputError, match="connection failed"):
        fetch(url, tmp_path / "got", retries=0, timeout=2)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<p>log in</p>", b"\n  <html><body>not here</body></html>"])
def test_a_web_page_is_not_data(server, tmp_path, pack, page):
    url = server.serve("/genome.fa.gz", (200, {}, pack(page)))
    with pytest.raises(InputError, match="HTML page"):
        fetch(url, tmp_path / "got")
    assert_nothing_left(tmp_path)


def test_a_wrong_checksum_names_both(server, tmp_path):
    url = server.serve("/genome.fa", (200, {}, FASTA))
    expected = "0" * 32
    with pytest.raises(InputError, match=f"md5 checksum is {hashlib.md5(FASTA).hexdigest()}, expected {expected}"):
        fetch(url, tmp_path / "got", expected)
    assert_nothing_left(tmp_path)


def test_a_cut_gzip_stream_is_refused(server, tmp_path):
    body = gzip.compress(FASTA * 1000)
    url = server.serve("/genome.fa.gz", (200, {}, body[:-9]))
    with pytest.raises(InputError, match="end too early"):
        fetch(url, tmp_path / "got")
    assert_nothing_left(tmp_path)


def bgzip(tmp_path, content: bytes) -> bytes:
    path = tmp_path / "made.gz"
    with pysam.BGZFile(str(path), "wb") as handle:
        handle.write(content)
    body = path.read_bytes()
    path.unlink()
    return body


def test_bgzip_passes_and_is_refused_when_cut_between_blocks(tmp_path):
    body = bgzip(tmp_path, FASTA * 20000)
    (tmp_path / "whole.gz").write_bytes(body)
    fetch(str(tmp_path / "whole.gz"), tmp_path / "got")
    assert gzip.decompress((tmp_path / "got").read_bytes()) == FASTA * 20000
    (tmp_path / "cut.gz").write_bytes(body[:-28])
    with pytest.raises(InputError, match="closing block"):
        fetch(str(tmp_path / "cut.gz"), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_gzip_of_many_members_is_read_to_its_end(tmp_path):
    stream = io.BytesIO(gzip.compress(FASTA) + gzip.compress(FASTA)[:-4])
    (tmp_path / "two.gz").write_bytes(stream.getvalue())
    with pytest.raises(InputError, match="end too early"):
        fetch(str(tmp_path / "two.gz"), tmp_path / "got")


@pytest.mark.parametrize("form", ["{}", "file://{}", "file:{}"])
@pytest.mark.parametrize("checksum", [None, f"sha1:{hashlib.sha1(FASTA).hexdigest()}"])
def test_local_files_are_copied(tmp_path, form, checksum):
    source = tmp_path / "a genome.fa"
    source.write_bytes(FASTA)
    address = form.format(source) if form == "{}" else form.format(str(source).replace(" ", "%20"))
    fetch(address, tmp_path / "out" / "got", checksum)
    assert (tmp_path / "out" / "got").read_bytes() == FASTA
    assert source.exists()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere/genome.fa", "no such file"),
        ("s3://bucket/genome.fa", "cannot fetch s3"),
        ("file://elsewhere/genome.fa", "names no host"),
        ("http://", "not a valid address"),
    ],
)
def test_sources_that_cannot_be(tmp_path, source, words):
    with pytest.raises(InputError, match=words):
        fetch(source, tmp_path / "got", retries=0)
    assert_nothing_left(tmp_path)


def test_an_empty_file_and_a_folder_are_refused(tmp_path):
    (tmp_path / "empty.fa").touch()
    with pytest.raises(InputError, match="empty"):
        fetch(str(tmp_path / "empty.fa"), tmp_path / "got")
    with pytest.raises(InputError, match="folder"):
        fetch(str(tmp_path), tmp_path / "got")


def test_checksums_are_read_with_or_without_their_name():
    assert parse_checksum("A" * 64, "x") == ("sha256", "a" * 64)
    assert parse_checksum("sha1:" + "b" * 40, "x") == ("sha1", "b" * 40)
    for wrong in ("abc", "md5:" + "a" * 40, "crc32:" + "a" * 32, "g" * 32):
        with pytest.raises(InputError, match="checksum"):
            parse_checksum(wrong, "x")
