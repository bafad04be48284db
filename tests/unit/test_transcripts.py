"""Transcripts: the positions of codons, in all the ways that annotations write them."""

from pathlib import Path

import numpy as np
import pysam
import pytest
from tiny_genome import annotation_of

from genoglot.annotation.table import read_annotation
from genoglot.genome.genetic_code import GENETIC_CODES
from genoglot.genome.intervals import Intervals
from genoglot.genome.snvs import translate
from genoglot.genome.store import encode
from genoglot.genome.transcripts import count_left_out, read_transcripts

DEMO = Path(__file__).parents[2] / "resources" / "demo"


@pytest.fixture
def transcripts(tmp_path):
    return lambda rows: read_transcripts(annotation_of(tmp_path, rows))


def only(found):
    assert len(found) == 1, found
    return found[0]


def test_ensembl_forward_with_a_codon_across_the_join(transcripts):
    item = only(
        transcripts("""
        1 gene 11 60 + . ID=gene:g
        1 mRNA 11 60 + . ID=transcript:t;Parent=gene:g;biotype=protein_coding
        1 exon 11 20 + . Parent=transcript:t
        1 CDS  14 20 + 0 ID=CDS:p;Parent=transcript:t
        1 exon 41 60 + . Parent=transcript:t
        1 CDS  41 45 + 2 ID=CDS:p;Parent=transcript:t
        """)
    )
    assert (item.contig, item.strand, item.gene, item.transcript) == ("1", "+", "gene:g", "transcript:t")
    assert item.positions.tolist() == [13, 14, 15, 16, 17, 18, 19, 40, 41, 42, 43, 44]
    assert item.exons.tolist() == [[10, 20], [40, 60]]
    assert item.introns.tolist() == [[20, 40]]
    assert item.left_out == ""


def test_reverse_strand_reads_from_the_right(transcripts):
    item = only(
        transcripts("""
        1 gene 11 60 - . ID=g
        1 mRNA 11 60 - . ID=t;Parent=g
        1 CDS  11 15 - 1 Parent=t
        1 CDS  41 44 - 0 Parent=t
        """)
    )
    assert item.positions.tolist() == [43, 42, 41, 40, 14, 13, 12, 11, 10]
    assert item.introns.tolist() == [[15, 40]]


def test_sgd_has_the_cds_below_the_gene(transcripts):
    item = only(
        transcripts("""
        chrI gene 1 30 + . ID=YAL003W;Name=YAL003W
        chrI CDS  1 8  + 0 Parent=YAL003W;Name=YAL003W
        chrI CDS 24 30 + 1 Parent=YAL003W;Name=YAL003W
        """)
    )
    assert (item.gene, item.transcript) == ("YAL003W", "YAL003W")
    assert item.positions.tolist() == [*range(8), *range(23, 30)]


def test_rows_with_ids_of_their_own_and_without_phase(transcripts):
    item = only(
        transcripts("""
        chrI gene 1 30 - . ID=G
        chrI mRNA 1 30 - . ID=T;Parent=G
        chrI exon 1 10 - . ID=T.exon.1;Parent=T
        chrI CDS  1 10 - . ID=T.CDS.1;Parent=T
        chrI exon 26 30 - . ID=T.exon.2;Parent=T
        chrI CDS  26 30 - . ID=T.CDS.2;Parent=T
        """)
    )
    assert item.positions.tolist() == [29, 28, 27, 26, 25, *range(9, -1, -1)]


def test_bacterial_gene_with_two_proteins_one_by_frameshift(transcripts):
    found = transcripts("""
        c gene 1 30 + . ID=gene-dnaX
        c CDS  1 30 + 0 ID=cds-tau;Parent=gene-dnaX;transl_table=11
        c CDS  1 12 + 0 ID=cds-gamma;Parent=gene-dnaX;transl_table=11
        c CDS 12 19 + 0 ID=cds-gamma;Parent=gene-dnaX;transl_table=11
    """)
    by_name = {item.transcript: item for item in found}
    assert by_name["cds-tau"].positions.tolist() == list(range(30))
    # the base at 11 is read twice
    assert by_name["cds-gamma"].positions.tolist() == [*range(12), *range(11, 18)][:18]
    assert by_name["cds-gamma"].tail == 2
    assert {item.code for item in found} == {11}
    assert {item.gene for item in found} == {"gene-dnaX"}


def test_overlapping_proteins_of_a_gene_whose_ids_never_repeat(transcripts):
    found = transcripts("""
        c gene 1 30 + . ID=g
        c CDS  1 30 + 0 ID=long;Parent=g
        c CDS  10 30 + 0 ID=short;Parent=g
    """)
    assert sorted((item.transcript, len(item.positions)) for item in found) == [("long", 30), ("short", 21)]


def test_plus_one_frameshift_is_no_intron(transcripts):
    item = only(
        transcripts("""
        c gene 1 30 - . ID=g
        c CDS 17 22 - 0 ID=cds;Parent=g
        c CDS 1 15 - 0 ID=cds;Parent=g
        """)
    )
    assert item.positions.tolist() == [21, 20, 19, 18, 17, 16, *range(14, -1, -1)]
    assert item.introns.tolist() == []


def test_several_transcripts_of_a_gene_and_a_cds_of_two(transcripts):
    found = transcripts("""
        c gene 1 90 + . ID=g
        c mRNA 1 90 + . ID=a;Parent=g
        c mRNA 1 90 + . ID=b;Parent=g
        c exon 1 30 + . Parent=a,b
        c exon 61 90 + . Parent=a
        c exon 76 90 + . Parent=b
        c CDS 1 30 + 0 Parent=a,b
        c CDS 61 90 + 0 Parent=a
        c CDS 76 90 + 0 Parent=b
    """)
    a, b = sorted(found, key=lambda item: item.transcript)
    assert a.positions.tolist() == [*range(30), *range(60, 90)]
    assert b.positions.tolist() == [*range(30), *range(75, 90)]
    assert (a.introns.tolist(), b.introns.tolist()) == ([[30, 60]], [[30, 75]])
    assert a.gene == b.gene == "g"


@pytest.mark.parametrize(("strand", "expected"), [("+", list(range(2, 11))), ("-", list(range(9, 0, -1)))])
def test_missing_5_prime_end_and_incomplete_last_codon(transcripts, strand, expected):
    item = only(transcripts(f"c gene 1 12 {strand} . ID=g\nc CDS 1 12 {strand} 2 Parent=g"))
    assert item.phase == 2
    assert item.tail == 1
    assert item.positions.tolist() == expected


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("c pseudogene 1 9 + . ID=g\nc CDS 1 9 + 0 Parent=g", "pseudogene"),
        ("c gene 1 9 + . ID=g;pseudo=true\nc CDS 1 9 + 0 Parent=g", "pseudogene"),
        ("c gene 1 9 + . ID=g;biotype=pseudogene\nc mRNA 1 9 + . ID=t;Parent=g\nc CDS 1 9 + 0 Parent=t", "pseudogene"),
        ("c transposable_element_gene 1 9 + . ID=g\nc CDS 1 9 + 0 Parent=g", "transposable element"),
        ("c gene 1 9 + . ID=g;orf_classification=Dubious\nc CDS 1 9 + 0 Parent=g", "dubious open reading frame"),
        ("c mRNA 1 9 + . ID=t;biotype=nonsense_mediated_decay\nc CDS 1 9 + 0 Parent=t", "degraded transcript"),
        ("Mito gene 1 9 + . ID=g\nMito CDS 1 9 + 0 Parent=g", "mitochondrial, without transl_table"),
        ("chrM CDS 1 9 + 0 ID=g", "mitochondrial, without transl_table"),
        ("c CDS 1 9 + 0 ID=g;transl_table=6", "genetic code 6 is not supported"),
        ("c CDS 1 9 . 0 ID=g", "no strand"),
        ("c CDS 1 2 + 0 ID=g", "shorter than a codon"),
        ("c CDS 1 9 + 0 ID=g\nc CDS 21 29 - 0 ID=g", "rows on several contigs or strands"),
        ("c CDS 1 10 + 0 ID=g\nc CDS 21 29 + 0 ID=g", "phases contradict the lengths"),
    ],
)
def test_what_cannot_be_translated_is_left_out_and_counted(transcripts, rows, reason):
    found = transcripts(rows)
    assert only(found).left_out == reason
    assert count_left_out(found) == {reason: 1}


def test_mitochondrial_gene_with_its_code(transcripts):
    item = only(transcripts("chrM CDS 1 9 + 0 ID=cox1;transl_table=3"))
    assert item.left_out == ""
    assert translate(item, encode("ATACTTTGA")) == "MTW"


def test_noncoding_transcripts_have_exons_alone(transcripts):
    item = only(
        transcripts("""
        c tRNA 1 60 + . ID=t
        c noncoding_exon 1 20 + . Parent=t
        c noncoding_exon 41 60 + . Parent=t
        """)
    )
    assert item.left_out == "no CDS"
    assert item.kind == "tRNA"
    assert item.introns.tolist() == [[20, 40]]
    assert count_left_out([item]) == {}


def test_demo_genes_end_in_their_only_stop():
    annotation = read_annotation(next(DEMO.glob("*.gff3.gz")))
    found = [item for item in read_transcripts(annotation) if not item.left_out]
    with pysam.FastxFile(str(next(DEMO.glob("*.fa.gz")))) as records:
        bases = {record.name: encode(record.sequence) for record in records}
    proteins = [translate(item, bases[item.contig]) for item in found]
    assert len(proteins) > 450
    assert {protein[0] for protein in proteins} == {"M"}
    assert {protein.index("*") - len(protein) for protein in proteins} == {-1}


def test_genetic_codes_differ_where_ncbi_says():
    def meaning(code, codon):
        number = int(encode(codon) @ np.array([16, 4, 1]))
        return chr(GENETIC_CODES[code].amino_acids[number]), bool(GENETIC_CODES[code].starts[number])

    assert [meaning(code, "TGA")[0] for code in (1, 2, 3, 4, 11, 12)] == ["*", "W", "W", "W", "*", "*"]
    assert [meaning(code, "AGA")[0] for code in (1, 2, 3, 4, 11, 12)] == ["R", "*", "R", "R", "R", "R"]
    assert [meaning(code, "CTG")[0] for code in (1, 3, 12)] == ["L", "T", "S"]
    assert [meaning(code, "ATA")[0] for code in (1, 2, 3, 4)] == ["I", "M", "M", "I"]
    assert [meaning(code, "GTG")[1] for code in (1, 2, 3, 4, 11, 12)] == [False, True, True, True, True, False]
    assert all(meaning(code, "ATG") == ("M", True) for code in GENETIC_CODES)
    assert all((code.amino_acids != 0).all() for code in GENETIC_CODES.values())


def test_intervals_against_sets():
    rng = np.random.default_rng(3)
    for _ in range(50):
        starts = rng.integers(0, 80, size=rng.integers(0, 12))
        pairs = np.column_stack([starts, starts + rng.integers(0, 9, size=len(starts))])
        members = sorted({position for start, end in pairs for position in range(start, end)})
        union = Intervals(pairs)
        everything = np.arange(100)
        assert everything[union.contains(everything)].tolist() == members
        assert union.total == len(members)
        assert union.locate(np.arange(union.total)).tolist() == members
        assert union.rank(np.array(members, dtype=int)).tolist() == list(range(len(members)))
        rest = union.complement(70)
        assert everything[rest.contains(everything)].tolist() == [x for x in range(70) if x not in set(members)]
