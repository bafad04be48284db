"""Entries of a configuration that name what is not there, or what does not fit: a line each."""

from collections.abc import Iterator

from genoglot.embeddings import EACH_CONTIG
from genoglot.references.common import BED, path_problems, unknown
from genoglot.references.corpora import corpus_problems
from genoglot.references.models import init_cycles, model_problems, network_problems
from genoglot.references.tasks import task_problems
from genoglot.references.uses import interpretation_problems, prediction_problems, scan_problems
from genoglot.study import Study


def configuration_problems(study: Study) -> Iterator[str]:
    """Entries of the configuration that name what is not there, or what does not fit."""
    scoring = study.config["scoring"]
    if scoring["rare_below"] > scoring["common_from"]:
        yield (
            f"scoring.rare_below: {scoring['rare_below']:g} is above common_from, {scoring['common_from']:g}; a "
            "variant cannot be both rare and common"
        )
    for name, corpus in study.corpora.items():
        yield from corpus_problems(study, name, corpus)
    for name, tokenizer in study.tokenizers.items():
        yield from unknown(f"tokenizers.{name}.corpus: there is no corpus", tokenizer["corpus"], study.corpora)
    for name, entry in study.config["models"].items():
        yield from model_problems(study, name, entry)
    for name in study.trained:
        yield from network_problems(study, name)
    yield from init_cycles(study.models)
    for name, task in study.tasks.items():
        yield from task_problems(study, f"tasks.{name}", task)
    yield from scan_problems(study)
    yield from prediction_problems(study)
    for genome in study.config["embeddings"]["genomes"] or []:
        yield from unknown(f"embeddings.genomes: {study.config['genomes']} has no", genome, study.genomes)
    for genome, windows in study.config["embeddings"]["windows"].items():
        yield from unknown(f"embeddings.windows: {study.config['genomes']} has no", genome, study.genomes)
        if windows != EACH_CONTIG:
            yield from path_problems(f"embeddings.windows.{genome}", windows, BED)
    yield from interpretation_problems(study)
