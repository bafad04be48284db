"""Scores against allele frequency, by bins and ranks, against scipy and counting by hand."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact, spearmanr
from sklearn.metrics import roc_auc_score

from genoglot.variants.frequency import against_frequency, correlations, frequency_bins, rare_and_common

EDGES = [0.001, 0.01, 0.05, 0.5]


@pytest.fixture
def variants():
    rng = np.random.default_rng(1)
    size = 2000
    frequency = np.round(rng.beta(0.3, 4, size), 4)
    frame = pd.DataFrame(
        {
            "frequency": frequency,
            "llr": (rng.normal(size=size) + 3 * frequency).astype(np.float32),
            "markov_llr": np.round(rng.normal(size=size), 1),
            "conservation": rng.normal(size=size) - frequency,
            "region": rng.choice(["CDS", "intron", "UTR", ""], size, p=[0.4, 0.4, 0.01, 0.19]),
            "consequence": rng.choice(["missense_variant", ""], size),
            "kind": rng.choice(["snv", "insertion"], size, p=[0.9, 0.1]),
        }
    )
    frame.loc[frame["kind"] == "insertion", "markov_llr"] = np.nan
    frame.loc[::40, "llr"] = np.nan
    frame.loc[::13, "frequency"] = np.nan
    return frame


def test_bins_against_masks(variants):
    rows = frequency_bins(variants, EDGES)
    limits = [0, *EDGES, 1]
    assert [(row["low"], row["high"]) for row in rows] == list(pairwise(limits))
    for row in rows:
        above = variants["frequency"] >= row["low"]
        below = (variants["frequency"] < row["high"]) | (row["high"] == 1)
        part = variants[above & below & variants["llr"].notna()]
        values = part["llr"].astype(float)
        assert row["n"] == len(part)
        assert row["mean"] == pytest.approx(values.mean())
        assert row["sd"] == pytest.approx(values.std())
        assert row["mean_high"] - row["mean"] == pytest.approx(1.96 * values.sem())
        assert [row["q05"], row["q50"], row["q95"]] == pytest.approx(list(values.quantile([0.05, 0.5, 0.95])))
        assert row["baselines"]["markov"]["n"] == part["markov_llr"].notna().sum() < len(part)
        assert row["baselines"]["markov"]["mean"] == pytest.approx(part["markov_llr"].mean())
    assert sum(row["n"] for row in rows) == (variants["llr"].notna() & variants["frequency"].notna()).sum()


def test_edges_belong_to_the_bin_above_and_an_empty_bin_says_nothing():
    frame = pd.DataFrame({"frequency": [0.0, 0.01, 1.0], "llr": [1.0, 2.0, 3.0]})
    rows = frequency_bins(frame, [0.01, 0.5, 0.9])
    assert [row["n"] for row in rows] == [1, 1, 0, 1]
    assert [row["mean"] for row in rows] == [1, 2, None, 3]
    assert rows[2]["q50"] is rows[0]["sd"] is None


def test_rare_and_common():
    frequency = np.array([0.0, 0.004, 0.005, 0.01, 0.05, 0.9, np.nan])
    assert rare_and_common(frequency, 0.005, 0.05).tolist() == [1, 1, -1, -1, 0, 0, -1]


def test_correlations_are_those_of_scipy_on_the_variants_that_have_both(variants):
    found = correlations(variants, 50, [1])
    scored = variants["llr"].notna() & variants["frequency"].notna()
    assert found["n"] == scored.sum()
    assert found["spearman"] == pytest.approx(
        spearmanr(variants["llr"], variants["frequency"], nan_policy="omit").statistic
    )
    assert found["spearman_low"] < found["spearman"] < found["spearman_high"]
    both = variants[scored & variants["markov_llr"].notna()]
    markov = found["baselines"]["markov"]
    assert markov["n"] == len(both) < found["n"]
    assert markov["spearman"] == pytest.approx(spearmanr(both["markov_llr"], both["frequency"]).statistic)
    assert markov["model_spearman"] == pytest.approx(spearmanr(both["llr"], both["frequency"]).statistic)
    assert markov["difference"] == pytest.approx(markov["model_spearman"] - markov["spearman"])
    conserved = variants[scored]
    expected = spearmanr(conserved["conservation"], conserved["frequency"]).statistic
    assert found["baselines"]["conservation"]["spearman"] == pytest.approx(-expected)


def test_indels_take_part_in_the_models_own_numbers(variants):
    found = against_frequency(variants, 0.01, 0.1, 20, [1], 50)
    known = variants[variants["llr"].notna() & variants["frequency"].notna()]
    kinds = {part["name"]: part for part in found["strata"] if part["by"] == "kind"}
    assert kinds["insertion"]["correlation"]["n"] == (known["kind"] == "insertion").sum() > 100
    assert kinds["insertion"]["correlation"]["baselines"].keys() == {"conservation"}
    assert found["correlation"]["n"] == len(known)


def test_rare_against_common_counts_the_lowest_scores(variants):
    found = against_frequency(variants, 0.01, 0.1, 20, [1], 50)["rare_against_common"]
    known = variants[variants["llr"].notna() & variants["frequency"].notna()]
    part = known[(known["frequency"] < 0.01) | (known["frequency"] >= 0.1)].sort_values("llr")
    rare = (part["frequency"] < 0.01).to_numpy()
    assert (found["n_positives"], found["n_negatives"]) == (rare.sum(), (~rare).sum())
    assert found["auroc"] == pytest.approx(roc_auc_score(rare, -part["llr"]))
    size = round(0.1 * len(part))
    table = [[rare[:size].sum(), (~rare[:size]).sum()], [rare[size:].sum(), (~rare[size:]).sum()]]
    assert found["tails"][2]["odds_ratio"] == pytest.approx(fisher_exact(table).statistic)
    assert found["tails"][2]["p"] == pytest.approx(fisher_exact(table).pvalue)


def test_strata_have_a_floor_and_one_value_is_no_stratum(variants):
    found = against_frequency(variants, 0.01, 0.1, 20, [1], 60)
    assert [(part["by"], part["name"]) for part in found["strata"]] == [
        ("region", "CDS"), ("region", "intron"), ("kind", "insertion"), ("kind", "snv")
    ]  # fmt: skip
    assert [(part["by"], part["name"]) for part in found["strata_left_out"]] == [("region", "UTR")]
    for part in found["strata"]:
        inside = variants[variants[part["by"]] == part["name"]]
        expected = spearmanr(inside["llr"], inside["frequency"], nan_policy="omit").statistic
        assert part["correlation"]["spearman"] == pytest.approx(expected)


def test_without_frequencies_there_are_no_numbers():
    frame = pd.DataFrame({"frequency": [np.nan] * 3, "llr": [1.0, 2.0, 3.0]})
    found = against_frequency(frame, 0.01, 0.1, 20, [1], 60)
    assert found["correlation"]["spearman"] is None
    assert found["rare_against_common"] == {"n_positives": 0, "n_negatives": 0}
    assert found["strata"] == []
