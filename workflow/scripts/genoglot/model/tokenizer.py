"""The single-nucleotide tokenizer as a Hugging Face tokenizer, so that other tools can use a model folder."""

from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

VOCABULARY = {"A": 0, "C": 1, "G": 2, "T": 3, "N": 4, "[MASK]": 5}


def save_tokenizer(folder: Path, window: int) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`; lower case is accepted, other letters become N."""
    tokenizer = Tokenizer(models.WordLevel(VOCABULARY, unk_token="N"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(base.lower(), base) for base in "ACGTN"])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\[MASK\]|."), "isolated")
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="N", pad_token="N", mask_token="[MASK]", model_max_length=window
    )
    fast.save_pretrained(folder)
