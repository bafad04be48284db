"""The report of models that were not trained here, and of sweeps."""

import json
from pathlib import Path

import pytest
from report_manifest import write_json, write_manifest
from report_page import report

from genoglot.report import figures, static
from genoglot.report.palette import ARCHITECTURE_COLOURS
from genoglot.sweeps.comparison import COLUMNS, fits_of, points_of
from genoglot.sweeps.scaling import PowerLaw

LAW = PowerLaw(1.8, 0.1, 0.3, 1e13, 0, 0, 0)


def row(architecture, size, flops, seed=1, more=0.0, objective="masked", tokenizer="single"):
    values = {
        "model": f"trial-{architecture}-{size}-s{seed}", "architecture": architecture, "size": size,
        "tokenizer": tokenizer, "seed": seed, "learning_rate": 0.002, "parameters": 123_456, "tokens_seen": 5_000_000,
        "flops": flops, "seconds": 600.0, "tokens_per_second": 8333.3, "objective": objective,
        "bits_per_base": float(LAW.loss(flops)) + more if flops else 1.9, "markov_bits_per_base": 1.93, "gain": 0.03,
        "accuracy": 0.31,
    }  # fmt: skip
    assert set(values) == set(COLUMNS)
    return values


def write_comparison(folder, rows):
    points = points_of(rows)
    fits, notes = fits_of(points)
    (folder / "comparison.tsv").parent.mkdir(parents=True, exist_ok=True)
    (folder / "comparison.tsv").touch()
    values = {"sweep": "trial", "rows": rows, "points": points, "fits": fits, "notes": notes}
    return write_json(folder / "comparison.json", values)


@pytest.fixture
def rows():
    sizes = {"tiny": 1e12, "small": 1e13, "medium": 1e14, "base": 1e15}
    rows = [row("encoder", size, flops, seed, seed / 1e4) for size, flops in sizes.items() for seed in (1, 2)]
    return [*rows, row("decoder", "tiny", 1e12, objective="causal", tokenizer="<b>bpe")]


def test_a_model_that_came_trained_is_said_not_to_be_trained_here(tmp_path):
    manifest = write_manifest(tmp_path / "results")
    (model,) = manifest["models"]
    metrics = json.loads(Path(model["metrics"]).read_text())
    write_json(Path(model["metrics"]), metrics | {"tokens_seen": None, "seconds": None, "steps": None})
    write_json(Path(model["config"]), {"model_type": "esm", "architectures": ["EsmForMaskedLM"]})
    page = report(tmp_path, {**manifest, "models": [{**model, "curves": None, "pretrained": "owner/name"}]})
    assert "Network of type esm, 123,456 parameters, not trained here but brought in from owner/name." in page.words
    assert "Model demo was brought in trained (owner/name)" in page.words
    assert "Markov chain of order 5, the bases before 1.935" in page.words
    assert "data-curves-0" not in page.scripts
    assert {"data-regions-0", "data-umap-0"} <= set(page.scripts)


def test_a_sweep_has_a_table_a_figure_and_its_curves(tmp_path, rows):
    manifest = write_manifest(tmp_path / "results")
    assert "Models side by side" not in report(tmp_path, manifest).words
    comparison = write_comparison(tmp_path / "results/sweeps/trial", rows)
    page = report(tmp_path, {**manifest, "sweeps": [{"name": "trial", "comparison": comparison}]})
    assert "Sweep trial" in page.words
    assert "trial-encoder-tiny-s1 masked 123,456 5,000,000 1.00e+12 10 min 8,333 2.000 1.930 +0.030 31.0%" in page.words
    assert "encoder single 4 1.8 ± " in page.words
    assert (
        "decoder, <b>bpe: no scaling curve, since 4 different amounts of compute are needed and there are 1."
        in page.words
    )
    assert "./sweeps/trial/comparison.tsv" in page.links
    traces = page.figure("compute-0")["data"]
    assert [trace["name"] for trace in traces if trace["mode"] == "markers"] == [
        "encoder, single",
        "decoder, &lt;b&gt;bpe",
    ]
    encoder = traces[0]
    assert encoder["x"] == [1e12, 1e13, 1e14, 1e15]
    assert encoder["y"] == pytest.approx([float(LAW.loss(flops)) + 1.5e-4 for flops in encoder["x"]])
    assert encoder["error_y"]["array"] == pytest.approx([1e-4 / 2**0.5] * 4)
    assert encoder["marker"]["color"] == ARCHITECTURE_COLOURS["encoder"]
    dashed = [trace["name"] for trace in traces if trace["mode"] == "lines" and "name" in trace]
    assert dashed == ["Markov chain", "Markov chain of causal models"]


def test_the_fitted_curve_is_drawn_where_its_points_are(rows):
    points = points_of(rows)
    fits, notes = fits_of(points)
    traces = figures.compute({"rows": rows, "points": points, "fits": fits, "notes": notes}).data
    (curve,) = [trace for trace in traces if trace.mode == "lines" and trace.showlegend is False]
    assert (min(curve.x), max(curve.x)) == pytest.approx((1e12, 1e15))
    assert curve.y == pytest.approx(LAW.loss(curve.x) + 1.5e-4, abs=1e-4)


def test_a_sweep_whose_compute_is_not_known(tmp_path):
    manifest = write_manifest(tmp_path / "results")
    comparison = write_comparison(tmp_path / "results/sweeps/trial", [row("encoder", "tiny", None)])
    page = report(tmp_path, {**manifest, "sweeps": [{"name": "trial", "comparison": comparison}]})
    assert "The compute of these models is not known, so there is no figure of it." in page.words
    static.plot_comparison(comparison, [tmp_path / "c.svg"])
    assert "<svg" in (tmp_path / "c.svg").read_text()


def test_the_still_figure_is_the_same_file_twice(tmp_path, rows):
    comparison = write_comparison(tmp_path, rows)
    for name in ("a.svg", "b.svg"):
        static.plot_comparison(comparison, [tmp_path / name])
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn == (tmp_path / "b.svg").read_text()
    for architecture in ("encoder", "decoder"):
        assert ARCHITECTURE_COLOURS[architecture].lower() in drawn
