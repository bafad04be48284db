"""What a task is tested on is what the model's corpus held out, be it contigs or blocks."""

import numpy as np
import pytest

from genoglot.corpus.splits import split_of_block
from genoglot.embeddings.windows import genome_windows
from genoglot.tasks.examples import held_out

BY_CONTIGS = {"split": {"by": "contigs"}, "validation": ["two"], "test": []}
BY_HASH = {"split": {"by": "hash", "block": 100, "validation": 0.2, "test": 0.3}, "validation": [], "test": []}


@pytest.fixture
def genome(make_genome):
    rng = np.random.default_rng(0)
    return make_genome({name: "".join(rng.choice(list("ACGT"), 5000)) for name in ("one", "two", "three")})


@pytest.mark.parametrize(
    ("changes", "contigs"),
    [
        ({}, ["two"]),
        ({"test": ["three"]}, ["three"]),
        ({"test": ["other:three", "g:one"]}, ["one"]),
        ({"validation": ["other:two"]}, []),
    ],
)
def test_contigs_held_out(genome, changes, contigs):
    frame = genome_windows(genome, 40, 40)
    here, across = held_out(frame, genome, "g", BY_CONTIGS | changes)
    assert sorted(set(frame["contig"][here])) == contigs
    assert here.sum() == frame["contig"].isin(contigs).sum()
    assert not across.any()


def test_blocks_held_out(genome):
    frame = genome_windows(genome, 40, 40)
    here, across = held_out(frame, genome, "g", BY_HASH)
    for row, held, border in zip(frame.itertuples(), here, across, strict=True):
        splits = {split_of_block("g", row.contig, base // 100, 0.2, 0.3) for base in range(row.start, row.end)}
        assert border == (len(splits) > 1)
        assert held == (splits == {"test"})
    assert 0 < here.sum() < len(frame)
