"""Embeddings: windows per second and memory of each way to read overlapping windows, and seconds of their analysis."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measure import THREADS, Result

WINDOW, STEP = 512, 256
# 10 layers of 128 channels with kernel 9, and 5-mers
SHAPE = {
    "architecture": "convnet", "dim": 128, "layers": 10, "kernel_size": 9, "dilation_growth": 2, "max_dilation": 32,
    "expansion": 1, "ngram": 5,
}  # fmt: skip
# of the windows of yeast, those that the untrained network reads by default: 10,000 of 47,450
COMPARED = 0.21


@contextmanager
def _study(windows: int) -> Iterator[Path]:
    """A folder with a model of random weights and a random contig of so many windows."""
    import numpy as np
    import steps

    from genoglot.model.folder import save_model
    from genoglot.tokens.encoding import SingleBase

    steps.set_up()
    bases = (windows - 1) * STEP + WINDOW
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_model(steps.new_model(SHAPE).eval(), SingleBase(), folder / "model", WINDOW)
        (folder / "model/training.json").write_text(json.dumps({"training": {"mask_rate": 0.15}}))
        np.save(folder / "bases.npy", np.random.default_rng(0).integers(0, 4, bases, dtype=np.uint8))
        (folder / "contigs.tsv").write_text(f"contig\tlength\toffset\none\t{bases}\t0\n")
        (folder / "regions.bed").write_text(f"one\t0\t{bases}\tintergenic\n")
        yield folder


def _cost(windows: int, used: float) -> str:
    """What neighbours on the machine change less than the rate."""
    return f"{windows:,} windows, {windows / used:.1f} in a second of CPU time"


def plain_rate(windows: int) -> Result:
    """Windows per second of a batch of 128 after another, on all threads: the model, then its untrained twin."""
    import numpy as np

    from genoglot.genome.store import Genome
    from genoglot.model.inference import Predictor, untrained

    with _study(windows) as folder:
        settings: dict[str, Any] = {"batch_size": 128, "precision": "float32"}
        predictor = Predictor.open(folder / "model", settings, THREADS)
        twin = Predictor(untrained(predictor.model), 128, "float32")
        start, used = time.perf_counter(), time.process_time()
        codes = Genome(folder).windows(np.zeros(windows, dtype=int), STEP * np.arange(windows), WINDOW)
        for each in (predictor, twin):
            each.embed(codes)
        seconds, used = time.perf_counter() - start, time.process_time() - used
    return windows / seconds, _cost(windows, used)


def workflow_rate(windows: int, **changes: Any) -> Result:
    """Windows per second of `embed_windows`, loading and writing included; `changes` of its settings."""
    from genoglot.embeddings.embed import embed_windows

    with _study(windows) as folder:
        settings = {
            "step": STEP, "mode": "packed", "layer": None, "perplexity": True, "compared": int(COMPARED * windows),
            "batch_size": 128, "precision": "float32", **changes,
        }  # fmt: skip
        start, used = time.perf_counter(), time.process_time()
        embed_windows(
            folder / "model", folder, folder / "regions.bed", folder / "out.parquet", settings, seed=1, threads=THREADS
        )  # fmt: skip
        seconds, used = time.perf_counter() - start, time.process_time() - used
    return windows / seconds, _cost(windows, used)


def analysis_seconds(windows: int, step: str) -> Result:
    """Seconds of one step of the analysis of random vectors of 128 numbers in 20 groups."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    from genoglot.embeddings.clusters import find_clusters
    from genoglot.embeddings.neighbours import nearest_windows
    from genoglot.embeddings.projection import principal_components, umap_positions

    random = np.random.default_rng(0)
    vectors = random.normal(size=(20, 128))[random.integers(0, 20, windows)] + random.normal(size=(windows, 128))
    with threadpool_limits(limits=1):
        start = time.perf_counter()
        components, _ = principal_components(vectors.astype(np.float32), 1)
        if step != "components":
            start = time.perf_counter()
        if step == "umap":
            umap_positions(components, 1, 50_000, 15, 0.1)
        elif step == "clusters":
            find_clusters(components, 1)
        elif step == "neighbours":
            places = STEP * np.arange(windows)
            nearest_windows(components, np.zeros(windows, dtype=int), places, places + WINDOW, 1)
        return time.perf_counter() - start, ""
