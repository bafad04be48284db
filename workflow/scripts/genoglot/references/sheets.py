"""Rows of the sheets of genomes and variants that refer to what is not there, or do not say what they must."""

from collections.abc import Iterator, Mapping

from genoglot.errors import InputError
from genoglot.schema import suggestion
from genoglot.sheets import Row
from genoglot.sources.accession import is_accession, parse
from genoglot.study import CONSEQUENCES, INFO, Study, listed


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


def variant_problems(study: Study, places: Mapping[str, str]) -> Iterator[str]:
    """Rows of the sheet of variants whose genome is not there or lacks what they need."""
    sheet = study.config["genomes"]
    for name, row in study.variants.items():
        genome = row["genome"]
        if genome not in study.genomes:
            yield f"{places[name]}: genome {genome} is not in {sheet}{suggestion(str(genome), study.genomes)}"
        elif row["vcf"] == CONSEQUENCES and not study.annotated(genome):
            yield f"{places[name]}: {name} is derived from the annotation of {genome}, and {genome} has none in {sheet}"
        yield from _evidence_problems(places[name], row)


def _evidence_problems(where: str, row: Row) -> Iterator[str]:
    """What does not go together in the columns by which scores are judged."""
    for column in ("positives", "negatives"):
        if row[column] and not row["labels"]:
            yield f"{where}: {column}: there are no labels; name where they are in the column labels"
    if row["labels"] == INFO:
        yield f"{where}: labels: a key of INFO is missing, as in {INFO}CLNSIG"
    positives, negatives = ({word.lower() for word in listed(row[key])} for key in ("positives", "negatives"))
    if both := sorted(positives & negatives):
        yield f"{where}: {', '.join(both)} cannot be both a positive and a negative"
    if row["frequency"] and row["vcf"] == CONSEQUENCES:
        yield f"{where}: frequency: variants derived from an annotation have none; leave it empty"
