"""Splits: what each base belongs to depends on its own place alone."""

import hashlib

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from tiny_corpus import corpus_settings

from genoglot.corpus.splits import SPLITS, SplitMap, check_held_out, split_of, split_of_block
from genoglot.corpus.windows import make_windows, read_counts
from genoglot.errors import InputError

HASH = {"by": "hash", "block": 100, "validation": 0.2, "test": 0.1}


def drawn(genome: str, contig: str, number: int) -> str:
    """The rule of the documentation, once more."""
    digest = hashlib.blake2b(f"{genome}\t{contig}\t{number}".encode(), digest_size=8).hexdigest()
    share = int(digest, 16) / 16**16
    return "validation" if share < 0.2 else "test" if share >= 0.9 else "train"


def test_contigs_are_held_out_by_name():
    settings = {"validation": ["I", "b:II"], "test": ["III"]}
    found = {(genome, contig): split_of(genome, contig, settings) for genome in "ab" for contig in ("I", "II", "III")}
    assert [found["a", contig] for contig in ("I", "II", "III")] == ["validation", "train", "test"]
    assert [found["b", contig] for contig in ("I", "II", "III")] == ["validation", "validation", "test"]


@pytest.mark.parametrize("by", ["contigs", "hash"])
def test_map_against_a_split_for_every_base(by):
    lengths = {"one": 1234, "none": 0, "two": 100, "three": 57, "four": 301}
    settings = corpus_settings(split={**HASH, "by": by})
    splits = SplitMap.of("g", list(lengths), list(lengths.values()), settings)
    expected = [
        drawn("g", name, base // 100) if by == "hash" else "validation" if name == "two" else "train"
        for name, length in lengths.items()
        for base in range(length)
    ]
    runs = splits.run(np.arange(len(expected)))
    assert [SPLITS[code] for code in splits.splits[runs]] == expected
    assert splits.shares() == {split: expected.count(split) / len(expected) for split in SPLITS}
    # no run passes the end of a contig
    assert {1234, 1334, 1391} <= set(splits.starts)


def test_shares_are_those_asked_for_and_one_does_not_move_the_other():
    blocks = range(20_000)
    first = [split_of_block("g", "one", block, 0.05, 0.1) for block in blocks]
    assert abs(first.count("validation") / 20_000 - 0.05) < 0.006
    assert abs(first.count("test") / 20_000 - 0.1) < 0.008
    other = [split_of_block("g", "one", block, 0.05, 0.3) for block in blocks]
    assert all((one == "validation") == (two == "validation") for one, two in zip(first, other, strict=True))
    assert all(two == "test" for one, two in zip(first, other, strict=True) if one == "test")


def windows_of(genome, settings, path, name="g", **inputs) -> pd.DataFrame:
    make_windows(genome.folder, path, name, settings, 1, **inputs)
    return pq.read_table(path).to_pandas().astype({"genome": str, "contig": str, "split": str})


def test_windows_by_hash_against_a_loop(make_genome, tmp_path):
    genome = make_genome({"one": "ACGT" * 800, "two": "AC" * 333})
    found = windows_of(genome, corpus_settings(split=HASH), tmp_path / "p")
    rows, border = [], 0
    for contig, length in (("one", 3200), ("two", 666)):
        for training, step in ((True, 15), (False, 40)):
            starts = {*range(0, length - 39, step)} | ({length - 40} if training else set())
            for start in sorted(starts):
                splits = {drawn("g", contig, base // 100) for base in range(start, start + 40)}
                if (drawn("g", contig, start // 100) == "train") != training:
                    continue
                border += len(splits) > 1
                if len(splits) == 1:
                    rows.append((contig, start, splits.pop()))
    assert sorted(zip(found["contig"], found["start"], found["split"], strict=True)) == sorted(rows)
    assert set(found["split"]) == set(SPLITS)
    assert read_counts(tmp_path / "p")["split_border"] == border > 0


@pytest.mark.parametrize("seed", range(3))
def test_adding_data_moves_no_window(make_genome, tmp_path, seed):
    """Neither another contig, before or after, nor another genome, seed or recipe changes the split of any base."""
    rng = np.random.default_rng(seed)
    contigs = {f"c{i}": "ACGT" * int(rng.integers(20, 500)) for i in range(4)}
    settings = corpus_settings(split=HASH)
    first = windows_of(make_genome(contigs), settings, tmp_path / "p")
    more = make_genome({"before": "A" * 777, **contigs, "after": "C" * 555}, "more")
    grown = windows_of(more, settings, tmp_path / "q")
    old = grown[grown["contig"].isin(contigs)].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, first)
    (tmp_path / "in.bed").write_text("".join(f"{name}\t7\t{len(text)}\n" for name, text in contigs.items()))
    changed = {**settings, "recipe": {**settings["recipe"], "type": "bed"}}
    other = windows_of(more, changed, tmp_path / "r", include=tmp_path / "in.bed")
    whole = SplitMap.of("g", contigs, [len(text) for text in contigs.values()], settings)
    offset = dict(zip(contigs, np.cumsum([0, *map(len, contigs.values())]), strict=False))
    for table in (first, other):
        position = table["contig"].map(offset).to_numpy() + table["start"].to_numpy()
        run = whole.run(position)
        assert [SPLITS[code] for code in whole.splits[run]] == table["split"].tolist()
        assert (position + 40 <= whole.ends[run]).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"validation": ["Two"]}, ["validation contig 'Two'", "did you mean", "two"]),
        ({"validation": ["99"]}, ["it has g:one, g:two, one, two"]),
        ({"test": ["two"]}, ["two cannot be both"]),
    ],
)
def test_contigs_that_cannot_be_held_out(change, words):
    with pytest.raises(InputError) as error:
        check_held_out("c", corpus_settings(**change), {"g": ["one", "two"]})
    assert all(word in str(error.value) for word in words)


def test_held_out_contigs_are_for_splits_by_contig():
    check_held_out("c", corpus_settings(split=HASH), {"g": ["one", "two"]})
    with pytest.raises(InputError, match="split by hash, so no contigs are held out by name: remove two"):
        check_held_out("c", {**corpus_settings(split=HASH), "validation": ["two"]}, {"g": ["one", "two"]})
