"""GenBank flat files: sequence, refusals, and a whole bacterium against its GFF3."""

import gzip
import logging
from pathlib import Path

import pandas as pd
import pysam
import pytest
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqFeature import CompoundLocation, ExactPosition, SeqFeature, SimpleLocation
from Bio.SeqRecord import SeqRecord
from genbank_files import (
    TINY,
    TINY_BASES,
    fasta,
    feature,
    locus,
    random_bases,
    record,
)

from genoglot.annotation.normalise import normalise_annotation
from genoglot.annotation.table import read_annotation
from genoglot.errors import InputError
from genoglot.genbank import records as genbank
from genoglot.genbank.records import genbank_rows, is_genbank

ECOLI = Path(__file__).parents[2].parent / "shared" / "data" / "ecoli"


def test_a_flat_file_is_known_by_its_first_line(write_genbank, tmp_path):
    assert is_genbank(write_genbank(TINY))
    assert is_genbank(write_genbank("\n  \n" + TINY))
    assert is_genbank(write_genbank(gzip.compress(TINY.encode())))
    with pysam.BGZFile(str(tmp_path / "b.gz"), "wb") as handle:
        handle.write(TINY.encode())
    assert is_genbank(tmp_path / "b.gz")
    assert not is_genbank(write_genbank(">LOCUS 1\nACGT\n"))
    assert not is_genbank(write_genbank("##gff-version 3\nLOCUS  gene\n"))
    assert not is_genbank(write_genbank(""))


@pytest.mark.parametrize("block", [1, 100, 1 << 22])
def test_sequences_are_those_that_biopython_reads(write_genbank, monkeypatch, block):
    monkeypatch.setattr(genbank, "BLOCK", block)
    text = TINY + record("plain", "ACGTN" * 30) + record("old", "GATTACA", version=".")
    path = write_genbank(text)
    found = fasta(path)
    assert list(found) == ["TI000001.2", "plain", "old"]
    assert list(found.values()) == [str(item.seq).upper() for item in SeqIO.parse(path, "genbank")]
    assert found["TI000001.2"] == TINY_BASES
    assert fasta(write_genbank(gzip.compress(text.replace("\n", "\r\n").encode()))) == found


def test_positions_of_ten_digits_are_no_bases(write_genbank):
    text = locus("big", 4) + "ORIGIN\n1000000021 ac\n1000000081 gt\n//\n"
    assert fasta(write_genbank(text)) == {"big": "ACGT"}


def test_odd_features_are_left_out_and_logged(write_genbank, caplog):
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
        rows = genbank_rows(write_genbank(text))[0]
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
def test_files_without_whole_sequences_are_refused(write_genbank, text, words):
    with pytest.raises(InputError, match=words):
        fasta(write_genbank(text))


def test_an_annotation_needs_features_but_no_sequence(write_genbank):
    table = "FEATURES             Location/Qualifiers\n" + feature("source", "1..9")
    end = "CONTIG      join(B.1:1..9)\n//\n"
    with pytest.raises(InputError, match="has no sequence"):
        genbank_rows(write_genbank(locus("A", 9) + table + end))
    rows = genbank_rows(write_genbank(locus("A", 9) + table + feature("gene", "2..5", 'gene="g"') + end))[0]
    assert rows["type"].tolist() == ["region", "gene"]
    with pytest.raises(InputError, match="holds no features"):
        genbank_rows(write_genbank("LOCUS       A\nORIGIN\n        1 acgt\n//\n"))
    with pytest.raises(InputError, match="does not end"):
        genbank_rows(write_genbank(locus("A", 9) + table))


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
def test_ecoli_as_a_flat_file_has_the_rows_of_its_gff3(normalise_genbank, write_genbank, tmp_path):
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
    table, report = normalise_genbank((tmp_path / "e.gbk").read_text(), {"U00096.3": len(sequence)})
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
