"""What the page says of tasks: all contestants side by side, with the baseline drawn, whatever is predicted."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_manifest import interval, write_json, write_manifest
from report_page import report
from task_metrics import LEVELS, class_metrics, few_shot, label_metrics, value_metrics

from genoglot.report import static, verdicts
from genoglot.report.palette import CONTESTANTS, REGION_COLOURS
from genoglot.report.task_curves import few_shot_lines, ranking_curves

TWO = {"other": 300, "promoter": 100}
FIVE = {"CDS": 200, "UTR": 80, "intron": 60, "promoter": 40, "intergenic": 20}


@pytest.fixture
def page_of(tmp_path):
    """The page on one task with these metrics."""

    def page(metrics, **paths):
        manifest = write_manifest(tmp_path / "results")
        entry = manifest["tasks"][0]
        write_json(Path(entry["metrics"]), metrics)
        entry |= paths
        return report(tmp_path, manifest)

    return page


def traces(page, name):
    return {trace["name"]: trace for trace in page.figure(name)["data"] if trace.get("showlegend", True)}


def summary_of(page):
    return page.words[: page.words.index("The verdicts follow")]


def test_two_classes(page_of):
    page = page_of(class_metrics(TWO))
    for words in (
        "2 classes: other, promoter. Examples: 1,200 training, 150 validation, 400 test. The whole network",
        "Networks were trained 3 times each, with seeds 1, 2, 3.",
        "pretrained 0.840 (0.820 to 0.860) 0.590 (0.570 to 0.610) 0.850 0.820 0.890 0.870",
        "from scratch 0.780 (0.760 to 0.800) 0.530 (0.510 to 0.550) 0.790 0.760 0.830 0.810 ▲ better",
        "nearest neighbours 0.660 (0.640 to 0.680)",
        "commonest class 0.500 0.000 0.750 n/a n/a n/a",
        "of pretrained and from scratch trainings with other seeds, on these very test examples (t intervals);",
        "of k-mers and nearest neighbours test examples drawn anew, neighbours together (bootstrap).",
        "pretrained: 0.830 (seed 1), 0.840 (seed 2), 0.850 (seed 3)",
        "Splits: a hash of the sequence. Left out of the examples: no label: 12 Sequences that the splits share",
        "train and test: 3 exact, 7 by k-mers train and validation: 2",
        "pretrained: 0.081, after temperature scaling 0.023 (temperature 1.42: it was too sure of itself)",
        "k-mers: 0.081 ",
        "of which 25% are that",
        "400 test examples, model demo; made by rule evaluate_task, from tasks/regions/m/metrics.json .",
    ):
        assert words in page.words
    assert "too short" not in page.words
    assert "balanced accuracy same network from scratch 0.780 ▲ better k-mers 0.740 ▲ better" in summary_of(page)


def test_two_classes_are_drawn_beside_guessing(page_of):
    metrics = class_metrics(TWO)
    figure = page_of(metrics).figure("task-curves-0")
    named = {}
    for trace in figure["data"]:
        named.setdefault(trace["name"], []).append(trace)
    assert list(named) == ["guessing", *(CONTESTANTS[key][0] for key in LEVELS)]
    for key in LEVELS:
        roc, pr = named[CONTESTANTS[key][0]]
        assert (roc["x"], roc["y"]) == (metrics[key]["roc"]["x"], metrics[key]["roc"]["y"])
        assert (pr["x"], pr["y"]) == (metrics[key]["pr"]["x"], metrics[key]["pr"]["y"])
        assert roc["line"]["color"] == CONTESTANTS[key][1]
    diagonal, share = named["guessing"]
    assert (diagonal["x"], diagonal["y"]) == ([0, 1], [0, 1])
    assert share["y"] == [0.25, 0.25]
    # in print and for those who see no colours
    assert len({named[CONTESTANTS[key][0]][0]["line"]["dash"] for key in LEVELS}) == 4


def test_several_classes_are_drawn_each_with_its_own_base_rate(page_of):
    metrics = class_metrics(FIVE)
    page = page_of(metrics)
    figure = page.figure("task-curves-0")
    shown = traces(page, "task-curves-0")
    assert set(shown) == {"guessing", *FIVE}
    for name, n in FIVE.items():
        assert shown[name]["line"]["color"] == REGION_COLOURS[name]
        levels = [each for each in figure["data"] if each["name"] == "guessing" and each.get("legendgroup") == name]
        assert [each["y"] for each in levels] == [[n / 400] * 2]
        assert levels[0]["line"]["color"] == REGION_COLOURS[name]
    confusion = page.figure("task-confusion-0")["data"][0]
    assert confusion["text"][0][0] == "84%<br>168"
    assert "called the test examples of each class" in page.words
    f1 = traces(page, "task-each-0")
    assert f1["pretrained"]["x"] == pytest.approx([0.84, 0.79, 0.74, 0.69, 0.64])
    assert list(f1) == [CONTESTANTS[key][0] for key in LEVELS]


def test_labels(page_of):
    page = page_of(label_metrics())
    assert "3 labels: promoter, enhancer, silencer" in page.words
    assert "pretrained 0.840 (0.820 to 0.860) 0.540 (0.520 to 0.560) 0.440 (0.420 to 0.460) 0.640" in page.words
    assert "how common each label is 0.500 0.150 0.000 0.000" in page.words
    assert "0.840 mean AUROC same network from scratch 0.780 ▲ better" in summary_of(page)
    assert "data-task-confusion-0" not in page.scripts
    assert "Calibration:" not in page.words
    levels = {
        each["legendgroup"]: each["y"][0]
        for each in page.figure("task-curves-0")["data"]
        if each["name"] == "guessing" and each["legendgroup"] != "guessing"
    }
    assert levels == {"promoter": 0.3, "enhancer": 0.1, "silencer": 0.1}
    # "promoter" is also a region class, whose colour another label has
    assert len({trace["line"]["color"] for name, trace in traces(page, "task-curves-0").items()}) == 4
    each = page.figure("task-each-0")
    assert each["layout"]["yaxis"]["ticktext"] == ["silencer (20)", "enhancer (40)", "promoter (120)"]
    assert "Mean AUROC on the 400 test examples by the number of labelled examples with each label" in page.words


def test_values(page_of):
    page = page_of(value_metrics())
    assert "2 columns of numbers: dev, hk" in page.words
    assert "pretrained 0.840 (0.820 to 0.860) 0.770 (0.750 to 0.790) 0.540 (0.520 to 0.560) 0.500 (0.480" in page.words
    assert "hk 400 from scratch 0.730 0.710 0.400" in page.words
    assert "mean of the values 0.000 0.000 -0.010 1.000" in page.words
    assert "0.770 Spearman's correlation same network from scratch 0.710 ▲ better" in summary_of(page)
    assert not {"data-task-curves-0", "data-task-confusion-0"} & set(page.scripts)
    assert traces(page, "task-each-0")["k-mers"]["x"] == pytest.approx([0.67, 0.67])


def test_one_column_of_values_needs_no_figure_of_columns(page_of):
    page = page_of(value_metrics(("activity",)))
    assert "1 column of numbers: activity" in page.words
    assert "data-task-each-0" not in page.scripts
    assert "data-task-few-shot-0" in page.scripts


def test_tracks(page_of):
    found = value_metrics(("CTCF", "input"))
    for key in found:
        if isinstance(found[key], dict) and "per_column" in found[key]:
            for entry in found[key]["per_column"]:
                entry["deviance_explained"] = 0.25
            found[key]["deviance_explained"] = 0.31
    page = page_of({**found, "target": "counts", "bin": 32, "bins_test": 6400, "few_shot": None})
    assert "2 tracks: CTCF, input. Windows, in bins of 32 bases: " in page.words
    assert "All on the same 6,400 test bins." in page.words
    assert "0.840 Pearson's correlation same network from scratch" in summary_of(page)
    assert "0.310" in page.words
    assert "column test bins contestant Pearson Spearman R² deviance explained" in page.words
    assert traces(page, "task-each-0")["k-mers"]["x"] == pytest.approx([0.74, 0.69])


def test_peaks(page_of):
    page = page_of(label_metrics(bin=32, bins_test=6400, few_shot=None))
    assert "finding each label among the 6,400 test bins" in page.words
    assert "the number of test bins that have it in brackets" in page.words
    assert "data-task-curves-0" in page.scripts


def test_few_shot_curves_go_through_the_means_of_draws(page_of):
    page = page_of(class_metrics(TWO))
    assert "MCC on the 400 test examples by the number of labelled examples of each class" in page.words
    assert "47 trainings, 400 test examples, model demo" in page.words
    figure = page.figure("task-few-shot-0")
    assert figure["layout"]["xaxis"]["type"] == "log"
    assert figure["layout"]["xaxis"]["ticktext"] == ["8", "32", "128", "512"]
    (line,) = [trace for trace in figure["data"] if trace["name"] == "pretrained" and "lines" in trace["mode"]]
    (draws,) = [trace for trace in figure["data"] if trace["name"] == "pretrained" and trace["mode"] == "markers"]
    assert line["customdata"] == [8, 32, 128, 512]
    first = [point["value"] for point in few_shot("mcc")["points"][:3]]
    assert line["y"][0] == pytest.approx(np.mean(first))
    assert draws["y"][:3] == pytest.approx(first)
    # one of the largest draws has no value
    assert len(draws["y"]) == 11
    assert figure["layout"]["shapes"][0]["y0"] == 0


def test_a_task_without_few_labels(page_of):
    page = page_of(class_metrics(TWO, few_shot=None))
    assert "data-task-few-shot-0" not in page.scripts
    assert "data-task-curves-0" in page.scripts


def test_what_was_not_measured_is_said(page_of):
    metrics = class_metrics(TWO, from_scratch=None)
    del metrics["neighbours"]
    page = page_of(metrics)
    assert "Not measured: from scratch, nearest neighbours." in page.words
    assert "same network from scratch" not in summary_of(page)
    assert {trace["name"] for trace in page.figure("task-curves-0")["data"]} == {"guessing", "pretrained", "k-mers"}


def test_numbers_that_could_not_be_measured(page_of):
    """A class that no test example has, intervals and areas that are null."""
    metrics = class_metrics(FIVE)
    pretrained = metrics["pretrained"]
    pretrained["per_class"][4] |= {"n": 0, "f1": None, "auroc": None, "auprc": None}
    pretrained["curves"].pop()
    pretrained |= dict.fromkeys(("balanced_accuracy_low", "balanced_accuracy_high", "auprc", "ece_scaled"))
    page = page_of(metrics)
    assert "pretrained 0.840 0.590 (0.570 to 0.610) 0.850 0.820 0.890 n/a" in page.words
    assert "from scratch 0.780 (0.760 to 0.800) 0.530 (0.510 to 0.550) 0.790 0.760 0.830 0.810 ? not measured" in (
        page.words
    )
    assert "intergenic" not in traces(page, "task-curves-0")
    assert traces(page, "task-each-0")["pretrained"]["x"][4] is None
    assert "pretrained: 0.081 from scratch: 0.081, after" in page.words


def test_splits_that_share_nothing(page_of):
    page = page_of(class_metrics(TWO, examples={"left_out": {}, "shared": {"train_and_test": 0}}))
    assert "The splits share no sequence." in page.words
    assert "Left out of the examples" not in page.words


def test_names_of_classes_are_text(page_of):
    nasty = "<b>class</b>"
    page = page_of(class_metrics({"CDS": 200, nasty: 100, "a": 100}))
    assert f"CDS, {nasty}, a" in page.words
    assert "<b>class" not in page.scripts["data-task-curves-0"]
    assert "&lt;b&gt;class&lt;/b&gt;" in traces(page, "task-curves-0")


def test_more_classes_than_the_legend_has_colours_for():
    names = {f"class {number:02}": 400 // 40 for number in range(40)}
    drawn = ranking_curves(class_metrics(names))
    assert len(drawn) == 40
    assert len({(curve.colour, curve.dash) for curve in drawn}) == 25
    # those that share an entry lie below the others
    assert [curve.label for curve in drawn[:16]] == ["16 others"] * 16


def test_still_pictures_are_linked_where_they_are_drawn(page_of, tmp_path):
    paths = {
        f"{name}_{kind}": tmp_path / "results" / f"{name}.{kind}"
        for name in ("roc", "few_shot")
        for kind in ("png", "svg")
    }
    page = page_of(class_metrics(TWO), **{key: str(path) for key, path in paths.items()})
    assert {f"./{path.name}" for path in paths.values()} <= set(page.links)
    assert page.words.count("for papers: PNG , SVG") + page.words.count("for papers: PNG, SVG") == 2


@pytest.mark.parametrize(
    ("kind", "measured", "baseline", "verdict"),
    [
        ("classes", 0.8, 0.7, "better"),
        ("classes", 0.51, 0.4, "guess"),
        ("labels", 0.8, 0.85, "worse"),
        ("labels", 0.51, 0.4, "guess"),
        ("values", 0.1, -0.1, "better"),
        ("values", 0.01, -0.1, "guess"),
        ("values", 0.5, 0.51, "same"),
        ("counts", 0.5, 0.4, "better"),
    ],
)
def test_verdicts_by_the_measure_of_each_target(kind, measured, baseline, verdict):
    name = {"classes": "balanced_accuracy", "labels": "auroc", "values": "spearman", "counts": "pearson"}[kind]
    metrics = {"target": kind, "classes": ["a", "b"], "n_test": 10}
    metrics |= {"pretrained": interval(name, measured), "kmer": interval(name, baseline)}
    assert verdicts.judge_contestant(metrics, "kmer") == verdict
    assert [each.kind for each in verdicts.judge_task("t", metrics).baselines] == [verdict]


def test_guessing_is_over_the_classes_that_are_tested():
    metrics = class_metrics(FIVE)
    assert verdicts.guessed(metrics) == pytest.approx(0.2)
    metrics["majority"]["balanced_accuracy"] = 0.25
    assert verdicts.guessed(metrics) == 0.25


def colours(path):
    with Image.open(path) as image:
        return {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}


@pytest.mark.parametrize(
    ("metrics", "drawn"),
    [
        (class_metrics(TWO), [CONTESTANTS[key][1] for key in LEVELS]),
        (class_metrics(FIVE), [REGION_COLOURS[name] for name in FIVE]),
        (value_metrics(), []),
    ],
)
def test_still_roc(tmp_path, metrics, drawn):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(metrics))
    static.plot_roc(path, [tmp_path / "roc.png", tmp_path / "roc.svg"])
    assert {tuple(bytes.fromhex(colour[1:])) for colour in drawn} <= colours(tmp_path / "roc.png")
    assert "<svg" in (tmp_path / "roc.svg").read_text()


@pytest.mark.parametrize("few", [few_shot("mcc"), None])
def test_still_few_shot_curve(tmp_path, few):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(class_metrics(TWO, few_shot=few)))
    static.plot_few_shot(path, [tmp_path / "few.png"])
    blue = tuple(bytes.fromhex(CONTESTANTS["pretrained"][1][1:]))
    assert (blue in colours(tmp_path / "few.png")) == (few is not None)


def test_contestants_without_a_value_have_no_line():
    points = [{"contestant": "kmer", "per_class": 8, "draw": 0, "value": None}]
    points += [{"contestant": "pretrained", "per_class": size, "draw": 0, "value": 0.5} for size in (32, 8)]
    (line,) = few_shot_lines({"measure": "mcc", "points": points})
    assert (line.contestant, line.mean_sizes, line.means) == ("pretrained", [8, 32], [0.5, 0.5])
