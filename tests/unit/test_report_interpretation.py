"""The section of the report on loci."""

import pytest
from report_manifest import write_json, write_manifest
from report_page import report

KINDS = ("logo", "mutagenesis", "dependencies")
WHY = "the locus has 2,000 bases, and figures show at most 1,000"


def locus(number: int, **missing: str) -> dict:
    place = {"number": number, "name": f"chrI:{number + 1}-90", "file": f"{number:03d}_chrI", "variants": []}
    return {**place, "missing": missing}


@pytest.fixture
def page(tmp_path):
    manifest = write_manifest(tmp_path / "results")
    folder = tmp_path / "results/interpretation/genes/demo"
    loci = [locus(0, dependencies="it is long"), locus(1, figures=WHY), *(locus(number) for number in range(2, 7))]
    loci[0]["variants"] = ["chrI:40 A>C"]
    summary = write_json(folder / "loci.json", {"genome": "yeast", "model": "demo", "loci": loci})
    (folder / "figures").mkdir()
    pictures = {
        f"{number:03d}_chrI": {kind: f"data:image/png;base64,{kind}{number}" for kind in KINDS[: 3 if number else 2]}
        for number in (0, 2, 3)
    }
    (folder / "sites.parquet").touch()
    entry = {
        "name": "genes",
        "model": "demo",
        "summary": summary,
        "pictures": write_json(folder / "figures.json", pictures),
    }
    return report(tmp_path, {**manifest, "interpretation": [entry]})


def test_pictures_of_the_first_loci_are_in_the_page(page):
    pictures = [source for source in page.loads if source.startswith("data:image/png")]
    shown = [f"{kind}{number}" for number, kinds in ((0, 2), (2, 3), (3, 3)) for kind in KINDS[:kinds]]
    assert pictures == [f"data:image/png;base64,{name}" for name in shown]
    assert all(source.startswith("data:") for source in page.loads)


def test_what_is_not_shown_is_said(page):
    assert "Dependency map of chrI:3-90 of yeast by model demo" in page.words
    assert "chrI:1-90 lies around chrI:40 A>C" in page.words
    assert "chrI:1-90 has no dependencies: it is long." in page.words
    assert f"chrI:2-90 has no figures: {WHY}." in page.words
    assert "Figures of 3 more of its 7 loci are in the folder of figures" in page.words
    assert {link.rpartition("/")[2] for link in page.links if "interpretation" in link} == {
        "sites.parquet", "loci.json", "figures", "#interpretation"
    }  # fmt: skip


def test_a_study_without_loci_says_nothing_of_them(tmp_path):
    assert "Loci in detail" not in report(tmp_path, write_manifest(tmp_path / "results")).words
