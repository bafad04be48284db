"""Networks of tasks, what is trained of them, and how: against plain computations."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from tiny_models import WINDOW, random_codes, random_model, random_network

from genoglot.examples.target import Target
from genoglot.genome.store import N_CODE, reverse_complement
from genoglot.model.inference import untrained
from genoglot.model.language_model import of_network
from genoglot.tasks.metrics import choice
from genoglot.tasks.network import TaskNetwork, adapt, parameter_groups, set_dropout
from genoglot.tasks.probing import probe, vectors_of
from genoglot.tasks.training import Objective, finetune
from genoglot.tasks.writing import write
from genoglot.tokens.encoding import SingleBase

CLASSES = Target("classes", ("no", "yes"))
THREE = Target("classes", ("a", "b", "c"))
SETTINGS = {
    "epochs": 8, "patience": 8, "learning_rate": 0.02, "layer_decay": 0.9, "weight_decay": 0.01, "batch_size": 16,
    "balanced": True, "strands": "both",
}  # fmt: skip


@pytest.fixture
def model(make_genome, tmp_path):
    return random_model("convnet", "single", make_genome, tmp_path)


def planted(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random sequences; half of them hold a motif somewhere, on one strand or the other, and are of class 1."""
    codes, truth = random_codes(rows, seed), np.arange(rows) % 2
    motif = np.array([0, 0, 1, 2, 0, 0], dtype=np.uint8)
    random = np.random.default_rng(seed)
    for row in np.flatnonzero(truth):
        place = random.integers(0, WINDOW - len(motif))
        codes[row, place : place + len(motif)] = motif if random.random() < 0.5 else reverse_complement(motif)
    return codes, truth


def token_vectors(model, codes: np.ndarray) -> torch.Tensor:
    written = model.write(codes)
    with torch.no_grad():
        return model.vectors(torch.from_numpy(written.ids), torch.from_numpy(written.present))


def padded(rows: int, ends: list[int]) -> np.ndarray:
    codes = random_codes(rows, 3)
    for row, end in enumerate(ends):
        codes[row, :end] = codes[row, WINDOW - end :] = N_CODE
    return codes


@pytest.mark.parametrize(
    ("architecture", "kind"), [("convnet", "single"), ("encoder", "kmer"), ("decoder", "blocks"), ("encoder", "bpe")]
)
def test_what_a_pooling_is_the_mean_of(architecture, kind, make_genome, tmp_path):
    model = random_model(architecture, kind, make_genome, tmp_path)
    codes = padded(3, [0, 6, 11])
    vectors, tokens = token_vectors(model, codes), model.write(codes)
    for pooling in ("mean", "centre", "token"):
        network = TaskNetwork(model, CLASSES, pooling, WINDOW)
        with torch.no_grad():
            found = network.vectors(write(model, codes, pooling))
        for row in range(len(codes)):
            chosen = []
            for place in range(int(tokens.lengths[row])):
                start, end = tokens.starts[row, place], tokens.ends[row, place]
                middle = (start + end) / 2
                if pooling == "centre" and WINDOW / 4 <= middle < WINDOW - WINDOW / 4:
                    chosen.append(place)
                if pooling != "centre" and (codes[row, start:end] < N_CODE).any():
                    chosen.append(place)
            if pooling == "token" and model.kind == "causal":
                chosen = chosen[-1:]
            elif pooling == "token":
                chosen = sorted(chosen, key=lambda i: abs(tokens.starts[row, i] + tokens.ends[row, i] - WINDOW))[:1]
            expected = network.norm(vectors[row, chosen].mean(0))
            torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-5)


def test_learnt_pooling_begins_as_the_mean_and_does_not_see_padding(model):
    network, codes = TaskNetwork(model, CLASSES, "attention", WINDOW), padded(3, [0, 6, 11])
    with torch.no_grad():
        found = network.vectors(write(model, codes, "attention"))
        means = torch.stack(
            [
                each[torch.from_numpy(row < N_CODE)].mean(0)
                for each, row in zip(token_vectors(model, codes), codes, strict=True)
            ]
        )
        torch.testing.assert_close(found, network.norm(network.attention.value(means)), rtol=1e-4, atol=1e-5)
        network.attention.place[: WINDOW // 2] = -50
        moved = network.vectors(write(model, codes, "attention"))
        late = [np.flatnonzero(row < N_CODE) for row in codes]
        late = [places[places >= WINDOW // 2] for places in late]
        means = torch.stack(
            [
                each[torch.from_numpy(places)].mean(0)
                for each, places in zip(token_vectors(model, codes), late, strict=True)
            ]
        )
        torch.testing.assert_close(moved, network.norm(network.attention.value(means)), rtol=1e-4, atol=1e-5)


def test_sequences_without_bases_have_finite_outputs(model):
    codes = np.full((2, WINDOW), N_CODE, dtype=np.uint8)
    for pooling in ("mean", "centre", "token", "attention"):
        assert torch.isfinite(TaskNetwork(model, THREE, pooling, WINDOW)(write(model, codes, pooling))).all()


def test_a_motif_on_either_strand_is_learnt_and_both_strands_agree():
    encoding = SingleBase()
    wide = of_network(random_network("convnet", encoding, dim=24, kernel_size=7), encoding, WINDOW)
    torch.manual_seed(0)
    network = TaskNetwork(untrained(wide), CLASSES, "attention", WINDOW)
    train, validation, (codes, truth) = planted(400, 1), planted(100, 2), planted(200, 5)
    settings = SETTINGS | {"learning_rate": 0.005, "epochs": 12}
    task, found = finetune(network, CLASSES, train, validation, settings, "float32", 1)
    predicted = task.predict(codes, 64, "float32")
    assert (predicted.argmax(1) == truth).mean() > 0.9
    assert found["validation"] == max(epoch["validation"] for epoch in found["history"])
    np.testing.assert_allclose(task.predict(reverse_complement(codes), 64, "float32"), predicted, atol=1e-5)
    np.testing.assert_allclose(predicted.sum(1), 1, atol=1e-5)


def test_the_same_seed_trains_the_same_and_another_does_not(make_genome, tmp_path):
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        network = TaskNetwork(random_model("convnet", "single", make_genome, tmp_path), CLASSES, "mean", WINDOW, 0.2)
        settings = SETTINGS | {"epochs": 2}
        task, _ = finetune(network, CLASSES, planted(60, 1), planted(20, 2), settings, "float32", seed)
        return torch.cat([value.flatten() for value in task.state_dict().values()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_training_stops_when_validation_gains_nothing(model):
    network = TaskNetwork(model, CLASSES, "mean", WINDOW)
    train, noise = planted(60, 1), (random_codes(40, 9), np.arange(40) % 2)
    settings = SETTINGS | {"epochs": 50, "patience": 2}
    _, found = finetune(network, CLASSES, train, noise, settings, "float32", 1)
    assert len(found["history"]) == found["best_epoch"] + 2 < 50


def test_what_is_not_known_has_no_part_in_the_loss():
    truth = np.array([[1.0, np.nan], [3.0, 10.0], [np.nan, 30.0]], dtype=np.float32)
    outputs = torch.tensor([[0.5, 9.0], [0.5, -1.0], [7.0, 0.0]])
    objective = Objective(Target("values", ("a", "b")), truth, False)
    scaled = [(1 - 2) / 1 - 0.5, (3 - 2) / 1 - 0.5, (10 - 20) / 10 + 1, (30 - 20) / 10]
    expected = np.mean(np.square(scaled))
    assert float(objective.loss(outputs, torch.from_numpy(truth))) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(objective.predictions(outputs)[1], [2.5, 10.0], rtol=1e-6)
    labels = Objective(Target("labels", ("a", "b")), truth > 2, False)
    known = torch.tensor([[1.0, float("nan")]])
    one = labels.loss(torch.tensor([[0.3, 5.0]]), known)
    assert float(one) == pytest.approx(np.log1p(np.exp(-0.3)), rel=1e-5)


def test_classes_count_alike_if_balanced():
    truth = np.array([0, 0, 0, 1])
    outputs = torch.tensor([[0.2, 0.1]] * 4)
    each = -outputs.log_softmax(-1)[0]
    balanced = Objective(CLASSES, truth, True).loss(outputs, torch.from_numpy(truth))
    plain = Objective(CLASSES, truth, False).loss(outputs, torch.from_numpy(truth))
    assert float(balanced) == pytest.approx(float(each.mean()), rel=1e-5)
    assert float(plain) == pytest.approx(float((3 * each[0] + each[1]) / 4), rel=1e-5)


def test_deeper_blocks_learn_faster(model):
    network = TaskNetwork(model, CLASSES, "attention", WINDOW)
    groups = parameter_groups(network, 1.0, 0.5, 0.1, set())
    rate = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    named = dict(network.named_parameters())
    assert sum(len(group["params"]) for group in groups) == len(named)
    assert rate[id(named["linear.weight"])] == rate[id(named["attention.place"])] == 1
    blocks = [name for name in named if "blocks.1." in name]
    assert {rate[id(named[name])] for name in blocks} == {0.5}
    assert {rate[id(named[name])] for name in named if "blocks.0." in name} == {0.25}
    assert {rate[id(named[name])] for name in named if "embedding" in name} == {0.125}


@pytest.mark.parametrize("architecture", ["convnet", "encoder", "cloze", "hyena", "hybrid"])
def test_low_rank_updates_leave_the_backbone_as_it_is(architecture, make_genome, tmp_path):
    model = random_model(architecture, "single", make_genome, tmp_path)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    network = TaskNetwork(model, CLASSES, "mean", WINDOW)
    codes, truth = planted(60, 1)
    with torch.no_grad():
        untouched = network(write(model, codes, "mean"))
    adapt(network, rank=2, alpha=4, dropout=0.0)
    with torch.no_grad():
        torch.testing.assert_close(network(write(model, codes, "mean")), untouched)
    settings = SETTINGS | {"epochs": 2, "patience": 2}
    finetune(network, CLASSES, (codes, truth), planted(20, 2), settings, "float32", 1)
    after = {name.replace(".base_layer", ""): value for name, value in network.backbone.state_dict().items()}
    for name, value in before.items():
        assert torch.equal(value, after[name]), name
    updates = [value for name, value in after.items() if "lora_B" in name]
    assert any(value.abs().max() > 0 for value in updates)


def test_a_probe_is_the_logistic_regression_of_the_vectors(model):
    network = TaskNetwork(model, CLASSES, "mean", WINDOW)
    train, validation, (codes, _) = planted(200, 1), planted(60, 2), planted(40, 3)
    before = [value.clone() for value in model.network.parameters()]
    task, found = probe(network, CLASSES, train, validation, SETTINGS, "float32", 1)
    assert all(torch.equal(*pair) for pair in zip(before, model.network.parameters(), strict=True))
    fitted, *tested = (
        vectors_of(network, each, 64, "float32", False)
        for each in (np.concatenate([train[0], reverse_complement(train[0])]), codes, reverse_complement(codes))
    )
    mean, scale = fitted.mean(0), fitted.std(0)
    plain = LogisticRegression(C=found["inverse_penalty"], class_weight="balanced", max_iter=300)
    plain.fit((fitted - mean) / scale, np.tile(train[1], 2))
    expected = np.mean([plain.predict_proba((each - mean) / scale) for each in tested], axis=0)
    np.testing.assert_allclose(task.predict(codes, 64, "float32"), expected, atol=1e-3)


@pytest.mark.parametrize("strands", ["both", "given"])
def test_a_probe_is_chosen_by_what_it_predicts(strands, model):
    network = TaskNetwork(model, CLASSES, "mean", WINDOW)
    train, validation = planted(200, 1), planted(60, 2)
    task, found = probe(network, CLASSES, train, validation, SETTINGS | {"strands": strands}, "float32", 1)
    predicted = task.predict(validation[0], 64, "float32")
    assert choice(CLASSES, validation[1], predicted) == pytest.approx((found["validation"], -found["validation_error"]))


def test_the_linear_layer_is_not_in_half_precision(model):
    network = TaskNetwork(model, CLASSES, "mean", WINDOW).eval()
    written = write(model, random_codes(4, 1), "mean")
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        outputs, features = network(written), network.features(written)
    assert outputs.dtype == features.dtype == torch.float32
    torch.testing.assert_close(outputs, features @ network.linear.weight.T.detach() + network.linear.bias.detach())


@pytest.mark.parametrize("architecture", ["convnet", "encoder", "hyena", "hybrid"])
def test_dropout_inside_the_network_is_what_the_task_says(architecture, make_genome, tmp_path):
    network = TaskNetwork(random_model(architecture, "single", make_genome, tmp_path), CLASSES, "mean", WINDOW, 0.1)
    written = write(network.model, random_codes(4, 1), "mean")

    def twice(rate: float) -> list[torch.Tensor]:
        set_dropout(network.backbone, rate)
        network.backbone.train()
        with torch.no_grad():
            return [network.vectors(written) for _ in range(2)]

    assert torch.equal(*twice(0.0))
    assert not torch.allclose(*twice(0.5))
    assert network.dropout.p == 0.1
