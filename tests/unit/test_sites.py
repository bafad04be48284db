"""How sites share windows: against one window a site, and whatever else is asked for far away."""

import numpy as np
import pytest
import torch
from tiny_corpus import random_sequence
from tiny_models import WINDOW, random_codes, random_model, random_network

from genoglot.genome.store import BLOCK
from genoglot.model.inference import Predictor
from genoglot.model.sites import site_log_probabilities, site_strands
from genoglot.tokens.encoding import SingleBase

CONTIGS = {"one": random_sequence(3000, 1, "ACGTACGTACGTACGTN"), "two": random_sequence(700, 2)}
MASKED = [("convnet", "single"), ("convnet", "kmer"), ("encoder", "single"), ("encoder", "blocks")]


@pytest.fixture
def predictor(request, make_genome, tmp_path):
    return Predictor(random_model(*request.param, make_genome, tmp_path), 5, "float32")


def sites(every: int) -> tuple[np.ndarray, np.ndarray]:
    lengths = [len(text) for text in CONTIGS.values()]
    positions = [np.arange(1, length, every) for length in lengths]
    return np.repeat([0, 1], [len(part) for part in positions]), np.concatenate(positions)


@pytest.mark.parametrize("predictor", [*MASKED[:2], ("cloze", "single")], indirect=True)
def test_distant_sites_share_windows_and_say_the_same(predictor, make_genome):
    """Sites further apart than a network of convolutions sees: wherever their windows lie, they see the same."""
    genome, where = make_genome(CONTIGS), sites(23)
    exact = site_log_probabilities(predictor, genome, *where)
    packed = site_log_probabilities(predictor, genome, *where, mode="packed")
    np.testing.assert_allclose(packed, exact, atol=2e-5)


@pytest.fixture
def passes(monkeypatch):
    """Shape and number of masks of each pass of a network, by `watch`."""

    def watch(predictor):
        seen = []
        real = predictor.model.network.logits

        def counted(ids, positions, present):
            masked = (ids == predictor.model.encoding.mask).sum(1)
            seen.extend((ids.shape[1], int(count)) for count in masked)
            return real(ids, positions, present)

        predictor.model.network.logits = counted
        return seen

    return watch


@pytest.mark.parametrize("predictor", MASKED, indirect=True)
def test_no_pass_hides_more_than_training_did(predictor, make_genome, passes):
    """Every base is asked for. A window of 48 has a cell of 16 in its middle, or a run of cells; a base hides k tokens,
    or, of blocks, one of four bases; each cell may have 15% of its tokens hidden, but always one."""
    seen = passes(predictor)
    found = site_log_probabilities(predictor, make_genome(CONTIGS), *sites(1), mode="packed")
    assert np.isfinite(found).all()
    encoding = predictor.model.encoding
    for length, masked in seen:
        bases = length + encoding.k - 1 if encoding.overlapping else length * encoding.k
        cells = (bases - (WINDOW - 16)) // 16
        assert masked <= cells * max(encoding.k if encoding.overlapping else 1, int(0.15 * 16))


@pytest.mark.parametrize("predictor", [("convnet", "single")], indirect=True)
def test_packed_windows_cost_a_fraction(predictor, make_genome, passes):
    seen = passes(predictor)
    where = sites(10)
    site_log_probabilities(predictor, make_genome(CONTIGS), *where)
    exact = sum(length for length, _ in seen)
    seen.clear()
    site_log_probabilities(predictor, make_genome(CONTIGS), *where, mode="packed")
    assert sum(length for length, _ in seen) < exact / 3
    assert max(length for length, _ in seen) > 4 * WINDOW


@pytest.mark.parametrize("predictor", [*MASKED, ("cloze", "single"), ("decoder", "single")], indirect=True)
@pytest.mark.parametrize("mode", ["exact", "packed"])
def test_sites_beyond_a_block_change_nothing(predictor, make_genome, mode):
    genome = make_genome({"long": random_sequence(BLOCK + 600, 3)})
    positions = np.concatenate([np.arange(BLOCK - 300, BLOCK, 7), np.arange(BLOCK, BLOCK + 300, 5)])
    contigs = np.zeros_like(positions)
    before = positions < BLOCK
    whole = site_strands(predictor, genome, contigs, positions, mode=mode)
    for part in (before, ~before):
        alone = site_strands(predictor, genome, contigs[part], positions[part], mode=mode)
        np.testing.assert_allclose(alone, whole[:, part], atol=1e-6)


@pytest.mark.parametrize("predictor", [("convnet", "single"), ("decoder", "single")], indirect=True)
@pytest.mark.parametrize("mode", ["exact", "packed"])
def test_workers_change_nothing(predictor, make_genome, mode):
    genome, where = make_genome(CONTIGS), sites(30)
    many = Predictor(predictor.model, predictor.batch_size, "float32", workers=3)
    one, other = (site_strands(each, genome, *where, mode=mode) for each in (predictor, many))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("share", [0.003, 0.05, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("kernel_size", [3, 4])
def test_positions_alone_are_computed_as_all_are(share, kernel_size):
    network = random_network("convnet", SingleBase(), layers=5, kernel_size=kernel_size, max_dilation=8)
    ids = torch.from_numpy(random_codes(6, 4, unknown=0.05).astype(np.int64))
    present = torch.ones_like(ids, dtype=torch.bool)
    present[1, 30:] = False
    positions = torch.from_numpy(np.random.default_rng(1).random(ids.shape) < share)
    positions[0, 0] = positions[-1, -1] = True
    for seen in (None, present):
        with torch.inference_mode():
            alone, whole = network.logits(ids, positions, seen), network.logits(ids, present=seen)
        torch.testing.assert_close(alone, whole[positions], atol=1e-4, rtol=1e-4)
        # and as with gradients, where nothing is overwritten or left out
        torch.testing.assert_close(alone, network.logits(ids, positions, seen).detach(), atol=1e-4, rtol=1e-4)
