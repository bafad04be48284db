"""Scans: bases per second of a model in either mode, and what it takes to make a table and tracks of many sites."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import THREADS, Result

WINDOW = 512
MEGABASE = 1_000_000


def scan_rate(mode: str, bases: int) -> Result:
    """Bases per second of `scan_sites`, loading the model and writing included: all substitutions, both strands.

    The sites are the first `bases` of a random contig, whatever the mode.
    """
    import numpy as np
    import steps

    from genoglot.corpus.markov import MarkovModel
    from genoglot.model.folder import save_model
    from genoglot.scans.scan import scan_sites
    from genoglot.tokens.encoding import SingleBase

    steps.set_up()
    network = steps.new_model(steps.GPN_SMALL).eval()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_model(network, SingleBase(), folder / "model", WINDOW)
        (folder / "model/training.json").write_text(json.dumps({"training": {"mask_rate": 0.15}}))
        _write_genome(folder, generator.integers(0, 4, bases, dtype=np.uint8))
        table = np.log(generator.dirichlet(np.ones(4), 4**10)).astype(np.float32)
        MarkovModel({"both": table, "left": table}, table[0]).save(folder / "markov.safetensors")
        settings = {"batch_size": 64, "precision": "auto", "mode": mode}
        start = time.perf_counter()
        scan_sites(
            folder / "model", folder / "markov.safetensors", folder, folder / "scan.parquet", settings, THREADS
        )  # fmt: skip
        seconds = time.perf_counter() - start
    return bases / seconds, f"{parameters:,} parameters, {bases:,} bases in {seconds:.1f} s"


def _write_genome(folder: Path, codes: Any) -> None:
    import numpy as np

    np.save(folder / "bases.npy", codes)
    (folder / "contigs.tsv").write_text(f"contig\tlength\toffset\none\t{len(codes)}\t0\n")


def gather_seconds(megabases: int) -> Result:
    """Seconds of `gather_scan`: from the tables of the parts to one, two tracks and a summary; random scores."""
    import numpy as np

    from genoglot.genome.store import Genome
    from genoglot.scans.gather import gather_scan
    from genoglot.scans.table import site_table, writer

    generator = np.random.default_rng(0)
    bases = megabases * MEGABASE
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_genome(folder, generator.integers(0, 4, bases, dtype=np.uint8))
        genome = Genome(folder)
        with writer(folder / "part.parquet") as parquet:
            for first in range(0, bases, 1 << 16):
                places = np.arange(first, min(first + (1 << 16), bases))
                reference = np.array(genome.bases[places])
                scores = generator.normal(-1, 1, (2, len(places), 4)).astype(np.float32)
                scores[:, np.arange(len(places)), reference] = np.nan
                entropy = generator.random(len(places), dtype=np.float32)
                contigs = np.zeros(len(places), dtype=np.int64)
                parquet.write_table(site_table(genome, contigs, places, reference, scores[0], entropy, scores[1]))
        (folder / "regions.bed").write_text(f"one\t0\t{bases}\tunannotated\n")
        start = time.perf_counter()
        gather_scan(
            [folder / "part.parquet"], folder, folder / "regions.bed", folder / "m.parquet",
            {measure: folder / f"m.{measure}.bw" for measure in ("max", "mean")}, folder / "m.json", {},
        )  # fmt: skip
        seconds = time.perf_counter() - start
        sizes = [(folder / path).stat().st_size / bases for path in ("m.parquet", "m.max.bw")]
    return seconds, f"bytes a base: table {sizes[0]:.1f}, a track {sizes[1]:.1f}"


def track_seconds(how: str, megabases: int) -> Result:
    """Seconds to write a track of random values with zoom levels, by bigtools as the workflow does or by pyBigWig."""
    import numpy as np
    import pybigtools
    import pyBigWig

    generator, bases, step = np.random.default_rng(0), megabases * MEGABASE, 1 << 16
    parts = ((first, min(first + step, bases)) for first in range(0, bases, step))
    with tempfile.TemporaryDirectory() as name:
        path = str(Path(name) / "track.bw")
        start = time.perf_counter()
        if how == "bigtools":
            values = (
                row
                for first, end in parts
                for row in zip(
                    ["one"] * (end - first),
                    range(first, end),
                    range(first + 1, end + 1),
                    generator.random(end - first, dtype=np.float32).tolist(),
                    strict=True,
                )
            )
            pybigtools.open(path, "w").write({"one": bases}, values)
        else:
            with pyBigWig.open(path, "w") as track:
                track.addHeader([("one", bases)])
                for first, end in parts:
                    drawn = generator.random(end - first, dtype=np.float32)
                    track.addEntries("one", first, values=drawn, span=1, step=1)
        seconds = time.perf_counter() - start
        return seconds, f"{Path(path).stat().st_size / bases:.1f} bytes a base"
