"""From columns of text to what a task predicts: classes, labels or numbers."""

import re

import numpy as np
import pandas as pd

from genoglot.errors import InputError, few
from genoglot.examples.target import Target

# what the kinds of tasks that have labels predict
TARGETS = {"classification": "classes", "multilabel": "labels", "regression": "values"}
# cells that say that nothing is known
UNKNOWN = ("", "NA", "N/A", "NaN", "nan", "null", "None", ".")
# of a list of labels: it has none of them
NONE = "none"
MOST_CLASSES = 1000
SHOWN = 30  # characters of a cell in a message


def read_labels(table: pd.DataFrame, kind: str, where: pd.Series) -> tuple[Target, np.ndarray, np.ndarray]:
    """What a task predicts, the truth as in `Examples`, and which rows have any.

    Args:
        table: a text column for each label or number, or one column.
        kind: `classification`: any words in one column; `multilabel`: columns of 0 and 1, or one column of labels
            separated by `;` or `,`, where `none` stands for none of them; `regression`: columns of numbers.
        where: the file and line of each row, for messages.

    Raises:
        InputError: a cell does not fit the kind.
    """
    text = table.apply(lambda column: column.str.strip())
    known = ~text.isin(UNKNOWN)
    if kind == "classification":
        if text.shape[1] != 1:
            raise InputError(
                f"{where.iloc[0]}: kind classification takes one column of labels, found {few(text.columns)}"
            )
        return _classes(text.iloc[:, 0], known.iloc[:, 0].to_numpy(), where)
    if kind == "multilabel" and text.shape[1] == 1:
        return _lists(text.iloc[:, 0], known.iloc[:, 0].to_numpy())
    numbers = text.where(known).apply(pd.to_numeric, errors="coerce")
    wrong = known & numbers.isna()
    expected = "a number"
    if kind == "multilabel":
        wrong |= known & ~numbers.isin([0, 1])
        expected = "0 or 1"
    wrong |= np.isinf(numbers)
    if wrong.to_numpy().any():
        row = int(wrong.any(axis=1).to_numpy().argmax())
        column = wrong.columns[wrong.iloc[row].to_numpy().argmax()]
        raise InputError(
            f"{where.iloc[row]}: found {text[column].iloc[row][:SHOWN]!r} as {column}, expected {expected}"
        )
    target = Target(TARGETS[kind], tuple(map(str, text.columns)))
    return target, numbers.to_numpy(dtype=np.float32), known.any(axis=1).to_numpy()


def _classes(text: pd.Series, known: np.ndarray, where: pd.Series) -> tuple[Target, np.ndarray, np.ndarray]:
    names = sorted(text[known].unique(), key=_in_order)
    if len(names) > MOST_CLASSES:
        raise InputError(
            f"{where.iloc[0]} and below: {len(names):,} different labels, such as {few(names)}; if they are numbers to "
            "be predicted, the kind is regression"
        )
    truth = pd.Index(names, dtype=object).get_indexer(text.astype(object)).astype(np.int64)
    return Target("classes", tuple(names)), truth, known


def _in_order(name: str) -> tuple[int, float, str]:
    """Numbers by their value, before words by their letters."""
    return (0, float(name), name) if re.fullmatch(r"-?\d+(\.\d+)?", name) else (1, 0.0, name)


def _lists(text: pd.Series, known: np.ndarray) -> tuple[Target, np.ndarray, np.ndarray]:
    parts = text[known].str.split(r"[;,]", regex=True).explode().str.strip()
    parts = parts[(parts != "") & (parts != NONE)]
    names = sorted(parts.unique(), key=_in_order)
    truth = np.full((len(text), len(names)), np.nan, dtype=np.float32)
    truth[known] = 0
    places = text.index.get_indexer(parts.index)
    truth[places, pd.Index(names).get_indexer(parts)] = 1
    return Target("labels", tuple(names)), truth, known


def unknown_cells(target: Target, truth: np.ndarray) -> dict[str, int]:
    """How many cells of each label or number are not known; of those of which there are any."""
    if target.kind == "classes":
        return {}
    counts = np.isnan(truth).sum(axis=0)
    return {name: int(count) for name, count in zip(target.names, counts, strict=True) if count}
