"""What splits share, against sets of k-mers."""

import numpy as np
import pandas as pd
import pytest

from genoglot.examples import overlap
from genoglot.examples.overlap import KMER, without_overlap
from genoglot.examples.store import Examples
from genoglot.examples.target import Target
from genoglot.genome.store import N_CODE, decode, reverse_complement

LENGTH = 90
SPLITS = ("train", "validation", "test")


def sequences(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random ones, and copies of them: whole, of the other strand, with changes, shortened, with N and with repeats."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, 4, (240, LENGTH), dtype=np.uint8)
    for row in range(120, 200):
        here = codes[row % 100].copy()
        if row % 2:
            here = reverse_complement(here)
        changes = random.integers(0, LENGTH, row % 6)
        here[changes] = (here[changes] + 1) % 4
        codes[row] = here
    codes[200:210, 30:60] = N_CODE
    codes[205:215, :25] = codes[205:215, 65:] = N_CODE
    codes[215:225, 20:75] = 0
    codes[225:230, 20:80] = codes[10:15, 20:80]
    return codes, np.array(SPLITS)[random.integers(0, 3, len(codes))]


def examples(codes, split, truth=None, kind="classes") -> Examples:
    frame = pd.DataFrame({"split": split, "group": np.arange(len(split))})
    truth = np.zeros(len(split), dtype=np.int64) if truth is None else truth
    return Examples(Target(kind, ("a", "b")), frame, codes, truth, {"left_out": {"no label": 1}})


def plain(codes) -> tuple[str, set[str]]:
    """The lesser strand of a sequence, and its k-mers, each by the lesser strand."""
    text, other = (decode(each) for each in (codes, reverse_complement(codes)))
    kmers = [(text[at : at + KMER], other[LENGTH - at - KMER : LENGTH - at]) for at in range(LENGTH - KMER + 1)]
    return min(text.strip("N"), other.strip("N")), {min(pair) for pair in kmers if "N" not in pair[0]}


def share(mine, others) -> tuple[bool, bool]:
    same = mine[0] in {text for text, _ in others}
    pool = set().union(*(kmers for _, kmers in others))
    return same, same or (len(mine[1]) > 0 and 2 * len(mine[1] & pool) >= len(mine[1]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("drop", [False, True])
def test_what_splits_share_is_what_sets_of_kmers_share(seed, drop):
    codes, split = sequences(seed)
    found = without_overlap(examples(codes, split), drop)
    sets = [plain(row) for row in codes]
    guilty = np.zeros(len(codes), dtype=bool)
    if drop:
        held = [each for each, side in zip(sets, split, strict=True) if side != "train"]
        guilty = np.array([side == "train" and share(each, held)[1] for each, side in zip(sets, split, strict=True)])
        assert 0 < guilty.sum() == found.about["left_out"]["shared with validation or test"]
    training = [sets[row] for row in np.flatnonzero((split == "train") & ~guilty)]
    for side in ("validation", "test"):
        pairs = np.array([share(sets[row], training) for row in np.flatnonzero(split == side)])
        same, alike = pairs.sum(axis=0)
        counts = {"same_sequence": same, f"half_of_the_{KMER}-mers": alike}
        assert found.about["shared"][f"{side}_and_training"] == counts
        assert drop or same > 0 < alike - same
    np.testing.assert_array_equal(found.codes, codes[~guilty])
    assert found.split.tolist() == split[~guilty].tolist()
    assert found.about["left_out"]["no label"] == 1


def test_a_sample_of_kmers_finds_the_same(monkeypatch):
    codes, split = sequences(5)
    codes[200:] = codes[:40]
    all_of_them = without_overlap(examples(codes, split), False).about["shared"]
    monkeypatch.setattr(overlap, "ALL_KEPT", 1)
    sample = without_overlap(examples(codes, split), False).about["shared"]
    for side, counts in sample.items():
        assert counts["same_sequence"] == all_of_them[side]["same_sequence"]
        most = f"half_of_the_{KMER}-mers"
        assert counts[most] == pytest.approx(all_of_them[side][most], abs=8)


def test_short_sequences_have_shorter_kmers():
    codes = np.random.default_rng(0).integers(0, 4, (30, 12), dtype=np.uint8)
    found = without_overlap(examples(codes, ["train"] * 10 + ["validation"] * 10 + ["test"] * 10), True)
    assert list(found.about["shared"]["test_and_training"]) == ["same_sequence", "half_of_the_6-mers"]
    codes = np.full((3, 1), 2, dtype=np.uint8)
    found = without_overlap(examples(codes, ["train", "validation", "test"]), False)
    assert found.about["shared"]["test_and_training"] == {"same_sequence": 1, "half_of_the_1-mers": 1}


def test_labels_that_contradict_each_other_are_counted():
    codes = np.random.default_rng(0).integers(0, 4, (8, 30), dtype=np.uint8)
    codes[3], codes[5], codes[6] = codes[0], reverse_complement(codes[0]), codes[1]
    split = ["train"] * 8
    # of a sequence three times on either strand one label differs; another twice has the same label
    truth = np.array([0, 1, 0, 0, 1, 1, 1, 0])
    assert without_overlap(examples(codes, split, truth), False).about["conflicting"] == 3
    values = np.array([[1, np.nan], [2, 3], [0, 0], [np.nan, 5], [0, 0], [1, 5], [2, 4], [9, 9]], dtype=np.float32)
    # what is not known contradicts nothing: 0, 3 and 5 agree, 1 and 6 do not
    assert without_overlap(examples(codes, split, values, "values"), False).about["conflicting"] == 2


def test_hashes_that_are_among_others():
    random = np.random.default_rng(0)
    for size in (0, 1, 5, 3000):
        numbers = random.integers(0, 5000, size).astype(np.uint64) << np.uint64(20)
        wanted = random.integers(0, 5000, 2000).astype(np.uint64) << np.uint64(20)
        np.testing.assert_array_equal(overlap._among(wanted, numbers), [each in set(numbers) for each in wanted])
