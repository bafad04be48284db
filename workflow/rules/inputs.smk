# Input and param functions: which files and settings the wildcards of a rule stand for.


def local_file(path):
    """A file that the configuration names, by whose time nothing is made again."""
    return ancient(local(local_path(path)))


def genome_source(wildcards):
    """What the sheet names as the source of a file of a genome."""
    return study.origin(wildcards.genome, wildcards.source)


def genome_checksum(wildcards):
    return study.genomes[wildcards.genome].get(f"{wildcards.source}_checksum")


def sequence_origin(wildcards):
    """What the sheet names a genome's sequence by; None if it is derived."""
    return study.genomes[wildcards.genome]["fasta"]


def annotation_origin(wildcards):
    """What the sheet names an annotation by; None if it is lifted from a reference's."""
    row = study.genomes[wildcards.genome]
    return row["annotation"] or row["fasta"]


def variants_source(wildcards):
    return study.source("variants", wildcards.variants, "vcf")


def variants_checksum(wildcards):
    return study.variants[wildcards.variants]["checksum"]


def evidence_source(wildcards):
    """What the sheet names as the labels or the conservation of a variant set."""
    return study.source("variants", wildcards.variants, wildcards.evidence)


def evidence_file(column):
    """Input function: a variant set's labels or conservation: the file itself if it is one of this machine."""

    def path(wildcards):
        source = study.variants[wildcards.variants][column]
        if source is None or (column == "labels" and study.label_key(wildcards.variants)):
            return []
        file = local_path(source)
        return f"{VARIANTS}/source/{column}" if file is None else ancient(local(file))

    return path


def intervals_source(wildcards):
    """The BED of a genome on which a corpus' windows lie, or which they may not touch."""
    return study.corpora[wildcards.corpus][wildcards.intervals][wildcards.genome]


def if_local(source):
    """Input function: the source if it is a file of this machine, so that Snakemake names it if it is missing.

    It stays a file of this machine, where local rules fetch it, though results may lie in a storage of their own.
    """

    def path(wildcards):
        file = local_path(source(wildcards))
        return [] if file is None else ancient(local(file))

    return path


def sequence_source(wildcards):
    """Input function: a genome's sequence as it came, or as it was derived."""
    name = "derived.fa" if study.derived(wildcards.genome) else "fasta"
    return f"{GENOME}/source/{name}"


def repeats_of(wildcards):
    """Input function: the repeats that are masked in addition, if there are any."""
    return f"{GENOME}/source/repeats" if study.genomes[wildcards.genome]["repeats"] else []


def aliases_of(wildcards):
    """Input function: the table of contig names of a genome or of its reference, if there is one."""
    genome = study.aliases(wildcards.genome)
    return [] if genome is None else f"{GENOME}/source/aliases".format(genome=genome)


def aliases_of_repeats(wildcards):
    """As `aliases_of`, where repeats need it: names alone are no reason to write a genome again."""
    return aliases_of(wildcards) if repeats_of(wildcards) else []


def annotation_source(wildcards):
    """Input function: an annotation as it came: by itself, in a GenBank file, or lifted from the reference's."""
    genome = wildcards.genome
    if study.in_genbank(genome):
        return f"{GENOME}/source/fasta"
    if study.derived(genome) and not study.genomes[genome]["annotation"]:
        return f"{GENOME}/source/lifted.gff3"
    return f"{GENOME}/source/annotation"


def of_reference(name):
    """Input function: a file of the genome from which the wildcards' genome is derived."""
    return lambda wildcards: f"{GENOME}/{name}".format(genome=study.source("genomes", wildcards.genome, "reference"))


def genotypes_of(wildcards):
    """Input function: the VCF with the sample's genotypes, fetched once for all genomes derived from it."""
    return of_reference(f"source/{study.haplotypes(wildcards.genome)}")(wildcards)


def genome_setting(column):
    return lambda wildcards: study.source("genomes", wildcards.genome, column)


def window_annotation(wildcards):
    """Input function: the annotation on which a corpus' windows lie, if its recipe has it so."""
    recipe = study.corpora[wildcards.corpus]["recipe"]["type"]
    return f"{GENOME}/annotation.gff3.gz" if recipe in ON_ANNOTATION else []


def window_intervals(kind):
    """Input function: the BED of regions to include or to exclude, if the corpus has one for the genome."""

    def path(wildcards):
        given = wildcards.genome in study.corpora[wildcards.corpus][kind]
        return f"{CORPUS}/source/{kind}/{{genome}}.bed" if given else []

    return path


def mirrors(wildcards, output):
    """Where copies come from. What asks for `output` is never a reason to run again, and this must not be one."""
    return study.config["mirrors"]


def benchmark_folder(wildcards, output):
    """As `mirrors`: what a job took when it ran again is no reason to write the report again."""
    return BENCHMARKS


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
    """The wildcards' genome, or that of their task, variant set, scan, set of loci or use of a head."""
    if "prediction" in wildcards.keys():
        return study.predictions[wildcards.prediction]["genome"]
    # what a task's head says of loci is asked on the genome of the loci
    if "loci" in wildcards.keys():
        return study.interpretation[wildcards.loci]["genome"]
    if "task" in wildcards.keys():
        return study.tasks[wildcards.task]["genome"]
    if "variants" in wildcards.keys():
        return study.variants[wildcards.variants]["genome"]
    if "scan" in wildcards.keys():
        return study.scans[wildcards.scan]["genome"]
    return wildcards.genome


def corpus_name(wildcards):
    """The wildcards' corpus, or that of their model or tokenizer."""
    if "tokenizer" in wildcards.keys():
        return study.tokenizers[wildcards.tokenizer]["corpus"]
    return wildcards.get("corpus") or study.models[wildcards.model]["corpus"]


def corpus_of(wildcards):
    """Settings of the wildcards' corpus, or of the corpus of their model or tokenizer."""
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
    """Input function: a file of the genome of the wildcards' task, variant set or scan."""
    return lambda wildcards: f"{GENOME}/{name}".format(genome=genome_of(wildcards))


def of_chunks(kind):
    """A file of each chunk of a scored variant set."""
    return expand(f"{VARIANTS}/chunks/{{model}}/{{chunk}}.{kind}", chunk=CHUNKS, allow_missing=True)


def variants_vcf(wildcards):
    """The VCF to score: fetched, or derived from the annotation."""
    if study.variants[wildcards.variants]["vcf"] == CONSEQUENCES:
        return of_genome("consequences.vcf.gz")(wildcards)
    return f"{VARIANTS}/source/variants"


def variants_origin(wildcards):
    """What the sheet names the VCF by, of which the scored file is a temporary copy; None if it is derived."""
    source = study.variants[wildcards.variants]["vcf"]
    return None if source == CONSEQUENCES else source


def neutral_bed(wildcards):
    """The BED of a genome's neutral regions that the study names; None if it names none."""
    return study.calibration["bed"].get(wildcards.genome)


def neutral_regions(wildcards):
    """Input function: regions in which neutral sites lie: the user's, or those of the genome's annotation."""
    bed = neutral_bed(wildcards)
    return f"{GENOME}/regions.bed.gz" if bed is None else local_file(bed)


def neutral_classes(wildcards):
    """Classes of these regions that are neutral; None for the user's, all of which are."""
    return study.calibration["regions"] if neutral_bed(wildcards) is None else None


def neutral_settings(wildcards):
    """How many neutral sites there are, and how substitutions at them are told apart."""
    mode = study.config["scoring"]["mode"]
    return inference(sites=study.calibration["sites"], kmer=study.calibration["kmer"], mode=mode)


def calibration_of(wildcards):
    """Input function: the neutral scores of the wildcards' model on their variants' genome, if scores are calibrated."""
    calibrated = study.config["scoring"]["calibration"] is not None
    return CALIBRATION.format(genome=genome_of(wildcards), model=wildcards.model) if calibrated else []


def embedded_contigs(wildcards):
    """Whether a window in the middle of each contig of the genome is embedded."""
    return study.config["embeddings"]["windows"].get(wildcards.genome) == EACH_CONTIG


def embedded_bed(wildcards):
    """Input function: the BED around whose intervals windows of the genome are embedded, if there is one."""
    bed = study.config["embeddings"]["windows"].get(wildcards.genome)
    return [] if bed in (None, EACH_CONTIG) else local_file(bed)


def names_for_bed(wildcards):
    """Input function: the names by which that BED may call contigs, if there is one."""
    return ancient(f"{GENOME}/names.tsv") if embedded_bed(wildcards) else []


def scan_setting(key):
    return lambda wildcards: study.scans[wildcards.scan][key]


def scan_bed(wildcards):
    """Input function: the regions to scan, if a scan has any."""
    bed = study.scans[wildcards.scan]["bed"]
    return [] if bed is None else local_file(bed)


def scan_chunks(wildcards):
    """Input function: the parts of a scan, in order."""
    chunks = study.scans[wildcards.scan]["chunks"]
    return expand(f"{SCAN}/chunks/{{model}}/{{chunk}}.parquet", chunk=chunks_of(chunks), allow_missing=True)


def loci_file(key):
    """Input function: the BED or the variants that name a set of loci, if it has them."""

    def path(wildcards):
        file = study.interpretation[wildcards.loci][key]
        return [] if file is None else local_file(file)

    return path


def loci_settings(wildcards):
    """Which loci are interpreted, and how."""
    keys = ("genome", "regions", "flank", "max_loci", "map_length", "attention", "mode")
    entry = study.interpretation[wildcards.loci]
    return inference(name=wildcards.loci, **{key: entry[key] for key in keys})


def hub_genome(wildcards):
    """What a genome browser is to know the genome of a set of loci by."""
    entry = study.interpretation[wildcards.loci]
    return entry["assembly"] or entry["genome"]


def model_setting(key):
    return lambda wildcards: study.models[wildcards.model][key]


def initial_model(wildcards):
    """Files of the model whose weights are the start, if there is one."""
    start = study.models[wildcards.model]["init_from"]
    return [] if start is None else expand(MODEL_FILES, model=start)


def tokenizer_of(wildcards):
    """Files of the tokenizer in whose tokens a model reads, if it does not read single bases."""
    name = study.models[wildcards.model]["tokenizer"]
    files = [f"{TOKENIZER}/tokenizer.json", f"{TOKENIZER}/tokenizer_config.json"]
    return [] if name is None else expand(files, tokenizer=name)


def training_regions(wildcards):
    """Region classes of the genomes on whose annotation a model is trained, if it is."""
    return expand(f"{GENOME}/regions.bed.gz", genome=study.labelled(wildcards.model))


def pretrained_folder(wildcards):
    """Input function: the folder that a model comes from, if it is one of this machine."""
    folder = study.pretrained_folder(wildcards.model)
    return [] if folder is None else ancient(local(folder))


def corpus_window(wildcards):
    return corpus_of(wildcards)["window"]


def of_members(name):
    """Input function: a file of each member of a sweep."""
    return lambda wildcards: expand(f"{MODEL}/{name}", model=study.sweeps[wildcards.sweep])
