"""The encodings as Hugging Face tokenizers, which take a sequence as it is and give the same ids.

All accept lower case, and read whatever is not A, C, G or T as N. `tokenizer_config.json` keeps under "genoglot" which
encoding it is, so that a folder says it of itself.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from genoglot.files import atomic_path, read_json
from genoglot.genome.store import BASES
from genoglot.tokens.encoding import MASK, PAD, UNKNOWN, Encoding

TOKENIZER, CONFIG = "tokenizer.json", "tokenizer_config.json"
CONFIG_KEY = "genoglot"


def single_pipeline(encoding: Encoding) -> Tokenizer:
    """One token for each letter."""
    return _letters_and_words(encoding, Regex("."))


def block_pipeline(encoding: Encoding) -> Tokenizer:
    """k known bases where there are as many, else one letter, from left to right."""
    return _letters_and_words(encoding, Regex(f"[ACGT]{{{encoding.k}}}|."))


def kmer_pipeline(encoding: Encoding) -> Tokenizer:
    """Overlapping k-mers.

    Nothing in a tokenizer file repeats a base, but a normalizer can insert one: with a space between all bases, each
    becomes a word, and each word takes the j-th letter of the next one as its own j+1-th, for j = 1 to k - 1. What is
    then shorter than k is the end of the sequence. Offsets of the tokens are those of their first bases.
    """
    k = encoding.k
    steps = [*alphabet(), normalizers.Replace(Regex("(?<=.)(?=.)"), " ")]
    for place in range(k - 1):
        steps += [normalizers.Replace(Regex(f"(?= .{{{place}}}{base})"), base) for base in BASES]
    steps.append(normalizers.Replace(Regex(f"(?:^|(?<= ))[{BASES}]{{1,{k - 1}}}(?: |$)"), ""))
    tokenizer = Tokenizer(models.WordLevel(_ids(encoding), unk_token=encoding.tokens[encoding.unknown]))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def bpe_pipeline(vocabulary: list[str], merges: list[tuple[str, str]]) -> Tokenizer:
    """Byte-pair encoding between the N, which are tokens of their own; ids in the order of `vocabulary`."""
    ids = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(alphabet())
    tokenizer.pre_tokenizer = pre_tokenizers.Split("N", "isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def wrap(tokenizer: Tokenizer, tokens: list[str], prefix: Sequence[int], suffix: Sequence[int]) -> Tokenizer:
    """The tokenizer with special tokens, given by their ids, put around every sequence."""
    before, after = ([tokens[number] for number in part] for part in (prefix, suffix))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[*before, "$A", *after],
        special_tokens=[(tokens[number], number) for number in dict.fromkeys([*prefix, *suffix])],
    )
    return tokenizer


def save_pipeline(
    tokenizer: Tokenizer,
    folder: Path,
    settings: dict[str, Any],
    pad: str = PAD,
    unknown: str = UNKNOWN,
    mask: str | None = MASK,
    longest: int | None = None,
) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`, each whole or not at all.

    `settings` ("type", and "k" where it has one) is kept in the configuration. `mask` is None for a vocabulary that
    has none; `longest` is the number of tokens that a model takes, where there is a limit.
    """
    special = {"pad_token": pad, "unk_token": unknown, **({} if mask is None else {"mask_token": mask})}
    limit = {} if longest is None else {"model_max_length": longest}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special, **limit, **{CONFIG_KEY: settings})
    with tempfile.TemporaryDirectory() as staging:
        fast.save_pretrained(staging)
        for name in (TOKENIZER, CONFIG):
            with atomic_path(folder / name) as temporary:
                shutil.copyfile(Path(staging) / name, temporary)


def read_settings(folder: Path) -> dict[str, Any] | None:
    """What `save_pipeline` kept in a folder; None if there is nothing of the kind."""
    path = Path(folder) / CONFIG
    settings = read_json(path).get(CONFIG_KEY) if path.exists() else None
    return settings if isinstance(settings, dict) else None


def alphabet() -> list[normalizers.Normalizer]:
    """Upper case, and N for all that is no base; one letter each, so that offsets stay those of the sequence."""
    upper = [normalizers.Replace(base.lower(), base) for base in "ACGT"]
    return [*upper, normalizers.Replace(Regex("[^ACGT]"), "N")]


def _letters_and_words(encoding: Encoding, pattern: Regex) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(_ids(encoding), unk_token=encoding.tokens[encoding.unknown]))
    tokenizer.normalizer = normalizers.Sequence(alphabet())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern, "isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def _ids(encoding: Encoding) -> dict[str, int]:
    return {token: number for number, token in enumerate(encoding.tokens)}
