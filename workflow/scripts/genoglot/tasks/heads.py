"""A trained head in its files: the weights that a task added or changed, and which backbone they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from genoglot.errors import InputError, few
from genoglot.examples.target import Target
from genoglot.files import atomic_path, digest, read_json, write_json
from genoglot.model.folder import WEIGHTS
from genoglot.model.language_model import load_language_model
from genoglot.tasks import PRETRAINED
from genoglot.tasks.network import TaskNetwork, adapt
from genoglot.tasks.pairing import pairing
from genoglot.tasks.training import Objective, TaskModel

HEAD, ABOUT = "head.safetensors", "head.json"


@dataclass(frozen=True)
class Head:
    """A trained head on its backbone.

    Attributes:
        model: gives predictions of base codes.
        length: bases of the sequences that it reads.
        settings: of the task.
        margin: of a dense target, bases at either end of a sequence that are read and whose predictions are not used.
    """

    model: TaskModel
    length: int
    settings: dict[str, Any]
    margin: int = 0

    @property
    def target(self) -> Target:
        """What the predictions are of."""
        return self.model.target

    @property
    def paired(self) -> bool:
        """Whether it reads pairs of alleles and not sequences."""
        return self.model.network.pairs is not None


def save_head(
    output: Path, trained: TaskModel, backbone: Path, settings: Mapping[str, Any], about: dict[str, Any]
) -> None:
    """Write `head.safetensors` and `head.json`.

    Of a network that was trained whole all weights are kept, of any other those that the backbone's file does not have.

    Args:
        backbone: folder of the model that it began with.
        settings: of the task.
        about: `backbone` and `task`, their names, and `start`; of a dense target `margin`.
    """
    weights = trained.network.state_dict()
    if about["start"] == PRETRAINED and settings["mode"] != "full":
        weights = {
            name: value for name, value in weights.items() if "lora_" in name or not name.startswith("backbone.")
        }
    weights |= {f"objective.{name}": value for name, value in trained.objective.state_dict().items()}
    with atomic_path(output / HEAD) as temporary:
        save_file({name: _copy(value) for name, value in weights.items()}, temporary)
    write_json(
        output / ABOUT,
        {
            **about,
            **trained.target.describe(),
            "length": trained.network.length,
            "paired": trained.network.pairs is not None,
            "backbone_sha256": digest(backbone / WEIGHTS),
            "settings": dict(settings),
        },
    )


def _copy(value: Tensor) -> Tensor:
    """Networks of others may use one tensor twice, which the format does not take."""
    return value.detach().cpu().clone(memory_format=torch.contiguous_format)


def load_head(folder: Path, backbone: Path) -> Head:
    """The head of a folder on the model of another.

    Raises InputError if it was trained on another model than that, or if its files are not of one head.
    """
    folder, backbone = Path(folder), Path(backbone)
    about = read_json(folder / ABOUT)
    found = digest(backbone / WEIGHTS)
    if found != about["backbone_sha256"]:
        raise InputError(
            f"{folder / HEAD} was trained on model {about['backbone']}, whose {WEIGHTS} has the SHA-256 "
            f"{about['backbone_sha256'][:12]}..., and {backbone / WEIGHTS} has {found[:12]}...: a head is of use on "
            "the backbone alone that it was trained on"
        )
    settings, target = about["settings"], Target.of(about)
    language_model = load_language_model(backbone).at_layer(settings["layer"])
    effect = pairing(True, target, settings["effect"]) if about.get("paired") else None
    network = TaskNetwork(language_model, target, settings["pooling"], about["length"], effect=effect)
    if settings["mode"] == "lora" and about["start"] == PRETRAINED:
        adapt(network, **settings["lora"])
    weights = load_file(folder / HEAD)
    own = {name: value for name, value in weights.items() if not name.startswith("objective.")}
    found_names = network.load_state_dict(own, strict=False)
    missing = [name for name in found_names.missing_keys if not name.startswith("backbone.") or "lora_" in name]
    if wrong := [*missing, *found_names.unexpected_keys]:
        raise InputError(f"{folder / HEAD} is not of the network that {ABOUT} describes: {few(wrong)} do not fit")
    objective = Objective(target)
    objective.load_state_dict(
        {name.removeprefix("objective."): value for name, value in weights.items() if name not in own}
    )
    trained = TaskModel(network, target, objective.to(network.linear.weight.device), settings["strands"] == "both")
    return Head(trained.eval(), about["length"], settings, about.get("margin", 0))
