"""Windows, layers and chunks of embeddings in a configuration, and as jobs."""

import pyarrow.parquet as pq
import pytest
from configurations import read, refused
from tiny_study import CONFIG

TARGET = "results/embeddings/toy/small/embeddings.parquet"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"windows": {"c": "x.bed"}}, ["embeddings.windows: ", "has no c"]),
        ({"windows": {"a": "ftp://host/x.bed"}}, ["embeddings.windows.a: expected the path of a BED"]),
        ({"layer": -1}, ["embeddings.layer"]),
        ({"mode": "fast"}, ["embeddings.mode: expected one of exact, packed"]),
        ({"chunks": 0}, ["embeddings.chunks"]),
    ],
)
def test_what_does_not_fit_is_refused(config, changes, words):
    refused(config | {"embeddings": changes}, *words)


def test_the_default_settings(config):
    assert read(config).embedding_settings() == {
        "step": 256, "mode": "packed", "layer": None, "perplexity": True, "compared": 10_000,
    }  # fmt: skip


def test_chunks_are_jobs_and_give_the_same_file(finished, tmp_path):
    study = finished.copy(tmp_path)
    before = (study / TARGET).read_bytes()
    study.configure(embeddings={**CONFIG["embeddings"], "chunks": 3})
    assert study.jobs(TARGET) == {"embed_windows": 3, "gather_embeddings": 1}
    run = study.snakemake("--", TARGET)
    assert run.returncode == 0, run.stdout
    assert (study / TARGET).read_bytes() == before
    assert not list((study / TARGET).parent.glob("chunks/*"))


def test_windows_around_the_intervals_of_a_bed_and_a_map_of_them(finished, tmp_path):
    study = finished.copy(tmp_path)
    lines = [f"{name}\t{start}\t{start + 40}" for name in ("chrA", "chrB") for start in range(0, 15_000, 500)]
    (study / "peaks.bed").write_text("\n".join(lines) + "\n")
    study.configure(embeddings={**CONFIG["embeddings"], "windows": {"toy": "peaks.bed"}})
    target = "results/embeddings/toy/small/umap.parquet"
    assert study.jobs(target) == {"embed_windows": 1, "gather_embeddings": 1, "analyse_embeddings": 1}
    run = study.snakemake("--", target)
    assert run.returncode == 0, run.stdout
    table = pq.read_table(study / target).to_pandas()
    assert len(table) == 60
    assert (table["interval_end"] - table["interval_start"] == 40).all()
    assert table["perplexity"].between(1, 6).all()


def test_a_layer_that_is_not_there_ends_the_job_in_words(finished, tmp_path):
    study = finished.copy(tmp_path)
    study.configure(embeddings={**CONFIG["embeddings"], "layer": 9})
    run = study.snakemake("--", TARGET)
    assert run.returncode != 0
    assert "embeddings.layer: found 9" in (study / "logs/embed_windows/toy/small/1-of-1.log").read_text()
