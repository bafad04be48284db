"""How well a linear classifier tells region classes apart from a representation of windows it has not seen.

The classifier is the same for every representation: standardised features, multinomial logistic regression with
balanced class weights, its penalty chosen inside the training part of each fold.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import recall_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MAX_FOLDS = 5
DOMINANT_SHARE = 0.75
MAX_TRAINING = 20_000
MAX_TUNING = 5_000
# wider features are reduced to this many principal components of the training windows
MAX_FEATURES = 256
PENALTIES = (0.001, 0.01, 0.1, 1.0)
MAX_ITERATIONS = 150
# neighbouring windows overlap, so a bootstrap draws runs of them
BLOCK = 10
BOOTSTRAPS = 1000


@dataclass(frozen=True)
class Fold:
    """Row numbers of one fold, and the contigs its test windows lie on."""

    train: np.ndarray
    test: np.ndarray
    contigs: list[str]


def make_folds(contigs: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[str, list[Fold]]:
    """Folds whose test windows share no contig with their training windows, where the genome allows it.

    Up to `MAX_FOLDS` contigs, each is a fold; beyond that, contigs are grouped into `MAX_FOLDS` folds of about equal
    size. Where one contig holds more than `DOMINANT_SHARE` of the windows (a bacterial chromosome, say), the windows
    in genome order are cut into `MAX_FOLDS` contiguous blocks, and training windows that overlap a test window are
    left out.

    Args:
        contigs: name of each window's contig, shape (windows,).
        starts, ends: 0-based half-open, shape (windows,).

    Returns:
        "contigs" or "blocks", and the folds; there are none for fewer than two windows.
    """
    names, numbers, sizes = np.unique(contigs, return_inverse=True, return_counts=True)
    if len(contigs) < 2:
        return "blocks", []
    if sizes.max() <= DOMINANT_SHARE * len(contigs):
        splitter = GroupKFold(n_splits=min(MAX_FOLDS, len(names)))
        pairs = splitter.split(numbers, groups=numbers)
        return "contigs", [Fold(train, test, list(names[np.unique(numbers[test])])) for train, test in pairs]
    return "blocks", list(_block_folds(names, numbers, starts, ends))


def _block_folds(names: np.ndarray, numbers: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> Iterator[Fold]:
    order = np.lexsort((starts, numbers))
    for test in np.array_split(order, min(MAX_FOLDS, len(order))):
        keep = np.ones(len(order), dtype=bool)
        keep[test] = False
        for number in np.unique(numbers[test]):
            mine = test[numbers[test] == number]
            overlaps = (starts < ends[mine].max()) & (ends > starts[mine].min())
            keep &= ~((numbers == number) & overlaps)
        if keep.any():
            yield Fold(np.flatnonzero(keep), np.sort(test), list(names[np.unique(numbers[test])]))


def predict_out_of_fold(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: list[Fold], seed: int
) -> np.ndarray:
    """Predicted class of every window from the classifiers of the folds in which it is a test window.

    Args:
        features: float32 of shape (windows, features).
        labels: class numbers of shape (windows,).
        groups: contig numbers of shape (windows,); the penalty is chosen on contigs kept from the inner training.
        folds: see `make_folds`.

    Returns:
        Class numbers of shape (windows,); -1 where a window is in no test set.
    """
    predicted = np.full(len(labels), -1)
    random = np.random.default_rng(seed)
    for fold in folds:
        train = fold.train
        if len(train) > MAX_TRAINING:
            train = np.sort(random.choice(train, MAX_TRAINING, replace=False))
        if len(np.unique(labels[train])) < 2:
            predicted[fold.test] = labels[train][0]
            continue
        reduce = _reduction(features[train], seed)
        inside = reduce.transform(features[train])
        model = _classifier(_choose_penalty(inside, labels[train], groups[train], random))
        _fit(model, inside, labels[train])
        predicted[fold.test] = model.predict(reduce.transform(features[fold.test]))
    return predicted


def _reduction(features: np.ndarray, seed: int):
    """Scaling, after a projection on the leading principal components where there are many features."""
    steps = [StandardScaler()]
    if features.shape[1] > MAX_FEATURES:
        components = min(MAX_FEATURES, len(features) - 1)
        steps.insert(0, PCA(components, svd_solver="randomized", iterated_power=3, random_state=seed))
    return make_pipeline(*steps).fit(features[:: max(1, len(features) // MAX_TUNING)])


def _classifier(penalty: float, warm_start: bool = False) -> LogisticRegression:
    return LogisticRegression(C=penalty, class_weight="balanced", max_iter=MAX_ITERATIONS, warm_start=warm_start)


def _fit(model: LogisticRegression, features: np.ndarray, labels: np.ndarray) -> None:
    """Fit with bounded iterations: stopping early is one more regulariser here, not a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, labels)


def _choose_penalty(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, random: np.random.Generator) -> float:
    """The inverse penalty with the best balanced accuracy on a third of the training contigs, or of the windows.

    A genome of one contig has its last third of windows kept aside instead.
    """
    if len(labels) > MAX_TUNING:
        sample = np.sort(random.choice(len(labels), MAX_TUNING, replace=False))
        features, labels, groups = features[sample], labels[sample], groups[sample]
    n_groups = len(np.unique(groups))
    if n_groups > 1:
        train, test = next(GroupKFold(n_splits=min(3, n_groups)).split(features, groups=groups))
    else:
        train, test = np.split(np.arange(len(labels)), [2 * len(labels) // 3])
    known = np.intersect1d(labels[train], labels[test])
    if len(np.unique(labels[train])) < 2 or len(known) == 0:
        return PENALTIES[1]
    model = _classifier(PENALTIES[0], warm_start=True)
    scores = []
    for penalty in PENALTIES:
        _fit(model.set_params(C=penalty), features[train], labels[train])
        predicted = model.predict(features[test])
        scores.append(recall_score(labels[test], predicted, labels=known, average="macro", zero_division=0))
    return PENALTIES[int(np.argmax(scores))]


def explained_out_of_fold(features: np.ndarray, target: np.ndarray, folds: list[Fold]) -> float | None:
    """R² of `target`, shape (windows,), predicted out of fold by ridge regression; None if it does not vary."""
    tested = np.concatenate([fold.test for fold in folds]) if folds else np.empty(0, dtype=int)
    if len(tested) < 2 or np.ptp(target[tested]) == 0:
        return None
    predicted = np.full(len(target), np.nan)
    for fold in folds:
        model = make_pipeline(StandardScaler(), Ridge(alpha=10.0)).fit(features[fold.train], target[fold.train])
        predicted[fold.test] = model.predict(features[fold.test])
    residual = ((target[tested] - predicted[tested]) ** 2).sum()
    return float(1 - residual / ((target[tested] - target[tested].mean()) ** 2).sum())


def confusion_by_block(labels: np.ndarray, predicted: np.ndarray, contigs: np.ndarray, n_classes: int) -> np.ndarray:
    """Confusion counts, true class by predicted class, of runs of about `BLOCK` neighbouring windows on a contig.

    The windows must be in genome order. Small genomes get shorter runs, so that there are at least about fifty.

    Returns:
        int64 of shape (blocks, n_classes, n_classes).
    """
    size = int(np.clip(len(labels) // 50, 1, BLOCK))
    boundary = np.r_[True, contigs[1:] != contigs[:-1]]
    first = np.maximum.accumulate(np.where(boundary, np.arange(len(contigs)), 0))
    inside = (np.arange(len(contigs)) - first) % size
    block = np.cumsum(inside == 0) - 1
    cells = (block * n_classes + labels) * n_classes + predicted
    counts = np.bincount(cells, minlength=(block[-1] + 1) * n_classes**2)
    return counts.reshape(-1, n_classes, n_classes)


def recalls(confusion: np.ndarray) -> np.ndarray:
    """Recall per class, NaN where it has no window, of confusion counts (..., classes, classes), true class first."""
    totals = confusion.sum(axis=-1)
    correct = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.divide(correct, totals, out=np.full(totals.shape, np.nan), where=totals > 0)


def bootstrap_balanced_accuracy(blocks: np.ndarray, seed: int) -> np.ndarray:
    """Balanced accuracies of bootstrap resamples of blocks (blocks, classes, classes), shape (BOOTSTRAPS,).

    The same seed draws the same blocks, so that representations compared on the same windows are paired. A class
    that a resample misses keeps its recall in the whole, so that no resample has fewer classes than another.
    """
    n_blocks, n_classes, _ = blocks.shape
    random = np.random.default_rng(seed)
    flat = blocks.reshape(n_blocks, -1).astype(np.float64)
    whole = recalls(blocks.sum(axis=0))
    values = np.empty(BOOTSTRAPS)
    for index in range(BOOTSTRAPS):
        drawn = np.bincount(random.integers(n_blocks, size=n_blocks), minlength=n_blocks)
        found = recalls((drawn @ flat).reshape(n_classes, n_classes))
        values[index] = np.nanmean(np.where(np.isnan(found), whole, found))
    return values
