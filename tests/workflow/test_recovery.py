"""Killed in the middle, a job leaves nothing that passes for whole, and a second run makes the same bytes."""

import gzip
import hashlib
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import numpy as np
import pytest
from killing import go_on, kill_when, partial
from tiny_study import ROOT, Study

BASES = 40_000_000
GENOME = "results/genomes/toy"


@pytest.fixture(scope="module")
def large(inputs, tmp_path_factory) -> Study:
    """The study with a genome that takes some seconds, by itself in its sheet."""
    study = inputs.copy(tmp_path_factory.mktemp("large"))
    letters = np.frombuffer(b"ACGTacgt", dtype=np.uint8)[np.random.default_rng(1).integers(0, 8, BASES)]
    (study / "toy.fa").write_bytes(b">chrA\n" + letters[: BASES // 2].tobytes() + b"\n>chrB\n")
    with open(study / "toy.fa", "ab") as handle:
        handle.write(letters[BASES // 2 :].tobytes() + b"\n")
    (study / "genomes.tsv").write_text("genome\tfasta\ntoy\ttoy.fa\n")
    (study / "variants.tsv").write_text("variants\tgenome\tvcf\n")
    study.configure(tasks={})
    return study


@pytest.fixture(scope="module")
def undisturbed(large, tmp_path_factory) -> dict[str, str]:
    study = large.copy(tmp_path_factory.mktemp("undisturbed"))
    run = study.snakemake(f"{GENOME}/sequence/bases.npy")
    assert run.returncode == 0, run.stdout
    return digests(study)


def digests(study: Study) -> dict[str, str]:
    names = ["genome.fa.gz", "genome.fa.gz.fai", "genome.json", "sequence/bases.npy", "sequence/contigs.tsv"]
    return {name: hashlib.sha256((study / GENOME / name).read_bytes()).hexdigest() for name in names}


@pytest.mark.parametrize("name", ["genome.fa.gz", "sequence/bases.npy"])
def test_killed_while_writing(large, undisturbed, tmp_path, name):
    study = large.copy(tmp_path)
    output = study / GENOME / name
    target = f"{GENOME}/sequence/bases.npy"
    kill_when(study, target, partial(output.parent, output.name))
    assert not output.exists()
    go_on(study, target)
    assert digests(study) == undisturbed


class Server(BaseHTTPRequestHandler):
    """Serves one file, with ranges; the first answer stops half way."""

    protocol_version = "HTTP/1.1"
    content = b""
    ranges: ClassVar[list[str | None]] = []
    half_sent = threading.Event()

    def do_GET(self):
        asked = self.headers.get("Range")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        rest = self.content[start:]
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if asked:
            self.wfile.write(rest)
            return
        self.wfile.write(rest[: len(rest) // 2])
        self.wfile.flush()
        self.half_sent.set()
        time.sleep(30)

    def log_message(self, *arguments):
        pass


def test_killed_while_downloading(large, undisturbed, tmp_path):
    study = large.copy(tmp_path)
    Server.content = gzip.compress((study / "toy.fa").read_bytes(), 1)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/toy.fa.gz"
    (study / "genomes.tsv").write_text(f"genome\tfasta\ntoy\t{url}\n")
    target = f"{GENOME}/sequence/bases.npy"
    kept = study / GENOME / "source/fasta.partial"
    kill_when(study, target, lambda: Server.half_sent.is_set() and kept.exists() and kept.stat().st_size > 1 << 20)
    go_on(study, target)
    server.shutdown()
    assert Server.ranges[0] is None
    assert Server.ranges[-1] is not None
    found = digests(study)
    same = [name for name in undisturbed if name != "genome.json"]  # which holds the digest of what was downloaded
    assert {name: found[name] for name in same} == {name: undisturbed[name] for name in same}


@pytest.mark.skipif(os.name != "posix", reason="limits of file sizes are of POSIX")
def test_a_full_disk_is_said_and_leaves_nothing(large, tmp_path):
    """A limit on the size of files stands for the full disk: the same call fails in the same way."""
    study = large.copy(tmp_path)
    script = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20)); "
    script += "sys.argv = ['snakemake', *sys.argv[1:]]; import snakemake.cli; snakemake.cli.main()"
    command = [sys.executable, "-c", script, "--snakefile", str(ROOT / "Snakefile"), "--configfile", "config.yaml"]
    (study / f"{GENOME}/source").mkdir(parents=True)
    run = subprocess.run(
        [*command, "--cores", "2", "--show-failed-logs", f"{GENOME}/genome.fa.gz"],
        cwd=study.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert run.returncode != 0
    assert "Traceback" not in run.stdout
    assert "File too large" in run.stdout or "No space left" in run.stdout
    assert not (study / GENOME / "genome.fa.gz").exists()
    assert not list((study / "results").rglob(".partial*"))
