"""Speed of the way from a FASTA to training batches, beside pipelines that keep every window as text."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from Bio import SeqIO
from Bio.Seq import Seq
from measure import ROOT, best_time

from genoglot.corpus.windows import make_windows
from genoglot.genome.fasta import normalise_fasta, tokenize

WINDOW, STEP = 512, 256
RUNS = 3  # of which the fastest counts
SETTINGS = {
    "genomes": ["g"], "window": WINDOW, "step": STEP, "jitter": 0, "max_n": 0.2, "max_soft_masked": 1.0,
    "recipe": {"type": "all", "features": [], "flank": 0, "promoter_upstream": 1000},
    "split": {"by": "contigs"}, "validation": ["chr4"], "test": [],
}  # fmt: skip
# lengths (Mb) of the chromosomes of GRCh38, 1 to 22, X and Y
HUMAN = (
    249, 242, 198, 190, 182, 171, 159, 145, 138, 134, 135, 133, 114, 107, 102, 90, 83, 80, 59, 64, 47, 51, 156, 57,
)  # fmt: skip
LARGE = Path(tempfile.gettempdir()) / "genoglot-benchmark-large"


def write_fasta(path: Path, lengths: dict[str, int], seed: int = 0) -> None:
    """A gzipped FASTA of random sequence: a twentieth N, in runs, and half of the rest soft-masked, in stretches."""
    rng = np.random.default_rng(seed)
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)
    piece = 60 * 20_000
    with gzip.open(path, "wb", compresslevel=1) as handle:
        for name, length in lengths.items():
            handle.write(f">{name}\n".encode())
            for start in range(0, length, piece):
                size = min(piece, length - start)
                bases = letters[rng.integers(0, 4, size, dtype=np.uint8)]
                lower = np.repeat(rng.random(-(-size // 300)) < 0.5, 300)[:size]
                bases[lower] |= 32
                if rng.random() < 0.05:
                    bases[:] = ord("N")
                whole = size // 60 * 60
                lines = np.full((whole // 60, 61), ord("\n"), dtype=np.uint8)
                lines[:, :60] = bases[:whole].reshape(-1, 60)
                handle.write(lines.tobytes() + (bases[whole:].tobytes() + b"\n" if size > whole else b""))


def source_of(folder: Path, megabases: int) -> Path:
    """A gzipped FASTA of so many random megabases, or, for 12, the one that the environment names as FASTA."""
    given = os.environ.get("FASTA")
    if given and megabases == 12:
        return Path(given)
    write_fasta(folder / "in.fa.gz", four_contigs(megabases))
    return folder / "in.fa.gz"


def four_contigs(megabases: int) -> dict[str, int]:
    return {f"chr{number}": megabases * 250_000 for number in (1, 2, 3, 4)}


def to_tokens(fasta: Path, folder: Path) -> None:
    normalise_fasta(fasta, folder / "g.fa.gz", folder / "genome.json", "g")
    tokenize(folder / "g.fa.gz", folder / "sequence" / "bases.npy", folder / "sequence" / "contigs.tsv")


def to_windows(folder: Path) -> None:
    make_windows(folder / "sequence", folder / "windows.parquet", "g", SETTINGS, 1)


def ready_seconds(megabases: int, tokens: bool = True) -> float:
    """Seconds from a gzipped FASTA to tokens and windows: the normalised, indexed FASTA and its counts are made too.

    Without `tokens`, of the windows alone, which is what another recipe, step or split takes.
    """

    def ready(source: Path, folder: Path) -> float:
        start = time.perf_counter()
        to_tokens(source, folder)
        start = start if tokens else time.perf_counter()
        to_windows(folder)
        return time.perf_counter() - start

    return fastest(ready, megabases)


def text_seconds(how: str, megabases: int = 12) -> float:
    """Seconds from a gzipped FASTA to shuffled JSON lines with every window's sequence, compressed with zstd.

    `pandas` does what the workflow of GPN (Benegas et al. 2023) does by default, with the same libraries: sequences are
    read for the intervals and again for the windows, both strands of a window are rows whose text is cut one by one,
    and the rows go through Parquet files before they are shuffled and written. `loop` is the least Python that writes
    the windows of one strand, in order.
    """
    write = write_rows if how == "pandas" else write_loop

    def text(source: Path, folder: Path) -> float:
        start = time.perf_counter()
        write(source, folder)
        return time.perf_counter() - start

    return fastest(text, megabases)


def fastest(run: Callable[[Path, Path], float], megabases: int) -> float:
    """Seconds of the fastest of `RUNS` runs from a FASTA, each into a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        source = source_of(Path(name), megabases)
        folders = [Path(name) / str(number) for number in range(RUNS)]
        for folder in folders:
            folder.mkdir()
        return min(run(source, folder) for folder in folders)


def write_rows(source: Path, folder: Path) -> None:
    lengths = read_biopython(source).str.len()
    genome = read_biopython(source)
    table = text_windows(lengths).sample(frac=1, random_state=1)
    table["seq"] = table.apply(lambda row: text_of(genome, row.chrom, row.start, row.end, row.strand), axis=1)
    table.to_parquet(folder / "rows.parquet", index=False)
    rows = pd.read_parquet(folder / "rows.parquet").sample(frac=1, random_state=1)
    lines = rows.to_json(orient="records", lines=True).encode()
    with pa.CompressedOutputStream(str(folder / "windows.jsonl.zst"), "zstd") as output:
        output.write(lines)


def write_loop(source: Path, folder: Path) -> None:
    with pa.CompressedOutputStream(str(folder / "windows.jsonl.zst"), "zstd") as output:
        for contig, text in read_strings(source).items():
            for begin in range(0, len(text) - WINDOW + 1, STEP):
                record = {"chrom": contig, "start": begin, "end": begin + WINDOW, "seq": text[begin : begin + WINDOW]}
                output.write((json.dumps(record) + "\n").encode())


def text_windows(lengths: pd.Series) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"chrom": name, "start": np.arange(0, length - WINDOW + 1, STEP), "strand": strand})
        for name, length in lengths.items()
        for strand in "+-"
    ]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(end=table["start"] + WINDOW)


def text_of(genome: pd.Series, contig: str, start: int, end: int, strand: str) -> str:
    text = genome[contig][start:end]
    return text if strand == "+" else str(Seq(text).reverse_complement())


def read_biopython(fasta: Path) -> pd.Series:
    with gzip.open(fasta, "rt") as handle:
        # as objects: cut from pandas' own strings, each window would cost a copy of its contig
        return pd.Series({record.id: str(record.seq) for record in SeqIO.parse(handle, "fasta")}, dtype=object)


def read_strings(fasta: Path) -> dict[str, str]:
    genome: dict[str, list[str]] = {}
    with gzip.open(fasta, "rt") as handle:
        for line in handle:
            if line.startswith(">"):
                lines = genome.setdefault(line[1:].split()[0], [])
            else:
                lines.append(line.rstrip())
    return {name: "".join(lines) for name, lines in genome.items()}


def loader_rate(mask_rate: float | None) -> float:
    """Tokens per second of one process, batches of 256 windows of 512, of 12 Mb."""
    from genoglot.corpus.batches import Objective, TrainingBatches
    from genoglot.corpus.reader import WindowReader
    from genoglot.corpus.schedule import Lengths, Schedule
    from genoglot.corpus.windows import read_windows
    from genoglot.tokens.encoding import SingleBase

    objective = Objective(False, mask_rate is not None, mask_rate or 0.0, 1, 0.1)
    schedule = Schedule(256, 0, 1000, Lengths(WINDOW, WINDOW, 0))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_fasta(folder / "in.fa.gz", four_contigs(12))
        to_tokens(folder / "in.fa.gz", folder)
        to_windows(folder)
        reader = WindowReader(read_windows(folder / "windows.parquet", "train"), {"g": folder / "sequence"})
        batches = TrainingBatches(reader, SingleBase(), objective, schedule, 1)

        def some() -> None:
            for step in range(40):
                batches.at(step)

        return 40 * 256 * WINDOW / best_time(some)


def text_loader_rate() -> float:
    """Tokens per second where windows are text, tokenized as they come by a Hugging Face tokenizer, and then masked."""
    from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerFast

    from genoglot.tokens.encoding import SingleBase
    from genoglot.tokens.files import save_tokenizer

    rng = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)
    texts = [letters[rng.integers(0, 4, WINDOW)].tobytes().decode() for _ in range(2560)]
    with tempfile.TemporaryDirectory() as folder:
        save_tokenizer(SingleBase(), Path(folder), WINDOW)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)

        def some() -> None:
            for first in range(0, len(texts), 256):
                collate([tokenizer(text) for text in texts[first : first + 256]])

        return len(texts) * WINDOW / best_time(some, 2)


def leakage_seconds(megabases: int) -> float:
    """Seconds to compare a twentieth of a genome, held out, with the rest."""
    from genoglot.corpus.leakage import shared_kmers

    rng = np.random.default_rng(0)
    length = megabases * 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "bases.npy", rng.integers(0, 4, length, dtype=np.uint8))
        (folder / "contigs.tsv").write_text(f"contig\tlength\toffset\none\t{length}\t0\n")
        starts = np.arange(0, length - WINDOW, STEP)
        windows = pd.DataFrame({"genome": "g", "contig": "one", "start": starts, "end": starts + WINDOW})
        border = len(windows) // 20
        begin = time.perf_counter()
        shared_kmers(windows[:border:2], windows[border + 2 :], {"g": folder}, 21)
        return time.perf_counter() - begin


def dry_run_seconds(genomes: int) -> float:
    """Seconds of `snakemake --dry-run` with so many annotated genomes in the sheet, all in one corpus of one model."""
    names = [f"g{number}" for number in range(genomes)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "x.fa").touch()
        (folder / "x.gff3").touch()
        rows = "".join(f"{genome}\tx.fa\tx.gff3\n" for genome in names)
        (folder / "genomes.tsv").write_text("genome\tfasta\tannotation\n" + rows)
        corpus = {"genomes": names, "validation": ["chr4"]}
        config = {"genomes": "genomes.tsv", "corpora": {"all": corpus}, "models": {"m": {"corpus": "all"}}}
        (folder / "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
        start = time.perf_counter()
        subprocess.run(
            [*command, "--configfile", "config.json", "--dry-run", "--quiet", "all"], cwd=folder, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return time.perf_counter() - start


def large_seconds(step: str) -> float:
    """Seconds for a genome like the human one, or its bytes on disk a base; the files are kept between the steps."""
    LARGE.mkdir(exist_ok=True)
    source = LARGE / "in.fa.gz"
    if step == "genome":
        lengths = {f"chr{number}": size * 1_000_000 for number, size in enumerate(HUMAN, 1)}
        lengths |= {f"scaffold{number}": 20_000 + 500 * number for number in range(170)}
        subprocess.run(
            [sys.executable, "-c", f"import data, pathlib; data.write_fasta(pathlib.Path({str(source)!r}), {lengths})"],
            cwd=Path(__file__).parent, check=True,
        )  # fmt: skip
    start = time.perf_counter()
    if step == "genome":
        to_tokens(source, LARGE)
    elif step == "windows":
        to_windows(LARGE)
    else:
        files = [LARGE / "sequence" / "bases.npy", LARGE / "sequence" / "contigs.tsv", LARGE / "windows.parquet"]
        size = sum(file.stat().st_size for file in files)
        bases = json.loads((LARGE / "genome.json").read_text())["length"]
        for path in [*LARGE.rglob("*.*"), LARGE / "sequence", LARGE]:
            path.rmdir() if path.is_dir() else path.unlink()
        return size / bases
    return time.perf_counter() - start
