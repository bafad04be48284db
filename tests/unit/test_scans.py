"""Scans against a plain loop over sites; how they are cut; tracks against another reader of bigWig."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyBigWig
import pytest
from tiny_corpus import random_sequence
from tiny_models import random_network
from tiny_tokens import tiny_encoding

from genoglot.corpus.markov import MarkovModel
from genoglot.errors import InputError
from genoglot.model import sites as model_sites
from genoglot.model.folder import save_model
from genoglot.model.inference import Predictor
from genoglot.model.sites import site_log_probabilities
from genoglot.scans import gather, plan, tracks
from genoglot.scans.gather import gather_scan
from genoglot.scans.plan import part_of, plan_scan
from genoglot.scans.scan import scan_sites

CONTIGS = {
    "c10": random_sequence(230, 1) + "N" * 60 + random_sequence(40, 2).lower(),
    "empty": "N" * 30,
    "c2": random_sequence(90, 3),
    "tiny": "ACGTNA",
}
BLOCK = 64
SETTINGS = {"batch_size": 16, "precision": "float32"}
NAMES = "name\tcontig\nc10\tc10\nchr10\tc10\nempty\tempty\nc2\tc2\nNC_2.1\tc2\ntiny\ttiny\nMT\t\n"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Blocks and row groups of which a tiny genome has several."""
    monkeypatch.setattr(plan, "BLOCK", BLOCK)
    monkeypatch.setattr(model_sites, "BLOCK", BLOCK)
    monkeypatch.setattr(gather, "ROWS", 100)
    monkeypatch.setattr(tracks, "BATCH", 70)


@pytest.fixture
def scan(request, make_genome, tmp_path):
    """Run a scan in so many parts, by a cloze model where a test names no other; return where its files are."""
    encoding = tiny_encoding("single", make_genome, tmp_path)
    save_model(random_network(getattr(request, "param", "cloze"), encoding, 32), encoding, tmp_path / "model", 32)
    table = np.log(np.random.default_rng(0).dirichlet(np.ones(4), 16)).astype(np.float32)
    MarkovModel({"both": table, "left": table[:1]}, table[0]).save(tmp_path / "markov.safetensors")
    genome = make_genome(CONTIGS)
    (tmp_path / "names.tsv").write_text(NAMES)
    (tmp_path / "regions.bed").write_text(
        "c10\t0\t100\tCDS\nc10\t100\t330\tintergenic\nempty\t0\t30\tintergenic\nc2\t0\t90\tCDS\ntiny\t0\t6\tpromoter\n"
    )

    def run(parts: int = 1, contigs=None, bed: str | None = None, folder: str = "out", mode: str = "exact"):
        target = tmp_path / folder
        where = {"contigs": contigs, "bed": None, "names": tmp_path / "names.tsv"}
        if bed is not None:
            where["bed"] = tmp_path / "scan.bed"
            where["bed"].write_text(bed)
        pieces = [target / f"{part}.parquet" for part in range(1, parts + 1)]
        for part, path in enumerate(pieces, start=1):
            scan_sites(
                tmp_path / "model", tmp_path / "markov.safetensors", genome.folder, path,
                {**SETTINGS, "mode": mode}, 1, part, parts, **where,
            )  # fmt: skip
        gather_scan(
            pieces, genome.folder, tmp_path / "regions.bed", target / "m.parquet",
            {measure: target / f"m.{measure}.bw" for measure in ("max", "mean")}, target / "m.json", {"model": "m"},
            **where,
        )  # fmt: skip
        return target

    run.folder, run.genome, run.markov = tmp_path, genome, table
    return run


def plain(scan, sites: list[tuple[str, int]]) -> pd.DataFrame:
    """The table of a scan, one site after another."""
    predictor = Predictor.open(scan.folder / "model", SETTINGS, 1)
    rows = []
    for contig, position in sites:
        sequence = CONTIGS[contig].upper()
        number = list(CONTIGS).index(contig)
        values = site_log_probabilities(predictor, scan.genome, np.array([number]), np.array([position]))[0]
        shares = np.exp(values.astype(float)) / np.exp(values.astype(float)).sum()
        sides = ("N" + sequence + "N")[position : position + 3]
        beside = 4 * "ACGT".find(sides[0]) + "ACGT".find(sides[2]) if "N" not in (sides[0], sides[2]) else 0
        row = {"contig": contig, "pos": position, "ref": sequence[position]}
        reference = "ACGT".index(sequence[position])
        for number, base in enumerate("ACGT"):
            other = number != reference
            row[f"llr_{base}"] = values[number] - values[reference] if other else np.nan
            markov = scan.markov[beside]
            row[f"markov_llr_{base}"] = markov[number] - markov[reference] if other else np.nan
        row["entropy"] = -(shares * np.log(shares)).sum()
        rows.append(row)
    return pd.DataFrame(rows)


def bases(contig: str) -> list[tuple[str, int]]:
    return [(contig, place) for place, base in enumerate(CONTIGS[contig]) if base not in "Nn"]


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False, atol=1e-4, rtol=0)


def test_every_base_has_the_scores_of_a_plain_loop(scan):
    out = scan()
    sites = [site for contig in CONTIGS for site in bases(contig)]
    table = pq.read_table(out / "m.parquet")
    assert list(zip(table["contig"].to_pylist(), table["pos"].to_pylist(), strict=True)) == sites
    same(table.to_pandas()[::5].reset_index(drop=True), plain(scan, sites[::5]))
    assert table["llr_A"].null_count == table["ref"].to_pylist().count("A")
    assert [pq.ParquetFile(out / "m.parquet").metadata.row_group(row).num_rows for row in range(4)] == [
        100,
        100,
        100,
        65,
    ]
    region = pq.read_table(out / "m.parquet", filters=[("contig", "=", "c2"), ("pos", ">=", 20), ("pos", "<", 30)])
    assert region["pos"].to_pylist() == list(range(20, 30))


@pytest.mark.parametrize("scan", ["convnet", "decoder"], indirect=True)
def test_models_that_read_a_window_for_each_site_or_base(scan):
    out = scan(bed="c10\t0\t5\nc10\t225\t235\nc2\t62\t66\ntiny\t2\t6\n")
    sites = [("c10", place) for place in (*range(5), *range(225, 230))] + [("c2", place) for place in range(62, 66)]
    same(pd.read_parquet(out / "m.parquet"), plain(scan, [*sites, ("tiny", 2), ("tiny", 3), ("tiny", 5)]))


@pytest.mark.parametrize("scan", ["convnet", "encoder"], indirect=True)
def test_sites_that_share_windows_have_the_scores_of_one_call_on_the_contig(scan):
    table = pd.read_parquet(scan(mode="packed") / "m.parquet")
    predictor = Predictor.open(scan.folder / "model", SETTINGS, 1)
    for number, contig in enumerate(CONTIGS):
        places = np.array([place for _, place in bases(contig)], dtype=int)
        values = site_log_probabilities(predictor, scan.genome, np.full(len(places), number), places, mode="packed")
        found = table.loc[table["contig"] == contig, ["llr_A", "llr_C", "llr_G", "llr_T"]].to_numpy()
        letters = np.array(["ACGT".index(CONTIGS[contig][place].upper()) for place in places], dtype=int)
        expected = values - np.take_along_axis(values, letters[:, None], axis=1)
        np.testing.assert_allclose(np.nan_to_num(found), expected, atol=1e-4)


@pytest.mark.parametrize("scan", ["cloze", "convnet"], indirect=True)
def test_the_number_of_parts_changes_no_byte(scan):
    names = ("m.parquet", "m.max.bw", "m.mean.bw", "m.json")
    out = scan(mode="packed")
    whole = [(out / name).read_bytes() for name in names]
    for parts in (3, 9):
        out = scan(parts, folder=f"in-{parts}", mode="packed")
        assert [(out / name).read_bytes() for name in names] == whole


def test_tracks_are_what_the_table_says(scan):
    out = scan()
    table = pd.read_parquet(out / "m.parquet").set_index(["contig", "pos"])
    llr = table[["llr_A", "llr_C", "llr_G", "llr_T"]]
    for measure, expected in (("max", (-llr).max(axis=1)), ("mean", (-llr).mean(axis=1))):
        with pyBigWig.open(str(out / f"m.{measure}.bw")) as track:
            assert track.chroms() == {name: len(CONTIGS[name]) for name in ("c10", "c2", "tiny")}
            assert track.header()["nLevels"] > 0
            for contig in track.chroms():
                values = np.array(track.values(contig, 0, len(CONTIGS[contig])))
                known = [base not in "Nn" for base in CONTIGS[contig]]
                np.testing.assert_array_equal(np.isfinite(values), known)
                np.testing.assert_allclose(values[known], expected.loc[contig], atol=1e-5)


def test_the_summary_counts_sites_and_describes_classes(scan):
    out = scan(2)
    summary = json.loads((out / "m.json").read_text())
    assert (summary["model"], summary["positions"], summary["unknown"]) == ("m", 365, 91)
    assert summary["contigs"][1] == {"contig": "empty", "positions": 0, "unknown": 30}
    table = pd.read_parquet(out / "m.parquet")
    worst = (-table[["llr_A", "llr_C", "llr_G", "llr_T"]]).max(axis=1)
    chain = (-table[["markov_llr_A", "markov_llr_C", "markov_llr_G", "markov_llr_T"]]).mean(axis=1)
    coding = (table["contig"] == "c2") | ((table["contig"] == "c10") & (table["pos"] < 100))
    classes = {row["class"]: row for row in summary["classes"]}
    assert list(classes) == ["CDS", "promoter", "intergenic"]
    assert [row["positions"] for row in classes.values()] == [190, 5, 170]
    found = classes["CDS"]
    assert found["max"]["mean"] == pytest.approx(worst[coding].mean(), abs=1e-4)
    assert found["markov_mean"]["mean"] == pytest.approx(chain[coding].mean(), abs=1e-4)
    for name, share in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
        expected = np.quantile(worst[coding], share, method="inverted_cdf")
        assert found["max"][name] == pytest.approx(expected, abs=0.006)


def test_regions_and_contigs_by_any_of_their_names(scan):
    bed = "chr10\t220\t240\nc10\t60\t70\nNC_2.1\t85\t90\nMT\t0\t5\nc10\t65\t72\n"
    out = scan(3, bed=bed)
    sites = [("c10", place) for place in (*range(60, 72), *range(220, 230))] + [
        ("c2", place) for place in range(85, 90)
    ]
    same(pd.read_parquet(out / "m.parquet"), plain(scan, sites))
    assert json.loads((out / "m.json").read_text())["unknown"] == 10
    out = scan(1, ["NC_2.1"], bed, "one")
    assert pd.read_parquet(out / "m.parquet")["pos"].tolist() == list(range(85, 90))
    out = scan(1, ["chr10", "tiny"], folder="two")
    assert list(pd.read_parquet(out / "m.parquet")["contig"].unique()) == ["c10", "tiny"]


@pytest.mark.parametrize(
    ("contigs", "bed", "words"),
    [
        (["c10", "chr9"], None, "scan: the genome has no contig chr9; it has c10, empty"),
        (["MT"], None, "no contig MT"),
        (None, "c2\t80\t91\n", "line 1: c2 80 91 reaches past the end of the contig, which has 90 bases"),
        (None, "c2\t0\t9\nchr9\t1\t5\n", "line 2: the genome has no contig 'chr9'"),
        (None, "# nothing\n", "holds no intervals"),
        (None, "MT\t0\t5\n", "there is no region to scan"),
        (["c2"], "c10\t0\t5\n", "there is no region of c2 to scan"),
        (None, "c10\t240\t250\nempty\t0\t9\n", "all bases of the regions to scan are N"),
    ],
)
def test_what_cannot_be_scanned_is_refused_and_leaves_nothing(scan, contigs, bed, words):
    with pytest.raises(InputError, match=words):
        scan(1, contigs, bed)
    assert not list((scan.folder / "out").glob("m.*"))


def test_a_track_that_cannot_be_written_is_an_error(scan, monkeypatch):
    def stop(batch, names):
        raise ValueError("a batch that cannot be read")

    monkeypatch.setattr(tracks, "ratios", stop)
    with pytest.raises(OSError, match="0 of 365 sites could be written"):
        scan()
    assert not list((scan.folder / "out").glob("m.*"))


def test_stretches_hold_a_block_and_do_not_depend_on_other_contigs(make_genome):
    genome = make_genome(CONTIGS)
    whole = plan_scan(genome)
    size = (whole["end"] - whole["start"]).groupby(whole["stretch"]).sum()
    assert size.max() <= BLOCK
    # the blocks of a contig that begins by itself are alone; what is left of one goes with the contigs after it
    assert whole.groupby("stretch")["number"].unique().map(list).tolist() == [[0]] * 5 + [[0, 1], [2], [2, 3]]
    assert (whole["start"] // BLOCK == (whole["end"] - 1) // BLOCK).all()
    covered = np.zeros(456, dtype=int)
    offset = genome.contigs["offset"].to_numpy()
    for row in whole.itertuples():
        covered[offset[row.number] + row.start : offset[row.number] + row.end] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 20])
def test_parts_are_whole_stretches_of_about_equal_length(make_genome, parts):
    whole = plan_scan(make_genome(CONTIGS))
    pieces = [part_of(whole, part, parts) for part in range(1, parts + 1)]
    assert pd.concat(pieces).equals(whole)
    assert all(set(one["stretch"]).isdisjoint(other["stretch"]) for one, other in pairwise(pieces))
    sizes = [int((piece["end"] - piece["start"]).sum()) for piece in pieces]
    assert max(sizes) <= 456 / parts + BLOCK
