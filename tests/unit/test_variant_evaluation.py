"""Evaluation of scored variants, against scikit-learn and resamples done one by one."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from tiny_genome import write_genome, write_gff

from genoglot.errors import InputError
from genoglot.variants.evaluation import auroc, bootstrap_auroc, compare, evaluate_variants

# ATG TGG TAT AAA TAA from 10 on: TGG and TAT are one step from a stop
GENE = "ATGTGGTATAAATAA"
SEQUENCE = "C" * 10 + GENE + "C" * 15
STOPS = [(14, "G", "A"), (15, "G", "A"), (18, "T", "A"), (18, "T", "G"), (19, "A", "T")]
SILENT = [(18, "T", "C"), (21, "A", "G")]
MISSENSE = [(13, "T", "C"), (17, "A", "T"), (20, "A", "C")]


@pytest.fixture
def files(tmp_path):
    sequence, _ = write_genome(tmp_path, {"c": SEQUENCE, "d": SEQUENCE})
    rows = "\n".join(f"{name} gene 11 25 + . ID=g{name}\n{name} CDS 11 25 + 0 Parent=g{name}" for name in "cd")
    annotation = write_gff(tmp_path / "a.gff3", rows)
    return annotation, sequence, tmp_path / "out" / "x.labelled.parquet", tmp_path / "out" / "x.metrics.json"


def write_scores(path, rows):
    frame = pd.DataFrame(rows, columns=["contig", "pos", "ref", "alt", "llr", "markov_llr"])
    frame["reason"] = np.where(frame["llr"].isna(), "n", None)
    frame.to_parquet(path, index=False)
    return path


def by_positives(metrics):
    return {item["positives"]: item for item in json.loads(metrics.read_text())}


def tied_scores(rng, size=300):
    positive = rng.random(size) < 0.3
    scores = np.round(rng.normal(size=(size, 2)) + 0.7 * positive[:, None], 1)
    return scores, positive


def test_auroc_with_ties_is_that_of_scikit_learn():
    scores, positive = tied_scores(np.random.default_rng(1))
    for column in scores.T:
        assert auroc(column, positive) == pytest.approx(roc_auc_score(positive, column), abs=1e-12)


def test_bootstrap_is_resampling_within_each_class():
    scores, positive = tied_scores(np.random.default_rng(2))
    fast = bootstrap_auroc(scores, positive, 30, np.random.default_rng(7))
    generator = np.random.default_rng(7)
    for row in fast:
        high = np.flatnonzero(positive)[generator.integers(positive.sum(), size=positive.sum())]
        low = np.flatnonzero(~positive)[generator.integers((~positive).sum(), size=(~positive).sum())]
        drawn = np.concatenate([high, low])
        expected = [roc_auc_score(positive[drawn], column[drawn]) for column in scores.T]
        assert row == pytest.approx(expected, abs=1e-12)


def test_interval_has_the_width_of_theory():
    """Standard error of Hanley & McNeil 1982 for two normal classes, which suits large samples."""
    rng = np.random.default_rng(3)
    positive = np.arange(3000) < 1000
    scores = rng.normal(size=(3000, 1)) + positive[:, None]
    area = auroc(scores[:, 0], positive)
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + 999 * (first - area**2) + 1999 * (second - area**2)
    samples = bootstrap_auroc(scores, positive, 1000, np.random.default_rng(1))
    assert samples.std() == pytest.approx(np.sqrt(variance / (1000 * 2000)), rel=0.12)


def test_file_to_metrics(files, tmp_path):
    annotation, sequence, labelled, metrics = files
    rng = np.random.default_rng(4)
    rows = [("c", *variant, -5 - i, rng.normal()) for i, variant in enumerate(STOPS)]
    rows += [("c", *variant, 1.0 + i, rng.normal()) for i, variant in enumerate(SILENT)]
    rows += [("c", *MISSENSE[0], 0.5, 0.0), ("c", *MISSENSE[1], 1.5, 0.0), ("c", *MISSENSE[2], np.nan, np.nan)]
    rows += [("c", 2, "C", "CA", np.nan, np.nan)]
    scores = write_scores(tmp_path / "s.parquet", rows)
    evaluate_variants(scores, annotation, sequence, labelled, metrics, 100, 1, None)

    frame = pd.read_parquet(labelled)
    expected = ["stop_gained"] * 5 + ["synonymous_variant"] * 2 + ["missense_variant"] * 3 + [""]
    assert frame["consequence"].tolist() == expected
    assert frame.drop(columns="consequence").equals(pd.read_parquet(scores))

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
    evaluate_variants(scores, annotation, sequence, labelled, again, 100, 1, None)
    assert again.read_bytes() == metrics.read_bytes()


def test_only_the_contigs_asked_for_are_compared(files, tmp_path):
    annotation, sequence, labelled, metrics = files
    rows = [("c", *variant, -1.0, 0.0) for variant in STOPS] + [("c", *variant, 0.0, 0.0) for variant in SILENT]
    rows += [("d", *row[1:]) for row in rows]
    scores = write_scores(tmp_path / "s.parquet", rows)
    evaluate_variants(scores, annotation, sequence, labelled, metrics, 20, 1, ["d"])
    assert by_positives(metrics)["stop_gained"]["n"] == 7
    assert (pd.read_parquet(labelled)["consequence"] != "").all()


def test_contigs_by_other_names_are_compared_alike(files, tmp_path):
    annotation, sequence, labelled, metrics = files
    (tmp_path / "names.tsv").write_text("name\tcontig\nc\tc\nchrC\tc\nd\td\nchrD\td\ngone\t\n")
    rng = np.random.default_rng(5)
    rows = [("c", *variant, rng.normal(), rng.normal()) for variant in STOPS + SILENT]
    rows += [("d", *row[1:4], rng.normal(), rng.normal()) for row in rows]
    evaluate_variants(write_scores(tmp_path / "s.parquet", rows), annotation, sequence, labelled, metrics, 20, 1, ["d"])
    expected, consequences = metrics.read_bytes(), pd.read_parquet(labelled)["consequence"].tolist()

    renamed = [({"c": "chrC", "d": "chrD"}[row[0]], *row[1:]) for row in rows]
    renamed += [(name, *STOPS[0], 0.0, 0.0) for name in ("gone", "unknown")]
    scores = write_scores(tmp_path / "renamed.parquet", renamed)
    for asked in ("d", "chrD"):
        evaluate_variants(scores, annotation, sequence, labelled, metrics, 20, 1, [asked], names=tmp_path / "names.tsv")
        assert metrics.read_bytes() == expected
        frame = pd.read_parquet(labelled)
        assert frame["contig"].tolist() == [row[0] for row in renamed]
        assert frame["consequence"].tolist() == [*consequences, "", ""]


def test_without_annotation_nothing_is_compared(files, tmp_path):
    _, sequence, labelled, metrics = files
    scores = write_scores(tmp_path / "s.parquet", [("c", *variant, -1.0, 0.0) for variant in STOPS])
    evaluate_variants(scores, None, sequence, labelled, metrics, 20, 1, None)
    assert json.loads(metrics.read_text()) == []
    assert pd.read_parquet(labelled)["consequence"].tolist() == [""] * len(STOPS)


def test_scores_without_a_column_are_refused(files, tmp_path):
    annotation, sequence, labelled, metrics = files
    pd.DataFrame({"contig": ["c"]}).to_parquet(tmp_path / "s.parquet")
    with pytest.raises(InputError, match="no column pos, ref, alt, llr, markov_llr"):
        evaluate_variants(tmp_path / "s.parquet", annotation, sequence, labelled, metrics)
    assert not labelled.exists()


def table(**classes):
    rows = [(term, value, value) for term, values in classes.items() for value in values]
    return pd.DataFrame(rows, columns=["consequence", "llr", "markov_llr"])


def test_splice_sites_are_compared_with_introns_or_else_with_intergenic_sites():
    splice = {"splice_donor_variant": [-2.0, -1.0], "intergenic_variant": [0.0, 1.0, 2.0]}

    def donor(frame):
        return next(item for item in compare(frame, 10, 1) if item["positives"] == "splice_donor_variant")

    assert donor(table(**splice))["negatives"] == "intergenic_variant"
    assert donor(table(**splice, intron_variant=[0.0]))["negatives"] == "intergenic_variant"
    with_introns = donor(table(**splice, intron_variant=[0.0, -3.0]))
    assert (with_introns["negatives"], with_introns["auroc"]) == ("intron_variant", 0.5)


def test_without_markov_scores_the_model_is_measured_alone():
    frame = table(stop_gained=[-3.0, -2.0], synonymous_variant=[0.0, 1.0]).assign(markov_llr=np.nan)
    stops = compare(frame, 10, 1)[0]
    assert (stops["auroc"], stops["unscored"]) == (1.0, 0)
    assert stops["markov_auroc"] is stops["difference_low"] is None


def test_hundred_thousand_variants_take_seconds():
    rng = np.random.default_rng(6)
    positive = rng.random(100_000) < 0.5
    scores = rng.normal(size=(100_000, 2))
    samples = bootstrap_auroc(scores, positive, 50, rng)
    assert samples.shape == (50, 2)
    assert np.abs(samples - 0.5).max() < 0.02
