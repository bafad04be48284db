"""Measure what the documentation claims about speed and memory: `make benchmark`.

Each measurement runs in a process of its own, since threads, allocator and peak memory belong to a process. Every
figure stands beside a baseline from the same run. Results go to stdout as a Markdown table; nothing is written.

    python benchmarks/run.py [NAME ...]     all measurements, or those named
"""

import argparse
import gzip
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

THREADS = os.cpu_count() or 1
SHAPES = {
    "cloze": {"architecture": "cloze", "dim": 128, "layers": 6},
    "convnet": {
        "architecture": "convnet",
        "dim": 128,
        "layers": 6,
        "kernel_size": 9,
        "dilation_growth": 2,
        "max_dilation": 32,
    },
}


def best_time(call: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the fastest of some calls, after one that does not count."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def training_rate(shape: str, precision: str = "float32", keep_memory: bool = True) -> float:
    """Tokens per second of forward, backward and optimizer step, batches of 4,096 tokens in windows of 512."""
    import numpy as np
    import torch

    from genoglot.model import hardware
    from genoglot.model.modeling_genoglot import GenoglotConfig, GenoglotForMaskedLM
    from genoglot.model.optimisation import Pretraining

    torch.set_num_threads(THREADS)
    if keep_memory:
        hardware.keep_freed_memory()
    model = GenoglotForMaskedLM(GenoglotConfig(**SHAPES[shape]))
    settings = {"weight_decay": 0.01, "learning_rate": 1e-3, "warmup_steps": 1, "max_steps": 100}
    module = Pretraining(model, settings)
    optimizer = module.configure_optimizers()["optimizer"]
    rng = np.random.default_rng(0)
    codes = torch.from_numpy(rng.integers(0, 4, (8, 512)))
    chosen = torch.from_numpy(rng.random((8, 512)) < 0.15) if model.needs_mask else torch.ones(8, 512, dtype=torch.bool)
    batch = (codes.masked_fill(chosen, 5) if model.needs_mask else codes, codes.where(chosen, -100), torch.ones(8, 512))

    def step() -> None:
        with hardware.autocast(precision):
            loss = module.training_step(batch, 0)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return 8 * 512 / best_time(step)


def scoring_rate(how: str) -> float:
    """Sites per second on one random contig of 200 kb, a variant every 50 bases, `cloze` network, window 512.

    `tiled` is what the workflow does; `one by one` gives every site a window and a pass on either strand.
    """
    import numpy as np
    import torch

    from genoglot.genome.store import Genome
    from genoglot.model.hardware import prepare
    from genoglot.model.inference import Predictor, ready
    from genoglot.model.modeling_genoglot import GenoglotConfig, GenoglotForMaskedLM, reverse_complement

    prepare(THREADS, "float32")
    model = ready(GenoglotForMaskedLM(GenoglotConfig(**SHAPES["cloze"])))
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "bases.npy", np.random.default_rng(0).integers(0, 4, 200_000).astype(np.uint8))
        (Path(folder) / "contigs.tsv").write_text("contig\tlength\toffset\none\t200000\t0\n")
        genome = Genome(Path(folder))
        sites = np.arange(0, 200_000, 50)
        if how == "tiled":
            predictor = Predictor(model, 32, "float32")
            contigs = np.zeros_like(sites)
            return len(sites) / best_time(lambda: predictor.site_log_probabilities(genome, contigs, sites), 1)
        few = sites[1000:1256]

        @torch.inference_mode()
        def one_by_one() -> None:
            for first in range(0, len(few), 32):
                part = few[first : first + 32]
                codes = genome.windows(np.zeros_like(part), part - 256, 512)
                tokens = torch.from_numpy(codes.astype(np.int64))
                model.logits(tokens)
                model.logits(reverse_complement(tokens))

        return len(few) / best_time(one_by_one, 1)


def genome_seconds(megabases: int) -> float:
    """Seconds from a gzipped FASTA of random sequence to the tokenized genome."""
    import numpy as np

    from genoglot.genome.fasta import normalise_fasta, tokenize

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with gzip.open(folder / "in.fa.gz", "wb", compresslevel=1) as handle:
            for number in range(4):
                rows = rng.choice(np.frombuffer(b"ACGTacgtN", dtype=np.uint8), (megabases * 1_000_000 // 4 // 60, 60))
                lines = np.concatenate([rows, np.full((len(rows), 1), ord("\n"), dtype=np.uint8)], axis=1)
                handle.write(f">contig{number}\n".encode() + lines.tobytes())
        start = time.perf_counter()
        normalise_fasta(folder / "in.fa.gz", folder / "g.fa.gz", folder / "genome.json", "g")
        tokenize(folder / "g.fa.gz", folder / "sequence" / "bases.npy", folder / "sequence" / "contigs.tsv")
        return time.perf_counter() - start


# name -> (what it is, unit, function, arguments); the first of a group is the baseline of the group
MEASUREMENTS: dict[str, list[tuple[str, str, Callable[..., float], dict]]] = {
    "memory": [
        ("training, cloze, freed memory returned", "tokens/s", training_rate, {"shape": "cloze", "keep_memory": False}),
        ("training, cloze, freed memory kept", "tokens/s", training_rate, {"shape": "cloze"}),
    ],
    "precision": [
        ("training, cloze, float32", "tokens/s", training_rate, {"shape": "cloze"}),
        ("training, cloze, bfloat16", "tokens/s", training_rate, {"shape": "cloze", "precision": "bfloat16"}),
    ],
    "architecture": [
        ("training, convnet, float32", "tokens/s", training_rate, {"shape": "convnet"}),
        ("training, cloze, float32", "tokens/s", training_rate, {"shape": "cloze"}),
    ],
    "scoring": [
        ("scoring, one window a site", "sites/s", scoring_rate, {"how": "one by one"}),
        ("scoring, tiled", "sites/s", scoring_rate, {"how": "tiled"}),
    ],
    "genome": [
        ("FASTA to tokens, 12 Mb", "s", genome_seconds, {"megabases": 12}),
        ("FASTA to tokens, 48 Mb", "s", genome_seconds, {"megabases": 48}),
    ],
}


def measure_apart(group: str, number: int) -> tuple[float, float]:
    """Value and peak memory (MiB) of one measurement, in a process of its own."""
    command = [sys.executable, __file__, "--child", group, str(number)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    value, memory = json.loads(output.splitlines()[-1])
    return value, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(MEASUREMENTS)}")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        group, number = arguments.child
        _, _, function, options = MEASUREMENTS[group][int(number)]
        value = function(**options)
        print(json.dumps([value, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
        return
    unknown = set(arguments.names) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    print(f"{platform.processor() or platform.machine()}, {THREADS} threads, {time.strftime('%Y-%m-%d')}\n")
    print("| measurement | value | to the first of its group | peak memory (MiB) |")
    print("| --- | ---: | ---: | ---: |")
    for group in arguments.names or MEASUREMENTS:
        baseline = None
        for number, (label, unit, _, _) in enumerate(MEASUREMENTS[group]):
            value, memory = measure_apart(group, number)
            baseline = baseline or value
            print(f"| {label} | {value:,.3g} {unit} | {value / baseline:.2f} | {memory:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
