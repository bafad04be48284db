"""What the page says of embeddings: accuracies, clusters, axes, models side by side, origins, links and contents."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_manifest import write_json, write_manifest
from report_page import report

from genoglot.embeddings.axes import describe_axes
from genoglot.embeddings.clusters import describe_clusters
from genoglot.errors import InputError
from genoglot.report.inputs import browser_url


@pytest.fixture
def manifest(tmp_path):
    return write_manifest(tmp_path / "results")


def change(entry, **values):
    metrics = json.loads(Path(entry["metrics"]).read_text())
    write_json(Path(entry["metrics"]), metrics | values)


def second_model(manifest, tmp_path, **changes):
    """Another model's embeddings of the same windows: a map that is turned by a right angle."""
    entry = manifest["embeddings"][0]
    folder = tmp_path / "results/embeddings/g/other"
    folder.mkdir(parents=True)
    table = pd.read_parquet(entry["umap"])
    table.assign(umap_1=-table["umap_2"], umap_2=table["umap_1"], **changes).to_parquet(folder / "umap.parquet")
    metrics = write_json(folder / "metrics.json", json.loads(Path(entry["metrics"]).read_text()))
    manifest["embeddings"].append({**entry, "model": "other", "umap": str(folder / "umap.parquet"), "metrics": metrics})


def test_one_table_has_all_accuracies(tmp_path, manifest):
    second_model(manifest, tmp_path)
    change(manifest["embeddings"][1], balanced_accuracy=0.5, balanced_accuracy_low=0.4, balanced_accuracy_high=0.6)
    words = report(tmp_path, manifest).words
    baselines = "0.654 (0.634 to 0.674) 0.701 (0.681 to 0.721) 0.823 (0.803 to 0.843) 0.50"
    assert f"yeast demo 0.812 (0.792 to 0.832) {baselines}" in words
    assert f"yeast other 0.500 (0.400 to 0.600) {baselines}" in words


def test_models_of_a_genome_stand_side_by_side(tmp_path, manifest):
    assert "side by side" not in report(tmp_path, manifest).words
    second_model(manifest, tmp_path)
    page = report(tmp_path, manifest)
    assert "Genome yeast, 2 models side by side" in page.words
    assert "demo 123,456 1.877 0.812 (0.792 to 0.832) ≈ not distinguishable n/a n/a 0.00" in page.words
    assert "other n/a n/a 0.812 (0.792 to 0.832) ≈ not distinguishable n/a n/a 0.00" in page.words
    packed = page.figure("compared-map-0")
    assert [panel["title"] for panel in packed["panels"]] == ["demo", "other"]
    assert packed["rows"] == 200


def test_models_with_other_windows_cannot_be_laid_over_each_other(tmp_path, manifest):
    second_model(manifest, tmp_path, end=7)
    page = report(tmp_path, manifest)
    assert "different windows, so that their maps cannot be laid over each other" in page.words
    assert "data-compared-map-0" not in page.scripts
    assert {"data-umap-0", "data-umap-1"} <= set(page.scripts)


def test_clusters_and_axes_are_shown_where_they_were_measured(tmp_path, manifest):
    words = report(tmp_path, manifest).words
    assert "Clusters of windows" not in words
    assert "what they explain overlaps" not in words
    rng = np.random.default_rng(3)
    table = pd.DataFrame({
        "region": np.repeat(["CDS", "intergenic", "CDS"], (60, 60, 80)), "contig": "I", "start": np.arange(200) * 256,
        "end": np.arange(200) * 256 + 512, "gc": np.linspace(0.2, 0.6, 200), "soft_masked": 0.0, "perplexity": 3.5,
    })  # fmt: skip
    numbers = np.repeat([0, 1, -1], (60, 60, 80))
    clusters = describe_clusters(table, numbers, {"method": "HDBSCAN"})
    components = np.column_stack([table["gc"], rng.random(200)])
    axes = describe_axes(table, rng.random((200, 2)), components, np.full(200, 60_000))
    change(manifest["embeddings"][0], clusters=clusters, axes=axes)
    words = report(tmp_path, manifest).words
    # CDS: 60 of 60 windows against 140 of 200; intergenic: 60 of 60 against 60 of 200
    assert "cluster windows CDS intergenic 0 60 1.43 * 0.00 1 60 0.00 3.33 *" in words
    assert "80 windows are in no cluster" in words
    assert "axis region class GC repeats perplexity contig place in the contig PC 1 " in words
    assert f"{axes[0]['region']['share']:.2f} 1.00 n/a n/a n/a" in words


def test_figures_say_where_they_come_from(tmp_path, manifest):
    entry = manifest["embeddings"][0]
    pictures = {kind: str(Path(entry["umap"]).with_suffix(f".{kind}")) for kind in ("png", "svg")}
    manifest["embeddings"] = [{**entry, **pictures}]
    page = report(tmp_path, manifest)
    origin = "200 windows, model demo; made by rule analyse_embeddings, from embeddings/g/m/umap.parquet ; for papers: "
    assert origin + "PNG , SVG" in page.words
    assert {"./embeddings/g/m/umap.png", "./embeddings/g/m/umap.svg"} <= set(page.links)
    assert "48 points, model demo; made by rule pretrain_model, from models/m/curves.tsv" in page.words


def test_contents_lead_to_headings_where_there_are_many(tmp_path, manifest):
    assert "embeddings-0" not in [link[1:] for link in report(tmp_path, manifest).links]
    manifest["models"] *= 5
    page = report(tmp_path, manifest)
    assert {"#learning-0", "#learning-4", "#embeddings-0", "#tasks-0", "#variants-0"} <= set(page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    summary = page.words[: page.words.index("The verdicts follow")]
    for key in ("Model demo 1.877 bits per base", "balanced accuracy 0.812", "AUROC 0.712"):
        assert key in summary


def test_the_address_of_a_genome_browser(tmp_path, manifest):
    manifest["browser_url"] = "https://example.org/{genome}?{contig}:{start}-{end}"
    assert report(tmp_path, manifest).figure("umap-0")["browser"] == manifest["browser_url"]
    assert browser_url(None) is None
    with pytest.raises(InputError, match=re.escape("{chrom} is not known; it can hold {genome}, {contig}")):
        browser_url("https://example.org/{chrom}")
    with pytest.raises(InputError, match="does not begin with https:// or http://"):
        browser_url("javascript:alert(1)")
