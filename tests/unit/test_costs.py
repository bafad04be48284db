"""What a study cost, from benchmark files written as Snakemake writes them."""

import pytest

from genoglot.report.costs import Cost, costs_section, read_costs

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def row(seconds: float, memory: str, cpu: str) -> str:
    return f"{seconds}\t0:00:00\t{memory}\t1.0\t1.0\t1.0\t0.0\t0.0\t0.0\t{cpu}\n"


@pytest.fixture
def folder(tmp_path):
    files = {
        "train/a.tsv": HEADER + row(7000, "1500.00", "9000.5"),
        "train/deep/b.tsv": HEADER + row(200, "800.00", "100.0"),
        "quick/a.tsv": HEADER + row(0.2, "NA", "NA"),
        "report.tsv": HEADER + row(3, "90.40", "2.0"),
        # left by another workflow, and by a job that was killed
        "other/table.tsv": "name\tvalue\na\t1\n",
        "killed/a.tsv": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_costs_are_summed_by_rule_and_the_dearest_comes_first(folder):
    assert read_costs(folder) == [
        Cost("train", jobs=2, seconds=7200.0, longest=7000.0, cpu=9100.5, memory=1500.0),
        Cost("report", jobs=1, seconds=3.0, longest=3.0, cpu=2.0, memory=90.4),
        Cost("quick", jobs=1, seconds=0.2, longest=0.2, cpu=0, memory=None),
    ]


def test_the_table_has_them_in_words_with_the_sum(folder):
    (table,) = costs_section(read_costs(folder)).blocks
    assert table.rows == [
        ["train", "2", "2.0 h", "1.9 h", "2.5 h", "1.5 GB"],
        ["report", "1", "3 s", "3 s", "2 s", "90 MB"],
        ["quick", "1", "0 s", "0 s", "0 s", "n/a"],
        ["all (sum, or largest)", "4", "2.0 h", "1.9 h", "2.5 h", "1.5 GB"],
    ]


def test_no_benchmarks_are_said_to_be_missing(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        section = costs_section(read_costs(folder))
        assert not section.blocks
        assert "No benchmarks" in section.missing
