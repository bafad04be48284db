"""Still figures: readable files of what they are given, also where there is little to show."""

import json

import pandas as pd
import pytest
from PIL import Image

from genoglot.report import static
from genoglot.report.palette import REGION_COLOURS, SHADES

COMPARISON = {
    **{"positives": "stop_gained", "negatives": "synonymous_variant", "n": 20},
    **{"auroc": 0.8, "auroc_low": 0.7, "auroc_high": 0.9},
    **{"markov_auroc": 0.6, "markov_auroc_low": 0.5, "markov_auroc_high": 0.7},
}


def write(path, value):
    path.write_text(json.dumps(value))
    return path


@pytest.fixture
def curves(tmp_path):
    rows = [(step, step * 100, split, 2 - step / 10) for step in (1, 2, 3) for split in ("train", "validation")]
    path = tmp_path / "curves.tsv"
    pd.DataFrame(rows, columns=["step", "tokens", "split", "bits_per_base"]).to_csv(path, sep="\t", index=False)
    return path


def test_curves_name_the_baseline_and_are_the_same_file_twice(curves, tmp_path):
    metrics = write(tmp_path / "metrics.json", {"markov_bits_per_base": 1.9})
    for name in ("a.svg", "b.svg"):
        static.plot_curves(curves, metrics, [tmp_path / name])
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "<svg" in (tmp_path / "a.svg").read_text()
    assert not list(tmp_path.glob(".partial*"))


def pixels(path):
    with Image.open(path) as image:
        return {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}


@pytest.mark.parametrize("accuracy", [0.5, None])
def test_umap_shows_each_class_in_its_colour(tmp_path, accuracy):
    table = pd.DataFrame({"region": ["CDS", "intron"] * 500, "umap_1": range(1000), "umap_2": [0, 5] * 500, "gc": 0.5})
    table.to_parquet(tmp_path / "umap.parquet")
    metrics = write(tmp_path / "metrics.json", {"balanced_accuracy": accuracy})
    static.plot_umap(tmp_path / "umap.parquet", metrics, [tmp_path / "umap.png", tmp_path / "umap.svg"])
    for region in ("CDS", "intron"):
        assert tuple(bytes.fromhex(REGION_COLOURS[region][1:])) in pixels(tmp_path / "umap.png")
    drawn = (tmp_path / "umap.svg").read_text()
    # points as one picture, not as a thousand shapes
    assert "<image" in drawn
    assert drawn.count("<use") < 200


def test_umap_without_classes_is_shaded_by_gc(tmp_path):
    gc = [number / 999 for number in range(1000)]
    table = pd.DataFrame({"region": "unannotated", "umap_1": gc, "umap_2": gc[::-1], "gc": gc})
    table.to_parquet(tmp_path / "umap.parquet")
    metrics = write(tmp_path / "metrics.json", {"balanced_accuracy": None})
    static.plot_umap(tmp_path / "umap.parquet", metrics, [tmp_path / "umap.png"])
    found = pixels(tmp_path / "umap.png")
    for shade in SHADES:
        wanted = bytes.fromhex(shade[1:])
        assert min(sum(abs(one - other) for one, other in zip(pixel, wanted, strict=True)) for pixel in found) < 12


@pytest.mark.parametrize(
    "comparisons",
    [
        [COMPARISON, COMPARISON | {"auroc": None}],
        [COMPARISON | {"markov_auroc": None, "markov_auroc_low": None, "markov_auroc_high": None}],
        [COMPARISON | {"auroc": None}],
        [],
    ],
)
def test_auroc_of_what_could_be_compared(tmp_path, comparisons):
    static.plot_auroc(write(tmp_path / "metrics.json", comparisons), [tmp_path / "auroc.svg"])
    assert "<svg" in (tmp_path / "auroc.svg").read_text()
