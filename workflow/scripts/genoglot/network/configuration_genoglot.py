"""The shape of a network, as a Hugging Face configuration."""

from transformers import PretrainedConfig

# single nucleotides: A 0, C 1, G 2, T 3, N 4, [MASK] 5
BASES = 4
N_TOKEN = 4
MASK_TOKEN = 5
SINGLE_VOCABULARY = 6
ARCHITECTURES = ("cloze", "convnet", "encoder", "decoder", "hyena", "hybrid")


class GenoglotConfig(PretrainedConfig):
    """Shape of a network; which of the numbers matter depends on `architecture`.

    `window` is the number of bases the model was trained on, and that scoring and embedding use. `outputs` is the
    number of logits: the four bases for single nucleotides, else all of the vocabulary. `regions` is the number of
    region classes that a second head tells apart, 0 for none.

    Raises:
        ValueError: a combination that no network of the kind can have.
    """

    model_type = "genoglot"

    def __init__(
        self,
        architecture: str = "cloze",
        dim: int = 128,
        layers: int = 6,
        kernel_size: int = 3,
        dilation_growth: int = 3,
        max_dilation: int = 243,
        expansion: int = 2,
        fusion_layers: int = 2,
        left_kmer: int = 6,
        flank_kmer: int = 3,
        heads: int = 4,
        filter_dim: int = 32,
        pool: int = 8,
        stem_layers: int = 2,
        ngram: int = 0,
        causal: bool = False,
        equivariant: bool = False,
        dropout: float = 0.0,
        regions: int = 0,
        window: int = 512,
        vocab_size: int = SINGLE_VOCABULARY,
        outputs: int = BASES,
        **kwargs,
    ):
        if architecture not in ARCHITECTURES:
            raise ValueError(f"architecture {architecture!r} is not one of {', '.join(ARCHITECTURES)}")
        self.architecture = architecture
        self.dim = dim
        self.layers = layers
        self.kernel_size = kernel_size
        self.dilation_growth = dilation_growth
        self.max_dilation = max_dilation
        self.expansion = expansion
        self.fusion_layers = fusion_layers
        self.left_kmer = left_kmer
        self.flank_kmer = flank_kmer
        self.heads = heads
        self.filter_dim = filter_dim
        self.pool = pool
        self.stem_layers = stem_layers
        self.ngram = ngram
        self.causal = causal or architecture == "decoder"
        self.equivariant = equivariant
        self.dropout = dropout
        self.regions = regions
        self.window = window
        self.vocab_size = vocab_size
        self.outputs = outputs
        self.hidden_size = dim
        self.num_hidden_layers = layers
        self.num_attention_heads = heads
        kwargs.setdefault("mask_token_id", MASK_TOKEN)
        kwargs.setdefault("pad_token_id", N_TOKEN)
        super().__init__(**kwargs)
        if self.causal and architecture not in ("decoder", "hyena"):
            raise ValueError(f"{architecture} reads both sides of a token; causal are decoder and hyena")
        if not self.single and (ngram or equivariant or architecture == "cloze"):
            raise ValueError("cloze, n-grams and equivariance are for single nucleotides")
        if self.causal and equivariant:
            raise ValueError("a causal network reads one strand from its start, and cannot be equivariant")

    @property
    def single(self) -> bool:
        """Whether a token is a single nucleotide."""
        return self.vocab_size == SINGLE_VOCABULARY

    @property
    def dilations(self) -> list[int]:
        """Dilation of each layer: powers of `dilation_growth`, starting again where they pass `max_dilation`."""
        cycle = [1]
        while cycle[-1] * self.dilation_growth <= self.max_dilation and self.dilation_growth > 1:
            cycle.append(cycle[-1] * self.dilation_growth)
        return [cycle[layer % len(cycle)] for layer in range(self.layers)]
