"""How the page shows what scores of variants are judged by, of numbers that the library itself measured."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_manifest import write_json, write_manifest
from report_page import report

from genoglot.report import verdicts
from genoglot.variants.comparisons import compare
from genoglot.variants.frequency import against_frequency, frequency_bins


@pytest.fixture
def manifest(tmp_path):
    """A manifest whose variants have labels, frequencies and two baselines, with indels that have no Markov score."""
    manifest = write_manifest(tmp_path / "results")
    rng = np.random.default_rng(1)
    size = 2000
    frequency = np.round(rng.beta(0.3, 4, size), 4)
    frame = pd.DataFrame(
        {
            "llr": rng.normal(size=size) + 3 * frequency,
            "markov_llr": rng.normal(size=size),
            "conservation": rng.normal(size=size),
            "frequency": frequency,
            "region": rng.choice(["CDS", "intron"], size),
            "kind": rng.choice(["snv", "deletion"], size, p=[0.9, 0.1]),
        }
    )
    frame.loc[frame["kind"] == "deletion", "markov_llr"] = np.nan
    classes = np.where(frame["llr"] + rng.normal(size=size) < -0.5, 1, 0).astype(np.int8)
    item = {"by": "INFO/CLNSIG", "positives": "Pathogenic", "negatives": "Benign"}
    item |= compare(frame, classes, 20, [1], 50)
    found = against_frequency(frame, 0.005, 0.05, 20, [1], 50)
    bins = frequency_bins(frame, [0.01, 0.1, 0.9])
    evaluation = {
        "labels": {"source": "INFO/CLNSIG", "positives": 700, "negatives": 1300, "both": 3, "without": 0},
        "frequency_counts": {"known": size, "missing": 0, "of_several_alleles": 12},
        "frequency": {"key": "AF", "rare_below": 0.005, "common_from": 0.05, "bins": bins, **found},
    }
    entry = manifest["variants"][0]
    comparisons = json.loads(Path(entry["metrics"]).read_text())
    write_json(tmp_path / "results/variants/calls/m.metrics.json", [item, *comparisons])
    entry["evaluation"] = write_json(tmp_path / "results/variants/calls/m.evaluation.json", evaluation)
    return manifest, item, evaluation


def test_labels_and_all_baselines_are_shown(tmp_path, manifest):
    manifest, item, _ = manifest
    page = report(tmp_path, manifest)
    assert "Labels from INFO/CLNSIG: 700 positives and 1,300 negatives. 3 variants are both" in page.words
    assert "variants have no label" not in page.words
    conservation = item["baselines"]["conservation"]
    row = (
        f"Pathogenic against Benign conservation {item['n_positives']:,} / {item['n_negatives']:,} "
        f"{verdicts.with_interval(item, 'auroc')} {verdicts.with_interval(conservation, 'auroc')}"
    )
    assert row in page.words
    assert "Pathogenic against Benign, CDS Markov chain" in page.words
    assert "Markov chain, which knows a few bases" in page.words
    assert "mutation rates, which" not in page.words
    # the labels of the user come first in the summary
    summary = page.words[: page.words.index("The verdicts follow")]
    assert "Variants calls: Pathogenic against Benign" in summary


def test_tails_and_frequencies_are_shown_as_measured(tmp_path, manifest):
    manifest, item, evaluation = manifest
    page = report(tmp_path, manifest)
    model = page.figure("tails-0")["data"][0]
    assert model["x"] == pytest.approx([tail["odds_ratio"] for tail in item["tails"] if tail["odds_ratio"]])
    assert len(model["x"]) == 2
    tenth = item["tails"][2]
    assert (
        f"10.0% {tenth['positives']:.0f} of {tenth['n']} {verdicts.with_interval(tenth, 'odds_ratio', 2)}" in page.words
    )
    rare = page.figure("rare-0")["data"]
    assert [trace["name"] for trace in rare] == ["model", "Markov chain", "conservation"]
    (box,) = page.figure("frequency-0")["data"]
    shown = [row for row in evaluation["frequency"]["bins"] if row["n"]]
    assert box["median"] == pytest.approx([row["q50"] for row in shown])
    assert sum(int(label.split("(")[1].rstrip(")").replace(",", "")) for label in box["x"]) == 2000
    # an empty bin stands in the table alone
    assert "0.9 to 1 0 n/a" in page.words
    assert "12 alleles are left out, whose records have several" in page.words
    correlation = evaluation["frequency"]["correlation"]
    assert f"correlation of score and frequency is {verdicts.with_interval(correlation, 'spearman')}" in page.words
    assert "kind deletion" in page.words


def test_too_few_for_rare_against_common_are_said_to_be(tmp_path, manifest):
    manifest, _, evaluation = manifest
    few = {"n_positives": 40, "n_negatives": 0}
    evaluation["frequency"] |= {"rare_against_common": few, "strata": []}
    write_json(tmp_path / "results/variants/calls/m.evaluation.json", evaluation)
    page = report(tmp_path, manifest)
    assert "Too few variants for rare (below 0.005) against common (from 0.05): 40 and 0 variants." in page.words
    assert "data-rare-0" not in page.scripts
