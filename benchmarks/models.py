"""Speed of training and scoring: networks with random weights on random sequence."""

import tempfile
from pathlib import Path

from measure import THREADS, best_time

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
