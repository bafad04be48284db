"""The report in a real browser: figures are drawn, and the console has no complaint."""

import shutil
import subprocess

import pytest
from report_manifest import write_manifest

from genoglot.report.page import write_report

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((path for path in map(shutil.which, NAMES) if path), None)
# what Chromium says of a machine without a GPU
ABOUT_THE_MACHINE = ("software WebGL", "GPU stall", "GroupMarkerNotSet")


@pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(NAMES)} is on PATH to open the page with")
def test_figures_are_drawn_without_errors(tmp_path):
    html = tmp_path / "results" / "report.html"
    write_report(html, write_manifest(tmp_path / "results"))
    run = subprocess.run(
        [
            BROWSER,
            *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--enable-logging=stderr"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=8000", "--window-size=1280,2000"),
            # no name resolves: a request that leaves the machine would be an error on the console
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--dump-dom",
            html.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    complaints = [line for line in said if not any(words in line for words in ABOUT_THE_MACHINE)]
    assert complaints == []
    figures = run.stdout.count('class="plot js-plotly-plot"')
    assert figures == run.stdout.count("data-figure=") == 9
    assert run.stdout.count("main-svg") >= figures
    assert "<canvas" in run.stdout.split('id="plot-umap-0"')[1].split("</figure>")[0]
    assert 'class="violinlayer' in run.stdout
