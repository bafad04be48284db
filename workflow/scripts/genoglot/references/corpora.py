"""Corpora whose genomes are not there, or whose splits do not go together."""

from collections.abc import Iterator, Mapping
from typing import Any

from genoglot.schema import suggestion
from genoglot.study import ON_ANNOTATION, Study


def corpus_problems(study: Study, name: str, corpus: Mapping[str, Any]) -> Iterator[str]:
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
