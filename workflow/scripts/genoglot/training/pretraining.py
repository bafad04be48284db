"""Pretraining from windows to a Hugging Face model folder."""

import shutil
from pathlib import Path
from typing import Any

from genoglot.errors import InputError
from genoglot.training.distribution import Layout
from genoglot.training.recipe import Recipe
from genoglot.training.run import Run
from genoglot.training.state import open_state


def pretrain(
    windows: Path,
    manifest: Path,
    sequences: dict[str, Path],
    output: Path,
    state: Path,
    architecture: dict[str, Any],
    training: dict[str, Any],
    hardware: dict[str, Any],
    seed: int,
    threads: int,
    tokenizer: Path | None = None,
    regions: dict[str, Path | None] | None = None,
    memory_mb: int | None = None,
    init_from: Path | None = None,
) -> None:
    """Train a language model on the training windows of a corpus.

    Writes the files of `genoglot.model.folder.MODEL_FILES`, `curves.tsv`, `training.json` and `tensorboard/` into
    `output`. The weights kept are those with the best validation loss. A run that finds its own state in `state` goes
    on from there, also with other `hardware`; the folder is removed when training is done. With several processes each
    calls this, and the first alone writes.

    Args:
        windows, manifest: `windows.parquet` and `corpus.json` of the corpus.
        sequences: each genome's folder with `bases.npy`.
        architecture: as `genoglot.model.presets.resolve` gives it.
        training, hardware: all settings, see config/README.md; those of `hardware` do not change the result.
        threads: of the job, for all processes of this machine together.
        tokenizer: folder of the tokenizer; None for single bases.
        regions: each genome's `regions.bed.gz`, if `training.region_weight` is more than 0; genomes without are not
            labelled.
        memory_mb: megabytes of memory that the job was given, if that is known.
        init_from: folder of the model to start from, of the same architecture and tokenizer.

    Raises:
        InputError: settings that do not go together or do not fit into memory, a state folder of another run, or a
            loss that is no longer a number.
        SystemExit: training was told to stop by a signal, and its state is saved; the code is that of the signal, 143
            for SIGTERM.
    """
    recipe = Recipe(windows, manifest, sequences, architecture, training, seed, tokenizer, regions, init_from)
    layout = Layout.of(hardware)
    if layout.strategy == "fsdp" and training["ema"]:
        raise InputError(
            "training.ema: an average of the weights is kept whole, and hardware.strategy: fsdp shares them out; set "
            "ema to 0, or the strategy to ddp"
        )
    state = Path(state)
    checkpoint = open_state(state, recipe.identity(), layout.rank == 0)
    run = Run(recipe, layout, hardware, state, checkpoint, threads)
    if layout.rank == 0:
        run.foretell(memory_mb)
    run.fit()
    if layout.rank == 0:
        run.write(Path(output))
        shutil.rmtree(state)
