"""A trained head as a Hugging Face folder, which transformers reads where this workflow is not installed."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import save_file
from torch import nn
from transformers import PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as THEIR_CLASSES

from genoglot.errors import InputError, few
from genoglot.examples.target import Target
from genoglot.files import read_json, staged
from genoglot.genome.store import N_CODE, decode
from genoglot.model.folder import WEIGHTS
from genoglot.model.hardware import quieten_libraries
from genoglot.network import CODE, TASK_CODE, copy_code
from genoglot.network.modeling_genoglot import GenoglotModel
from genoglot.network.tasks_genoglot import (
    CLASSES,
    LABELS,
    VALUES,
    GenoglotForSequenceClassification,
    GenoglotForTokenClassification,
    GenoglotTaskConfig,
    GenoglotTaskModel,
)
from genoglot.tasks.card import CARD, model_card
from genoglot.tasks.heads import ABOUT, Head, load_head
from genoglot.tasks.network import read_batches
from genoglot.tokens.encoding import Encoding
from genoglot.tokens.files import save_tokenizer

log = logging.getLogger(__name__)

PROBLEMS = {"classes": CLASSES, "labels": LABELS, "values": VALUES}
# what a configuration has that is not of the backbone alone
NOT_OF_BACKBONE = ("architectures", "auto_map", "model_type", "id2label", "label2id", "problem_type")
TOLERANCE = 1e-4  # of logits written and read again


def export_head(backbone: Path, head: Path, metrics: Path, output: Path) -> None:
    """Write the folder of a head: configuration, weights, tokenizer, code and a model card.

    Low-rank updates become part of the weights, and values have the units of the training data. What was written must
    give the logits of the head.

    Args:
        backbone: the model's folder.
        head: folder of `head.safetensors` and `head.json`.
        metrics: what `evaluate_task` measured, for the card.

    Raises:
        InputError: the head is of another backbone, or that is no network of this workflow.
    """
    quieten_libraries()
    backbone, output = Path(backbone), Path(output)
    trained, about = load_head(head, backbone), read_json(Path(head) / ABOUT)
    made = exported(trained, about["backbone"])
    with staged(output) as staging:
        made.config.save_pretrained(staging)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in made.state_dict().items()}
        save_file(tensors, staging / WEIGHTS, metadata={"format": "pt"})
        save_tokenizer(backbone, staging, trained.length)
        copy_code(staging, (*CODE, *TASK_CODE))
        (staging / CARD).write_text(model_card(about, read_json(metrics)))
        _check_written(trained, staging)
    log.info("%s: %s of %d outputs", output, type(made).__name__, trained.target.outputs)


def exported(head: Head, name: str) -> GenoglotTaskModel:
    """The network of a head as a Hugging Face class; the head is of no use after this.

    `name` is that of the backbone. Raises InputError if it is no network of this workflow, or the head of a form that
    the class has not.
    """
    network, model = head.model.network, head.model.network.model
    if not isinstance(model.network, GenoglotModel):
        raise InputError(_refusal(model.network, name, head.settings["pooling"]))
    if head.target.kind not in PROBLEMS:
        raise InputError(f"heads of {head.target.kind} are not exported; those of {', '.join(PROBLEMS)} are")
    merge_updates(network.backbone)
    config = _config(head, model.network.config, model.encoding, model.layer)
    made = _class_of(head.target)(config)
    weights = {
        key.replace("backbone.", "network.", 1): value
        for key, value in network.state_dict().items()
        if not key.startswith(("backbone.head.", "backbone.region_head."))
    }
    bases, known = token_table(model.encoding)
    weights |= {"token_bases": bases, "token_known": known}
    if others := sorted(set(weights) ^ set(made.state_dict())):
        raise InputError(f"the head on {name} is of a form that no Hugging Face class has here: {few(others)}")
    made.load_state_dict(weights)
    if head.target.kind == "values":
        objective = head.model.objective
        with torch.no_grad():
            made.linear.weight.mul_(objective.scale[:, None].cpu())
            made.linear.bias.mul_(objective.scale.cpu()).add_(objective.mean.cpu())
    return made.eval()


def _class_of(target: Target) -> type[GenoglotTaskModel]:
    return GenoglotForTokenClassification if target.dense else GenoglotForSequenceClassification


def _config(head: Head, shape: Any, encoding: Encoding, layer: int | None) -> GenoglotTaskConfig:
    own = {key: value for key, value in shape.to_dict().items() if key not in NOT_OF_BACKBONE}
    names = dict(enumerate(head.target.names))
    config = GenoglotTaskConfig(
        **{**own, "regions": 0, "window": head.length},
        pooling=head.settings["pooling"],
        sequence_length=head.length,
        layer=layer,
        overlapping=encoding.k if encoding.overlapping else 0,
        head_dropout=head.settings.get("dropout", 0.0),
        bin=head.target.bin,
        mirror=head.target.mirror,
        id2label=names,
        label2id={name: number for number, name in names.items()},
        problem_type=PROBLEMS[head.target.kind],
    )
    kind = _class_of(head.target).__name__
    config.architectures = [kind]
    config.auto_map = {
        "AutoConfig": f"tasks_genoglot.{GenoglotTaskConfig.__name__}",
        kind.replace("Genoglot", "AutoModel"): f"tasks_genoglot.{kind}",
    }
    return config


def token_table(encoding: Encoding) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each token of a vocabulary: how many bases it stands for, int64, and whether one of them is known, bool."""
    letters = [token if set(token) <= set("ACGTN") else "" for token in encoding.tokens]
    known = [bool(set(token) & set("ACGT")) for token in letters]
    return torch.tensor(list(map(len, letters))), torch.tensor(known)


def merge_updates(network: nn.Module) -> None:
    """Add the low-rank updates of linear layers to their weights, and leave the plain layers."""
    for name, module in list(network.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            network.set_submodule(name, module.get_base_layer())


def _refusal(network: Any, name: str, pooling: str) -> str:
    theirs = THEIR_CLASSES.get(network.config.model_type)
    found = (
        f"{theirs} of transformers, which reads such a network, has a head of another form"
        if theirs
        else "transformers has no class of such a network for whole sequences"
    )
    return (
        f"model {name} is a {type(network).__name__} that was imported, and this head a LayerNorm and a linear layer "
        f"over the pooling {pooling}: {found}. Heads on models that were trained here can be exported; this one is put "
        "to use by `predictions` (docs/tasks.md)"
    )


def _check_written(head: Head, folder: Path) -> None:
    """Raise InputError if what was written does not give the logits of the head, of which updates are merged."""
    codes = np.random.default_rng(0).integers(0, N_CODE, (3, head.length), dtype=np.uint8)
    codes[1, : head.length // 4] = N_CODE
    finish = head.model.objective.predictions if head.target.kind == "values" else nn.Identity()
    expected = read_batches(
        head.model.network.eval(),
        codes,
        len(codes),
        "float32",
        False,
        lambda x: finish(head.model.network(x)),
        head.target.shape(head.length),
    )
    written = _class_of(head.target).from_pretrained(folder, local_files_only=True).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    inputs = tokenizer([decode(each) for each in codes], return_tensors="pt", padding=True)
    with torch.inference_mode():
        found = written(inputs["input_ids"], inputs["attention_mask"]).logits.numpy()
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE * (1 + float(np.abs(expected).max())):
        raise InputError(f"{folder}: the head, written and read again, gives logits that differ by {difference:.2g}")
