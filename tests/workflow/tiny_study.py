"""A tiny study: a generated genome with genes, its configuration, and Snakemake run on it."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyBigWig
import yaml

ROOT = Path(__file__).parents[2]
RULES = re.findall(r"^rule (\w+):", "".join(path.read_text() for path in ROOT.glob("workflow/rules/*.smk")), re.M)
# what only some studies need
OPTIONAL = {"predict_bins", "derive_haplotype", "lift_annotation", "fetch_intervals", "fetch_evidence", "import_model"}
# rules that make nothing of their own
TARGETS = {"all", "default", "genomes"}

BASES = np.frombuffer(b"ACGT", dtype="S1")
COMPLEMENT = str.maketrans("ACGT", "TGCA")
STOPS = ("TAA", "TAG", "TGA")
LENGTHS = {"chrA": 30_000, "chrB": 20_000}

# 20 steps of 16 windows
TRAINING = {
    "max_tokens": 40_960, "batch_tokens": 2048, "warmup_tokens": 4096, "learning_rate": 0.005, "validate_every": 10,
    "validation_windows": 32, "log_every": 5,
}  # fmt: skip

CONFIG = {
    "genomes": "genomes.tsv",
    "variants": "variants.tsv",
    "seed": 7,
    "consequences": {"max_per_class": 40},
    "corpora": {"tiny": {"genomes": ["toy"], "window": 128, "step": 64, "validation": ["chrB"]}},
    "tokenizers": {"pieces": {"corpus": "tiny", "vocabulary": 32, "sample_bases": 20_000}},
    "models": {
        "small": {"corpus": "tiny", "architecture": {"dim": 16, "layers": 2}, "training": TRAINING},
        # a sweep of one, over other tokens and from left to right
        "trial": {
            "corpus": "tiny",
            "tokenizer": "pieces",
            "architecture": {"size": "tiny", "dim": 16, "layers": 1},
            "training": TRAINING,
            "sweep": {"architectures": ["decoder"]},
        },
    },
    "evaluation": {"max_positions": 5000},
    "tasks": {
        "regions": {"genome": "toy", "epochs": 1, "max_per_class": 40, "seeds": 1, "export": True},
        "genes": {
            "kind": "annotation",
            "genome": "toy",
            "split": {"by": "contig", "validation": 0.3, "test": ["chrB"]},
            "epochs": 1,
            "seeds": 1,
        },
        "repeats": {
            "kind": "classification",
            "sequences": {"train": "repeats.csv"},
            "mode": "probe",
            "seeds": 1,
            "few_shot": {"per_class": [4, 16], "draws": 1},
        },
    },
    "embeddings": {"step": 64, "max_points": 400},
    "scoring": {"bootstraps": 50, "chunks": 2, "calibration": {"sites": 500}},
    "scans": {"part": {"genome": "toy", "bed": "part.bed"}},
    "predictions": {
        "parts": {"task": "regions", "genome": "toy", "contigs": ["chrB"], "step": 500},
        "found": {"task": "genes", "genome": "toy", "contigs": ["chrB"]},
        "alleles": {"task": "regions", "genome": "toy", "variants": "known.vcf"},
    },
    "interpretation": {
        "genes": {
            "genome": "toy",
            "regions": ["chrB:801-860", "chrB:1-40"],
            "map_length": 50,
            "tasks": ["regions"],
            "orders": 2,
        }
    },
    "report": {"title": "A tiny study"},
    "mirrors": {"https://labels.invalid/": "./"},
}

GENOMES = "genome\tfasta\tannotation\ntoy\ttoy.fa\ttoy.gff3\n"
REGIONS = "chrA\t29000\t29500\nchrB\t0\t5000\n"
# consequences, and a user's VCF judged by everything that it can be judged by
VARIANTS = (
    "variants\tgenome\tvcf\tcontigs\tlabels\tpositives\tfrequency\tconservation\n"
    "consequences\ttoy\tconsequences\tchrB\t\t\t\t\n"
    "known\ttoy\tknown.vcf\t\thttps://labels.invalid/labels.tsv\tbad\tAF\ttrack.bw\n"
)


def labelled_sequences(rng: np.random.Generator, rows: int) -> str:
    """CSV of sequences, of which every second is a repeat of three bases."""
    lines = ["sequence,label"]
    for row in range(rows):
        text = random_sequence(rng, 60)
        lines.append(f"{text[:3] * 20 if row % 2 else text},{'repeat' if row % 2 else 'none'}")
    return "\n".join(lines) + "\n"


def random_sequence(rng: np.random.Generator, length: int) -> str:
    return rng.choice(BASES, size=length, p=[0.3, 0.2, 0.2, 0.3]).tobytes().decode()


def coding_sequence(rng: np.random.Generator, codons: int) -> str:
    """ATG, codons that are no stop, and a stop."""
    inner = [random_sequence(rng, 3) for _ in range(2 * codons)]
    return "ATG" + "".join([codon for codon in inner if codon not in STOPS][:codons]) + "TAA"


def make_gene(rng: np.random.Generator) -> tuple[str, list[tuple[int, int]], list[tuple[int, int]]]:
    """Sequence of a gene read 5' to 3', its exons, and the coding part of each, 0-based half-open in that sequence."""
    cds = coding_sequence(rng, int(rng.integers(60, 140)))
    leader, trailer = random_sequence(rng, 30), random_sequence(rng, 40)
    cut = int(rng.integers(40, len(cds) - 40))
    intron = "GT" + random_sequence(rng, int(rng.integers(60, 150))) + "AG"
    first = len(leader) + cut
    second = first + len(intron)
    end = second + len(cds) - cut
    sequence = leader + cds[:cut] + intron + cds[cut:] + trailer
    return sequence, [(0, first), (second, end + len(trailer))], [(len(leader), first), (second, end)]


def make_contig(rng: np.random.Generator, name: str, length: int) -> tuple[str, list[str]]:
    """Sequence of a contig with a gene about every 2.5 kb, on alternating strands, and its lines of GFF3."""
    sequence, lines = random_sequence(rng, length), []
    for number, start in enumerate(range(800, length - 2000, 2500)):
        gene, exons, coding = make_gene(rng)
        strand = "+-"[number % 2]
        if strand == "-":
            size = len(gene)
            gene = gene.translate(COMPLEMENT)[::-1]
            exons = [(size - end, size - begin) for begin, end in exons]
            coding = [(size - end, size - begin) for begin, end in coding]
        sequence = sequence[:start] + gene + sequence[start + len(gene) :]
        lines += gff_lines(name, start, len(gene), strand, exons, coding, f"{name}_{number}")
    return sequence, lines


def gff_lines(contig, start, size, strand, exons, coding, gene) -> list[str]:
    def line(kind, begin, end, phase, attributes):
        return f"{contig}\ttest\t{kind}\t{start + begin + 1}\t{start + end}\t.\t{strand}\t{phase}\t{attributes}"

    lines = [
        line("gene", 0, size, ".", f"ID=gene:{gene}"),
        line("mRNA", 0, size, ".", f"ID=mrna:{gene};Parent=gene:{gene}"),
    ]
    lines += [line("exon", begin, end, ".", f"Parent=mrna:{gene}") for begin, end in sorted(exons)]
    # coding parts are listed 5' to 3'; the phase is what is left of the codon before
    done = 0
    for begin, end in coding:
        lines.append(line("CDS", begin, end, -done % 3, f"ID=cds:{gene};Parent=mrna:{gene}"))
        done += end - begin
    return lines


def known_variants(contigs: dict[str, str]) -> str:
    """A VCF with what users have: SNVs, indels, several alleles, a wrong REF, a contig that the genome lacks."""
    lines = ["##fileformat=VCFv4.2", '##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency">']
    lines += [f"##contig=<ID={name}>" for name in [*contigs, "chrZ"]]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for name, sequence in contigs.items():
        for position in range(1000, 11_000, 500):
            ref = sequence[position]
            others = [base for base in "ACGT" if base != ref]
            alt = ",".join(others[:2]) if position % 1500 == 0 else others[0]
            frequencies = ",".join(["0.1"] * len(alt.split(",")))
            lines.append(f"{name}\t{position + 1}\t.\t{ref}\t{alt}\t.\tPASS\tAF={frequencies}")
        lines.append(f"{name}\t12001\tdeletion\t{sequence[12_000:12_003]}\t{sequence[12_000]}\t.\t.\t.")
        wrong = next(base for base in "ACGT" if base != sequence[13_000])
        lines.append(f"{name}\t13001\twrong_ref\t{wrong}\t{sequence[13_000]}\t.\t.\t.")
    lines.append("chrZ\t5\tno_contig\tA\tC\t.\t.\t.")
    return "\n".join(lines) + "\n"


def known_labels(vcf: str) -> str:
    """A table that labels the first allele of every record of a VCF that has no ID, by turns bad and good."""
    rows = [line.split("\t") for line in vcf.splitlines() if not line.startswith("#")]
    unnamed = [(row[0], row[1], row[3], row[4].split(",")[0]) for row in rows if row[2] == "."]
    lines = ["\t".join([*row, ("good", "bad")[number % 2]]) for number, row in enumerate(unnamed)]
    return "\n".join(["chrom\tpos\tref\talt\tlabel", *lines]) + "\n"


def write_track(path: Path, rng: np.random.Generator) -> None:
    """A bigWig with a value for every base of the first contig."""
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader(list(LENGTHS.items()))
        track.addEntries("chrA", 0, values=rng.normal(size=LENGTHS["chrA"]).tolist(), span=1, step=1)


@dataclass
class Study:
    """A folder with a configuration, in which Snakemake is run."""

    folder: Path

    @classmethod
    def generate(cls, folder: Path) -> "Study":
        """The study before anything ran, written into a folder."""
        study = cls(folder)
        rng = np.random.default_rng(5)
        contigs = study.write_genome("toy", rng)
        known = known_variants(contigs)
        (study / "known.vcf").write_text(known)
        (study / "labels.tsv").write_text(known_labels(known))
        write_track(study / "track.bw", rng)
        (study / "genomes.tsv").write_text(GENOMES)
        (study / "variants.tsv").write_text(VARIANTS)
        (study / "part.bed").write_text(REGIONS)
        (study / "repeats.csv").write_text(labelled_sequences(rng, 120))
        study.configure()
        return study

    def snakemake(
        self, *arguments: str, snakefile: Path = ROOT / "Snakefile", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile]
        command += ["--configfile", "config.yaml", "--cores", "2", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=os.environ | (env or {}), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip

    def jobs(self, *arguments: str, snakefile: Path = ROOT / "Snakefile") -> dict[str, int]:
        """How many jobs of each rule a dry run would start."""
        run = self.snakemake("--dry-run", *arguments, snakefile=snakefile)
        assert run.returncode == 0, run.stdout
        counts = {}
        inside = False
        for line in run.stdout.splitlines():
            fields = line.split()
            if fields == ["job", "count"]:
                inside = True
            elif inside and len(fields) == 2 and fields[1].isdigit():
                counts[fields[0]] = int(fields[1])
            elif inside and not fields:
                inside = False
        counts.pop("total", None)
        return counts

    def configure(self, **changes) -> None:
        """Write the configuration, with other values for some of its top keys."""
        config = CONFIG | changes
        if not config["tasks"] and "interpretation" not in changes:
            # loci cannot be put to the heads of tasks that are not there
            config["interpretation"] = {"genes": CONFIG["interpretation"]["genes"] | {"tasks": []}}
        if not config["tasks"] and "predictions" not in changes:
            config["predictions"] = {}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def write_genome(self, name: str, rng: np.random.Generator) -> dict[str, str]:
        """Write `name`.fa and `name`.gff3 of a generated genome; return the sequences of its contigs."""
        contigs, lines = {}, ["##gff-version 3"]
        for contig, length in LENGTHS.items():
            contigs[contig], features = make_contig(rng, contig, length)
            lines += features
        (self / f"{name}.fa").write_text("".join(f">{contig}\n{text}\n" for contig, text in contigs.items()))
        (self / f"{name}.gff3").write_text("\n".join(lines) + "\n")
        return contigs

    def copy(self, folder: Path) -> "Study":
        """The study and its results elsewhere, with the times of all files."""
        shutil.copytree(self.folder, folder, copy_function=shutil.copy2, dirs_exist_ok=True)
        return Study(folder)

    def __truediv__(self, path: str) -> Path:
        return self.folder / path
