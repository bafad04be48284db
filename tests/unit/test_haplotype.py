"""Genomes derived from a VCF: variants by hand, forms of VCF, refusals."""

import gzip
import random

import pysam
import pysam.bcftools
import pytest
from haplotype_files import BASES, vcf_text, write_reference

from genoglot.errors import InputError
from genoglot.genome.alleles import trim
from genoglot.population import genotypes
from genoglot.population.haplotype import derive_haplotype

# position: 1234567890123456789012345
REFERENCE = {"c": "ACGTAcgtacGTACGTNNACGTACG", "d": "ggggCCCC"}


@pytest.mark.parametrize(
    ("record", "kind", "expected"),
    [
        ("c 2 C T 1|0", "snv", "ATGTAcgtacGTACGTNNACGTACG"),
        ("c 6 C T 1|0", "snv", "ACGTAtgtacGTACGTNNACGTACG"),
        ("c 5 AC TG 1|0", "mnv", "ACGTTGgtacGTACGTNNACGTACG"),
        ("c 9 ACGT CCGA 1|0", "mnv", "ACGTAcgtccgaACGTNNACGTACG"),
        ("c 5 A ATT 1|0", "insertion", "ACGTATTcgtacGTACGTNNACGTACG"),
        ("c 8 T TGG 1|0", "insertion", "ACGTAcgtggacGTACGTNNACGTACG"),
        ("c 1 A GGA 1|0", "insertion", "GGACGTAcgtacGTACGTNNACGTACG"),
        ("c 3 GTAC G 1|0", "deletion", "ACGgtacGTACGTNNACGTACG"),
        ("c 22 TACG T 1|0", "deletion", "ACGTAcgtacGTACGTNNACGT"),
        ("c 25 G GTT 1|0", "insertion", "ACGTAcgtacGTACGTNNACGTACGTT"),
        ("c 2 CGT GA 1|0", "complex", "AGAAcgtacGTACGTNNACGTACG"),
        ("c 2 CGTA CTTA 1|0", "snv", "ACTTAcgtacGTACGTNNACGTACG"),
        ("c 2 C A,T 2|1", "snv", "ATGTAcgtacGTACGTNNACGTACG"),
        ("c 2 c t 1|0", "snv", "ATGTAcgtacGTACGTNNACGTACG"),
        ("c 2 C T 1", "snv", "ATGTAcgtacGTACGTNNACGTACG"),
        ("c 2 C T 1|.", "snv", "ATGTAcgtacGTACGTNNACGTACG"),
        ("c 2 C T 1|0|0", "snv", "ATGTAcgtacGTACGTNNACGTACG"),
    ],
)
def test_one_variant_by_hand(derive, record, kind, expected):
    sequences, _, report = derive(REFERENCE, vcf_text(record))
    assert sequences == {"c": expected, "d": "ggggCCCC"}
    assert report["applied"] == {"snv": 0, "mnv": 0, "insertion": 0, "deletion": 0, "complex": 0, kind: 1}
    assert (report["skipped"], report["unphased"]) == ({}, 0)
    assert report["length_change"] == len(expected) - 25
    assert list(report) == [
        *("reference", "sample", "haplotype", "applied", "skipped", "unphased", "bases_changed", "length_change")
    ]


def test_each_haplotype_takes_its_allele(derive):
    text = vcf_text("c 2 C T,G 1|2", "c 4 T A 0/1", "c 20 C A 1/1", "d 1 G T 1")
    first, _, report = derive(REFERENCE, text)
    assert first == {"c": "ATGTAcgtacGTACGTNNAAGTACG", "d": "tgggCCCC"}
    assert report["unphased"] == 1
    second, _, report = derive(REFERENCE, text, haplotype=2)
    assert second == {"c": "AGGAAcgtacGTACGTNNAAGTACG", "d": "tgggCCCC"}
    assert (report["unphased"], report["sample"], report["haplotype"]) == (1, "S", 2)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("c 3 A T 1|0", "REF_MISMATCH"),
        ("c 24 CGT C 1|0", "REF_MISMATCH"),
        ("c 90 C T 1|0", "REF_MISMATCH"),
        ("c 0 C T 1|0", "REF_MISMATCH"),
        ("c 3 G <DEL> 1|0", "SYMBOLIC"),
        ("c 3 G G]d:4] 1|0", "SYMBOLIC"),
        ("c 3 G T,<*> 2|1", "SYMBOLIC"),
        ("c 3 G T,* 2|1", "STAR_ALLELE"),
        ("c 3 G R 1|0", "AMBIGUOUS_BASE"),
        ("c 16 TNN T 1|0", "AMBIGUOUS_BASE"),
        ("c 17 A T 1|0", "AMBIGUOUS_BASE"),
        ("e 3 G T 1|0", "CONTIG_UNKNOWN"),
        ("c 3 G T .|1", "MISSING_GENOTYPE"),
        ("c 3 G T ./.", "MISSING_GENOTYPE"),
        ("c 3 G T .", "MISSING_GENOTYPE"),
        ("c 3 G T 2|1", "GENOTYPE_INVALID"),
        ("c 3 G . 1|0", "GENOTYPE_INVALID"),
        ("c 3 G G 1|0", "NO_CHANGE"),
        ("c 2 C A 1|0", "OVERLAP"),
        ("c 2 CG T 1|0", "OVERLAP"),
        ("c x G T 1|0", "UNREADABLE"),
        ("c 3 G T 1|x", "UNREADABLE"),
    ],
)
def test_an_odd_record_is_skipped_with_its_reason(derive, record, reason):
    sequences, _, report = derive(REFERENCE, vcf_text("c 2 C T 1|0", record, "c 25 G A 1|1"))
    assert sequences == {"c": "ATGTAcgtacGTACGTNNACGTACA", "d": "ggggCCCC"}
    contig, position, ref, alt, call = record.split(" ")
    if reason == "UNREADABLE":
        example = "after c:2"
    else:
        chosen = alt.split(",")[1] if call == "2|1" and "," in alt else alt
        example = f"{contig}:{position} {ref}>{chosen}"
    assert report["skipped"] == {reason: {"count": 1, "examples": [example]}}


def test_records_without_genotypes_and_many_of_one_reason(derive):
    text = vcf_text("c 2 C T 1|0", *["c 3 G T ./."] * 7) + "c\t4\t.\tT\tA\t.\t.\t.\tXX\t1\n"
    _, _, report = derive(REFERENCE, text)
    assert report["skipped"]["MISSING_GENOTYPE"] == {"count": 8, "examples": ["c:3 G>T"] * 5}


def test_long_alleles_are_shortened_in_examples(derive):
    _, _, report = derive(REFERENCE, vcf_text("c 2 C T 1|0", f"c 3 A {'T' * 500} 1|0"))
    assert report["skipped"]["REF_MISMATCH"]["examples"] == [f"c:3 A>{'T' * 30}... (500)"]


@pytest.mark.parametrize(
    ("records", "expected", "skipped"),
    [
        # what touches does not overlap
        (["c 2 C T 1|0", "c 3 G A 1|0"], "ATAT", 0),
        (["c 1 A AT 1|0", "c 2 C G 1|0"], "ATGGT", 0),
        (["c 1 A G 1|0", "c 1 A AT 1|0"], "GTCGT", 0),
        (["c 1 AC A 1|0", "c 2 C CT 1|0"], "ATGT", 0),
        # the anchor of an indel is not changed by it
        (["c 1 A G 1|0", "c 1 AC A 1|0"], "GGT", 0),
        # two in one place
        (["c 1 A AT 1|0", "c 1 A AG 1|0"], "ATCGT", 1),
        (["c 1 AC A 1|0", "c 2 C T 1|0"], "AGT", 1),
        (["c 1 ACG A 1|0", "c 2 C CT 1|0"], "AT", 1),
        (["c 2 C T 1|0", "c 2 C T 1|0"], "ATGT", 1),
        # the order of records makes no difference
        (["c 4 T A 1|0", "c 1 A AT 1|0", "c 2 C G 1|0"], "ATGGA", 0),
        (["c 2 C G 1|0", "d 1 G T 1|0", "c 1 A AT 1|0"], "ATGGT", 0),
    ],
)
def test_neighbours_and_overlaps(derive, records, expected, skipped):
    sequences, _, report = derive({"c": "ACGT", "d": "GG"}, vcf_text(*records))
    assert sequences["c"] == expected
    assert {key: value["count"] for key, value in report["skipped"].items()} == (
        {"OVERLAP": skipped} if skipped else {}
    )


@pytest.mark.parametrize(
    ("ref", "alt", "expected"),
    [
        (b"A", b"T", (10, 11, b"T")),
        (b"CA", b"C", (11, 12, b"")),
        (b"CAA", b"CA", (11, 12, b"")),
        (b"AA", b"A", (11, 12, b"")),
        (b"CAAG", b"CAG", (11, 12, b"")),
        (b"CAG", b"CAAG", (11, 11, b"A")),
        (b"CAG", b"CTG", (11, 12, b"T")),
        (b"CAG", b"CAG", (13, 13, b"")),
        (b"A", b"TTA", (10, 10, b"TT")),
        (b"CTGA", b"CAA", (11, 13, b"A")),
    ],
)
def test_alleles_are_trimmed_to_the_left_of_repeats(ref, alt, expected):
    start, end, text = trim(10, ref, alt)
    assert (start, end, text) == expected or (start == end and text == b"" and ref == alt)


@pytest.mark.parametrize("form", ["gzip", "bgzip", "bcf", "crlf"])
def test_forms_of_vcf(derive, tmp_path, form):
    text = vcf_text("c 2 C T,G 1|2", "c 5 A ATT 0|1", "d 1 G T 1", "d 3 G A 0")
    if form in ("bgzip", "bcf"):
        (tmp_path / "plain.vcf").write_text(text)
        mode = {"bgzip": "wz", "bcf": "wb"}[form]
        with (
            pysam.VariantFile(str(tmp_path / "plain.vcf")) as plain,
            pysam.VariantFile(str(tmp_path / "packed"), mode, header=plain.header) as packed,
        ):
            for record in plain:
                packed.write(record)
        content = (tmp_path / "packed").read_bytes()
    else:
        content = gzip.compress(text.encode()) if form == "gzip" else text.replace("\n", "\r\n").encode()
    sequences, _, _ = derive(REFERENCE, content, haplotype=2)
    assert sequences == {"c": "AGGTATTcgtacGTACGTNNACGTACG", "d": "tgggCCCC"}


def test_names_of_contigs_are_resolved(derive, tmp_path):
    names = tmp_path / "names.tsv"
    names.write_text("name\tcontig\nc\tc\nchrC\tc\n1\td\ngone\t\n")
    text = vcf_text("chrC 2 C T 1|0", "1 1 G A 1|0", "gone 1 A C 1|0", "other 1 A C 1|0")
    sequences, chain, report = derive(REFERENCE, text, names=names)
    assert sequences == {"c": "ATGTAcgtacGTACGTNNACGTACG", "d": "agggCCCC"}
    assert report["skipped"] == {"CONTIG_UNKNOWN": {"count": 2, "examples": ["gone:1 A>C", "other:1 A>C"]}}
    assert list(chain.alignments) == ["c", "d"]


def test_the_fasta_is_packed_where_its_name_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("genoglot.population.haplotype.FETCH", 7)
    monkeypatch.setattr("genoglot.population.haplotype.LINES", 2)
    text = "".join(random.Random(0).choices(BASES, k=500)) + "A"
    contigs = {"c": text, "d": "ACGT" * 40}
    source = tmp_path / "a.vcf"
    source.write_text(vcf_text("c 501 A AC 1|0"))
    for name in ("a.fa", "a.fa.gz"):
        derive_haplotype(
            write_reference(tmp_path, contigs), source, "S", 1, tmp_path / name, tmp_path / "c", tmp_path / "r"
        )
    plain = (tmp_path / "a.fa").read_text()
    assert gzip.decompress((tmp_path / "a.fa.gz").read_bytes()).decode() == plain
    pysam.faidx(str(tmp_path / "a.fa.gz"))  # which takes bgzip alone
    lines = plain.split("\n")
    assert [len(line) for line in lines] == [2, *[80] * 6, 22, 2, 80, 80, 0]
    assert "".join(lines[1:8]) == text + "C"


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        (vcf_text("c 2 C T 1|0 0|0", samples="NA12878 NA12891"), {"sample": "NA1287"}, "did you mean NA12878"),
        (
            vcf_text("c 2 C T 1|0", samples="one"),
            {"sample": "xyz"},
            "none of its 1 samples is called 'xyz'; it has one",
        ),
        (vcf_text("c 2 C T 0|0"), {}, "every genotype is the reference's"),
        (vcf_text("c 2 C T 0|1"), {"haplotype": 1}, "no variant of sample 'S' can be applied"),
        (vcf_text("C 2 C T 1|0"), {}, "1 CONTIG_UNKNOWN .C:2 C>T.*contigs are c, d: .*aliases"),
        (vcf_text("c 3 C T 1|0"), {}, "1 REF_MISMATCH .c:3 C>T"),
        (vcf_text("c 2 C T 1|0"), {"haplotype": 3}, "found haplotype 3, expected 1 or 2"),
        ("chr1\t1\n", {}, "cannot be read as VCF"),
        ("", {}, "cannot be read as VCF"),
        (gzip.compress(vcf_text(*["c 2 C T 1|0"] * 20000).encode())[:-200], {}, "damaged after c:2"),
    ],
)
def test_what_cannot_be_derived_is_refused_in_words(derive, tmp_path, content, more, words):
    with pytest.raises(InputError, match=words):
        derive(REFERENCE, content, **more)
    assert not {"derived.fa", "to_reference.chain", "haplotype.json"} & {path.name for path in tmp_path.iterdir()}


def test_a_missing_or_cut_vcf_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        genotypes.read_haplotype(tmp_path / "none.vcf", "S", 1, {"c"}, None)
    with pysam.BGZFile(str(tmp_path / "a.vcf.gz"), "wb") as handle:
        handle.write(vcf_text("c 2 C T 1|0").encode())
    whole = (tmp_path / "a.vcf.gz").read_bytes()
    (tmp_path / "a.vcf.gz").write_bytes(whole[:-28])
    with pytest.raises(InputError, match="its end is missing"):
        genotypes.read_haplotype(tmp_path / "a.vcf.gz", "S", 1, {"c"}, None)
