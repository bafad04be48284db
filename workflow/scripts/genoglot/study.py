"""What a checked configuration and its sheets say, in the questions that rules ask of them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genoglot.errors import InputError
from genoglot.model.presets import is_causal, objective, resolve
from genoglot.sheets import Row
from genoglot.sweeps.expansion import SINGLE

# the word in the sheet of variants that stands for the set derived from the annotation
CONSEQUENCES = "consequences"
# the way to clean a genome for which the sheet names none
STANDARD = "standard"

GENBANK = re.compile(r"\.(gb|gbk|gbff|genbank)(\.b?gz)?$", re.IGNORECASE)
# what `make_windows` needs of a corpus; the rest is the business of `build_corpus`
OF_WINDOWS = (
    "window", "step", "jitter", "max_n", "max_soft_masked", "recipe", "split", "validation", "test"
)  # fmt: skip
OF_JUDGEMENT = ("bootstraps", "fewest", "rare_below", "common_from", "frequency_bins")
OF_SCORES = ("mode", "flank", "max_length", "embedding_distance")
OF_EMBEDDINGS = ("step", "mode", "layer", "perplexity", "compared")
OF_EXAMPLES = (
    "kind", "sequences", "columns", "bed", "variants", "column", "group", "split", "crop", "max_per_class", "strands",
    "margin", "max_windows", "tracks", "bin", "aggregate", "missing", "loss",
)  # fmt: skip
OF_FLOORS = ("kind", "pooling", "layer", "strands", "batch_size", "balanced")
OF_TASK_TRAINING = (
    "kind", "mode", "pooling", "layer", "strands", "epochs", "patience", "learning_rate", "layer_decay", "weight_decay",
    "dropout", "network_dropout", "batch_size", "balanced", "lora", "effect",
)  # fmt: skip
# kinds of tasks with a truth for each base or bin of a window, and how they pool the vectors of tokens
BINS = "bins"
DENSE = ("annotation", "tracks", "peaks")
# what no result depends on
CHANGES_NOTHING = ("mirrors", "pathvars", "inference", "pytorch")
ON_ANNOTATION = ("features", "balanced")


# how the sheet of variants writes a key of INFO where a path could stand
INFO = "INFO/"


def listed(field: str | None) -> list[str]:
    """The comma-separated parts of a field of a sheet."""
    return [part.strip() for part in (field or "").split(",") if part.strip()]


@dataclass(frozen=True)
class Study:
    """A checked configuration with every default filled in, and the rows of its sheets by name.

    `models` are those of the configuration, a sweep's members in its place; `sweeps` names the members of each.
    """

    config: dict[str, Any]
    genomes: dict[str, Row]
    variants: dict[str, Row]
    models: dict[str, dict]
    sweeps: dict[str, list[str]]

    @property
    def corpora(self) -> dict[str, dict]:
        return self.config["corpora"]

    @property
    def tokenizers(self) -> dict[str, dict]:
        return self.config["tokenizers"]

    @property
    def trained(self) -> list[str]:
        """Models that are trained here."""
        return [name for name, model in self.models.items() if model["pretrained"] is None]

    @property
    def imported(self) -> list[str]:
        """Models that come trained."""
        return [name for name, model in self.models.items() if model["pretrained"] is not None]

    @property
    def tasks(self) -> dict[str, dict]:
        return self.config["tasks"]

    @property
    def shown(self) -> dict[str, Any]:
        """The configuration without what changes no result, and so must not make the report again."""
        shown = {key: value for key, value in self.config.items() if key not in CHANGES_NOTHING}
        models = {
            name: {key: value for key, value in entry.items() if key != "hardware"}
            for name, entry in self.config["models"].items()
        }
        for entry in models.values():
            given = {key: value for key, value in entry["architecture"].items() if value is not None}
            entry["architecture"] = given
        return {**shown, "models": models}

    def corpus_of(self, model: str) -> dict:
        """Settings of the corpus a model is trained on."""
        return self.corpora[self.models[model]["corpus"]]

    def single(self, model: str) -> bool:
        """Whether the tokens of a model that is trained here are single bases."""
        name = self.models[model]["tokenizer"]
        return name is None or self.tokenizers[name]["type"] == "single"

    def architecture(self, model: str) -> dict[str, Any]:
        """All settings of a model's network, as numbers; `InputError` where they do not go together."""
        return resolve(self.models[model]["architecture"], self.single(model))

    def objective(self, model: str) -> str:
        """What a model learns, as `genoglot.model.presets.objective` words it."""
        architecture = self.architecture(model)
        kind = "causal" if is_causal(architecture) else "cloze" if architecture["type"] == "cloze" else "masked"
        return objective(kind, self.models[model]["training"])

    def seed(self, model: str) -> int:
        """Seed of a model's training: its own, or that of the study."""
        seed = self.models[model]["seed"]
        return self.config["seed"] if seed is None else seed

    def labelled(self, model: str) -> list[str]:
        """Genomes whose region classes a model is trained on."""
        if not self.models[model]["training"]["region_weight"]:
            return []
        return [genome for genome in self.corpus_of(model)["genomes"] if self.annotated(genome)]

    def pretrained_folder(self, model: str) -> str | None:
        """The folder that a model comes from; None for one of the hub."""
        source = self.models[model]["pretrained"]
        return source if source.startswith((".", "/")) or Path(source).is_dir() else None

    def members(self, sweep: str) -> list[dict[str, Any]]:
        """What a sweep decided of each of its members, for their comparison."""
        return [
            {
                "model": name,
                "architecture": self.architecture(name)["type"],
                "size": self.architecture(name)["size"],
                "tokenizer": self.models[name]["tokenizer"] or SINGLE,
                "seed": self.seed(name),
                "learning_rate": self.models[name]["training"]["learning_rate"],
                "objective": self.objective(name),
            }
            for name in self.sweeps[sweep]
        ]

    def embeddings(self) -> list[tuple[str, str]]:
        """Pairs of a genome and a model: the genomes that the configuration names, or those of the model's corpus."""
        used = [model for model in self.models if "embeddings" in self.models[model]["uses"]]
        named = self.config["embeddings"]["genomes"]
        return [(genome, model) for model in used for genome in (named or self.corpus_of(model)["genomes"])]

    def embedding_settings(self) -> dict[str, Any]:
        """What of the configuration decides on the embeddings of a genome, but where windows lie."""
        return {key: self.config["embeddings"][key] for key in OF_EMBEDDINGS}

    def task_runs(self) -> list[tuple[str, str]]:
        """Pairs of a task and a model: those it names, or all that are used for tasks of its genome, if it has one."""
        return [
            (name, model)
            for name, task in self.tasks.items()
            for model in task["models"] or self._used("tasks", task["genome"])
        ]

    def exported_heads(self) -> list[tuple[str, str]]:
        """Pairs of a task and a model, trained here, whose head is to be a Hugging Face folder too."""
        trained = set(self.trained)
        return [(task, model) for task, model in self.task_runs() if self.tasks[task]["export"] and model in trained]

    def task_settings(self, task: str) -> dict[str, Any]:
        """Settings of a task, with the pooling and the weights of classes that it has if it does not say."""
        settings = dict(self.tasks[task])
        if settings["balanced"] is None:
            # most bases are of few classes, and it is most bases that are to be right
            settings["balanced"] = settings["kind"] not in DENSE
        if settings["kind"] in DENSE:
            settings["pooling"] = BINS
        elif settings["pooling"] is None:
            learnt = settings["sequences"] is not None and settings["mode"] != "probe"
            settings["pooling"] = "attention" if learnt else "mean" if settings["sequences"] is not None else "centre"
        return settings

    def example_settings(self, task: str) -> dict[str, Any]:
        """What of a task's settings decides on its examples."""
        settings = {key: self.tasks[task][key] for key in OF_EXAMPLES}
        return settings if settings["variants"] is None else settings | self.allele_settings()

    def allele_settings(self) -> dict[str, Any]:
        """How long an allele may be that a head reads, and how many REF may differ from the genome."""
        scoring = self.config["scoring"]
        return {"max_length": scoring["max_length"], "max_mismatch": scoring["max_ref_mismatch"]}

    def paired(self, task: str) -> bool:
        """Whether a task's examples are pairs of alleles."""
        settings = self.tasks[task]
        return settings["variants"] is not None or isinstance(settings["columns"]["sequence"], list)

    def task_training(self, task: str) -> dict[str, Any]:
        """What of a task's settings decides on how it is learnt."""
        settings = self.task_settings(task)
        return {key: settings[key] for key in OF_TASK_TRAINING}

    def task_floors(self, task: str) -> dict[str, Any]:
        """What of a task's settings decides on its floors."""
        settings = self.task_settings(task)
        return {key: settings[key] for key in OF_FLOORS}

    def scorings(self) -> list[tuple[str, str]]:
        """Pairs of a variant set and a model whose corpus holds the set's genome."""
        return [(name, model) for name, row in self.variants.items() for model in self._used("variants", row["genome"])]

    @property
    def calibration(self) -> dict[str, Any]:
        """How scores are calibrated; `InputError` where they are not."""
        settings = self.config["scoring"]["calibration"]
        if settings is None:
            raise InputError("scoring.calibration: null, so there are no calibrated scores; {} stands for its defaults")
        return settings

    @property
    def scans(self) -> dict[str, dict]:
        return self.config["scans"]

    def scan_runs(self) -> list[tuple[str, str]]:
        """Pairs of a scan and a model: those it names, or all that score variants of its genome."""
        return self._runs(self.scans)

    @property
    def predictions(self) -> dict[str, dict]:
        return self.config["predictions"]

    def prediction_runs(self) -> list[tuple[str, str]]:
        """Pairs of a use of a task's head and a model: those it names, or all that learn the task."""
        return [
            (name, model)
            for name, entry in self.predictions.items()
            for model in entry["models"] or [model for task, model in self.task_runs() if task == entry["task"]]
        ]

    @property
    def interpretation(self) -> dict[str, dict]:
        return self.config["interpretation"]

    def interpretation_runs(self) -> list[tuple[str, str]]:
        """Pairs of a set of loci and a model: those it names, or all that score variants of its genome."""
        return self._runs(self.interpretation)

    def _runs(self, entries: Mapping[str, dict]) -> list[tuple[str, str]]:
        """Pairs of an entry and a model: those it names, or all that score variants of its genome."""
        return [
            (name, model)
            for name, entry in entries.items()
            for model in entry["models"] or self._used("variants", entry["genome"])
        ]

    def calibrations(self) -> list[tuple[str, str]]:
        """Pairs of a genome and a model whose scores are calibrated: those by which a variant set is scored."""
        if self.config["scoring"]["calibration"] is None:
            return []
        return list(dict.fromkeys((self.source("variants", name, "genome"), model) for name, model in self.scorings()))

    def scoring_settings(self) -> dict[str, Any]:
        """What of the configuration decides on the scores of variants."""
        return {key: self.config["scoring"][key] for key in OF_SCORES}

    def _used(self, use: str, genome: str | None) -> list[str]:
        """Models that are put to a use and whose corpus holds a genome; without a genome, all that are put to it."""
        return [
            name
            for name, model in self.models.items()
            if use in model["uses"] and (genome is None or genome in self.corpus_of(name)["genomes"])
        ]

    def contigs(self, variants: str) -> list[str] | None:
        """Contigs to which the scoring of a variant set is restricted; None for all."""
        return listed(self.variants[variants]["contigs"]) or None

    def label_key(self, variants: str) -> str | None:
        """INFO key that labels a variant set; None if none does."""
        source = self.variants[variants]["labels"]
        return source.removeprefix(INFO) if source and source.startswith(INFO) else None

    def judgement(self, variants: str) -> dict[str, Any]:
        """What configuration and sheet say of how a variant set's scores are judged, without where its files lie."""
        row = self.variants[variants]
        return {
            **{key: self.config["scoring"][key] for key in OF_JUDGEMENT},
            "label_key": self.label_key(variants),
            "label_source": row["labels"],
            "positives": listed(row["positives"]),
            "negatives": listed(row["negatives"]),
            "frequency_key": row["frequency"],
            "derived": row["vcf"] == CONSEQUENCES,
        }

    def consequence_contigs(self, genome: str) -> list[str] | None:
        """Contigs for which consequences are derived: all that a set of the genome scores; None for all."""
        asked = [
            self.contigs(name)
            for name, row in self.variants.items()
            if row["genome"] == genome and row["vcf"] == CONSEQUENCES
        ]
        if not asked or None in asked:
            return None
        return sorted({contig for contigs in asked for contig in contigs or []})

    def held_out(self, model: str) -> dict:
        """Settings of a model's corpus that say what was held out."""
        return {key: self.corpus_of(model)[key] for key in ("split", "validation", "test")}

    def source(self, sheet: str, name: str, column: str) -> str:
        """A path or URL of a sheet; `InputError` where it was left empty."""
        source = getattr(self, sheet)[name][column]
        if not source:
            raise InputError(f"{self.config[sheet]}: {name} has no {column}, and this file needs one")
        return source

    def derived(self, genome: str) -> bool:
        """Whether a genome is another one with the variants of a sample."""
        return self.genomes[genome]["reference"] is not None

    def annotated(self, genome: str) -> bool:
        """Whether a genome has an annotation: its own, that of its GenBank file, or that of its reference."""
        row = self.genomes[genome]
        reference = row["reference"]
        return bool(row["annotation"] or self.in_genbank(genome) or (reference and self.annotated(reference)))

    def in_genbank(self, genome: str) -> bool:
        """Whether the features of a genome are read from the file of its sequence."""
        row = self.genomes[genome]
        return not row["annotation"] and bool(row["fasta"] and GENBANK.search(row["fasta"]))

    def aliases(self, genome: str) -> str | None:
        """Genome whose table of contig names counts for a genome: itself or its reference; None if there is none."""
        row = self.genomes[genome]
        if row["aliases"]:
            return genome
        return self.aliases(row["reference"]) if row["reference"] else None

    def haplotypes(self, genome: str) -> str:
        """Name of the file of genotypes from which a genome is derived; genomes of one VCF and reference share it."""
        source = self.source("genomes", genome, "haplotype_vcf")
        return f"haplotypes-{hashlib.sha256(source.encode()).hexdigest()[:8]}"

    def origin(self, genome: str, name: str) -> str:
        """Where the source `name` of a genome comes from: the column of that name, or a VCF of genotypes."""
        if name.startswith("haplotypes-"):
            derived = [other for other, row in self.genomes.items() if row["reference"] == genome]
            return next(
                self.source("genomes", other, "haplotype_vcf") for other in derived if self.haplotypes(other) == name
            )
        return self.source("genomes", genome, name)

    def cleaning(self, genome: str) -> dict:
        """Settings by which a genome is cleaned."""
        return self.config["cleaning"][self.genomes[genome]["cleaning"]]

    def window_settings(self, corpus: str) -> dict:
        """What of a corpus' settings decides on the windows of each of its genomes; the flank as a number."""
        settings = {key: self.corpora[corpus][key] for key in OF_WINDOWS}
        recipe = settings["recipe"]
        if recipe["flank"] is None:
            flank = settings["window"] // 2 if recipe["type"] == "balanced" else 0
            settings["recipe"] = {**recipe, "flank": flank}
        return settings

    def species(self, corpus: str) -> dict[str, str]:
        """Species of each genome of a corpus; a genome for which the sheet has none is its own."""
        return {genome: self.genomes[genome]["species"] or genome for genome in self.corpora[corpus]["genomes"]}
