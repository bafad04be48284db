"""Genoglot inside another workflow: imported from a clone and from a tag, moved, fed, twice in one, and the example."""

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cyvcf2 import VCF
from tiny_study import CONFIG, OPTIONAL, ROOT, RULES, Study

EXAMPLE = ROOT / "examples/parent"
LIBRARY = {"PYTHONPATH": str(ROOT / "workflow/scripts")}
CONTIGS = "results/genomes/toy/sequence/contigs.tsv"
PROFILE = ("--workflow-profile", str(ROOT / "workflow/profiles/default"))

PARENT = """
module genoglot:
    snakefile: "{root}/Snakefile"
    config: config
    pathvars:
        results="glm/results",
        logs="glm/logs",
        benchmarks="glm/benchmarks",

use rule * from genoglot as glm_*

rule assemble:
    output: "toy.fa"
    shell: "touch {{output}}"

rule everything:
    input: rules.glm_all.input
    default_target: True
"""

TWICE = """
configfile: "config.yaml"

module one:
    snakefile: "{root}/Snakefile"
    config: config
    pathvars: results="one", logs="logs/one", benchmarks="benchmarks/one"
use rule * from one as one_*

module other:
    snakefile: "{root}/Snakefile"
    config: config | dict(seed=8)
    pathvars: results="other", logs="logs/other", benchmarks="benchmarks/other"
use rule * from other as other_*

rule both:
    input: rules.one_all.input, rules.other_all.input
    default_target: True
"""

IMPORTED = """
module genoglot:
    snakefile: {snakefile}
    config: config

use rule * from genoglot
"""


def parent(inputs: Study, folder: Path, text: str) -> Study:
    study = inputs.copy(folder)
    (study / "Snakefile").write_text(text)
    return study


def test_a_parent_imports_it_moves_it_and_feeds_it(inputs, tmp_path):
    study = parent(inputs, tmp_path, PARENT.format(root=ROOT))
    (study / "toy.fa").unlink()
    run = study.snakemake("--dry-run", snakefile=study / "Snakefile")
    assert run.returncode == 0, run.stdout
    assert re.search(r"^assemble +1$", run.stdout, re.M)
    for rule in set(RULES) - OPTIONAL:
        assert re.search(rf"^glm_{rule} +\d+$", run.stdout, re.M), rule
    assert "glm/results/models/small/model.safetensors" in run.stdout
    assert "glm/logs/pretrain_model/small.log" in run.stdout
    assert not re.search(r"(?<!glm/)\b(results|logs|benchmarks)/", run.stdout)


def test_two_studies_in_one_parent_keep_apart(inputs, tmp_path):
    study = parent(inputs, tmp_path, TWICE.format(root=ROOT))
    jobs = study.jobs(snakefile=study / "Snakefile")
    assert {jobs[f"{name}_pretrain_model"] for name in ("one", "other")} == {2}
    run = study.snakemake("--dry-run", "--summary", snakefile=study / "Snakefile")
    assert "one/models/small/model.safetensors" in run.stdout
    assert "other/models/small/model.safetensors" in run.stdout


def repository(folder: Path, library: bool) -> Path:
    """A Git repository of the workflow, tagged v0; with its library or without."""
    for name in ("workflow", "envs"):
        shutil.copytree(ROOT / name, folder / name)
    if not library:
        shutil.rmtree(folder / "workflow/scripts/genoglot")
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"], ["tag", "v0"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@needs_git
def test_from_a_host_where_the_library_is_installed(inputs, tmp_path):
    repo = repository(tmp_path / "repository", library=False)
    source = 'github("someone/genoglot", path="workflow/Snakefile", tag="v0")'
    study = parent(inputs, tmp_path / "parent", IMPORTED.format(snakefile=source))
    env = LIBRARY | {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repo}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/someone/genoglot",
    }
    run = study.snakemake(CONTIGS, snakefile=study / "Snakefile", env=env)
    assert run.returncode == 0, run.stdout
    assert (study / CONTIGS).read_text().startswith("contig\tlength")


@needs_git
def test_from_a_tag_of_a_clone(inputs, tmp_path):
    """What docs/module.md says of `git+file:`, its limits with it: should Snakemake lose one, the page must say so."""
    repo = repository(tmp_path / "repository", library=True)
    source = f'"git+file://{repo}/workflow/Snakefile@v0"'
    study = parent(inputs, tmp_path / "parent", IMPORTED.format(snakefile=source))

    def call(*options: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        return study.snakemake(CONTIGS, *options, snakefile=study / "Snakefile", env=env)

    assert "No module named 'genoglot'" in call(*PROFILE).stdout
    assert "expected str instance, LocalSourceFile found" in call("--workflow-profile", "none", env=LIBRARY).stdout
    # what is in the folder now is of no account
    (repo / "workflow/Snakefile").unlink()
    run = call(*PROFILE, env=LIBRARY)
    assert run.returncode == 0, run.stdout
    assert (study / CONTIGS).read_text().startswith("contig\tlength")


def run_example(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", "--snakefile", EXAMPLE / "Snakefile", "--cores", "2", *arguments]
    run = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert run.returncode == 0, run.stdout
    return run.stdout


def test_the_example_is_clean_as_it_is():
    assert "good condition" in run_example(EXAMPLE, "--lint")
    output = run_example(EXAMPLE, "--dry-run")
    for rule in ("unpack_genome", "normalise_calls", "annotate_calls", "glm_pretrain_model", "glm_write_report"):
        assert re.search(rf"^{rule} +1$", output, re.M), rule


def example_study(inputs: Study, folder: Path) -> dict[str, str]:
    """A configuration of the example's own in a folder, on the tiny genome; the sequences of its contigs."""
    (folder / "config").mkdir()
    for name in ("toy.fa", "toy.gff3"):
        shutil.copy2(inputs / name, folder / name)
    (folder / "config/genomes.tsv").write_text(
        f"genome\tfasta\tannotation\ndemo\tresults/genome.fa\t{folder / 'toy.gff3'}\n"
    )
    shutil.copy2(EXAMPLE / "config/variants.tsv", folder / "config")
    corpus = CONFIG["corpora"]["tiny"] | {"genomes": ["demo"]}
    study = {
        "genomes": "config/genomes.tsv",
        "variants": "config/variants.tsv",
        "corpora": {"tiny": corpus},
        "models": {"small": CONFIG["models"]["small"] | {"uses": ["variants"]}},
        "evaluation": CONFIG["evaluation"],
        "scoring": CONFIG["scoring"],
    }
    config = {"genome": "toy.fa", "calls": "mine.vcf", "genoglot": study}
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config))
    return dict(re.findall(r">(\w+)\n([ACGT]+)", (inputs / "toy.fa").read_text()))


def write_calls(path: Path, contigs: dict[str, str]) -> tuple[int, str, str]:
    """Two alleles in one record, and a deletion at the right end of a run; return it as it should come out."""
    sequence = contigs["chrB"]
    snv = sequence[899]
    others = [base for base in "ACGT" if base != snv]
    run = re.compile(r"([ACGT])(A{4,})[CGT]").search(sequence, 1000)
    first, last = run.start(2), run.end(2) - 1
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=chrA>", "##contig=<ID=chrB>"]
    lines += ["#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    lines += [f"chrB\t900\t.\t{snv}\t{others[0]},{others[1]}\t.\t.\t."]
    lines += [f"chrB\t{last}\t.\t{sequence[last - 1 : last + 1]}\t{sequence[last - 1]}\t.\t.\t."]
    path.write_text("\n".join(lines) + "\n")
    return first, sequence[first - 1 : first + 1], sequence[first - 1]


def genes_by_hand(gff: Path, contig: str, start: int, end: int) -> str:
    rows = [line.split("\t") for line in gff.read_text().splitlines() if not line.startswith("#")]
    inside = [
        row for row in rows if row[0] == contig and row[2] == "gene" and int(row[3]) - 1 < end and start < int(row[4])
    ]
    return ",".join(re.search("ID=([^;]+)", row[8]).group(1) for row in inside)


def test_the_example_runs_elsewhere_with_a_configuration_of_its_own_and_then_has_nothing_to_do(inputs, tmp_path):
    contigs = example_study(inputs, tmp_path)
    deletion = write_calls(tmp_path / "mine.vcf", contigs)
    run_example(tmp_path)
    with open(tmp_path / "results/calls.annotated.tsv") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    scored = list(VCF(str(tmp_path / "results/genoglot/variants/calls/small.vcf.gz")))
    assert [(row["ref"], row["alt"]) for row in rows] == [(call.REF, call.ALT[0]) for call in scored]
    assert (int(rows[2]["position"]), rows[2]["ref"], rows[2]["alt"]) == deletion
    for row, call in zip(rows, scored, strict=True):
        start = int(row["position"]) - 1
        assert row["genes"] == genes_by_hand(tmp_path / "toy.gff3", row["contig"], start, start + len(row["ref"]))
        assert row["llr"] == ("" if (score := call.INFO.get("GLM_LLR")) is None else f"{score:.4f}")
    assert rows[0]["llr"]
    assert {path.name for path in tmp_path.iterdir()} - {".snakemake"} == {
        "config", "toy.fa", "toy.gff3", "mine.vcf", "results", "logs", "benchmarks"
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "benchmarks").iterdir()} == {"genoglot"}
    assert "Nothing to be done" in run_example(tmp_path)
