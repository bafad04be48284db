import gzip
import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqFeature import CompoundLocation, ExactPosition, SeqFeature, SimpleLocation
from Bio.SeqRecord import SeqRecord

from genoglot.annotation.normalise import normalise_annotation
from genoglot.annotation.table import read_annotation
from genoglot.errors import InputError
from genoglot.genbank import records as genbank
from genoglot.genbank.records import fasta_blocks, genbank_rows, is_genbank
from genoglot.genome.consequences import label_snvs
from genoglot.genome.regions import classify_regions
from genoglot.genome.transcripts import read_transcripts

ECOLI = Path(__file__).parents[2].parent / "shared" / "data" / "ecoli"


def locus(name: str, length: int, topology: str = "linear") -> str:
    return f"LOCUS       {name:<16} {length:>11} bp    DNA     {topology:<8} PLN 01-JAN-2020\n"


def origin(sequence: str) -> str:
    lines = ["ORIGIN"]
    for start in range(0, len(sequence), 60):
        row = sequence[start : start + 60].lower()
        lines.append(f"{start + 1:>9} " + " ".join(row[i : i + 10] for i in range(0, len(row), 10)))
    return "\n".join([*lines, "//", ""])


def feature(key: str, location: str, *qualifiers: str) -> str:
    lines = [f"     {key:<15} {location}", *(" " * 21 + f"/{text}" for text in qualifiers)]
    return "\n".join(lines) + "\n"


def record(name: str, sequence: str, *features: str, topology: str = "linear", version: str | None = None) -> str:
    head = locus(name, len(sequence), topology) + (f"VERSION     {version}\n" if version else "")
    table = "FEATURES             Location/Qualifiers\n" + "".join(features) if features else ""
    return head + table + origin(sequence)


def random_bases(length: int, seed: int = 1) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def complement(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def with_coding(sequence: str, parts: list[tuple[int, int]], strand: str, coding: str) -> str:
    """Write a coding sequence into parts (1-based inclusive, ascending) of a sequence."""
    assert sum(end - start + 1 for start, end in parts) == len(coding)
    bases, rest = list(sequence), complement(coding) if strand == "-" else coding
    for start, end in parts:
        bases[start - 1 : end], rest = rest[: end - start + 1], rest[end - start + 1 :]
    return "".join(bases)


# A protein of ten codons on either strand, with an intron of 30 bases after 10 of the bases that the forward strand
# reads first; transcripts reach ten bases further at both ends.
CODING = "ATGGCTGAAACTCGTCATGGAGATTTCTAA"
GENE = 'gene="actA"', 'locus_tag="T_1"'
OTHER = 'gene="actB"', 'locus_tag="T_2"'
TINY_BASES = with_coding(random_bases(400), [(51, 60), (91, 110)], "+", CODING)
TINY_BASES = with_coding(TINY_BASES, [(251, 260), (291, 310)], "-", CODING)
TINY = record(
    "TINY",
    TINY_BASES,
    feature("source", "1..400", 'organism="Test us"', 'strain="S; 1"', 'db_xref="taxon:4932"'),
    feature("gene", "<41..>120", *GENE),
    feature("mRNA", "join(<41..60,91..>120)", *GENE, 'product="actin, long=one"', 'transcript_id="XM_1.1"'),
    feature(
        "CDS",
        "join(51..60,91..110)",
        *GENE,
        'note="a note that goes on\n                     over ""two"" lines"',
        "codon_start=1",
        "transl_table=1",
        'protein_id="XP_1.1"',
        'db_xref="GeneID:1"',
        'db_xref="X:2"',
        'translation="MAETRHGDF"',
    ),
    feature("gene", "complement(241..320)", *OTHER),
    feature("mRNA", "complement(join(241..260,291..320))", *OTHER, 'transcript_id="XM_2.1"'),
    feature("CDS", "complement(join(251..260,291..310))", *OTHER, 'protein_id="XP_2.1"'),
    feature("gene", "complement(340..360)", 'gene="trnA"'),
    feature("tRNA", "complement(340..360)", 'gene="trnA"', 'product="tRNA-Ala"'),
    feature("repeat_region", "370..390", "rpt_type=tandem"),
    version="TI000001.2",
)


@pytest.fixture
def write(tmp_path):
    def run(text: str | bytes, name: str = "a.gbk") -> Path:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return run


@pytest.fixture
def normalise(write, tmp_path):
    """Normalise a GenBank text; return its table and report."""

    def run(text: str, lengths: dict[str, int]) -> tuple[pd.DataFrame, dict]:
        source = write(text)
        offsets = np.cumsum([0, *lengths.values()])[:-1]
        table = pd.DataFrame({"contig": list(lengths), "length": list(lengths.values()), "offset": offsets})
        table.to_csv(tmp_path / "contigs.tsv", sep="\t", index=False)
        normalise_annotation(source, tmp_path / "contigs.tsv", tmp_path / "a.gff3.gz", tmp_path / "a.json")
        return read_annotation(tmp_path / "a.gff3.gz"), json.loads((tmp_path / "a.json").read_text())

    return run


def fasta(path: Path) -> dict[str, str]:
    text = b"".join(fasta_blocks(path)).decode()
    pieces = (piece.partition("\n") for piece in text.split(">")[1:])
    return {name: body.replace("\n", "") for name, _, body in pieces}


def shown(rows: pd.DataFrame) -> list[tuple]:
    return list(rows[["type", "start", "end", "strand", "phase"]].itertuples(index=False, name=None))


def attributes(row) -> dict[str, str]:
    return dict(part.split("=", 1) for part in row.attributes.split(";"))


def test_a_flat_file_is_known_by_its_first_line(write, tmp_path):
    assert is_genbank(write(TINY))
    assert is_genbank(write("\n  \n" + TINY))
    assert is_genbank(write(gzip.compress(TINY.encode())))
    with pysam.BGZFile(str(tmp_path / "b.gz"), "wb") as handle:
        handle.write(TINY.encode())
    assert is_genbank(tmp_path / "b.gz")
    assert not is_genbank(write(">LOCUS 1\nACGT\n"))
    assert not is_genbank(write("##gff-version 3\nLOCUS  gene\n"))
    assert not is_genbank(write(""))


@pytest.mark.parametrize("block", [1, 100, 1 << 22])
def test_sequences_are_those_that_biopython_reads(write, monkeypatch, block):
    monkeypatch.setattr(genbank, "BLOCK", block)
    text = TINY + record("plain", "ACGTN" * 30) + record("old", "GATTACA", version=".")
    path = write(text)
    found = fasta(path)
    assert list(found) == ["TI000001.2", "plain", "old"]
    assert list(found.values()) == [str(item.seq).upper() for item in SeqIO.parse(path, "genbank")]
    assert found["TI000001.2"] == TINY_BASES
    assert fasta(write(gzip.compress(text.replace("\n", "\r\n").encode()))) == found


def test_positions_of_ten_digits_are_no_bases(write):
    text = locus("big", 4) + "ORIGIN\n1000000021 ac\n1000000081 gt\n//\n"
    assert fasta(write(text)) == {"big": "ACGT"}


def test_rows_of_genes_on_both_strands(write):
    rows, directives = genbank_rows(write(TINY))
    assert directives == ["##species https://www.ncbi.nlm.nih.gov/Taxonomy/Browser/wwwtax.cgi?id=4932"]
    assert set(rows["contig"]) == {"TI000001.2"}
    assert sorted(shown(rows)) == sorted(
        [
            ("region", 1, 400, "+", "."),
            ("gene", 41, 120, "+", "."),
            ("mRNA", 41, 120, "+", "."),
            ("exon", 41, 60, "+", "."),
            ("exon", 91, 120, "+", "."),
            ("CDS", 51, 60, "+", "0"),
            ("CDS", 91, 110, "+", "2"),  # 10 bases are three codons and one base
            ("gene", 241, 320, "-", "."),
            ("mRNA", 241, 320, "-", "."),
            ("exon", 241, 260, "-", "."),
            ("exon", 291, 320, "-", "."),
            ("CDS", 291, 310, "-", "0"),
            ("CDS", 251, 260, "-", "1"),  # 20 bases are six codons and two bases
            ("gene", 340, 360, "-", "."),
            ("tRNA", 340, 360, "-", "."),
            ("exon", 340, 360, "-", "."),
            ("repeat_region", 370, 390, "+", "."),
        ]
    )
    lines = TINY.splitlines()
    for row in rows.itertuples():
        key = {"region": "source", "exon": "RNA"}.get(row.type, row.type)
        assert key in lines[row.line - 1].split()[0]


def test_attributes_name_and_nest_the_rows(write):
    rows = genbank_rows(write(TINY))[0]
    found = {kind: [attributes(row) for row in group.itertuples()] for kind, group in rows.groupby("type")}
    assert found["region"][0]["strain"] == "S%3B 1"
    gene, mrna, cds = found["gene"][0], found["mRNA"][0], found["CDS"][0]
    assert (gene["ID"], gene["Name"], gene["locus_tag"]) == ("gene-T_1", "actA", "T_1")
    assert (gene["partial"], gene["start_range"], gene["end_range"]) == ("true", ".,41", "120,.")
    assert (mrna["ID"], mrna["Parent"], mrna["product"]) == ("rna-XM_1.1", "gene-T_1", "actin%2C long%3Done")
    assert [item["ID"] for item in found["exon"][:2]] == ["exon-XM_1.1-1", "exon-XM_1.1-2"]
    assert {item["Parent"] for item in found["exon"]} == {"rna-XM_1.1", "rna-XM_2.1", "rna-trnA"}
    assert ("start_range" in found["exon"][0], "start_range" in found["exon"][1]) == (True, False)
    assert (cds["ID"], cds["Parent"], cds["Name"]) == ("cds-XP_1.1", "rna-XM_1.1", "XP_1.1")
    assert cds["Note"] == 'a note that goes on over "two" lines'
    assert (cds["Dbxref"], cds["transl_table"], cds["gbkey"]) == ("GeneID:1,X:2", "1", "CDS")
    assert "translation" not in cds
    assert found["repeat_region"][0]["ID"] == "id-TI000001.2:370..390"


def test_regions_and_consequences_of_a_flat_file(normalise, make_genome, tmp_path):
    table, report = normalise(TINY, {"TI000001.2": 400})
    assert (report["format"], report["genes"], report["transcripts"], report["orphans"]) == ("GenBank", 3, 3, 0)
    genome = make_genome({"TI000001.2": TINY_BASES})
    classify_regions(tmp_path / "a.gff3.gz", tmp_path / "contigs.tsv", tmp_path / "r.bed.gz", 20)
    bed = [line.split("\t")[1:] for line in gzip.decompress((tmp_path / "r.bed.gz").read_bytes()).decode().splitlines()]
    found = {(int(start), int(end)): kind for start, end, kind in bed}
    expected = {
        (20, 40): "promoter",
        (40, 50): "UTR",
        (50, 60): "CDS",
        (60, 90): "intron",
        (90, 110): "CDS",
        (110, 120): "UTR",
        (240, 250): "UTR",
        (250, 260): "CDS",
        (260, 290): "intron",
        (290, 310): "CDS",
        (310, 320): "UTR",
        (320, 339): "promoter",
        (339, 360): "ncRNA",
        (369, 390): "repeat",
    }
    assert expected.items() <= found.items()
    coding = [item for item in read_transcripts(table) if not item.left_out]
    assert [(item.transcript, item.length, item.phase) for item in coding] == [
        ("rna-XM_1.1", 30, 0),
        ("rna-XM_2.1", 30, 0),
    ]
    # the A of the start codons and the third base of GCT, on either strand; a splice site
    places = np.array([50, 55, 309, 304, 60])
    ref = np.array([TINY_BASES[place] for place in places])
    alt = np.array(["C", "C", "G", "G", "ACGT"[("ACGT".index(TINY_BASES[60]) + 1) % 4]])
    labels = label_snvs(tmp_path / "a.gff3.gz", genome.folder, np.full(5, "TI000001.2", dtype=object), places, ref, alt)
    assert labels.tolist() == [
        "start_lost",
        "synonymous_variant",
        "start_lost",
        "synonymous_variant",
        "splice_donor_variant",
    ]


LOCATIONS = [
    ("10..20", "linear"),
    ("complement(10..20)", "linear"),
    ("join(10..20,31..45,60..61)", "linear"),
    ("complement(join(10..20,31..45,60..61))", "linear"),
    ("join(complement(60..61),complement(31..45),complement(10..20))", "linear"),
    ("join(10..20,20..45)", "linear"),
    ("order(10..20,31..45)", "linear"),
    ("join(complement(60..70),10..20)", "linear"),
    ("<10..>20", "linear"),
    ("77", "linear"),
    ("join(90..100,1..12)", "circular"),
    ("complement(join(90..100,1..12))", "circular"),
    ("join(70..80,95..100,1..12,20..25)", "circular"),
    ("complement(join(70..80,95..100,1..12,20..25))", "circular"),
    ("join(70..80,90..96,5..12)", "circular"),
    ("join(10..20,31..45)", "circular"),
    ("complement(join(10..20,31..45))", "circular"),
    ("join(complement(60..70),10..20)", "circular"),
]


@pytest.mark.parametrize(("location", "topology"), LOCATIONS)
@pytest.mark.parametrize("codon_start", [1, 2, 3])
def test_rows_spell_what_biopython_extracts(write, location, topology, codon_start):
    sequence = random_bases(100)
    path = write(record("C", sequence, feature("CDS", location, f"codon_start={codon_start}"), topology=topology))
    rows = genbank_rows(path)[0]
    rows = rows[rows["type"] == "CDS"]
    circle, text = sequence * 2, ""
    for row in rows.itertuples():
        # bases before the next whole codon, counted from the first one
        assert (len(text) + int(row.phase) - (codon_start - 1)) % 3 == 0
        part = circle[row.start - 1 : row.end]
        text += complement(part) if row.strand == "-" else part
    parsed = next(iter(SeqIO.parse(path, "genbank")))
    assert text == str(parsed.features[0].extract(parsed.seq))


def test_what_passes_the_origin_is_one_feature(write):
    gene = 'locus_tag="O"'
    text = record(
        "C",
        random_bases(100),
        feature("gene", "complement(join(90..100,1..12))", gene),
        feature("CDS", "complement(join(90..100,1..12))", gene),
        topology="circular",
    )
    rows = genbank_rows(write(text))[0]
    assert shown(rows) == [("region", 1, 100, "+", "."), ("gene", 90, 112, "-", "."), ("CDS", 90, 112, "-", "0")]
    assert "Is_circular=true" in rows["attributes"][0]
    assert attributes(rows.iloc[2])["Parent"] == "gene-O"


@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_coding_sequence_keeps_its_frame_across_the_origin(normalise, make_genome, tmp_path, strand):
    """Codons read on each side of the origin are those of the whole; the circle is not taken for an intron."""
    coding = "ATG" + "GCTGAAACTCGT" * 2 + "TAA"
    sequence = random_bases(300)
    doubled = with_coding(sequence * 2, [(290, 319)], strand, coding)
    sequence = doubled[300:319] + sequence[19:289] + doubled[289:300]
    place = "join(290..300,1..19)"
    text = record(
        "C",
        sequence,
        feature("gene", place if strand == "+" else f"complement({place})", 'locus_tag="O"'),
        feature("CDS", place if strand == "+" else f"complement({place})", 'locus_tag="O"'),
        topology="circular",
    )
    table, report = normalise(text, {"C": 300})
    assert report["across_origin"] == 2
    assert report["orphans"] == 0
    bases = make_genome({"C": sequence}).contig("C") & 7
    codons = {coding[i : i + 3] for i in range(0, 30, 3)}
    found = read_transcripts(table)
    assert sorted(item.transcript for item in found) == ["cds-O", "cds-O-after-origin"]
    for item in found:
        assert item.left_out == ""
        read = "".join("ACGT"[code] for code in bases[item.positions])
        read = read.translate(str.maketrans("ACGT", "TGCA")) if strand == "-" else read
        assert len(read) in (9, 18)
        assert {read[i : i + 3] for i in range(0, len(read), 3)} <= codons
    classify_regions(tmp_path / "a.gff3.gz", tmp_path / "contigs.tsv", tmp_path / "r.bed.gz", 20)
    bed = gzip.decompress((tmp_path / "r.bed.gz").read_bytes()).decode()
    assert "intron" not in bed
    assert "C\t0\t19\tCDS" in bed
    assert "C\t289\t300\tCDS" in bed
    assert ("C\t269\t289\tpromoter" if strand == "+" else "C\t19\t39\tpromoter") in bed


def test_coding_sequences_find_the_transcript_with_their_introns(write):
    gene = 'gene="g"'
    rows = genbank_rows(
        write(
            record(
                "C",
                random_bases(400),
                feature("gene", "1..400", gene),
                feature("mRNA", "join(1..100,150..400)", gene),
                feature("mRNA", "join(1..100,200..400)", gene),
                feature("mRNA", "join(1..100,200..390)", gene),
                feature("CDS", "join(50..100,200..300)", gene, 'protein_id="P1"'),
                feature("CDS", "join(50..100,150..300)", gene, 'protein_id="P2"'),
                feature("CDS", "join(40..100,200..300)", gene, 'protein_id="P3"'),
                feature("CDS", "join(40..90,200..300)", gene, 'protein_id="P4"'),
                feature("CDS", "210..380", gene, 'protein_id="P5"'),
                feature("3'UTR", "391..400", gene),
                feature("gene", "1..10", 'gene="h"'),
                feature("3'UTR", "8..10", 'gene="h"'),
                feature("CDS", "200..210", 'gene="h"', 'protein_id="P6"'),
            )
        )
    )[0]
    parents = {values["ID"]: values.get("Parent") for values in map(attributes, rows.itertuples())}
    assert parents["cds-P1"] == "rna-g-2"
    assert parents["cds-P2"] == "rna-g"
    assert parents["cds-P3"] == "rna-g-3"
    assert parents["cds-P4"] == "gene-g"
    assert parents["cds-P5"] == "gene-g"
    assert parents["id-g"] == "gene-g"
    assert parents["id-h"] == "gene-h"
    assert parents["cds-P6"] is None  # elsewhere than the gene of its name


def test_pseudogenes_classes_of_rna_and_unknown_keys(write):
    rows = genbank_rows(
        write(
            record(
                "C",
                random_bases(300),
                feature("gene", "join(1..30,61..90)", 'locus_tag="A"', "pseudo"),
                feature("CDS", "join(1..30,61..90)", 'locus_tag="A"', "pseudo"),
                feature("gene", "101..120", 'locus_tag="B"', 'pseudogene="unknown"'),
                feature("tRNA", "101..120", 'locus_tag="B"', 'pseudogene="unknown"'),
                feature("ncRNA", "131..140", 'ncRNA_class="snoRNA"'),
                feature("ncRNA", "141..150", 'ncRNA_class="other"'),
                feature("misc_RNA", "151..160"),
                feature("regulatory", "161..170", 'regulatory_class="TATA_box"'),
                feature("regulatory", "171..180", 'regulatory_class="other"'),
                feature("mobile_element", "181..190", 'mobile_element_type="transposon:Tn9"'),
                feature("own_key", "191..200"),
                feature("variation", "200^201"),
            )
        )
    )[0]
    rows = rows[~rows["type"].isin(["exon", "region"])]
    assert sorted((row[0], row[1], row[2]) for row in shown(rows)) == sorted(
        [
            ("pseudogene", 1, 30),
            ("pseudogene", 61, 90),
            ("CDS", 1, 30),
            ("CDS", 61, 90),
            ("pseudogene", 101, 120),
            ("pseudogenic_tRNA", 101, 120),
            ("snoRNA", 131, 140),
            ("ncRNA", 141, 150),
            ("transcript", 151, 160),
            ("TATA_box", 161, 170),
            ("regulatory_region", 171, 180),
            ("mobile_genetic_element", 181, 190),
            ("sequence_feature", 191, 200),
            ("sequence_alteration", 200, 200),
        ]
    )
    found = [attributes(row) for row in rows.itertuples()]
    assert [item["part"] for item in found if item["ID"] == "gene-A"] == ["1/2", "2/2"]
    assert all(item["pseudo"] == "true" for item in found if item.get("locus_tag") in ("A", "B"))


def test_odd_features_are_left_out_and_logged(write, caplog):
    odd = [
        feature("gene", "J00194.1:5..9", 'gene="far"'),
        feature("gene", "90..101", 'gene="long"'),
        feature("gene", "20..10", 'gene="turned"'),
        feature("gene", "join(1..10,complement(join(20..30,40..50)))", 'gene="nested"'),
        feature("gene", "somewhere", 'gene="vague"'),
        feature("gene", "5^6", 'gene="nothing"'),
        feature("gene", "complement(5..9", 'gene="open"'),
        '     gene            7..9\n                     /note="without an end\n',
        "     gene\n",
    ]
    text = record("C", random_bases(100), feature("gene", "1..9", 'gene="good"'), *odd)
    with caplog.at_level(logging.WARNING):
        rows = genbank_rows(write(text))[0]
    assert rows["type"].tolist() == ["region", "gene"]
    assert f"{len(odd)} features are left out" in caplog.text
    assert "line 5: gene J00194.1:5..9 (refers to another record, J00194.1)" in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (locus("A", 9) + "CONTIG      join(B.1:1..9)\n//\n", "line 1: the record A has no sequence.*gbwithparts"),
        (locus("A", 9) + "ORIGIN\n//\n", "has no sequence"),
        (record("B", "ACGT") + locus("A", 9) + "WGS         X01-X09\n//\n", "line 5: the record A has no sequence"),
        (record("A", "ACGT").replace("//\n", ""), "does not end with a line `//`"),
        (record("A", "ACGT").replace("//\n", "") + record("B", "ACGT"), "line 1: the record A does not end"),
        (record("A", "ACGT").replace(" 4 bp", " 5 bp"), "promises 5 bases, but 4 follow"),
        (record("A", "ACGT").replace(" bp ", " aa "), "is a protein"),
        ("LOCUS       contig_1_length_99123456 bp DNA linear\nORIGIN\n//\n", "--compliant"),
        ("LOCUS \n//\n", "line 1: expected a name"),
    ],
)
def test_files_without_whole_sequences_are_refused(write, text, words):
    with pytest.raises(InputError, match=words):
        fasta(write(text))


def test_an_annotation_needs_features_but_no_sequence(write):
    table = "FEATURES             Location/Qualifiers\n" + feature("source", "1..9")
    end = "CONTIG      join(B.1:1..9)\n//\n"
    with pytest.raises(InputError, match="has no sequence"):
        genbank_rows(write(locus("A", 9) + table + end))
    rows = genbank_rows(write(locus("A", 9) + table + feature("gene", "2..5", 'gene="g"') + end))[0]
    assert rows["type"].tolist() == ["region", "gene"]
    with pytest.raises(InputError, match="holds no features"):
        genbank_rows(write("LOCUS       A\nORIGIN\n        1 acgt\n//\n"))
    with pytest.raises(InputError, match="does not end"):
        genbank_rows(write(locus("A", 9) + table))


NCBI_KEYS = {
    "mobile_genetic_element": "mobile_element",
    "pseudogene": "gene",
    "origin_of_replication": "rep_origin",
    "recombination_feature": "misc_recomb",
    "region": "source",
    "sequence_feature": "misc_feature",
}


def ncbi_features(table: pd.DataFrame) -> list[SeqFeature]:
    """Features of an NCBI GFF3 of a bacterium, rows of one ID joined in the order of transcription."""
    features = []
    for _, rows in table[table["type"] != "exon"].groupby(["id", "type"], sort=False):
        first = rows.iloc[0]
        strand = -1 if first["strand"] == "-" else 1
        parts = [
            SimpleLocation(ExactPosition(a), ExactPosition(b), strand)
            for a, b in zip(rows["start"], rows["end"], strict=True)
        ]
        parts = parts[::strand]
        values = dict(part.split("=", 1) for part in first["attributes"].split(";"))
        qualifiers = {key: [value] for key, value in values.items() if key in ("gene", "locus_tag", "protein_id")}
        if values.get("pseudo"):
            qualifiers["pseudo"] = [""]
        if first["type"] == "CDS":
            qualifiers |= {"transl_table": ["11"], "codon_start": ["1"], "note": ["as long as a note may be " * 9]}
        location = CompoundLocation(parts) if len(parts) > 1 else parts[0]
        features.append(SeqFeature(location, type=NCBI_KEYS.get(first["type"], first["type"]), qualifiers=qualifiers))
    return features


@pytest.mark.skipif(not ECOLI.exists(), reason=f"{ECOLI} is not there")
def test_ecoli_as_a_flat_file_has_the_rows_of_its_gff3(normalise, write, tmp_path):
    text = gzip.decompress((ECOLI / "MG1655_U00096.fasta.gz").read_bytes()).decode()
    sequence = "".join(text.splitlines()[1:])
    contigs = pd.DataFrame({"contig": ["U00096.3"], "length": [len(sequence)], "offset": [0]})
    contigs.to_csv(tmp_path / "contigs.tsv", sep="\t", index=False)
    normalise_annotation(
        ECOLI / "MG1655_U00096.gff3.gz", tmp_path / "contigs.tsv", tmp_path / "e.gff3.gz", tmp_path / "e.json"
    )
    expected = read_annotation(tmp_path / "e.gff3.gz")
    made = SeqRecord(Seq(sequence), "U00096.3", "U00096", "E. coli", features=ncbi_features(expected))
    made.annotations |= {"molecule_type": "DNA", "topology": "circular"}
    SeqIO.write(made, tmp_path / "e.gbk", "genbank")
    assert fasta(tmp_path / "e.gbk") == {"U00096.3": sequence}
    table, report = normalise((tmp_path / "e.gbk").read_text(), {"U00096.3": len(sequence)})
    assert (report["features"], report["genes"], report["cds"], report["orphans"]) == (10121, 4419, 4379, 0)
    columns = ["contig", "type", "start", "end", "strand", "phase"]
    whole = ~table["type"].isin(["region"])
    left = table.loc[whole, columns].sort_values(columns, ignore_index=True)
    right = expected.loc[expected["type"] != "region", columns].sort_values(columns, ignore_index=True)
    unstranded = right["strand"] == "."
    right.loc[unstranded, "strand"] = "+"
    pd.testing.assert_frame_equal(left, right.sort_values(columns, ignore_index=True))
    genes = ["CDS", "tRNA", "rRNA", "ncRNA"]
    nested = [
        set(zip(rows["start"], rows["parent"], strict=True))
        for rows in (table[table["type"].isin(genes)], expected[expected["type"].isin(genes)])
    ]
    assert nested[0] == nested[1]
    assert "no introns: every transcript is one piece" in report["notes"]
