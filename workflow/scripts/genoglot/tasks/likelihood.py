"""How much likelier a language model finds ALT than REF, of pairs of alleles as a task reads them."""

import numpy as np

from genoglot.genome.store import N_CODE
from genoglot.model.inference import Predictor

MOST = 8  # bases in which alleles may differ that are compared base by base


def likelihood_ratios(predictor: Predictor, codes: np.ndarray) -> np.ndarray:
    """Log-likelihood ratios ALT - REF (nats), the mean of both strands, float32 (pairs,); NaN where there is none.

    Of a model that predicts hidden bases, those are compared in which the alleles differ, all of them hidden at once:
    of an SNV that is the masked marginal (Meier et al. 2021, doi:10.1101/2021.07.09.450648). Where more than `MOST`
    differ, as where an insertion or deletion moves the flanks, there is none. Of a causal model the whole sequences are
    compared, if they have as many bases.

    Args:
        codes: base codes (pairs, 2, length), REF first.
    """
    known = codes < N_CODE
    differ = (codes[:, 0] != codes[:, 1]) & known.all(axis=1)
    if predictor.model.kind == "causal":
        usable = known[:, 0].sum(axis=1) == known[:, 1].sum(axis=1)
        chosen = known
    else:
        usable = (known[:, 0] == known[:, 1]).all(axis=1) & (differ.sum(axis=1) <= MOST)
        chosen = np.repeat(differ[:, None], 2, axis=1)
    length = codes.shape[-1]
    flat, asked = (each[usable].reshape(-1, length) for each in (codes, chosen))
    values = predictor.strand_truth(flat, asked).mean(axis=0)
    sums = np.bincount(np.nonzero(asked)[0], weights=values, minlength=len(flat)).reshape(-1, 2)
    ratios = np.full(len(codes), np.nan, dtype=np.float32)
    ratios[usable] = sums[:, 1] - sums[:, 0]
    return ratios
