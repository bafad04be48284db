"""Other people's language models, brought into the form that the workflow reads.

A Hugging Face folder or a name on the hub becomes a model folder: configuration, weights as safetensors, and a
tokenizer that says of itself how it writes sequence. Nothing is taken on trust: the tokenizer must give the ids of the
original, all weights that matter must be there, and what was written must give the logits of what was read.
"""

import logging
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import snapshot_download
from torch import nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.models.auto import modeling_auto

from genoglot.errors import InputError, few
from genoglot.files import digest, read_json, staged, write_json
from genoglot.genome.store import N_CODE
from genoglot.model.folder import CONFIG, CONFIG_KEY, TRAINING, WEIGHTS
from genoglot.model.hardware import quieten_libraries
from genoglot.model.language_model import (
    AUTO_CLASSES,
    LOADING_ERRORS,
    LanguageModel,
    load_language_model,
    load_network,
    of_others,
)
from genoglot.network import copy_code
from genoglot.network.configuration_genoglot import GenoglotConfig
from genoglot.tokens.files import save_tokenizer
from genoglot.tokens.pipelines import CONFIG as TOKENIZER_CONFIG
from genoglot.tokens.pipelines import TOKENIZER
from genoglot.tokens.translated import NONE, Translated, agree, resized, translate

log = logging.getLogger(__name__)

PATTERNS = ("*.json", "*.txt", "*.model", "*.safetensors")
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
ENDINGS = {"masked": ("ForMaskedLM", "ForPreTraining"), "causal": ("ForCausalLM", "LMHeadModel")}
# windows whose tokens are counted to see whether they fit, and what is left free for N, which break tokens up
COUNTED, MARGIN = 32, 0.05
NO_LIMIT = 10**6  # a tokenizer without a limit has a huge one
TOLERANCE = 1e-4  # of logits written and read again


def import_model(source: str, revision: str | None, output: Path, window: int, trust_remote_code: bool = False) -> None:
    """Write the model of others as a model folder: `config.json`, `model.safetensors`, tokenizer and `training.json`.

    Args:
        source: a folder, or a name on the Hugging Face hub, which is fetched.
        revision: branch, tag or commit on the hub; None for the newest.
        window: bases of the windows that the model is to read.
        trust_remote_code: whether code that comes with the model may run, here and whenever the model is used.

    Raises InputError for a source that is not there or cannot be fetched, code that may not run, a model that is no
    masked or causal language model, weights that are missing, a tokenizer of no known scheme, and windows of more
    tokens than the model takes.
    """
    quieten_libraries()
    folder, commit = fetch(source, revision, trust_remote_code)
    settings = _settings(folder, source)
    with staged(Path(output)) as staging:
        if settings.get("model_type") == GenoglotConfig.model_type:
            model = _copy_own(folder, staging)
        else:
            _refuse_code(folder, settings, source, trust_remote_code)
            model = _read(folder, settings, source, window, trust_remote_code)
            _write(model, folder, settings, staging)
            _check_written(model, staging, source)
        parameters = sum(parameter.numel() for parameter in model.network.parameters())
        about = {
            "pretrained": str(source),
            "revision": revision,
            "commit": commit,
            "architecture": type(model.network).__name__,
            "kind": model.kind,
            "window": model.window,
            "vocabulary": model.encoding.size,
            "parameters": parameters,
            "tokens_seen": None,
            "seconds": None,
            "steps": None,
            "sha256": digest(staging / WEIGHTS),
        }
        write_json(staging / TRAINING, about)
    log.info("%s: a %s model of %d parameters, read in windows of %d", source, model.kind, parameters, model.window)


def fetch(source: str, revision: str | None, trust_remote_code: bool) -> tuple[Path, str | None]:
    """The folder of a model, and the commit if it comes from the hub.

    Raises InputError if there is no such folder, or the hub does not give the model.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise InputError(f"{source} is a folder, and has no revision {revision!r}: leave `revision` out")
        return folder, None
    if not HUB_NAME.fullmatch(str(source)):
        raise InputError(f"{source}: there is no such folder, and it is no name on the Hugging Face hub (owner/name)")
    patterns = [*PATTERNS, *(["*.py"] if trust_remote_code else [])]
    try:
        folder = _snapshot(source, revision, patterns)
        if not list(folder.glob("*.safetensors")):
            folder = _snapshot(source, revision, [*patterns, "*.bin"])
    except Exception as error:  # whatever a client of the network may raise
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"{source}: there is no such folder here, and it could not be fetched from the Hugging Face hub "
            f"({type(error).__name__}: {reason}). Check the name and the revision; where there is no network, fetch it "
            "elsewhere (`hf download`) and give its folder; a model behind a licence needs the variable HF_TOKEN"
        ) from error
    return folder, folder.name


def _snapshot(source: str, revision: str | None, patterns: list[str]) -> Path:
    return Path(snapshot_download(source, revision=revision, allow_patterns=patterns, ignore_patterns=["*/*"]))


def _settings(folder: Path, source: str) -> dict[str, Any]:
    if not (folder / CONFIG).is_file():
        raise InputError(f"{source} has no {CONFIG}: it is not the folder of a Hugging Face model")
    if not [*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")]:
        raise InputError(
            f"{source} has no weights: neither {WEIGHTS} nor pytorch_model.bin; those of other frameworks are not read"
        )
    return read_json(folder / CONFIG)


def _refuse_code(folder: Path, settings: dict[str, Any], source: str, trust_remote_code: bool) -> None:
    """Raise InputError if the model needs code of its own that may not run, or that is not in its folder."""
    tokenizer = read_json(folder / TOKENIZER_CONFIG) if (folder / TOKENIZER_CONFIG).is_file() else {}
    files = [name for part in (settings, tokenizer) for name in _names(part.get("auto_map", {}))]
    if files and not trust_remote_code:
        raise InputError(
            f"{source} comes with Python code of its own ({few(files)}), which would run on this machine; read it, and "
            "if you trust it set `trust_remote_code: true`"
        )
    elsewhere = [name for name in files if "--" in name]
    if elsewhere:
        raise InputError(f"{source}: its code lies in another repository ({few(elsewhere)}); give a folder that has it")


def _names(value: Any) -> list[str]:
    """All strings in a nested value; what an `auto_map` names."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [name for part in parts for name in _names(part)]


def _kind(settings: dict[str, Any], source: str) -> str:
    """ "masked" or "causal", by the classes that the configuration names, else by what transformers has."""
    named = list(settings.get("auto_map", ())) or settings.get("architectures") or []
    for kind, endings in ENDINGS.items():
        if any(name.endswith(endings) for name in named):
            return kind
    family = settings.get("model_type")
    if "auto_map" not in settings:
        if family in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not settings.get("is_decoder"):
            return "masked"
        if family in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
            return "causal"
    raise InputError(
        f"{source}: a model of type {family!r} ({few(named) or 'no architecture named'}) is no masked or causal "
        "language model that transformers reads"
    )


def _read(folder: Path, settings: dict[str, Any], source: str, window: int, trust_remote_code: bool) -> LanguageModel:
    """The model of a folder, with a tokenizer that gives the ids of its own, in windows that it takes."""
    kind = _kind(settings, source)
    tokenizer = _tokenizer(folder, source, trust_remote_code)
    encoding = translate(tokenizer, source)
    if kind == "masked" and encoding.mask == NONE:
        raise InputError(f"{source} is a masked language model, and its tokenizer has no mask token")
    network, missing = load_network(AUTO_CLASSES[kind], folder, "auto", trust_remote_code=trust_remote_code)
    network = network.float()
    _check_ids(encoding, network, source)
    longest = _longest(network, tokenizer)
    model = of_others(network, encoding, kind, window, longest)
    _check_window(model, source)
    varied = not (encoding.overlapping or encoding.k == 1)
    if kind == "masked" and varied and not model.takes_padding:
        raise InputError(
            f"{source}: windows differ in their number of tokens, and its network takes no attention_mask that would "
            "tell padding from them"
        )
    codes = np.random.default_rng(0).integers(0, N_CODE, (1, min(window, 64)), dtype=np.uint8)
    ids = torch.from_numpy(model.write(codes).ids)
    logits, vectors = model.logits(ids, None), model.vectors(ids, None)
    if vectors.shape != (*ids.shape, model.dim) or logits.shape[:2] != ids.shape:
        raise InputError(f"{source}: it gives vectors of shape {tuple(vectors.shape)} for {ids.shape[1]} tokens")
    if encoding.highest >= logits.shape[2]:
        raise InputError(
            f"{source}: its tokenizer gives ids up to {encoding.highest}, and it has {logits.shape[2]} logits"
        )
    _check_missing(network, missing, logits.square().mean() + vectors.square().mean(), source)
    return of_others(network, resized(encoding, logits.shape[2]), kind, window, longest)


def _tokenizer(folder: Path, source: str, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=trust_remote_code)
    except LOADING_ERRORS as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{source}: its tokenizer cannot be read ({type(error).__name__}: {reason})") from error


def _check_ids(encoding: Translated, network: nn.Module, source: str) -> None:
    rows = network.get_input_embeddings().num_embeddings  # type: ignore[operator]
    highest = max(encoding.highest, encoding.mask, encoding.pad, encoding.unknown, *encoding.prefix, *encoding.suffix)
    if highest >= rows:
        raise InputError(f"{source}: its tokenizer gives ids up to {highest}, and its network knows {rows} tokens")


def _longest(network: nn.Module, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Most tokens that a network takes, as far as it says."""
    config: Any = network.config
    longest = getattr(config, "max_position_embeddings", None)
    if not isinstance(longest, int):
        return tokenizer.model_max_length if tokenizer.model_max_length < NO_LIMIT else None
    for name, module in network.named_modules():
        # positions of ESM and RoBERTa are counted from the one after the padding's
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            return longest - int(module.padding_idx) - 1  # type: ignore[arg-type]
    return longest


def _check_window(model: LanguageModel, source: str) -> None:
    """Raise InputError if windows have more tokens than the model takes.

    Where the number of tokens depends on the sequence, some room is left for N and for what is not random.
    """
    if model.longest is None:
        return
    codes = np.random.default_rng(0).integers(0, N_CODE, (COUNTED, model.window), dtype=np.uint8)
    tokens = int(model.encoding.encode(codes).lengths.max())
    if not (model.encoding.overlapping or model.encoding.k == 1):
        tokens += round(tokens * MARGIN)
    room = model.longest - len(model.prefix) - len(model.suffix)
    if tokens > room:
        raise InputError(
            f"{source}: a window of {model.window} bases has up to {tokens} tokens, and the model takes {room} beside "
            f"its special tokens; give its corpus windows of at most about {model.window * room // tokens} bases"
        )


def _check_missing(network: nn.Module, missing: list[str], output: torch.Tensor, source: str) -> None:
    """Raise InputError if weights that the output depends on were not in the file, and so are random."""
    lacking = {name: value for name, value in network.named_parameters(remove_duplicate=False) if name in missing}
    if not lacking:
        return
    gradients = torch.autograd.grad(output, list(lacking.values()), allow_unused=True)
    random = [name for name, gradient in zip(lacking, gradients, strict=True) if gradient is not None]
    if random:
        raise InputError(
            f"{source}: its weights lack {few(random)}, without which {type(network).__name__} makes no prediction; "
            "give a model that was saved with its language modelling head"
        )


def _write(model: LanguageModel, folder: Path, settings: dict[str, Any], output: Path) -> None:
    """The files of a model folder, and the code of the original if it has any."""
    network: Any = model.network
    network.save_pretrained(output, max_shard_size="1000GB")
    about = {"kind": model.kind, "window": model.window, "longest": model.longest}
    # the tokenizer written here needs no code
    classes = {name: value for name, value in settings.get("auto_map", {}).items() if name != "AutoTokenizer"}
    written = {name: value for name, value in read_json(output / CONFIG).items() if name != "auto_map"}
    write_json(output / CONFIG, {**written, **({"auto_map": classes} if classes else {}), CONFIG_KEY: about})
    if classes:
        for path in folder.glob("*.py"):
            shutil.copyfile(path, output / path.name)
    save_tokenizer(model.encoding, output, model.longest or model.window)


def _check_written(model: LanguageModel, folder: Path, source: str) -> None:
    """Raise InputError if what was written does not give the ids and logits of what was read."""
    assert isinstance(model.encoding, Translated)
    example = agree(model.encoding, AutoTokenizer.from_pretrained(folder, local_files_only=True))
    again = load_language_model(folder)
    codes = np.random.default_rng(1).integers(0, N_CODE, (2, min(model.window, 64)), dtype=np.uint8)
    ids = [torch.from_numpy(each.write(codes).ids) for each in (model, again)]
    if example is not None or not torch.equal(*ids):
        raise InputError(f"{source}: its tokenizer, written and read again, gives other ids: {example}")
    device = next(again.network.parameters()).device
    present = torch.from_numpy(model.write(codes).present)
    with torch.inference_mode():
        before = model.logits(ids[0], present)
        after = again.logits(ids[0].to(device), present.to(device)).cpu()
    difference = float((before - after)[present].abs().max())
    if difference > TOLERANCE * (1 + float(before.abs().max())):
        raise InputError(f"{source}: its network, written and read again, gives logits that differ by {difference:.2g}")


def _copy_own(folder: Path, output: Path) -> LanguageModel:
    """A model of this workflow from elsewhere: its files, and Genoglot's own code in place of what lies beside them."""
    model = load_language_model(folder)
    for name in (CONFIG, WEIGHTS, TOKENIZER, TOKENIZER_CONFIG):
        shutil.copyfile(folder / name, output / name)
    copy_code(output)
    return model
