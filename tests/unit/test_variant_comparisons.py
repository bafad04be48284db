"""Comparisons of classes of variants: which take part, beside which baselines, in which strata."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from genoglot.variants.comparisons import by_consequence, compare
from genoglot.variants.measures import SHARES


def table(**classes):
    rows = [(term, value, value) for term, values in classes.items() for value in values]
    return pd.DataFrame(rows, columns=["consequence", "llr", "markov_llr"])


def of_consequence(frame, positive):
    return next((negative, classes) for name, negative, classes in by_consequence(frame) if name == positive)


def test_splice_sites_are_compared_with_introns_or_else_with_intergenic_sites():
    splice = {"splice_donor_variant": [-2.0, -1.0], "intergenic_variant": [0.0, 1.0, 2.0]}
    for more, negative, area in (
        ({}, "intergenic_variant", 1.0),
        ({"intron_variant": [0.0]}, "intergenic_variant", 1.0),
        ({"intron_variant": [0.0, -3.0]}, "intron_variant", 0.5),
    ):
        frame = table(**splice, **more)
        name, classes = of_consequence(frame, "splice_donor_variant")
        assert name == negative
        assert compare(frame, classes, 10, [1], 50)["auroc"] == area


def test_without_markov_scores_the_model_is_measured_alone():
    frame = table(stop_gained=[-3.0, -2.0], synonymous_variant=[0.0, 1.0]).assign(markov_llr=np.nan)
    stops = compare(frame, of_consequence(frame, "stop_gained")[1], 10, [1], 50)
    assert (stops["auroc"], stops["unscored"], stops["baselines"]) == (1.0, 0, {})
    assert stops["markov_auroc"] is stops["difference_low"] is None


def test_one_class_alone_gives_no_numbers():
    frame = table(stop_gained=[-3.0, -2.0, 0.0], synonymous_variant=[0.0])
    stops = compare(frame, of_consequence(frame, "stop_gained")[1], 10, [1], 50)
    assert (stops["n_positives"], stops["n_negatives"], stops["n"], stops["base_rate"]) == (3, 1, 4, 0.75)
    assert {stops[key] for key in ("auroc", "auroc_low", "auprc", "markov_auroc", "difference")} == {None}
    assert stops["tails"] == stops["baselines"]["markov"]["tails"] == []
    none = compare(frame, np.full(4, -1, dtype=np.int8), 10, [1], 50)
    assert (none["n"], none["auroc"], none["base_rate"]) == (0, None, None)


@pytest.fixture
def variants():
    """SNVs and indels in three region classes; the chain has no score for indels, and conservation has gaps."""
    rng = np.random.default_rng(1)
    size = 1500
    classes = rng.choice([1, 0, -1], size, p=[0.2, 0.5, 0.3]).astype(np.int8)
    shift = classes == 1
    frame = pd.DataFrame(
        {
            "kind": rng.choice(["snv", "deletion"], size, p=[0.8, 0.2]),
            "llr": rng.normal(size=size) - shift,
            "markov_llr": np.round(rng.normal(size=size) - 0.3 * shift, 1),
            "trinucleotide": np.nan,
            "conservation": rng.normal(size=size) + 0.5 * shift,
            "region": rng.choice(["CDS", "intron", "UTR"], size, p=[0.5, 0.47, 0.03]),
        }
    )
    frame.loc[frame["kind"] == "deletion", "markov_llr"] = np.nan
    frame.loc[::7, "conservation"] = np.nan
    frame.loc[::50, "llr"] = np.nan
    return frame, classes


def test_a_baseline_without_a_score_takes_no_variant_from_the_model(variants):
    frame, classes = variants
    found = compare(frame, classes, 20, [1], 50)
    members = frame[classes >= 0]
    label = classes[classes >= 0] == 1
    scored = members["llr"].notna().to_numpy()
    assert (found["n"], found["unscored"]) == (scored.sum(), (~scored).sum())
    assert found["auroc"] == pytest.approx(roc_auc_score(label[scored], -members["llr"][scored]))
    assert found["auprc"] == pytest.approx(average_precision_score(label[scored], -members["llr"][scored]))
    assert found["base_rate"] == pytest.approx(label[scored].mean())
    assert set(found["baselines"]) == {"markov", "conservation"}
    for name, column, sign in (("markov", "markov_llr", -1), ("conservation", "conservation", 1)):
        both = scored & members[column].notna().to_numpy()
        baseline = found["baselines"][name]
        assert (baseline["n"], baseline["lacking"]) == (both.sum(), scored.sum() - both.sum())
        expected = roc_auc_score(label[both], sign * members[column][both])
        beside = roc_auc_score(label[both], -members["llr"][both])
        assert baseline["auroc"] == pytest.approx(expected)
        assert baseline["model_auroc"] == pytest.approx(beside)
        assert baseline["difference"] == pytest.approx(beside - expected)
        assert baseline["auprc_difference"] == pytest.approx(
            average_precision_score(label[both], -members["llr"][both])
            - average_precision_score(label[both], sign * members[column][both])
        )
        assert baseline["difference_low"] < baseline["difference"] < baseline["difference_high"]
    assert found["markov_auroc"] == found["baselines"]["markov"]["auroc"]
    assert found["difference_low"] == found["baselines"]["markov"]["difference_low"]


def test_tails_stand_beside_those_of_a_baseline_of_the_same_size(variants):
    frame, classes = variants
    found = compare(frame, classes, 20, [1], 50)
    baseline = found["baselines"]["markov"]
    assert [entry["share"] for entry in found["tails"]] == list(SHARES)
    for own, model in zip(baseline["tails"], baseline["model_tails"], strict=True):
        assert own["n"] == model["n"] == round(own["share"] * baseline["n"])
        if own["share"] == 0.001:
            assert own["model_ratio"] is own["odds_ratio"] is None, "one variant is no tail"
        else:
            assert own["model_ratio"] == pytest.approx(model["odds_ratio"] / own["odds_ratio"])
    tenth = found["tails"][2]
    assert tenth["odds_ratio_low"] < tenth["odds_ratio"] < tenth["odds_ratio_high"]


def test_region_classes_with_enough_of_both_are_measured_by_themselves(variants):
    frame, classes = variants
    found = compare(frame, classes, 20, [1], 50)
    assert [part["region"] for part in found["regions"]] == ["CDS", "intron"]
    assert found["regions_left_out"]["UTR"][0] < 50
    for part in found["regions"]:
        inside = (frame["region"] == part["region"]) & frame["llr"].notna() & (classes >= 0)
        assert part["n"] == inside.sum()
        assert part["auroc"] == pytest.approx(roc_auc_score(classes[inside], -frame["llr"][inside]))
    alone = compare(frame.assign(region="CDS"), classes, 20, [1], 50)
    assert (alone["regions"], alone["regions_left_out"]) == ([], {})
    assert alone["auroc_low"] == found["auroc_low"]
