"""What the README draws is what the workflow is."""

import importlib.util
import re
from pathlib import Path

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
