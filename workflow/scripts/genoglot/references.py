"""Names in a configuration and its sheets that must fit one another: what does not, a line each."""

from collections.abc import Iterator, Mapping
from typing import Any

from genoglot.embeddings import EACH_CONTIG
from genoglot.errors import InputError, few
from genoglot.interpretation.region_text import parse_region
from genoglot.model.presets import is_causal
from genoglot.schema import suggestion
from genoglot.sheets import Row
from genoglot.sources.accession import is_accession, parse
from genoglot.sources.location import local_path
from genoglot.study import CONSEQUENCES, DENSE, INFO, ON_ANNOTATION, Study, listed

# kinds of tasks whose truth is in the annotation, and what it is
FROM_ANNOTATION = {"region_class": "region classes", "annotation": "classes of bases"}
# those whose truth is in files along a genome
FROM_TRACKS = ("tracks", "peaks")
# ways to name loci
LOCI = ("regions", "bed", "variants")
# where the labels of tasks come from but for the annotation, and how those that lie on a genome are called
LABELLED = ("sequences", "bed", "variants")
NAMED = {"bed": "BED lies", "variants": "variants lie"}


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
    scoring = study.config["scoring"]
    if scoring["rare_below"] > scoring["common_from"]:
        yield (
            f"scoring.rare_below: {scoring['rare_below']:g} is above common_from, {scoring['common_from']:g}; a "
            "variant cannot be both rare and common"
        )
    for name, corpus in study.corpora.items():
        yield from _corpus_problems(study, name, corpus)
    for name, tokenizer in study.tokenizers.items():
        yield from _unknown(f"tokenizers.{name}.corpus: there is no corpus", tokenizer["corpus"], study.corpora)
    for name, entry in study.config["models"].items():
        yield from _model_problems(study, name, entry)
    for name in study.trained:
        yield from _network_problems(study, name)
    yield from _init_cycles(study.models)
    for name, task in study.tasks.items():
        yield from _task_problems(study, f"tasks.{name}", task)
    yield from _scan_problems(study)
    yield from _prediction_problems(study)
    for genome in study.config["embeddings"]["genomes"] or []:
        yield from _unknown(f"embeddings.genomes: {study.config['genomes']} has no", genome, study.genomes)
    for genome, windows in study.config["embeddings"]["windows"].items():
        yield from _unknown(f"embeddings.windows: {study.config['genomes']} has no", genome, study.genomes)
        if windows != EACH_CONTIG:
            yield from _bed_problems(f"embeddings.windows.{genome}", windows)
    yield from _interpretation_problems(study)


def _unknown(text: str, name: str, known: Mapping[str, Any]) -> Iterator[str]:
    if name not in known:
        yield f"{text} {name}{suggestion(name, known)}"


def _run_problems(study: Study, place: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """An entry at `place` with a genome, models or a BED that are not there."""
    yield from _unknown(f"{place}.genome: {study.config['genomes']} has no", entry["genome"], study.genomes)
    for model in entry["models"] or []:
        yield from _unknown(f"{place}.models: there is no model", model, study.models)
    yield from _bed_problems(f"{place}.bed", entry["bed"])


def _task_problems(study: Study, place: str, task: Mapping[str, Any]) -> Iterator[str]:
    """A task without examples or with two kinds of them, and genomes, models and files that are not there."""
    genome, sheet = task["genome"], study.config["genomes"]
    if task["kind"] in FROM_ANNOTATION:
        learnt = FROM_ANNOTATION[task["kind"]]
        given = [key for key in LABELLED if task[key] is not None]
        if given:
            yield f"{place}.{given[0]}: {learnt} come from the annotation; say another kind to learn labels"
        if genome is None:
            yield f"{place}.genome: expected the genome whose {learnt} are learnt, found none"
    elif task["kind"] in FROM_TRACKS:
        yield from _track_problems(place, task)
    else:
        yield from _source_problems(place, task)
    if genome is not None:
        yield from _unknown(f"{place}.genome: {sheet} has no", genome, study.genomes)
        if genome in study.genomes and task["kind"] in FROM_ANNOTATION and not study.annotated(genome):
            yield f"{place}: {FROM_ANNOTATION[task['kind']]} come from an annotation, and {genome} has none in {sheet}"
    if task["tracks"] is not None and task["kind"] not in FROM_TRACKS:
        yield f"{place}.tracks: kind {task['kind']} does not learn from tracks; say kind tracks or peaks, or remove it"
    for model in task["models"] or []:
        yield from _unknown(f"{place}.models: there is no model", model, study.models)
    yield from _bed_problems(f"{place}.bed", task["bed"])
    for key, table in (task["sequences"] or {}).items():
        if table is not None and local_path(table) is None:
            yield f"{place}.sequences.{key}: expected the path of a table, found {table}: fetch it first"
    if task["kind"] in DENSE:
        for key in ("pooling", "few_shot"):
            if task[key] is not None:
                yield f"{place}.{key}: kind {task['kind']} has a truth for each base or bin of a window: remove it"
    if task["mode"] == "probe" and task["pooling"] == "attention":
        yield f"{place}.pooling: attention is learnt with the network, which mode probe leaves as it is"


def _source_problems(place: str, task: Mapping[str, Any]) -> Iterator[str]:
    """Labels that are of nothing or of several things at once."""
    given = [key for key in LABELLED if task[key] is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        yield f"{place}: kind {task['kind']} learns from one of `sequences`, `bed` and `variants`; found {found}"
    elif given != ["sequences"] and task["genome"] is None:
        yield f"{place}.genome: expected the genome on which the {NAMED[given[0]]}, found none"
    if task["bed"] is not None and task["group"] is not None:
        yield f"{place}.group: intervals of a BED are grouped by their place: remove it"
    if task["variants"] is None:
        return
    if local_path(task["variants"]) is None:
        yield f"{place}.variants: expected the path of a VCF, BCF or table, found {task['variants']}: fetch it first"
    columns = task["column"] if isinstance(task["column"], list) else [task["column"]]
    if numbers := [str(column) for column in columns if not isinstance(column, str)]:
        yield f"{place}.column: labels of variants are in a key of INFO or a named column; found {', '.join(numbers)}"


def _track_problems(place: str, task: Mapping[str, Any]) -> Iterator[str]:
    """Tracks or peaks without files or a genome, or with other sources of labels beside them."""
    kind = task["kind"]
    for key in LABELLED:
        if task[key] is not None:
            yield f"{place}.{key}: kind {kind} learns from the files in `tracks`: remove it"
    if task["tracks"] is None:
        yield f"{place}.tracks: kind {kind} needs a file for each track by its name, found none"
    if task["genome"] is None:
        yield f"{place}.genome: expected the genome on which the tracks lie, found none"
    for name, path in (task["tracks"] or {}).items():
        if local_path(path) is None:
            yield f"{place}.tracks.{name}: expected the path of a file, found {path}: fetch it first"
    if kind == "tracks" and not isinstance(task["column"], int):
        yield f"{place}.column: expected the number of the column that has the values, found {task['column']}"
    if task["split"]["by"] == "column":
        yield f"{place}.split.by: column: bins of a genome have no such column; take auto, hash or contig"


def _scan_problems(study: Study) -> Iterator[str]:
    """Scans and calibrations of genomes or by models that are not there, and regions that are no file."""
    sheet = study.config["genomes"]
    for name, scan in study.scans.items():
        yield from _run_problems(study, f"scans.{name}", scan)
    calibration = study.config["scoring"]["calibration"]
    for genome, bed in (calibration["bed"] if calibration else {}).items():
        yield from _unknown(f"scoring.calibration.bed: {sheet} has no", genome, study.genomes)
        yield from _bed_problems(f"scoring.calibration.bed.{genome}", bed)


def _prediction_problems(study: Study) -> Iterator[str]:
    """Heads of tasks that are not there, or that are to read windows and variants at once."""
    for name, entry in study.predictions.items():
        place, file = f"predictions.{name}", entry["variants"]
        yield from _unknown(f"{place}.task: there is no task", entry["task"], study.tasks)
        if file is None and entry["task"] in study.tasks and study.paired(entry["task"]):
            yield f"{place}.variants: the head of {entry['task']} reads pairs of alleles and no windows: name variants"
        yield from _run_problems(study, place, entry)
        of_windows = [key for key in ("bed", "step") if entry[key] is not None]
        kind = study.tasks[entry["task"]]["kind"] if entry["task"] in study.tasks else None
        if kind in DENSE:
            for key in (*of_windows, *(["variants"] if file is not None else [])):
                yield f"{place}.{key}: a head of kind {kind} predicts all of its genome's contigs: remove it"
            continue
        if file is not None and of_windows:
            yield f"{place}: found variants and {of_windows[0]}; a head reads either windows or alleles: remove one"
        elif len(of_windows) == 2:
            yield f"{place}.step: an interval of a BED has one window around its middle: remove step or bed"
        if file is not None and local_path(file) is None:
            yield f"{place}.variants: expected the path of a VCF, BCF or table, found {file}: fetch it first"


def _interpretation_problems(study: Study) -> Iterator[str]:
    """Sets of loci of genomes or by models that are not there, or that name their loci in no way or in several."""
    for name, entry in study.interpretation.items():
        place = f"interpretation.{name}"
        yield from _run_problems(study, place, entry)
        for task in entry["tasks"]:
            yield from _unknown(f"{place}.tasks: there is no task", task, study.tasks)
            if task in study.tasks and study.tasks[task]["kind"] in DENSE:
                yield f"{place}.tasks: {task} predicts each base or bin, and attributions are of one prediction"
            if task in study.tasks and study.paired(task):
                yield f"{place}.tasks: the head of {task} reads pairs of alleles, and bases of a locus are no pair"
        given = [key for key in LOCI if entry[key] is not None]
        if len(given) != 1:
            yield f"{place}: expected one of {', '.join(LOCI)}, found {' and '.join(given) or 'none'}"
        for text in entry["regions"] or []:
            try:
                parse_region(text, f"{place}.regions")
            except InputError as error:
                yield str(error)
        file = entry["variants"]
        if file is not None and local_path(file) is None:
            yield f"{place}.variants: expected the path of a VCF, BCF or table, found {file}: fetch it first"


def _bed_problems(place: str, bed: str | None) -> Iterator[str]:
    if bed is not None and local_path(bed) is None:
        yield f"{place}: expected the path of a BED, found {bed}: fetch it first"


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


# what is for models that are trained here, and what for those that come trained
OF_TRAINED = ("architecture", "training", "hardware", "tokenizer", "init_from", "seed", "sweep")
OF_IMPORTED = ("revision", "trust_remote_code")


def import_problems(models: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Settings, as the user gave them, of models that come trained and say how to train, or the other way round."""
    for name, entry in models.items():
        trained = entry.get("pretrained") is None
        given = [key for key in (OF_IMPORTED if trained else OF_TRAINED) if entry.get(key)]
        if given and trained:
            yield f"models.{name}: {', '.join(given)}: for a model that comes trained: name it as pretrained"
        elif given:
            yield (
                f"models.{name}.pretrained: a model that comes trained has its own network and tokenizer, and is not "
                f"trained here: remove {', '.join(given)}"
            )


def _model_problems(study: Study, name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong in an entry of the section `models`, whether it is a model or a sweep."""
    place, training, start = f"models.{name}", entry["training"], entry["init_from"]
    yield from _unknown(f"{place}.corpus: there is no corpus", entry["corpus"], study.corpora)
    if start in study.sweeps:
        first = study.sweeps[start][0]
        yield f"{place}.init_from: {start} is a sweep: name one of the models it stands for, {first} for example"
    elif start is not None:
        yield from _unknown(f"{place}.init_from: there is no model", start, study.models)
    swept = entry["sweep"]
    if swept is not None and not any(swept.values()):
        yield f"{place}.sweep: expected at least one list of values ({', '.join(swept)}), found none"
    if swept and swept["tokenizers"]:
        named, key = [tokenizer for tokenizer in swept["tokenizers"] if tokenizer is not None], "sweep.tokenizers"
    else:
        named, key = [entry["tokenizer"]] if entry["tokenizer"] is not None else [], "tokenizer"
    for tokenizer in named:
        yield from _unknown(f"{place}.{key}: there is no tokenizer", tokenizer, study.tokenizers)
    if training["lm_weight"] == 0 and training["region_weight"] == 0:
        yield f"{place}.training: lm_weight and region_weight are both 0, which leaves nothing to learn"
    if entry["corpus"] in study.corpora:
        corpus = study.corpora[entry["corpus"]]
        yield from _amount_problems(f"{place}.training", training, corpus["window"])
        known = [genome for genome in corpus["genomes"] if genome in study.genomes]
        if training["region_weight"] and not any(map(study.annotated, known)):
            yield (
                f"{place}.training.region_weight: region classes come from an annotation, and no genome of corpus "
                f"{entry['corpus']} has one in {study.config['genomes']}"
            )


def _amount_problems(place: str, training: Mapping[str, Any], window: int) -> Iterator[str]:
    """Amounts of data that hold no window, or windows at the start that are longer than those after."""
    for key in ("max_tokens", "batch_tokens"):
        if training[key] < window:
            yield f"{place}.{key}: {training[key]} bases hold no window of the corpus, which has {window}"
    first = training["length_warmup"]["window"]
    if first is not None and first > window:
        yield f"{place}.length_warmup.window: {first} is longer than a window of the corpus, which has {window}"


def _network_problems(study: Study, name: str) -> Iterator[str]:
    """What does not go together in a model that is trained here: its network, its tokens, and where it starts from."""
    model = study.models[name]
    sweep = next((sweep for sweep, members in study.sweeps.items() if name in members), None)
    place = f"models.{name}" if sweep is None else f"models.{sweep}.sweep: {name}"
    tokenizer = study.tokenizers.get(model["tokenizer"])
    if model["corpus"] not in study.corpora or (tokenizer is None and model["tokenizer"] is not None):
        return
    if tokenizer is not None and tokenizer["type"] == "bpe":
        yield from _held_out_problems(study, f"{place}.tokenizer", model)
    try:
        architecture = study.architecture(name)
    except InputError as error:
        yield f"{place}.architecture: {error}"
        return
    if tokenizer is not None and tokenizer["type"] == "kmer" and is_causal(architecture):
        yield (
            f"{place}.tokenizer: {model['tokenizer']} has overlapping k-mers, each of which gives away all but one "
            f"base of the next, and {architecture['type']} is to predict the next: take blocks, bpe or single bases"
        )
    yield from _start_problems(study, place, name, architecture)


def _held_out_problems(study: Study, place: str, model: Mapping[str, Any]) -> Iterator[str]:
    """A learnt tokenizer whose corpus trains on what the model's corpus holds out."""
    corpus, other = model["corpus"], study.tokenizers[model["tokenizer"]]["corpus"]
    if other not in study.corpora or corpus == other:
        return
    if _held_out(study.corpora[corpus]) != _held_out(study.corpora[other]):
        yield (
            f"{place}: {model['tokenizer']} is learnt on corpus {other}, which does not hold out what corpus {corpus} "
            "does: give both corpora the same split, validation and test, or learn the tokenizer on the model's corpus"
        )


def _held_out(corpus: Mapping[str, Any]) -> Any:
    """What decides on what a corpus holds out."""
    if corpus["split"]["by"] == "contigs":
        return sorted(corpus["validation"]), sorted(corpus["test"])
    return corpus["split"]


def _start_problems(study: Study, place: str, name: str, architecture: Mapping[str, Any]) -> Iterator[str]:
    """A model that starts from the weights of another network; of one that comes trained only its files can tell."""
    start = study.models[name]["init_from"]
    if start not in study.trained or study.models[start]["tokenizer"] not in (None, *study.tokenizers):
        return
    try:
        before = study.architecture(start)
    except InputError:
        return  # said of that model
    # the size is what the other settings came from, and dropout has no weights
    keys = [key for key in dict.fromkeys([*before, *architecture]) if key not in ("size", "dropout")]
    pairs = [(key, before.get(key), architecture.get(key)) for key in keys]
    if not (study.single(start) and study.single(name)):
        pairs.append(("tokenizer", study.models[start]["tokenizer"], study.models[name]["tokenizer"]))
    changed = [f"{key} is {there} there and {here} here" for key, there, here in pairs if there != here]
    if changed:
        yield f"{place}.init_from: {start} is another network, and its weights do not fit: {few(changed)}"


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
