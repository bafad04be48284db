"""What the README draws is what the workflow is."""

import importlib.util
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_rule_graph_is_current():
    spec = importlib.util.spec_from_file_location("rulegraph", ROOT / "docs" / "rulegraph.py")
    rulegraph = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rulegraph)
    assert rulegraph.readme_with_graph() == rulegraph.README.read_text(), "run: python docs/rulegraph.py"
    assert rulegraph.reduce({("a", "b"), ("b", "c"), ("a", "c")}) == {("a", "b"), ("b", "c")}


def test_files_that_the_readme_links_to_exist():
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "config").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)", document.read_text()):
            if not link.startswith(("http://", "https://")):
                assert (document.parent / link).exists(), f"{document.name} links to {link}"


def test_the_catalogue_finds_what_it_looks_for():
    """The files of a workflow of standardized usage, and the keys that the catalogue reads."""
    for name in (
        "workflow/Snakefile",
        "config/README.md",
        "config/config.yaml",
        "LICENSE",
        "profiles/default/config.yaml",
    ):
        assert (ROOT / name).is_file(), name
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    assert set(usage["software-stack-deployment"]) == {"conda", "apptainer", "apptainer+conda"}
    # rules name environments for conda and no containers
    rules = "".join(path.read_text() for path in ROOT.glob("workflow/rules/*.smk"))
    assert usage["software-stack-deployment"]["conda"] == ("conda:" in rules)
    assert usage["software-stack-deployment"]["apptainer"] == ("container:" in rules)
