"""Labels and allele frequencies of variants, from INFO and from tables, and what is said where there are none."""

import gzip

import numpy as np
import pandas as pd
import pytest

from genoglot.errors import InputError
from genoglot.genome.names import ContigNames
from genoglot.variants.info import frequencies, matched_info, read_info
from genoglot.variants.labels import Classes, labels_of_info, labels_of_table

HEADER = """##fileformat=VCFv4.2
##INFO=<ID=AF,Number=A,Type=Float,Description="x">
##INFO=<ID=MAF,Number=1,Type=Float,Description="x">
##INFO=<ID=FREQ,Number=.,Type=Float,Description="x">
##INFO=<ID=BOTH,Number=R,Type=Float,Description="x">
##INFO=<ID=TEXT,Number=A,Type=String,Description="x">
##INFO=<ID=CLNSIG,Number=.,Type=String,Description="x">
##INFO=<ID=BAD,Number=0,Type=Flag,Description="x">
##INFO=<ID=GLM_LLR,Number=A,Type=Float,Description="x">
##contig=<ID=c>
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO
"""
RECORDS = [
    "5 . A C,T . . AF=0.01,.;MAF=0.2;FREQ=0.3,0.4;BOTH=0.9,0.06,0.04;TEXT=0.5,x;CLNSIG=Pathogenic|risk_factor;BAD",
    "6 . AC A . . AF=1e-3;MAF=0.05;FREQ=0.25;BOTH=0.5,0.5;TEXT=2;CLNSIG=benign",
    "7 . G . . . .",
    "8 . G <DEL> . . AF=1;CLNSIG=Benign/Likely_benign,pathogenic",
    "9 . T A . . FREQ=0.1,0.2;CLNSIG=not_provided",
]
CLASSES = Classes(("Pathogenic", "Likely_pathogenic"), ("Benign",))


@pytest.fixture
def vcf(tmp_path):
    path = tmp_path / "m.vcf"
    path.write_text(HEADER + "".join("c\t" + "\t".join(row.split()) + "\n" for row in RECORDS))
    return path


def test_info_of_each_allele(vcf):
    found = read_info(vcf, ["TEXT", "CLNSIG", "BAD"])
    assert found["pos"].tolist() == [4, 4, 5, 6, 7, 8]
    assert found["alt"].tolist() == ["C", "T", "A", ".", "<DEL>", "A"]
    assert found["TEXT"].tolist() == ["0.5", "x", "2", None, None, None]
    assert found["CLNSIG"].tolist()[:3] == [("Pathogenic|risk_factor",)] * 2 + [("benign",)]
    assert found["CLNSIG"].tolist()[4] == ("Benign/Likely_benign", "pathogenic")
    assert found["BAD"].tolist() == [True, True, None, None, None, None]


@pytest.mark.parametrize(
    ("key", "values", "counts"),
    [
        ("AF", [0.01, np.nan, 0.001, np.nan, 1.0, np.nan], (3, 3, 0)),
        # one value of two alleles does not say whose it is
        ("MAF", [np.nan, np.nan, 0.05, np.nan, np.nan, np.nan], (1, 3, 2)),
        # of any number: as many as alleles are one each, two for one allele are none
        ("FREQ", [0.3, 0.4, 0.25, np.nan, np.nan, np.nan], (3, 2, 1)),
        ("BOTH", [0.06, 0.04, 0.5, np.nan, np.nan, np.nan], (3, 3, 0)),
    ],
)
def test_frequencies(vcf, key, values, counts):
    found, counted = frequencies(read_info(vcf, [key]), key, vcf)
    # as they are written, not the nearest single-precision number
    assert [repr(float(value)) for value in found] == [repr(value) for value in values]
    assert tuple(counted.values()) == counts


def test_a_frequency_that_is_none_is_named(vcf, tmp_path):
    with pytest.raises(InputError, match="A>T at position 5 has INFO/TEXT=x; expected a frequency"):
        frequencies(read_info(vcf, ["TEXT"]), "TEXT", vcf)
    other = tmp_path / "other.vcf"
    other.write_text(vcf.read_text().replace("AF=1;", "AF=1.5;"))
    with pytest.raises(InputError, match=r"G><DEL> at position 8 has INFO/AF=1\.5"):
        frequencies(read_info(other, ["AF"]), "AF", other)
    other.write_text(vcf.read_text().replace("AF=1;", "AF=abc;"))
    with pytest.raises(InputError, match="has INFO/AF=abc"):
        frequencies(read_info(other, ["AF"]), "AF", other)
    with pytest.raises(InputError, match="no allele has a value in INFO/GLM_LLR"):
        frequencies(read_info(vcf, ["GLM_LLR"]), "GLM_LLR", vcf)


def test_a_key_that_the_header_lacks_is_named_with_those_it_has(vcf):
    with pytest.raises(InputError, match=r"INFO/AC, which its header does not have; it has AF, MAF, FREQ, BOTH, TEXT"):
        read_info(vcf, ["AF", "AC"])


def test_scores_of_another_vcf_are_refused(vcf):
    frame = read_info(vcf, [])
    assert len(matched_info(vcf, ["AF"], frame)) == 6
    for other in (frame.iloc[1:], frame.assign(pos=frame["pos"] + 1)):
        with pytest.raises(InputError, match=r"its 6 alleles are not the . of the table of scores"):
            matched_info(vcf, ["AF"], other)


def test_labels_of_a_key(vcf):
    labels = labels_of_info(read_info(vcf, ["CLNSIG"])["CLNSIG"], CLASSES, "CLNSIG", vcf)
    assert labels.classes.tolist() == [1, 1, 0, -1, -1, -1]
    assert labels.counts == {"positives": 2, "negatives": 1, "both": 1, "other_values": 1, "without": 1}
    flag = labels_of_info(read_info(vcf, ["BAD"])["BAD"], Classes(), "BAD", vcf)
    assert flag.classes.tolist() == [1, 1, 0, 0, 0, 0]


def test_without_negatives_all_other_values_are_negative(vcf):
    values = read_info(vcf, ["CLNSIG"])["CLNSIG"]
    labels = labels_of_info(values, Classes(("benign", "benign/likely_benign")), "CLNSIG", vcf)
    assert labels.classes.tolist() == [0, 0, 1, -1, 1, 0]


def test_values_that_are_of_no_class_are_listed(vcf):
    values = read_info(vcf, ["CLNSIG"])["CLNSIG"]
    with pytest.raises(
        InputError, match=r"INFO/CLNSIG: no variant is a positive \(drug\).* Values there are: Pathogenic"
    ):
        labels_of_info(values, Classes(("drug",), ("none",)), "CLNSIG", vcf)


def test_one_class_alone_is_told(vcf, caplog):
    values = read_info(vcf, ["CLNSIG"])["CLNSIG"]
    labels = labels_of_info(values, Classes(("Benign",), ("none",)), "CLNSIG", vcf)
    assert (labels.counts["positives"], labels.counts["negatives"]) == (2, 0)
    assert "there are no negatives" in caplog.text


NAMES = ContigNames({"1": "1", "chr1": "1", "2": "2", "chrM": ""})
FRAME = pd.DataFrame(
    [("1", 9, "A", "C"), ("1", 9, "A", "G"), ("1", 20, "AT", "A"), ("2", 9, "A", "C"), ("", 5, "T", "C")],
    columns=["contig", "pos", "ref", "alt"],
)


def write_table(tmp_path, rows, header="chrom pos ref alt label", compress=False):
    text = "\n".join("\t".join(row.split()) for row in [header, *rows]) + "\n"
    path = tmp_path / ("t.tsv.gz" if compress else "t.tsv")
    path.write_bytes(gzip.compress(text.encode()) if compress else text.encode())
    return path


@pytest.mark.parametrize("compress", [False, True])
def test_labels_of_a_table(tmp_path, compress):
    rows = ["chr1 10 a c 1", "1 21 AT A 0", "2 10 A C 1", "2 10 A C 0", "1 10 A C 1", "chrM 3 A C 1", "7 3 A C 0"]
    labels = labels_of_table(write_table(tmp_path, rows, compress=compress), Classes(), FRAME, NAMES)
    assert labels.classes.tolist() == [1, -1, 0, -1, -1]
    assert labels.counts == {
        "rows": 7, "unmatched_rows": 2, "unknown_contigs": ["7", "chrM"], "repeated_rows": 2,
        "positives": 1, "negatives": 1, "both": 1, "other_values": 0, "without": 2,
    }  # fmt: skip


def test_columns_may_stand_in_any_order_beside_others(tmp_path):
    path = write_table(tmp_path, ["damaging x 10 C A chr1", "neutral y 10 G A 1"], "label note POS ALT REF #CHROM")
    labels = labels_of_table(path, Classes(("damaging",)), FRAME, NAMES)
    assert labels.classes.tolist() == [1, 0, -1, -1, -1]


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        (["1 10 A C"], "chrom pos ref alt", "there is no column label; expected a header with chrom, pos, ref"),
        (["1 10 A C 1"], "1 10 A C 1", "there is no column chrom, pos, ref, alt, label"),
        ([], "chrom pos ref alt label", "there are no rows below the header"),
        (["1 10 A C 1", "1 ten A C 1"], "chrom pos ref alt label", "row 2 below the header: pos is 'ten'"),
        (["1 9 A C 1"], "chrom pos ref alt label", "none of its 1 rows is a variant that was scored. Table: 1 9 A C. "
         "Variants: 1 10 A C"),
        (["1 10 A C yes"], "chrom pos ref alt label", "Values there are: yes .1."),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_used(tmp_path, rows, header, words):
    with pytest.raises(InputError, match=words):
        labels_of_table(write_table(tmp_path, rows, header), Classes(), FRAME, NAMES)
