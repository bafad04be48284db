"""Scored VCFs: every record as it was, every allele with a score or a reason."""

import gzip
import json
import math

import numpy as np
import pandas as pd
import pytest
from cyvcf2 import VCF
from scored_variants import HEADER, Scoring

from genoglot.errors import InputError

SEQUENCES = {"c1": "ACGTTGCAAGTCNTAGACCATGACGTACGAT" * 3, "c2": "GGATCCATTAGCATCA" * 4}
RECORDS = """c1	3	rs1	G	A	31.5	PASS	AC=3	GT	0/1	1/1
c1	4	.	T	A,C,G	.	low	AC=1,2,3	GT	1/2	0|3
c1	5	.	t	c	.	.	.	GT	0/0	./.
c1	6	.	A	C	.	.	.	GT	0/0	0/0
c1	7	.	C	CTT,T	.	.	.	GT	0/0	0/0
c1	7	.	CAA	C	.	.	.	GT	0/0	0/0
c1	8	.	A	*,G	.	.	.	GT	0/0	0/0
c1	9	.	A	<DEL>	.	.	.	GT	0/0	0/0
c1	10	.	G	.	.	.	.	GT	0/0	0/0
c1	11	.	T	R	.	.	.	GT	0/0	0/0
c1	13	.	A	C	.	.	.	GT	0/0	0/0
c1	90	.	C	G	.	.	.	GT	0/0	0/0
c2	1	.	G	T	.	.	.	GT	0/0	0/0
c2	1	twice	G	A	.	.	.	GT	0/0	0/0
alien	5	.	A	C	.	.	.	GT	0/0	0/0
"""
REASONS = {
    ("c1", 6, "C"): "REF_MISMATCH",
    ("c1", 8, "*"): "STAR_ALLELE",
    ("c1", 9, "<DEL>"): "SYMBOLIC",
    ("c1", 10, "."): "NO_ALT",
    ("c1", 11, "R"): "AMBIGUOUS_BASE",
    ("c1", 13, "C"): "AMBIGUOUS_BASE",
    ("alien", 5, "C"): "CONTIG_UNKNOWN",
}


# network and tokens, and how the header says that scores are made
KINDS = [
    ("cloze", "single", "SNVs: masked marginal;"),
    ("convnet", "single", "SNVs: masked marginal, one masked site a window"),
    ("encoder", "blocks", "SNVs: masked marginal, one masked site a window"),
    ("decoder", "single", "SNVs: haplotype log-likelihood ratio of the window"),
    ("encoder", "bpe", "SNVs: haplotype log-likelihood ratio of the tokens that differ"),
]


@pytest.fixture(params=KINDS, ids="-".join)
def kind(request):
    return request.param


@pytest.fixture
def scored(kind, make_genome, tmp_path):
    return Scoring(tmp_path, make_genome, SEQUENCES, *kind[:2]).run


def test_records_come_out_as_they_were(scored):
    out = scored(HEADER + RECORDS)
    with gzip.open(out / "m.vcf.gz", "rt") as handle:
        lines = [line for line in handle if not line.startswith("#")]
    before = RECORDS.splitlines()
    assert len(lines) == len(before)
    for line, original in zip(lines, before, strict=True):
        columns, expected = line.rstrip("\n").split("\t"), original.split("\t")
        info = [field for field in columns[7].split(";") if not field.startswith("GLM_")]
        columns[7] = ";".join(info) or "."
        assert columns == expected
    assert (out / "m.vcf.gz.tbi").exists()
    assert len(list(VCF(str(out / "m.vcf.gz"))("c2:1-1"))) == 2


def test_the_header_says_how_scores_are_made(scored, kind):
    header = VCF(str(scored(HEADER + RECORDS) / "m.vcf.gz")).raw_header
    line = next(line for line in header.split("\n") if "ID=GLM_LLR," in line)
    assert f"negative = less likely. {kind[2]}" in line
    assert "Number=A,Type=Float" in line
    assert "strands averaged" in line


def test_each_allele_has_a_score_or_a_reason(scored):
    out = scored(HEADER + RECORDS)
    table = pd.read_parquet(out / "m.scores.parquet")
    reasons = {}
    for row in table.itertuples():
        if isinstance(row.reason, str):
            reasons[row.contig, row.pos + 1, row.alt] = row.reason
            assert math.isnan(row.llr)
        else:
            assert math.isfinite(row.llr)
            assert math.isfinite(row.markov_llr)
    assert reasons == REASONS
    summary = json.loads((out / "m.summary.json").read_text())
    assert summary["records"] == len(RECORDS.splitlines())
    assert summary["scored"] + sum(summary["unscored"].values()) == summary["alleles"] == len(table)


def test_vcf_and_parquet_agree(scored):
    out = scored(HEADER + RECORDS)
    table = pd.read_parquet(out / "m.scores.parquet").set_index(["contig", "pos", "alt"])
    for record in VCF(str(out / "m.vcf.gz")):
        values = record.INFO.get("GLM_LLR")
        values = values if isinstance(values, tuple) else (values,)
        for alt, value in zip(record.ALT, values, strict=False):
            expected = table.loc[(record.CHROM, record.POS - 1, alt), "llr"]
            assert (value is None and math.isnan(expected)) or value == pytest.approx(expected, rel=1e-4)


def test_swapped_alleles_change_the_sign(scored, make_genome):
    forward = pd.read_parquet(scored(HEADER + "c1\t3\t.\tG\tA\t.\t.\t.\tGT\t0/0\t0/0\n") / "m.scores.parquet")
    swapped = {"c1": SEQUENCES["c1"][:2] + "A" + SEQUENCES["c1"][3:], "c2": SEQUENCES["c2"]}
    other = make_genome(swapped, "swapped")
    text = HEADER + "c1\t3\t.\tA\tG\t.\t.\t.\tGT\t0/0\t0/0\n"
    backward = pd.read_parquet(scored(text, "back", sequence=other.folder) / "m.scores.parquet")
    for column in ("llr", "markov_llr"):
        assert forward[column][0] == pytest.approx(-backward[column][0], abs=1e-4)


def test_the_other_strand_gives_the_same_scores(scored, make_genome):
    length = len(SEQUENCES["c1"])
    mates = str.maketrans("ACGT", "TGCA")
    turned = make_genome({name: text[::-1].translate(mates) for name, text in SEQUENCES.items()}, "turned")
    sites = [(3, "G", "A"), (20, SEQUENCES["c1"][19], "T" if SEQUENCES["c1"][19] != "T" else "C")]
    rest = "\t.\t.\t.\tGT\t0/0\t0/0\n"
    text = "".join(f"c1\t{pos}\t.\t{ref}\t{alt}{rest}" for pos, ref, alt in sites)
    turned_sites = [(length + 1 - pos, ref.translate(mates), alt.translate(mates)) for pos, ref, alt in sites[::-1]]
    mirrored = "".join(f"c1\t{pos}\t.\t{ref}\t{alt}{rest}" for pos, ref, alt in turned_sites)
    forward = pd.read_parquet(scored(HEADER + text) / "m.scores.parquet")
    backward = pd.read_parquet(scored(HEADER + mirrored, "back", sequence=turned.folder) / "m.scores.parquet")[::-1]
    for column in ("llr", "markov_llr"):
        np.testing.assert_allclose(forward[column], backward[column], atol=1e-4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER.replace("ID=AC", "ID=GLM_LLR") + RECORDS, "already has INFO/GLM_LLR"),
        (HEADER + "c2\t1\t.\tG\tT\t.\t.\t.\tGT\t0/0\t0/0\n" + RECORDS, "not sorted"),
        ("<html>not a VCF</html>\n", "cannot be read as VCF"),
    ],
)
def test_bad_input_leaves_nothing(scored, tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        scored(text)
    assert not [path for path in (tmp_path / "out").glob("*") if path.is_file()]


def test_only_the_named_contigs(scored):
    out = scored(HEADER + RECORDS, contigs=["c2"])
    assert {record.CHROM for record in VCF(str(out / "m.vcf.gz"))} == {"c2"}
    with pytest.raises(InputError, match="c3, which the genome does not have"):
        scored(HEADER + RECORDS, contigs=["c3"])


NAMES = "name\tcontig\nc1\tc1\n1\tc1\nchr1\tc1\nc2\tc2\nNC_2.1\tc2\nalien\t\n"


def test_contigs_by_other_names_have_the_same_scores(scored, tmp_path):
    (tmp_path / "names.tsv").write_text(NAMES)
    renamed = (HEADER + RECORDS).replace("c1\t", "chr1\t").replace("c2\t", "NC_2.1\t")
    renamed = renamed.replace("ID=c1>", "ID=chr1>").replace("ID=c2>", "ID=NC_2.1>")
    plain = pd.read_parquet(scored(HEADER + RECORDS) / "m.scores.parquet")
    assert plain.equals(
        pd.read_parquet(scored(HEADER + RECORDS, "own", names=tmp_path / "names.tsv") / "m.scores.parquet")
    )
    out = scored(renamed, "renamed", names=tmp_path / "names.tsv")
    table = pd.read_parquet(out / "m.scores.parquet")
    assert table["contig"].tolist() == plain["contig"].replace({"c1": "chr1", "c2": "NC_2.1"}).tolist()
    assert table.drop(columns="contig").equals(plain.drop(columns="contig"))
    assert {record.CHROM for record in VCF(str(out / "m.vcf.gz"))} == {"chr1", "NC_2.1", "alien"}
    unknown = pd.read_parquet(scored(renamed, "unknown") / "m.scores.parquet")
    assert set(unknown["reason"]) == {"CONTIG_UNKNOWN"}


def test_a_restriction_means_the_contig_by_any_name(scored, tmp_path):
    (tmp_path / "names.tsv").write_text(NAMES)
    mixed = (HEADER + RECORDS).replace("\nc2\t1\ttwice", "\nNC_2.1\t1\ttwice").replace("=alien>", "=NC_2.1>")
    for asked in ("c2", "NC_2.1"):
        out = scored(mixed, asked, contigs=[asked], names=tmp_path / "names.tsv")
        assert [record.CHROM for record in VCF(str(out / "m.vcf.gz"))] == ["c2", "NC_2.1"]
        assert json.loads((out / "m.summary.json").read_text())["contigs"] == ["c2"]
    for asked in ("alien", "c3"):
        with pytest.raises(InputError, match=f"contig {asked}, which the genome does not have"):
            scored(mixed, contigs=["c1", asked], names=tmp_path / "names.tsv")


def test_no_records_at_all(scored):
    out = scored(HEADER)
    assert list(VCF(str(out / "m.vcf.gz"))) == []
    assert len(pd.read_parquet(out / "m.scores.parquet")) == 0
