"""Models whose corpora, tokenizers and networks are not there or do not go together."""

from collections.abc import Iterator, Mapping
from typing import Any

from genoglot.errors import InputError, few
from genoglot.model.presets import is_causal
from genoglot.references.common import unknown
from genoglot.study import Study

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


def model_problems(study: Study, name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong in an entry of the section `models`, whether it is a model or a sweep."""
    place, training, start = f"models.{name}", entry["training"], entry["init_from"]
    yield from unknown(f"{place}.corpus: there is no corpus", entry["corpus"], study.corpora)
    if start in study.sweeps:
        first = study.sweeps[start][0]
        yield f"{place}.init_from: {start} is a sweep: name one of the models it stands for, {first} for example"
    elif start is not None:
        yield from unknown(f"{place}.init_from: there is no model", start, study.models)
    swept = entry["sweep"]
    if swept is not None and not any(swept.values()):
        yield f"{place}.sweep: expected at least one list of values ({', '.join(swept)}), found none"
    if swept and swept["tokenizers"]:
        named, key = [tokenizer for tokenizer in swept["tokenizers"] if tokenizer is not None], "sweep.tokenizers"
    else:
        named, key = [entry["tokenizer"]] if entry["tokenizer"] is not None else [], "tokenizer"
    for tokenizer in named:
        yield from unknown(f"{place}.{key}: there is no tokenizer", tokenizer, study.tokenizers)
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


def network_problems(study: Study, name: str) -> Iterator[str]:
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


def init_cycles(models: Mapping[str, dict]) -> Iterator[str]:
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
