"""The report in a real browser: what a reader sees, clicks, selects and downloads, with no request and no complaint."""

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import Browser, needs_browser
from report_manifest import write_json, write_manifest

from genoglot.report.page import write_report
from genoglot.report.palette import REGION_COLOURS

pytestmark = needs_browser
UMAP = "#plot-umap-0"


def with_corners(path):
    """Windows of CDS to the left and others to the right, where drags of the tests find them; returns the table."""
    table = pd.read_parquet(path)
    random = np.random.default_rng(0)
    coding = table["region"] == "CDS"
    table["umap_1"] = np.where(coding, -5, 5) + random.random(len(table))
    table["umap_2"] = random.random(len(table))
    table["start"] = np.arange(len(table)) * 256 + 1_000_000
    table["end"] = table["start"] + 512
    table.to_parquet(path)
    return table


@pytest.fixture
def manifest(tmp_path):
    return write_manifest(tmp_path / "results")


@pytest.fixture
def open_report(tmp_path):
    """Writes the report of a manifest and opens it; when the test is over, the page must not have complained."""
    browsers = []

    def opened(manifest, options=()):
        html = tmp_path / "results" / "report.html"
        write_report(html, manifest)
        browser = Browser(tmp_path / "browser", options=options)
        browsers.append(browser)
        browser.open(html.as_uri())
        return browser

    yield opened
    for browser in browsers:
        with browser:
            browser.evaluate("new Promise((done) => setTimeout(done, 200))")
            assert browser.complaints == []
            assert {address.split(":")[0] for address in browser.requests} <= {"file", "data", "blob", "about"}


def drawn(browser, count):
    browser.wait(f"document.querySelector('{UMAP}').dataset.drawn === '{count}'")


def pixels(browser, colour):
    """How many pixels of the map have a colour, give or take the edges of points."""
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return browser.evaluate(
        f"""(() => {{
            const canvas = document.querySelector("{UMAP} canvas");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const near = (at) => {json.dumps(wanted)}.every((value, side) => Math.abs(data[at + side] - value) < 8);
            let found = 0;
            for (let at = 0; at < data.length; at += 4) {{ found += data[at + 3] > 128 && near(at) ? 1 : 0; }}
            return found;
        }})()"""
    )


def corners(browser):
    """The left half of the map from corner to corner."""
    browser.middle(f"{UMAP} canvas")
    left, top, right, bottom = browser.evaluate(
        f"(() => {{ const r = document.querySelector('{UMAP} canvas').getBoundingClientRect();"
        "return [r.left, r.top, r.right, r.bottom]; })()"
    )
    return left + 3, top + 3, (left + right) / 2, bottom - 3


def cells(browser, table):
    script = (
        f"Array.from(document.querySelectorAll('{UMAP} .{table} tbody tr'), "
        "(row) => Array.from(row.cells, (cell) => cell.textContent))"
    )
    return browser.evaluate(script)


def test_every_figure_is_drawn(open_report, manifest):
    browser = open_report(manifest)
    drawn(browser, 200)
    assert browser.evaluate("document.querySelectorAll('.plot').length") == 9
    browser.wait("document.querySelectorAll('.plot:has(.main-svg)').length === 9")
    browser.wait("document.querySelectorAll('.violinlayer path').length > 0")
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("options", [(), ("--disable-3d-apis",)], ids=["webgl", "without webgl"])
def test_a_click_on_the_legend_hides_a_class(open_report, manifest, options):
    table = with_corners(manifest["embeddings"][0]["umap"])
    browser = open_report(manifest, options)
    works = browser.evaluate("Boolean(document.createElement('canvas').getContext('webgl2'))")
    assert works == (not options)
    sizes = table["region"].value_counts()
    drawn(browser, 200)
    assert pixels(browser, REGION_COLOURS["CDS"]) > 200
    others = pixels(browser, REGION_COLOURS["intergenic"])
    assert others > 200
    browser.click(f"{UMAP} [data-entry=CDS]")
    drawn(browser, sizes["intergenic"])
    assert pixels(browser, REGION_COLOURS["CDS"]) == 0
    assert pixels(browser, REGION_COLOURS["intergenic"]) == pytest.approx(others, rel=0.1)
    browser.click(f"{UMAP} [data-entry=CDS]")
    drawn(browser, 200)
    assert pixels(browser, REGION_COLOURS["CDS"]) > 200


@pytest.mark.parametrize("tool", ["box", "lasso"])
def test_windows_that_are_drawn_around_are_listed_and_downloaded(open_report, manifest, tmp_path, tool):
    table = with_corners(manifest["embeddings"][0]["umap"])
    coding = table[table["region"] == "CDS"]
    browser = open_report(manifest)
    drawn(browser, 200)
    browser.click(f"{UMAP} [data-tool={tool}]")
    left, top, right, bottom = corners(browser)
    around = [(left, top), (right, top), (right, bottom), (left, bottom)]
    browser.drag([around[0], around[2]] if tool == "box" else around)
    status = browser.evaluate(f"document.querySelector('{UMAP} .map-status').textContent")
    assert status == f"{len(coding)} of 200 windows selected."
    counts = cells(browser, "map-counts")
    assert [row[:4] for row in counts] == [
        ["CDS", str(len(coding)), str(len(coding)), "100.0%"],
        ["intergenic", "0", str(200 - len(coding)), "0.0%"],
    ]
    assert float(counts[0][5]) == pytest.approx(200 / len(coding), abs=0.01)
    first = coding.iloc[0]
    row = cells(browser, "map-windows")[0]
    assert row[:3] == ["chrI", f"{first.start:,}", f"{first.end:,}"]
    assert row[3].startswith(f"chrI:{first.start + 1}-{first.end} ")
    browser.click(f"{UMAP} .download")
    bed = browser.downloads / "yeast.demo.selected.bed"
    end = time.monotonic() + 30
    while not bed.exists() or not bed.read_text():
        assert time.monotonic() < end, "nothing was downloaded"
        time.sleep(0.1)
    expected = "".join(
        f"chrI\t{start}\t{end}\tCDS\n" for start, end in zip(coding["start"], coding["end"], strict=True)
    )
    assert bed.read_text() == expected


def test_a_click_selects_a_window_and_leads_to_a_browser(open_report, manifest):
    table = with_corners(manifest["embeddings"][0]["umap"])
    table.loc[table.index[0], ["umap_1", "umap_2"]] = [0, 6]
    table.to_parquet(manifest["embeddings"][0]["umap"])
    manifest["browser_url"] = "https://example.org/{genome}?at={contig}:{start}-{end}"
    browser = open_report(manifest)
    drawn(browser, 200)
    # a lone point at the top
    x, y = browser.evaluate(
        f"""(() => {{
            const map = document.querySelector("{UMAP}").windowMap;
            const [panel] = map.panels;
            panel.canvas.scrollIntoView({{block: "center", behavior: "instant"}});
            const [right, down] = map.pixels(panel)(0);
            const frame = panel.canvas.getBoundingClientRect();
            return [frame.left + right, frame.top + down];
        }})()"""
    )
    browser.drag([(x, y), (x, y)])
    assert len(cells(browser, "map-windows")) == 1
    href = browser.evaluate(f"document.querySelector('{UMAP} .map-windows a').href")
    assert href == "https://example.org/yeast?at=chrI:1000001-1000512"


def test_colours_and_axes_can_be_changed(open_report, manifest):
    entry = manifest["embeddings"][0]
    pd.read_parquet(entry["umap"]).assign(cluster=[-1, 0] * 100, perplexity=1.5).to_parquet(entry["umap"])
    browser = open_report(manifest)
    drawn(browser, 200)

    def choose(place, value):
        script = f"const select = document.querySelectorAll('{UMAP} select')[{place}]; select.value = '{value}';"
        browser.evaluate(f"{{ {script} select.dispatchEvent(new Event('change')); }}")

    choose(0, "cluster")
    labels = f"Array.from(document.querySelectorAll('{UMAP} [data-entry]'), (each) => each.textContent)"
    assert browser.evaluate(labels) == ["noise (100)", "cluster 0 (100)"]
    choose(0, "gc")
    assert browser.evaluate(f"document.querySelector('{UMAP} .map-range').textContent").startswith("≤ ")
    choose(1, "PCA")
    browser.wait(f"document.querySelector('{UMAP} .map-axes').textContent.includes('component 1')")
    drawn(browser, 200)


def test_a_genome_without_annotation_has_a_map_coloured_by_gc(open_report, manifest):
    entry = manifest["embeddings"][0]
    metrics = json.loads(Path(entry["metrics"]).read_text())
    unknown = {key: None for key in metrics if key.startswith("balanced_accuracy")}
    write_json(Path(entry["metrics"]), metrics | unknown | {"classes": {}, "why_no_accuracy": "there is none"})
    pd.read_parquet(entry["umap"]).assign(region="unannotated").to_parquet(entry["umap"])
    browser = open_report(manifest)
    drawn(browser, 200)
    assert browser.evaluate(f"document.querySelector('{UMAP} select').value") == "gc"
    assert browser.evaluate(f"Boolean(document.querySelector('{UMAP} .map-scale'))")
    colours = browser.evaluate(
        f"""(() => {{
            const canvas = document.querySelector("{UMAP} canvas");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const found = new Set();
            for (let at = 0; at < data.length; at += 4) {{
                if (data[at + 3] > 180) {{ found.add(data.slice(at, at + 3).join()); }}
            }}
            return found.size;
        }})()"""
    )
    assert colours > 50
