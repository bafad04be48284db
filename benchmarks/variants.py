"""What scoring a VCF costs, and how far sharing windows changes the scores.

    python benchmarks/variants.py speed MODEL MARKOV SEQUENCE VCF
    python benchmarks/variants.py agreement MODEL MARKOV SEQUENCE VCF
    python benchmarks/variants.py memory

MODEL is a model folder, MARKOV the markov.safetensors of its corpus, SEQUENCE a tokenized genome. `speed` scores SNVs
beside a plain loop: one string window for each variant and strand, one batch after another, in the precision named.
`agreement` compares the modes on labelled variants: its VCF is a genome's consequences.vcf.gz. `memory` is the peak of
5 and of 500 thousand records. Each measurement runs in a process of its own; results go to stdout as Markdown.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import THREADS, figure

SETTINGS = {"batch_size": 128, "precision": "float32", "flank": 32, "max_length": 128, "embedding_distance": False}
PLAIN = 1024  # variants of the plain loop, which takes long
BATCH = 64  # windows in a batch of it


def plain_loop(model: str, sequence: str, vcf: str, precision: str) -> dict:
    """The loop that everyone would write first; loading is not counted."""
    import torch

    from genoglot.genome.store import Genome, decode
    from genoglot.model.hardware import autocast, prepare
    from genoglot.model.language_model import load_language_model

    prepare(THREADS, "float32")
    network = load_language_model(Path(model))
    genome = Genome(Path(sequence))
    # as many bases before the site as after it, as the workflow has it
    size = network.window - 1 + network.window % 2
    texts = {name: "N" * size + decode(genome.contig(name)) + "N" * size for name in genome.contigs.index}
    token = {base: number for number, base in enumerate("ACGTN")} | {"?": 5}
    mates = str.maketrans("ACGTN?", "TGCAN?")
    records = _some(vcf, PLAIN)
    start = time.perf_counter()
    found: list[np.ndarray] = []
    with torch.inference_mode(), autocast(precision):
        for strand in range(2):
            values = []
            for first in range(0, len(records), BATCH):
                rows, refs, alts = [], [], []
                for record in records[first : first + BATCH]:
                    begin = record.position - size // 2 + size
                    window = texts[record.contig][begin : begin + size]
                    window = window[: size // 2] + "?" + window[size // 2 + 1 :]
                    alleles = record.ref + record.alts[0]
                    if strand:
                        window, alleles = window.translate(mates)[::-1], alleles.translate(mates)
                    rows.append([token[letter] for letter in window])
                    refs.append(token[alleles[0]])
                    alts.append(token[alleles[1]])
                place = size // 2 if not strand else size - 1 - size // 2
                table = network.logits(torch.tensor(rows), None)[:, place].float().log_softmax(-1).numpy()
                each = np.arange(len(rows))
                values.append(table[each, alts] - table[each, refs])
            found.append(np.concatenate(values))
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "variants": len(records), "scores": np.mean(found, axis=0).tolist()}


def _some(vcf: str, most: int) -> list:
    """At most so many records with one ALT, evenly taken."""
    from genoglot.variants.records import open_variants

    return _spread([record for record in open_variants(Path(vcf)).records() if len(record.alts) == 1], most)


def _spread(items: list, most: int) -> list:
    """At most so many items, evenly taken."""
    return [items[int(row)] for row in np.linspace(0, len(items) - 1, min(most, len(items)))]


def workflow(model: str, markov: str, sequence: str, vcf: str, mode: str, most: int) -> dict:
    """Split, score and gather as the workflow does, loading and writing included; of `most` variants, 0 for all."""
    import pyarrow.parquet as pq

    from genoglot.variants.gathering import gather_variants
    from genoglot.variants.records import open_variants
    from genoglot.variants.scoring import score_variants
    from genoglot.variants.splitting import split_variants

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = Path(vcf)
        if most:
            lines = [record.line.decode() for record in _some(vcf, most)]
            source = folder / "some.vcf"
            source.write_text("\n".join([*open_variants(Path(vcf)).header, *lines]) + "\n")
        start = time.perf_counter()
        chunk, report = folder / "chunk.vcf.gz", folder / "split.json"
        split_variants(source, Path(sequence), [chunk], report, None, 0.1)
        parts = [folder / f"part.{end}" for end in ("vcf.gz", "parquet", "json")]
        score_variants(
            chunk, Path(model), Path(markov), Path(sequence), *parts, "m", SETTINGS | {"mode": mode}, THREADS
        )
        outputs = [folder / f"all.{end}" for end in ("vcf.gz", "parquet", "json")]
        gather_variants(*([part] for part in parts), report, *outputs)
        seconds = time.perf_counter() - start
        table = pq.read_table(outputs[1]).to_pandas()
        keys = (table["contig"] + ":" + table["pos"].astype(str) + ":" + table["alt"]).tolist()
        return {"seconds": seconds, "variants": len(table), "scores": table["llr"].tolist(), "keys": keys}


def memory(records: int) -> dict:
    """Score a generated VCF of so many records with a tiny model."""
    from genoglot.corpus.markov import MarkovModel
    from genoglot.model.build import network_config
    from genoglot.model.folder import save_model
    from genoglot.network.modeling_genoglot import new_network
    from genoglot.tokens.encoding import SingleBase

    length, window = 10_000_000, 128
    with tempfile.TemporaryDirectory() as name:
        folder, rng = Path(name), np.random.default_rng(0)
        codes = rng.integers(0, 4, length).astype(np.uint8)
        np.save(folder / "bases.npy", codes)
        (folder / "contigs.tsv").write_text(f"contig\tlength\toffset\none\t{length}\t0\n")
        shape = {"type": "convnet", "size": "tiny", "dim": 16, "layers": 2}
        from genoglot.model.presets import resolve

        save_model(
            new_network(network_config(resolve(shape), SingleBase(), window)), SingleBase(), folder / "m", window
        )
        table = np.full((16, 4), np.log(0.25), dtype=np.float32)
        MarkovModel({"both": table, "left": table[:1]}, table[0]).save(folder / "markov.safetensors")
        with open(folder / "in.vcf", "w") as handle:
            handle.write("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
            for place in np.linspace(0, length - 1, records).astype(int).tolist():
                base = int(codes[place])
                handle.write(f"one\t{place + 1}\t.\t{'ACGT'[base]}\t{'ACGT'[base - 1]}\t.\t.\tAF=0.1\n")
        arguments = (folder / "m", folder / "markov.safetensors", folder, folder / "in.vcf")
        found = workflow(*map(str, arguments), "packed", 0)
    return {"seconds": found["seconds"], "variants": records, "scores": []}


def agreement(model: str, markov: str, sequence: str, vcf: str, mode: str) -> dict:
    """Scores of stop gained and synonymous variants, 2,500 of each, and which are which."""
    from genoglot.variants.records import open_variants

    opened = open_variants(Path(vcf))
    classes = [
        [record for record in opened.records() if f"CONSEQUENCE={name}" in record.info.split(";")]
        for name in ("stop_gained", "synonymous_variant")
    ]
    chosen = [_spread(records, 2500) for records in classes]
    lines = sorted((record.contig, record.position, record.line.decode()) for part in chosen for record in part)
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "some.vcf"
        source.write_text("\n".join([*opened.header, *(line for _, _, line in lines)]) + "\n")
        positive = ["CONSEQUENCE=stop_gained" in line for _, _, line in lines]
        return {**workflow(model, markov, sequence, str(source), mode, 0), "positive": positive}


def apart(function: str, *arguments: str) -> dict:
    """A measurement in a process of its own, with its peak memory in MiB."""
    run = subprocess.run([sys.executable, __file__, "child", function, *arguments], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{function} {' '.join(arguments)} failed:\n{run.stderr[-4000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def row(label: str, found: dict, baseline: dict | None = None, note: str = "") -> None:
    rate = found["variants"] / found["seconds"]
    ratio = f"{rate / (baseline['variants'] / baseline['seconds']):.1f}" if baseline else ""
    cells = [
        label,
        f"{found['variants']:,}",
        f"{found['seconds']:,.1f}",
        figure(rate),
        ratio,
        f"{found['peak']:,.0f}",
        note,
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def speed(paths: list[str]) -> None:
    from scipy.stats import spearmanr

    model, _, sequence, vcf = paths
    print("| measurement | variants | seconds | variants/s | to the plain loop in bfloat16 | peak MiB | |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    plain = apart("plain_loop", model, sequence, vcf, "bfloat16")
    row("plain loop, bfloat16", plain, plain)
    single = apart("plain_loop", model, sequence, vcf, "float32")
    row("plain loop, float32", single, plain)
    few = apart("workflow", *paths, "exact", str(PLAIN))
    row(
        "exact, the variants of the loop",
        few,
        plain,
        f"largest difference {np.abs(np.subtract(few['scores'], single['scores'])).max():.1e}",
    )
    exact = apart("workflow", *paths, "exact", "5000")
    row("exact", exact, plain)
    packed = apart("workflow", *paths, "packed", "0")
    found = dict(zip(packed["keys"], packed["scores"], strict=True))
    rank = spearmanr([found[key] for key in exact["keys"]], exact["scores"]).statistic
    row("packed, all", packed, plain, f"Spearman {rank:.4f} to exact on {len(exact['keys']):,}")


def compare(paths: list[str]) -> None:
    from sklearn.metrics import roc_auc_score

    for mode in ("exact", "packed"):
        found = apart("agreement", *paths, mode)
        auroc = roc_auc_score(found["positive"], -np.array(found["scores"]))
        print(
            f"{mode}: AUROC {auroc:.4f}, stop gained against synonymous, {len(found['positive']):,} variants",
            flush=True,
        )


def memories() -> None:
    small, large = apart("memory", "5000"), apart("memory", "500000")
    print("| records | seconds | peak MiB |\n| ---: | ---: | ---: |")
    for found in (small, large):
        print(f"| {found['variants']:,} | {found['seconds']:.1f} | {found['peak']:,.0f} |")
    print(f"difference: {large['peak'] - small['peak']:,.0f} MiB")


def child(function: str, arguments: list[str]) -> None:
    values = [int(argument) if argument.isdigit() else argument for argument in arguments]
    found = {"plain_loop": plain_loop, "workflow": workflow, "memory": memory, "agreement": agreement}[function](
        *values
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**found, "peak": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "agreement", "memory", "child"])
    parser.add_argument("arguments", nargs="*")
    given = parser.parse_args()
    if given.what == "child":
        child(given.arguments[0], given.arguments[1:])
    elif given.what == "memory":
        memories()
    elif len(given.arguments) != 4:
        parser.error("name a model folder, markov.safetensors, a tokenized genome and a VCF")
    else:
        {"speed": speed, "agreement": compare}[given.what](given.arguments)


if __name__ == "__main__":
    main()
