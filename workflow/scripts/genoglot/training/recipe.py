"""What a model is trained from: files and settings, and the record of them that a run is known by."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from genoglot.corpus.batches import Objective, TrainingBatches
from genoglot.corpus.labels import Labels
from genoglot.corpus.reader import WindowReader
from genoglot.corpus.schedule import Schedule
from genoglot.corpus.windows import read_windows
from genoglot.errors import InputError
from genoglot.files import digest, read_json
from genoglot.genome.region_classes import REGION_CLASSES
from genoglot.model.folder import WEIGHTS
from genoglot.model.language_model import LanguageModel, of_network
from genoglot.tokens.encoding import Encoding, SingleBase
from genoglot.tokens.files import load_encoding
from genoglot.tokens.pipelines import TOKENIZER, read_settings
from genoglot.training.distribution import Layout
from genoglot.training.heldout import HeldOut, held_out
from genoglot.training.start import first_network


@dataclass(frozen=True)
class Recipe:
    """Files and settings, as of `genoglot.training.pretraining.pretrain`.

    Raises:
        InputError: regions are to be learnt, and there are none.
    """

    windows: Path
    manifest: Path
    sequences: dict[str, Path]
    architecture: dict[str, Any]
    training: dict[str, Any]
    seed: int
    tokenizer: Path | None
    regions: dict[str, Path | None] | None
    init_from: Path | None

    def __post_init__(self) -> None:
        if self.training["region_weight"] and not any((self.regions or {}).values()):
            raise InputError(
                "training.region_weight: there are no region classes to learn, since no genome of the corpus has an "
                "annotation; set it to 0, or give an annotation in the sheet of genomes"
            )
        if not self.training["region_weight"] and not self.training["lm_weight"]:
            raise InputError("training.lm_weight and training.region_weight are both 0: there is nothing to learn")

    @cached_property
    def corpus(self) -> dict[str, Any]:
        """The corpus' manifest."""
        manifest = read_json(self.manifest)
        assert isinstance(manifest, dict)
        return manifest

    @property
    def window(self) -> int:
        """Bases of a window."""
        return int(self.corpus["settings"]["window"])

    @property
    def labels(self) -> dict[str, Path | None] | None:
        """Each genome's region classes, if they are learnt."""
        return self.regions if self.training["region_weight"] else None

    @cached_property
    def encoding(self) -> Encoding:
        return load_encoding(self.tokenizer) if self.tokenizer else SingleBase()

    def identity(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON; files by their digests."""
        return {
            "corpus": self.corpus["fingerprint"],
            "architecture": self.architecture,
            "training": self.training,
            "seed": self.seed,
            "init_from": digest(Path(self.init_from) / WEIGHTS) if self.init_from else None,
            "tokenizer": digest(Path(self.tokenizer) / TOKENIZER) if self.tokenizer else None,
            "regions": {name: digest(path) for name, path in (self.labels or {}).items() if path},
        }

    def describe(self) -> dict[str, Any]:
        """What `training.json` says of it."""
        kind = (read_settings(self.tokenizer) if self.tokenizer else None) or {"type": "single"}
        return {
            "architecture": self.architecture,
            "tokenizer": {**kind, "vocabulary": self.encoding.size},
            "training": self.training,
            "seed": self.seed,
            "corpus": self.corpus["corpus"],
            "fingerprint": self.corpus["fingerprint"],
        }

    def first_model(self) -> LanguageModel:
        """The model as it is before training."""
        classes = len(REGION_CLASSES) if self.labels else 0
        network = first_network(self.architecture, self.encoding, self.window, classes, self.init_from)
        return of_network(network, self.encoding, self.window)

    def batches(self, model: LanguageModel, schedule: Schedule, layout: Layout, accumulate: int) -> TrainingBatches:
        """This process' share of the training batches."""
        windows = read_windows(self.windows, "train")
        return TrainingBatches(
            WindowReader(windows, self.sequences),
            model.encoding,
            Objective.of(self.training, model.kind == "causal", model.kind == "masked"),
            schedule,
            self.seed,
            layout.rank,
            layout.ranks,
            accumulate,
            Labels(windows, self.sequences, self.labels) if self.labels else None,
        )

    def held_out(self, model: LanguageModel) -> HeldOut:
        """The tiles on which the model is validated."""
        rate, most = self.training["mask_rate"], self.training["validation_windows"]
        return held_out(self.windows, self.sequences, self.labels, model, rate, most, self.seed)
