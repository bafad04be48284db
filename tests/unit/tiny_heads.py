"""A head of random weights in its files, beside the model that it belongs to."""

from pathlib import Path

import torch
from scored_variants import MODEL_WINDOW
from tiny_models import random_network
from tiny_tokens import tiny_encoding

from genoglot.examples.target import Target
from genoglot.model.folder import save_model
from genoglot.model.language_model import load_language_model
from genoglot.tasks import PRETRAINED
from genoglot.tasks.heads import save_head
from genoglot.tasks.network import TaskNetwork
from genoglot.tasks.training import Objective, TaskModel

CLASSES = Target("classes", ("exon", "5' UTR", "other"))


def write_head(folder: Path, make_genome, target: Target = CLASSES, strands: str = "both") -> None:
    """Write `model/`, a convnet that reads windows of `MODEL_WINDOW` bases, and `head/` into a folder."""
    encoding = tiny_encoding("single", make_genome, folder)
    save_model(random_network("convnet", encoding, MODEL_WINDOW), encoding, folder / "model", MODEL_WINDOW)
    torch.manual_seed(3)
    network = TaskNetwork(load_language_model(folder / "model"), target, "mean", MODEL_WINDOW)
    trained = TaskModel(network, target, Objective(target), strands == "both")
    settings = {"kind": "classification", "mode": "full", "layer": None, "pooling": "mean", "strands": strands}
    (folder / "head").mkdir()
    about = {"backbone": "m", "task": "t", "start": PRETRAINED}
    save_head(folder / "head", trained, folder / "model", settings, about)
