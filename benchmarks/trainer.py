"""Training a convnet end to end: as the workflow does it, beside the Trainer of Hugging Face on windows of text.

All train the same network on the same random genome: windows of 512, 64 in a batch, float32, AdamW with the same
settings, no validation and no checkpoint on the way. The Trainer is timed with the network as anyone would write it, of
PyTorch's own modules, and with the library's code of it. The rate is that of the steps after the first few, by the
clock.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import data
import numpy as np
import pandas as pd
from measure import THREADS, NotHereError, Result

WINDOW, WINDOWS, MEGABASES = 512, 64, 10
LEARNING_RATE, WEIGHT_DECAY, CLIP = 1e-3, 0.01, 1.0
# about 2.0 and 0.4 million parameters, in whole registers of channels
DIMS = {"2M": 144, "0.4M": 64}
STEPS = {"2M": (5, 25), "0.4M": (10, 70)}  # the rate is measured from the first to the second
LAYERS = 9
ARCHITECTURE: dict[str, Any] = {
    "layers": LAYERS, "kernel_size": 9, "dilation_growth": 2, "max_dilation": 32, "expansion": 1, "dropout": 0.0,
    "ngram": 0, "equivariant": False,
}  # fmt: skip


def hugging_face_rate(
    size: str, plain: bool = False, workers: int = 0, steps: tuple[int, int] | None = None, windows: int = WINDOWS
) -> Result:
    """Tokens per second of `transformers.Trainer`, windows of text tokenized and masked as they come.

    Args:
        plain: the network in PyTorch's modules, not the library's.
        workers: processes that tokenize; none is the Trainer's own default.
    """
    import torch
    import transformers

    from genoglot.network.modeling_genoglot import GenoglotConfig, GenoglotForMaskedLM

    try:
        import accelerate  # noqa: F401
    except ImportError as error:
        raise NotHereError("the Trainer of Hugging Face needs the package accelerate") from error
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    if plain:
        network = plain_network(DIMS[size])
    else:
        network = GenoglotForMaskedLM(GenoglotConfig(architecture="convnet", dim=DIMS[size], **ARCHITECTURE))
    begin, end = steps or STEPS[size]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokenizer = text_tokenizer(folder / "tokenizer")
        collate = transformers.DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
        clock = step_clock()
        trainer = transformers.Trainer(
            network,
            transformers.TrainingArguments(
                output_dir=str(folder / "run"),
                per_device_train_batch_size=windows,
                max_steps=end,
                learning_rate=LEARNING_RATE,
                weight_decay=WEIGHT_DECAY,
                adam_beta2=0.98,
                max_grad_norm=CLIP,
                warmup_steps=begin,
                logging_steps=25,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                dataloader_num_workers=workers,
                dataloader_pin_memory=torch.cuda.is_available(),
            ),
            train_dataset=text_dataset(text_windows(folder), tokenizer),
            data_collator=lambda rows: only_bases(collate(rows)),
            callbacks=[clock],
        )
        trainer.train()
    return (end - begin) * windows * WINDOW / (clock.times[end] - clock.times[begin]), parameters_of(network)


def plain_network(dim: int) -> Any:
    """The library's network of PyTorch's modules, with the arguments and the result that the Trainer expects."""
    import stacks
    from torch import Tensor, nn
    from torch.nn import functional as F

    class PlainNetwork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stack = stacks.tried(stacks.by_conv1d, dim=dim, layers=LAYERS)

        def forward(self, input_ids: Tensor, labels: Tensor, attention_mask: Tensor | None = None) -> dict[str, Tensor]:
            logits = self.stack(input_ids)
            return {"loss": F.cross_entropy(logits.flatten(0, 1), labels.flatten()), "logits": logits}

    return PlainNetwork()


def text_tokenizer(folder: Path) -> Any:
    """The tokenizer of a single-nucleotide model folder, as Hugging Face loads it."""
    from transformers import PreTrainedTokenizerFast

    from genoglot.tokens.encoding import SingleBase
    from genoglot.tokens.files import save_tokenizer

    save_tokenizer(SingleBase(), folder, WINDOW)
    return PreTrainedTokenizerFast.from_pretrained(folder)


def text_windows(folder: Path) -> list[str]:
    """Windows of text, cut every 256 bases from a random FASTA; none with a fifth of N or more."""
    data.write_fasta(folder / "in.fa.gz", data.four_contigs(MEGABASES))
    windows = [
        text[start : start + WINDOW]
        for text in data.read_strings(folder / "in.fa.gz").values()
        for start in range(0, len(text) - WINDOW + 1, WINDOW // 2)
    ]
    return [text for text in windows if text.upper().count("N") <= WINDOW / 5]


def text_dataset(texts: list[str], tokenizer: Any) -> Any:
    """A dataset that tokenizes a window when it is asked for it."""
    from torch.utils.data import Dataset

    class Windows(Dataset):
        def __len__(self) -> int:
            return len(texts)

        def __getitem__(self, index: int) -> dict[str, Any]:
            return {"input_ids": tokenizer(texts[index])["input_ids"]}

    return Windows()


def only_bases(batch: Any) -> Any:
    """A batch of the collator without losses on N, which the network has no logit for."""
    batch["labels"][batch["labels"] >= 4] = -100
    return batch


def step_clock() -> Any:
    """A callback with `times`: when each optimizer step, by its number, was done."""
    import transformers

    class StepClock(transformers.TrainerCallback):
        def __init__(self) -> None:
            self.times: dict[int, float] = {}

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.times[state.global_step] = time.perf_counter()

    return StepClock()


def workflow_rate(size: str, steps: tuple[int, int] | None = None, windows: int = WINDOWS) -> Result:
    """Tokens per second of `pretrain`, by its own curves, and the share of its time that it waited for data."""
    from genoglot.training.pretraining import pretrain

    begin, end = steps or STEPS[size]
    batch = windows * WINDOW
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sequences = make_corpus(folder)
        pretrain(
            folder / "windows.parquet",
            folder / "corpus.json",
            sequences,
            folder / "model",
            folder / "state",
            architecture={"type": "convnet", "size": "small", "dim": DIMS[size], **ARCHITECTURE},
            training=training_settings(begin, end, batch),
            hardware={
                "devices": 1, "nodes": 1, "strategy": "auto", "accumulate": 1, "compile": False,
                "activation_checkpointing": False,
            },
            seed=1,
            threads=THREADS,
        )  # fmt: skip
        curves = pd.read_csv(folder / "model" / "curves.tsv", sep="\t")
        record = json.loads((folder / "model" / "training.json").read_text())
    rows = curves[curves["split"] == "train"].set_index("step")
    seconds = rows.loc[end, "seconds"] - rows.loc[begin, "seconds"]
    note = f"{record['parameters'] / 1e6:.2f}M parameters"
    if record.get("data_wait_share") is not None:
        note += f", {record['data_wait_share']:.2%} of the time waiting for data"
    return float((end - begin) * batch / seconds), note


def training_settings(begin: int, end: int, batch: int) -> dict[str, Any]:
    """Settings of a run of `end` steps that looks up from it once, at the end."""
    return {
        "max_tokens": end * batch,
        "batch_tokens": batch,
        # what training scales by the root of the batch
        "learning_rate": LEARNING_RATE / np.sqrt(batch / 16384),
        "weight_decay": WEIGHT_DECAY,
        "warmup_tokens": begin * batch,
        "schedule": "linear",
        "clip": CLIP,
        "ema": 0.0,
        "mask_rate": 0.15,
        "mask_span": 1,
        "soft_mask_weight": 0.1,
        "lm_weight": 1.0,
        "region_weight": 0.0,
        "length_warmup": {"window": None, "tokens": 0},
        "validate_every": end,
        "patience": 5,
        "validation_windows": 64,
        "checkpoint_every": end,
        "log_every": 5,
        "precision": "float32",
    }


def make_corpus(folder: Path) -> dict[str, Path]:
    """The same genome as tokens, its windows and their manifest; the folder of each genome's sequence."""
    from genoglot.corpus.manifest import build_corpus

    data.write_fasta(folder / "in.fa.gz", data.four_contigs(MEGABASES))
    data.to_tokens(folder / "in.fa.gz", folder)
    data.to_windows(folder)
    settings = {
        **data.SETTINGS, "include": {}, "exclude": {}, "weights": {}, "max_windows_per_species": None,
        "leakage": {"kmer": 21, "max_shared": 0.5, "drop": False},
    }  # fmt: skip
    sequences = {"g": folder / "sequence"}
    build_corpus(
        [folder / "windows.parquet"], folder / "all.parquet", folder / "corpus.json", "benchmark", settings,
        {"g": folder / "genome.json"}, sequences, {}, 1,
    )  # fmt: skip
    (folder / "all.parquet").replace(folder / "windows.parquet")
    return sequences


def parameters_of(network: Any) -> str:
    return f"{sum(parameter.numel() for parameter in network.parameters()) / 1e6:.2f}M parameters"
