"""What the probabilities of the four bases at a site say of its three substitutions."""

import numpy as np

from genoglot.model.sites import normalised


def substitution_ratios(tables: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Log-likelihood ratios (nats, float32) of each base to the reference base; NaN for that base itself.

    Args:
        tables: log-probabilities (nats) of A, C, G and T, up to a constant a site, (sites, 4).
        reference: base codes from 0 to 3, (sites,).
    """
    row = np.arange(len(tables))
    ratios = tables - tables[row, reference][:, None]
    ratios[row, reference] = np.nan
    return ratios.astype(np.float32)


def entropy(tables: np.ndarray) -> np.ndarray:
    """Shannon entropy (nats, float32, at most log 4) of the four bases at each site, of `tables` as above."""
    table = normalised(tables)
    return -(np.exp(table) * table).sum(axis=1)
