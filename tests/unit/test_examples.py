"""Examples are the same after they were written and read, and those of no use are refused."""

import numpy as np
import pandas as pd
import pytest

from genoglot.errors import InputError
from genoglot.examples.store import Examples, checked
from genoglot.examples.target import Target

SPLITS = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2


def examples(kind: str, names: tuple[str, ...], truth: list, splits: list[str] = SPLITS) -> Examples:
    codes = np.random.default_rng(0).integers(0, 5, (len(splits), 7), dtype=np.uint8)
    frame = pd.DataFrame({"split": splits, "group": range(len(splits)), "contig": "one", "start": range(len(splits))})
    values = np.array(truth, dtype=np.int64 if kind == "classes" else np.float32)
    return Examples(Target(kind, names), frame, codes, values, {"left_out": {"no label": 3}})


CLASSES = [0, 1, 0, 1, 0, 1, 0, 1, 1, 1]
LABELS = [[0, 1], [1, np.nan], *[[1, 1]] * 8]
VALUES = [[0.5, -1], [np.nan, 7], *[[3, 4]] * 8]


@pytest.mark.parametrize(("kind", "truth"), [("classes", CLASSES), ("labels", LABELS), ("values", VALUES)])
def test_examples_are_read_as_they_were_written(kind, truth, tmp_path):
    written = examples(kind, ("a", "b"), truth)
    written.save(tmp_path / "folder")
    read = Examples.load(tmp_path / "folder")
    assert read.target == written.target
    assert read.about == written.about
    for one, other in ((read.codes, written.codes), (read.truth, written.truth)):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    pd.testing.assert_frame_equal(read.frame, written.frame, check_dtype=False)
    assert read.frame["group"].dtype == np.int64
    part = read.take(np.array([8, 1]))
    np.testing.assert_array_equal(part.codes, written.codes[[8, 1]])
    assert part.split.tolist() == ["test", "train"]


def test_counts_are_of_splits_and_classes():
    about = checked(examples("classes", ("a", "b"), CLASSES), "x").about
    assert about["counts"] == {"train": 6, "validation": 2, "test": 2}
    assert about["per_class"]["train"] == {"a": 3, "b": 3}
    assert about["per_class"]["test"] == {"a": 0, "b": 2}
    about = checked(examples("labels", ("a", "b"), LABELS), "x").about
    assert about["per_class"]["train"] == {"a": 5, "b": 5}


@pytest.mark.parametrize(
    ("kind", "truth", "splits", "message"),
    [
        ("classes", CLASSES, ["train"] * 8 + ["test"] * 2, "x: no example is for validation .found 8 train, 0 val"),
        ("classes", [1] * 10, SPLITS, "x: training examples are all of one class, b; expected two"),
        ("classes", [0, 1, 0, 1, 0, 1, 0, 1, 2, 1], SPLITS, "x: no training example is of class c, which validation"),
        ("labels", [[0, 1, 1]] * 8 + [[1, 0, 0]] * 2, SPLITS, "x: each of the labels a, b, c is either in all"),
        ("values", [[1, 2, 3], *[[2, 2, 4]] * 9], SPLITS, "x: the training examples' numbers of b are all 2"),
        ("values", [[1, np.nan, 3], *[[2, np.nan, 4]] * 9], SPLITS, "numbers of b are not known"),
    ],
)
def test_what_cannot_be_learnt_is_refused(kind, truth, splits, message):
    with pytest.raises(InputError, match=message):
        checked(examples(kind, ("a", "b", "c"), truth, splits), "x")
