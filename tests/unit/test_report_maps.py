"""Maps of windows as the page gets them: packing, samples, classes and shades, maps laid over each other."""

from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import procrustes

from genoglot.report.maps import align, joined, pack_comparison, pack_map
from genoglot.report.packing import LEVELS, classes, quantised, whole_numbers
from genoglot.report.palette import MOST_STYLES, PALE, REGION_COLOURS


def unpack(packed, rows):
    """What `map_data.js` does."""
    if "data" in packed:
        stored = np.frombuffer(b64decode(packed["data"]), dtype=np.dtype(packed["type"]).newbyteorder("<"))
    else:
        stored = np.zeros(rows, dtype=np.int64)
    if "offset" in packed:
        return stored.astype(np.int64) + packed["offset"]
    values = packed["low"] + stored / LEVELS * (packed["high"] - packed["low"])
    return np.where(stored == 65_535, np.nan, values)


def windows(rows=300, seed=0):
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"contig": np.repeat(["chr2", "chr10", "chr1"], rows // 3), "start": np.arange(rows) * 100})
    table["end"] = table["start"] + 512
    table["region"] = random.choice(["intergenic", "CDS", "odd"], rows)
    for column in ("gc", "soft_masked", "umap_1", "umap_2", "pca_1", "pca_2"):
        table[column] = random.normal(size=rows).astype(np.float32)
    return table


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([5, 5, 5], None),
        ([0, 255], "uint8"),
        ([-1, 255], "uint16"),
        ([0, 65_536], "uint32"),
        ([3_000_000_000, 3_000_000_001], "uint8"),
        ([], None),
    ],
)
def test_whole_numbers_come_back_as_they_were(values, kind):
    packed = whole_numbers(np.array(values))
    assert packed.get("type") == kind
    assert unpack(packed, len(values)).tolist() == values


def test_whole_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="32 bits"):
        whole_numbers(np.array([0, 1 << 32]))


def test_quantised_numbers_come_back_within_half_a_step():
    values = np.random.default_rng(0).normal(size=1000) * 7
    found = unpack(quantised(values), 1000)
    assert np.abs(found - values).max() <= 0.5001 * np.ptp(values) / LEVELS
    assert found[values.argmin()] == values.min()


def test_missing_numbers_stay_missing():
    values = np.array([np.nan, 1.0, np.inf, 3.0])
    assert np.isnan(unpack(quantised(values), 4)).tolist() == [True, False, True, False]
    assert np.isnan(unpack(quantised(np.array([np.nan])), 1)).all()
    assert unpack(quantised(np.array([2.0, 2.0])), 2).tolist() == [2.0, 2.0]


def test_a_class_that_is_not_named_is_refused():
    with pytest.raises(ValueError, match="'b' is not among the 1 names"):
        classes(pd.Series(["a", "b"]), ["a"])


def test_a_map_holds_its_windows():
    table = windows()
    packed = pack_map(table, "g", "m", 1000)
    assert packed["rows"] == 300
    assert not packed["sampled"]
    contigs = packed["columns"]["contig"]
    assert contigs["names"] == ["chr2", "chr10", "chr1"]
    assert [contigs["names"][number] for number in unpack(contigs, 300)] == table["contig"].tolist()
    assert unpack(packed["start"], 300).tolist() == table["start"].tolist()
    assert packed["length"] == {"offset": 512}
    x, _ = packed["panels"][0]["axes"]["PCA"]
    assert unpack(x, 300) == pytest.approx(table["pca_1"], abs=1e-4)


def test_what_can_give_the_colours():
    table = windows().assign(cluster=np.repeat([2, -1, 0], 100), perplexity=np.float32(3), note=True)
    packed = pack_map(table, "g", "m", 1000)
    assert packed["colour_by"] == "region"
    assert packed["colours"] == ["region", "contig", "gc", "soft_masked", "cluster", "perplexity", "note"]
    labels = [(entry["label"], entry["colour"]) for entry in packed["columns"]["region"]["legend"]]
    assert labels[:2] == [("CDS", REGION_COLOURS["CDS"]), ("intergenic", REGION_COLOURS["intergenic"])]
    clusters = packed["columns"]["cluster"]
    assert clusters["names"] == ["noise", "cluster 0", "cluster 2"]
    assert clusters["legend"][0]["colour"] == PALE
    assert "legend" not in packed["columns"]["perplexity"]
    assert packed["columns"]["gc"]["share"]
    assert pack_map(table.assign(region="unannotated"), "g", "m", 1000)["colour_by"] == "gc"
    assert pack_map(table.drop(columns=["region", "gc"]), "g", "m", 1000)["colour_by"] == "contig"


def test_many_contigs_share_the_last_entry_of_the_legend_and_keep_their_names():
    table = windows(300).assign(contig=[f"scaffold_{number // 2}" for number in range(300)])
    contigs = pack_map(table, "g", "m", 1000)["columns"]["contig"]
    assert len(contigs["names"]) == 150
    assert len(contigs["legend"]) == MOST_STYLES + 1
    assert contigs["legend"][-1]["label"] == f"{150 - MOST_STYLES} others"
    members = [member for entry in contigs["legend"] for member in entry["members"]]
    assert sorted(members) == list(range(150))
    looks = {(entry["colour"], entry["shape"]) for entry in contigs["legend"]}
    assert len(looks) == len(contigs["legend"])


def test_a_large_map_is_sampled_in_order():
    table = windows(3000)
    packed = pack_map(table, "g", "m", 1000)
    starts = unpack(packed["start"], 1000)
    assert packed["sampled"]
    assert packed["rows"] == 1000 == len(set(starts))
    assert (np.diff(starts) > 0).all()
    assert set(starts) <= set(table["start"])
    assert pack_map(table, "g", "m", 1000) == packed


def test_a_turned_and_mirrored_map_lies_on_the_first_again():
    random = np.random.default_rng(0)
    target = random.normal(size=(200, 2)) * [3, 1] + 5
    turn = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]]) @ np.diag([1, -1])
    moved, distance = align(2.5 * target @ turn - 7, target)
    assert moved == pytest.approx(target)
    assert distance == pytest.approx(0, abs=1e-9)


def test_the_distance_of_two_maps_is_that_of_scipy():
    random = np.random.default_rng(1)
    one, other = random.normal(size=(2, 100, 2))
    assert align(other, one)[1] == pytest.approx(procrustes(one, other)[2])
    assert align(np.zeros((100, 2)), one)[1] is None


def test_models_are_compared_on_the_windows_that_they_share():
    first = windows().assign(perplexity=np.float32(1))
    second = first.iloc[50:][::-1].assign(perplexity=np.float32(2), umap_1=-first["umap_1"], cluster=0)
    table = joined({"a": first, "b": second})
    assert table["start"].tolist() == first["start"].tolist()[50:]
    assert {"gc", "region", "perplexity, a", "perplexity, b", "cluster, b"} <= set(table)
    assert table["umap_1, b"].to_numpy() == pytest.approx(-first["umap_1"].to_numpy()[50:])
    packed, distances = pack_comparison({"a": first, "b": second}, "g", 100)
    assert packed["rows"] == 100
    assert packed["sampled"]
    assert [panel["title"] for panel in packed["panels"]] == ["a", "b"]
    assert distances["b"] == pytest.approx(0, abs=1e-6)
    (x, _), (moved, _) = (panel["axes"]["UMAP"] for panel in packed["panels"])
    assert unpack(moved, 100) == pytest.approx(unpack(x, 100), abs=1e-3)
    assert pack_comparison({"a": first, "b": second.assign(end=1)}, "g", 100) is None
