"""Predictors against slow versions, one window, site and allele after another; strands; how many passes it takes."""

import numpy as np
import pytest
import torch
from tiny_corpus import random_sequence
from tiny_models import (
    ALL,
    CAUSAL,
    MASKED,
    MATES,
    WINDOW,
    plain_logits,
    plain_table,
    random_codes,
    random_model,
    spell,
)

from genoglot.genome.store import decode, encode
from genoglot.model import inference, sites
from genoglot.model.inference import Predictor, untrained
from genoglot.model.reading import has_tables, truth
from genoglot.model.sites import site_log_probabilities

HAPLOTYPES = [("encoder", "bpe"), *CAUSAL]
CONTIGS = {"one": random_sequence(150, 1, "ACGTACGTACGTACGTN"), "two": random_sequence(60, 2)}
SITES = (np.array([1, 0, 0, 1, 0, 0]), np.array([59, 0, 57, 3, 149, 57]))


@pytest.fixture
def predictor(request, make_genome, tmp_path):
    return Predictor(random_model(*request.param, make_genome, tmp_path), 3, "float32")


def turned(codes: np.ndarray) -> np.ndarray:
    return encode(decode(codes)[::-1].translate(MATES))


def around(sequence: str, start: int, size: int) -> np.ndarray:
    return encode(("N" * size + sequence + "N" * size)[start + size : start + 2 * size])


def plain_marginal(model, sequence: str, position: int) -> np.ndarray:
    """Log-probabilities of the four bases at a site: one window, one strand after the other."""
    size = WINDOW if model.kind == "cloze" else WINDOW - 1
    half = WINDOW // 2
    start = position // half * half - half // 2 if model.kind == "cloze" else position - size // 2
    codes = around(sequence, start, size)
    place = position - start
    chosen = np.arange(size) == place
    reverse = plain_table(model, turned(codes), chosen[::-1], size - 1 - place)[::-1]
    return (plain_table(model, codes, chosen, place) + reverse) / 2


def plain_next_token(model, codes: np.ndarray) -> float:
    """Log-likelihood of a window by a causal model: tokens with N are given, and so are those after nothing."""
    if model.encoding.overlapping:
        places = np.flatnonzero(codes < 4)
        return float(sum(plain_table(model, codes, codes < 9, place)[codes[place]] for place in places))
    tokens = spell(model, codes)
    logits = plain_logits(model, [text for _, _, text in tokens])
    pairs = [(i, text) for i, (_, _, text) in enumerate(tokens) if i and "N" not in text]
    if len(logits[0]) == 4:
        return sum(logits[i - 1, "ACGT".index(text)] for i, text in pairs)
    return sum(logits[i - 1, model.encoding.tokens.index(text)] for i, text in pairs)


def plain_stretch(model, four: list[np.ndarray]) -> list[float]:
    """Log-likelihood of each of four ways to spell a window: what is not the same in all is masked together."""
    ways = [spell(model, codes) for codes in four]
    shortest = min(map(len, ways))
    first = next(n for n in range(shortest) if len({way[n] for way in ways}) > 1)
    last = next(n for n in range(shortest) if len({way[-1 - n] for way in ways}) > 1)
    found = []
    for way in ways:
        spelled = [text for _, _, text in way]
        end = len(way) - last
        masked = [*spelled[:first], *["[MASK]"] * (end - first), *spelled[end:]]
        logits = plain_logits(model, masked)
        found.append(sum(logits[i, model.encoding.tokens.index(spelled[i])] for i in range(first, end)))
    return found


def plain_haplotypes(model, sequence: str, position: int) -> np.ndarray:
    """Log-likelihoods of the four alleles of a site, normalised: one allele, one strand after the other."""
    codes = around(sequence, position - (WINDOW - 1) // 2, WINDOW - 1)
    four = []
    for base in range(4):
        four.append(codes.copy())
        four[-1][(WINDOW - 1) // 2] = base
    strands = [four, [turned(allele) for allele in four]]
    if model.kind == "causal":
        values = np.array([[plain_next_token(model, allele) for allele in alleles] for alleles in strands])
    else:
        values = np.array([plain_stretch(model, alleles) for alleles in strands])
    mean = values.mean(axis=0)
    return mean - np.log(np.exp(mean - mean.max()).sum()) - mean.max()


@pytest.mark.parametrize("predictor", ALL, indirect=True)
def test_sites_equal_the_plain_reference(predictor, make_genome):
    genome = make_genome(CONTIGS)
    found = site_log_probabilities(predictor, genome, *SITES)
    plain = plain_haplotypes if predictor.model.kind == "causal" or not has_tables(predictor.model) else plain_marginal
    for row, (contig, position) in enumerate(zip(*SITES, strict=True)):
        expected = plain(predictor.model, list(CONTIGS.values())[contig], int(position))
        np.testing.assert_allclose(found[row], expected, atol=1e-4)


@pytest.mark.parametrize("predictor", ALL, indirect=True)
def test_a_site_does_not_see_its_own_base(predictor, make_genome):
    before = site_log_probabilities(predictor, make_genome(CONTIGS), *SITES)
    for base in "AG":
        # only the site at 57 of the first contig, which is asked for twice, keeps what surrounds it
        changed = {**CONTIGS, "one": CONTIGS["one"][:57] + base + CONTIGS["one"][58:]}
        after = site_log_probabilities(predictor, make_genome(changed, base), *SITES)
        np.testing.assert_allclose(after[[2, 5]], before[[2, 5]], atol=1e-5)


@pytest.mark.parametrize("predictor", ALL, indirect=True)
def test_sites_of_the_other_strand_are_the_same(predictor, make_genome):
    found = site_log_probabilities(predictor, make_genome(CONTIGS), *SITES)
    mirror = {name: text[::-1].translate(MATES) for name, text in CONTIGS.items()}
    lengths = np.array([len(text) for text in CONTIGS.values()])
    places = lengths[SITES[0]] - 1 - SITES[1]
    other = site_log_probabilities(predictor, make_genome(mirror, "mirror"), SITES[0], places)
    np.testing.assert_allclose(other[:, ::-1], found, atol=1e-4)


@pytest.mark.parametrize("predictor", ALL, indirect=True)
def test_only_the_alleles_asked_for(predictor, make_genome):
    genome = make_genome(CONTIGS)
    seen = []
    real = predictor.model.network.logits

    def counted(ids, positions, present):
        seen.append(len(ids))
        return real(ids, positions, present)

    predictor.model.network.logits = counted
    whole = site_log_probabilities(predictor, genome, *SITES)
    passes = sum(seen)
    seen.clear()
    asked = np.zeros((6, 4), dtype=bool)
    asked[np.arange(6), [0, 1, 2, 3, 0, 1]] = asked[np.arange(6), [1, 2, 3, 0, 1, 2]] = True
    some = site_log_probabilities(predictor, genome, *SITES, asked)
    np.testing.assert_array_equal(np.isnan(some), ~asked)
    for row in range(6):
        np.testing.assert_allclose(np.diff(some[row, asked[row]]), np.diff(whole[row, asked[row]]), atol=1e-4)
    if predictor.model.kind == "causal" or not has_tables(predictor.model):
        # five different sites, both strands; one site is asked for three of its bases
        assert (passes, sum(seen)) == (5 * 4 * 2, (4 * 2 + 3) * 2)


@pytest.mark.parametrize("predictor", [("cloze", "single"), *MASKED], indirect=True)
def test_log_probabilities_are_the_mean_of_both_strands(predictor):
    codes = random_codes(5, 3, unknown=0.03)
    chosen = (np.random.default_rng(4).random(codes.shape) < 0.15) & (codes < 4)
    found = predictor.log_probabilities(codes, chosen)
    values, hits = predictor.truth(codes, chosen)
    for row, (window, place) in enumerate(zip(*np.nonzero(chosen), strict=True)):
        here, end = chosen[window], WINDOW - 1 - place
        reverse = plain_table(predictor.model, turned(codes[window]), here[::-1], end)[::-1]
        expected = (plain_table(predictor.model, codes[window], here, place) + reverse) / 2
        np.testing.assert_allclose(found[row], expected, atol=2e-5)
        assert values[row] == found[row, codes[window, place]]
        assert hits[row] == (found[row].argmax() == codes[window, place])


@pytest.mark.parametrize("predictor", HAPLOTYPES, indirect=True)
def test_truth_of_models_that_depend_on_the_strand(predictor):
    codes = random_codes(5, 5)
    chosen = np.random.default_rng(6).random(codes.shape) < 0.1
    found, hits = predictor.truth(codes, chosen)
    with torch.no_grad():
        expected, expected_hits = truth(predictor.model, codes, chosen)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    np.testing.assert_array_equal(hits, expected_hits.numpy())
    if not has_tables(predictor.model):
        with pytest.raises(ValueError, match="no probabilities of single bases"):
            predictor.log_probabilities(codes, chosen)


@pytest.mark.parametrize("predictor", [("encoder", "kmer"), ("decoder", "kmer")], indirect=True)
def test_little_memory_changes_nothing(predictor, make_genome, monkeypatch):
    codes = random_codes(5, 5)
    chosen = np.random.default_rng(6).random(codes.shape) < 0.1
    genome = make_genome(CONTIGS)
    before = predictor.truth(codes, chosen)[0], site_log_probabilities(predictor, genome, *SITES)
    for module in (inference, sites):
        monkeypatch.setattr(module, "LOGITS", 1)
    after = predictor.truth(codes, chosen)[0], site_log_probabilities(predictor, genome, *SITES)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("predictor", ALL, indirect=True)
def test_embeddings_equal_the_plain_reference(predictor):
    codes = random_codes(4, 7, unknown=0.05)
    codes[2, 5:30] = 4
    found = predictor.embed(codes)
    assert found.shape == (4, predictor.dim)
    for window, vector in zip(codes, found, strict=True):
        strands = []
        for strand in (window, turned(window)):
            tokens = spell(predictor.model, strand)
            ids = torch.tensor([[predictor.model.encoding.tokens.index(text) for _, _, text in tokens]])
            with torch.no_grad():
                vectors = predictor.model.network.vectors(ids)[0]
            central = [WINDOW / 4 <= (start + end) / 2 < 3 * WINDOW / 4 for start, end, _ in tokens]
            strands.append(vectors[torch.tensor(central)].mean(dim=0).numpy())
        np.testing.assert_allclose(vector, np.mean(strands, axis=0), atol=1e-4)


@pytest.mark.parametrize("predictor", ALL[:2], indirect=True)
def test_no_windows_at_all(predictor, make_genome):
    none = np.zeros((0, WINDOW), dtype=np.uint8)
    assert predictor.embed(none).shape == (0, predictor.dim)
    assert predictor.truth(none, none.astype(bool))[0].shape == (0,)
    nowhere = np.zeros(0, dtype=np.int64)
    assert site_log_probabilities(predictor, make_genome(CONTIGS), nowhere, nowhere).shape == (0, 4)


def test_an_untrained_twin_has_the_same_shape_and_other_weights(make_genome, tmp_path):
    model = random_model("hyena", "single", make_genome, tmp_path, causal=True)
    twin = untrained(model)
    assert (twin.kind, twin.window, twin.encoding) == (model.kind, model.window, model.encoding)
    ours, theirs = model.network.state_dict(), twin.network.state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}
    assert not torch.equal(ours["head.weight"], theirs["head.weight"])
