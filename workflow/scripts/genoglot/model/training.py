"""Pretraining from windows to a Hugging Face model folder.

What training must remember if it is killed lies in a state folder, which is no output of the workflow (Snakemake
removes outputs before a retry). A fingerprint there says which configuration and corpus it belongs to.
"""

import logging
import shutil
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, TQDMProgressBar
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader, TensorDataset

from genoglot.corpus.batches import TrainingBatches, WindowReader
from genoglot.corpus.windows import read_windows
from genoglot.errors import InputError
from genoglot.files import atomic_path, digest, read_json, write_json
from genoglot.model import modeling_genoglot
from genoglot.model.curves import CurveWriter
from genoglot.model.hardware import TRAINER_PRECISION, prepare
from genoglot.model.likelihood import evaluation_tiles, open_genomes
from genoglot.model.modeling_genoglot import GenoglotConfig, GenoglotForMaskedLM
from genoglot.model.optimisation import Pretraining
from genoglot.model.tokenizer import save_tokenizer

log = logging.getLogger(__name__)

MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "modeling_genoglot.py")


def pretrain(
    windows: Path,
    manifest: Path,
    sequences: dict[str, Path],
    output: Path,
    state: Path,
    architecture: dict[str, Any],
    training: dict[str, Any],
    seed: int,
    threads: int,
    init_from: Path | None = None,
) -> None:
    """Train a masked language model on the training windows of a corpus.

    Writes the files of `MODEL_FILES`, `curves.tsv` and `training.json` into `output`. The weights kept are those with
    the best validation likelihood. A run that finds its own state in `state` goes on from there; the folder is
    removed when training is done.
    """
    corpus = read_json(manifest)
    window = corpus["settings"]["window"]
    identity = {
        "corpus": corpus["fingerprint"],
        "architecture": architecture,
        "training": training,
        "seed": seed,
        "init_from": digest(Path(init_from) / "model.safetensors") if init_from else None,
    }
    state = Path(state)
    checkpoint = open_state(state, identity)
    precision = prepare(threads, training["precision"])
    L.seed_everything(seed, verbose=False)
    model = new_model(architecture, window, init_from)
    module = Pretraining(model, training)
    batch = max(1, training["batch_tokens"] // window)
    first = torch.load(checkpoint, weights_only=True, map_location="cpu")["global_step"] if checkpoint else 0
    reader = WindowReader(read_windows(windows, "train"), sequences)
    batches = TrainingBatches(
        reader,
        batch,
        first,
        training["max_steps"],
        seed,
        training["mask_rate"] if model.needs_mask else None,
        training["soft_mask_weight"],
    )
    parameters = sum(parameter.numel() for parameter in model.parameters())
    log.info(
        "%s with %d parameters, %d training windows of %d, %d steps of %d tokens%s",
        architecture["type"],
        parameters,
        len(reader),
        window,
        training["max_steps"],
        batch * window,
        f", going on from step {first}" if first else "",
    )
    curves = CurveWriter(state / "curves.tsv", batch * window, training["log_every"])
    best = ModelCheckpoint(state, filename="best", monitor="validation_bits", enable_version_counter=False)
    trainer = make_trainer(state, training, precision, [curves, best])
    trainer.fit(
        module,
        DataLoader(batches, batch_size=None),
        validation_loader(windows, sequences, window, model.needs_mask, training, batch, seed),
        ckpt_path=checkpoint,
        weights_only=True,
    )
    if trainer.interrupted or best.best_model_score is None:
        raise SystemExit("training was interrupted; run again to go on from the state it left")
    weights = torch.load(best.best_model_path, weights_only=True, map_location="cpu")["state_dict"]
    module.load_state_dict(weights)
    save_model(model, Path(output), window)
    with atomic_path(Path(output) / "curves.tsv") as temporary:
        shutil.copyfile(curves.path, temporary)
    write_json(
        Path(output) / "training.json",
        {
            "architecture": architecture,
            "training": training,
            "seed": seed,
            "corpus": corpus["corpus"],
            "fingerprint": corpus["fingerprint"],
            "precision": precision,
            "steps": trainer.global_step,
            "tokens_seen": trainer.global_step * batch * window,
            "seconds": round(curves.seconds, 1),
            "parameters": parameters,
            "best_validation_bits": float(best.best_model_score),
        },
    )
    shutil.rmtree(state)


def make_trainer(state: Path, training: dict[str, Any], precision: str, callbacks: list[L.Callback]) -> L.Trainer:
    """A trainer that validates and checkpoints into `state` by steps, and stops early without improvement."""
    last = ModelCheckpoint(
        state,
        filename="last",
        every_n_train_steps=training["checkpoint_every"],
        save_on_train_epoch_end=False,
        enable_version_counter=False,
    )
    return L.Trainer(
        accelerator="auto",
        devices=1,
        precision=TRAINER_PRECISION[precision],
        max_steps=training["max_steps"],
        val_check_interval=min(training["validate_every"], training["max_steps"]),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        gradient_clip_val=1.0,
        logger=False,
        enable_model_summary=False,
        default_root_dir=state,
        callbacks=[
            TQDMProgressBar(refresh_rate=10),
            EarlyStopping("validation_bits", patience=training["patience"]),
            *callbacks,
            last,
        ],
    )


def open_state(state: Path, identity: dict[str, Any]) -> Path | None:
    """Make the state folder, or find the checkpoint to go on from; refuse the state of another configuration."""
    record = state / "identity.json"
    if record.exists():
        changes = describe_changes(read_json(record), identity)
        if changes:
            raise InputError(
                f"{state} holds the state of an unfinished run with another configuration: {'; '.join(changes)}. "
                "Set the configuration back to go on, or remove the folder to start anew."
            )
        checkpoints = sorted(state.glob("last*.ckpt"), key=lambda path: path.stat().st_mtime)
        return checkpoints[-1] if checkpoints else None
    state.mkdir(parents=True, exist_ok=True)
    write_json(record, identity)
    return None


def describe_changes(before: Any, now: Any, name: str = "") -> list[str]:
    """What differs between two nested configurations, one sentence an entry."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = list(dict.fromkeys([*before, *now]))
        return [
            line
            for key in keys
            for line in describe_changes(before.get(key), now.get(key), f"{name}.{key}" if name else key)
        ]
    return [] if before == now else [f"{name} was {before!r} and is now {now!r}"]


def new_model(architecture: dict[str, Any], window: int, init_from: Path | None) -> GenoglotForMaskedLM:
    """A model with random weights, or with those of `init_from`, which must have the same architecture."""
    shape = {key: value for key, value in architecture.items() if key != "type"}
    config = GenoglotConfig(architecture=architecture["type"], window=window, **shape)
    model = GenoglotForMaskedLM(config)
    if init_from:
        weights = load_file(Path(init_from) / "model.safetensors")
        shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
        changes = describe_changes({name: list(tensor.shape) for name, tensor in weights.items()}, shapes)
        if changes:
            raise InputError(f"init_from {init_from} has another architecture: {'; '.join(changes[:5])}")
        model.load_state_dict(weights)
    return model


def validation_loader(
    windows: Path,
    sequences: dict[str, Path],
    window: int,
    needs_mask: bool,
    training: dict[str, Any],
    batch: int,
    seed: int,
) -> DataLoader:
    """A fixed sample of held-out tiles with all evaluated positions masked, (codes, chosen) of (batch, window)."""
    tiles = evaluation_tiles(
        read_windows(windows, "validation"),
        open_genomes(sequences),
        window,
        training["mask_rate"] if needs_mask else None,
        training["validation_windows"],
        seed,
    )
    some = tiles.chosen.any(axis=1)
    dataset = TensorDataset(torch.from_numpy(tiles.codes[some].astype(np.int64)), torch.from_numpy(tiles.chosen[some]))
    return DataLoader(dataset, batch_size=batch)


def save_model(model: GenoglotForMaskedLM, folder: Path, window: int) -> None:
    """Write the files of `MODEL_FILES`, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    model.config.auto_map = {
        "AutoConfig": "modeling_genoglot.GenoglotConfig",
        "AutoModelForMaskedLM": "modeling_genoglot.GenoglotForMaskedLM",
    }
    model.config.architectures = [type(model).__name__]
    staging = folder / ".saving"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    model.config.save_pretrained(staging)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, staging / "model.safetensors", metadata={"format": "pt"})
    save_tokenizer(staging, window)
    shutil.copyfile(modeling_genoglot.__file__, staging / "modeling_genoglot.py")
    for name in MODEL_FILES:
        (staging / name).replace(folder / name)
    shutil.rmtree(staging)
