"""The whole workflow, run on a tiny genome: what it promises, what runs again, and what wrong input looks like."""

import gzip
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from cyvcf2 import VCF

from genoglot.network import CODE, TASK_CODE
from genoglot.tasks import STARTS

GENOME = "results/genomes/toy"
MODEL = "results/models/small"
INTERPRETED = "results/interpretation/genes/small"
MEMBER = "results/models/trial-decoder"
PROMISED = [
    *(f"{GENOME}/{name}" for name in ("genome.fa.gz", "genome.fa.gz.fai", "genome.fa.gz.gzi", "genome.json")),
    *(f"{GENOME}/{name}" for name in ("annotation.gff3.gz", "annotation.gff3.gz.tbi", "annotation.json")),
    *(f"{GENOME}/{name}" for name in ("regions.bed.gz", "regions.bed.gz.tbi")),
    *(f"{GENOME}/{name}" for name in ("consequences.vcf.gz", "consequences.vcf.gz.tbi")),
    *(f"{GENOME}/sequence/{name}" for name in ("bases.npy", "contigs.tsv")),
    *(f"{GENOME}/{name}" for name in ("names.tsv", "source/fasta.json", "source/annotation.json")),
    *(f"results/variants/known/source/{name}.json" for name in ("variants", "labels")),
    *(f"results/corpora/tiny/{name}" for name in ("windows.parquet", "corpus.json", "markov.safetensors")),
    "results/corpora/tiny/windows/toy.parquet",
    *(f"{model}/{name}" for model in (MODEL, MEMBER) for name in ("config.json", "model.safetensors", *CODE)),
    *(f"{model}/{name}" for model in (MODEL, MEMBER) for name in ("tokenizer.json", "tokenizer_config.json")),
    *(f"{model}/{name}" for model in (MODEL, MEMBER) for name in ("metrics.json", "training.json")),
    *(f"{model}/{name}" for model in (MODEL, MEMBER) for name in ("curves.tsv", "curves.svg", "curves.png")),
    *(f"results/tokenizers/pieces/{name}.json" for name in ("tokenizer", "tokenizer_config", "metrics")),
    *(f"results/sweeps/trial/comparison.{kind}" for kind in ("tsv", "json", "svg", "png")),
    *(
        f"results/embeddings/toy/small/{name}"
        for name in (
            "embeddings.parquet", "umap.parquet", "neighbours.parquet", "metrics.json", "umap.png", "umap.svg",
        )
    ),
    *(
        f"results/tasks/{task}/small/{name}"
        for task in ("genes", "regions", "repeats")
        for name in (
            "head.safetensors", "head.json", "metrics.json", "predictions.parquet", "examples.parquet",
            "examples.json", "floors.safetensors", "roc.png", "roc.svg", "few_shot.png", "few_shot.svg",
        )
    ),
    *(
        f"results/tasks/regions/small/huggingface/{name}"
        for name in (
            "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md", *CODE,
            *TASK_CODE,
        )
    ),
    *(
        f"results/tasks/{run}/{name}"
        for run in (
            f"{task}/small/runs/{start}-1" for task in ("genes", "regions", "repeats") for start in STARTS
        )
        for name in ("head.safetensors", "head.json", "run.json", "predictions.safetensors")
    ),
    "results/tasks/repeats/small/few_shot.json",
    *(
        f"results/variants/{variants}/small.{kind}"
        for variants in ("consequences", "known")
        for kind in (
            "vcf.gz", "vcf.gz.tbi", "metrics.json", "summary.json", "scores.parquet", "labelled.parquet", "auroc.svg",
            "auroc.png", "evaluation.json",
        )
    ),
    "results/calibration/toy/small.parquet",
    *(f"results/scans/part/small.{kind}" for kind in ("parquet", "max.bw", "mean.bw", "summary.json")),
    *(f"results/predictions/{name}/small/predictions.parquet" for name in ("parts", "alleles")),
    *(f"results/predictions/{name}/small/summary.json" for name in ("parts", "found", "alleles")),
    *(
        f"results/predictions/{name}/small/predictions.{kind}"
        for name in ("parts", "found") for kind in ("bed.gz", "bed.gz.tbi")
    ),
    *(f"results/predictions/found/small/genes.gff3.gz{kind}" for kind in ("", ".tbi")),
    *(f"results/predictions/alleles/small/predictions.{kind}" for kind in ("vcf.gz", "vcf.gz.tbi")),
    *(f"results/predictions/{name}/small/tracks/tracks.tsv" for name in ("parts", "found")),
    *(f"{INTERPRETED}/{name}.parquet" for name in ("sites", "dependencies", "attention", "attributions/regions")),
    *(f"{INTERPRETED}/{name}.json" for name in ("loci", "figures")),
    *(f"{INTERPRETED}/hub/{name}" for name in ("hub.txt", "genomes.txt", "trackDb.txt")),
    *(f"{INTERPRETED}/hub/{base}.bw" for base in "ACGT"),
    *(
        f"{INTERPRETED}/figures/{figure}.{suffix}"
        for figure in (
            "000_chrB_801-860.logo", "000_chrB_801-860.mutagenesis", "001_chrB_1-40.logo", "001_chrB_1-40.mutagenesis",
            "001_chrB_1-40.dependencies", "001_chrB_1-40.attributions-regions",
        )
        for suffix in ("png", "svg")
    ),
    "results/report.html",
]  # fmt: skip


def load(path: Path):
    return json.loads(path.read_text())


def test_what_is_promised_is_there_and_nothing_else(finished):
    results = finished / "results"
    made = {path.relative_to(finished.folder).as_posix() for path in results.rglob("*") if path.is_file()}
    # the names of TensorBoard's files are its own, and by others Snakemake knows when a folder was made
    boards = {path for path in made if "/tensorboard/" in path}
    dated = {path for path in made if path.endswith("/.snakemake_timestamp")}
    # those of the classes that the task could learn
    tracks = {path for path in made if path.endswith(".bw") and "/small/tracks/" in path}
    for name, task in (("parts", "regions"), ("found", "genes")):
        there = {path for path in tracks if f"/predictions/{name}/" in path}
        assert len(there) == len(load(finished / f"results/tasks/{task}/small/head.json")["names"])
    assert made - boards - dated - tracks == set(PROMISED)
    for model in (MODEL, MEMBER):
        assert any(path.startswith(f"{model}/tensorboard/") for path in boards), model
    assert all((finished / path).stat().st_size > 0 for path in PROMISED)


def test_every_job_has_a_log(finished):
    logs = {path.parts[-len(path.relative_to(finished / "logs").parts)] for path in (finished / "logs").rglob("*.log")}
    assert {"fetch_source", "fetch_variants", "pretrain_model", "score_variants", "write_report.log"} <= logs


def test_the_report_says_what_each_rule_cost_and_is_not_written_again_for_it(finished, tmp_path):
    page = (finished / "results/report.html").read_text()
    cost = page[page.index('<section id="costs">') :]
    # those that the report waits for: what is drawn beside it may end later
    for rule in ("pretrain_model", "fetch_source", "score_variants", "analyse_embeddings"):
        assert f"<td>{rule}</td>" in cost
    study = finished.copy(tmp_path)
    shutil.rmtree(study / "benchmarks/pretrain_model")
    assert study.jobs() == {}


def records(path: Path) -> list[tuple]:
    return [(v.CHROM, v.POS, v.ID, v.REF, tuple(v.ALT), v.FILTER) for v in VCF(str(path))]


def test_variants_come_out_as_they_went_in_with_scores(finished):
    scored = finished / "results/variants/known/small.vcf.gz"
    assert records(scored) == records(finished / "known.vcf")
    for variant in VCF(str(scored)):
        values = variant.INFO.get("GLM_LLR")
        reason = variant.INFO.get("GLM_REASON")
        if variant.ID in ("wrong_ref", "no_contig"):
            assert values is None
            assert reason
        elif variant.ID is None:
            # one value for each ALT allele
            assert len(values if isinstance(values, tuple) else (values,)) == len(variant.ALT)
            assert variant.INFO.get("AF") is not None


def test_only_the_asked_contigs_are_scored(finished):
    scores = pd.read_parquet(finished / "results/variants/consequences/small.scores.parquet")
    assert set(scores.loc[scores["llr"].notna(), "contig"]) == {"chrB"}


def test_metrics_have_their_keys(finished):
    model = load(finished / f"{MODEL}/metrics.json")
    assert {
        "bits_per_base", "accuracy", "markov_bits_per_base", "tokens_seen", "seconds", "parameters"
    } <= model.keys()  # fmt: skip
    # no more is known of random sequence than its composition: 0.3, 0.2, 0.2, 0.3
    assert 1.8 < model["markov_bits_per_base"] < 2.1
    assert 1.8 < model["bits_per_base"] < 2.6
    embeddings = load(finished / "results/embeddings/toy/small/metrics.json")
    for name in ("", "_3mer", "_6mer", "_untrained"):
        for bound in ("", "_low", "_high"):
            assert f"balanced_accuracy{name}{bound}" in embeddings
    task = load(finished / "results/tasks/regions/small/metrics.json")
    assert {"pretrained", "from_scratch", "majority", "kmer"} <= task.keys()
    comparisons = load(finished / "results/variants/consequences/small.metrics.json")
    assert comparisons
    for comparison in comparisons:
        assert {
            "positives", "negatives", "n", "auroc", "auroc_low", "auroc_high", "markov_auroc"
        } <= comparison.keys()  # fmt: skip


def test_variants_are_judged_by_what_the_sheet_names(finished):
    comparisons = load(finished / "results/variants/known/small.metrics.json")
    first = comparisons[0]
    assert [first[key] for key in ("by", "positives", "negatives", "n_positives", "n_negatives")] == [
        "https://labels.invalid/labels.tsv", "bad", "all others", 20, 20
    ]  # fmt: skip
    assert first["baselines"]["markov"]["n"] == 40
    # the track has a value on one contig of the two
    assert first["baselines"]["conservation"]["n"] == 20
    evaluation = load(finished / "results/variants/known/small.evaluation.json")
    assert evaluation["labels"]["unmatched_rows"] == 0
    assert evaluation["frequency"]["correlation"]["n"] == sum(row["n"] for row in evaluation["frequency"]["bins"]) >= 40
    assert "SNVs of the set lie in neutral regions" in evaluation["trinucleotide"]["missing_because"]
    page = (finished / "results/report.html").read_text()
    assert "Allele frequency (INFO/AF)" in page
    assert "Labels from https://labels.invalid/labels.tsv: 20 positives and 20 negatives." in page


def test_the_members_of_a_sweep_stand_side_by_side(finished):
    table = pd.read_csv(finished / "results/sweeps/trial/comparison.tsv", sep="\t").set_index("model")
    row, metrics = table.loc["trial-decoder"], load(finished / f"{MEMBER}/metrics.json")
    assert [row["architecture"], row["size"], row["tokenizer"], row["seed"]] == ["decoder", "tiny", "pieces", 7]
    assert row["objective"] == "causal"
    for key in ("bits_per_base", "markov_bits_per_base", "accuracy", "parameters", "tokens_seen"):
        assert row[key] == pytest.approx(metrics[key])
    assert row["tokens_seen"] == 40_960
    assert row["flops"] > 0
    assert (
        "since 4 different amounts of compute are needed"
        in load(finished / "results/sweeps/trial/comparison.json")["notes"][0]
    )
    assert "trial-decoder" in (finished / "results/report.html").read_text()


def test_derived_variants_are_of_the_generated_genes(finished):
    kinds = {variant.INFO.get("CONSEQUENCE") for variant in VCF(str(finished / f"{GENOME}/consequences.vcf.gz"))}
    assert {"stop_gained", "missense_variant", "synonymous_variant", "splice_donor_variant"} <= kinds


def test_a_second_run_does_nothing(finished):
    run = finished.snakemake()
    assert run.returncode == 0
    assert "Nothing to be done" in run.stdout


def test_a_new_source_is_read_again(finished, tmp_path):
    study = finished.copy(tmp_path)
    shutil.copy2(study / "toy.fa", study / "new.fa")
    (study / "genomes.tsv").write_text("genome\tfasta\tannotation\ntoy\tnew.fa\ttoy.gff3\n")
    assert {"fetch_source", "normalise_genome", "pretrain_model"} <= study.jobs().keys()


def test_snakemake_report(finished, tmp_path):
    study = finished.copy(tmp_path)
    run = study.snakemake("--report", "report.zip")
    assert run.returncode == 0, run.stdout
    assert (study / "report.zip").stat().st_size > 0


def failed(study, *arguments, env=None) -> str:
    run = study.snakemake("--show-failed-logs", *arguments, env=env)
    assert run.returncode != 0
    assert "Traceback" not in run.stdout
    return run.stdout


def test_a_wrong_checksum_is_refused(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    digest = "0" * 32
    (study / "genomes.tsv").write_text(f"genome\tfasta\tfasta_checksum\ntoy\ttoy.fa\tmd5:{digest}\n")
    study.configure(tasks={}, variants=None)
    output = failed(study, f"{GENOME}/genome.fa.gz")
    assert "toy.fa" in output
    assert digest in output
    assert not [path for path in (study / "results").rglob("*") if path.is_file()]


def test_an_annotation_of_another_genome_is_refused(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    text = (study / "toy.gff3").read_text()
    (study / "toy.gff3").write_text(re.sub("^chr", "contig_", text, flags=re.M))
    output = failed(study, f"{GENOME}/annotation.gff3.gz")
    assert "contig_A" in output
    assert "chrA" in output
    assert not list((study / GENOME).glob("*annotation.*"))


def test_a_missing_bedtools_is_named(finished, tmp_path):
    study = finished.copy(tmp_path / "study")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "sh", "env", "uname", "which"):
        (programs / name).symlink_to(shutil.which(name))
    arguments = ("--forcerun", "classify_regions", "--", f"{GENOME}/regions.bed.gz")
    output = failed(study, *arguments, env={"PATH": str(programs)})
    assert "bedtools" in output
    assert "install" in output.lower()
    assert not (study / f"{GENOME}/regions.bed.gz").exists()


def test_a_local_mirror_serves_what_the_sheet_names(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    sheet = "genome\tfasta\tannotation\ntoy\thttps://nowhere.invalid/pub/toy.fa\ttoy.gff3\n"
    (study / "genomes.tsv").write_text(sheet)
    study.configure(mirrors={"https://nowhere.invalid/pub/": f"{study.folder}/"})
    run = study.snakemake(f"{GENOME}/genome.fa.gz")
    assert run.returncode == 0, run.stdout
    assert gzip.decompress((study / f"{GENOME}/genome.fa.gz").read_bytes()).startswith(b">chrA")
