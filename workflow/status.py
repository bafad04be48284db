"""What of a study is done and what is left, in a few lines: `python workflow/status.py --configfile config.yaml`.

Asks `snakemake --summary`, which takes the same options, and counts by what a user knows: genomes, models, and so on.
"""

import csv
import subprocess
import sys
from pathlib import Path, PurePath

SNAKEFILE = Path(__file__).resolve().parents[1] / "Snakefile"
# folders of the results tree, and how many of the names below one say what it is about
KINDS = {
    "genomes": 1, "corpora": 1, "tokenizers": 1, "models": 1, "sweeps": 1, "embeddings": 2, "tasks": 2, "variants": 1
}  # fmt: skip
Progress = dict[str, dict[str, bool]]


def summary(arguments: list[str]) -> list[dict[str, str]]:
    """A row for each file of the study: output_file, rule, status and plan among others."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", SNAKEFILE, "--summary", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(run.stderr)
    header = run.stdout.index("output_file\t")
    return list(csv.DictReader(run.stdout[header:].splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def results_folder(rows: list[dict[str, str]]) -> PurePath:
    return next(PurePath(row["output_file"]).parent for row in rows if row["rule"] == "write_report")


def progress(rows: list[dict[str, str]]) -> Progress:
    """By kind and name whether Snakemake would make no file of it; one that nothing needs any more may be gone."""
    results = results_folder(rows)
    found: Progress = {kind: {} for kind in [*KINDS, "report"]}
    for row in rows:
        kind, *names = PurePath(row["output_file"]).relative_to(results).parts
        name = "/".join(names[: KINDS.get(kind, 0)])
        kind = kind if kind in KINDS else "report"
        done = row["plan"] == "no update"
        found[kind][name] = found[kind].get(name, True) and done
    return found


def lines(found: Progress, results: Path) -> list[str]:
    """A table of what is done, with the names of what is not; models that have a checkpoint are marked."""
    shown = [f"{'':12}{'done':>6}{'to do':>7}"]
    for kind, things in found.items():
        if things:
            left = [name for name, done in things.items() if not done]
            row = f"{kind:12}{len(things) - len(left):6}{len(left):7}  {', '.join(_named(kind, left, results))}"
            shown.append(row.rstrip())
    return shown


def _named(kind: str, names: list[str], results: Path) -> list[str]:
    begun = {name for name in names if kind == "models" and (results / "models/.state" / name / "last.ckpt").exists()}
    return [f"{name} (goes on from a checkpoint)" if name in begun else name for name in names]


if __name__ == "__main__":
    files = summary(sys.argv[1:])
    print("\n".join(lines(progress(files), Path(results_folder(files)))))
