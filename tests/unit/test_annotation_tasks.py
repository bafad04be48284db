"""What each base is to genes as a task, from the annotation to GFF3, on a small genome with genes of its own."""

import json

import numpy as np
import pandas as pd
import pyBigWig
import pysam
import pytest
import torch
from sklearn.metrics import f1_score
from tiny_genes import LENGTHS, write_genome
from tiny_models import random_codes, random_model, random_network
from tiny_tasks import EXAMPLES, SPLIT, TRAINING
from tiny_tokens import tiny_encoding

from genoglot.annotation.table import read_annotation
from genoglot.errors import InputError
from genoglot.examples import annotation
from genoglot.examples.grid import dense_windows, stretches
from genoglot.examples.reading import read_examples
from genoglot.examples.store import Examples
from genoglot.examples.target import UNKNOWN, Target, known_bins, on_other_strand
from genoglot.examples.task_genome import TaskGenome
from genoglot.genes.labels import CLASSES, base_classes
from genoglot.genome.store import N_CODE, Genome, reverse_complement
from genoglot.genome.transcripts import read_transcripts
from genoglot.model.folder import save_model
from genoglot.predictions.annotate import annotate_genome
from genoglot.tasks import STARTS, dense_floors, floors
from genoglot.tasks.baselines import fit_floors
from genoglot.tasks.dense_floors import FLANK, _predicted, orf_predictions
from genoglot.tasks.evaluation import evaluate_task
from genoglot.tasks.floors import kmer_features
from genoglot.tasks.heads import load_head
from genoglot.tasks.network import TaskNetwork
from genoglot.tasks.runs import finetune_head
from genoglot.tasks.training import Objective, TaskModel
from genoglot.tasks.writing import BINS, write

WINDOW, MARGIN = 128, 32
CORPUS = {"split": {"by": "contig"}, "validation": ["two"], "test": []}
SETTINGS = EXAMPLES | {
    "kind": "annotation", "split": SPLIT | {"by": "contig", "validation": 0.4, "test": ["two"]},
}  # fmt: skip
LEARNING = TRAINING | {
    "kind": "annotation", "pooling": BINS, "epochs": 8, "patience": 8, "learning_rate": 5e-3, "batch_size": 8,
    "balanced": False,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small_sample():
    """Regressions on k-mers see a few hundred bases, which takes seconds, and few splice sites are enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense_floors, "SAMPLE", 400)
        patch.setattr(floors, "MAX_ITERATIONS", 20)
        patch.setattr(annotation, "FEWEST", 2)
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with a genome, an untrained model, and all that a task of its genes makes."""
    folder = tmp_path_factory.mktemp("genes")
    genome, gff = write_genome(folder / "genome")
    encoding = tiny_encoding("single", None, folder)
    network = random_network("convnet", encoding, WINDOW, dim=32, layers=4)
    save_model(network, encoding, folder / "model", WINDOW)
    task = folder / "task"
    read_examples(folder / "model", genome.folder, None, None, gff, task, SETTINGS, "g", CORPUS, 1)
    runs = [task / "runs" / start for start in STARTS]
    for start, run in zip(STARTS, runs, strict=True):
        finetune_head(folder / "model", task, run, "m", "genes", start, 1, LEARNING, 1)
    fit_floors(folder / "model", task, task / "floors.safetensors", LEARNING, 1, 1)
    evaluate_task(task, runs, task / "floors.safetensors", None, task, "genes", "m", "annotation", "full", 1)
    return folder


def test_windows_have_the_classes_of_their_bases_and_hide_their_margins(study):
    examples = Examples.load(study / "task")
    genome = Genome(study / "genome/sequence")
    classes = base_classes(study / "genome/annotation.gff3", genome)
    offsets = dict(zip(LENGTHS, np.cumsum([0, *LENGTHS.values()]), strict=False))
    seen = {split: np.zeros(len(classes), dtype=int) for split in ("train", "validation", "test")}
    for row, window in enumerate(examples.frame.itertuples()):
        for place in range(WINDOW):
            position, number = window.start + place, examples.truth[row, place]
            inside = 0 <= position < LENGTHS[window.contig]
            hidden = window.split != "train" and not MARGIN <= place < WINDOW - MARGIN
            if hidden or not inside:
                assert number == UNKNOWN
            else:
                base = offsets[window.contig] + position
                assert examples.target.names[number] == CLASSES[classes[base]]
                seen[window.split][base] += 1
    # no base is known twice, on two sides or on one, and all of the test contig is there once
    assert max(counts.max() for counts in (sum(seen.values()), *seen.values())) == 1
    assert (seen["test"][offsets["two"] : offsets["three"]] == 1).all()
    assert examples.about["margin"] == MARGIN
    assert {"donor_plus", "acceptor_minus", "CDS_minus"} <= set(examples.target.names)
    assert not any(name.startswith("UTR") for name in examples.target.names)


def test_stretches_put_windows_together_again(study):
    examples = Examples.load(study / "task")
    rows = examples.rows("test")
    genome = Genome(study / "genome/sequence")
    (stretch,) = stretches(examples.frame.iloc[rows], MARGIN)
    bases = stretch.joined(examples.codes[rows], MARGIN)
    assert (stretch.contig, stretch.start) == ("two", 0)
    assert np.array_equal(bases[: LENGTHS["two"]], genome.contig("two"))
    assert (bases[LENGTHS["two"] :] == N_CODE).all()


def test_the_network_beats_kmers_and_everything_is_measured(study):
    metrics = json.loads((study / "task/metrics.json").read_text())
    assert metrics["bin"] == 1
    assert metrics["bins_test"] == LENGTHS["two"]
    assert metrics["orf"]["mcc"] > metrics["majority"]["mcc"] + 0.4
    assert metrics["orf"]["genes"]["genes"]["true"] == 9
    assert metrics["orf"]["genes"]["exons"]["true"] == 12
    for start in STARTS:
        assert metrics[start]["mcc"] > metrics["majority"]["mcc"]
        # the decoder makes genes with their exact ends of what tells bases apart on the whole
        assert metrics[start]["genes"]["genes"]["right"] >= 7
        assert set(metrics[start]["genes"]) == {"exons", "genes", "splice", "weight"}
        assert metrics[start]["genes"]["splice"]["donor"]["n"] == 3
    table = pd.read_parquet(study / "task/predictions.parquet")
    assert list(table["start"]) == list(range(LENGTHS["two"]))
    assert set(table["contig"]) == {"two"}
    right = f1_score(table["label"], table["orf_class"], labels=metrics["classes"], average=None, zero_division=0)
    listed = [entry["f1"] for entry in metrics["orf"]["per_class"]]
    assert np.allclose(right, listed)


def test_genes_of_a_genome_are_read_back(study):
    settings = {"batch_size": 4, "precision": "float32"}
    out, head = study / "out", load_head(study / "task", study / "model")
    described = {"prediction": "all", "task": "genes", "model": "m"}
    annotate_genome(
        study / "model",
        study / "task",
        study / "genome/sequence",
        out,
        settings,
        described,
        1,
        contigs=["two", "three"],
    )
    summary = json.loads((out / "summary.json").read_text())
    assert summary["bases_read"] == LENGTHS["two"] + LENGTHS["three"]
    transcripts = read_transcripts(read_annotation(out / "genes.gff3.gz"))
    assert len(transcripts) == summary["genes"] > 3
    assert all(each.left_out == "" and each.kind == "protein_coding" for each in transcripts)
    assert sum(len(each.cds) for each in transcripts) == summary["exons"]
    with pysam.TabixFile(str(out / "genes.gff3.gz")) as file:
        assert set(file.contigs) <= {"two", "three"}
        assert len(list(file.fetch("two"))) > 0
    # what the tracks say of a base is what the head says of the window in whose middle it lies
    genome, place = Genome(study / "genome/sequence"), 1000
    first = place // (WINDOW - 2 * MARGIN) * (WINDOW - 2 * MARGIN) - MARGIN
    codes = genome.windows(np.array([1]), np.array([first]), WINDOW)
    likely = head.model.predict(codes, 1, "float32")[0, place - first]
    rows = (out / "tracks/tracks.tsv").read_text().splitlines()[1:]
    for row, expected in zip(rows, likely, strict=True):
        with pyBigWig.open(str(out / "tracks" / row.split("\t")[0])) as track:
            assert track.values("two", place, place + 1)[0] == pytest.approx(expected, abs=2e-3)
            assert "one" not in track.chroms()
    bed = pd.read_csv(out / "predictions.bed.gz", sep="\t")
    assert set(bed["name"]) <= set(head.target.names) - {"intergenic"}
    assert (bed["end"] > bed["start"]).all()
    assert set(bed["strand"]) <= {"+", "-"}


def test_a_head_of_another_kind_finds_no_genes(study, tmp_path):
    about = json.loads((study / "task/head.json").read_text())
    (tmp_path / "head.json").write_text(json.dumps({key: value for key, value in about.items() if key != "decoder"}))
    with pytest.raises(InputError, match="does not say what bases are to genes"):
        annotate_genome(study / "model", tmp_path, study / "genome/sequence", tmp_path, {}, {"prediction": "p"}, 1)


def test_an_annotation_without_coding_genes_is_refused(study, tmp_path):
    (tmp_path / "none.gff3").write_text("##gff-version 3\n")
    with pytest.raises(InputError, match="no gene of g codes for a protein"):
        read_examples(
            study / "model", study / "genome/sequence", None, None, tmp_path / "none.gff3", tmp_path, SETTINGS, "g",
            CORPUS, 1,
        )  # fmt: skip


@pytest.mark.parametrize(("margin", "words"), [(64, "below half"), (200, "below half")])
def test_a_margin_that_leaves_nothing_is_refused(margin, words, study, tmp_path):
    with pytest.raises(InputError, match=words):
        read_examples(
            study / "model", study / "genome/sequence", None, None, study / "genome/annotation.gff3", tmp_path,
            SETTINGS | {"margin": margin}, "g", CORPUS, 1,
        )  # fmt: skip


def test_a_sample_keeps_all_test_windows(study):
    genome = Genome(study / "genome/sequence")
    on = TaskGenome.of("g", genome, None, WINDOW, CORPUS, 1)
    whole, _, _ = dense_windows(on, MARGIN, SETTINGS["split"], None)
    few, left_out, _ = dense_windows(on, MARGIN, SETTINGS["split"], 10)
    assert (few["split"] == "train").sum() == 10
    assert (few["split"] == "test").sum() == (whole["split"] == "test").sum()
    assert left_out["more than max_windows"] == len(whole) - len(few)


def test_kmers_of_bins_are_summed_as_they_are_counted(study):
    """What running sums say of a base is what a linear function says of the k-mers around it."""
    examples = Examples.load(study / "task")
    random, names = np.random.default_rng(2), examples.target.outputs
    weights = random.normal(size=(4**6, names)).astype(np.float32)
    constants = random.normal(size=names)
    found = _predicted(examples, weights, constants, Objective(examples.target.flat))
    row, place = 3, 40
    codes = np.pad(examples.codes[examples.rows("test")[row]], FLANK, constant_values=N_CODE)
    outputs = kmer_features(codes[None, place : place + 1 + 2 * FLANK], 6, False) @ weights + constants
    expected = np.exp(outputs) / np.exp(outputs).sum()
    assert np.allclose(found[row, place], expected, atol=1e-5)
    assert found.shape == (len(examples.rows("test")), WINDOW, names)


def test_the_rule_of_frames_says_cds_where_validation_agrees(study):
    examples = Examples.load(study / "task")
    truth, likely = known_bins(examples.target, examples.truth[examples.rows("test")], orf_predictions(examples))
    assert np.allclose(likely.sum(axis=1), 1, atol=1e-5)
    said = np.array(examples.target.names)[likely.argmax(axis=1)]
    assert set(said) == {"intergenic", "CDS_plus", "CDS_minus"}
    assert (said == np.array(examples.target.names)[truth]).mean() > 0.6


@pytest.mark.parametrize(("kind", "tokens"), [("convnet", "single"), ("encoder", "kmer"), ("encoder", "bpe")])
def test_each_base_has_the_vector_of_its_token(kind, tokens, make_genome, tmp_path):
    model = random_model(kind, tokens, make_genome, tmp_path)
    codes = random_codes(3, 1)
    length = codes.shape[1]
    written = write(model, codes, BINS)
    network = TaskNetwork(model, Target("classes", ("a", "b"), 1), BINS, length)
    found = network.vectors(written)
    assert found.shape == (3, length, model.dim)
    vectors = network.norm(model.vectors(written.ids, written.present).float())
    tokens_of = model.write(codes)
    for row in range(3):
        for base in range(length):
            inside = (tokens_of.starts[row] <= base) & (base < tokens_of.ends[row])
            token = base if written.token_of is None else int(written.token_of[row, base])
            assert inside[token]
            assert np.allclose(found[row, base].detach(), vectors[row, token].detach(), atol=1e-6)
    binned = TaskNetwork(model, Target("values", ("a",), 4), BINS, length)
    if length % 4 == 0:
        plain = model.vectors(written.ids, written.present).float()
        if written.token_of is not None:
            plain = plain.gather(1, written.token_of[..., None].expand(-1, -1, model.dim))
        expected = binned.norm(plain.reshape(3, length // 4, 4, -1).mean(2))
        assert np.allclose(binned.vectors(written).detach(), expected.detach(), atol=1e-6)


def test_both_strands_agree_after_turning(make_genome, tmp_path):
    model = random_model("convnet", "single", make_genome, tmp_path)
    codes = random_codes(4, 2)
    target = Target("classes", ("no", "x_plus", "x_minus"), 1, (0, 2, 1))
    task = TaskModel(TaskNetwork(model, target, BINS, codes.shape[1]), target, Objective(target), True)
    forward = task.predict(codes, 2, "float32")
    turned = task.predict(reverse_complement(codes), 3, "float32")
    assert np.allclose(forward, turned[:, ::-1][..., [0, 2, 1]], atol=1e-5)
    truth = np.array([[0, 1, UNKNOWN, 2]], dtype=np.int16)
    assert on_other_strand(target, truth).tolist() == [[1, UNKNOWN, 2, 0]]
    numbers = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    assert on_other_strand(Target("values", ("p", "m"), 1, (1, 0)), numbers).tolist() == [[[4.0, 3.0], [2.0, 1.0]]]


def test_unknown_bases_have_no_part_in_the_loss():
    target = Target("classes", ("a", "b"), 1)
    objective = Objective(target)
    outputs = torch.randn(2, 3, 2)
    truth = torch.tensor([[0, 1, UNKNOWN], [UNKNOWN, 1, 0]], dtype=torch.int16)
    known = torch.nn.functional.cross_entropy(outputs[truth >= 0], truth[truth >= 0].long())
    assert torch.allclose(objective.loss(outputs, truth), known)
