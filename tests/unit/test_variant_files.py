"""Files of variants: every form gives the same records, all come out as they were, and what is damaged is refused."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pysam
import pytest
from cyvcf2 import VCF, Writer
from scored_variants import HEADER, Scoring, vcf_line
from tiny_corpus import random_sequence

from genoglot.errors import InputError
from genoglot.genome.store import BLOCK
from genoglot.variants.records import open_variants
from genoglot.variants.splitting import FEWEST, split_variants

CONTIGS = {"c1": random_sequence(400, 4), "c2": random_sequence(300, 5)}
# numbers, spaces and signs that a parser would write in another way
KEPT = (
    "c1\t5\trs5;x\t{0}\tT,<DEL>\t50.00\tq10;low\tAF=0.10,1e-3;END=9;BIG=12345678.9;FLAG;S=a b%2C\t"
    "GT:DP\t0/1:.\t1|2:07\n"
    "c1\t9\t.\t{1}\t.\t.\tPASS\t.\tGT\t./.\t0\n"
)
TEXT = HEADER + KEPT.format(CONTIGS["c1"][4], CONTIGS["c1"][8]) + vcf_line("c2", 10, CONTIGS["c2"][9], "A,C,G,T")


@pytest.fixture
def scoring(make_genome, tmp_path):
    return Scoring(tmp_path, make_genome, CONTIGS, "cloze", "single")


def body(path: Path) -> list[str]:
    """The records of a scored VCF without what was added."""
    lines = []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        if line.startswith("#"):
            continue
        columns = line.split("\t")
        columns[7] = ";".join(item for item in columns[7].split(";") if not item.startswith("GLM_")) or "."
        lines.append("\t".join(columns))
    return lines


def records(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def in_form(form: str, folder: Path) -> Path:
    path = folder / f"in.{form}"
    if form == "plain":
        path.write_text(TEXT)
    elif form == "crlf":
        path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    elif form == "gzip":
        path.write_bytes(gzip.compress(TEXT.encode()))
    else:
        with pysam.BGZFile(str(path), "wb") as handle:
            handle.write(TEXT.encode())
    return path


@pytest.mark.parametrize("form", ["plain", "crlf", "gzip", "bgzip"])
def test_all_that_a_record_carries_comes_out(scoring, tmp_path, form):
    out = scoring.run(in_form(form, tmp_path), chunks=3)
    assert body(out / "m.vcf.gz") == records(TEXT)
    header = gzip.decompress((out / "m.vcf.gz").read_bytes()).decode().splitlines()
    kept = [line for line in header if line.startswith("#") and "GLM_" not in line and "genoglot" not in line]
    assert kept == [line for line in TEXT.splitlines() if line.startswith("#")]


def test_bcf_gives_the_records_of_its_text(scoring, tmp_path):
    defined = TEXT.replace(
        "##FILTER",
        '##INFO=<ID=AF,Number=A,Type=Float,Description="x">\n##INFO=<ID=END,Number=1,Type=Integer,Description="x">\n'
        '##INFO=<ID=BIG,Number=1,Type=Float,Description="x">\n##INFO=<ID=FLAG,Number=0,Type=Flag,Description="x">\n'
        '##INFO=<ID=S,Number=1,Type=String,Description="x">\n##FILTER=<ID=q10,Description="x">\n'
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="x">\n##FILTER',
        1,
    )
    (tmp_path / "in.vcf").write_text(defined)
    source = VCF(str(tmp_path / "in.vcf"))
    writer = Writer(str(tmp_path / "in.bcf"), source, mode="wb")
    for record in source:
        writer.write_record(record)
    writer.close()
    out = scoring.run(tmp_path / "in.bcf")
    expected = [str(record).rstrip("\n") for record in VCF(str(tmp_path / "in.bcf"))]
    assert body(out / "m.vcf.gz") == expected
    assert len(expected) == 3


@pytest.mark.parametrize(
    "names", ["chrom\tpos\tref\talt\tmy note", "ALT\tREF\tPOS\tCHROM\tmy note", "#chrom\tpos\tid\tref\talt\tmy note"]
)
def test_a_table_is_scored_like_a_vcf(scoring, tmp_path, names):
    cells = {"chrom": "c1", "pos": "30", "ref": CONTIGS["c1"][29], "alt": "A,C,G", "id": "rs1", "my note": "a;b=c"}
    columns = [name.lstrip("#").lower() for name in names.split("\t")]
    (tmp_path / "in.tsv").write_text(names + "\n" + "\t".join(cells[name] for name in columns) + "\n")
    out = scoring.run(tmp_path / "in.tsv")
    (record,) = VCF(str(out / "m.vcf.gz"))
    assert str(record).split("\t")[:5] == ["c1", "30", "rs1" if "id" in columns else ".", cells["ref"], "A,C,G"]
    assert record.INFO["my_note"] == "a%3Bb%3Dc"
    table = pd.read_parquet(out / "m.scores.parquet")
    same = scoring.table(HEADER + vcf_line("c1", 30, cells["ref"], "A,C,G"), "vcf")
    pd.testing.assert_frame_equal(table, same)


def test_the_number_of_chunks_changes_nothing(make_genome, tmp_path):
    contigs = {"c1": random_sequence(3 * BLOCK, 6), "c2": random_sequence(BLOCK, 7)}
    scoring = Scoring(tmp_path, make_genome, contigs, "convnet", "single")
    lines = []
    for name, text in contigs.items():
        for place in range(50, len(text) - 50, 700):
            ref = text[place]
            lines.append(vcf_line(name, place + 1, ref, "A" if ref != "A" else "CA"))
    text = HEADER + "".join(lines)
    whole = scoring.run(text, mode="packed")
    for chunks, workers in ((3, 1), (7, 2)):
        out = scoring.run(text, f"out{chunks}", chunks=chunks, workers=workers, mode="packed")
        sizes = json.loads((out / "split.json").read_text())["chunks"]
        assert sum(sizes) == len(lines)
        assert max(sizes) < len(lines) / chunks + BLOCK / 700 + 2
        pd.testing.assert_frame_equal(
            *(pd.read_parquet(folder / "m.scores.parquet") for folder in (whole, out)), atol=1e-6
        )
        assert (out / "m.summary.json").read_bytes() == (whole / "m.summary.json").read_bytes()
        assert body(out / "m.vcf.gz") == body(whole / "m.vcf.gz")


def test_a_chunk_again_is_the_same_to_the_byte(scoring):
    one, other = scoring.run(TEXT, "one"), scoring.run(TEXT, "other")
    for name in ("m.vcf.gz", "m.vcf.gz.tbi", "m.scores.parquet", "m.summary.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_a_header_without_contigs_gets_them(scoring):
    text = "\n".join(line for line in TEXT.splitlines() if not line.startswith("##contig")) + "\n"
    header = VCF(str(scoring.run(text) / "m.vcf.gz")).raw_header
    assert "##contig=<ID=c1,length=400>\n##contig=<ID=c2,length=300>" in header
    assert "alien" not in header


def test_no_records_at_all_in_any_number_of_chunks(scoring):
    out = scoring.run(HEADER, chunks=3)
    assert list(VCF(str(out / "m.vcf.gz"))) == []
    assert len(pd.read_parquet(out / "m.scores.parquet")) == 0
    assert json.loads((out / "m.summary.json").read_text())["alleles"] == 0


def bgzip_cut(folder: Path, keep: float) -> Path:
    path = folder / "cut.vcf.gz"
    with pysam.BGZFile(str(path), "wb") as handle:
        handle.write(TEXT.encode())
        for place in range(20_000):
            handle.write(vcf_line("c2", 20 + place // 100, "A", "C").encode())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    return path


@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_cut_file_is_refused(scoring, tmp_path, keep):
    with pytest.raises(InputError, match=r"end is missing|end too early"):
        scoring.run(bgzip_cut(tmp_path, keep))
    assert not list((tmp_path / "out").rglob("*.gz"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT + vcf_line("c2", 9, "A", "C"), r"line 12 is c2:9 A>C, but the one before is at 10; .*bcftools sort"),
        (TEXT + vcf_line("c1", 9, "A", "C"), "records of 'c1' also stand further above"),
        (
            TEXT.replace("##INFO=<ID=AC,", "##INFO=<ID=GLM_L2,"),
            "already has INFO/GLM_L2; .*bcftools annotate -x INFO/GLM_L2",
        ),
        (TEXT + "c2\t12\t.\tA\n", r"line 12: found 'c2\\t12\\t.\\tA', expected 8 or more columns"),
        (TEXT + "c2\ttwelve\t.\tA\tC\t.\t.\t.\n", "the second a number"),
        (TEXT + vcf_line("c2", 2**30, "A", "C"), "how far a tabix index reaches"),
        ("##fileformat=VCFv4.2\nc1\t5\t.\tA\tC\t.\t.\t.\n", "expected the line of columns"),
        ("chrom\tpos\tref\n", "this one lacks alt"),
        ("chrom\tpos\tref\talt\nc1\t5\tA\n", "line 2: found .* expected 4 columns"),
        ("", "cannot be read as VCF, BCF or a table"),
    ],
)
def test_bad_files_are_refused_in_words(scoring, tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        scoring.run(text)
    assert not list((tmp_path / "out").rglob("*.gz"))


def other_letter(base: str) -> str:
    return "C" if base != "C" else "G"


def test_variants_of_another_assembly_stop_before_scoring(scoring, tmp_path):
    text = CONTIGS["c1"]
    lines = [
        vcf_line("c1", 10 + n, other_letter(text[9 + n]) if n % 2 else text[9 + n], "T") for n in range(3 * FEWEST)
    ]
    with pytest.raises(
        InputError, match=r"15 of 30 REF alleles differ .* more than 40%.*c1:11 .*, where the genome has"
    ):
        scoring.run(HEADER + "".join(lines), max_mismatch=0.4)
    table = scoring.table(HEADER + "".join(lines), max_mismatch=0.5)
    assert (table["reason"] == "REF_MISMATCH").sum() == 15
    few = scoring.table(HEADER + "".join(lines[1 : 2 * FEWEST - 1 : 2]), "few", max_mismatch=0.0)
    assert set(few["reason"]) == {"REF_MISMATCH"}


def test_memory_of_a_split_is_for_one_part(make_genome, tmp_path, monkeypatch):
    """No list is as long as the file."""
    from genoglot.variants import splitting

    seen = []
    real = splitting.chunked
    monkeypatch.setattr(splitting, "AT_ONCE", 10)
    monkeypatch.setattr(splitting, "chunked", lambda *of: (seen.append(len(part)) or part for part in real(*of)))
    genome = make_genome(CONTIGS)
    (tmp_path / "in.vcf").write_text(HEADER + "".join(vcf_line("c1", place, "N", "A") for place in range(1, 101)))
    split_variants(tmp_path / "in.vcf", genome.folder, [tmp_path / "a.vcf.gz"], tmp_path / "r.json", None, 0.1)
    assert max(seen) == 10
    assert sum(seen) == 200
    assert len(list(open_variants(tmp_path / "a.vcf.gz").records())) == 100
