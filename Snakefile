# Genoglot: reference genomes and annotations in; a genomic language model, fine-tuned heads,
# scored variants, embeddings and a report out. `config/README.md` documents every key.
from snakemake.utils import min_version

min_version("9.12.0")


# The demo is the default. A configuration given with --configfile replaces it: merged, the two would train both.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/genomes.smk"
include: "workflow/rules/corpora.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/embeddings.smk"
include: "workflow/rules/tasks.smk"
include: "workflow/rules/variants.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "<results>/report.html",
        GENOME_FILES,
        FIGURES,
