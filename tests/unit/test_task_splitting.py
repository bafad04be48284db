"""Which examples train, choose and test: by file, column, contig and hash, and what a model's corpus held out."""

import numpy as np
import pandas as pd
import pytest
from tiny_corpus import random_sequence

from genoglot.corpus.splits import split_of_block
from genoglot.embeddings.windows import genome_windows
from genoglot.errors import InputError
from genoglot.examples.splitting import BLOCK, by_column, by_contig, by_hash, groups_of
from genoglot.examples.tables import read_tables
from genoglot.examples.task_genome import TaskGenome
from genoglot.genome.names import ContigNames

BY_CONTIGS = {"split": {"by": "contigs"}, "validation": ["two"], "test": []}
BY_HASH = {"split": {"by": "hash", "block": 100, "validation": 0.2, "test": 0.3}, "validation": [], "test": []}
NOTHING = {"split": {"by": "contigs"}, "validation": [], "test": []}
SHARES = {"by": "auto", "column": "split", "validation": 0.1, "test": 0.2, "drop": False}
WINDOW = 40
PAIR = str.maketrans("ACGT", "TGCA")


@pytest.fixture
def genome(make_genome):
    return make_genome({name: random_sequence(9000, seed) for seed, name in enumerate(("one", "two", "three"))})


@pytest.fixture
def windows(genome):
    """Windows that overlap, from before the start of a contig to past its end."""
    numbers = np.repeat(np.arange(3), 1300)
    start = np.tile(np.arange(1300) * 7 - 20, 3)
    contig = np.array(["one", "two", "three"])[numbers]
    return pd.DataFrame({"contig": contig, "number": numbers, "start": start, "end": start + WINDOW})


def table(path, rows, split=None):
    """A CSV of sequences and labels, with a column of splits if there are any."""
    header = "sequence,label" if split is None else "sequence,label,split"
    cells = rows if split is None else [f"{row},{part}" for row, part in zip(rows, split, strict=True)]
    path.write_text("\n".join([header, *cells]) + "\n")
    return str(path)


def read(train, validation=None, test=None, seed=1, **split):
    settings = {
        "sequences": {"train": train, "validation": validation, "test": test},
        "columns": {"sequence": "sequence", "label": "label"},
        "kind": "classification",
        "split": SHARES | split,
        "crop": False,
        "group": None,
    }
    return read_tables(settings, 100, seed)


def labelled(count, seed=0):
    return [f"{random_sequence(30, seed + row)},{row % 2}" for row in range(count)]


@pytest.mark.parametrize(
    ("changes", "contigs"),
    [
        ({}, ["two"]),
        ({"test": ["three"]}, ["three"]),
        ({"test": ["other:three", "g:one"]}, ["one"]),
        ({"validation": ["other:two"]}, []),
    ],
)
def test_contigs_that_a_corpus_held_out(genome, changes, contigs):
    frame = genome_windows(genome, WINDOW, WINDOW)
    here, across = TaskGenome.of("g", genome, None, WINDOW, BY_CONTIGS | changes, 1).held_out(frame)
    assert sorted(set(frame["contig"][here])) == contigs
    assert here.sum() == frame["contig"].isin(contigs).sum()
    assert not across.any()


def test_blocks_that_a_corpus_held_out(genome):
    frame = genome_windows(genome, WINDOW, WINDOW)
    here, across = TaskGenome.of("g", genome, None, WINDOW, BY_HASH, 1).held_out(frame)
    for row, held, border in zip(frame.itertuples(), here, across, strict=True):
        splits = {split_of_block("g", row.contig, base // 100, 0.2, 0.3) for base in range(row.start, row.end)}
        assert border == (len(splits) > 1)
        assert held == (splits == {"test"})
    assert 0 < here.sum() < len(frame)


def test_shares_are_drawn_by_seed_and_key_alone():
    keys = np.random.default_rng(0).integers(0, 1 << 63, 20000).astype(np.uint64)
    split = by_hash(keys, SHARES, 1, "split")
    assert (split == "test").mean() == pytest.approx(0.2, abs=0.01)
    # a share of what does not test
    assert (split[split != "test"] == "validation").mean() == pytest.approx(0.1, abs=0.01)
    shuffled = np.random.default_rng(1).permutation(len(keys))[:5000]
    np.testing.assert_array_equal(by_hash(keys[shuffled], SHARES, 1, "split"), split[shuffled])
    assert (by_hash(keys, SHARES, 2, "split") != split).any()
    only = by_hash(keys, SHARES | {"test": ["I"]}, 1, "split", ("validation",))
    assert set(only) == {"train", "validation"}
    # a larger test set takes from the others and gives nothing back
    more = by_hash(keys, SHARES | {"test": 0.4}, 1, "split")
    assert (more[split == "test"] == "test").all()


@pytest.mark.parametrize("seed", range(5))
def test_of_few_examples_one_is_drawn_all_the_same(seed):
    keys = np.random.default_rng(seed).integers(0, 1 << 63, 4).astype(np.uint64)
    split = by_hash(keys, SHARES | {"validation": 1e-6, "test": 1e-6}, seed, "split")
    assert sorted(split) == ["test", "train", "train", "validation"]


def test_sequences_and_their_reverse_complements_share_a_side(tmp_path):
    rows = labelled(300)
    twins = [f"{row[:30][::-1].translate(PAIR)}{row[30:]}" for row in rows]
    found = read(table(tmp_path / "all.csv", rows + twins))
    np.testing.assert_array_equal(found.split[:300], found.split[300:])
    np.testing.assert_array_equal(found.frame["group"][:300], found.frame["group"][300:])
    assert set(found.split) == {"train", "validation", "test"}
    alone = read(table(tmp_path / "some.csv", rows[::-1][:200]))
    np.testing.assert_array_equal(alone.split, found.split[:300][::-1][:200])


def test_without_a_validation_file_a_tenth_of_training_is_drawn(tmp_path):
    train, test = table(tmp_path / "a.csv", labelled(2000)), table(tmp_path / "b.csv", labelled(100, 5000))
    found = read(train, test=test)
    assert found.about["counts"]["test"] == 100
    assert found.about["counts"]["validation"] == pytest.approx(200, abs=40)
    assert found.about["origin"] == "validation drawn by a hash of the sequence"
    assert set(found.split[2000:]) == {"test"}
    found = read(train, validation=test)
    assert found.about["counts"]["validation"] == 100
    assert found.about["counts"]["test"] == pytest.approx(400, abs=60)


def test_a_column_says_the_split_in_any_usual_word(tmp_path):
    words = ["Train", "training", "dev", "val", "valid", "validation", "TEST", " test "]
    expected = ["train"] * 2 + ["validation"] * 4 + ["test"] * 2
    path = table(tmp_path / "a.csv", labelled(80), [words[row // 2 % 8] for row in range(80)])
    assert read(path, by="column").split.tolist() == [expected[row // 2 % 8] for row in range(80)]
    # files of their own keep what they are for
    other = table(tmp_path / "b.csv", labelled(10, 500))
    assert read(path, test=other, by="column").split.tolist()[-10:] == ["test"] * 10
    with pytest.raises(InputError, match=r"a\.csv: there is no column part; it has sequence, label, split"):
        read(path, by="column", column="part")
    with pytest.raises(InputError, match=r"x, line 3: found 'held' as the split, expected train"):
        by_column(pd.Series(["test", "held"]), pd.Series(["x, line 2", "x, line 3"]))


def test_contigs_are_named_by_any_of_their_names(windows):
    known = ContigNames({"one": "one", "chr1": "one", "two": "two", "chr2": "two", "three": "three", "gone": ""})
    keys = np.arange(len(windows), dtype=np.uint64)

    def split(**changes):
        return by_contig(windows["contig"], keys, SHARES | changes, known, 1, "split")

    found = split(validation=["chr1"], test=["two"])
    assert found.tolist() == windows["contig"].map({"one": "validation", "two": "test", "three": "train"}).tolist()
    found = split(test=["chr2"])
    assert (found == "test").tolist() == (windows["contig"] == "two").tolist()
    assert (found == "validation").sum() == pytest.approx(260, abs=50)
    for changes, message in (
        ({"test": ["chr4"]}, "split.test: the genome has no contig chr4; it has one, two, three"),
        ({"test": ["gone"]}, "split.test: the genome has no contig gone"),
        ({"test": ["one"], "validation": ["chr1"]}, "split: contigs both for validation and for test: one"),
        ({}, "split.test: split.by: contig takes a list of contigs, found 0.2"),
    ):
        with pytest.raises(InputError, match=message):
            split(**changes)


@pytest.mark.parametrize(
    ("settings", "corpus", "origin"),
    [
        ({}, NOTHING, "drawn by a hash of the place"),
        ({"by": "hash"}, BY_CONTIGS, "drawn by a hash of the place"),
        ({}, BY_CONTIGS, "tested on what the model's corpus held out"),
        ({}, BY_HASH, "tested on what the model's corpus held out"),
        ({"by": "contig", "test": ["three"]}, NOTHING, "by contig"),
        ({"by": "contig", "test": ["three"], "validation": ["one"]}, BY_HASH, "by contig"),
    ],
)
def test_no_base_is_on_two_sides(settings, corpus, origin, genome, windows):
    on = TaskGenome.of("g", genome, None, WINDOW, corpus, 3)
    split, across, found = on.splits(windows, SHARES | settings)
    assert found == origin
    assert set(split[~across]) == {"train", "validation", "test"}
    owner: dict[tuple[str, int], str] = {}
    for row, side in zip(windows[~across].itertuples(), split[~across], strict=True):
        for base in range(max(0, row.start), min(9000, row.end)):
            assert owner.setdefault((row.contig, base), side) == side
    assert across.mean() < 0.5


def test_windows_that_do_not_overlap_are_all_used(genome):
    frame = genome_windows(genome, WINDOW, WINDOW)
    split, across, _ = TaskGenome.of("g", genome, None, WINDOW, NOTHING, 3).splits(frame, SHARES)
    assert not across.any()
    for _, rows in frame.groupby([frame["contig"], frame["start"] // (BLOCK * WINDOW)]):
        assert len(set(split[rows.index])) == 1
        assert len(set(groups_of(frame)[rows.index])) == 1
    assert len(set(groups_of(frame))) == 3 * -(-9000 // (BLOCK * WINDOW))
