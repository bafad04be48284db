"""Log-likelihoods of a sequence with one base or another at a site, for models without tables of four bases there.

A causal model gives the whole window's log-likelihood: the sum over its tokens of that of each given those before it,
so that what comes after the site counts as well. A masked model of tokens of different lengths writes each allele in
tokens of its own; those that are not the same for all four bases are masked together, and the log-probabilities of the
allele's own tokens there are summed. How many tokens that stretch has, and where they lie, is given away.

Everything here reads one strand.
"""

import numpy as np
import torch

from genoglot.genome.store import N_CODE
from genoglot.model.language_model import LanguageModel
from genoglot.model.reading import logits_of, token_log_probabilities, truth
from genoglot.tokens.encoding import Tokens


def allele_log_likelihoods(
    model: LanguageModel, codes: np.ndarray, place: int, owner: np.ndarray, bases: np.ndarray
) -> np.ndarray:
    """Log-likelihoods (nats) of alleles, float64 (alleles,), up to a constant of the window.

    Args:
        codes: base codes of windows, uint8 (windows, length).
        place: where in them the site is.
        owner: the window of each allele, int (alleles,).
        bases: its base code.
    """
    if model.kind == "causal":
        windows = codes[owner]
        windows[:, place] = bases
        return window_log_likelihoods(model, windows)
    four = np.repeat(codes, N_CODE, axis=0)
    four[:, place] = np.tile(np.arange(N_CODE, dtype=np.uint8), len(codes))
    return _stretch_log_likelihoods(model, model.write(four), owner * N_CODE + bases)


def window_log_likelihoods(model: LanguageModel, codes: np.ndarray) -> np.ndarray:
    """Log-likelihoods (nats) by a causal model of windows' bases, float64 (windows,), given where they have N."""
    known = codes < N_CODE
    values, _ = truth(model, codes, known)
    return np.bincount(np.nonzero(known)[0], weights=values.double().cpu().numpy(), minlength=len(codes))


def _stretch_log_likelihoods(model: LanguageModel, written: Tokens, rows: np.ndarray) -> np.ndarray:
    """Log-probabilities of the tokens of the named rows where each group of four rows is not written alike."""
    before, after = common_ends(written)
    position = np.arange(written.ids.shape[1])
    first, last = (
        np.repeat(before, N_CODE)[rows, None],
        written.lengths[rows, None] - np.repeat(after, N_CODE)[rows, None],
    )
    hidden = (position >= first) & (position < last)
    ids = np.where(hidden, model.encoding.mask, written.ids[rows])
    logits = logits_of(model, ids, written.present[rows], hidden)
    if not len(logits):
        return np.zeros(len(rows))
    true = torch.from_numpy(written.ids[rows][hidden]).to(logits.device)
    values, _ = token_log_probabilities(logits, true, torch.arange(len(true), device=logits.device))
    return np.bincount(np.nonzero(hidden)[0], weights=values.double().cpu().numpy(), minlength=len(rows))


def common_ends(written: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """How many tokens at the start and at the end four rows after one another have in common, two int (groups,)."""
    longest = written.ids.shape[1]
    before = _common(written, np.broadcast_to(np.arange(longest), written.ids.shape))
    after = _common(written, written.lengths[:, None] - 1 - np.arange(longest))
    shortest = written.lengths.reshape(-1, N_CODE).min(axis=1)
    return before, np.minimum(after, shortest - before)


def _common(written: Tokens, order: np.ndarray) -> np.ndarray:
    """Length of the run of equal tokens of four rows each, taken in the order of `order` (rows, longest)."""
    inside = (order >= 0) & (order < written.lengths[:, None])
    order = np.where(inside, order, 0)
    same = inside.reshape(-1, N_CODE, order.shape[1]).all(axis=1)
    for values in (written.ids, written.starts, written.ends):
        picked = np.take_along_axis(values, order, axis=1).reshape(-1, N_CODE, order.shape[1])
        same &= (picked == picked[:, :1]).all(axis=1)
    return np.logical_and.accumulate(same, axis=1).sum(axis=1)
