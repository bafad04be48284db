"""The section of the report on uses of heads."""

import json

import numpy as np
import pandas as pd
import pytest
from report_manifest import write_json, write_manifest, write_table
from report_page import report

WINDOWS = pd.DataFrame(
    {
        "contig": ["chrI"] * 3 + ["chrII"],
        "start": [0, 8, 16, 0],
        "end": [32, 40, 48, 32],
        "strand": ".",
        "CDS": [0.9, 0.4, 0.7, 0.2],
        "other": [0.1, 0.6, 0.3, 0.8],
    }
)


def with_predictions(folder, summary: dict, table: pd.DataFrame) -> dict:
    entry = {
        "name": "use",
        "model": "demo",
        "summary": write_json(folder / "summary.json", {"prediction": "use", "task": "regions", **summary}),
        "predicted": write_table(folder / "predictions.parquet", table),
    }
    return {**write_manifest(folder.parents[2]), "predictions": [entry]}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "results/predictions/use/demo"


def windows_summary(**changes) -> dict:
    counts = {"windows": 4, "left_out": {"contigs shorter than a window": 0, "windows without a known base": 5}}
    mean = {"CDS": 0.55, "other": 0.45}
    return {"target": "classes", "length": 32, **counts, "mean": mean, **changes}


def test_windows_have_counts_by_class_and_where_they_lie(folder, tmp_path):
    manifest = with_predictions(folder, windows_summary(likeliest={"CDS": 2, "other": 2}), WINDOWS)
    (folder / "tracks").mkdir()
    (folder / "tracks/tracks.tsv").write_text("file\toutput\tstrand\nCDS.bw\tCDS\t.\n")
    (folder / "tracks/CDS.bw").touch()
    page = report(tmp_path, manifest)
    assert "Predictions use, task regions, by demo" in page.words
    assert "CDS 2 50.0% 0.550 other 2 50.0% 0.450" in page.words
    assert "4 windows of 32 bases" in page.words
    # two of three windows of chrI are likeliest CDS
    assert "chrI 3 66.7% 33.3% chrII 1 0 100.0%" in page.words
    assert "5 windows without a known base" in page.words
    assert "shorter than a window" not in page.words
    heat = json.loads(page.scripts["data-predictions-0"])["data"][0]
    # stretches of one base: the middles of the windows are 16, 24, 32, and 16
    assert heat["y"] == ["chrI", "chrII"]
    assert [heat["text"][0][place] for place in (16, 24, 32)] == ["CDS", "other", "CDS"]
    assert heat["text"][1][16] == "other"
    assert sum(cell != "" for row in heat["text"] for cell in row) == 4
    links = {link.partition("predictions/use/demo/")[2] for link in page.links if "predictions/use" in link}
    assert links == {"predictions.parquet", "summary.json", "tracks/CDS.bw"}


def test_values_have_means_by_contig_and_many_contigs_are_summed(folder, tmp_path):
    rng = np.random.default_rng(1)
    size = [*range(20, 32), 1, 2, 3]
    table = pd.DataFrame({"contig": np.repeat([f"c{number}" for number in range(15)], size)})
    table["start"], table["end"] = 0, 32
    table["strength"] = rng.normal(3, 1, len(table)).astype(np.float32)
    mean = {"strength": float(table["strength"].mean())}
    page = report(tmp_path, with_predictions(folder, windows_summary(target="values", mean=mean), table))
    assert f"strength {mean['strength']:.3f}" in page.words
    by_contig = table.groupby("contig")["strength"].mean()
    assert f"c11 31 {by_contig['c11']:.3f} 3 others 6 " in page.words
    rest = table[table["contig"].isin(["c12", "c13", "c14"])]["strength"].mean()
    assert f"3 others 6 {rest:.3f}" in page.words


def test_alleles_have_a_histogram_and_the_largest_changes(folder, tmp_path):
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"contig": "chrI", "pos": np.arange(50) * 10, "ref": "A", "alt": "C"})
    table["ref_CDS"] = rng.random(50).astype(np.float32) / 2
    table["alt_CDS"] = table["ref_CDS"] + rng.normal(0, 0.05, 50).astype(np.float32)
    table.loc[7, ["ref", "ref_CDS", "alt_CDS"]] = ["ACGTACGTACGTACGT", 0.125, 0.875]
    for prefix in ("ref", "alt"):
        table[f"{prefix}_other"] = 1 - table[f"{prefix}_CDS"]
    for name in ("CDS", "other"):
        table[f"difference_{name}"] = table[f"alt_{name}"] - table[f"ref_{name}"]
    table.loc[3, [column for column in table if "_" in column]] = np.nan
    summary = {"target": "classes", "length": 32, "records": 48, "alleles": 50, "scored": 49}
    page = report(tmp_path, with_predictions(folder, {**summary, "unscored": {"REF_MISMATCH": 1}}, table))
    assert "49 alleles of 48 records" in page.words
    assert "1 REF_MISMATCH: the REF allele is not what the genome holds there" in page.words
    # 0-based 70 is position 71
    assert "chrI 71 ACGTACGTACGT… (16 bases) C CDS 0.125 0.875 +0.750" in page.words
    assert "The 20 alleles that change a prediction most" in page.words
    traces = json.loads(page.scripts["data-predictions-0"])["data"]
    assert [trace["name"] for trace in traces] == ["CDS", "other"]
    for trace in traces:
        assert sum(filter(None, trace["y"])) == 49
    assert traces[0]["y"][-1] == 1


def test_a_study_without_uses_of_heads_says_nothing_of_them(tmp_path):
    assert "Heads put to use" not in report(tmp_path, write_manifest(tmp_path / "results")).words


def test_bases_of_dense_heads_count_for_their_likeliest_class(folder, tmp_path):
    summary = {
        "prediction": "use", "task": "genes", "target": "classes", "bin": 1, "length": 32, "margin": 4, "contigs": 2,
        "bases_read": 1000, "mean": {"CDS_plus": 0.25, "intergenic": 0.75}, "bases": {"CDS_plus": 200, "intergenic": 0},
        "genes": 3, "exons": 5,
    }  # fmt: skip
    entry = {"name": "use", "model": "demo", "summary": write_json(folder / "summary.json", summary), "predicted": None}
    (folder / "genes.gff3.gz").touch()
    page = report(tmp_path, {**write_manifest(tmp_path / "results"), "predictions": [entry]})
    assert "CDS_plus 200 20.0% 0.250 intergenic 800 80.0% 0.750" in page.words
    assert "for each base of 2 contigs, 1.00 kb in all" in page.words
    assert "3 genes with 5 coding exons" in page.words
    assert any(link.endswith("use/demo/genes.gff3.gz") for link in page.links)
