"""Heads on windows of a genome and of a BED: against one window after the other, read by hand."""

import gzip
import json

import numpy as np
import pandas as pd
import pyBigWig
import pysam
import pytest
from scored_variants import MODEL_WINDOW
from tiny_corpus import random_sequence
from tiny_heads import CLASSES, write_head

from genoglot.errors import InputError
from genoglot.examples.target import Target
from genoglot.genome.store import encode
from genoglot.predictions import apply
from genoglot.predictions.names import info_key, named
from genoglot.tasks.heads import load_head

CONTIGS = {
    "one": random_sequence(70, 1) + "N" * 60 + random_sequence(55, 2).lower(),
    "short": random_sequence(20, 3),
    "two": random_sequence(100, 4),
}
SETTINGS = {"step": 8, "batch_size": 4, "precision": "float32"}
DESCRIPTION = {"prediction": "p", "task": "t", "model": "m"}
MATES = str.maketrans("ACGTN", "TGCAN")


@pytest.fixture
def predict(tmp_path, make_genome):
    """Make a head and apply it to windows of `CONTIGS`; give back the folder of what it says."""
    genome = make_genome(CONTIGS)

    def run(target=CLASSES, strands="both", output="out", step=8, **arguments):
        if not (tmp_path / "head").exists():
            write_head(tmp_path, make_genome, target, strands)
        apply.predict_windows(
            tmp_path / "model", tmp_path / "head", genome.folder, tmp_path / output, SETTINGS | {"step": step},
            DESCRIPTION, 1, **arguments,
        )  # fmt: skip
        return tmp_path / output

    return run


def by_hand(folder, text: str) -> np.ndarray:
    """What the head says of one sequence."""
    head = load_head(folder / "head", folder / "model")
    return head.model.predict(encode(text.upper())[None], 1, "float32")[0]


def expected_windows(step: int) -> list[tuple[str, int]]:
    found = []
    for name, text in CONTIGS.items():
        for start in range(0, len(text) - MODEL_WINDOW + 1, step):
            if set(text[start : start + MODEL_WINDOW].upper()) != {"N"}:
                found.append((name, start))
    return found


def test_windows_of_a_genome_are_those_of_a_plain_loop(predict, tmp_path, monkeypatch):
    monkeypatch.setattr(apply, "CHUNK", 5 * MODEL_WINDOW)
    table = pd.read_parquet(predict() / "predictions.parquet")
    assert list(table.columns) == ["contig", "start", "end", "strand", *CLASSES.names]
    assert list(zip(table["contig"], table["start"], strict=True)) == expected_windows(8)
    assert set(table["end"] - table["start"]) == {MODEL_WINDOW}
    assert set(table["strand"]) == {"."}
    for row in table.itertuples():
        found = by_hand(tmp_path, CONTIGS[row.contig][row.start : row.end])
        np.testing.assert_allclose(row[5:], found, atol=1e-5)
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    everything = sum((len(text) - MODEL_WINDOW) // 8 + 1 for text in CONTIGS.values() if len(text) >= MODEL_WINDOW)
    assert summary["left_out"] == {
        "contigs shorter than a window": 1,
        "windows without a known base": everything - len(table),
    }
    assert everything > len(table) == summary["windows"]
    likeliest = table[list(CLASSES.names)].idxmax(axis=1).value_counts()
    assert {name: count for name, count in summary["likeliest"].items() if count} == likeliest.to_dict()


def test_the_bed_is_indexed_and_says_the_likeliest_class(predict):
    folder = predict()
    table = pd.read_parquet(folder / "predictions.parquet")
    with pysam.TabixFile(str(folder / "predictions.bed.gz")) as file:
        rows = [line.split("\t") for line in file.fetch("two", 0, 40)]
    here = table[(table["contig"] == "two") & (table["start"] < 40)]
    assert [int(row[1]) for row in rows] == here["start"].tolist()
    names = here[list(CLASSES.names)].idxmax(axis=1).str.replace(" ", "_").tolist()
    assert [row[3] for row in rows] == names
    best = here[list(CLASSES.names)].max(axis=1)
    assert [int(row[4]) for row in rows] == (1000 * best).round().astype(int).tolist()
    with gzip.open(folder / "predictions.bed.gz", "rt") as file:
        assert file.readline().rstrip("\n").split("\t")[6:] == ["exon", "5'_UTR", "other"]


@pytest.mark.parametrize("step", [7, 8, 50])
def test_a_track_has_each_value_on_its_central_step(predict, step):
    folder = predict(step=step)
    table = pd.read_parquet(folder / "predictions.parquet")
    listed = pd.read_csv(folder / "tracks/tracks.tsv", sep="\t")
    assert listed["output"].tolist() == list(CLASSES.names)
    width = min(step, MODEL_WINDOW)
    for file, output in zip(listed["file"], listed["output"], strict=True):
        with pyBigWig.open(str(folder / "tracks" / file)) as track:
            for name in ("one", "two"):
                expected = np.full(len(CONTIGS[name]), np.nan)
                for row in table[table["contig"] == name].to_dict("records"):
                    first = row["start"] + (MODEL_WINDOW - width) // 2
                    assert np.isnan(expected[first : first + width]).all()
                    expected[first : first + width] = row[output]
                found = track.values(name, 0, len(expected), numpy=True)
                np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_head_that_tells_strands_apart_reads_both(predict, tmp_path):
    folder = predict(Target("labels", ("promoter",)), "given")
    table = pd.read_parquet(folder / "predictions.parquet")
    assert table["strand"].tolist() == ["+", "-"] * (len(table) // 2)
    for row in table.itertuples():
        text = CONTIGS[row.contig][row.start : row.end].upper()
        read = text if row.strand == "+" else text[::-1].translate(MATES)
        np.testing.assert_allclose(row.promoter, by_hand(tmp_path, read)[0], atol=1e-5)
    with pyBigWig.open(str(folder / "tracks/promoter.minus.bw")) as track:
        first = table[table["strand"] == "-"].iloc[0]
        assert track.values("one", 12, 13)[0] == pytest.approx(first["promoter"])


def test_intervals_of_a_bed_have_a_window_each_on_their_strand(predict, tmp_path):
    bed = tmp_path / "in.bed"
    lines = ["two\t40\t60\ta\t0\t-", "one\t0\t6\tb\t0\t+", "one\t99\t101\tc\t0\t+", "alien\t1\t5\td\t0\t+"]
    bed.write_text("\n".join(lines) + "\n")
    folder = predict(strands="given", bed=bed)
    table = pd.read_parquet(folder / "predictions.parquet")
    # the window at the start of its contig is cut there
    places = [tuple(row) for row in table[["contig", "start", "end", "strand", "line"]].to_numpy()]
    assert places == [("one", 0, 19, "+", 2), ("two", 34, 66, "-", 1)]
    before = "N" * 13 + CONTIGS["one"][:19]
    minus = CONTIGS["two"][34:66][::-1].translate(MATES)
    for row, text in zip(table[list(CLASSES.names)].to_numpy(), (before, minus), strict=True):
        np.testing.assert_allclose(row, by_hand(tmp_path, text), atol=1e-5)
    left_out = json.loads((folder / "summary.json").read_text())["left_out"]
    assert left_out["contig not in the genome"] == 1
    assert left_out["windows without a known base"] == 1
    assert [path.name for path in (folder / "tracks").iterdir()] == ["tracks.tsv"]
    only = predict(output="only", bed=bed, contigs=["two"])
    assert pd.read_parquet(only / "predictions.parquet")["contig"].tolist() == ["two"]


def test_values_have_no_likeliest(predict):
    folder = predict(Target("values", ("strength", "width")))
    with pysam.TabixFile(str(folder / "predictions.bed.gz")) as file:
        row = next(file.fetch("two")).split("\t")
    table = pd.read_parquet(folder / "predictions.parquet")
    first = table[table["contig"] == "two"].iloc[0]
    assert row[3:6] == [".", "0", "."]
    assert [float(value) for value in row[6:]] == pytest.approx([first["strength"], first["width"]], rel=1e-4)


def test_what_cannot_be_read_is_refused_in_words(predict, tmp_path, make_genome):
    with pytest.raises(InputError, match="the genome has no contig three"):
        predict(contigs=["three"])
    with pytest.raises(InputError, match="no contig holds a window of 32 bases; the longest has 20"):
        predict(contigs=["short"])
    bed = tmp_path / "n.bed"
    bed.write_text("one\t99\t101\n")
    with pytest.raises(InputError, match="all bases of the 1 windows to read are N"):
        predict(bed=bed)
    bed.write_text("alien\t9\t11\n")
    with pytest.raises(InputError, match="the genome has no contig 'alien'"):
        predict(bed=bed)
    weights = tmp_path / "model/model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(InputError, match="a head is of use on the backbone alone"):
        predict()
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_names_that_clash_are_refused(predict):
    assert info_key("my-task", "5' UTR") == "GLM_MY_TASK_5__UTR"
    with pytest.raises(InputError, match="'start', and the column start holds something else"):
        predict(Target("classes", ("start", "other")))
    with pytest.raises(InputError, match="a b, a_b, which would all be the INFO field GLM_T_A_B"):
        named(["a b", "a_b"], lambda name: info_key("t", name), "INFO field")
