"""Windows against slow and obvious versions: where they lie, which are kept, and what they do not depend on."""

import shutil
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from tiny_corpus import corpus_settings, random_sequence

from genoglot.corpus import cutting
from genoglot.corpus.cutting import Cutter, Windows, count_flagged, tile
from genoglot.corpus.splits import split_of_block
from genoglot.corpus.windows import make_windows, read_counts, read_windows, window_starts
from genoglot.errors import InputError
from genoglot.genome.intervals import Intervals
from genoglot.genome.store import CODE_MASK, N_CODE

needs_bedtools = pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not on PATH")
BY_HASH = {"by": "hash", "block": 100, "validation": 0.3, "test": 0.1}


@pytest.fixture
def long_contigs():
    return {name: random_sequence(length, seed) for seed, (name, length) in enumerate({"a": 5000, "two": 3123}.items())}


@pytest.fixture
def annotation(tmp_path):
    """Genes of many lengths on both contigs of `long_contigs`, each with an mRNA and an exon as long as itself."""
    rng = np.random.default_rng(8)
    rows = []
    for contig, length in (("a", 5000), ("two", 3123)):
        for number in range(12):
            size = int(rng.integers(1, 300))
            start = int(rng.integers(0, length - size))
            names = f"{contig}{number}"
            for kind, text in (
                ("gene", f"ID=g{names}"),
                ("mRNA", f"ID=t{names};Parent=g{names}"),
                ("exon", f"Parent=t{names}"),
            ):
                rows.append(f"{contig}\tt\t{kind}\t{start + 1}\t{start + size}\t.\t{'+-'[number % 2]}\t.\t{text}\n")
    (tmp_path / "a.gff3").write_text("".join(rows))
    return tmp_path / "a.gff3"


@pytest.fixture
def cut(make_genome, tmp_path):
    """Make the windows of a genome g; return them as a table with their split."""

    def run(contigs, settings, genome="g", seed=1, **inputs):
        store = make_genome(contigs, f"sequence-{genome}")
        path = tmp_path / f"{genome}.parquet"
        make_windows(store.folder, path, genome, settings, seed, **inputs)
        return pq.read_table(path).to_pandas().astype({"genome": str, "contig": str, "split": str})

    return run


def expected_starts(length: int, window: int, step: int, last: bool) -> list[int]:
    starts = [*range(0, length - window + 1, step)]
    if last and starts and starts[-1] != length - window:
        starts.append(length - window)
    return starts


def test_windows_cover_contigs_by_split(cut, contigs, tmp_path):
    cut(contigs, corpus_settings())
    for split, contig, step in (("train", "one", 15), ("validation", "two", 40)):
        text = contigs[contig]
        starts = expected_starts(len(text), 40, step, last=split == "train")
        found = read_windows(tmp_path / "g.parquet", split)
        assert found["start"].tolist() == [start for start in starts if text[start : start + 40].count("N") <= 10]
        assert set(found["contig"]) == {contig}
        assert (found["end"] - found["start"] == 40).all()
        assert found.columns.tolist() == ["genome", "contig", "start", "end", "weight"]
    assert isinstance(found["contig"].dtype, pd.CategoricalDtype)


@pytest.mark.parametrize("last", [True, False])
def test_tiles_against_a_loop(last):
    rng = np.random.default_rng(3)
    for _ in range(50):
        window, step = rng.integers(1, 20, 2).tolist()
        starts = np.cumsum(rng.integers(1, 60, 8))
        stretches = np.column_stack([starts, starts + rng.integers(0, 80, 8)])
        slow = [
            low + start for low, high in stretches.tolist() for start in expected_starts(high - low, window, step, last)
        ]
        assert tile(stretches, window, step, last).tolist() == slow
    assert tile(np.empty((0, 2), dtype=np.int64), 5, 2, last).tolist() == []
    assert window_starts(39, 40, 15).tolist() == []
    assert window_starts(101, 40, 15).tolist() == [0, 15, 30, 45, 60, 61]


def test_counts_of_bases_across_pieces(monkeypatch):
    monkeypatch.setattr(cutting, "SPAN", 64)
    rng = np.random.default_rng(0)
    bases = rng.integers(0, 5, 3000).astype(np.uint8)
    bases[500:1500] = 1
    starts = np.sort(rng.choice(2900, 200, replace=False))
    slow = [int((bases[start : start + 100] == N_CODE).sum()) for start in starts]
    assert count_flagged(bases, starts, 100, CODE_MASK, N_CODE).tolist() == slow
    assert len(count_flagged(bases, starts[:0], 100, CODE_MASK, N_CODE)) == 0


def test_intervals_touch_what_shares_a_base():
    rng = np.random.default_rng(5)
    for _ in range(20):
        pairs = np.sort(rng.integers(0, 100, (6, 2)), axis=1)
        covered = np.zeros(130, dtype=bool)
        for start, end in pairs:
            covered[start:end] = True
        starts = np.arange(100)
        ends = starts + rng.integers(1, 30, 100)
        slow = [covered[start:end].any() for start, end in zip(starts, ends, strict=True)]
        assert Intervals(pairs).touches(starts, ends).tolist() == slow


def test_soft_masked_windows_are_left_out_of_training_alone(cut, contigs):
    contigs["two"] = contigs["two"].lower()
    settings = corpus_settings(max_soft_masked=0.3)
    found = cut(contigs, settings)
    everything = cut(contigs, corpus_settings())
    soft = [
        sum(letter.islower() for letter in contigs[row.contig][row.start : row.end]) > 12
        for row in everything.itertuples()
    ]
    wanted = everything[~np.array(soft) | (everything["split"] != "train")]
    pd.testing.assert_frame_equal(found, wanted.reset_index(drop=True))
    assert 0 < (found["split"] == "train").sum() < (everything["split"] == "train").sum()


def test_numbers_in_the_file_add_up(cut, contigs, tmp_path):
    (tmp_path / "out.bed").write_text("one\t0\t5\n")
    found = cut(contigs, corpus_settings(max_soft_masked=0.9), exclude=tmp_path / "out.bed")
    counts = read_counts(tmp_path / "g.parquet")
    # one: starts 0, 15, ..., 120, 127; two: 0, 40, 80; the first of one is excluded
    assert counts["candidates"] == 10 + 3
    assert counts["excluded"] == 1
    text = contigs["one"]
    starts = expected_starts(167, 40, 15, last=True)[1:]
    assert counts["too_much_n"] == sum(text[start : start + 40].count("N") > 10 for start in starts)
    assert counts["too_much_soft_mask"] == sum(start >= 90 - 4 for start in starts)
    assert counts["kept"] == len(found)
    reasons = ("kept", "split_border", "excluded", "too_much_n", "too_much_soft_mask")
    assert counts["candidates"] == sum(counts[name] for name in reasons)
    assert (counts["short_contigs"], counts["empty_contigs"]) == (1, 1)


def test_contigs_without_windows_are_reported(cut, contigs, caplog):
    contigs |= {"gap": "N" * 100, "stub": "ACGT"}
    cut(contigs, corpus_settings())
    assert "3 contigs give no window, 2 of them because they are shorter than one: short, gap, stub" in caplog.text


def test_jitter_moves_training_windows_alone_and_within_their_split(cut, long_contigs):
    settings = corpus_settings(split=BY_HASH, jitter=12)
    still, moved = (cut(long_contigs, {**settings, "jitter": jitter}) for jitter in (0, 12))
    held_out = [table[table["split"] != "train"].reset_index(drop=True) for table in (still, moved)]
    pd.testing.assert_frame_equal(*held_out)
    for contig, text in long_contigs.items():
        here = [table[(table["contig"] == contig) & (table["split"] == "train")] for table in (still, moved)]
        before, after = (rows["start"].to_numpy() for rows in here)
        assert (after >= 0).all()
        assert (after + 40 <= len(text)).all()
        assert len(set(after)) == len(after)
        # each moved window is near one that was there, and few did not move
        nearest = np.abs(after[:, None] - before).min(axis=1)
        assert nearest.max() <= 12
        assert np.isin(after, before).mean() < 0.3
        for start in after:
            blocks = {
                split_of_block("g", contig, block, 0.3, 0.1) for block in range(start // 100, (start + 39) // 100 + 1)
            }
            assert blocks == {"train"}


def test_every_shift_is_about_as_frequent(cut):
    contigs = {"a": random_sequence(30_000, 1)}
    found = cut(contigs, corpus_settings(jitter=3))
    # starts lie every 15 bases, so that the nearest multiple is where a window came from; the first and the last two
    # are held back by the contig's ends
    starts = found["start"].to_numpy()[1:-2]
    shifts = Counter((starts - (starts + 7) // 15 * 15).tolist())
    assert sorted(shifts) == list(range(-3, 4))
    assert all(abs(count / len(starts) - 1 / 7) < 0.04 for count in shifts.values())


def test_jitter_depends_on_the_windows_own_place(cut, long_contigs):
    settings = corpus_settings(jitter=7)
    first = cut(long_contigs, settings)
    pd.testing.assert_frame_equal(cut(long_contigs, settings), first)
    more = cut({"new": random_sequence(700, 9), **long_contigs}, settings)
    pd.testing.assert_frame_equal(more[more["contig"] != "new"].reset_index(drop=True), first)
    for other in (cut(long_contigs, settings, seed=2), cut(long_contigs, settings, genome="h")):
        assert other["start"].tolist() != first["start"].tolist()


RECIPES = [
    {"type": "all"},
    pytest.param({"type": "features", "features": ["gene"], "flank": 9}, marks=needs_bedtools),
    pytest.param({"type": "balanced", "promoter_upstream": 60}, marks=needs_bedtools),
    pytest.param({"type": "bed", "flank": 30}, marks=needs_bedtools),
]


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("split", [{"by": "contigs"}, BY_HASH])
def test_every_recipe_keeps_its_promises(cut, long_contigs, annotation, tmp_path, recipe, split):
    (tmp_path / "in.bed").write_text("a\t100\t900\na\t3000\t3010\ntwo\t0\t2000\n")
    (tmp_path / "out.bed").write_text("a\t200\t230\na\t4990\t5000\ntwo\t1000\t1001\n")
    settings = corpus_settings(recipe=recipe, split=split, jitter=5)
    bed = tmp_path / "in.bed" if recipe["type"] == "bed" else None
    inputs = {"annotation": annotation, "include": bed}
    everything = cut(long_contigs, settings, **inputs)
    found = cut(long_contigs, settings, exclude=tmp_path / "out.bed", **inputs)
    assert len(found) > 10
    for table in (everything, found):
        assert not table.duplicated(["contig", "start"]).any()
        assert (table["end"] - table["start"] == 40).all()
        held_out = table[table["split"] != "train"].sort_values(["contig", "start"])
        for _, rows in held_out.groupby("contig"):
            assert all(one <= other for one, other in pairwise(np.column_stack([rows["start"], rows["end"]]).ravel()))
        assert {"train", "validation"} <= set(table["split"])
    barred = {"a": [*range(200, 230), *range(4990, 5000)], "two": [1000]}
    for row in found.itertuples():
        assert not set(barred[row.contig]) & set(range(row.start, row.end))
    if recipe["type"] != "balanced":
        touched = [bool(set(barred[row.contig]) & set(range(row.start, row.end))) for row in everything.itertuples()]
        pd.testing.assert_frame_equal(found, everything[~np.array(touched)].reset_index(drop=True))
    counts = read_counts(tmp_path / "g.parquet")
    assert counts["kept"] == len(found)
    assert sum(counts[name] for name in cutting.COUNTS[1:]) == counts["candidates"]


@needs_bedtools
@pytest.mark.parametrize("split", [{"by": "contigs"}, BY_HASH])
def test_balanced_adds_as_many_random_windows(cut, annotation, split):
    contigs = {"a": random_sequence(20_000, 1), "two": random_sequence(20_000, 2)}

    def windows(seed=1, **recipe):
        settings = corpus_settings(split=split, recipe={"promoter_upstream": 0, **recipe})
        return cut(contigs, settings, seed=seed, annotation=annotation)

    placed = windows(type="features", features=["exon"])
    found = windows(type="balanced")
    assert (found["split"].value_counts() == 2 * placed["split"].value_counts()).all()
    key = ["contig", "start", "split"]
    assert len(placed.merge(found, on=key)) == len(placed)
    other = windows(type="balanced", seed=2)
    assert len(other) == len(found)
    assert len(other.merge(found, on=key)) < len(found)
    assert len(windows(type="balanced", promoter_upstream=50)) > len(found)


def test_random_windows_lie_anywhere(make_genome, long_contigs):
    """Over many seeds, each window of the grid that is not taken is drawn about equally often."""
    genome = make_genome(long_contigs)
    grid = np.array([*expected_starts(5000, 40, 15, last=True)])
    chosen = Windows(grid[::4], np.zeros(len(grid[::4]), dtype=np.int8))
    times: Counter[int] = Counter()
    for seed in range(400):
        cutter = Cutter.of(genome, "g", corpus_settings(), seed, Intervals(np.empty((0, 2))))
        drawn = cutter.random_windows(chosen)
        assert len(drawn.starts) == len(chosen.starts)
        assert (drawn.splits == 0).all()
        times.update(drawn.starts.tolist())
    free = sorted(set(grid) - set(chosen.starts))
    assert sorted(times) == free
    share = len(chosen.starts) / len(free)
    found = np.array([times[start] for start in free])
    assert np.abs(found / 400 - share).max() < 5 * np.sqrt(share * (1 - share) / 400)


def test_genome_shorter_than_a_window_or_without_bases(cut, tmp_path):
    with pytest.raises(InputError, match="longest contig has 4 bases, and a window has 40"):
        cut({"one": "ACGT"}, corpus_settings())
    with pytest.raises(InputError, match=r"none of its 5 windows is left: 5 have more than 25% N \(raise max_n\)"):
        cut({"one": "N" * 100}, corpus_settings())
    (tmp_path / "out.bed").write_text("one\t0\t100\n")
    with pytest.raises(InputError, match="5 touch an excluded region"):
        cut({"one": "A" * 100}, corpus_settings(), exclude=tmp_path / "out.bed")
    assert not (tmp_path / "g.parquet").exists()
