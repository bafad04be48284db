"""What models say of bases, against slow versions that spell each token; and that no base sees itself."""

import numpy as np
import pytest
import torch
from tiny_models import (
    ALL,
    CAUSAL,
    MASKED,
    WINDOW,
    plain_logits,
    plain_table,
    random_codes,
    random_model,
    spell,
)

from genoglot.model.haplotypes import common_ends, window_log_likelihoods
from genoglot.model.reading import evaluation_rate, has_tables, tables, truth

WITH_TABLES = [("cloze", "single"), *MASKED, *CAUSAL[:2]]
WITHOUT_TABLES = [("encoder", "bpe"), *CAUSAL[2:]]


@pytest.fixture
def model(request, make_genome, tmp_path):
    return random_model(*request.param, make_genome, tmp_path)


def some_positions(codes: np.ndarray, share: float) -> np.ndarray:
    return (np.random.default_rng(5).random(codes.shape) < share) & (codes < 4)


@pytest.mark.parametrize("model", WITH_TABLES, indirect=True)
def test_tables_equal_the_plain_reference(model):
    assert has_tables(model)
    codes = random_codes(4, 1, unknown=0.04)
    chosen = some_positions(codes, 0.15)
    with torch.no_grad():
        found = tables(model, codes, chosen).numpy()
    for row, (window, place) in enumerate(zip(*np.nonzero(chosen), strict=True)):
        expected = plain_table(model, codes[window], chosen[window], place)
        np.testing.assert_allclose(found[row], expected, atol=2e-5)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("model", WITH_TABLES, indirect=True)
def test_truth_is_what_tables_say_of_the_true_base(model):
    codes = random_codes(3, 2)
    chosen = some_positions(codes, 0.3)
    with torch.no_grad():
        values, hits = truth(model, codes, chosen)
        table = tables(model, codes, chosen).numpy()
    each = np.arange(len(table))
    np.testing.assert_array_equal(values.numpy(), table[each, codes[chosen]])
    np.testing.assert_array_equal(hits.numpy(), table.argmax(axis=1) == codes[chosen])


@pytest.mark.parametrize("model", [("cloze", "single"), *MASKED], indirect=True)
def test_no_base_sees_itself(model):
    codes = random_codes(1, 3, unknown=0.03)
    chosen = some_positions(codes, 0.3)  # so many that neighbours are hidden together
    with torch.no_grad():
        before = tables(model, codes, chosen).numpy()
        for row, place in enumerate(np.flatnonzero(chosen[0])):
            for step in (1, 2, 3):
                changed = codes.copy()
                changed[0, place] = (changed[0, place] + step) % 4
                np.testing.assert_array_equal(tables(model, changed, chosen).numpy()[row], before[row])
        changed = codes.copy()
        changed[0, 20] = (changed[0, 20] + 1) % 4
        assert not np.allclose(tables(model, changed, chosen), before, atol=1e-4)


@pytest.mark.parametrize("model", CAUSAL[:3], indirect=True)
def test_a_causal_model_sees_nothing_that_follows(model):
    codes = random_codes(1, 4)
    chosen = np.zeros(codes.shape, dtype=bool)
    chosen[0, 12:36] = True
    read = tables if has_tables(model) else (lambda *arguments: truth(*arguments)[0])
    with torch.no_grad():
        before = read(model, codes, chosen).numpy()
        for place in range(16, 36, 4):
            changed = codes.copy()
            changed[0, place:] = 3 - changed[0, place:]
            after = read(model, changed, chosen).numpy()
            # tables are of the base at `place` too; blocks of four begin there, and hold what is changed
            told = place - 12 + has_tables(model)
            np.testing.assert_array_equal(after[:told], before[:told])
            assert not np.allclose(after[told:], before[told:], atol=1e-4)


@pytest.mark.parametrize("model", WITHOUT_TABLES, indirect=True)
def test_a_token_shares_its_log_probability_among_its_bases(model):
    assert not has_tables(model)
    causal = model.kind == "causal"
    codes = random_codes(4, 6, unknown=0.04)
    chosen = codes < 4 if causal else some_positions(codes, 0.08)
    with torch.no_grad():
        values, hits = (tensor.numpy() for tensor in truth(model, codes, chosen))
    number = 0
    for window, here in zip(codes, chosen, strict=True):
        tokens = spell(model, window)
        spelled = [text for _, _, text in tokens]
        asked = [any(here[start:end]) for start, end, _ in tokens]
        if not causal:
            spelled = ["[MASK]" if mask else text for mask, text in zip(asked, spelled, strict=True)]
        logits = plain_logits(model, spelled)
        for i, (start, end, text) in enumerate(tokens):
            true = model.encoding.tokens.index(text)
            first = causal and i == 0
            for _ in range(int(here[start:end].sum())):
                expected = np.log(0.25) if first else logits[i - causal, true] / (end - start)
                assert values[number] == pytest.approx(expected, abs=2e-5)
                assert hits[number] == (not first and logits[i - causal].argmax() == true)
                number += 1
    assert number == len(values)


@pytest.mark.parametrize("model", ALL, indirect=True)
def test_windows_do_not_depend_on_the_rest_of_the_batch(model):
    codes = random_codes(5, 7)
    codes[1, 10:30] = 4  # far more or fewer tokens than the others
    codes[3, 40:] = 4
    chosen = some_positions(codes, 0.2)
    chosen[4] = False
    with torch.no_grad():
        together, hits = truth(model, codes, chosen)
        alone = [truth(model, codes[i : i + 1], chosen[i : i + 1]) for i in range(5)]
    np.testing.assert_allclose(together, torch.cat([values for values, _ in alone]), atol=2e-5)
    np.testing.assert_array_equal(hits, torch.cat([hit for _, hit in alone]))


@pytest.mark.parametrize("model", ALL, indirect=True)
def test_nothing_chosen_and_nothing_known(model):
    codes = np.full((2, WINDOW), 4, dtype=np.uint8)
    with torch.no_grad():
        values, hits = truth(model, codes, np.zeros(codes.shape, dtype=bool))
    assert values.shape == hits.shape == (0,)


@pytest.mark.parametrize("model", [("encoder", "kmer"), ("decoder", "kmer")], indirect=True)
def test_a_base_in_no_known_kmer_is_as_likely_as_any(model):
    codes = random_codes(1, 8)
    codes[0, [18, 20]] = 4  # k is 3: every k-mer with the base between holds an N
    chosen = np.zeros(codes.shape, dtype=bool)
    chosen[0, 19] = True
    with torch.no_grad():
        np.testing.assert_allclose(tables(model, codes, chosen).exp().numpy(), 0.25, atol=1e-6)


@pytest.mark.parametrize("model", ALL, indirect=True)
def test_the_evaluation_rate_masks_that_share_of_tokens(model):
    rate = evaluation_rate(model, 0.12)
    if model.kind != "masked":
        assert rate is None
        return
    rng = np.random.default_rng(9)
    codes = random_codes(300, 9)
    chosen = rng.random(codes.shape) < rate
    hidden = total = 0
    for window, here in zip(codes, chosen, strict=True):
        tokens = spell(model, window)
        hidden += sum(any(here[start:end]) for start, end, _ in tokens)
        total += len(tokens)
    assert 0.105 < hidden / total < 0.13


@pytest.mark.parametrize("model", CAUSAL, indirect=True)
def test_a_windows_log_likelihood_is_the_sum_over_its_tokens(model):
    codes = random_codes(3, 10)
    with torch.no_grad():
        found = window_log_likelihoods(model, codes)
    if model.encoding.overlapping:
        every = np.ones(WINDOW, dtype=bool)
        expected = [sum(plain_table(model, window, every, i)[window[i]] for i in range(WINDOW)) for window in codes]
    else:
        expected = []
        for window in codes:
            tokens = spell(model, window)
            logits = plain_logits(model, [text for _, _, text in tokens])
            pairs = enumerate(text for _, _, text in tokens[1:])
            likelihood = sum(logits[i, model.encoding.tokens.index(text)] for i, text in pairs)
            expected.append(likelihood + tokens[0][1] * np.log(0.25))  # bases that nothing comes before
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("model", [("encoder", "bpe")], indirect=True)
def test_common_ends_of_four_ways_to_write_a_window(model):
    codes = random_codes(20, 11, unknown=0.02)
    four = np.repeat(codes, 4, axis=0)
    four[:, 24] = np.tile(np.arange(4), 20)
    before, after = common_ends(model.encoding.encode(four))
    for i in range(20):
        ways = [spell(model, window) for window in four[4 * i : 4 * i + 4]]
        shortest = min(map(len, ways))
        start = next(n for n in range(shortest) if len({way[n] for way in ways}) > 1)
        end = next(n for n in range(shortest) if len({way[-1 - n] for way in ways}) > 1)
        assert (before[i], after[i]) == (start, end)
        assert all(way[start][0] <= 24 < way[len(way) - end - 1][1] for way in ways)
