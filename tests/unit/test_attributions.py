"""Shapley values of bases: they add up, they are those of every order, and a table of loci has them."""

from itertools import permutations

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from tiny_models import WINDOW, random_codes, random_model
from tiny_tasks import learn_regions
from tiny_training import SETTINGS, STEP

from genoglot.examples.target import Target
from genoglot.genome.store import N_CODE
from genoglot.interpretation.attributions import attribute_loci, attribution_rows, shapley_values
from genoglot.interpretation.loci import Locus
from genoglot.tasks.heads import Head, load_head
from genoglot.tasks.network import TaskNetwork
from genoglot.tasks.training import Objective, TaskModel

SHAPLEY = {"orders": 4, "batch_size": 32}
TARGET = Target("classes", ("no", "yes", "more"))


@pytest.fixture(params=[("convnet", "single"), ("encoder", "bpe")])
def head(request, make_genome, tmp_path) -> Head:
    network = TaskNetwork(random_model(*request.param, make_genome, tmp_path), TARGET, "mean", WINDOW)
    return Head(TaskModel(network, TARGET, Objective(TARGET), True).eval(), WINDOW, {})


def output(head: Head, codes: np.ndarray, chosen: int) -> float:
    return float(head.model.outputs(codes[None], 8, "float32")[0, chosen])


def hidden(codes: np.ndarray, places) -> np.ndarray:
    changed = codes.copy()
    changed[list(places)] = N_CODE
    return changed


def test_values_add_up_to_what_hiding_the_locus_changes(head):
    [codes] = random_codes(1, 4)
    values = shapley_values(head, codes, 10, 12, 1, SHAPLEY, "float32", 1)
    whole, without = output(head, codes, 1), output(head, hidden(codes, range(10, 22)), 1)
    assert values.sum() == pytest.approx(whole - without, abs=1e-4)
    again = shapley_values(head, codes, 10, 12, 1, SHAPLEY, "float32", 1)
    np.testing.assert_array_equal(values, again)


def test_many_orders_come_near_to_all_orders(head):
    [codes] = random_codes(1, 5)
    places = range(20, 24)
    exact, orders = dict.fromkeys(places, 0.0), list(permutations(places))
    for order in orders:
        unknown = set(places)
        before = output(head, hidden(codes, unknown), 0)
        for place in order:
            unknown.discard(place)
            after = output(head, hidden(codes, unknown), 0)
            exact[place] += (after - before) / len(orders)
            before = after
    found = shapley_values(head, codes, 20, 4, 0, SHAPLEY | {"orders": 150}, "float32", 2)
    spread = max(abs(value) for value in exact.values())
    np.testing.assert_allclose(found, list(exact.values()), atol=0.25 * spread)


def test_what_lies_outside_the_locus_is_never_hidden(head, monkeypatch):
    [codes] = random_codes(1, 6)
    seen = []
    plain = head.model.outputs

    def watch(windows, *arguments):
        seen.append(windows.copy())
        return plain(windows, *arguments)

    monkeypatch.setattr(head.model, "outputs", watch)
    shapley_values(head, codes, 5, 6, 0, SHAPLEY, "float32", 1)
    asked = np.concatenate(seen)
    assert (np.delete(asked, range(5, 11), axis=1) == np.delete(codes, range(5, 11))).all()
    inside = asked[:, 5:11]
    assert ((inside == codes[5:11]) | (inside == N_CODE)).all()


def test_a_locus_of_n_has_no_rows(head, make_genome):
    genome = make_genome({"one": "ACGT" * 30 + "N" * 20 + "ACGT" * 30})
    assert attribution_rows(head, genome, 0, Locus("one", 122, 130), SHAPLEY, "float32", 1) is None
    rows = attribution_rows(head, genome, 3, Locus("one", 110, 125), SHAPLEY, "float32", 1).to_pydict()
    assert rows["pos"] == list(range(110, 125))
    assert "".join(rows["ref"]) == ("ACGT" * 30 + "NNNNN")[110:125]
    np.testing.assert_allclose(rows["attribution"][-5:], 0, atol=1e-6)


def test_attributions_of_a_trained_head_at_loci(training_corpus):
    folder, genome = training_corpus.folder, training_corpus.genome
    model = training_corpus.train(training={"max_tokens": STEP})
    learn_regions(model, genome, folder / "regions.bed.gz", folder / "task", SETTINGS, 20)
    settings = {
        "name": "s", "regions": ["one:101-110", "two:1-12", "one:1-60"], "flank": 5, "max_loci": 9, "map_length": 20,
        "precision": "float32", **SHAPLEY,
    }  # fmt: skip
    attribute_loci(model, folder / "task", genome.folder, folder / "a.parquet", settings, 1, 1)
    table = pq.read_table(folder / "a.parquet").to_pandas()
    # the third is longer than map_length
    assert table.groupby("locus").size().to_dict() == {0: 10, 1: 12}
    head = load_head(folder / "task", model)
    start = 100 + 5 - head.length // 2
    codes = genome.windows(np.array([0]), np.array([start]), head.length)
    probabilities = head.model.predict(codes, 8, "float32")[0]
    first = table[table["locus"] == 0]
    assert set(first["output"]) == {head.target.names[int(probabilities.argmax())]}
    np.testing.assert_allclose(first["prediction"], probabilities.max(), atol=1e-5)
    assert torch.isfinite(torch.tensor(table["attribution"].to_numpy())).all()
