"""Errors of held-out likelihoods."""

import numpy as np
import pytest

from genoglot.model.likelihood import standard_error


def test_standard_error_of_independent_tiles():
    rng = np.random.default_rng(0)
    tile = np.repeat(np.arange(500), 20)
    loss = rng.normal(size=500)[tile] + 3
    # positions of a tile are one observation, so the error is that of 500 of them
    assert standard_error(loss, tile) == pytest.approx(1 / np.sqrt(500), rel=0.1)
