"""Sweeps: entries unfolded into models, members side by side, and scaling curves of what falls as they say."""

import csv
import json
from itertools import product

import numpy as np
import pytest

from genoglot.errors import InputError
from genoglot.sweeps.comparison import COLUMNS, compare_models, fits_of, points_of
from genoglot.sweeps.expansion import unfold
from genoglot.sweeps.scaling import PowerLaw, fit_power_law

NO_LISTS = dict.fromkeys(("architectures", "sizes", "tokenizers", "learning_rates", "seeds"))


def entry(uses=None, **lists):
    """An entry of the section `models` as the schema fills it in, as far as sweeps look at it."""
    return {
        "tokenizer": None,
        "seed": None,
        "uses": uses,
        "architecture": {"type": "cloze", "size": "small", "dim": 16},
        "training": {"learning_rate": 0.002, "max_tokens": 1000},
        "sweep": NO_LISTS | lists if lists else None,
    }


def test_a_sweep_is_every_combination_and_shares_the_rest():
    lists = {"architectures": ["convnet", "encoder"], "tokenizers": [None, "bpe"], "learning_rates": [1e-5, 0.25]}
    before = entry(**lists)
    models, sweeps = unfold({"plain": entry(), "t": before})
    combinations = list(product(lists["architectures"], ("single", "bpe"), ("lr1e-05", "lr0.25")))
    assert sweeps == {"t": ["-".join(["t", *values]) for values in combinations]}
    assert list(models) == ["plain", *sweeps["t"]]
    for name, (kind, tokenizer, rate) in zip(sweeps["t"], combinations, strict=True):
        assert models[name]["architecture"] == {"type": kind, "size": "small", "dim": 16}
        assert models[name]["tokenizer"] == (None if tokenizer == "single" else tokenizer)
        assert models[name]["training"] == {"learning_rate": float(rate[2:]), "max_tokens": 1000}
        assert models[name]["seed"] is None
    assert before == entry(**lists), "what was given was changed"


def test_members_are_used_for_nothing_unless_it_is_said():
    models, _ = unfold(
        {"a": entry(), "b": entry([], seeds=[1]), "c": entry(seeds=[0]), "d": entry(["tasks"], seeds=[2])}
    )
    uses = {name: model["uses"] for name, model in models.items()}
    assert uses == {"a": ["embeddings", "tasks", "variants"], "b-s1": [], "c-s0": [], "d-s2": ["tasks"]}


def test_names_are_not_given_twice():
    with pytest.raises(InputError, match=r"models.a-tiny: the name a-tiny is taken by models.a;"):
        unfold({"a": entry(sizes=["tiny"]), "a-tiny": entry()})
    with pytest.raises(InputError, match=r"a-lr0.001 is taken by models.a;"):
        unfold({"a": entry(learning_rates=[0.001, 0.00100000001])})


@pytest.mark.parametrize(
    ("floor", "scale", "exponent"), [(1.85, 0.08, 0.35), (0.0, 1.9, 0.02), (1.9, 0.02, 1.2), (1.2, 0.7, 0.05)]
)
def test_the_fit_finds_the_law_that_made_the_points(floor, scale, exponent):
    compute = np.geomspace(1e12, 1e16, 9)
    unit = 1e14  # the geometric mean
    loss = floor + scale * (compute / unit) ** -exponent
    law = fit_power_law(compute, loss)
    assert law.unit == pytest.approx(unit)
    assert [law.floor, law.exponent] == pytest.approx([floor, exponent], abs=2e-3)
    assert law.scale == pytest.approx(scale, abs=2e-3)
    assert law.loss(compute) == pytest.approx(loss, abs=1e-5)


def test_standard_errors_say_how_far_off_the_fit_is():
    random = np.random.default_rng(3)
    compute = np.geomspace(1e12, 1e16, 12)
    truth = {"floor": 1.8, "scale": 0.1, "exponent": 0.3}
    far = []
    for _ in range(60):
        noise = random.normal(scale=0.002, size=len(compute))
        law = fit_power_law(compute, truth["floor"] + truth["scale"] * (compute / 1e14) ** -truth["exponent"] + noise)
        far += [abs(getattr(law, key) - value) / getattr(law, f"{key}_se") for key, value in truth.items()]
    # of a normal distribution 95% lie within two standard errors; the law is not quite linear in its parameters
    assert 0.85 < np.mean(np.array(far) < 2) < 0.99


@pytest.mark.parametrize(
    ("compute", "loss", "why"),
    [
        ([1e12, 1e13, 1e14], [1.9, 1.88, 1.87], "4 different amounts of compute are needed and there are 3"),
        # alike but for the last digits, as runs that stop a step apart are
        ([1e12, 1.0001e12, 1e13, 1e14], [1.9, 1.9, 1.88, 1.87], "needed and there are 3"),
        ([1e12, 1e13, 1e14, 1e15], [1.9, 1.9, 1.9, 1.9], "does not fall as a power of compute"),
        ([1e12, 1e13, 1e14, 1e15], [1.87, 1.88, 1.9, 1.95], "does not fall as a power of compute"),
    ],
)
def test_why_there_is_no_law(compute, loss, why):
    with pytest.raises(ValueError, match=why):
        fit_power_law(compute, loss)


def member(number, architecture="encoder", size="tiny", seed=1, rate=0.002, objective="masked"):
    values = {"architecture": architecture, "size": size, "tokenizer": "single", "seed": seed, "learning_rate": rate}
    return {"model": f"m{number}", **values, "objective": objective}


def measured(tmp_path, number, bits, flops=1e12, seconds=10.0):
    """Files of a member, as training and evaluation write them."""
    training = {"parameters": 1000, "tokens_seen": 5000, "flops": flops, "seconds": seconds, "steps": 7}
    metrics = {"bits_per_base": bits, "markov_bits_per_base": 1.95, "accuracy": 0.3, "gain": 1.95 - bits}
    paths = tmp_path / f"{number}.training.json", tmp_path / f"{number}.metrics.json"
    for path, values in zip(paths, (training, metrics), strict=True):
        path.write_text(json.dumps(values))
    return paths


def test_members_stand_side_by_side(tmp_path):
    members = [member(0), member(1, seed=2), member(2, "decoder", objective="causal")]
    files = [measured(tmp_path, 0, 1.9), measured(tmp_path, 1, 1.92), measured(tmp_path, 2, 1.93, None, 0.0)]
    training, metrics = zip(*files, strict=True)
    compare_models("trial", members, training, metrics, tmp_path / "c.tsv", tmp_path / "c.json")
    rows = list(csv.DictReader((tmp_path / "c.tsv").read_text().splitlines(), delimiter="\t"))
    assert list(rows[0]) == list(COLUMNS)
    assert [row["model"] for row in rows] == ["m0", "m1", "m2"]
    assert float(rows[0]["tokens_per_second"]) == 500
    assert float(rows[1]["gain"]) == pytest.approx(0.03)
    # what is not known is empty, not a number
    assert rows[2]["flops"] == rows[2]["tokens_per_second"] == ""
    found = json.loads((tmp_path / "c.json").read_text())
    assert [row["model"] for row in found["rows"]] == ["m0", "m1", "m2"]
    (point,) = found["points"]
    assert point["models"] == ["m0", "m1"]
    assert point["seeds"] == 2
    assert point["bits_per_base"] == pytest.approx(1.91)
    assert point["spread"] == pytest.approx(0.02 / 2**0.5)
    assert found["fits"] == []
    assert found["notes"] == [
        "encoder: no scaling curve, since 4 different amounts of compute are needed and there are 1."
    ]


def rows_of(sizes, law, architecture="encoder", tokenizer="single", rate=0.002, worse=0.0):
    return [
        {
            "model": f"{architecture}-{size}-{rate}", "architecture": architecture, "size": size, "seed": 1,
            "tokenizer": tokenizer, "learning_rate": rate, "objective": "masked", "flops": flops,
            "bits_per_base": float(law.loss(flops)) + worse,
        }
        for size, flops in sizes.items()
    ]  # fmt: skip


SIZES = {"tiny": 1e12, "small": 1e13, "medium": 1e14, "base": 1e15}


def test_each_architecture_has_its_own_curve_through_its_best_learning_rates():
    one, other = (PowerLaw(floor, 0.1, 0.3, 10**13.5, 0, 0, 0) for floor in (1.8, 1.7))
    rows = rows_of(SIZES, one) + rows_of(SIZES, one, rate=0.5, worse=0.1) + rows_of(SIZES, other, "hyena")
    rows += rows_of(dict(list(SIZES.items())[:2]), other, "hybrid")
    fits, notes = fits_of(points_of(rows))
    assert [fit["architecture"] for fit in fits] == ["encoder", "hyena"]
    assert [fit["floor"] for fit in fits] == pytest.approx([1.8, 1.7], abs=1e-3)
    assert fits[0]["points"] == 4
    assert [fits[0]["from_flops"], fits[0]["to_flops"]] == [1e12, 1e15]
    assert notes == ["hybrid: no scaling curve, since 4 different amounts of compute are needed and there are 2."]
    assert PowerLaw.of(fits[0]).loss(1e13) == pytest.approx(float(one.loss(1e13)), abs=1e-4)


def test_tokenizers_are_not_mixed_in_one_curve():
    law = PowerLaw(1.8, 0.1, 0.3, 1e14, 0, 0, 0)
    fits, notes = fits_of(points_of(rows_of(SIZES, law) + rows_of({"tiny": 1e12}, law, tokenizer="bpe")))
    assert [(fit["architecture"], fit["tokenizer"]) for fit in fits] == [("encoder", "single")]
    assert notes[0].startswith("encoder, bpe: no scaling curve")
