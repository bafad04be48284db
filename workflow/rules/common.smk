# The study, checked once; what the wildcards may be; what is made by default; input functions.
import re
import sys
from pathlib import Path

SCHEMAS = {
    "config": workflow.source_path("../schemas/config.schema.yaml"),
    "genomes": workflow.source_path("../schemas/genomes.schema.yaml"),
    "variants": workflow.source_path("../schemas/variants.schema.yaml"),
}

# The library lies beside the scripts. A workflow that is imported from a host finds it installed instead.
sys.path.append(workflow.current_basedir.join("../scripts").get_path_or_uri(secret_free=True))

from genoglot.config import CONSEQUENCES, read_study
from genoglot.errors import InputError
from genoglot.sources.location import local_path
from snakemake.exceptions import WorkflowError

try:
    study = read_study(config, SCHEMAS)
except InputError as error:
    raise WorkflowError(str(error)) from None


def any_of(names):
    """A regular expression of exactly these names; of nothing if there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    genome=any_of(study.genomes),
    corpus=any_of(study.corpora),
    model=any_of(study.models),
    task=any_of(study.tasks),
    variants=any_of(study.variants),


GENOME = "<results>/genomes/{genome}"
CORPUS = "<results>/corpora/{corpus}"
MODEL = "<results>/models/{model}"
EMBEDDINGS = "<results>/embeddings/{genome}/{model}"
TASK = "<results>/tasks/{task}/{model}"
VARIANTS = "<results>/variants/{variants}"

MODEL_FILES = [
    f"{MODEL}/config.json",
    f"{MODEL}/model.safetensors",
    f"{MODEL}/tokenizer.json",
    f"{MODEL}/tokenizer_config.json",
    f"{MODEL}/modeling_genoglot.py",
]

ANNOTATED = [name for name, row in study.genomes.items() if row["annotation"]]
EMBEDDED = study.embeddings()
FINETUNED = study.task_runs()
SCORED = study.scorings()


def per_pair(pattern, first, second, pairs):
    """A file of each pair, `first` and `second` being the wildcards that the two stand for."""
    return [pattern.format(**{first: one, second: other}) for one, other in pairs]


GENOME_FILES = [
    *expand(f"{GENOME}/genome.fa.gz", genome=study.genomes),
    *expand(f"{GENOME}/sequence/bases.npy", genome=study.genomes),
    *expand(f"{GENOME}/regions.bed.gz", genome=study.genomes),
    *expand(f"{GENOME}/annotation.gff3.gz", genome=ANNOTATED),
]

FIGURES = [
    *expand(f"{MODEL}/curves.svg", model=study.models),
    *per_pair(f"{EMBEDDINGS}/umap.png", "genome", "model", EMBEDDED),
    *per_pair(f"{VARIANTS}/{{model}}.auroc.svg", "variants", "model", SCORED),
]

# what the report shows; everything else that is made by default is made on the way
REPORTED = {
    "genomes": expand(f"{GENOME}/genome.json", genome=study.genomes),
    "annotations": expand(f"{GENOME}/annotation.json", genome=ANNOTATED),
    "corpora": expand(f"{CORPUS}/corpus.json", corpus=study.corpora),
    "configs": expand(f"{MODEL}/config.json", model=study.models),
    "curves": expand(f"{MODEL}/curves.tsv", model=study.models),
    "metrics": expand(f"{MODEL}/metrics.json", model=study.models),
    "umaps": per_pair(f"{EMBEDDINGS}/umap.parquet", "genome", "model", EMBEDDED),
    "embeddings": per_pair(f"{EMBEDDINGS}/metrics.json", "genome", "model", EMBEDDED),
    "tasks": per_pair(f"{TASK}/metrics.json", "task", "model", FINETUNED),
    "vcfs": per_pair(f"{VARIANTS}/{{model}}.vcf.gz", "variants", "model", SCORED),
    "summaries": per_pair(f"{VARIANTS}/{{model}}.summary.json", "variants", "model", SCORED),
    "labelled": per_pair(f"{VARIANTS}/{{model}}.labelled.parquet", "variants", "model", SCORED),
    "comparisons": per_pair(f"{VARIANTS}/{{model}}.metrics.json", "variants", "model", SCORED),
}


def report_manifest(wildcards, input, output):
    """What `write_report` is to show: names, and the files of each as they are found under the path variables."""
    annotations = dict(zip(ANNOTATED, input.annotations))
    return {
        "title": study.config["report"]["title"],
        "config": study.shown,
        "genomes": [
            {"name": name, "genome_json": file, "annotation_json": annotations.get(name)}
            for name, file in zip(study.genomes, input.genomes)
        ],
        "corpora": [{"name": name, "corpus_json": file} for name, file in zip(study.corpora, input.corpora)],
        "models": [
            {"name": name, "corpus": study.models[name]["corpus"], "metrics": metrics, "curves": curves, "config": file}
            for name, metrics, curves, file in zip(study.models, input.metrics, input.curves, input.configs)
        ],
        "embeddings": [
            {"genome": genome, "model": model, "umap": umap, "metrics": metrics}
            for (genome, model), umap, metrics in zip(EMBEDDED, input.umaps, input.embeddings)
        ],
        "tasks": [
            {"task": task, "model": model, "metrics": metrics} for (task, model), metrics in zip(FINETUNED, input.tasks)
        ],
        "variants": [
            {
                "name": name,
                "genome": study.variants[name]["genome"],
                "model": model,
                "vcf": vcf,
                "summary": summary,
                "metrics": metrics,
                "labelled": labelled,
            }
            for (name, model), vcf, summary, metrics, labelled in zip(
                SCORED, input.vcfs, input.summaries, input.comparisons, input.labelled
            )
        ],
    }


# which wildcard names a row of which sheet
SHEETS = {"genomes": "genome", "variants": "variants"}


def source_url(sheet, column):
    """Param function: what a sheet names as the source of a file."""
    return lambda wildcards: study.source(sheet, wildcards[SHEETS[sheet]], column)


def source_file(sheet, column):
    """Input function: the source if it is a file of this machine, so that Snakemake names it if it is missing."""

    def path(wildcards):
        local = local_path(study.source(sheet, wildcards[SHEETS[sheet]], column))
        return [] if local is None else ancient(local)

    return path


def checksum(sheet, column):
    return lambda wildcards: getattr(study, sheet)[wildcards[SHEETS[sheet]]][column]


def mirrors(wildcards, output):
    """Where copies come from. What asks for `output` is never a reason to run again, and this must not be one."""
    return study.config["mirrors"]


def batch_size(wildcards, output):
    """As `mirrors`: it changes how fast a result is made, not the result."""
    return study.config["inference"]["batch_size"]


def inference(**settings):
    """Settings of a step that runs a trained model."""
    return {**settings, "precision": study.config["inference"]["precision"]}


def training_state(wildcards, output):
    """Folder of checkpoints, outside the outputs, since Snakemake deletes those before it tries again."""
    return str(Path(output.weights).parents[1] / ".state" / wildcards.model)


def annotation_of(wildcards):
    """Input function: the annotation of the wildcards' genome, if it has one."""
    genome = genome_of(wildcards)
    return f"{GENOME}/annotation.gff3.gz".format(genome=genome) if genome in ANNOTATED else []


def genome_of(wildcards):
    """The wildcards' genome, or that of their task or variant set."""
    if "task" in wildcards.keys():
        return study.tasks[wildcards.task]["genome"]
    if "variants" in wildcards.keys():
        return study.variants[wildcards.variants]["genome"]
    return wildcards.genome


def corpus_name(wildcards):
    return wildcards.get("corpus") or study.models[wildcards.model]["corpus"]


def corpus_of(wildcards):
    """Settings of the wildcards' corpus, or of the corpus of their model."""
    return study.corpora[corpus_name(wildcards)]


def corpus_genomes(wildcards):
    return corpus_of(wildcards)["genomes"]


def of_corpus(name):
    """Input function: a file of the corpus on which the wildcards' model is trained."""
    return lambda wildcards: f"{CORPUS}/{name}".format(corpus=corpus_name(wildcards))


def per_genome(pattern):
    """Input function: one file for each genome of the corpus, in its order."""
    return lambda wildcards: expand(pattern, genome=corpus_genomes(wildcards), allow_missing=True)


def of_genome(name):
    """Input function: a file of the genome of the wildcards' task or variant set."""
    return lambda wildcards: f"{GENOME}/{name}".format(genome=genome_of(wildcards))


def variants_vcf(wildcards):
    """The VCF to score: fetched, or derived from the annotation."""
    if study.variants[wildcards.variants]["vcf"] == CONSEQUENCES:
        return of_genome("consequences.vcf.gz")(wildcards)
    return f"{VARIANTS}/source/variants"


def variants_origin(wildcards):
    """What the sheet names the VCF by, of which the scored file is a temporary copy; None if it is derived."""
    source = study.variants[wildcards.variants]["vcf"]
    return None if source == CONSEQUENCES else source


def model_setting(key):
    return lambda wildcards: study.models[wildcards.model][key]


def initial_model(wildcards):
    """Files of the model whose weights are the start, if there is one."""
    start = study.models[wildcards.model]["init_from"]
    return [] if start is None else expand(MODEL_FILES, model=start)


def mem_mb(megabytes):
    """Memory that doubles with each attempt."""
    return lambda wildcards, attempt: megabytes * 2 ** (attempt - 1)
