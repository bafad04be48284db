"""The configuration and the sheets of a study, read once, checked and made whole.

Nothing here needs torch or a genome: a mistake is named before the first job starts. What only the data can tell
(a validation contig that does not exist, say) is checked where the data are read.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genoglot.errors import InputError
from genoglot.schema import fill_defaults, load_schema, problems, suggestion
from genoglot.sheets import Row, read_sheet

# the word in the sheet of variants that stands for the set derived from the annotation
CONSEQUENCES = "consequences"


@dataclass(frozen=True)
class Study:
    """A checked configuration with every default filled in, and the rows of its sheets by name."""

    config: dict[str, Any]
    genomes: dict[str, Row]
    variants: dict[str, Row]

    @property
    def corpora(self) -> dict[str, dict]:
        return self.config["corpora"]

    @property
    def models(self) -> dict[str, dict]:
        return self.config["models"]

    @property
    def tasks(self) -> dict[str, dict]:
        return self.config["tasks"]

    @property
    def shown(self) -> dict[str, Any]:
        """The configuration without what changes no result, and so must not make the report again."""
        return {key: value for key, value in self.config.items() if key not in ("mirrors", "pathvars", "inference")}

    def corpus_of(self, model: str) -> dict:
        """Settings of the corpus a model is trained on."""
        return self.corpora[self.models[model]["corpus"]]

    def embeddings(self) -> list[tuple[str, str]]:
        """Pairs of a genome and a model whose corpus holds it."""
        return [(genome, model) for model in self.models for genome in self.corpus_of(model)["genomes"]]

    def task_runs(self) -> list[tuple[str, str]]:
        """Pairs of a task and a model whose corpus holds the task's genome."""
        return [(task, model) for task in self.tasks for model in self._trained_on(self.tasks[task]["genome"])]

    def scorings(self) -> list[tuple[str, str]]:
        """Pairs of a variant set and a model whose corpus holds the set's genome."""
        return [(name, model) for name, row in self.variants.items() for model in self._trained_on(row["genome"])]

    def _trained_on(self, genome: str | None) -> list[str]:
        return [model for model in self.models if genome in self.corpus_of(model)["genomes"]]

    def contigs(self, variants: str) -> list[str] | None:
        """Contigs to which the scoring of a variant set is restricted; None for all."""
        given = self.variants[variants]["contigs"]
        return [name.strip() for name in given.split(",") if name.strip()] if given else None

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

    def held_out(self, model: str, genome: str) -> list[str]:
        """Contigs of a genome on which a fine-tuned task is tested.

        Those that the model's corpus holds out for testing, or else for validation; `genome:contig` counts for that
        genome alone.
        """
        corpus = self.corpus_of(model)
        names = [name.rpartition(":") for name in corpus["test"] or corpus["validation"]]
        others = self.genomes.keys() - {genome}
        return [contig if of == genome else f"{of}{colon}{contig}" for of, colon, contig in names if of not in others]

    def source(self, sheet: str, name: str, column: str) -> str:
        """A path or URL of a sheet; `InputError` where it was left empty."""
        source = getattr(self, sheet)[name][column]
        if not source:
            raise InputError(f"{self.config[sheet]}: {name} has no {column}, and this file needs one")
        return source


def read_study(config: Mapping[str, Any], schemas: Mapping[str, str | Path]) -> Study:
    """Check a configuration and the sheets it names.

    Args:
        config: the configuration as Snakemake read it.
        schemas: paths of the schemas `config`, `genomes` and `variants`.

    Raises:
        InputError: with everything found wrong, one line each, beginning with the key or the line of the sheet.
    """
    schema = load_schema(schemas["config"])
    filled = fill_defaults(dict(config), schema)
    _refuse(f"configuration: {problem}" for problem in problems(filled, schema))
    genomes = read_sheet(filled["genomes"], load_schema(schemas["genomes"]))
    if not genomes:
        raise InputError(f"{filled['genomes']}: there is no genome below the header")
    variants = read_sheet(filled["variants"], load_schema(schemas["variants"])) if filled["variants"] else {}
    study = Study(
        filled, {name: row for name, (row, _) in genomes.items()}, {name: row for name, (row, _) in variants.items()}
    )
    places = {name: where for name, (_, where) in variants.items()}
    _refuse([*_config_references(study), *_variant_references(study, places)])
    return study


def _refuse(wrong: Iterable[str]) -> None:
    if lines := list(wrong):
        raise InputError("\n".join(lines))


def _config_references(study: Study) -> Iterator[str]:
    sheet = study.config["genomes"]
    for name, corpus in study.corpora.items():
        for genome in corpus["genomes"]:
            if genome not in study.genomes:
                yield f"corpora.{name}.genomes: {genome} is not in {sheet}{suggestion(genome, study.genomes)}"
        if both := sorted(set(corpus["validation"]) & set(corpus["test"])):
            yield f"corpora.{name}: {', '.join(both)} cannot be both a validation and a test contig"
    for name, model in study.models.items():
        corpus = model["corpus"]
        if corpus not in study.corpora:
            yield f"models.{name}.corpus: there is no corpus {corpus}{suggestion(corpus, study.corpora)}"
        start = model["init_from"]
        if start is not None and start not in study.models:
            yield f"models.{name}.init_from: there is no model {start}{suggestion(start, study.models)}"
    yield from _init_cycles(study.models)
    for name, task in study.tasks.items():
        genome = task["genome"]
        if genome not in study.genomes:
            yield f"tasks.{name}.genome: {genome} is not in {sheet}{suggestion(genome, study.genomes)}"
        elif not study.genomes[genome]["annotation"]:
            yield f"tasks.{name}: region classes come from an annotation, and {genome} has none in {sheet}"


def _init_cycles(models: Mapping[str, dict]) -> Iterator[str]:
    """One line for each circle of `init_from`."""
    seen: set[str] = set()
    for name in models:
        chain: list[str] = []
        while name in models and name not in seen:
            seen.add(name)
            chain.append(name)
            name = models[name]["init_from"]
        if name in chain:
            circle = " -> ".join([*chain[chain.index(name) :], name])
            yield f"models.{name}.init_from: models cannot start from each other in a circle ({circle})"


def _variant_references(study: Study, places: Mapping[str, str]) -> Iterator[str]:
    sheet = study.config["genomes"]
    for name, row in study.variants.items():
        genome = row["genome"]
        if genome not in study.genomes:
            yield f"{places[name]}: genome {genome} is not in {sheet}{suggestion(str(genome), study.genomes)}"
        elif row["vcf"] == CONSEQUENCES and not study.genomes[genome]["annotation"]:
            yield f"{places[name]}: {name} is derived from the annotation of {genome}, and {genome} has none in {sheet}"
