"""Heads that read pairs of alleles: swapped alleles, planted effects, tables of two sequences, all steps of a task."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cyvcf2 import VCF
from scipy.stats import pearsonr
from tiny_corpus import random_sequence
from tiny_models import WINDOW, random_codes, random_model, random_network
from tiny_tasks import EXAMPLES, TRAINING
from tiny_tokens import tiny_encoding

from genoglot.errors import InputError
from genoglot.examples.overlap import without_overlap
from genoglot.examples.reading import read_examples
from genoglot.examples.store import Examples
from genoglot.examples.tables import read_tables
from genoglot.examples.target import Target
from genoglot.genome.store import reverse_complement
from genoglot.interpretation.attributions import attribute_loci
from genoglot.model.folder import save_model
from genoglot.model.inference import Predictor, untrained
from genoglot.model.language_model import of_network
from genoglot.predictions.apply import predict_windows
from genoglot.predictions.variants import predict_variants
from genoglot.tasks import STARTS
from genoglot.tasks.baselines import fit_floors
from genoglot.tasks.curve import learn_from_few
from genoglot.tasks.evaluation import evaluate_task
from genoglot.tasks.floors import kmer_predictions, likelihood_predictions, majority_predictions
from genoglot.tasks.likelihood import likelihood_ratios
from genoglot.tasks.network import TaskNetwork, adapt, measure_spread
from genoglot.tasks.pairing import ALLELES, DIFFERENCE, pairing
from genoglot.tasks.probing import probe
from genoglot.tasks.runs import finetune_head
from genoglot.tasks.training import finetune
from genoglot.tasks.writing import write
from genoglot.tokens.encoding import SingleBase

VALUES = Target("values", ("effect",))
CLASSES = Target("classes", ("none", "some"))
MOTIF = np.array([3, 2, 0, 1, 2, 3, 1], dtype=np.uint8)
MIDDLE = WINDOW // 2


def planted(rows: int, seed: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of random windows that differ in the middle base. Of every third, ALT breaks a motif, which lowers the
    value by 1; of every third REF lacks it, and ALT raises the value; of others nothing changes but for noise."""
    codes = np.stack([random_codes(rows, seed)] * 2, axis=1)
    random = np.random.default_rng(seed)
    truth = noise * random.standard_normal((rows, 1)).astype(np.float32)
    start = MIDDLE - len(MOTIF) // 2
    kind = np.arange(rows) % 3
    codes[kind != 2, :, start : start + len(MOTIF)] = MOTIF
    codes[:, 1, MIDDLE] = (codes[:, 0, MIDDLE] + random.integers(1, 4, rows)) % 4
    gained = kind == 1
    codes[gained] = codes[gained, ::-1]
    truth[:, 0] += np.select([kind == 0, kind == 1], [-1.0, 1.0], 0.0)
    return codes, truth


def settings(**changes) -> dict:
    return TRAINING | {"epochs": 12, "patience": 12, "learning_rate": 0.005, "strands": "both"} | changes


def new_network(target: Target, effect: str, pooling: str = "centre") -> TaskNetwork:
    encoding = SingleBase()
    wide = of_network(random_network("convnet", encoding, dim=24, kernel_size=7), encoding, WINDOW)
    torch.manual_seed(0)
    return TaskNetwork(untrained(wide), target, pooling, WINDOW, effect=effect)


def trained(mode: str, effect: str, make_genome, folder: Path, strands: str = "both"):
    """A network that has learnt for a moment, by each of the modes."""
    model = random_model("encoder", "single", make_genome, folder)
    network = TaskNetwork(model, VALUES, "mean", WINDOW, effect=effect)
    train, validation = planted(48, 1), planted(24, 2)
    measure_spread(network, train[0], "float32")
    if mode == "lora":
        adapt(network, rank=2, alpha=4, dropout=0.0)
    learn = probe if mode == "probe" else finetune
    return learn(network, VALUES, train, validation, settings(epochs=2, strands=strands), "float32", 1)[0]


@pytest.mark.parametrize("strands", ["both", "given"])
@pytest.mark.parametrize("mode", ["full", "lora", "probe"])
def test_swapped_alleles_have_the_opposite_value(mode, strands, make_genome, tmp_path):
    task = trained(mode, DIFFERENCE, make_genome, tmp_path, strands)
    codes, _ = planted(30, 3)
    values = task.predict(codes, 8, "float32")
    assert values.std() > 1e-3
    np.testing.assert_allclose(task.predict(codes[:, ::-1], 8, "float32"), -values, atol=1e-5)
    same = codes[:, [0, 0]]
    np.testing.assert_allclose(task.predict(same, 8, "float32"), 0, atol=1e-6)
    turned = task.predict(reverse_complement(codes), 8, "float32")
    if strands == "both":
        np.testing.assert_allclose(turned, values, atol=1e-5)
    else:
        assert np.abs(turned - values).max() > 1e-3


def test_both_alleles_together_have_no_sign(make_genome, tmp_path):
    task = trained("full", ALLELES, make_genome, tmp_path)
    codes, _ = planted(30, 3)
    values = task.predict(codes, 8, "float32")
    assert np.abs(task.predict(codes[:, ::-1], 8, "float32") + values).max() > 1e-2


def test_what_is_read_of_a_pair_is_what_plain_sums_say(make_genome, tmp_path):
    model = random_model("convnet", "single", make_genome, tmp_path)
    codes, _ = planted(12, 4)
    single = TaskNetwork(model, VALUES, "mean", WINDOW)
    with torch.no_grad():
        reference, alternative = (single.vectors(write(model, codes[:, allele], "mean")) for allele in (0, 1))
        spread = (alternative - reference).square().mean().sqrt()
        for effect in (DIFFERENCE, ALLELES):
            network = TaskNetwork(model, VALUES, "mean", WINDOW, effect=effect)
            measure_spread(network, codes, "float32")
            found = network.features(write(model, codes, "mean"))
            difference = (alternative - reference) / spread
            parts = [difference] if effect == DIFFERENCE else [difference.abs(), difference, reference]
            torch.testing.assert_close(found, torch.cat(parts, 1), rtol=1e-4, atol=1e-4)
            assert (network.linear.bias is None) == (effect == DIFFERENCE)


def test_what_of_a_pair_is_read():
    assert pairing(False, VALUES, DIFFERENCE) is None
    assert pairing(True, VALUES, DIFFERENCE) == DIFFERENCE
    assert pairing(True, VALUES, ALLELES) == ALLELES
    assert pairing(True, CLASSES, DIFFERENCE) == ALLELES


def test_a_broken_motif_is_learnt_better_than_by_the_mean():
    network = new_network(VALUES, DIFFERENCE)
    train, validation, (codes, truth) = planted(300, 1), planted(60, 2), planted(90, 5)
    measure_spread(network, train[0], "float32")
    task, _ = finetune(network, VALUES, train, validation, settings(epochs=7), "float32", 1)
    predicted = task.predict(codes, 64, "float32")
    assert pearsonr(predicted[:, 0], truth[:, 0]).statistic > 0.85
    split = np.repeat(["train", "validation", "test"], [300, 60, 90])
    all_codes = np.concatenate([train[0], validation[0], codes])
    all_truth = np.concatenate([train[1], validation[1], truth])
    tested = split[split != "train"] == "test"
    majority = majority_predictions(all_truth, split, VALUES)[tested]
    kmers = kmer_predictions(all_codes, all_truth, split, VALUES, 1)[tested]
    error, of_majority, of_kmers = (np.square(each - truth).mean() for each in (predicted, majority, kmers))
    assert error < 0.4 * of_majority
    assert of_kmers < of_majority


def test_whether_anything_changes_is_learnt_of_both_directions():
    network = new_network(CLASSES, ALLELES)
    train, validation, (codes, truth) = (
        (codes, (np.abs(truth[:, 0]) > 0.5).astype(np.int64))
        for codes, truth in (planted(300, 1), planted(60, 2), planted(90, 5))
    )
    measure_spread(network, train[0], "float32")
    task, _ = finetune(network, CLASSES, train, validation, settings(epochs=7), "float32", 1)
    assert (task.predict(codes, 64, "float32").argmax(1) == truth).mean() > 0.85


@pytest.mark.parametrize("architecture", ["encoder", "convnet", "decoder"])
def test_likelihood_ratios_are_those_of_windows_read_one_by_one(architecture, make_genome, tmp_path):
    predictor = Predictor(random_model(architecture, "single", make_genome, tmp_path), 4, "float32")
    codes, _ = planted(6, 4)
    codes[5, 1] = np.roll(codes[5, 0], 1)
    found = likelihood_ratios(predictor, codes)
    chosen = np.zeros((1, WINDOW), dtype=bool)
    chosen[0, MIDDLE] = True
    for row in range(5):
        if architecture == "decoder":
            whole = np.ones((1, WINDOW), dtype=bool)
            sums = [predictor.strand_truth(codes[row, allele][None], whole).sum(axis=1).mean() for allele in (0, 1)]
            assert found[row] == pytest.approx(sums[1] - sums[0], abs=1e-4)
            continue
        values = predictor.log_probabilities(codes[row, 0][None], chosen)[0]
        expected = values[codes[row, 1, MIDDLE]] - values[codes[row, 0, MIDDLE]]
        assert found[row] == pytest.approx(expected, abs=1e-4)
    assert np.isfinite(found[5]) == (architecture == "decoder")
    swapped = likelihood_ratios(predictor, codes[:, ::-1])
    np.testing.assert_allclose(swapped, -found, atol=1e-4)


def test_what_is_likelier_predicts_what_follows_from_it():
    random = np.random.default_rng(1)
    ratios = random.standard_normal(200)
    truth = (3 * ratios + 1).astype(np.float32)[:, None]
    ratios[::10] = np.nan
    split = np.repeat(["train", "validation", "test"], [120, 40, 40])
    found = likelihood_predictions(ratios, truth, split, VALUES, 1)[40:]
    known = np.isfinite(ratios[160:])
    assert np.polyfit(truth[160:][known, 0], found[known, 0], 1)[0] == pytest.approx(1, abs=0.1)
    assert pearsonr(truth[160:][known, 0], found[known, 0]).statistic > 0.999
    # what has no number stands where the mean of the others does
    assert np.ptp(found[~known]) == 0
    assert found[~known][0, 0] == pytest.approx(float(truth[:120].mean()), abs=0.2)


def paired_table(folder: Path, rows: list[tuple[str, str, str]], header="ref,alt,label", name="pairs.csv") -> str:
    path = folder / name
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return str(path)


def of_table(path: str, **changes) -> dict:
    files = {"train": path, "validation": None, "test": None}
    columns = {"sequence": ["ref", "alt"], "label": "label"}
    return EXAMPLES | {"kind": "regression", "sequences": files, "columns": columns} | changes


def element_rows() -> list[tuple[str, str, str]]:
    """Six variants of each of forty elements."""
    rows = []
    for number in range(40):
        ref = random_sequence(40, number)
        for place in range(10, 34, 4):
            alt = ref[:place] + "CGTA"["ACGT".index(ref[place])] + ref[place + 1 :]
            rows.append((ref, alt, f"{np.sin(number + place):.3f}", f"e{number // 2}"))
    return rows


@pytest.mark.parametrize("group", [None, "element"])
def test_variants_of_one_sequence_are_never_on_two_sides(tmp_path, group):
    rows = element_rows()
    order = np.random.default_rng(0).permutation(len(rows))
    path = paired_table(tmp_path, [rows[row] for row in order], "ref,alt,label,element")
    found = read_tables(of_table(path, group=group), 100, 1)
    assert found.codes.shape == (240, 2, 40)
    key = [rows[row][3 if group else 0] for row in order]
    sides = pd.DataFrame({"key": key, "split": found.split}).groupby("key")["split"].nunique()
    assert sides.max() == 1
    assert set(found.split) == {"train", "validation", "test"}
    assert found.about["shared"]["test_and_training"]["same_sequence"] == 0
    groups = pd.DataFrame({"key": key, "group": found.frame["group"]}).drop_duplicates()
    assert groups["key"].is_unique
    assert groups["group"].is_unique


def test_a_table_of_pairs_is_the_same_after_it_was_written_and_read(tmp_path):
    ref, alt = random_sequence(30, 1), random_sequence(28, 2)
    rows = [(random_sequence(30, seed), random_sequence(30, seed + 500), str(seed % 7)) for seed in range(60)]
    rows += [(ref, alt, "1"), (alt, ref, "2"), (ref, alt, "3"), (ref, ref.lower(), "9"), (ref, alt, "")]
    found = read_tables(of_table(paired_table(tmp_path, rows)), 30, 1)
    assert len(found.codes) == 63
    assert found.about["left_out"]["ALT is REF"] == 1
    assert found.about["left_out"]["no label"] == 1
    # the swapped pair has another label, which is no contradiction
    assert found.about["conflicting"] == 2
    found.save(tmp_path / "saved")
    read = Examples.load(tmp_path / "saved")
    assert read.paired
    assert read.length == 30
    np.testing.assert_array_equal(read.codes, found.codes)
    np.testing.assert_array_equal(read.sequences, found.codes[:, 0])
    assert json.loads((tmp_path / "saved/examples.json").read_text())["paired"] is True


def test_training_pairs_whose_ref_is_tested_are_dropped(tmp_path):
    rows = element_rows()
    files = {
        name: paired_table(tmp_path, rows[first:last], "ref,alt,label,element", f"{name}.csv")
        for name, first, last in (("train", 0, 183), ("validation", 183, 210), ("test", 210, 240))
    }
    shared = read_tables(of_table("", sequences=files), 100, 1)
    assert shared.about["shared"]["validation_and_training"]["same_sequence"] == 3
    assert len(without_overlap(shared, drop=True).rows("train")) == 180


CONTIGS = {name: random_sequence(3000, seed) for seed, name in enumerate(("one", "two", "three"))}
SPLIT = {"by": "contig", "column": "split", "validation": ["two"], "test": ["three"], "drop": False}
LIMITS = {"max_length": 12, "max_mismatch": 0.1}


def write_vcf(path: Path) -> None:
    """SNVs, every second with two ALT, and a deletion on each contig."""
    lines = ["##fileformat=VCFv4.2", '##INFO=<ID=EFFECT,Number=A,Type=Float,Description="number">']
    lines += ['##INFO=<ID=WORD,Number=A,Type=String,Description="class">']
    lines += ["#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    for name, text in CONTIGS.items():
        for place in range(60, 2900, 57):
            ref = text[place]
            alts = [base for base in "ACGT" if base != ref][: 1 + place % 2]
            values = [np.cos(place + number) for number in range(len(alts))]
            words = ",".join("up" if value > 0 else "down" for value in values)
            info = f"EFFECT={','.join(f'{value:.3f}' for value in values)};WORD={words}"
            lines.append(f"{name}\t{place + 1}\t.\t{ref}\t{','.join(alts)}\t.\t.\t{info}")
        lines.append(f"{name}\t2951\t.\t{text[2950:2953]}\t{text[2950]}\t.\t.\tEFFECT=0.5;WORD=up")
    path.write_text("\n".join(lines) + "\n")


def learn(kind: str, mode: str, make_genome, folder: Path) -> tuple[Path, dict]:
    """All steps of a task on labelled variants, in `folder`/task, and its settings; the genome is in `sequence`."""
    genome, encoding = make_genome(CONTIGS), tiny_encoding("single", make_genome, folder / "tokens")
    model, task = folder / "model", folder / "task"
    save_model(random_network("convnet", encoding), encoding, model, WINDOW)
    write_vcf(folder / "labels.vcf")
    column = "EFFECT" if kind == "regression" else "WORD"
    asked = {"variants": str(folder / "labels.vcf"), "column": column, "kind": kind, "split": SPLIT}
    read_examples(model, genome.folder, None, None, None, task, EXAMPLES | asked | LIMITS, "g", {}, 1)
    chosen = settings(mode=mode, epochs=1, kind=kind)
    runs = [task / "runs" / start for start in STARTS]
    for start, run in zip(STARTS, runs, strict=True):
        finetune_head(model, task, run, "m", "t", start, 1, chosen, 1)
    fit_floors(model, task, task / "floors.safetensors", chosen, 1, 1)
    evaluate_task(task, runs, task / "floors.safetensors", None, task, "t", "m", kind, mode, 1)
    return task, chosen


@pytest.mark.parametrize(
    ("kind", "mode", "name"),
    [
        ("regression", "full", "EFFECT"),
        ("regression", "lora", "EFFECT"),
        ("regression", "probe", "EFFECT"),
        ("classification", "probe", "up"),
        ("multilabel", "full", "down"),
    ],
)
def test_a_head_says_of_variants_what_it_said_of_them_as_examples(kind, mode, name, make_genome, tmp_path):
    task, _ = learn(kind, mode, make_genome, tmp_path)
    assert json.loads((task / "head.json").read_text())["paired"] is True
    assert json.loads((task / "metrics.json").read_text())["likelihood"]
    shown = pd.read_parquet(task / "predictions.parquet")
    description = {"prediction": "p", "task": "t", "model": "m"}
    use = {"batch_size": 4, "precision": "float32", **LIMITS}
    out = tmp_path / "out"
    predict_variants(tmp_path / "labels.vcf", tmp_path / "model", task, tmp_path / "sequence", out, use, description, 1)
    table = pd.read_parquet(out / "predictions.parquet")
    both = shown.merge(table, on=["contig", "pos", "ref", "alt"])
    assert len(both) == len(shown) > 50
    np.testing.assert_allclose(both[f"pretrained_{name}"], both[f"effect_{name}"], atol=1e-5)
    assert not [column for column in table if column.startswith(("ref_", "alt_", "difference_"))]
    found = VCF(str(out / "predictions.vcf.gz"))
    assert "by REF and ALT, task t" in found.raw_header
    values = [value for record in found for value in np.atleast_1d(record.INFO[f"GLM_T_{name.upper()}"])]
    np.testing.assert_allclose(values, table[f"effect_{name}"], rtol=1e-3, atol=1e-4)


def test_a_head_of_pairs_reads_no_windows_and_no_loci(make_genome, tmp_path):
    task, chosen = learn("regression", "probe", make_genome, tmp_path)
    model, sequence, use = tmp_path / "model", tmp_path / "sequence", {"batch_size": 4, "precision": "float32"}
    with pytest.raises(InputError, match="task reads pairs of alleles and no windows: put it to variants"):
        predict_windows(model, task, sequence, tmp_path / "windows", {"step": 10, **use}, {}, 1)
    assert not (tmp_path / "windows").exists()
    with pytest.raises(InputError, match="task reads pairs of alleles, and bases of a locus are no pair"):
        attribute_loci(model, task, sequence, tmp_path / "loci.parquet", {"map_length": 9, "orders": 1, **use}, 1, 1)
    few = {"per_class": [8, 16], "draws": 1}
    learn_from_few(model, task, tmp_path / "few.json", chosen, few, 1, 1)
    points = json.loads((tmp_path / "few.json").read_text())["points"]
    assert {point["contestant"] for point in points} == {"kmer", "neighbours", *STARTS}
    assert all(point["value"] is not None for point in points if point["contestant"] in STARTS)
