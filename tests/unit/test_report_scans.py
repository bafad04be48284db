"""The section of the report on scans."""

import json

import pytest
from report_manifest import write_json, write_manifest
from report_page import report

QUANTILES = {"q05": -0.515, "q25": 0.2, "q50": 0.934, "q75": 1.4, "q95": 2.244}
CHAIN = {"mean": 0.4, "q05": 0.005, "q25": 0.2, "q50": 0.394, "q75": 0.5, "q95": 0.724}


@pytest.fixture
def page(tmp_path):
    manifest = write_manifest(tmp_path / "results")
    measures = {"max": {"mean": 0.876, **QUANTILES}, "mean": CHAIN, "markov_max": CHAIN, "markov_mean": CHAIN}
    summary = {
        "positions": 900, "unknown": 100, "contigs": [],
        "classes": [{"class": name, "positions": 450, **measures} for name in ("intergenic", "CDS")],
    }  # fmt: skip
    folder = tmp_path / "results/scans/whole"
    path = write_json(folder / "demo.summary.json", summary)
    for kind in ("parquet", "max.bw"):
        (folder / f"demo.{kind}").touch()
    return report(tmp_path, {**manifest, "scans": [{"name": "whole", "model": "demo", "summary": path}]})


def test_a_scan_has_its_distribution_by_class_beside_the_chain_s(page):
    assert "Scan whole by demo" in page.words
    assert "900 sites by model demo" in page.words
    assert "10.0% of the bases are N" in page.words
    assert "CDS 450 0.88 0.93 2.24 0.40 0.39 0.72" in page.words
    traces = json.loads(page.scripts["data-scan-0"])["data"]
    assert [trace["name"] for trace in traces] == ["model", "Markov chain"]
    # by the order of classes that all figures have
    assert traces[0]["text"] == ["CDS (450)", "intergenic (450)"]
    assert traces[0]["x"] == pytest.approx([0.934, 0.934])
    assert traces[0]["error_x"]["arrayminus"] == pytest.approx([1.449, 1.449])
    assert traces[0]["error_x"]["array"] == pytest.approx([1.31, 1.31])


def test_links_lead_to_what_is_there(page):
    links = [link for link in page.links if "scans/whole" in link]
    assert {link.rpartition("/")[2] for link in links} == {"demo.parquet", "demo.max.bw", "demo.summary.json"}


def test_a_study_without_scans_says_nothing_of_them(tmp_path):
    assert "Constraint along the genome" not in report(tmp_path, write_manifest(tmp_path / "results")).words
