"""Evaluation of scored variants, from files to files."""

import json

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from sklearn.metrics import roc_auc_score
from tiny_genome import write_genome, write_gff

from genoglot.errors import InputError
from genoglot.variants.evaluation import Evidence, evaluate_variants
from genoglot.variants.labels import Classes

# ATG TGG TAT AAA TAA from 10 on: TGG and TAT are one step from a stop
GENE = "ATGTGGTATAAATAA"
SEQUENCE = "C" * 10 + GENE + "C" * 15
STOPS = [(14, "G", "A"), (15, "G", "A"), (18, "T", "A"), (18, "T", "G"), (19, "A", "T")]
SILENT = [(18, "T", "C"), (21, "A", "G")]
SETTINGS = {
    "bootstraps": 20, "fewest": 2, "frequency_bins": [0.01, 0.1], "rare_below": 0.01, "common_from": 0.1
}  # fmt: skip
MISSENSE = [(13, "T", "C"), (17, "A", "T"), (20, "A", "C")]


@pytest.fixture
def files(tmp_path):
    sequence, _ = write_genome(tmp_path, {"c": SEQUENCE, "d": SEQUENCE})
    rows = "\n".join(f"{name} gene 11 25 + . ID=g{name}\n{name} CDS 11 25 + 0 Parent=g{name}" for name in "cd")
    annotation = write_gff(tmp_path / "a.gff3", rows)
    return annotation, sequence, tmp_path / "out" / "x.labelled.parquet", tmp_path / "out" / "x.metrics.json"


def evaluate(scores, annotation, sequence, labelled, metrics, contigs=None, names=None, **more):
    """Evaluate; what is no comparison goes to `x.evaluation.json` beside the metrics, and is returned."""
    evidence = Evidence(annotation=annotation, **more)
    report = metrics.with_name("x.evaluation.json")
    evaluate_variants(scores, sequence, evidence, SETTINGS, labelled, metrics, report, 1, contigs, names)
    return json.loads(report.read_text())


def write_scores(path, rows):
    frame = pd.DataFrame(rows, columns=["contig", "pos", "ref", "alt", "llr", "markov_llr"])
    frame["kind"] = np.where(frame["alt"].str.len() == 1, "snv", "insertion")
    frame["reason"] = np.where(frame["llr"].isna(), "n", None)
    frame.to_parquet(path, index=False)
    return path


def by_positives(metrics):
    return {item["positives"]: item for item in json.loads(metrics.read_text())}


def test_file_to_metrics(files, tmp_path):
    annotation, sequence, labelled, metrics = files
    rng = np.random.default_rng(4)
    rows = [("c", *variant, -5 - i, rng.normal()) for i, variant in enumerate(STOPS)]
    rows += [("c", *variant, 1.0 + i, rng.normal()) for i, variant in enumerate(SILENT)]
    rows += [("c", *MISSENSE[0], 0.5, 0.0), ("c", *MISSENSE[1], 1.5, 0.0), ("c", *MISSENSE[2], np.nan, np.nan)]
    rows += [("c", 2, "C", "CA", np.nan, np.nan)]
    scores = write_scores(tmp_path / "s.parquet", rows)
    evaluate(scores, annotation, sequence, labelled, metrics)

    frame = pd.read_parquet(labelled)
    expected = ["stop_gained"] * 5 + ["synonymous_variant"] * 2 + ["missense_variant"] * 3 + [""]
    assert frame["consequence"].tolist() == expected
    added = ["consequence", "region", "label", "frequency", "trinucleotide", "conservation"]
    assert list(frame.columns[-6:]) == added
    assert frame[added[1:]].replace("", None).isna().all(axis=None)
    assert frame.drop(columns=added).equals(pd.read_parquet(scores))

    found = by_positives(metrics)
    stops = found["stop_gained"]
    assert (stops["negatives"], stops["n_positives"], stops["n_negatives"], stops["n"]) == (
        "synonymous_variant", 5, 2, 7,
    )  # fmt: skip
    # lower scores are the more deleterious: all stops lie below all silent variants
    assert (stops["auroc"], stops["auroc_low"], stops["auroc_high"]) == (1.0, 1.0, 1.0)
    labels = np.array([True] * 5 + [False] * 2)
    assert stops["markov_auroc"] == pytest.approx(roc_auc_score(labels, [-row[5] for row in rows[:7]]))
    assert stops["difference"] == pytest.approx(1 - stops["markov_auroc"])
    missense = found["missense_variant"]
    # of the four pairs 0.5 < 1, 0.5 < 2 and 1.5 < 2 are in order
    assert (missense["n_positives"], missense["unscored"], missense["auroc"]) == (2, 1, 0.75)
    assert missense["markov_auroc"] == pytest.approx(roc_auc_score([1, 1, 0, 0], [0, 0, -rows[5][5], -rows[6][5]]))
    assert found["start_lost"]["n_positives"] == 0
    assert {found["start_lost"][key] for key in ("auroc", "auroc_low", "markov_auroc", "difference")} == {None}

    again = tmp_path / "again.json"
    evaluate(scores, annotation, sequence, labelled, again)
    assert again.read_bytes() == metrics.read_bytes()


def test_only_the_contigs_asked_for_are_compared(files, tmp_path):
    annotation, sequence, labelled, metrics = files
    rows = [("c", *variant, -1.0, 0.0) for variant in STOPS] + [("c", *variant, 0.0, 0.0) for variant in SILENT]
    rows += [("d", *row[1:]) for row in rows]
    scores = write_scores(tmp_path / "s.parquet", rows)
    evaluate(scores, annotation, sequence, labelled, metrics, ["d"])
    assert by_positives(metrics)["stop_gained"]["n"] == 7
    assert (pd.read_parquet(labelled)["consequence"] != "").all()


def test_contigs_by_other_names_are_compared_alike(files, tmp_path):
    annotation, sequence, labelled, metrics = files
    (tmp_path / "names.tsv").write_text("name\tcontig\nc\tc\nchrC\tc\nd\td\nchrD\td\ngone\t\n")
    rng = np.random.default_rng(5)
    rows = [("c", *variant, rng.normal(), rng.normal()) for variant in STOPS + SILENT]
    rows += [("d", *row[1:4], rng.normal(), rng.normal()) for row in rows]
    evaluate(write_scores(tmp_path / "s.parquet", rows), annotation, sequence, labelled, metrics, ["d"])
    expected, consequences = metrics.read_bytes(), pd.read_parquet(labelled)["consequence"].tolist()

    renamed = [({"c": "chrC", "d": "chrD"}[row[0]], *row[1:]) for row in rows]
    renamed += [(name, *STOPS[0], 0.0, 0.0) for name in ("gone", "unknown")]
    scores = write_scores(tmp_path / "renamed.parquet", renamed)
    for asked in ("d", "chrD"):
        evaluate(scores, annotation, sequence, labelled, metrics, [asked], tmp_path / "names.tsv")
        assert metrics.read_bytes() == expected
        frame = pd.read_parquet(labelled)
        assert frame["contig"].tolist() == [row[0] for row in renamed]
        assert frame["consequence"].tolist() == [*consequences, "", ""]


def test_without_annotation_nothing_is_compared(files, tmp_path):
    _, sequence, labelled, metrics = files
    scores = write_scores(tmp_path / "s.parquet", [("c", *variant, -1.0, 0.0) for variant in STOPS])
    evaluate(scores, None, sequence, labelled, metrics)
    assert json.loads(metrics.read_text()) == []
    assert pd.read_parquet(labelled)["consequence"].tolist() == [""] * len(STOPS)


def test_scores_without_a_column_are_refused(files, tmp_path):
    annotation, sequence, labelled, metrics = files
    pd.DataFrame({"contig": ["c"]}).to_parquet(tmp_path / "s.parquet")
    with pytest.raises(InputError, match="no column pos, ref, alt, kind, llr, markov_llr"):
        evaluate(tmp_path / "s.parquet", annotation, sequence, labelled, metrics)
    assert not labelled.exists()


HEADER = """##fileformat=VCFv4.2
##INFO=<ID=AF,Number=A,Type=Float,Description="x">
##INFO=<ID=CLNSIG,Number=.,Type=String,Description="x">
##contig=<ID=c>
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO
"""


@pytest.fixture
def judged(tmp_path):
    """Scores of 3,000 SNVs and 60 deletions of one contig, their VCF, regions and a bigWig that calls it chrC."""
    rng = np.random.default_rng(6)
    text = "".join(rng.choice(list("ACGT"), 100_000))
    sequence, _ = write_genome(tmp_path, {"c": text})
    places = np.sort(rng.choice(np.arange(1, 99_990), 3060, replace=False))
    rows, lines = [], []
    for number, place in enumerate(map(int, places)):
        deletion = number % 51 == 0
        ref = text[place : place + 2] if deletion else text[place]
        alt = ref[0] if deletion else str(rng.choice([base for base in "ACGT" if base != ref]))
        frequency = round(float(rng.beta(0.3, 3)), 4)
        llr = rng.normal() + 2 * frequency
        rows.append(
            ("c", place, ref, alt, llr, np.nan if deletion else rng.normal(), "deletion" if deletion else "snv")
        )
        sense = "Pathogenic" if llr < -1 else "Benign" if number % 2 else "not_provided"
        lines.append(f"c\t{place + 1}\t.\t{ref}\t{alt}\t.\t.\tAF={frequency};CLNSIG={sense}\n")
    frame = pd.DataFrame(rows, columns=["contig", "pos", "ref", "alt", "llr", "markov_llr", "kind"])
    frame.astype({"llr": np.float32}).to_parquet(tmp_path / "s.parquet", index=False)
    (tmp_path / "s.vcf").write_text(HEADER + "".join(lines))
    (tmp_path / "regions.bed").write_text("c\t0\t60000\tintergenic\nc\t60000\t100000\tCDS\n")
    (tmp_path / "names.tsv").write_text("name\tcontig\nc\tc\nchrC\tc\n")
    with pyBigWig.open(str(tmp_path / "track.bw"), "w") as track:
        track.addHeader([("chrC", 100_000)])
        track.addEntries("chrC", 0, values=rng.normal(size=50_000).tolist(), span=1, step=1)
    table = frame[frame["kind"] == "snv"].iloc[:1000]
    lines = [f"chrC\t{row.pos + 1}\t{row.ref}\t{row.alt}\t{int(row.llr < 0)}\n" for row in table.itertuples()]
    (tmp_path / "labels.tsv").write_text("chrom\tpos\tref\talt\tlabel\n" + "".join(lines) + "chrC\t5\tA\tC\t1\n")
    return sequence, frame


def test_all_kinds_of_evidence_at_once(judged, tmp_path):
    sequence, frame = judged
    out = tmp_path / "out"
    report = evaluate(
        tmp_path / "s.parquet", None, sequence, out / "l.parquet", out / "m.json", None, tmp_path / "names.tsv",
        regions=tmp_path / "regions.bed", vcf=tmp_path / "s.vcf", frequency_key="AF", label_key="CLNSIG",
        label_source="INFO/CLNSIG", classes=Classes(("Pathogenic",), ("Benign",)), conservation=tmp_path / "track.bw",
    )  # fmt: skip
    (comparison,) = json.loads((out / "m.json").read_text())
    assert [comparison[key] for key in ("by", "positives", "negatives")] == ["INFO/CLNSIG", "Pathogenic", "Benign"]
    assert comparison["auroc"] == 1
    assert comparison["n_positives"] == (frame["llr"] < -1).sum()
    assert set(comparison["baselines"]) == {"markov", "trinucleotide", "conservation"}
    assert 0.3 < comparison["baselines"]["trinucleotide"]["auroc"] < 0.7
    assert [part["region"] for part in comparison["regions"]] == ["CDS", "intergenic"]

    assert report["variants"] == report["scored"] == 3060
    assert report["scored_by_kind"] == {"deletion": 60, "snv": 3000}
    assert report["lacking"]["markov"] == report["lacking"]["trinucleotide"] == 60
    assert report["lacking"]["conservation"] == report["conservation"]["unknown"] > 1000
    assert report["labels"]["source"] == "INFO/CLNSIG"
    assert report["labels"]["other_values"] == 3060 - comparison["n"]
    assert report["trinucleotide"] == {"missing_because": None, "known": 3000, "unknown": 60}
    assert report["frequency_counts"] == {"known": 3060, "missing": 0, "of_several_alleles": 0}
    frequency = report["frequency"]
    assert [frequency[key] for key in ("key", "rare_below", "common_from")] == ["AF", 0.01, 0.1]
    assert sum(row["n"] for row in frequency["bins"]) == 3060
    assert frequency["correlation"]["n"] == 3060
    assert frequency["correlation"]["baselines"]["markov"]["n"] == 3000
    assert {(part["by"], part["name"]) for part in frequency["strata"]} == {
        ("region", "CDS"), ("region", "intergenic"), ("kind", "deletion"), ("kind", "snv")
    }  # fmt: skip

    written = pd.read_parquet(out / "l.parquet")
    assert written["label"].value_counts().to_dict() == {
        1: comparison["n_positives"], 0: comparison["n_negatives"]
    }  # fmt: skip
    assert written["region"].value_counts().to_dict() == frame["pos"].lt(60_000).map(
        {True: "intergenic", False: "CDS"}
    ).value_counts().to_dict()  # fmt: skip
    assert written["conservation"].isna().sum() == report["conservation"]["unknown"]


def test_labels_of_a_table_beside_consequences(judged, tmp_path):
    sequence, _ = judged
    annotation = write_gff(tmp_path / "b.gff3", "c gene 61001 70000 + . ID=g\nc CDS 61001 70000 + 0 Parent=g")
    out = tmp_path / "out"
    arguments = (tmp_path / "s.parquet", annotation, sequence, out / "l.parquet", out / "m.json", None)
    report = evaluate(
        *arguments, tmp_path / "names.tsv", label_table=tmp_path / "labels.tsv", label_source="labels.tsv"
    )
    comparisons = json.loads((out / "m.json").read_text())
    assert [item["by"] for item in comparisons] == ["labels.tsv"] + ["consequence"] * 6
    assert (comparisons[0]["n"], comparisons[0]["auroc"]) == (1000, 1)
    assert report["labels"]["unmatched_rows"] == 1
    assert report["frequency"] is None
    # labels leave the numbers by consequence as they were
    evaluate(*arguments, tmp_path / "names.tsv")
    assert json.loads((out / "m.json").read_text()) == comparisons[1:]


def test_a_derived_set_has_no_mutation_rates(judged, tmp_path):
    sequence, _ = judged
    out = tmp_path / "out"
    report = evaluate(
        tmp_path / "s.parquet", None, sequence, out / "l.parquet", out / "m.json",
        regions=tmp_path / "regions.bed", derived=True,
    )  # fmt: skip
    assert report["trinucleotide"]["known"] == 0
    assert "sample of what could change" in report["trinucleotide"]["missing_because"]
    assert "trinucleotide" not in report["lacking"]
