"""A genome is work done once, and a corpus is a list: what is added costs what it is, and nothing else changes."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from tiny_study import CONFIG, Study, random_sequence

OF_ONE_GENOME = {
    "fetch_source": 2,
    "normalise_genome": 1,
    "tokenize_genome": 1,
    "name_contigs": 1,
    "normalise_annotation": 1,
    "classify_regions": 1,
}


def add_genome(study: Study) -> None:
    """A second genome in the sheet, of the same kind as the first."""
    study.write_genome("new", np.random.default_rng(11))
    with open(study / "genomes.tsv", "a") as sheet:
        sheet.write("new\tnew.fa\tnew.gff3\n")


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """Digest and time of every file of a results tree but the report."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "report.html"]
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in files
    }


@pytest.fixture
def study(finished, tmp_path) -> Study:
    return finished.copy(tmp_path)


def test_a_new_genome_runs_its_own_jobs_and_no_other(study):
    before = state(study / "results")
    add_genome(study)
    assert study.jobs("genomes") == OF_ONE_GENOME | {"genomes": 1}
    # the report lists the genomes of the sheet
    assert study.jobs() == OF_ONE_GENOME | {"write_report": 1, "default": 1}
    run = study.snakemake("genomes")
    assert run.returncode == 0, run.stdout
    after = state(study / "results")
    assert {name: after[name] for name in before} == before
    added = set(after) - set(before)
    assert added
    assert all(name.startswith("genomes/new/") for name in added)
    assert study.jobs("genomes") == {}


def test_a_new_corpus_and_model_leave_the_old_ones_alone(study):
    add_genome(study)
    corpus = CONFIG["corpora"]["tiny"]
    model = CONFIG["models"]["small"]
    grown = {**corpus, "genomes": ["toy", "new"]}
    study.configure(
        corpora={"tiny": corpus, "grown": grown},
        models={"small": model, "next": {**model, "corpus": "grown", "init_from": "small"}},
    )
    before = state(study / "results")
    jobs = study.jobs("results/models/next/metrics.json")
    assert jobs == OF_ONE_GENOME | {
        "make_windows": 2, "build_corpus": 1, "fit_markov": 1, "pretrain_model": 1, "evaluate_model": 1
    }  # fmt: skip
    run = study.snakemake("results/models/next/metrics.json")
    assert run.returncode == 0, run.stdout
    after = state(study / "results")
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[1] for name in set(after) - set(before)} == {"new", "grown", "next"}


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"weights": {"toy": 2.0}}, {"build_corpus"}),
        ({"leakage": {"drop": True}}, {"build_corpus"}),
        ({"step": 32}, {"make_windows", "build_corpus"}),
    ],
)
def test_what_changes_of_a_corpus_decides_what_is_made_again(study, change, rules):
    study.configure(corpora={"tiny": CONFIG["corpora"]["tiny"] | change})
    assert set(study.jobs("results/corpora/tiny/windows.parquet")) == rules


def test_more_names_for_contigs_make_only_scores_again(study):
    (study / "names.txt").write_text("chrA\tA\nchrB\tB\n")
    (study / "genomes.tsv").write_text("genome\tfasta\tannotation\taliases\ntoy\ttoy.fa\ttoy.gff3\tnames.txt\n")
    jobs = study.jobs()
    assert not {"normalise_genome", "normalise_annotation", "make_windows", "pretrain_model"} & set(jobs)
    assert {"fetch_source", "name_contigs", "score_variants"} <= set(jobs)


DERIVED = (
    "genome\tfasta\tannotation\treference\thaplotype_vcf\tsample\thaplotype\n"
    "toy\ttoy.fa\ttoy.gff3\t\t\t\t\n"
    "one\t\t\ttoy\tpopulation.vcf\tS1\t1\n"
    "two\t\t\ttoy\tpopulation.vcf\tS1\t2\n"
)


def test_genomes_of_a_population_are_derived_from_one_file(study):
    sequence = "".join((study / "toy.fa").read_text().split(">chrB")[0].split("\n")[1:])
    ref = sequence[499]
    alt = "A" if ref != "A" else "C"
    vcf = "##fileformat=VCFv4.2\n##contig=<ID=chrA>\n"
    vcf += '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    vcf += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
    vcf += f"chrA\t500\t.\t{ref}\t{alt}\t.\t.\t.\tGT\t0|1\n"
    vcf += f"chrA\t1000\t.\t{sequence[999]}\t{sequence[999]}{random_sequence(np.random.default_rng(0), 5)}"
    vcf += "\t.\t.\t.\tGT\t1|0\n"
    (study / "population.vcf").write_text(vcf)
    (study / "genomes.tsv").write_text(DERIVED)
    before = state(study / "results")
    jobs = study.jobs("genomes")
    assert jobs["fetch_source"] == 1
    assert jobs["derive_haplotype"] == jobs["lift_annotation"] == jobs["normalise_genome"] == 2
    run = study.snakemake("genomes")
    assert run.returncode == 0, run.stdout
    after = state(study / "results")
    assert {name: after[name] for name in before} == before
    contigs = {
        name: (study / f"results/genomes/{name}/sequence/contigs.tsv").read_text().splitlines()[1].split("\t")[1]
        for name in ("toy", "one", "two")
    }
    assert contigs == {"toy": "30000", "one": "30005", "two": "30000"}
