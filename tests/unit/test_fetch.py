"""Files are fetched whole, of the right checksum and of the right kind, or not at all."""

import gzip
import hashlib
import io
import json
import shutil
import subprocess

import pysam
import pytest

from genoglot.errors import InputError
from genoglot.sources import fetch as module
from genoglot.sources.fetch import fetch

FASTA = b">chrI\nACGTACGT\n"


pytestmark = pytest.mark.usefixtures("pauses")


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


def test_a_whole_download_leaves_nothing_beside_it(server, tmp_path):
    fetch(server.publish("/genome.fa", FASTA), tmp_path / "got")
    assert [path.name for path in tmp_path.iterdir()] == ["got"]


def test_a_destination_that_cannot_be_written_is_no_reason_to_try_again(server, tmp_path, pauses):
    (tmp_path / "got.partial").mkdir()
    with pytest.raises(OSError, match=r"got\.partial"):
        fetch(server.publish("/genome.fa", FASTA), tmp_path / "got")
    assert pauses == []


def recorded(source, tmp_path, **settings):
    fetch(source, tmp_path / "got", record=tmp_path / "got.json", **settings)
    return json.loads((tmp_path / "got.json").read_text())


def test_a_download_is_recorded(server, tmp_path):
    headers = {"ETag": '"a1"', "Last-Modified": "Wed, 01 Feb 2023 10:00:00 GMT"}
    url = server.serve("/genome.fa", (200, headers, FASTA))
    digest = hashlib.md5(FASTA).hexdigest()
    assert recorded(url, tmp_path, checksum=digest.upper()) == {
        "source": url,
        "url": url,
        "size": len(FASTA),
        "sha256": hashlib.sha256(FASTA).hexdigest(),
        "etag": '"a1"',
        "last_modified": "Wed, 01 Feb 2023 10:00:00 GMT",
        "checksum": {"algorithm": "md5", "digits": digest, "from": "sheet", "verified": True},
    }


def test_a_local_file_is_recorded_alike_each_time(tmp_path):
    source = tmp_path / "genome.fa"
    source.write_bytes(FASTA)
    record = recorded(str(source), tmp_path)
    assert record["source"] == str(source)
    assert record["sha256"] == hashlib.sha256(FASTA).hexdigest()
    assert [record[key] for key in ("url", "etag", "last_modified", "checksum")] == [None] * 4
    assert recorded(str(source), tmp_path) == record


def test_the_address_before_mirrors_is_recorded(server, tmp_path):
    server.publish("/copies/genome.fa", FASTA)
    record = recorded("https://host/genome.fa", tmp_path, mirrors={"https://host/": f"{server.root}/copies/"})
    assert record["url"] == "https://host/genome.fa"
    assert server.requests == ["/copies/genome.fa"]


def test_messages_name_a_mirror_and_what_it_stands_for(tmp_path):
    with pytest.raises(InputError, match=r"https://host/a\.fa \(from .*/copies/a\.fa\): there is no such file"):
        fetch("https://host/a.fa", tmp_path / "got", mirrors={"https://host/": f"{tmp_path}/copies/"})


@pytest.mark.parametrize("place", ["url", "path"])
def test_a_file_of_checksums(server, tmp_path, place):
    url = server.publish("/pub/genome.fa", FASTA)
    text = f"{'0' * 32}  other.fa\n{hashlib.md5(FASTA).hexdigest()}  ./genome.fa\n"
    (tmp_path / "sums").mkdir()
    (tmp_path / "sums" / "MD5").write_text(text)
    listing = server.publish("/pub/MD5", text.encode()) if place == "url" else str(tmp_path / "sums" / "MD5")
    digest = hashlib.md5(FASTA).hexdigest()
    expected = {"algorithm": "md5", "digits": digest, "from": listing, "verified": True}
    assert recorded(url, tmp_path, checksum=listing)["checksum"] == expected


def test_a_file_of_checksums_that_does_not_fit(server, tmp_path):
    url = server.publish("/genome.fa", FASTA)
    wrong = server.publish("/wrong.txt", f"{'0' * 40}  genome.fa\n".encode())
    with pytest.raises(InputError, match=r"sha1 checksum is .*, expected 0{40} as http://.*/wrong\.txt lists it"):
        fetch(url, tmp_path / "got", wrong)
    other = server.publish("/other.txt", f"{'0' * 40}  genome.fa.gz\n".encode())
    with pytest.raises(InputError, match=r"other\.txt: genome\.fa is not listed there"):
        fetch(url, tmp_path / "got", other)
    with pytest.raises(InputError, match=r"missing\.txt: the server answered 404"):
        fetch(url, tmp_path / "got", f"{server.root}/missing.txt")
    assert_nothing_left(tmp_path)


# Two small providers: the folders, listings and files of checksums that Ensembl and NCBI have.
SEQUENCE, GENES = gzip.compress(FASTA * 100), gzip.compress(b"##gff-version 3\n")
MIRRORED = {
    "https://ftp.ensembl.org/pub/": "ensembl/",
    "https://ftp.ensemblgenomes.ebi.ac.uk/pub/": "genomes/",
    "https://ftp.ncbi.nlm.nih.gov/genomes/": "ncbi/",
}
YEAST, CRESS = "ensembl:saccharomyces_cerevisiae/R64-1-1/109", "ensembl:arabidopsis_thaliana/TAIR10/59/plants"
R64 = "ncbi/all/GCF/000/146/045/GCF_000146045.2_R64"
PUBLISHED = {
    "ensembl/release-109/fasta/saccharomyces_cerevisiae/dna": {
        "Saccharomyces_cerevisiae.R64-1-1.dna_sm.toplevel.fa.gz": SEQUENCE
    },
    "ensembl/release-109/gff3/saccharomyces_cerevisiae": {"Saccharomyces_cerevisiae.R64-1-1.109.gff3.gz": GENES},
    "genomes/plants/release-59/fasta/arabidopsis_thaliana/dna": {
        "Arabidopsis_thaliana.TAIR10.dna_sm.toplevel.fa.gz": SEQUENCE
    },
    R64: {"GCF_000146045.2_R64_genomic.fna.gz": SEQUENCE, "GCF_000146045.2_R64_genomic.gff.gz": GENES},
}
ACCESSIONS = {
    (YEAST, "fasta"): SEQUENCE,
    (YEAST, "annotation"): GENES,
    (CRESS, "fasta"): SEQUENCE,
    ("ncbi:GCF_000146045.2", "fasta"): SEQUENCE,
    ("ncbi:GCF_000146045.2_R64", "annotation"): GENES,
}
needs_sum = pytest.mark.skipif(not shutil.which("sum"), reason="there is no program sum")


def checksum_line(name, content, program):
    if program == "md5sum":
        return f"{hashlib.md5(content).hexdigest()}  ./{name}\n"
    result = subprocess.run(["sum"], input=content, capture_output=True, check=True)
    return f"{' '.join(result.stdout.decode().split()[:2])} {name}\n"


@pytest.fixture
def providers(tmp_path_factory):
    """A folder with copies of the providers' files and of the checksums as each of them lists them."""
    root = tmp_path_factory.mktemp("providers")
    for place, files in PUBLISHED.items():
        folder = root / place
        folder.mkdir(parents=True)
        program, listing = ("md5sum", "md5checksums.txt") if place == R64 else ("sum", "CHECKSUMS")
        for name, content in files.items():
            (folder / name).write_bytes(content)
        lines = [checksum_line(name, content, program) for name, content in files.items()]
        (folder / listing).write_text("".join(lines))
    return root


@pytest.fixture
def mirrors(request, providers, server):
    """The copies as a folder of this machine, or behind a web server that lists folders as Apache does."""
    if request.param == "folder":
        return {prefix: f"{providers}/{place}" for prefix, place in MIRRORED.items()}
    for path in providers.rglob("*"):
        place = f"/{path.relative_to(providers)}"
        if path.is_file():
            server.publish(place, path.read_bytes())
        else:
            links = "".join(f'<a href="{child.name}/">{child.name[:20]}..&gt;</a>\n' for child in path.iterdir())
            server.serve(f"{place}/", (200, {"Content-Type": "text/html"}, f"<html><pre>{links}</pre></html>".encode()))
    return {prefix: f"{server.root}/{place}" for prefix, place in MIRRORED.items()}


@needs_sum
@pytest.mark.parametrize("mirrors", ["folder", "server"], indirect=True)
@pytest.mark.parametrize(("source", "kind"), ACCESSIONS)
def test_accessions_are_found_at_mirrors_and_verified(mirrors, source, kind, tmp_path):
    record = recorded(source, tmp_path, kind=kind, mirrors=mirrors)
    content = ACCESSIONS[source, kind]
    assert (tmp_path / "got").read_bytes() == content
    assert record["source"] == source
    assert record["url"].startswith("https://ftp.")
    checksum = record["checksum"]
    assert checksum["verified"] is True
    assert checksum["from"].rpartition("/")[0] == record["url"].rpartition("/")[0]
    if source.startswith("ncbi"):
        assert checksum["digits"] == hashlib.md5(content).hexdigest()
    else:
        assert checksum["algorithm"] == "sum"


@needs_sum
@pytest.mark.parametrize("mirrors", ["server"], indirect=True)
@pytest.mark.parametrize("source", [YEAST, "ncbi:GCF_000146045.2"])
def test_a_damaged_file_of_a_provider_is_refused(mirrors, server, source, tmp_path):
    damaged = gzip.compress(FASTA * 99)
    for place, file in server.files.items():
        if place.endswith((".fa.gz", ".fna.gz")):
            file.body = damaged
    with pytest.raises(InputError, match=rf"{source}: the (sum|md5) checksum is .* as https://ftp\..* lists it"):
        fetch(source, tmp_path / "got", mirrors=mirrors)
    assert_nothing_left(tmp_path)
    # What the sheet says goes before what the provider says.
    record = recorded(source, tmp_path, mirrors=mirrors, checksum=hashlib.sha256(damaged).hexdigest())
    assert record["checksum"]["from"] == "sheet"


@needs_sum
@pytest.mark.parametrize("mirrors", ["folder"], indirect=True)
def test_without_the_program_sum_a_warning_is_given(mirrors, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(module, "bsd_sum", lambda _path: None)
    record = recorded(YEAST, tmp_path, mirrors=mirrors)
    assert record["checksum"]["verified"] is False
    assert "the program sum is missing" in caplog.text
