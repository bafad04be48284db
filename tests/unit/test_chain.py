import gzip
import random

import numpy as np
import pytest

from genoglot.errors import InputError
from genoglot.population.chain import Alignment, Chain

# Of 20 bases of the reference (query), 6 to 8 are deleted, 12 and 13 replaced by three others, 15 by another; two are
# inserted before 3 and two at the end: the derived genome (target) has 22.
EDITS = np.array([[3, 3, 2], [6, 9, 0], [12, 14, 3], [15, 16, 1], [20, 20, 2]])
ALIGNMENT = Alignment.from_edits(20, *EDITS.T)
TEXT = """chain 15 c 22 + 0 20 c 20 + 0 20 1
3 2 0
3 0 3
3 3 2
6

"""
# base of the reference for each base of the derived genome
PARTNERS = [0, 1, 2, -1, -1, 3, 4, 5, 9, 10, 11, -1, -1, -1, 14, 15, 16, 17, 18, 19, -1, -1]


def random_edits(generator: random.Random, length: int) -> tuple[np.ndarray, list[int]]:
    """Edits, and by brute force the base of the reference for each derived base."""
    edits, partners, position = [], [], 0
    while True:
        start = position + generator.randrange(0, 5)
        removed, added = generator.randrange(0, 4), generator.randrange(0, 4)
        if start + removed > length:
            break
        partners += range(position, start)
        partners += range(start, start + removed) if removed == added else [-1] * added
        edits.append((start, start + removed, added))
        position = start + removed
    return np.array(edits, dtype=np.int64).reshape(-1, 3), partners + list(range(position, length))


def test_a_chain_is_written_as_the_format_has_it(tmp_path):
    Chain({"c": ALIGNMENT}).write(tmp_path / "x.chain")
    assert (tmp_path / "x.chain").read_text() == TEXT


def test_positions_by_hand():
    chain = Chain({"c": ALIGNMENT})
    assert chain.to_query("c", np.arange(22)).tolist() == PARTNERS
    assert chain.to_target("c", np.array([0, 3, 6, 7, 8, 9, 12, 13, 19, 20, -1])).tolist() == [
        *(0, 5, -1, -1, -1, 8, -1, -1, 19, -1, -1)
    ]
    assert chain.to_query("c", np.array([-1, 22, 100])).tolist() == [-1, -1, -1]
    assert chain.to_target("other", np.array([[1], [2]])).tolist() == [[-1], [-1]]


@pytest.mark.parametrize("seed", range(20))
def test_positions_intervals_and_files_by_brute_force(tmp_path, seed):
    generator = random.Random(seed)
    alignments, expected = {}, {}
    for contig, length in (("a", generator.randrange(1, 40)), ("c", 30)):
        edits, partners = random_edits(generator, length)
        alignments[contig], expected[contig] = Alignment.from_edits(length, *edits.T), (length, partners)
    Chain(alignments).write(tmp_path / "x.chain")
    for chain in (Chain(alignments), Chain.read(tmp_path / "x.chain")):
        for contig, (length, partners) in expected.items():
            derived = {base: place for place, base in enumerate(partners) if base >= 0}
            assert chain.to_query(contig, np.arange(len(partners))).tolist() == partners
            there = chain.to_target(contig, np.arange(length))
            assert there.tolist() == [derived.get(base, -1) for base in range(length)]
            back = chain.to_query(contig, there[there >= 0])
            assert back.tolist() == np.flatnonzero(there >= 0).tolist()

            starts, ends = np.array([(s, e) for s in range(length) for e in range(s + 1, length + 1)]).reshape(-1, 2).T
            pairs, clipped = chain.intervals_to_target(contig, starts, ends)
            for start, end, pair, cut in zip(starts, ends, pairs.tolist(), clipped, strict=True):
                left = [derived[base] for base in range(start, end) if base in derived]
                assert pair == ([left[0], left[-1] + 1] if left else [-1, -1])
                assert cut == (bool(left) and not (start in derived and end - 1 in derived))


def test_a_contig_without_aligned_bases_has_no_chain(tmp_path):
    nothing = Alignment.from_edits(1, np.array([0]), np.array([1]), np.array([2]))
    Chain({"gone": nothing, "c": ALIGNMENT}).write(tmp_path / "x.chain")
    assert (tmp_path / "x.chain").read_text() == TEXT
    assert Chain({"gone": nothing}).intervals_to_target("gone", np.array([0]), np.array([1]))[0].tolist() == [[-1, -1]]


@pytest.mark.parametrize("change", ["comments", "gzip", "final zero", "no id", "tabs"])
def test_other_ways_of_writing_a_chain(tmp_path, change):
    content = {
        "comments": "#source\n\n" + TEXT,
        "gzip": gzip.compress(TEXT.encode()),
        # where a genome ends with an insertion, bcftools closes the chain with a block of no bases
        "final zero": TEXT.replace("0 20 c", "0 22 c").replace("\n6\n", "\n6 2 0\n0\n"),
        "no id": TEXT.replace("20 1\n", "20\n"),
        "tabs": TEXT.replace("3 2 0", "3\t2\t0"),
    }[change]
    path = tmp_path / "x.chain"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert Chain.read(path).to_query("c", np.arange(22)).tolist() == PARTNERS


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no chains"),
        ("chr1\t0\t10\n", "line 1: found 'chr1 0 10', expected a chain file"),
        (TEXT.replace("\n6\n", "\n5\n"), "line 1: the blocks of the chain of c do not fit"),
        (TEXT.replace("\n6\n", "\n"), "line 1: the chain cannot be read"),
        (TEXT.replace("3 3 2", "3 3"), "line 1: the chain cannot be read"),
        (TEXT.replace("3 3 2", "3 x 2"), "line 1: the chain cannot be read"),
        (TEXT.split("\n")[0], "line 1: the chain cannot be read"),
        (TEXT.replace("c 20 +", "c 20 -"), r"c \(\+\) and c \(-\)"),
        (TEXT.replace("c 20 +", "d 20 +"), "the chain joins c"),
        (TEXT.replace("c 20 +", "c 19 +"), "do not fit"),
        (TEXT + TEXT, "line 7: a second chain of contig 'c'"),
    ],
)
def test_what_is_no_chain_of_a_derived_genome_is_refused(tmp_path, content, words):
    path = tmp_path / "x.chain"
    path.write_text(content)
    with pytest.raises(InputError, match=words):
        Chain.read(path)
