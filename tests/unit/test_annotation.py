"""Annotations of GFF3 and GTF, made alike."""

import gzip
import json

import pandas as pd
import pysam
import pytest
from tiny_annotation import write_contigs

from genoglot.annotation.normalise import normalise_annotation
from genoglot.annotation.table import read_annotation
from genoglot.errors import InputError


@pytest.fixture
def normalise(tmp_path):
    """Normalise a text; return its table and report."""

    def run(
        text: str | bytes, lengths: dict[str, int] | None = None, names: str | None = None
    ) -> tuple[pd.DataFrame, dict]:
        table = None
        if names is not None:
            table = tmp_path / "names.tsv"
            table.write_text("name\tcontig\n" + names.replace(" ", "\t"))
        source = tmp_path / "source"
        source.write_bytes(text if isinstance(text, bytes) else text.encode())
        contigs = write_contigs(tmp_path, lengths or {"chrII": 1000, "chrI": 500})
        normalise_annotation(source, contigs, tmp_path / "a.gff3.gz", tmp_path / "a.json", table)
        return read_annotation(tmp_path / "a.gff3.gz"), json.loads((tmp_path / "a.json").read_text())

    return run


def gff(*rows: str) -> str:
    """Rows as `contig type start end strand phase attributes`, blanks between them."""
    lines = []
    for row in rows:
        contig, kind, start, end, strand, phase, *attributes = row.split(" ")
        lines.append("\t".join([contig, "test", kind, start, end, ".", strand, phase, " ".join(attributes) or "."]))
    return "##gff-version 3\n" + "\n".join(lines) + "\n"


GENES = gff(
    "chrI CDS 11 40 + 0 Parent=t1",
    "chrI exon 11 40 + . Parent=t1",
    "chrI mRNA 11 40 + . ID=t1;Parent=g1;Note=50%25%20more",
    "chrI gene 11 40 + . ID=g1;Name=ACT%201;biotype=protein_coding",
    "chrII gene 5 20 - . ID=g2;gene=B",
    "chrI region 1 500 . . ID=chrI",
    "chrII CDS 5 20 - . Parent=g2,g3",
)


def test_rows_are_sorted_by_contig_start_and_depth(normalise, tmp_path):
    table, report = normalise(GENES)
    assert table["contig"].tolist() == ["chrII"] * 2 + ["chrI"] * 5
    assert table["type"].tolist() == ["gene", "CDS", "region", "gene", "mRNA", "exon", "CDS"] or (
        table["type"].tolist() == ["gene", "CDS", "region", "gene", "mRNA", "CDS", "exon"]
    )
    with pysam.TabixFile(str(tmp_path / "a.gff3.gz")) as index:
        assert index.contigs == ["chrII", "chrI"]
        assert [row.split("\t")[2] for row in index.fetch("chrII", 0, 10)] == ["gene", "CDS"]
        assert "##gff-version 3" in index.header
    assert report["format"] == "GFF3"
    assert report["types"] == {"CDS": 2, "exon": 1, "gene": 2, "mRNA": 1, "region": 1}
    assert (report["features"], report["genes"], report["cds"]) == (7, 2, 2)
    assert report["transcripts"] == 2
    assert report["orphans"] == 1  # g3


def test_the_table_is_zero_based_and_typed(normalise):
    table, _ = normalise(GENES)
    row = table[table["type"] == "mRNA"].iloc[0]
    assert (row.start, row.end, row.strand, row.phase, row.id, row.parent) == (10, 40, "+", -1, "t1", "g1")
    assert row.attributes == "ID=t1;Parent=g1;Note=50%25%20more"
    gene = table[table["id"] == "g1"].iloc[0]
    assert (gene["name"], gene.biotype, gene.phase) == ("ACT 1", "protein_coding", -1)
    assert table.loc[table["id"] == "g2", "name"].item() == "B"
    assert table.loc[table["parent"] == "t1", "phase"].tolist() in ([-1, 0], [0, -1])
    assert str(table["phase"].dtype) == "Int8"
    assert table.loc[table["id"] == "chrI", "strand"].item() == "."


def test_comments_and_an_embedded_fasta_end_nowhere(normalise):
    text = GENES + "# a remark\n\n###\n##FASTA\n>chrI\nACGT\n"
    assert len(normalise(text)[0]) == 7


@pytest.mark.parametrize("change", ["crlf", "gzip", "no_header", "no_newline"])
def test_outer_forms_make_no_difference(normalise, change):
    expected = normalise(GENES)[0]
    text = {
        "crlf": GENES.replace("\n", "\r\n").encode(),
        "gzip": gzip.compress(GENES.encode()),
        "no_header": GENES.split("\n", 1)[1].encode(),
        "no_newline": GENES.rstrip("\n").encode(),
    }[change]
    pd.testing.assert_frame_equal(normalise(text)[0], expected)


def gtf(*rows: str) -> str:
    lines = []
    for row in rows:
        kind, start, end, strand, phase, gene, transcript, *more = row.split(" ")
        attributes = f'gene_id "{gene}"; transcript_id "{transcript}"; ' if transcript else f'gene_id "{gene}"; '
        lines.append("\t".join(["chrI", "test", kind, start, end, ".", strand, phase, attributes + " ".join(more)]))
    return "\n".join(lines) + "\n"


# Stop codons: whole and next to the CDS; one base before an intron, two after; all of it beyond an intron; the
# same two on the other strand; and one that the CDS already holds.
STOP_CASES = [
    ("+", [(11, 37)], [(38, 40)], [(11, 40, 0)]),
    ("+", [(11, 37)], [(38, 38), (61, 62)], [(11, 38, 0), (61, 62, 2)]),
    ("+", [(11, 37)], [(61, 63)], [(11, 37, 0), (61, 63, 0)]),
    ("-", [(111, 137)], [(108, 110)], [(108, 137, 0)]),
    ("-", [(111, 137)], [(109, 110), (81, 81)], [(81, 81, 1), (109, 137, 0)]),
    ("+", [(11, 40)], [(38, 40)], [(11, 40, 0)]),
]


@pytest.mark.parametrize(("strand", "coding", "stops", "expected"), STOP_CASES)
def test_a_gtf_coding_sequence_takes_in_its_stop_codon(normalise, strand, coding, stops, expected):
    rows = [f"CDS {start} {end} {strand} 0 G T" for start, end in coding]
    rows += [f"stop_codon {start} {end} {strand} . G T" for start, end in stops]
    table, report = normalise(gtf(*rows))
    cds = table[table["type"] == "CDS"]
    assert list(zip(cds["start"] + 1, cds["end"], cds["phase"], strict=True)) == expected
    assert set(cds["parent"]) == {"transcript:T"}
    assert sum(cds["end"] - cds["start"]) % 3 == 0
    assert report["stop_codons_added"] == int(coding != [(11, 40)])


def test_gtf_features_get_parents_types_and_attributes(normalise):
    text = gtf(
        'gene 11 90 + . G1  gene_name "act; 1"; gene_biotype "protein_coding";',
        'transcript 11 90 + . G1 T1 transcript_biotype "protein_coding"; tag "a"; tag "b";',
        "exon 11 90 + . G1 T1 exon_number 1;",
        "CDS 21 50 + 0 G1 T1",
        "five_prime_utr 11 20 + . G1 T1",
        'transcript 11 60 + . G1 T2 transcript_biotype "retained_intron";',
        'gene 101 150 - . G3  gene_biotype "tRNA";',
        'transcript 101 150 - . G3 G3 transcript_biotype "tRNA";',
        'gene 201 250 - . G4  gene_biotype "transposable_element";',
        'transcript 201 250 - . G4 T4 transcript_biotype "transposable_element";',
        'transcript 301 350 - . G5 T5 transcript_biotype "processed_pseudogene";',
    )
    table, report = normalise(text)
    by_id = table[table["id"] != ""].set_index("id")
    assert by_id["type"].to_dict() == {
        "gene:G1": "gene",
        "transcript:T1": "mRNA",
        "transcript:T2": "transcript",
        "gene:G3": "gene",
        "transcript:G3": "tRNA",
        "gene:G4": "transposable_element_gene",
        "transcript:T4": "transposable_element",
        "gene:G5": "gene",
        "transcript:T5": "pseudogenic_transcript",
    }
    assert by_id.loc["transcript:T2", "parent"] == "gene:G1"
    assert by_id.loc["gene:G1", "name"] == "act; 1"
    assert "tag=a,b" in by_id.loc["transcript:T1", "attributes"].split(";")
    assert set(table.loc[table["parent"] == "transcript:T1", "type"]) == {"exon", "CDS", "five_prime_UTR"}
    assert "exon_number=1" in table.loc[table["type"] == "exon", "attributes"].item()
    assert report["format"] == "GTF"
    assert (report["genes_made"], report["transcripts_made"]) == (1, 0)


def test_genes_and_transcripts_that_a_gtf_lacks_are_made(normalise):
    table, report = normalise(gtf("exon 11 40 + . G T", "exon 61 90 + . G T", "exon 31 95 + . G U"))
    made = table[table["id"] != ""].set_index("id")
    assert made[["start", "end"]].to_numpy().tolist() == [[10, 95], [10, 90], [30, 95]]
    assert made["parent"].tolist() == ["", "gene:G", "gene:G"]
    assert (report["genes_made"], report["transcripts_made"]) == (1, 2)


CHR = {"chrI": 500, "chrII": 1000}


@pytest.mark.parametrize(
    ("text", "lengths", "words"),
    [
        ("", CHR, "empty"),
        ("# only a remark\n", CHR, "holds no features"),
        ("chrI\ttest\tgene\t1\t9\n", CHR, "line 1: found 5 tab-separated columns"),
        ("chrI test gene 1 9 . + . ID=a\n", CHR, "separated by spaces"),
        (GENES + "chrI\tt\tgene\t1\t9\t.\t+\t.\tID=a\tmore\n", CHR, "line 9: found 10"),
        (GENES + "chrI\tt\tgene\t1\t9\t.\t+\t.\tID=a\tx\ty\tz\n", CHR, "nine"),
        ('chrI\tt\texon\t1\t9\t.\t+\t.\tGene "act"\n', CHR, "no row has a gene_id"),
        ("<!doctype html>\n<p>\n", CHR, "HTML page"),
        (gff("chrI gene 1.5 9 + . ID=a"), CHR, "line 2: chrI gene 1.5 9"),
        (gff("chrI gene 9 3 + . ID=a"), CHR, "start is past the end.*line 2"),
        (gff("chrI gene 0 3 + . ID=a"), CHR, "below 1.*line 2"),
        (gff("chrI gene 490 501 + . ID=a"), CHR, "past the end of their contig.*line 2.*up to 500 on chrI"),
        (gff("chrI ARS 1 9 + . ID=a", "chrI telomere 1 9 + . ID=b"), CHR, r"no genes found.*ARS \(1\), telomere \(1\)"),
        (GENES, {"I": 500, "II": 1000}, "none of the annotation's 2 contigs.*I in the FASTA for chrI.*`aliases`"),
        (GENES, {"chr1": 500, "chr2": 1000}, "chr1 in the FASTA for chrI, chr2 in the FASTA for chrII"),
        (GENES, {"chrI": 500}, "line 6: 1 of the annotation's 2 contigs.*Annotation: chrII"),
        (gff("U00096 gene 1 9 + . ID=a"), {"U00096.3": 99}, "U00096.3 in the FASTA for U00096"),
        (gff("NC_001133.9 gene 1 9 + . ID=a"), CHR, "Give the annotation made for this FASTA.*`aliases`"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(normalise, tmp_path, text, lengths, words):
    with pytest.raises(InputError, match=words):
        normalise(text, lengths)
    assert not (tmp_path / "a.gff3.gz").exists()


NAMES = "two chrII\nchrI chrI\nI chrI\nNC_1.2 chrI\nchrII chrII\n2 \nscaffold_2 \n"


def test_contigs_get_the_names_of_the_fasta(normalise):
    theirs = GENES.replace("chrII\t", "two\t").replace("chrI\t", "NC_1.2\t")
    table, report = normalise(theirs, names=NAMES)
    expected, before = normalise(GENES)
    pd.testing.assert_frame_equal(table, expected)
    assert (report["renamed"], before["renamed"]) == (2, 0)
    assert report["dropped_contig_features"] == 0


def test_features_of_dropped_contigs_are_left_out_and_counted(normalise):
    text = GENES + gff("scaffold_2 gene 1 9999 + . ID=x", "2 gene 1 5 + . ID=y", "I gene 2 9 + . ID=z")
    table, report = normalise(text, names=NAMES)
    assert table.loc[~table["id"].isin(["z"]), "attributes"].tolist() == normalise(GENES)[0]["attributes"].tolist()
    assert table.loc[table["id"] == "z", "contig"].item() == "chrI"
    assert (report["renamed"], report["dropped_contig_features"], report["features"]) == (1, 2, 8)


def test_names_do_not_hide_contigs_that_are_unknown(normalise):
    with pytest.raises(InputError, match=r"line 9: 1 of the annotation's 3 contigs are not in the genome.*chrIV"):
        normalise(GENES + "chrIV\tt\tgene\t1\t9\t.\t+\t.\tID=x\n", names=NAMES)
    with pytest.raises(InputError, match=r"all contigs of the annotation were dropped.*scaffold_2"):
        normalise(gff("scaffold_2 gene 1 9 + . ID=x"), names=NAMES)


def test_a_feature_across_the_origin_of_a_circle_is_cut_in_two(normalise):
    circle = gff(
        "chrI region 1 500 + . ID=chrI;Is_circular=true",
        "chrI gene 490 520 + . ID=a;Name=A",
        "chrI mRNA 490 520 + . ID=t;Parent=a",
        "chrI CDS 490 497 + 0 ID=c;Parent=t",
        "chrI CDS 499 512 + 1 ID=c;Parent=t",
        "chrI CDS 515 520 + 2 ID=c;Parent=t",
        "chrI CDS 480 501 - 0 ID=d;Parent=gone",
        "chrI exon 3 9 + . Parent=a",
    )
    table, report = normalise(circle)
    rows = table.sort_values(["type", "start", "strand"])
    found = list(
        zip(rows["type"], rows["start"] + 1, rows["end"], rows["phase"], rows["id"], rows["parent"], strict=True)
    )
    assert sorted(found) == sorted(
        [
            ("region", 1, 500, -1, "chrI", ""),
            ("gene", 490, 500, -1, "a", ""),
            ("gene", 1, 20, -1, "a-after-origin", ""),
            ("mRNA", 490, 500, -1, "t", "a"),
            ("mRNA", 1, 20, -1, "t-after-origin", "a-after-origin"),
            ("CDS", 490, 497, 0, "c", "t"),
            ("CDS", 499, 500, 1, "c", "t"),
            # after the first base of 499..500 a codon begins, of which one base comes before the origin
            ("CDS", 1, 12, 2, "c-after-origin", "t-after-origin"),
            ("CDS", 15, 20, 2, "c-after-origin", "t-after-origin"),
            # on the reverse strand the first base read is the one after the origin
            ("CDS", 1, 1, 0, "d-after-origin", "gone-after-origin"),
            ("CDS", 480, 500, 2, "d", "gone"),
            ("exon", 3, 9, -1, "", "a"),
        ]
    )
    assert "ID=a-after-origin;Name=A" in table["attributes"].tolist()
    assert report["across_origin"] == 5
    with pytest.raises(InputError, match="past the end of their contig"):
        normalise(circle + "chrI\tt\tgene\t1\t501\t.\t+\t.\tID=x\n")


def test_notes_say_what_cannot_be_told(normalise):
    notes = " ".join(
        normalise(gff("chrI exon 1 9 + . ID=a", "chrI exon 1 9 + . ID=a", "chrI exon 1 9 + . "))[1]["notes"]
    )
    for words in (
        "no CDS",
        "no gene features",
        "no introns",
        "no repeats",
        "3 of 3 exons name no transcript",
        "1 of these exons repeat",
        "3 exons may code",
    ):
        assert words in notes
    whole = gff(
        "chrI gene 1 90 + . ID=g",
        "chrI mRNA 1 90 + . ID=a;Parent=g",
        "chrI exon 1 30 + . Parent=a",
        "chrI exon 61 90 + . Parent=a",
        "chrI CDS 4 30 + 0 Parent=a",
        "chrI CDS 61 90 + 0 Parent=a",
        "chrI repeat_region 101 110 + .",
    )
    assert normalise(whole)[1]["notes"] == []
    assert "no phase" in normalise(whole.replace("\t0\t", "\t.\t"))[1]["notes"][0]
    more = gff("chrI CDS 201 230 + 0 Parent=b", "chrI CDS 241 270 + 0 Parent=c")
    assert "UTRs for 1 of 3 coding transcripts only" in normalise(whole + more)[1]["notes"][0]


@pytest.mark.parametrize(
    ("change", "introns"),
    [
        ("", True),
        ("frameshift", False),
        ("pseudogene", False),
        ("pseudo CDS", False),
    ],
)
def test_gaps_of_frameshifts_and_pseudogenes_are_no_introns(normalise, change, introns):
    gene = "pseudogene" if change == "pseudogene" else "gene"
    start = 42 if change == "frameshift" else 61
    mark = ";pseudo=true" if change == "pseudo CDS" else ""
    text = gff(
        f"chrI {gene} 1 90 + . ID=g",
        "chrI transcript 1 90 + . ID=t;Parent=g",
        f"chrI CDS 1 40 + 0 Parent=t{mark}",
        f"chrI CDS {start} 90 + 0 Parent=t{mark}",
    )
    assert ("no introns" in " ".join(normalise(text)[1]["notes"])) != introns
