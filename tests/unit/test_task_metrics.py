"""Measures of tasks against scikit-learn, scipy, counting by hand and resamples that are written out."""

import json

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    mean_squared_error,
    r2_score,
    roc_auc_score,
    roc_curve,
)

from genoglot.examples.target import Target
from genoglot.tasks.bootstrap import interval_of_runs, mcc_of, resampled
from genoglot.tasks.calibration import expected_calibration_error, fit_temperature, log_probabilities, scaled
from genoglot.tasks.metrics import choice, error, measure, summarise, summarise_runs

CLASSES = Target("classes", ("a", "b", "c"))
LABELS = Target("labels", ("x", "y", "never"))
VALUES = Target("values", ("u", "v"))
SIZE = 240
GROUPS = np.arange(SIZE) // 3


def classes(seed, target=CLASSES, size=SIZE, skill=1.0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(target.outputs, size=size)
    logits = rng.normal(size=(size, target.outputs)) + skill * np.eye(target.outputs)[truth]
    return truth, softmax(logits, axis=1).astype(np.float32)


def labels(seed):
    rng = np.random.default_rng(seed)
    truth = (rng.random((SIZE, 3)) < [0.3, 0.6, 0.0]).astype(np.float32)
    likely = np.round(1 / (1 + np.exp(-rng.normal(size=truth.shape) - truth + 0.5)), 2).astype(np.float32)
    truth[rng.random(truth.shape) < 0.2] = np.nan
    return truth, likely


def values(seed):
    rng = np.random.default_rng(seed)
    truth = np.round(rng.normal(size=(SIZE, 2)), 1).astype(np.float32)
    predicted = (truth + rng.normal(size=truth.shape)).round(1).astype(np.float32)
    truth[rng.random(truth.shape) < 0.2] = np.nan
    return truth, predicted


def known(truth, predictions, column):
    rows = np.isfinite(truth[:, column])
    return truth[rows, column], predictions[rows, column]


def test_what_things_are_chosen_by():
    truth, likely = classes(1)
    assert measure(CLASSES, truth, likely) == pytest.approx(matthews_corrcoef(truth, likely.argmax(axis=1)))
    truth, likely = labels(2)
    areas = [roc_auc_score(*known(truth, likely, column)) for column in (0, 1)]  # the third label is never there
    assert measure(LABELS, truth, likely) == pytest.approx(np.mean(areas))
    truth, predicted = values(3)
    ranks = [spearmanr(*known(truth, predicted, column)).statistic for column in (0, 1)]
    assert measure(VALUES, truth, predicted) == pytest.approx(np.mean(ranks))


@pytest.mark.parametrize(("target", "make"), [(CLASSES, classes), (LABELS, labels), (VALUES, values)])
def test_what_is_not_finite_is_never_chosen_and_nothing_is_not_measured(target, make):
    truth, predictions = make(1)
    assert choice(target, truth, predictions) > (0.0, -np.inf)
    broken = predictions.copy()
    broken[5, 1] = np.nan
    assert np.isnan(measure(target, truth, broken))
    assert choice(target, truth, broken) < choice(target, truth, np.zeros_like(predictions))
    assert np.isnan(measure(target, truth[:0], predictions[:0]))
    assert np.isnan(error(target, truth[:0], predictions[:0]))


def test_the_error_decides_where_the_measure_cannot():
    target = Target("labels", ("x",))
    truth = np.ones((4, 1), dtype=np.float32)
    better, worse = np.full((2, 4, 1), [[[0.8]], [[0.6]]])
    assert np.isnan(measure(target, truth, better))
    assert error(target, truth, better) == pytest.approx(-np.log(0.8))
    assert choice(target, truth, better) > choice(target, truth, worse)


def test_constant_values_correlate_with_nothing():
    truth, _ = values(4)
    assert measure(VALUES, truth, np.ones_like(truth)) == 0
    metrics = summarise(VALUES, truth, np.zeros_like(truth), GROUPS, 1)
    assert (metrics["pearson"], metrics["pearson_low"], metrics["spearman_high"]) == (0, 0, 0)


def test_the_error_of_values_knows_no_unit():
    truth, predicted = values(5)
    assert error(VALUES, truth * [1000, 1], predicted * [1000, 1]) == pytest.approx(error(VALUES, truth, predicted))


def test_calibration_error_by_hand():
    # confidences 0.6 (right), 0.9 (wrong) and 0.95 (right), in 5 bins: (0.4, 0.6] holds one, (0.8, 1] two
    likely = np.array([[0.4, 0.6], [0.9, 0.1], [0.05, 0.95]])
    expected = (1 * abs(1 - 0.6) + 2 * abs(0.5 - 0.925)) / 3
    assert expected_calibration_error(np.array([1, 1, 1]), likely, bins=5) == pytest.approx(expected)


@pytest.mark.parametrize("target", [CLASSES, Target("classes", ("no", "yes"))])
def test_calibration_error_is_that_of_counting(target):
    truth, likely = classes(6, target)
    confidence, right = likely.max(axis=1), likely.argmax(axis=1) == truth
    total = 0.0
    for number in range(15):
        here = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if here.any():
            total += here.mean() * abs(right[here].mean() - confidence[here].mean())
    assert expected_calibration_error(truth, likely) == pytest.approx(total, abs=1e-6)


def test_temperature_of_two_classes_is_a_logistic_regression_without_intercept():
    truth, likely = classes(7, Target("classes", ("no", "yes")))
    logits = log_probabilities(likely) * 2.5
    odds = (logits[:, 1] - logits[:, 0])[:, None]
    regression = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(odds, truth)
    assert fit_temperature(truth, logits) == pytest.approx(1 / regression.coef_[0, 0], rel=1e-3)


def test_temperature_of_several_classes_is_found_again():
    rng = np.random.default_rng(8)
    logits = 3 * rng.normal(size=(20_000, 4))
    truth = (softmax(logits / 2.0, axis=1).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    temperature = fit_temperature(truth, logits)
    assert temperature == pytest.approx(2.0, rel=0.03)
    before, after = (scaled(logits, each) for each in (1.0, temperature))
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert expected_calibration_error(truth, after) < 0.02 < expected_calibration_error(truth, before)


def test_temperature_without_a_best_one():
    likely = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert fit_temperature(np.array([0, 1]), log_probabilities(likely)) == pytest.approx(0.05, rel=0.01)
    assert fit_temperature(np.array([1, 0]), log_probabilities(likely)) == pytest.approx(20, rel=0.01)
    assert fit_temperature(np.empty(0, dtype=int), np.empty((0, 2))) == 1


def test_correlation_of_confusions():
    rng = np.random.default_rng(9)
    for classes_ in (2, 4):
        truth, predicted = rng.integers(classes_, size=(2, 60))
        counts = confusion_matrix(truth, predicted).astype(float)
        assert mcc_of(counts) == pytest.approx(matthews_corrcoef(truth, predicted))
    assert mcc_of(np.array([[3.0, 0.0], [4.0, 0.0]])) == 0


def written_out(groups, seed, resamples):
    """Rows of each resample, each as often as it was drawn."""
    count = groups.max() + 1
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = generator.multinomial(count, np.full(count, 1 / count))
        yield np.repeat(np.arange(len(groups)), drawn[groups])


def test_resamples_are_measured_as_if_written_out():
    for number, rows in enumerate(written_out(GROUPS, 3, 15)):
        if number == 0:
            made = classes(1), labels(2), values(3)
            found = [resampled(t, *m, GROUPS, 3) for t, m in zip((CLASSES, LABELS, VALUES), made, strict=True)]
        truth, likely = (part[rows] for part in made[0])
        called = likely.argmax(axis=1)
        assert found[0]["mcc"][number] == pytest.approx(matthews_corrcoef(truth, called))
        assert found[0]["balanced_accuracy"][number] == pytest.approx(balanced_accuracy_score(truth, called))
        columns = [known(*(part[rows] for part in made[1]), column) for column in (0, 1)]
        for name, score in (("auroc", roc_auc_score), ("auprc", average_precision_score)):
            assert found[1][name][number] == pytest.approx(np.mean([score(*column) for column in columns]))
        mcc = np.mean([matthews_corrcoef(true, likely > 0.5) for true, likely in columns])
        assert found[1]["mcc"][number] == pytest.approx(mcc)
        columns = [known(*(part[rows].astype(float) for part in made[2]), column) for column in (0, 1)]
        expected = {
            "pearson": [pearsonr(*column).statistic for column in columns],
            "spearman": [spearmanr(*column).statistic for column in columns],
            "mse": [mean_squared_error(*column) for column in columns],
            "r2": [r2_score(*column) for column in columns],
        }
        for name, each in expected.items():
            assert found[2][name][number] == pytest.approx(np.mean(each)), name


def test_resamples_draw_whole_groups():
    truth, likely = classes(10)
    alone = resampled(CLASSES, truth, likely, np.arange(SIZE), 1)["mcc"]
    many = [np.repeat(each, 16, axis=0) for each in (truth, likely, np.arange(SIZE))]
    # sixteen copies of each example say no more than one, if they are known to be of one group
    assert resampled(CLASSES, *many, 1)["mcc"].std() == pytest.approx(alone.std())
    apart = resampled(CLASSES, *many[:2], np.arange(16 * SIZE), 1)["mcc"]
    assert apart.std() == pytest.approx(alone.std() / 4, rel=0.1)


def test_interval_over_runs_by_hand():
    # 97.5% of t with two degrees of freedom is 4.302653; the standard deviation of 1, 2, 3 is 1
    low, high = interval_of_runs(np.array([1.0, 2.0, 3.0]))
    assert (low, high) == pytest.approx((2 - 4.302653 / np.sqrt(3), 2 + 4.302653 / np.sqrt(3)))
    assert interval_of_runs(np.array([1.0, 2.0])) is None


def three_runs():
    truth, _ = classes(11)
    runs = {seed: classes(11 + seed)[1] * 0.5 + classes(11)[1] * 0.5 for seed in (1, 2, 3)}
    chosen, _ = classes(20)
    # the second run is best on validation, though not on the test examples alone
    validation = {seed: classes(20, skill=5.0 if seed == 2 else 1.0)[1] for seed in runs}
    return truth, runs, (chosen, validation)


def test_summary_of_several_seeds():
    truth, runs, validation = three_runs()
    summary = json.loads(json.dumps(summarise_runs(CLASSES, truth, runs, validation, GROUPS, 1), allow_nan=False))
    called = [likely.argmax(axis=1) for likely in runs.values()]
    mcc = [matthews_corrcoef(truth, each) for each in called]
    assert summary["mcc"] == pytest.approx(np.mean(mcc))
    assert [entry["mcc"] for entry in summary["by_seed"]] == pytest.approx(mcc)
    assert [entry["seed"] for entry in summary["by_seed"]] == [1, 2, 3]
    assert (summary["mcc_low"], summary["mcc_high"]) == pytest.approx(interval_of_runs(np.array(mcc)))
    assert summary["interval"] == "seeds"
    assert summary["macro_f1"] == pytest.approx(np.mean([f1_score(truth, each, average="macro") for each in called]))
    area = np.mean(
        [roc_auc_score(truth, softmax(np.log(each.astype(float)), axis=1), multi_class="ovr") for each in runs.values()]
    )
    assert summary["auroc"] == pytest.approx(area, abs=1e-6)
    assert summary["kept_seed"] == 2
    assert summary["confusion"] == confusion_matrix(truth, called[1]).tolist()
    temperatures = [entry["temperature"] for entry in summary["by_seed"]]
    assert summary["temperature"] == temperatures[1]
    for entry, likely, temperature in zip(summary["by_seed"], runs.values(), temperatures, strict=True):
        cooled = softmax(np.log(likely.astype(float)) / temperature, axis=1)
        assert entry["ece_scaled"] == pytest.approx(expected_calibration_error(truth, cooled))
    assert [entry["n"] for entry in summary["per_class"]] == np.bincount(truth).tolist()
    f1 = np.mean([f1_score(truth, each, average=None) for each in called], axis=0)
    assert [entry["f1"] for entry in summary["per_class"]] == pytest.approx(f1)
    assert [curve["class"] for curve in summary["curves"]] == ["a", "b", "c"]


def test_two_seeds_have_an_interval_over_groups():
    truth, runs, _ = three_runs()
    pair = {seed: runs[seed] for seed in (1, 2)}
    summary = summarise_runs(CLASSES, truth, pair, None, GROUPS, 5)
    samples = np.mean([resampled(CLASSES, truth, likely, GROUPS, 5)["mcc"] for likely in pair.values()], axis=0)
    assert (summary["mcc_low"], summary["mcc_high"]) == pytest.approx(np.quantile(samples, [0.025, 0.975]))
    assert summary["interval"] == "groups"
    assert "temperature" not in summary
    again = summarise_runs(CLASSES, truth, pair, None, GROUPS, 5)
    assert again == summary


@pytest.mark.parametrize(
    ("target", "make", "entries", "name"),
    [
        (CLASSES, classes, "per_class", "class"),
        (LABELS, labels, "per_label", "label"),
        (VALUES, values, "per_column", "column"),
    ],
)
def test_summary_of_one_set_is_json_with_intervals_about_the_numbers(target, make, entries, name):
    truth, predictions = make(12)
    summary = json.loads(json.dumps(summarise(target, truth, predictions, GROUPS, 1), allow_nan=False))
    measured = {"classes": "mcc balanced_accuracy", "labels": "auroc auprc mcc", "values": "pearson spearman mse r2"}
    for key in measured[target.kind].split():
        assert summary[f"{key}_low"] < summary[key] < summary[f"{key}_high"]
    assert [entry[name] for entry in summary[entries]] == list(target.names)
    assert "by_seed" not in summary
    # nothing is said of other test examples where all are of one group
    single = summarise(target, truth, predictions, np.zeros(SIZE), 1)
    assert single["balanced_accuracy_low" if target.kind == "classes" else f"{key}_low"] is None


def test_labels_leave_out_what_is_not_known():
    truth, likely = labels(13)
    summary = summarise(LABELS, truth, likely, GROUPS, 1)
    first, never = summary["per_label"][0], summary["per_label"][2]
    true, said = known(truth, likely, 0)
    assert (first["n"], first["positives"]) == (len(true), int(true.sum()))
    assert first["f1"] == pytest.approx(f1_score(true, said > 0.5))
    assert (never["positives"], never["auroc"], never["f1"]) == (0, None, None)
    assert [curve["label"] for curve in summary["curves"]] == ["x", "y"]
    truth[:, :] = np.nan
    assert summarise(LABELS, truth, likely, GROUPS, 1)["auroc"] is None


def test_a_class_that_no_test_example_has():
    truth, likely = classes(14)
    kept = truth < 2
    truth, likely = truth[kept], likely[kept]
    summary = summarise(CLASSES, truth, likely, GROUPS[kept], 1)
    called = likely.argmax(axis=1)
    recalls = [(called[truth == number] == number).mean() for number in (0, 1)]
    assert summary["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    absent = summary["per_class"][2]
    assert (absent["n"], absent["f1"], absent["auroc"]) == (0, None, None)
    assert np.array(summary["confusion"]).shape == (3, 3)


def test_curves_are_thinned_and_not_bent():
    target = Target("classes", ("no", "yes"))
    truth, likely = classes(15, target, size=5000)
    summary = summarise(target, truth, likely, np.arange(5000), 1)
    assert summary["auroc"] == pytest.approx(roc_auc_score(truth, likely[:, 1]))
    assert "curves" not in summary
    roc, pr = summary["roc"], summary["pr"]
    assert len(roc["x"]) <= 200
    assert (roc["x"][0], roc["y"][0], roc["x"][-1], roc["y"][-1]) == (0, 0, 1, 1)
    points = set(zip(*(np.round(each, 4).tolist() for each in roc_curve(truth, likely[:, 1])[:2]), strict=True))
    assert set(zip(roc["x"], roc["y"], strict=True)) <= points
    assert np.trapezoid(roc["y"], roc["x"]) == pytest.approx(summary["auroc"], abs=0.003)
    assert len(pr["x"]) <= 200
    assert (pr["x"][0], pr["x"][-1]) == (0, 1)
    assert np.trapezoid(pr["y"], pr["x"]) == pytest.approx(summary["auprc"], abs=0.01)
