# The study, checked once; what the wildcards may be; where things lie.
import math
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

from genoglot.config import read_study
from genoglot.embeddings import EACH_CONTIG
from genoglot.errors import InputError
from genoglot.network import CODE, TASK_CODE
from genoglot.sources.location import local_path
from genoglot.study import CONSEQUENCES, DENSE, ON_ANNOTATION
from genoglot.tasks import STARTS
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
    tokenizer=any_of(study.tokenizers),
    model=any_of(study.models),
    sweep=any_of(study.sweeps),
    task=any_of(study.tasks),
    variants=any_of(study.variants),
    scan=any_of(study.scans),
    loci=any_of(study.interpretation),
    prediction=any_of(study.predictions),
    source="fasta|annotation|aliases|repeats|haplotypes-[0-9a-f]{8}",
    intervals="include|exclude",
    evidence="labels|conservation",
    chunk="[0-9]+-of-[0-9]+",
    start=any_of(STARTS),
    number="[0-9]+",


GENOME = "<results>/genomes/{genome}"
CORPUS = "<results>/corpora/{corpus}"
TOKENIZER = "<results>/tokenizers/{tokenizer}"
MODEL = "<results>/models/{model}"
EMBEDDINGS = "<results>/embeddings/{genome}/{model}"
TASK = "<results>/tasks/{task}/{model}"
HUGGINGFACE = f"{TASK}/huggingface"
VARIANTS = "<results>/variants/{variants}"
SCAN = "<results>/scans/{scan}"
INTERPRETATION = "<results>/interpretation/{loci}/{model}"
PREDICTION = "<results>/predictions/{prediction}/{model}"
CALIBRATION = "<results>/calibration/{genome}/{model}.parquet"

SWEEP = "<results>/sweeps/{sweep}"

# one training of a task, from pretrained or from random weights, and its number, which decides on the seed
TASK_RUN = f"{TASK}/runs/{{start}}-{{number}}"


def chunks_of(count):
    """Names of the parts that jobs of their own work on."""
    return [f"{number + 1}-of-{count}" for number in range(count)]


# parts of a variant set, each scored by a job of its own
CHUNKS = chunks_of(study.config["scoring"]["chunks"])

# what the steps after training need of a model, whether it was trained here or not
MODEL_FILES = [
    f"{MODEL}/config.json",
    f"{MODEL}/model.safetensors",
    f"{MODEL}/tokenizer.json",
    f"{MODEL}/tokenizer_config.json",
    f"{MODEL}/training.json",
]

# environment of the rules that compute with models
TORCH = f"../../envs/torch-{study.config['pytorch']}.yaml"
