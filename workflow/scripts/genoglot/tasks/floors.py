"""What needs no network: the commonest class, regression on k-mers or on bases by position, and nearest neighbours.

Floors are fitted on the training examples alone; what is to be chosen is chosen on the validation examples, by the same
measure as the epoch of a network (`metrics.choice`). Each gives predictions of the rows that `predicted_rows` names.
"""

import logging
import warnings
from collections.abc import Iterable, Iterator

import numpy as np
from scipy.sparse import csr_array, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize

from genoglot.embeddings.kmers import CHUNK, canonical_classes
from genoglot.errors import InputError
from genoglot.examples.target import Target
from genoglot.genome.kmers import kmer_numbers
from genoglot.genome.store import N_CODE
from genoglot.tasks.metrics import choice

log = logging.getLogger(__name__)

FLOOR_K = 6
# inverse penalties, the strongest penalty first: of equals the first is kept
STRENGTHS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
MAX_ITERATIONS = 300
# bases by position are features if this share of the training sequences has a base at either end, and none is longer
SAME_LENGTH = 0.99
LONGEST = 1000
NEIGHBOURS = (1, 3, 5, 11, 25, 51, 101)

# what a candidate is called, and its predictions
Candidate = tuple[str, np.ndarray]


def predicted_rows(split: np.ndarray) -> np.ndarray:
    """Numbers, ascending, of the validation and test examples among all."""
    return np.flatnonzero((split == "validation") | (split == "test"))


def majority_predictions(truth: np.ndarray, split: np.ndarray, target: Target) -> np.ndarray:
    """The same for all: shares of the classes or labels, or means, in training; float32 (rows, names).

    Labels and values of which nothing is known in training have a half and 0.
    """
    wanted, known = _as_numbers(truth[split == "train"], target)
    return np.tile(_means(wanted, known, target), (len(predicted_rows(split)), 1)).astype(np.float32)


def kmer_predictions(
    codes: np.ndarray,
    truth: np.ndarray,
    split: np.ndarray,
    target: Target,
    seed: int,
    both_strands: bool = True,
    balanced: bool = True,
) -> np.ndarray:
    """Regression on 6-mer frequencies or on bases by position, as validation chooses: float32 (rows, names).

    Classes have logistic regression, labels one each, values ridge regression; features are scaled to a standard
    deviation of 1. Bases by position are there for sequences of one length, up to `LONGEST` bases.

    Args:
        codes: base codes (examples, length), shorter sequences with N on both sides; of pairs of alleles, (pairs, 2,
            length), features are those with ALT less those with REF.
        truth: as in `Examples`.
        split: (examples,), "train", "validation" and "test"; examples of other splits have no part.
        both_strands: whether a k-mer and its reverse complement are one feature.
        balanced: whether classes count alike, however many examples they have.

    Raises:
        InputError: there are no training or no validation examples.
    """
    features = _feature_sets(codes, split == "train", both_strands)
    return _regressed(features, truth, split, target, seed, balanced)


def likelihood_predictions(
    ratios: np.ndarray, truth: np.ndarray, split: np.ndarray, target: Target, seed: int, balanced: bool = True
) -> np.ndarray:
    """Regression on one number of each example, as `kmer_predictions`: float32 (rows, names).

    Args:
        ratios: float (examples,), NaN where there is none, which counts as the mean of those of training.
    """
    known = np.isfinite(ratios)
    fitted = ratios[known & (split == "train")]
    numbers = np.where(known, ratios, fitted.mean() if len(fitted) else 0.0).astype(np.float64)
    features = [("log-likelihood ratio", csr_array(numbers[:, None]))]
    return _regressed(features, truth, split, target, seed, balanced)


def _regressed(
    sets: Iterable[tuple[str, csr_array]], truth: np.ndarray, split: np.ndarray, target: Target, seed: int,
    balanced: bool,
) -> np.ndarray:  # fmt: skip
    """Predictions by the features, and the penalty, that validation finds best."""
    rows, train = predicted_rows(split), split == "train"

    def candidates() -> Iterator[Candidate]:
        for name, features in sets:
            scaler = StandardScaler(with_mean=False).fit(features[train])
            fitted, asked = scaler.transform(features[train]), scaler.transform(features[rows])
            for strength, predicted in _regressions(fitted, truth[train], asked, target, seed, balanced):
                yield f"{name}, inverse penalty {strength:g}", predicted

    return _best(target, truth, split, candidates())


def neighbour_predictions(vectors: np.ndarray, truth: np.ndarray, split: np.ndarray, target: Target) -> np.ndarray:
    """Means over the nearest training examples, as many as validation chooses: float32 (rows, names).

    Nearest is what has the largest cosine of standardised vectors. One more neighbour is the mean of all training
    examples: it breaks ties in favour of what is common, and no probability is 0.

    Args:
        vectors: (examples, dim), one of each example.
        truth, split, and errors: as of `kmer_predictions`.
    """
    rows, train = predicted_rows(split), split == "train"

    def candidates() -> Iterator[Candidate]:
        scaler = StandardScaler().fit(vectors[train])
        fitted, asked = (normalize(scaler.transform(vectors[part])) for part in (train, rows))
        wanted, known = _as_numbers(truth[train], target)
        mean = _means(wanted, known, target)
        most = min(NEIGHBOURS[-1], len(fitted))
        nearest = NearestNeighbors(n_neighbors=most, algorithm="brute").fit(fitted).kneighbors(asked)[1]
        for count in sorted({min(count, most) for count in NEIGHBOURS}, reverse=True):
            chosen = nearest[:, :count]
            ends = np.arange(len(rows) + 1) * count
            near = csr_array((np.ones(chosen.size), chosen.ravel(), ends), shape=(len(rows), len(fitted)))
            yield f"{count} neighbours", (near @ wanted + mean) / (near @ known + 1)

    return _best(target, truth, split, candidates())


def _best(target: Target, truth: np.ndarray, split: np.ndarray, candidates: Iterable[Candidate]) -> np.ndarray:
    """Predictions of the candidate that validation finds best, of equal ones the first."""
    for name in ("train", "validation"):
        if not (split == name).any():
            raise InputError(f"the examples: none is for {name}; floors are fitted on train and chosen on validation")
    rows = predicted_rows(split)
    chosen = split[rows] == "validation"
    best, kept, kept_name = (-np.inf, -np.inf), np.empty(0), ""
    for name, predicted in candidates:
        found = choice(target, truth[rows][chosen], predicted[chosen])
        log.debug("%s: validation %.4f", name, found[0])
        if not kept_name or found > best:
            best, kept, kept_name = found, predicted, name
    log.info("kept: %s", kept_name)
    return kept.astype(np.float32)


def _as_numbers(truth: np.ndarray, target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Truth as numbers to be averaged, 0 where it is not known, and where it is known as 1.0; (examples, names)."""
    if target.kind == "classes":
        wanted = (truth[:, None] == np.arange(target.outputs)).astype(np.float64)
        return wanted, np.ones_like(wanted)
    known = np.isfinite(truth)
    return np.where(known, truth, 0).astype(np.float64), known.astype(np.float64)


def _means(wanted: np.ndarray, known: np.ndarray, target: Target) -> np.ndarray:
    """Means (names,) of what is known."""
    count = known.sum(axis=0)
    unknown = 0.5 if target.kind == "labels" else 0.0
    return np.where(count > 0, wanted.sum(axis=0) / np.maximum(count, 1), unknown)


def _feature_sets(codes: np.ndarray, train: np.ndarray, both_strands: bool) -> Iterator[tuple[str, csr_array]]:
    if codes.ndim == 3:
        of_alleles = [_feature_sets(codes[:, allele], train, both_strands) for allele in (0, 1)]
        for (name, reference), (_, alternative) in zip(*of_alleles, strict=False):
            yield f"what ALT changes of {name}", alternative - reference
        return
    yield f"{FLOOR_K}-mers", kmer_features(codes, FLOOR_K, both_strands)
    ends = codes[train][:, [0, -1]] if codes.shape[1] else np.full((1, 2), N_CODE)
    if codes.shape[1] <= LONGEST and (ends < N_CODE).all(axis=1).mean() >= SAME_LENGTH:
        yield "bases by position", position_features(codes)


def kmer_features(codes: np.ndarray, k: int, both_strands: bool) -> csr_array:
    """Frequencies of k-mers without N, float64 (examples, k-mers): each row sums to 1, or to 0 if there is none."""
    classes, count = canonical_classes(k) if both_strands else (np.arange(4**k), 4**k)
    parts = [csr_array((0, count), dtype=np.float64)]
    for first in range(0, len(codes), CHUNK):
        numbers, known = kmer_numbers(codes[first : first + CHUNK], k)
        row = np.nonzero(known)[0]
        total = np.bincount(row, minlength=len(known))
        cells = (1 / total[row], (row, classes[numbers[known]]))
        parts.append(csr_array(cells, shape=(len(known), count)))
    return vstack(parts, format="csr")


def position_features(codes: np.ndarray) -> csr_array:
    """Which base stands at each position: float64 (examples, 4 * length), 1 or 0, all 0 at an N."""
    row, place = np.nonzero(codes < N_CODE)
    column = 4 * place + codes[row, place]
    return csr_array((np.ones(len(row)), (row, column)), shape=(len(codes), 4 * codes.shape[1]))


def _regressions(
    features: csr_array, truth: np.ndarray, asked: csr_array, target: Target, seed: int, balanced: bool
) -> Iterator[tuple[float, np.ndarray]]:
    """Each inverse penalty of `STRENGTHS`, and the predictions (rows of `asked`, names) of regressions with it."""
    mean = _means(*_as_numbers(truth, target), target)
    for strength in STRENGTHS:
        predicted = np.tile(mean, (asked.shape[0], 1))
        if target.kind == "classes":
            if len(np.unique(truth)) > 1:
                model = logistic(features, truth, strength, balanced, seed)
                predicted = np.zeros_like(predicted)
                predicted[:, model.classes_] = model.predict_proba(asked)
        elif target.kind == "labels":
            for column, known in enumerate(np.isfinite(truth).T):
                if len(np.unique(truth[known, column])) > 1:
                    model = logistic(features[known], truth[known, column] > 0.5, strength, balanced, seed)
                    predicted[:, column] = model.predict_proba(asked)[:, 1]
        else:
            # columns that are known for the same examples are fitted together
            patterns, of_column = np.unique(np.isfinite(truth).T, axis=0, return_inverse=True)
            for number, known in enumerate(patterns):
                columns = np.flatnonzero(of_column == number)
                if known.any():
                    predicted[:, columns] = _ridge(features[known], truth[known][:, columns], asked, strength)
        yield strength, predicted


def logistic(
    features: np.ndarray | csr_array, truth: np.ndarray, strength: float, balanced: bool, seed: int
) -> LogisticRegression:
    """A logistic regression with bounded iterations: stopping early is one more regulariser, not a failure."""
    weights = "balanced" if balanced else None
    model = LogisticRegression(C=strength, class_weight=weights, max_iter=MAX_ITERATIONS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, truth)


def _ridge(features: csr_array, truth: np.ndarray, asked: csr_array, strength: float) -> np.ndarray:
    """Predictions (rows of `asked`, columns); values are scaled, so that a penalty means the same for all."""
    wanted = truth.astype(np.float64)
    centre, spread = wanted.mean(axis=0), wanted.std(axis=0)
    spread[spread == 0] = 1
    model = Ridge(alpha=1 / strength).fit(features, (wanted - centre) / spread)
    return model.predict(asked).reshape(-1, truth.shape[1]) * spread + centre
