"""The features of GenBank flat files as rows of an annotation."""

import gzip

import numpy as np
import pytest
from Bio import SeqIO
from genbank_files import (
    TINY,
    TINY_BASES,
    attributes,
    complement,
    feature,
    random_bases,
    record,
    shown,
    with_coding,
)

from genoglot.genbank.records import genbank_rows
from genoglot.genome.consequences import label_snvs
from genoglot.genome.regions import classify_regions
from genoglot.genome.transcripts import read_transcripts


def test_rows_of_genes_on_both_strands(write_genbank):
    rows, directives = genbank_rows(write_genbank(TINY))
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


def test_attributes_name_and_nest_the_rows(write_genbank):
    rows = genbank_rows(write_genbank(TINY))[0]
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


def test_regions_and_consequences_of_a_flat_file(normalise_genbank, make_genome, tmp_path):
    table, report = normalise_genbank(TINY, {"TI000001.2": 400})
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
def test_rows_spell_what_biopython_extracts(write_genbank, location, topology, codon_start):
    sequence = random_bases(100)
    path = write_genbank(
        record("C", sequence, feature("CDS", location, f"codon_start={codon_start}"), topology=topology)
    )
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


def test_what_passes_the_origin_is_one_feature(write_genbank):
    gene = 'locus_tag="O"'
    text = record(
        "C",
        random_bases(100),
        feature("gene", "complement(join(90..100,1..12))", gene),
        feature("CDS", "complement(join(90..100,1..12))", gene),
        topology="circular",
    )
    rows = genbank_rows(write_genbank(text))[0]
    assert shown(rows) == [("region", 1, 100, "+", "."), ("gene", 90, 112, "-", "."), ("CDS", 90, 112, "-", "0")]
    assert "Is_circular=true" in rows["attributes"][0]
    assert attributes(rows.iloc[2])["Parent"] == "gene-O"


@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_coding_sequence_keeps_its_frame_across_the_origin(normalise_genbank, make_genome, tmp_path, strand):
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
    table, report = normalise_genbank(text, {"C": 300})
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


def test_coding_sequences_find_the_transcript_with_their_introns(write_genbank):
    gene = 'gene="g"'
    rows = genbank_rows(
        write_genbank(
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


def test_pseudogenes_classes_of_rna_and_unknown_keys(write_genbank):
    rows = genbank_rows(
        write_genbank(
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
