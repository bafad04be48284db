"""The page says what the metrics say, needs nothing from outside, and survives odd names and missing parts."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from report_manifest import interval, write_json, write_manifest
from report_page import report

from genoglot.errors import InputError
from genoglot.report import data, figures, verdicts
from genoglot.report.page import write_report


@pytest.fixture
def manifest(tmp_path):
    return write_manifest(tmp_path / "results")


@pytest.fixture
def page(tmp_path, manifest):
    return report(tmp_path, manifest)


def test_what_a_hash_holds_out_is_given_in_shares_of_the_bases():
    held = {"windows": 30, "mean": None, "shared": 0.0, "dropped": 4}
    manifest = {
        "settings": {"window": 128},
        "windows": {"g": {"train": 900, "validation": 30, "test": 0}},
        "contigs": None,
        "bases": {"g": {"train": 0.95, "validation": 0.05, "test": 0.0}},
        "leakage": {"kmer": 21, "max_shared": 0.5, "drop": True, "genomes": {"g": {"validation": held}}},
    }
    windows, leakage = data.corpora_section([{"name": "c", "manifest": manifest}]).blocks
    assert windows.rows == [["c", "g", "128 bp", "900", "30", "0", "validation: 5.0% of the bases"]]
    assert leakage.rows == [["g", "validation", "30", "n/a", "0.0%", "4"]]
    assert "such windows are left out" in leakage.caption


@pytest.mark.parametrize(
    "words",
    [
        "Study of yeast",
        "yeast (1.23 Mb, annotated)",
        "2 1.23 Mb 38.5% 1.0% 3 17 5.0% 612 613",
        "yeast: 1 contig named in the configuration dropped, 85.78 kb in all (MT).",
        "yeast: the same sequence stands there 2 times: chrI, chrI_copy.",
        "yeast: haplotype 2 of S1, 42 variants applied, not applied: 3 OVERLAP; 1 unphased genotypes taken in",
        "yeast: 3.40 kb soft-masked by 12 repeats of the sheet.",
        "yeast: repeats on contigs that it does not have: chrZ.",
        "yeast validation 987 6.2% 4.3% 0",
        "yeast: no repeats: they are counted as intergenic.",
        "small yeast 512 bp 4,321 987 0 validation: chrI",
        "type convnet, 123,456 parameters, trained on corpus small: 2,400,000 bases seen in 10 min",
        "Markov chain of order 5, the bases before 1.935",
        "saves 0.0358 bits per base over the better chain (95% interval 0.0338 to 0.0378",
        "CDS 6,000 1.800 1.850 +0.050 35.0%",
        "intergenic 4,000 1.950 1.940 -0.010 30.0%",
        "all 200 windows",
        "6-mer frequencies 0.823 (0.803 to 0.843) ≈ not distinguishable",
        "untrained network 0.654 (0.634 to 0.674) ▲ better",
        "Too few windows to take part: ncRNA (4).",
        "3 windows without bases or with no finite embedding",
        "300 training, 50 validation, 100 test",
        "from scratch 0.840 (0.820 to 0.860) 0.500 (0.480 to 0.520) 0.840 0.840 0.900 0.900 ≈ not distinguishable",
        "k-mers 0.903 (0.883 to 0.923) 0.500 (0.480 to 0.520) 0.903 0.903 0.900 0.900 ▼ worse",
        "390 alternative alleles were scored, of 400 records on chrI; 10 were not",
        "10 REF_MISMATCH: the REF allele is not what the genome holds there",
        "stop gained against synonymous 90 / 95 0.712 (0.692 to 0.732) 0.601 (0.581 to 0.621) ▲ better",
        "Too few variants: stop lost.",
        "corpus: small",
    ],
)
def test_the_page_says_what_the_metrics_say(page, words):
    assert words in page.words


def test_headlines_stand_beside_their_baselines(page):
    summary = page.words[: page.words.index("The verdicts follow")]
    assert "1.877 bits per base Markov chain 1.912 ▲ better" in summary
    assert "0.712 AUROC Markov chain 0.601 ▲ better" in summary
    assert "0.812 balanced accuracy 6-mer frequencies 0.823 ≈ not distinguishable untrained network 0.654" in summary
    assert "0.851 balanced accuracy same network from scratch 0.840 ≈ not distinguishable" in summary
    assert page.badges == ["better", "better", "same", "better", "same", "worse"]
    counted = "Of 6 comparisons with a baseline, the model is better than the baseline in 3, worse in 1 and not "
    assert counted + "distinguishable from it in 2." in summary


def test_figures_hold_the_numbers(page):
    assert {name for name in page.scripts if str(name).startswith("data-")} == {
        f"data-{name}-0"
        for name in (
            "curves",
            "regions",
            "umap",
            "accuracy",
            "confusion",
            "task-curves",
            "task-each",
            "task-confusion",
            "scores",
            "auroc",
        )
    }
    model, markov = page.figure("auroc-0")["data"]
    assert model["x"] == [0.7123, 0.51]
    assert markov["error_x"]["array"] == pytest.approx([0.02, 0.02])
    assert page.figure("umap-0")["rows"] == 200
    assert [entry["label"] for entry in page.figure("umap-0")["columns"]["region"]["legend"]] == ["CDS", "intergenic"]
    for name in page.scripts:
        if str(name).startswith("data-"):
            assert name.replace("data-", "plot-", 1) in page.ids


def test_links_lead_to_files_and_nothing_is_loaded_from_elsewhere(tmp_path, page):
    assert page.loads == ["data:,"]
    assert not page.open
    files = [link for link in page.links if not link.startswith("#")]
    assert "./variants/calls/m.vcf.gz" in files
    assert "./genomes/g/genome.fa.gz" in files
    for link in files:
        assert (tmp_path / "results" / unquote(link)).is_file()
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    style = (Path(figures.__file__).parent / "style.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_figures_cannot_be_sent_to_a_server(page):
    own = page.scripts[max(key for key in page.scripts if isinstance(key, int))]
    assert "showSendToCloud: false" in own
    assert "modeBarButtons:" in own


def test_names_from_outside_are_text(tmp_path):
    nasty = '<script>alert("x")</script>&amp;<img src=x onerror=alert(1)>'
    manifest = write_manifest(tmp_path / "results", name=nasty, genome=nasty)
    umap = pd.read_parquet(manifest["embeddings"][0]["umap"])
    umap["contig"] = "</script><b>chr"
    umap.to_parquet(manifest["embeddings"][0]["umap"])
    manifest["config"] = {"note": nasty}
    page = report(tmp_path, manifest)
    assert page.loads == ["data:,"]
    assert nasty in page.words
    assert f"Model {nasty}" in page.words
    assert "<b>" not in page.scripts["data-umap-0"]
    assert page.figure("umap-0")["columns"]["contig"]["names"] == ["</script><b>chr"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("genomes", "No genome is part of this report."),
        ("corpora", "No corpus is part of this report."),
        ("models", "No model is part of this report."),
        ("embeddings", "No embeddings are part of this report."),
        ("tasks", "No task is configured for these models."),
        ("variants", "No variant set is configured for the genomes of these models."),
    ],
)
def test_missing_parts_are_said_to_be_missing(tmp_path, manifest, kind, words):
    assert words in report(tmp_path, {**manifest, kind: []}).words


def test_an_empty_manifest_makes_a_page(tmp_path):
    assert "Genoglot report" in report(tmp_path, {"title": "", "config": None}).words


def test_a_genome_without_annotation(tmp_path, manifest):
    manifest["genomes"][0]["annotation_json"] = None
    entry = manifest["embeddings"][0]
    metrics = json.loads(Path(entry["metrics"]).read_text())
    unknown = {key: None for key in metrics if key.startswith("balanced_accuracy")}
    unknown |= {"classes": {}, "left_out": {"unannotated": 200}, "why_no_accuracy": "there is none"}
    write_json(Path(entry["metrics"]), metrics | unknown)
    pd.read_parquet(entry["umap"]).assign(region="unannotated").to_parquet(entry["umap"])
    variants = manifest["variants"][0]
    write_json(Path(variants["metrics"]), [])
    pd.read_parquet(variants["labelled"]).assign(consequence="").to_parquet(variants["labelled"])
    model = manifest["models"][0]
    metrics = json.loads(Path(model["metrics"]).read_text())
    write_json(Path(model["metrics"]), metrics | {"regions": [metrics["regions"][0] | {"region": "unannotated"}]})
    page = report(tmp_path, manifest)
    assert "yeast: no annotation, so no region classes, tasks or consequences." in page.words
    assert "Region classes were not predicted from these embeddings: there is none." in page.words
    assert "No scored variant has a consequence to compare by" in page.words
    assert "No genome of these models has an annotation" in page.words
    assert {"data-umap-0", "data-curves-0"} <= set(page.scripts)


def test_a_missing_or_broken_file_is_named(tmp_path, manifest):
    metrics = Path(manifest["models"][0]["metrics"])
    metrics.write_text("{")
    with pytest.raises(InputError, match=re.escape(f"{metrics}: this is not JSON")):
        write_report(tmp_path / "report.html", manifest)
    metrics.unlink()
    with pytest.raises(InputError, match=re.escape(str(metrics))):
        write_report(tmp_path / "report.html", manifest)
    assert not (tmp_path / "report.html").exists()


def test_the_same_inputs_make_the_same_page(tmp_path, manifest):
    for name in ("one.html", "two.html"):
        write_report(tmp_path / name, manifest)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [(0.01, 0.03, "better"), (-0.03, -0.01, "worse"), (-0.01, 0.02, "same"), (None, None, "unknown")],
)
def test_verdict_of_a_difference(low, high, kind):
    assert verdicts.by_difference(low, high) == kind


@pytest.mark.parametrize(
    ("baseline", "kind"),
    [((0.5, 0.6), "better"), ((0.65, 0.75), "same"), ((0.85, 0.95), "worse"), ((None, None), "unknown")],
)
def test_verdict_of_two_intervals(baseline, kind):
    value = {"auroc": 0.75, "auroc_low": 0.7, "auroc_high": 0.8}
    other = {"auroc": None, "auroc_low": baseline[0], "auroc_high": baseline[1]}
    assert verdicts.by_intervals(value, other, "auroc") == kind


def test_better_than_a_bad_baseline_is_not_enough():
    comparison = {**interval("auroc", 0.4), **interval("markov_auroc", 0.3), "positives": "a", "negatives": "b"}
    assert verdicts.judge_comparison(comparison) == "guess"
    assert verdicts.judge_comparison(comparison | interval("auroc", 0.6)) == "better"
    assert verdicts.judge_comparison(comparison | interval("auroc", 0.2)) == "worse"
    headline = verdicts.judge_variants("calls", [comparison])
    assert verdicts.tally([headline]).endswith("the model is better but no better than guessing in 1.")


def test_fewer_bits_are_better():
    metrics = {"bits_per_base": 1.95, "markov_bits_per_base": 1.9, "bits_per_base_se": 0.01}
    assert verdicts.judge_model(metrics).baselines[0].kind == "worse"
    assert verdicts.judge_model({**metrics, "bits_per_base": 1.85}).baselines[0].kind == "better"
    assert verdicts.judge_model({**metrics, "bits_per_base": 1.89}).baselines[0].kind == "same"
