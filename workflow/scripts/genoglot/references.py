"""Names in a configuration and its sheets that must fit one another: what does not, a line each."""

from collections.abc import Iterator, Mapping
from typing import Any

from genoglot.errors import InputError
from genoglot.schema import suggestion
from genoglot.sheets import Row
from genoglot.sources.accession import is_accession, parse
from genoglot.study import CONSEQUENCES, ON_ANNOTATION, Study


def genome_problems(study: Study, places: Mapping[str, str]) -> Iterator[str]:
    """Rows of the sheet of genomes that do not say where a genome comes from, or refer to what is not there."""
    for name, row in study.genomes.items():
        where, reference = places[name], row["reference"]
        if row["cleaning"] not in study.config["cleaning"]:
            known = suggestion(str(row["cleaning"]), study.config["cleaning"])
            yield f"{where}: the configuration has no cleaning {row['cleaning']}{known}"
        yield from _accession_problems(where, row)
        if reference is None:
            if not row["fasta"]:
                yield f"{where}: fasta: missing; give the sequence, or a reference from which {name} is derived"
            for column in ("haplotype_vcf", "sample"):
                if row[column]:
                    yield f"{where}: {column} is for a genome derived from another: give that one as its reference"
            continue
        if reference not in study.genomes:
            yield f"{where}: reference {reference} is not in the sheet{suggestion(reference, study.genomes)}"
        elif study.genomes[reference]["reference"]:
            yield f"{where}: the reference {reference} is itself derived; give the genome that it is derived from"
        if row["fasta"]:
            yield f"{where}: {name} has a reference and a fasta; a genome is read or derived, not both"
        for column in ("haplotype_vcf", "sample"):
            if not row[column]:
                yield f"{where}: {column}: missing; a genome derived from {reference} needs it"


def _accession_problems(where: str, row: Row) -> Iterator[str]:
    """Accessions that cannot be, before anything is asked of a server."""
    for column in ("fasta", "annotation"):
        source = row[column]
        if source and is_accession(source):
            try:
                parse(source)
            except InputError as error:
                yield f"{where}: {column}: {error}"


def configuration_problems(study: Study) -> Iterator[str]:
    """Entries of the configuration that name what is not there, or what does not fit."""
    for name, corpus in study.corpora.items():
        yield from _corpus_problems(study, name, corpus)
    for name, tokenizer in study.config["tokenizers"].items():
        yield from _unknown(f"tokenizers.{name}.corpus: there is no corpus", tokenizer["corpus"], study.corpora)
    for name, model in study.models.items():
        yield from _unknown(f"models.{name}.corpus: there is no corpus", model["corpus"], study.corpora)
        if model["init_from"] is not None:
            yield from _unknown(f"models.{name}.init_from: there is no model", model["init_from"], study.models)
    yield from _init_cycles(study.models)
    for name, task in study.tasks.items():
        genome, sheet = task["genome"], study.config["genomes"]
        if genome not in study.genomes:
            yield f"tasks.{name}.genome: {genome} is not in {sheet}{suggestion(genome, study.genomes)}"
        elif not study.annotated(genome):
            yield f"tasks.{name}: region classes come from an annotation, and {genome} has none in {sheet}"


def _unknown(text: str, name: str, known: Mapping[str, Any]) -> Iterator[str]:
    if name not in known:
        yield f"{text} {name}{suggestion(name, known)}"


def _corpus_problems(study: Study, name: str, corpus: Mapping[str, Any]) -> Iterator[str]:
    sheet, place = study.config["genomes"], f"corpora.{name}"
    known = [genome for genome in corpus["genomes"] if genome in study.genomes]
    for genome in corpus["genomes"]:
        if genome not in study.genomes:
            yield f"{place}.genomes: {genome} is not in {sheet}{suggestion(genome, study.genomes)}"
    for key in ("include", "exclude", "weights"):
        for genome in corpus[key]:
            if genome not in corpus["genomes"]:
                yield f"{place}.{key}: {genome} is no genome of this corpus{suggestion(genome, corpus['genomes'])}"
    recipe = corpus["recipe"]["type"]
    if recipe in ON_ANNOTATION:
        for genome in known:
            if not study.annotated(genome):
                yield f"{place}.recipe: windows on {recipe} need an annotation, and {genome} has none in {sheet}"
    if recipe == "bed" and (missing := [genome for genome in known if genome not in corpus["include"]]):
        yield f"{place}.include: windows on the regions of a BED need one for {', '.join(missing)}"
    if recipe != "bed" and corpus["include"]:
        yield f"{place}.include: regions to include are for windows on a BED (recipe: {{type: bed}}), not for {recipe}"
    yield from _split_problems(study, place, corpus, known)


def _split_problems(study: Study, place: str, corpus: Mapping[str, Any], genomes: list[str]) -> Iterator[str]:
    split, named = corpus["split"], [*corpus["validation"], *corpus["test"]]
    if corpus["leakage"]["kmer"] > corpus["window"]:
        yield f"{place}.leakage.kmer: {corpus['leakage']['kmer']} is longer than a window of {corpus['window']}"
    if split["by"] == "contigs":
        if not corpus["validation"]:
            yield f"{place}.validation: name the contigs that are held out, or split by hash (split: {{by: hash}})"
        if both := sorted(set(corpus["validation"]) & set(corpus["test"])):
            yield f"{place}: {', '.join(both)} cannot be both a validation and a test contig"
        return
    if named:
        yield f"{place}: it is split by hash, so no contigs are held out by name: remove {', '.join(named)}"
    if split["validation"] == 0 or split["validation"] + split["test"] >= 1:
        yield f"{place}.split: expected a share for validation and a rest for training, found {split['validation']:g}"
    if split["block"] < corpus["window"]:
        yield f"{place}.split.block: a block of {split['block']} bases holds no window of {corpus['window']}"
    origins = [study.genomes[genome]["reference"] or genome for genome in genomes]
    for origin in sorted({origin for origin in origins if origins.count(origin) > 1}):
        alike = ", ".join(genome for genome, other in zip(genomes, origins, strict=True) if other == origin)
        yield (
            f"{place}.split: {alike} are one sequence but for variants, and a hash would train on one what it holds "
            "out of another: hold contigs out by name (split: {by: contigs})"
        )


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


def variant_problems(study: Study, places: Mapping[str, str]) -> Iterator[str]:
    """Rows of the sheet of variants whose genome is not there or lacks what they need."""
    sheet = study.config["genomes"]
    for name, row in study.variants.items():
        genome = row["genome"]
        if genome not in study.genomes:
            yield f"{places[name]}: genome {genome} is not in {sheet}{suggestion(str(genome), study.genomes)}"
        elif row["vcf"] == CONSEQUENCES and not study.annotated(genome):
            yield f"{places[name]}: {name} is derived from the annotation of {genome}, and {genome} has none in {sheet}"
