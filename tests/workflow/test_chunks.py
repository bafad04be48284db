"""Variant sets in chunks: a killed chunk is done again alone, and the result is the same to the byte."""

import hashlib
import re

import pytest
from killing import go_on, kill_when
from tiny_study import CONFIG, Study

VARIANTS = "results/variants/dense"
TARGET = f"{VARIANTS}/small.metrics.json"
MADE = ("small.vcf.gz", "small.vcf.gz.tbi", "small.scores.parquet", "small.summary.json", "small.metrics.json")
CHUNKS = 3


@pytest.fixture(scope="module")
def dense(finished, tmp_path_factory) -> Study:
    """The finished study with a set of so many variants that a chunk takes some seconds."""
    study = finished.copy(tmp_path_factory.mktemp("dense"))
    lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    contig, text = "", ""
    for line in (study / "toy.fa").read_text().splitlines():
        if line.startswith(">"):
            contig = line[1:]
            continue
        text = line
        for place in range(100, len(text) - 100, 2):
            ref = text[place]
            alts = ["A" if ref != "A" else "C", ref + "G"] if place % 20 == 0 else ["T" if ref != "T" else "G"]
            lines.append(f"{contig}\t{place + 1}\t.\t{ref}\t{','.join(alts)}\t.\t.\t.")
    (study / "dense.vcf").write_text("\n".join(lines) + "\n")
    with open(study / "variants.tsv", "a") as handle:
        handle.write("dense\ttoy\tdense.vcf\t\n")
    study.configure(scoring={**CONFIG["scoring"], "chunks": CHUNKS})
    return study


def digests(study: Study) -> dict[str, str]:
    return {name: hashlib.sha256((study / VARIANTS / name).read_bytes()).hexdigest() for name in MADE}


def scored_chunks(output: str) -> list[str]:
    """Chunks that a run scored, by Snakemake's account."""
    return re.findall(r"rule score_variants:.*?chunk=([0-9]+)-of-", output, flags=re.DOTALL)


def test_a_killed_chunk_alone_is_done_again(dense, tmp_path):
    undisturbed = dense.copy(tmp_path / "undisturbed")
    run = undisturbed.snakemake(TARGET)
    assert run.returncode == 0, run.stdout
    assert sorted(scored_chunks(run.stdout)) == ["1", "2", "3"]
    expected = digests(undisturbed)
    # nothing of the chunks is left
    assert not [path for path in (undisturbed / VARIANTS / "chunks").rglob("*") if path.is_file()]

    study = dense.copy(tmp_path / "killed")
    scored = study / VARIANTS / "chunks/small"

    def amid_another() -> bool:
        # a chunk may be without variants and over in no time, so it may be the third that is caught;
        # the files that a job is about to write are there from its start
        return 1 <= len(list(scored.glob("[1-9]*.json"))) < CHUNKS and any(scored.glob(".partial-*"))

    kill_when(study, TARGET, amid_another)
    done = {path.name.split("-")[0] for path in scored.glob("[1-9]*.json")}
    said = go_on(study, TARGET)
    assert set(scored_chunks(said)) == {"1", "2", "3"} - done
    assert "rule split_variants" not in said
    assert digests(study) == expected
