"""What is hidden, against loops over single tokens, counted shares, and what a reader could see of the hidden."""

import numpy as np
import pytest
from tiny_tokens import tiny_encoding

from genoglot.corpus.masking import (
    RowNumbers,
    draw_fates,
    mask,
    mask_bases,
    mask_kmers,
    mask_tokens,
    ordinary_tokens,
    select,
)
from genoglot.tokens.encoding import Blocks, Kmers, SingleBase

MASK_SHARES = {"hidden": 0.8, "replaced": 0.1}


def random_codes(rows: int, window: int, unknown: float = 0.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (rows, window), dtype=np.uint8)
    codes[rng.random((rows, window)) < unknown] = 4
    return codes


def test_corruption_shares_of_every_number():
    """All 65,536 random numbers once for each code: shares are counted, not sampled."""
    numbers = np.tile(np.arange(1 << 16, dtype=np.uint16), (5, 1))
    codes = np.repeat(np.arange(5, dtype=np.uint8), 1 << 16).reshape(5, -1)
    for rate in (0.15, 0.05, 0.5, 0.9999):
        tokens, chosen = mask(codes, rate, numbers)
        assert not chosen[4].any()
        assert (tokens[~chosen] == codes[~chosen]).all()
        for code in range(4):
            assert abs(chosen[code].mean() - rate) <= 0.5 / (1 << 16)
            share = np.bincount(tokens[code][chosen[code]], minlength=6) / chosen[code].sum()
            expected = np.full(6, 0.025)
            expected[[4, code, 5]] = 0, 0.125, 0.8
            np.testing.assert_allclose(share, expected, atol=0.002)
            drawn = np.delete(share[:4], code)
            assert (drawn == drawn[0]).all()


def test_select_is_where():
    rng = np.random.default_rng(0)
    condition, one, other = rng.random((9, 7)) < 0.5, *rng.integers(0, 256, (2, 9, 7), dtype=np.uint8)
    np.testing.assert_array_equal(select(condition, one, other), np.where(condition, one, other))
    np.testing.assert_array_equal(select(condition, np.uint8(5), other), np.where(condition, 5, other))


def test_numbers_of_a_row_need_no_other_row():
    whole = RowNumbers(3, 8, 0, 12)
    for size in (1, 4, 16, 37):
        for first, rows in ((0, 5), (5, 7), (11, 1)):
            some = RowNumbers(3, 8, first, rows)
            np.testing.assert_array_equal(some.small(size), whole.small(size)[first : first + rows])
            np.testing.assert_array_equal(some.large(size), whole.large(size)[first : first + rows])
    for other in (RowNumbers(4, 8, 0, 12), RowNumbers(3, 9, 0, 12)):
        assert (other.large(9) != whole.large(9)).all()
    assert len(np.unique(whole.large(400))) == 4800


@pytest.mark.parametrize(("span", "width"), [(1, 1), (1, 6), (4, 1), (5, 3)])
def test_fates_are_those_of_a_loop(span, width):
    """Look back from each unit for the latest beginning of a span that reaches it."""
    rate, units = 0.4, 60
    numbers = RowNumbers(1, 2, 0, 20).large(units + span - 1)
    begins = 1 - (1 - rate) ** (1 / (span + width - 1))
    found = draw_fates(numbers, rate, span, width)
    for row in range(20):
        for unit in range(units):
            share = [float(numbers[row, place]) / 2**64 for place in range(unit + span - 1, unit - 1, -1)]
            deciding = next((number for number in share if number < begins), None)
            assert found.chosen[row, unit] == (deciding is not None)
            assert found.replaced[row, unit] == (deciding is not None and deciding < begins / 10)
            assert found.hidden[row, unit] == (deciding is not None and deciding >= begins / 5)
    assert (found.draws < 2**32).all()


@pytest.mark.parametrize(("span", "width"), [(1, 1), (3, 1), (10, 1), (1, 6), (4, 6)])
@pytest.mark.parametrize("rate", [0.05, 0.15, 0.5])
def test_shares_of_fates(span, width, rate):
    """At the edges of a window as within."""
    rows, units = 20_000, 24
    fates = draw_fates(RowNumbers(1, 0, 0, rows).large(units + span - 1), rate, span, width)
    for place in (0, 9, units - width):
        share = fates.chosen[:, place : place + width].any(axis=1).mean()
        assert abs(share - rate) < 5 * (rate * (1 - rate) / rows) ** 0.5
    spans = fates.chosen.sum() / span
    for name, expected in MASK_SHARES.items():
        assert abs(getattr(fates, name).sum() / fates.chosen.sum() - expected) < 5 * 0.5 / spans**0.5
    assert not (fates.hidden & fates.replaced).any()
    assert not ((fates.hidden | fates.replaced) & ~fates.chosen).any()


def test_spans_are_contiguous():
    """Whatever begins and ends within a window is at least a span long, and mostly just that."""
    chosen = draw_fates(RowNumbers(1, 0, 0, 500).large(100 + 6), 0.1, 7).chosen
    inner = [len(run) for row in chosen for run in "".join("x" if flag else " " for flag in row).strip("x").split()]
    assert min(inner) == 7
    assert np.mean(np.array(inner) == 7) > 0.6


def test_spans_of_single_bases():
    codes = random_codes(400, 90, 0.05)
    tokens, chosen = mask_bases(codes, 0.2, 5, RowNumbers(1, 0, 0, 400))
    fates = draw_fates(RowNumbers(1, 0, 0, 400).large(94), 0.2, 5)
    known = codes < 4
    np.testing.assert_array_equal(chosen, fates.chosen & known)
    np.testing.assert_array_equal(tokens == 5, fates.hidden & known)
    same = ~(fates.hidden | fates.replaced) | ~known
    np.testing.assert_array_equal(tokens[same], codes[same])
    replaced = tokens[fates.replaced & known]
    np.testing.assert_allclose(np.bincount(replaced, minlength=4) / len(replaced), 0.25, atol=0.06)
    assert abs(np.mean(replaced == codes[fates.replaced & known]) - 0.25) < 0.06


@pytest.mark.parametrize(("k", "span"), [(2, 1), (3, 1), (6, 1), (3, 4)])
def test_no_kmer_tells_a_hidden_base(k, span):
    """Read every visible k-mer of every window, letter by letter."""
    encoding, random = Kmers(k), RowNumbers(2, 5, 0, 150)
    codes = random_codes(150, 40, 0.03)
    written = encoding.encode(codes)
    tokens, chosen = mask_kmers(codes, written, encoding, 0.3, span, random)
    fates = draw_fates(random.large(40 + span - 1), 0.3, span, k)
    read = {"hidden": 0, "replaced": 0, "kept": 0}
    for row in range(150):
        told = [set() for _ in range(40)]
        for place, token in enumerate(tokens[row]):
            covered = range(place, place + k)
            unknown = any(codes[row, base] == 4 for base in covered)
            asked = [base for base in covered if fates.chosen[row, base]]
            assert chosen[row, place] == (bool(asked) and not unknown)
            if unknown:
                assert token == encoding.unknown
                continue
            assert (token == encoding.mask) == any(fates.hidden[row, base] for base in covered)
            if token != encoding.mask:
                for base, letter in zip(covered, encoding.tokens[token], strict=True):
                    told[base].add("ACGT".index(letter))
        for base, letters in enumerate(told):
            assert len(letters) <= 1
            if fates.hidden[row, base]:
                assert not letters
                read["hidden"] += 1
            elif fates.replaced[row, base]:
                assert letters <= {int(fates.draws[row, base]) & 3}
                read["replaced"] += len(letters)
            else:
                assert letters <= {int(codes[row, base])}
                read["kept"] += len(letters) * bool(fates.chosen[row, base])
    assert min(read.values()) > 10


@pytest.mark.parametrize(("k", "span", "rate"), [(3, 1, 0.15), (6, 1, 0.15), (6, 6, 0.3)])
def test_share_of_kmers_to_predict(k, span, rate):
    codes = random_codes(3000, 60, 0.01)
    encoding = Kmers(k)
    written = encoding.encode(codes)
    tokens, chosen = mask_kmers(codes, written, encoding, rate, span, RowNumbers(1, 0, 0, 3000))
    known = written.ids != encoding.unknown
    assert abs(chosen[known].mean() - rate) < 0.01
    assert not chosen[~known].any()
    assert (tokens[~chosen] == written.ids[~chosen]).all()


@pytest.mark.parametrize("kind", ["blocks", "bpe"])
@pytest.mark.parametrize("span", [1, 3])
def test_tokens_that_share_no_bases(kind, span, make_genome, tmp_path):
    encoding = tiny_encoding(kind, make_genome, tmp_path)
    codes = random_codes(2500, 50, 0.03)
    written = encoding.encode(codes)
    ordinary = ordinary_tokens(encoding)
    tokens, chosen = mask_tokens(written, encoding, ordinary, 0.2, span, 50, RowNumbers(1, 0, 0, 2500))
    spelled = np.array(encoding.tokens)
    may = ~np.isin(spelled[written.ids], ["N", "[PAD]", "[UNK]", "[MASK]"])
    assert not chosen[~may].any()
    assert abs(chosen[may].mean() - 0.2) < 0.01
    assert (tokens[~chosen] == written.ids[~chosen]).all()
    assert abs((tokens[chosen] == encoding.mask).mean() - 0.8) < 0.02
    put_in = chosen & (tokens != encoding.mask) & (tokens != written.ids)
    assert abs(put_in.sum() / chosen.sum() - 0.1) < 0.015
    # all ordinary tokens are put in alike, and nothing else is
    counts = np.bincount(tokens[put_in], minlength=encoding.size)
    assert not counts[~ordinary].any()
    expected = put_in.sum() / ordinary.sum()
    assert ((counts[ordinary] - expected) ** 2 / expected).sum() < ordinary.sum() + 6 * (2 * ordinary.sum()) ** 0.5


def test_ordinary_tokens():
    assert np.flatnonzero(ordinary_tokens(SingleBase())).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(~ordinary_tokens(Kmers(2))).tolist() == [16, 17, 18]
    assert np.flatnonzero(~ordinary_tokens(Blocks(2))).tolist() == [4, 5, 6, 7]
