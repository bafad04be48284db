"""A small model, its baseline and a genome, and variants scored with them as the workflow does it."""

from pathlib import Path

import numpy as np
import pandas as pd
from tiny_models import random_network
from tiny_tokens import tiny_encoding

from genoglot.corpus.markov import MarkovModel
from genoglot.model.folder import save_model
from genoglot.variants.gathering import gather_variants
from genoglot.variants.scoring import score_variants
from genoglot.variants.splitting import split_variants

MODEL_WINDOW = 32
SETTINGS = {
    "batch_size": 4,
    "precision": "float32",
    "mode": "exact",
    "flank": 4,
    "max_length": 12,
    "embedding_distance": False,
}
HEADER = """##fileformat=VCFv4.2
##INFO=<ID=AC,Number=A,Type=Integer,Description="count">
##FILTER=<ID=low,Description="low quality">
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
##contig=<ID=c1>
##contig=<ID=c2>
##contig=<ID=alien>
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	s1	s2
"""


def vcf_line(contig: str, position: int, ref: str, alt: str, info: str = ".") -> str:
    """A record of two samples; `position` is 1-based."""
    return f"{contig}\t{position}\t.\t{ref}\t{alt}\t.\t.\t{info}\tGT\t0/0\t0/0\n"


def random_chain() -> MarkovModel:
    """A chain of order 1 by which both strands agree, as in a fitted one."""
    table = np.log(np.random.default_rng(0).dirichlet(np.ones(4), 16)).astype(np.float32)
    flipped = np.array([table[(3 - c % 4) * 4 + (3 - c // 4)][::-1] for c in range(16)])
    return MarkovModel({"both": (table + flipped) / 2, "left": table[:1]}, (table[0] + table[0][::-1]) / 2)


class Scoring:
    """A model folder, a chain and a genome, all in one folder."""

    def __init__(self, folder: Path, make_genome, contigs: dict[str, str], architecture: str, tokens: str, **shape):
        self.folder, self.sequence = folder, make_genome(contigs).folder
        encoding = tiny_encoding(tokens, make_genome, folder)
        network = random_network(architecture, encoding, MODEL_WINDOW, **shape)
        save_model(network, encoding, folder / "model", MODEL_WINDOW)
        random_chain().save(folder / "markov.safetensors")

    def run(
        self,
        variants: str | bytes | Path,
        output: str = "out",
        chunks: int = 1,
        sequence: Path | None = None,
        contigs: list[str] | None = None,
        names: Path | None = None,
        max_mismatch: float = 0.1,
        workers: int = 1,
        **settings,
    ) -> Path:
        """Split, score and gather; return the folder of `m.vcf.gz`, `m.scores.parquet` and `m.summary.json`."""
        source = variants
        if not isinstance(variants, Path):
            source = self.folder / "in.vcf"
            source.write_bytes(variants.encode() if isinstance(variants, str) else variants)
        target, sequence = self.folder / output, sequence or self.sequence
        parts = [target / "chunks" / f"{number}.vcf.gz" for number in range(chunks)]
        split_variants(source, sequence, parts, target / "split.json", contigs, max_mismatch, names)
        made = []
        for part in parts:
            outputs = [part.with_name(f"{part.name}.scored.{end}") for end in ("vcf.gz", "parquet", "json")]
            model, chain = self.folder / "model", self.folder / "markov.safetensors"
            score_variants(part, model, chain, sequence, *outputs, "m", SETTINGS | settings, workers, names)
            made.append(outputs)
        results = [target / f"m.{end}" for end in ("vcf.gz", "scores.parquet", "summary.json")]
        gather_variants(*zip(*made, strict=True), target / "split.json", *results)
        return target

    def table(self, variants: str | bytes | Path, output: str = "out", **options) -> pd.DataFrame:
        """The table of scores."""
        return pd.read_parquet(self.run(variants, output, **options) / "m.scores.parquet")
