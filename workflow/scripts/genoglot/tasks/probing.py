"""Linear probes: a linear model on vectors of a network that is left as it is (Alain & Bengio 2016, arXiv:1610.01644).

The vectors are made once. Classes and labels have logistic regression, values ridge regression, on standardised
vectors; of some penalties the one is taken that validation finds best. Where both strands count, the vectors of either
are an example of their own: fitted to their mean, a layer would be free to make anything of what differs between them,
and so of a single strand.
"""

import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import PoissonRegressor, Ridge

from genoglot.errors import InputError
from genoglot.examples.target import Target
from genoglot.tasks.floors import MAX_ITERATIONS, logistic
from genoglot.tasks.metrics import choice
from genoglot.tasks.network import TaskNetwork, read_batches, strands_of
from genoglot.tasks.training import FASTER, Objective, TaskModel

# inverse penalties, of which validation chooses
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)


def vectors_of(
    network: TaskNetwork, codes: np.ndarray, batch_size: int, precision: str, both_strands: bool
) -> np.ndarray:
    """What a network's linear layer reads of base codes, float32 (sequences or pairs, width).

    Codes are (sequences, length) or (pairs, 2, length). Where both strands count, the mean of the two.
    """
    network.eval()
    return read_batches(
        network, codes, batch_size, precision, both_strands, network.features, (network.linear.in_features,)
    )


def probe(
    network: TaskNetwork,
    target: Target,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    settings: Mapping[str, Any],
    precision: str,
    seed: int,
) -> tuple[TaskModel, dict[str, Any]]:
    """Fit the linear layer of a network and nothing else; arguments and results as of `training.finetune`.

    Raises InputError for a pooling that would have to be trained.
    """
    if network.attention is not None:
        raise InputError("mode probe: pooling attention is learnt with the network; take centre, mean or token")
    started = time.monotonic()
    both = settings["strands"] == "both"
    size = FASTER * settings["batch_size"]
    strands = strands_of(network, train[0], both)
    truth = np.concatenate([train[1]] * len(strands))
    fitted = np.concatenate([vectors_of(network, codes, size, precision, False) for codes in strands])
    chosen = [
        torch.from_numpy(vectors_of(network, codes, size, precision, False))
        for codes in strands_of(network, validation[0], both)
    ]
    # what turns its sign with the alleles stays around 0
    mean = np.zeros_like(fitted[0]) if network.signed else fitted.mean(axis=0)
    scale = np.sqrt(np.square(fitted - mean).mean(axis=0))
    scale[scale == 0] = 1
    standardised = (fitted - mean) / scale
    objective = Objective(target, train[1], balanced=False, signed=network.signed)
    best: tuple[float, float] = (-np.inf, -np.inf)
    weight, bias, strength = np.empty(0), np.empty(0), 0.0
    for inverse in STRENGTHS:
        coefficients, constant = linear_outputs(
            target, standardised, truth, inverse, settings["balanced"], seed, network.signed
        )
        # the standardisation becomes part of the layer
        own = coefficients / scale, constant - (coefficients / scale) @ mean
        outputs = [F.linear(vectors, *map(torch.from_numpy, own)) for vectors in chosen]
        predicted = torch.stack([objective.predictions(each) for each in outputs]).mean(0)
        found = choice(target, validation[1], predicted.numpy())
        if found > best:
            best, (weight, bias), strength = found, own, inverse
    with torch.no_grad():
        network.linear.weight.copy_(torch.from_numpy(weight))
        if network.linear.bias is not None:
            network.linear.bias.copy_(torch.from_numpy(bias))
    task = TaskModel(network, target, objective.to(network.linear.weight.device), both).eval()
    return task, {
        "best_epoch": 0,
        "validation": best[0],
        "validation_error": -best[1],
        "seconds": round(time.monotonic() - started, 1),
        "inverse_penalty": strength,
        "history": [],
    }


def linear_outputs(
    target: Target,
    features: np.ndarray | csr_array,
    truth: np.ndarray,
    inverse: float,
    balanced: bool,
    seed: int,
    signed: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (outputs, features) and constants (outputs,) of outputs as `training.Objective` takes them, float32.

    Classes and labels have logistic regression, values ridge and counts Poisson regression, with the inverse penalty
    `inverse`; values are without a constant if they are `signed`.
    """
    weights = np.zeros((target.outputs, features.shape[1]), dtype=np.float32)
    constants = np.zeros(target.outputs, dtype=np.float32)
    if target.kind == "classes":
        model = logistic(features, truth, inverse, balanced, seed)
        there = model.classes_
        if len(there) == 2:
            weights[there[1]], constants[there[1]] = model.coef_[0], model.intercept_[0]
        else:
            weights[there], constants[there] = model.coef_, model.intercept_
        # a class without training examples must not be likelier than those that have some
        constants[np.setdiff1d(np.arange(target.outputs), there)] = -1e3
        return weights, constants
    for column in range(target.outputs):
        known = np.isfinite(truth[:, column])
        values = truth[known, column]
        if target.kind == "labels":
            if len(np.unique(values)) < 2:
                constants[column] = 1e3 if values.any() else -1e3
                continue
            model = logistic(features[known], values.astype(int), inverse, balanced, seed)
            weights[column], constants[column] = model.coef_[0], model.intercept_[0]
            continue
        if target.kind == "counts":
            if not values.any():
                constants[column] = -1e3
                continue
            # penalties are to the mean of the loss here, and to its sum elsewhere
            poisson = PoissonRegressor(alpha=1 / inverse / len(values), max_iter=MAX_ITERATIONS)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                poisson.fit(features[known], values / values.mean())
            weights[column], constants[column] = poisson.coef_, poisson.intercept_
            continue
        middle = 0.0 if signed else values.mean()
        spread = np.sqrt(np.square(values - middle).mean()) or 1.0
        ridge = Ridge(alpha=1 / inverse, fit_intercept=not signed).fit(features[known], (values - middle) / spread)
        weights[column], constants[column] = ridge.coef_, ridge.intercept_
    return weights, constants
