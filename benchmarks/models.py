"""Speed of training and scoring: networks with random weights on random sequence."""

import tempfile
from pathlib import Path
from typing import Any

from measure import THREADS, Result, best_time

SHAPES: dict[str, dict[str, Any]] = {
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


def training_rate(shape: str, precision: str = "float32", keep_memory: bool = True, windows: int = 8) -> Result:
    """Tokens per second of forward, backward and optimizer step, batches of 4,096 tokens in windows of 512."""
    import steps

    steps.set_up(keep_memory)
    network = steps.new_model(SHAPES[shape])
    call = steps.training_step(network, steps.random_batch(windows, mask=network.needs_mask), precision)
    return windows * 512 / best_time(call)


def scoring_rate(how: str, length: int = 200_000) -> Result:
    """Sites per second on one random contig of 200 kb, a variant every 50 bases, `cloze` network, window 512.

    `tiled` is what the workflow does; `one by one` gives every site a window and a pass on either strand.
    """
    import numpy as np
    import steps
    import torch

    from genoglot.genome.store import Genome
    from genoglot.model.folder import save_model
    from genoglot.model.inference import Predictor
    from genoglot.model.sites import site_log_probabilities
    from genoglot.network.layers_genoglot import reverse_complement
    from genoglot.tokens.encoding import SingleBase

    steps.set_up()
    network = steps.new_model(SHAPES["cloze"]).eval()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "bases.npy", np.random.default_rng(0).integers(0, 4, length).astype(np.uint8))
        (folder / "contigs.tsv").write_text(f"contig\tlength\toffset\none\t{length}\t0\n")
        genome = Genome(folder)
        sites = np.arange(0, length, 50)
        if how == "tiled":
            save_model(network, SingleBase(), folder / "model", 512)
            predictor = Predictor.open(folder / "model", {"batch_size": 32, "precision": "float32"}, THREADS)
            contigs = np.zeros_like(sites)
            return len(sites) / best_time(lambda: site_log_probabilities(predictor, genome, contigs, sites), 1)
        few = sites[len(sites) // 4 :][:256]

        @torch.inference_mode()
        def one_by_one() -> None:
            for first in range(0, len(few), 32):
                part = few[first : first + 32]
                codes = genome.windows(np.zeros_like(part), part - 256, 512)
                tokens = torch.from_numpy(codes.astype(np.int64)).to(network.device)
                network.logits(tokens)
                network.logits(reverse_complement(tokens))

        return len(few) / best_time(one_by_one, 1)
