"""P. infestans and a slice of human chromosome 21: all records come out, each allele with a score or a reason."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pysam
import pysam.bcftools
import pytest
from scored_variants import Scoring

DATA = Path(__file__).parents[2].parent / "shared" / "data"
PINFESTANS = (DATA / "pinfestans/pinf_sc50.normalised.fa.gz", DATA / "pinfestans/pinf_sc50.vcf.gz")
HUMAN = (
    DATA / "human_chr21/chr21_24985581_26000306.fa.gz",
    DATA / "human_chr21/chr21_24985581_26000306.offset.variants.vcf.gz",
)
ADDED = "GLM_"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there")


def scored(files: tuple[Path, Path], make_genome, folder: Path, architecture: str) -> tuple[Path, Path]:
    """The VCF, in plain bytes, and the folder of results."""
    with pysam.FastxFile(str(files[0])) as handle:
        contigs = {record.name: record.sequence or "" for record in handle}
    scoring = Scoring(folder, make_genome, contigs, architecture, "single")
    settings = {"batch_size": 256, "mode": "packed"}
    return files[1], scoring.run(files[1], chunks=3, workers=2, **settings)


def lines(path: Path) -> list[list[str]]:
    text = gzip.decompress(path.read_bytes()).decode()
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


def compare(source: Path, out: Path) -> None:
    """Records as text without what was added, and both files as bcftools reads them."""
    before, after = lines(source), lines(out / "m.vcf.gz")
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        kept = [item for item in new[7].split(";") if not item.startswith(ADDED)]
        assert [*new[:7], ";".join(kept) or ".", *new[8:]] == old
    fields = ",".join(
        f"INFO/{name}" for name in ("GLM_LLR", "GLM_STRAND_DIFF", "GLM_ENTROPY", "GLM_MARKOV_LLR", "GLM_REASON")
    )
    read = [
        pysam.bcftools.view("-H", str(source)),
        pysam.bcftools.annotate("-x", fields, "--no-version", str(out / "m.vcf.gz")),
    ]
    texts = ["".join(line for line in text.splitlines(True) if not line.startswith("#")) for text in read]
    assert texts[0] == texts[1]


def test_phytophthora(make_genome, tmp_path):
    source, out = scored(PINFESTANS, make_genome, tmp_path, "cloze")
    compare(source, out)
    table = pd.read_parquet(out / "m.scores.parquet")
    records = lines(source)
    assert len(records) == 22_031
    assert sum("," in record[4] for record in records) == 312
    assert table.groupby(["contig", "pos", "ref"]).ngroups <= len(records)
    assert len(table) == sum(len(record[4].split(",")) for record in records)
    # a score or a reason, and never both
    assert (table["llr"].isna() == table["reason"].notna()).all()
    assert (table["markov_llr"].isna() == table["reason"].notna()).all()
    change = table["alt"].str.len() - table["ref"].str.len()
    indels = table[(change != 0) & ~table["alt"].isin(["*", "."])]
    assert (indels["kind"].isin(["insertion", "deletion", "complex"]) | indels["reason"].notna()).all()
    assert indels["reason"].dropna().isin(["TOO_LONG", "AMBIGUOUS_BASE"]).all()
    assert indels["llr"].notna().mean() > 0.8
    summary = json.loads((out / "m.summary.json").read_text())
    assert (summary["records"], summary["alleles"]) == (22_031, len(table))
    assert summary["unscored"] == dict(Counter(table["reason"].dropna()))
    assert summary["ref_mismatches"] == 0


def test_human_slice(make_genome, tmp_path):
    source, out = scored(HUMAN, make_genome, tmp_path, "cloze")
    compare(source, out)
    table = pd.read_parquet(out / "m.scores.parquet")
    assert (table["llr"].isna() == table["reason"].notna()).all()
    assert (table["reason"] == "REF_MISMATCH").sum() < 20
    assert table.loc[table["kind"] == "snv", "llr"].notna().mean() > 0.999
