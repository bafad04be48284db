"""Fine-tuning a classification head with its backbone, beside the same network from random weights and two floors."""

import logging
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.utils.data import DataLoader

from genoglot.embeddings.kmers import kmer_frequencies
from genoglot.files import atomic_path, digest, write_json
from genoglot.genome.store import Genome, reverse_complement
from genoglot.model.hardware import TRAINER_PRECISION, prepare
from genoglot.model.inference import untrained
from genoglot.model.language_model import LanguageModel, load_language_model
from genoglot.model.pooling import pool, pooled_input
from genoglot.tasks.examples import BLOCK, region_examples
from genoglot.tasks.metrics import classification_metrics
from genoglot.training.optimisation import decayed_parameters, learning_rate_factor

log = logging.getLogger(__name__)

FLOOR_K = 6
WEIGHT_DECAY = 0.01
# token ids, where they are (None: everywhere), and their weights in the mean; and class numbers
Written = tuple[Tensor, Tensor | None, Tensor]
Batch = tuple[Written, Tensor]


class WindowClassifier(nn.Module):
    """Class logits (batch, classes) of what `pooled_input` makes of windows: mean of the central half, linear layer."""

    def __init__(self, model: LanguageModel, classes: int):
        super().__init__()
        self.model = model
        self.backbone = model.network
        self.norm = nn.LayerNorm(model.dim)
        self.linear = nn.Linear(model.dim, classes)

    def forward(self, ids: Tensor, present: Tensor | None, weights: Tensor) -> Tensor:
        return self.linear(self.norm(pool(self.model, ids, present, weights)))


class Finetuning(L.LightningModule):
    """Class-weighted cross-entropy; the best epoch's weights are kept."""

    class_weights: Tensor

    def __init__(self, network: WindowClassifier, weights: Tensor, settings: dict[str, Any], steps: int):
        super().__init__()
        self.network, self.settings, self.steps = network, settings, steps
        self.register_buffer("class_weights", weights)
        self.best_loss = float("inf")
        self.best_weights: dict[str, Tensor] = {}
        self.losses: list[Tensor] = []

    def training_step(self, batch: Batch, _: int) -> Tensor:
        written, labels = batch
        return F.cross_entropy(self.network(*written).float(), labels, weight=self.class_weights)

    def validation_step(self, batch: Batch, _: int) -> None:
        written, labels = batch
        self.losses.append(
            F.cross_entropy(self.network(*written).float(), labels, weight=self.class_weights, reduction="sum")
        )

    def on_validation_epoch_end(self) -> None:
        loss = float(torch.stack(self.losses).sum())
        self.losses.clear()
        if loss < self.best_loss:
            self.best_loss = loss
            self.best_weights = {name: value.clone() for name, value in self.network.state_dict().items()}

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        rate = self.settings["learning_rate"]
        decayed, named = decayed_parameters(self.network), list(self.network.named_parameters())
        groups = [
            {"params": [value for name, value in named if (name in decayed) == bool(decay)], "weight_decay": decay}
            for decay in (WEIGHT_DECAY, 0.0)
        ]
        optimizer = torch.optim.AdamW(groups, lr=rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, max(1, self.steps // 10), self.steps)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def finetune_head(
    model: Path,
    sequence: Path,
    regions: Path,
    output: Path,
    task: str,
    name: str,
    settings: dict[str, Any],
    genome: str,
    corpus: dict[str, Any],
    seed: int,
    threads: int,
) -> None:
    """Fine-tune for region classes and write `head.safetensors`, `head.json`, `metrics.json`, `predictions.parquet`.

    `genome` names the genome; `corpus` holds the settings `split`, `validation` and `test` of the model's corpus: what
    that held out of the genome tests. The twin `from_scratch` is the same network, random weights, same examples and
    budget. The floors are the most frequent class and logistic regression on 6-mer frequencies.
    """
    precision = prepare(threads, settings["precision"])
    output = Path(output)
    pretrained = load_language_model(Path(model))
    window = pretrained.window
    examples = region_examples(sequence, regions, window, settings, genome, corpus, seed)
    classes = sorted(examples["label"].unique())
    examples["class"] = examples["label"].map({label: number for number, label in enumerate(classes)})
    store = Genome(Path(sequence))
    codes = store.windows(examples["number"].to_numpy(), examples["start"].to_numpy(), window)
    test = (examples["split"] == "test").to_numpy()
    torch.manual_seed(seed)
    random = untrained(pretrained)
    probabilities, networks = {}, {}
    for twin, start in (("pretrained", pretrained), ("from_scratch", random)):
        log.info("training the head, %s", twin)
        networks[twin] = train(start, codes, examples, len(classes), settings, precision, seed)
        probabilities[twin] = predict(networks[twin], codes[test], settings["batch_size"])
    probabilities["kmer"] = kmer_floor(store, examples, len(classes), seed)
    truth = examples.loc[test, "class"].to_numpy()
    groups = (examples["number"] * 10**9 + examples["start"] // (BLOCK * window)).to_numpy()[test]
    majority = int(examples.loc[examples["split"] != "test", "class"].mode()[0])
    counts = examples["split"].value_counts()
    metrics = {
        "task": task,
        "model": name,
        "kind": settings["kind"],
        "classes": classes,
        **{f"n_{split}": int(counts.get(split, 0)) for split in ("train", "validation", "test")},
        **{
            kind: classification_metrics(truth, values, classes, groups, seed) for kind, values in probabilities.items()
        },
        "majority": {
            "accuracy": float((truth == majority).mean()),
            "balanced_accuracy": 1 / len(np.unique(truth)),
        },
    }
    save(output, networks["pretrained"], model, metrics, settings)
    write_predictions(output, examples[test], probabilities, classes)


def loader(model: LanguageModel, codes: np.ndarray, labels: np.ndarray, batch: int, seed: int | None) -> DataLoader:
    """Batches of `Batch`; with a seed, shuffled and each window on a strand drawn at random."""

    def write(rows: list[int]) -> Batch:
        windows = codes[rows]
        if seed is not None:
            flipped = torch.rand(len(rows), 1).numpy() < 0.5
            windows = np.where(flipped, reverse_complement(windows), windows)
        return pooled_input(model, windows), torch.from_numpy(labels[rows])

    generator = None if seed is None else torch.Generator().manual_seed(seed)
    rows = range(len(codes))
    return DataLoader(rows, batch_size=batch, shuffle=seed is not None, generator=generator, collate_fn=write)  # type: ignore[arg-type]


def train(
    model: LanguageModel,
    codes: np.ndarray,
    examples: pd.DataFrame,
    classes: int,
    settings: dict[str, Any],
    precision: str,
    seed: int,
) -> WindowClassifier:
    """Train head and backbone together; return the network of the epoch with the lowest validation loss."""
    L.seed_everything(seed, verbose=False)
    labels = examples["class"].to_numpy()
    part = {split: (examples["split"] == split).to_numpy() for split in ("train", "validation")}
    chosen = part["validation"] if part["validation"].any() else part["train"]
    frequency = np.bincount(labels[part["train"]], minlength=classes)
    weights = torch.from_numpy(frequency.mean() / frequency).float()
    batch = settings["batch_size"]
    steps = settings["epochs"] * -(-int(part["train"].sum()) // batch)
    module = Finetuning(WindowClassifier(model, classes).train(), weights, settings, steps)
    trainer = L.Trainer(
        accelerator="auto",
        devices=1,
        precision=TRAINER_PRECISION[precision],
        max_epochs=settings["epochs"],
        gradient_clip_val=1.0,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(
        module,
        loader(model, codes[part["train"]], labels[part["train"]], batch, seed),
        loader(model, codes[chosen], labels[chosen], batch, None),
    )
    module.network.load_state_dict(module.best_weights)
    return module.network.eval()


@torch.inference_mode()
def predict(network: WindowClassifier, codes: np.ndarray, batch: int) -> np.ndarray:
    """Class probabilities, float32 (windows, classes), averaged over both strands."""
    model = network.model
    results = []
    for first in range(0, len(codes), batch):
        windows = codes[first : first + batch]
        values = network(*pooled_input(model, windows)).float().softmax(-1)
        if not model.symmetric:
            other = network(*pooled_input(model, reverse_complement(windows))).float().softmax(-1)
            values = (values + other) / 2
        results.append(values.cpu().numpy())
    return np.concatenate(results)


def kmer_floor(genome: Genome, examples: pd.DataFrame, classes: int, seed: int) -> np.ndarray:
    """Test probabilities of a logistic regression on 6-mer frequencies of the windows' central halves."""
    start, end = examples["start"].to_numpy(), examples["end"].to_numpy()
    quarter = (end - start) // 4
    features = kmer_frequencies(genome, examples["number"].to_numpy(), start + quarter, end - quarter, FLOOR_K)
    fitted, test = (examples["split"] != "test").to_numpy(), (examples["split"] == "test").to_numpy()
    regression = LogisticRegression(C=1e-3, class_weight="balanced", max_iter=200, random_state=seed)
    floor = make_pipeline(StandardScaler(), regression).fit(features[fitted], examples["class"][fitted])
    result = np.zeros((int(test.sum()), classes), dtype=np.float32)
    result[:, floor.classes_] = floor.predict_proba(features[test])
    return result


def save(output: Path, network: WindowClassifier, model: Path, metrics: dict[str, Any], settings: dict) -> None:
    """The fine-tuned weights, what they belong to, and the metrics."""
    output.mkdir(parents=True, exist_ok=True)
    with atomic_path(output / "head.safetensors") as temporary:
        # copies, since networks of others may use one tensor twice, which the format does not take
        save_file(
            {
                key: value.cpu().clone(memory_format=torch.contiguous_format)
                for key, value in network.state_dict().items()
            },
            temporary,
        )
    write_json(
        output / "head.json",
        {
            "task": metrics["task"],
            "kind": settings["kind"],
            "classes": metrics["classes"],
            "backbone": metrics["model"],
            "backbone_sha256": digest(Path(model) / "model.safetensors"),
            "pooling": "mean over the central half of the window",
            "settings": settings,
        },
    )
    write_json(output / "metrics.json", metrics)


def write_predictions(
    output: Path, examples: pd.DataFrame, probabilities: dict[str, np.ndarray], classes: list[str]
) -> None:
    """A row per test window: place, label, and the class probabilities of the pretrained network and its twin."""
    table = examples[["contig", "start", "end", "label"]].reset_index(drop=True)
    for kind, values in probabilities.items():
        table[f"{kind}_class"] = np.array(classes)[values.argmax(axis=1)]
        for number, label in enumerate(classes):
            table[f"{kind}_{label}"] = values[:, number]
    with atomic_path(output / "predictions.parquet") as temporary:
        table.to_parquet(temporary, index=False)
