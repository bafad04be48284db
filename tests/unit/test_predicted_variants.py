"""What alleles change in a head's prediction: against windows spelt by hand."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from cyvcf2 import VCF
from scored_variants import HEADER, MODEL_WINDOW, vcf_line
from tiny_corpus import random_sequence
from tiny_heads import CLASSES, write_head

from genoglot.errors import InputError
from genoglot.examples.target import Target
from genoglot.genome.store import encode
from genoglot.predictions.variants import allele_fields, predict_variants
from genoglot.tasks.heads import load_head

CONTIGS = {"c1": random_sequence(90, 1) + "N" + random_sequence(40, 2), "c2": random_sequence(80, 3)}
SETTINGS = {"batch_size": 4, "precision": "float32", "max_length": 12, "max_mismatch": 0.9}
KEYS = ["GLM_T_EXON", "GLM_T_5__UTR", "GLM_T_OTHER"]


def other(base: str) -> str:
    return "CGTA"["ACGT".index(base)]


@pytest.fixture
def predict(tmp_path, make_genome):
    write_head(tmp_path, make_genome)

    def run(records: str, output="out", sequences=CONTIGS, header=HEADER, **arguments):
        source = tmp_path / f"{output}.vcf"
        source.write_text(header + records)
        genome = make_genome(sequences, f"of_{output}")
        description = {"prediction": "p", "task": "t", "model": "m"}
        predict_variants(
            source, tmp_path / "model", tmp_path / "head", genome.folder, tmp_path / output, SETTINGS, description, 1,
            **arguments,
        )  # fmt: skip
        return tmp_path / output

    return run


def by_hand(folder, sequence: str, start: int, end: int, bases: str) -> np.ndarray:
    """What the head says of a window with `bases` in place of a part of a sequence, in its middle."""
    head = load_head(folder / "head", folder / "model")
    padded = "N" * 100 + sequence[:start] + bases + sequence[end:] + "N" * 100
    first = 100 + start - (MODEL_WINDOW - len(bases)) // 2
    return head.model.predict(encode(padded[first : first + MODEL_WINDOW])[None], 1, "float32")[0]


def test_differences_are_those_of_windows_spelt_by_hand(predict, tmp_path):
    text = CONTIGS["c1"]
    snvs = [3, 40, 89, 91]
    lines = [
        vcf_line("c1", place + 1, text[place], f"{other(text[place])},{other(other(text[place]))}") for place in snvs
    ]
    table = pd.read_parquet(predict("".join(lines)) / "predictions.parquet")
    assert table["pos"].tolist() == np.repeat(snvs, 2).tolist()
    for row in table.to_dict("records"):
        reference = by_hand(tmp_path, text, row["pos"], row["pos"] + 1, row["ref"])
        alternative = by_hand(tmp_path, text, row["pos"], row["pos"] + 1, row["alt"])
        for number, name in enumerate(CLASSES.names):
            assert row[f"ref_{name}"] == pytest.approx(reference[number], abs=1e-5)
            assert row[f"alt_{name}"] == pytest.approx(alternative[number], abs=1e-5)
            assert row[f"difference_{name}"] == pytest.approx(alternative[number] - reference[number], abs=1e-5)


def test_an_indel_stands_in_the_middle_of_its_window(predict, tmp_path):
    # nothing beside the deleted and inserted bases repeats them, so that they have one place
    text = random_sequence(40, 5) + "ACGTTC" + random_sequence(40, 6)
    line = vcf_line("c1", 41, "ACGT", "A") + vcf_line("c1", 42, "C", "CAAG")
    table = pd.read_parquet(predict(line, sequences={"c1": text}) / "predictions.parquet")
    for row, (start, end, bases) in zip(table.to_dict("records"), [(41, 44, ""), (42, 42, "AAG")], strict=True):
        alternative = by_hand(tmp_path, text, start, end, bases)
        reference = by_hand(tmp_path, text, start, end, text[start:end])
        found = [row[f"difference_{name}"] for name in CLASSES.names]
        np.testing.assert_allclose(found, alternative - reference, atol=1e-5)


def test_swapped_alleles_change_the_sign(predict):
    text, place = CONTIGS["c2"], 30
    changes = [(text[place], other(text[place])), (text[place : place + 3], text[place])]
    for number, (ref, alt) in enumerate(changes):
        forward = predict(vcf_line("c2", place + 1, ref, alt), f"forward{number}")
        changed = {**CONTIGS, "c2": text[:place] + alt + text[place + len(ref) :]}
        backward = predict(vcf_line("c2", place + 1, alt, ref), f"back{number}", changed)
        one, two = (pd.read_parquet(folder / "predictions.parquet") for folder in (forward, backward))
        for name in CLASSES.names:
            assert one[f"difference_{name}"][0] == pytest.approx(-two[f"difference_{name}"][0], abs=1e-6)
            assert abs(one[f"difference_{name}"][0]) > 1e-6


def test_records_come_out_as_they_were_with_a_value_or_a_reason(predict):
    text = CONTIGS["c1"]
    records = [
        vcf_line("c1", 5, text[4], other(text[4]), "AC=1,2"),
        vcf_line("c1", 6, other(text[5]), text[5]),
        vcf_line("c1", 7, text[6], f"{other(text[6])},*"),
        vcf_line("c1", 91, "N", "A"),
        vcf_line("alien", 5, "A", "C"),
    ]
    folder = predict("".join(records))
    with gzip.open(folder / "predictions.vcf.gz", "rt") as file:
        lines = [line for line in file if not line.startswith("#")]
    for line, original in zip(lines, records, strict=True):
        columns = line.split("\t")
        kept = [field for field in columns[7].split(";") if not field.startswith("GLM_")]
        assert "\t".join([*columns[:7], ";".join(kept) or ".", *columns[8:]]) == original
    found = list(VCF(str(folder / "predictions.vcf.gz")))
    table = pd.read_parquet(folder / "predictions.parquet")
    reasons = [None, "REF_MISMATCH", None, "STAR_ALLELE", "AMBIGUOUS_BASE", "CONTIG_UNKNOWN"]
    assert [reason if isinstance(reason, str) else None for reason in table["reason"]] == reasons
    for key, name in zip(KEYS, CLASSES.names, strict=True):
        assert found[0].INFO[key] == pytest.approx(table[f"difference_{name}"][0], rel=1e-3)
        assert found[1].INFO.get(key) is None
        assert found[2].INFO[key][1] is None
    assert found[2].INFO["GLM_REASON"] == ".,STAR_ALLELE"
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["records"], summary["alleles"], summary["scored"]) == (5, 6, 2)
    assert len(list(VCF(str(folder / "predictions.vcf.gz"))("c1:6-7"))) == 2
    assert sorted(path.name for path in folder.iterdir()) == [
        "predictions.parquet", "predictions.vcf.gz", "predictions.vcf.gz.tbi", "summary.json",
    ]  # fmt: skip


def test_the_header_names_model_task_and_what_is_predicted(predict):
    header = VCF(str(predict("") / "predictions.vcf.gz")).raw_header
    line = next(line for line in header.split("\n") if "ID=GLM_T_5__UTR," in line)
    assert "Number=A,Type=Float" in line
    assert "Predicted probability of 5' UTR with ALT - with REF, task t (model m, Genoglot " in line


def test_fields_that_clash_are_refused(predict, tmp_path):
    with pytest.raises(InputError, match="the INFO field GLM_STRAND_DIFF holds something else"):
        allele_fields("strand", Target("labels", ("diff",)), False)
    with pytest.raises(InputError, match="already has INFO/GLM_T_EXON; remove it first"):
        predict("", header=HEADER.replace("ID=AC", "ID=GLM_T_EXON"))
    with pytest.raises(InputError, match="contig c9, which the genome does not have"):
        predict("", contigs=["c9"])
    assert not list(tmp_path.glob("out/*"))
