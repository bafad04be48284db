"""Alleles as edits, and why some have no score."""

import numpy as np
import pytest
from scored_variants import HEADER, vcf_line
from tiny_corpus import random_sequence

from genoglot.genome.names import ContigNames
from genoglot.genome.store import decode
from genoglot.variants.alleles import REASONS, read_alleles
from genoglot.variants.records import open_variants

CONTIG = "ACGTACGTNNGATTACA" + random_sequence(100, 3)


@pytest.fixture
def read(make_genome, tmp_path):
    def run(*records: tuple, longest: int = 20):
        (tmp_path / "in.vcf").write_text(HEADER + "".join(vcf_line(*record) for record in records))
        names = ContigNames({"c1": "c1", "1": "c1", "gone": ""})
        genome = make_genome({"c1": CONTIG})
        return read_alleles(list(open_variants(tmp_path / "in.vcf").records()), genome, names, longest)

    return run


def applied(edit) -> str:
    return CONTIG[: edit.start] + decode(edit.new) + CONTIG[edit.end :]


# 1-based position, REF, ALT, and the kind
ALLELES = [
    (3, "G", "T", "snv"),
    (3, "g", "t", "snv"),
    (3, "GTA", "GCA", "snv"),
    (3, "GT", "CA", "mnv"),
    (3, "GTAC", "CTAG", "mnv"),
    (3, "G", "GTT", "insertion"),
    (3, "GTA", "G", "deletion"),
    (3, "GTA", "CC", "complex"),
    (1, "ACGT", "T", "deletion"),
    (117, CONTIG[116], CONTIG[116] + "G", "insertion"),
]


@pytest.mark.parametrize(("position", "ref", "alt", "kind"), ALLELES)
def test_an_edit_is_the_allele(read, position, ref, alt, kind):
    alleles = read(("c1", position, ref, alt))
    (edit,) = alleles.edits
    assert (alleles.kind.tolist(), alleles.reason.tolist()) == ([kind], [""])
    assert applied(edit) == CONTIG[: position - 1] + alt.upper() + CONTIG[position - 1 + len(ref) :]
    assert alleles.contig.tolist() == [0]


def complement(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


ANCHOR = CONTIG[19]
SYMBOLIC = [
    ("<DEL>", "END=30", "deletion", CONTIG[:20] + CONTIG[30:]),
    ("<DEL:ME>", "SVLEN=-10", "deletion", CONTIG[:20] + CONTIG[30:]),
    ("<DUP:TANDEM>", "END=30", "duplication", CONTIG[:30] + CONTIG[20:]),
    ("<INV>", "SVTYPE=INV;END=31", "inversion", CONTIG[:20] + complement(CONTIG[20:31]) + CONTIG[31:]),
    ("<INS>", "SEQ=GATTACA", "insertion", CONTIG[:20] + "GATTACA" + CONTIG[20:]),
    ("<INS>", "SVINSSEQ=ggg", "insertion", CONTIG[:20] + "GGG" + CONTIG[20:]),
]


@pytest.mark.parametrize(("alt", "info", "kind", "expected"), SYMBOLIC)
def test_symbolic_alleles_that_say_their_sequence(read, alt, info, kind, expected):
    alleles = read(("c1", 20, ANCHOR, alt, info))
    assert (alleles.kind.tolist(), alleles.reason.tolist()) == ([kind], [""])
    assert applied(alleles.edits[0]) == expected


REFUSED = [
    (("alien", 3, "G", "T"), "CONTIG_UNKNOWN"),
    (("gone", 3, "G", "T"), "CONTIG_UNKNOWN"),
    (("c1", 118, "G", "T"), "OUTSIDE_CONTIG"),
    (("c1", 117, CONTIG[116] + "A", CONTIG[116]), "OUTSIDE_CONTIG"),
    (("c1", 0, "N", "T"), "OUTSIDE_CONTIG"),
    (("c1", 3, "A", "T"), "REF_MISMATCH"),
    (("c1", 3, "GTT", "G"), "REF_MISMATCH"),
    (("c1", 3, "A", "<DEL>", "END=5"), "REF_MISMATCH"),
    (("c1", 3, "R", "T"), "AMBIGUOUS_BASE"),
    (("c1", 3, "G", "K"), "AMBIGUOUS_BASE"),
    (("c1", 9, "N", "A"), "AMBIGUOUS_BASE"),
    (("c1", 9, "A", "C"), "AMBIGUOUS_BASE"),
    (("c1", 8, "TNN", "T"), "AMBIGUOUS_BASE"),
    (("c1", 8, "T", "<DEL>", "END=12"), "AMBIGUOUS_BASE"),
    (("c1", 3, "G", "."), "NO_ALT"),
    (("c1", 3, "G", "G"), "SAME_AS_REF"),
    (("c1", 3, "G", "*"), "STAR_ALLELE"),
    (("c1", 3, "G", "<NON_REF>"), "SYMBOLIC"),
    (("c1", 3, "G", "<DEL>"), "SYMBOLIC"),
    (("c1", 3, "G", "<DEL>", "END=3"), "SYMBOLIC"),
    (("c1", 3, "G", "<DEL>", "END=many"), "SYMBOLIC"),
    (("c1", 3, "G", "<INS>"), "SYMBOLIC"),
    (("c1", 3, "G", "<CNV>", "END=9"), "SYMBOLIC"),
    (("c1", 3, "G", "G]c2:5]"), "SYMBOLIC"),
    (("c1", 20, ANCHOR, "<DEL>", "END=500"), "OUTSIDE_CONTIG"),
    (("c1", 20, ANCHOR, "<DEL>", "END=41"), "TOO_LONG"),
    (("c1", 20, ANCHOR, "<INS>", "SEQ=" + "A" * 21), "TOO_LONG"),
    (("c1", 20, ANCHOR, ANCHOR + "A" * 21), "TOO_LONG"),
    (("c1", 20, ANCHOR, ANCHOR + "A" * 1_000_000), "TOO_LONG"),
    (("c1", 20, CONTIG[19:41], ANCHOR), "TOO_LONG"),
]


@pytest.mark.parametrize(("record", "reason"), REFUSED, ids=[f"{reason}-{n}" for n, (_, reason) in enumerate(REFUSED)])
def test_what_has_no_score_says_why(read, record, reason):
    assert read(record).reason.tolist() == [reason]
    assert reason in REASONS


def test_each_allele_of_a_record_stands_for_itself(read):
    alleles = read(("c1", 3, "G", "T,GA,*,<INS>,R", "SEQ=.,.,.,ACC,."), ("1", 4, "T", "."))
    assert alleles.record.tolist() == [0, 0, 0, 0, 0, 1]
    assert alleles.kind.tolist() == ["snv", "insertion", "none", "insertion", "snv", "none"]
    assert alleles.reason.tolist() == ["", "", "STAR_ALLELE", "", "AMBIGUOUS_BASE", "NO_ALT"]
    assert alleles.rows(snvs=True).tolist() == [0]
    np.testing.assert_array_equal(alleles.positions(alleles.rows(snvs=False)), [3, 3])
