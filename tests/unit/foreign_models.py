"""Small language models of others with random weights, in folders as their authors leave them."""

import json
from itertools import product
from pathlib import Path

import torch
from tiny_corpus import random_sequence
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    EsmConfig,
    EsmForMaskedLM,
    EsmTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

SHAPE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
POSITIONS = 96


def words(k: int, letters: str = "ATCG") -> list[str]:
    return ["".join(word) for word in product(letters, repeat=k)]


def nucleotide_transformer(folder: Path, k: int = 3, rotary: bool = False) -> Path:
    """ESM with blocks of k, letters at the end of the vocabulary, <cls> before and nothing after."""
    folder.mkdir(parents=True)
    vocabulary = ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", *words(k), *"ATCGN"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    EsmTokenizer(str(folder / "vocab.txt"), eos_token=None).save_pretrained(folder)
    torch.manual_seed(1)
    config = EsmConfig(
        vocab_size=len(vocabulary),
        pad_token_id=1,
        mask_token_id=2,
        max_position_embeddings=POSITIONS,
        position_embedding_type="rotary" if rotary else "absolute",
        token_dropout=False,
        **SHAPE,
    )
    EsmForMaskedLM(config).save_pretrained(folder)
    return folder


def bert(folder: Path, vocabulary: int) -> Path:
    torch.manual_seed(2)
    BertForMaskedLM(
        BertConfig(vocab_size=vocabulary, max_position_embeddings=POSITIONS, initializer_range=0.3, **SHAPE)
    ).save_pretrained(folder)
    return folder


def dnabert(folder: Path, k: int = 3) -> Path:
    """BERT with overlapping k-mers, which sequence is written as with spaces between; only a vocabulary file."""
    folder.mkdir(parents=True)
    vocabulary = [*BERT_SPECIAL, *words(k)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    settings = {"do_lower_case": False, "model_max_length": 512, "tokenizer_class": "BertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return bert(folder, len(vocabulary))


def trained_bpe(tokenizer: Tokenizer, special: list[str], size: int, alphabet: list[str]) -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([random_sequence(300, seed) for seed in range(30)], trainer)
    return tokenizer


def dnabert2(folder: Path) -> Path:
    """BERT with byte-pair encoding, to which N is unknown; [CLS] and [SEP] around; the network has more tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trained_bpe(tokenizer, ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"], 60, list("ACGT"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    named = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "cls", "sep", "pad", "mask")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)
    return bert(folder, 64)


def gpt(folder: Path) -> Path:
    """GPT-2 with byte-level byte-pair encoding: no mask, no padding, no unknown, nothing around a sequence."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trained_bpe(tokenizer, ["<|endoftext|>"], 300, pre_tokenizers.ByteLevel.alphabet())
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(folder)
    torch.manual_seed(3)
    config = GPT2Config(
        vocab_size=300, n_embd=16, n_layer=2, n_head=2, n_positions=POSITIONS, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def llama(folder: Path, letters: str = "ACGTN") -> Path:
    """Llama with single characters in small letters and <s> before them."""
    vocabulary = ["<s>", "</s>", "<unk>", *letters.lower()]
    tokenizer = Tokenizer(models.WordLevel({token: number for number, token in enumerate(vocabulary)}, "<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    named = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)
    torch.manual_seed(4)
    config = LlamaConfig(
        vocab_size=len(vocabulary), max_position_embeddings=POSITIONS, bos_token_id=0, eos_token_id=1, **SHAPE
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


CODE = """
from pathlib import Path

from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import MaskedLMOutput

(Path(__file__).parent / "ran").touch()


class TinyConfig(PretrainedConfig):
    model_type = "tiny-genome"

    def __init__(self, vocab_size=8, d_model=8, **kwargs):
        self.vocab_size, self.d_model = vocab_size, d_model
        super().__init__(**kwargs)


class TinyTrunk(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.mix = nn.Conv1d(config.d_model, config.d_model, 3, padding=1)

    def forward(self, input_ids):
        return (self.mix(self.embedding(input_ids).transpose(1, 2)).transpose(1, 2),)


class TinyForMaskedLM(PreTrainedModel):
    config_class = TinyConfig
    base_model_prefix = "trunk"

    def __init__(self, config):
        super().__init__(config)
        self.trunk = TinyTrunk(config)
        self.head = nn.Linear(config.d_model, config.vocab_size)
        self.post_init()

    def _init_weights(self, module):
        pass

    def get_input_embeddings(self):
        return self.trunk.embedding

    def forward(self, input_ids):
        return MaskedLMOutput(logits=self.head(self.trunk(input_ids)[0]))
"""


def custom(folder: Path, k: int = 1) -> Path:
    """A network of the authors' own code, which takes no attention mask; it leaves the file `ran` where it runs."""
    special = ["<pad>", "<mask>", "<unk>"]
    vocabulary = [*special, *"ACGTN", *(words(k) if k > 1 else [])]
    tokenizer = Tokenizer(models.WordLevel({token: number for number, token in enumerate(vocabulary)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(f"[ACGT]{{{k}}}|." if k > 1 else "."), "isolated")
    named = {"pad_token": "<pad>", "mask_token": "<mask>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)
    names: dict = {"__file__": str(folder / "elsewhere" / "code.py"), "__name__": "custom"}
    (folder / "elsewhere").mkdir()
    exec(CODE, names)
    torch.manual_seed(5)
    config = names["TinyConfig"](vocab_size=len(vocabulary))
    config.auto_map = {"AutoConfig": "tiny.TinyConfig", "AutoModelForMaskedLM": "tiny.TinyForMaskedLM"}
    names["TinyForMaskedLM"](config).save_pretrained(folder)
    (folder / "tiny.py").write_text(CODE)
    return folder


MAKERS = {
    "nucleotide_transformer": nucleotide_transformer,
    "dnabert": dnabert,
    "dnabert2": dnabert2,
    "gpt": gpt,
    "llama": llama,
}
