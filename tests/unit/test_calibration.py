"""Calibration of scores: simulated scores whose distribution differs by context, and sites of a genome."""

import json
from itertools import product

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import kstest
from tiny_corpus import random_sequence
from tiny_models import MATES, random_network
from tiny_tokens import tiny_encoding

from genoglot.errors import InputError
from genoglot.genome.store import decode, encode
from genoglot.model.folder import save_model
from genoglot.model.inference import Predictor
from genoglot.model.sites import site_log_probabilities
from genoglot.variants.calibration import FEWEST, SHARES, Calibration, context
from genoglot.variants.neutral import calibrate_scores, draw_sites

TRIPLETS = ["".join(letters) for letters in product("ACGT", repeat=3)]


def folded(triplet: str, alternative: str) -> tuple[str, str]:
    """The substitution on the strand on which A or C is replaced, from text alone."""
    if triplet[1] in "AC":
        return triplet, alternative
    return triplet[::-1].translate(MATES), alternative.translate(MATES)


KINDS = sorted({folded(text, base) for text in TRIPLETS for base in "ACGT" if base != text[1]})


def simulate(triplets: list[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes and scores of sites: each of the 96 kinds has its own mean, spread and skew."""
    generator = np.random.default_rng(seed)
    codes = np.array([encode(text) for text in triplets])
    llr = np.full((len(triplets), 4), np.nan, dtype=np.float32)
    for alternative, base in enumerate("ACGT"):
        for row, text in enumerate(triplets):
            if text[1] != base:
                number = KINDS.index(folded(text, base))
                llr[row, alternative] = number / 10 - 5 + (1 + number % 7) * generator.gamma(2 + number % 3)
    return codes, llr


def each_alternative(codes: np.ndarray, llr: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    site, alternative = np.nonzero(np.isfinite(llr))
    return codes[site], alternative, llr[site, alternative]


@pytest.fixture(scope="module")
def simulated() -> Calibration:
    return Calibration.fit(*simulate(TRIPLETS * 400, 1))


def test_there_are_96_trinucleotide_kinds_6_without_neighbours_and_one_for_all(simulated):
    rows = pd.DataFrame({"context": simulated.contexts, "alt": simulated.alternatives, "n": simulated.n})
    assert rows["context"].str.len().value_counts().to_dict() == {3: 96, 1: 6, 0: 1}
    assert {tuple(row) for row in rows[rows["context"].str.len() == 3][["context", "alt"]].to_numpy()} == set(KINDS)
    # 400 sites of either strand; 16 contexts around each of the two bases
    assert rows.groupby(rows["context"].str.len())["n"].unique().map(list).to_dict() == {
        3: [800], 1: [12_800], 0: [76_800]
    }  # fmt: skip


def test_other_neutral_scores_are_standard_and_their_percentiles_uniform_in_every_kind(simulated):
    codes, alternative, llr = each_alternative(*simulate(TRIPLETS * 300, 2))
    calibrated, percentile = simulated.apply(codes, alternative, llr)
    names = [folded(decode(site), "ACGT"[base]) for site, base in zip(codes, alternative, strict=True)]
    frame = pd.DataFrame({"kind": names, "calibrated": calibrated, "percentile": percentile, "llr": llr})
    groups = frame.groupby("kind")
    assert len(groups) == 96
    # 600 scores of a kind: the standard error of their mean is 0.04, and that of their spread 0.06 for this skew
    assert groups["calibrated"].mean().abs().max() < 0.2
    assert (groups["calibrated"].std() - 1).abs().max() < 0.25
    # as they were, they differ by far more
    assert groups["llr"].mean().max() - groups["llr"].mean().min() > 10
    # with 96 tests, the smallest of uniform p-values is below 1e-5 in one case of a thousand
    assert min(kstest(group["percentile"], "uniform").pvalue for _, group in groups) > 1e-5
    assert kstest(percentile, "uniform").pvalue > 1e-3


def test_the_scores_it_was_made_of_have_mean_0_and_deviation_1():
    codes, llr = simulate(TRIPLETS * 60, 3)
    calibrated, _ = Calibration.fit(codes, llr).apply(*each_alternative(codes, llr))
    kinds = [folded(decode(a), "ACGT"[b]) for a, b, _ in zip(*each_alternative(codes, llr), strict=True)]
    groups = pd.Series(calibrated).groupby([KINDS.index(kind) for kind in kinds])
    assert len(groups) == 96
    np.testing.assert_allclose(groups.mean(), 0, atol=1e-5)
    np.testing.assert_allclose(groups.std(), 1, atol=1e-5)


def test_percentiles_are_shares_of_scores_no_higher():
    scores = np.concatenate([np.arange(150.0), np.full(50, 60.0)]).astype(np.float32)
    codes = np.tile(encode("ACG"), (200, 1))
    llr = np.full((200, 4), np.nan, dtype=np.float32)
    llr[:, 3] = scores
    calibration = Calibration.fit(codes, llr)
    asked = np.array([-1, 0, 10, 59.9, 60, 100, 148.9, 149, 200], dtype=np.float32)
    _, percentile = calibration.apply(np.tile(encode("ACG"), (9, 1)), np.full(9, 3), asked)
    expected = [(scores <= value).mean() for value in asked]
    np.testing.assert_allclose(percentile, expected, atol=0.011)
    assert percentile[0] == 0
    assert percentile[-2] == percentile[-1] == 1


def test_a_substitution_and_its_complement_are_one(simulated):
    codes, alternative, llr = each_alternative(*simulate(TRIPLETS, 4))
    turned = np.array([encode(decode(site)[::-1].translate(MATES)) for site in codes])
    for one, other in zip(
        simulated.apply(codes, alternative, llr), simulated.apply(turned, 3 - alternative, llr), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_rare_contexts_and_n_beside_the_site_take_fewer_bases_and_what_is_no_substitution_nothing():
    often, rare = ["AAC", "TCA"] * FEWEST, ["GAG"] * (FEWEST - 1)
    codes, llr = simulate(often + rare, 5)
    calibration = Calibration.fit(codes, llr)
    cases = ["AAC", "GAG", "NAC", "AAN", "NAN", "TTC", "GTT", "CTC", "TCA", "ANA", "AAC", "AAC"]
    alternative = np.array([1, 1, 1, 1, 1, 2, 2, 2, 3, 1, 0, 4])
    asked = np.array([encode(text) for text in cases])
    rows = calibration.kinds(asked, alternative)
    found = [(calibration.contexts[row], calibration.alternatives[row]) if row >= 0 else None for row in rows]
    a = ("A", "C")
    assert found == [("AAC", "C"), a, a, a, a, a, ("AAC", "C"), a, ("TCA", "T"), None, None, None]
    assert calibration.n[rows[1]] == 2 * FEWEST - 1
    calibrated, percentile = calibration.apply(asked, alternative, np.full(12, 1, dtype=np.float32))
    np.testing.assert_array_equal(np.isnan(calibrated), [text is None for text in found])
    np.testing.assert_array_equal(np.isnan(percentile), [text is None for text in found])
    assert np.isnan(calibration.apply(asked[:1], alternative[:1], np.array([np.nan]))).all()


def test_few_sites_are_all_one_kind_and_equal_scores_have_no_spread():
    codes, llr = simulate(["ACG", "TAA"], 6)
    llr[np.isfinite(llr)] = 2
    calibration = Calibration.fit(codes, llr)
    assert (calibration.contexts, calibration.n.tolist()) == ([""], [6])
    calibrated, percentile = calibration.apply(codes, np.array([3, 1]), np.array([2, 1], dtype=np.float32))
    assert np.isnan(calibrated).all()
    assert percentile.tolist() == [1, 0]
    with pytest.raises(ValueError, match="no neutral substitution has a score"):
        Calibration.fit(codes, np.full((2, 4), np.nan))


def test_five_bases_fall_back_to_three():
    codes, llr = simulate(TRIPLETS * 50, 7)
    wide = np.column_stack([np.zeros(len(codes), np.uint8), codes, np.full(len(codes), 2, np.uint8)])
    calibration = Calibration.fit(wide, llr)
    asked = np.array([encode("ACATG"), encode("TCATG"), encode("CATGT")])
    rows = calibration.kinds(asked, np.array([2, 2, 1]))
    assert [calibration.contexts[row] for row in rows] == ["CAT", "CAT", "CAT"]
    wide[:] = encode("ACATG")
    assert Calibration.fit(wide, llr[: len(wide)]).contexts[0] == "ACATG"


def test_the_file_gives_the_same_back(simulated, tmp_path):
    simulated.save(tmp_path / "c.parquet", {"seed": 3})
    read = Calibration.load(tmp_path / "c.parquet")
    substitutions = each_alternative(*simulate(TRIPLETS, 8))
    for one, other in zip(simulated.apply(*substitutions), read.apply(*substitutions), strict=True):
        np.testing.assert_array_equal(one, other)
    table = pq.read_table(tmp_path / "c.parquet")
    assert json.loads(table.schema.metadata[b"genoglot.calibration"])["seed"] == 3
    assert len(table["quantiles"][0]) == len(SHARES)
    pq.write_table(table.replace_schema_metadata(None), tmp_path / "c.parquet")
    with pytest.raises(InputError, match="no table of calibration"):
        Calibration.load(tmp_path / "c.parquet")


SEQUENCE = {"c1": random_sequence(400, 1) + "N" * 100 + random_sequence(300, 2), "c2": random_sequence(200, 3).lower()}
REGIONS = "c1\t0\t300\tintergenic\nc1\t300\t600\tCDS\nc1\t600\t800\tintergenic\nc2\t0\t200\tpromoter\n"


def test_sites_are_drawn_evenly_from_the_regions_and_never_twice(make_genome):
    genome = make_genome(SEQUENCE)
    table = pd.DataFrame({"contig": ["c2", "c1", "c1"], "start": [50, 390, 395], "end": [150, 450, 520]})
    allowed = {(0, place) for place in (*range(390, 400), *range(500, 520))} | {(1, place) for place in range(50, 150)}
    times = dict.fromkeys(allowed, 0)
    for seed in range(300):
        contigs, positions = draw_sites(genome, table, 40, seed)
        drawn = list(zip(contigs.tolist(), positions.tolist(), strict=True))
        assert drawn == sorted(set(drawn))
        assert len(drawn) == 40
        for site in drawn:
            times[site] += 1
    assert set(times) == allowed
    # 300 x 40 / 130 = 92 of each, with a standard deviation of 8
    assert 55 < min(times.values()) < max(times.values()) < 130
    assert len(draw_sites(genome, table, 1000, 1)[0]) == len(allowed)
    # few sites of many bases, which takes another way
    contigs, positions = draw_sites(genome, table, 2, 1)
    assert len(positions) == 2
    assert set(zip(contigs.tolist(), positions.tolist(), strict=True)) <= allowed


@pytest.fixture
def calibrate(make_genome, tmp_path):
    encoding = tiny_encoding("single", make_genome, tmp_path)
    save_model(random_network("convnet", encoding, 32), encoding, tmp_path / "model", 32)
    genome = make_genome(SEQUENCE)
    (tmp_path / "names.tsv").write_text("name\tcontig\nc1\tc1\nchr1\tc1\nc2\tc2\n")

    def run(text: str, classes: list[str] | None):
        (tmp_path / "regions.bed").write_text(text)
        settings = {"sites": 5000, "kmer": 3, "mode": "exact", "batch_size": 8, "precision": "float32"}
        calibrate_scores(
            tmp_path / "model", genome.folder, tmp_path / "regions.bed", classes, tmp_path / "c.parquet", settings,
            threads=1, seed=7, names=tmp_path / "names.tsv",
        )  # fmt: skip
        return Calibration.load(tmp_path / "c.parquet"), genome, Predictor.open(tmp_path / "model", settings, 1)

    return run


def test_neutral_sites_of_a_genome_are_scored(calibrate):
    calibration, genome, predictor = calibrate(REGIONS, ["intergenic", "promoter"])
    contigs = np.repeat([0, 0, 1], [300, 200, 200])
    positions = np.concatenate([np.arange(300), np.arange(600, 800), np.arange(200)])
    tables = site_log_probabilities(predictor, genome, contigs, positions)
    codes = context(genome, contigs, positions, 3)
    scores = [
        tables[row, alternative] - tables[row, codes[row, 1]]
        for row in range(len(positions))
        for alternative in range(4)
        if alternative != codes[row, 1]
    ]
    assert calibration.n[-1] == len(scores) == 2100
    assert calibration.mean[-1] == pytest.approx(np.mean(scores), abs=1e-4)
    assert calibration.sd[-1] == pytest.approx(np.std(scores, ddof=1), abs=1e-4)
    np.testing.assert_allclose(calibration.quantiles[-1], np.quantile(scores, SHARES), atol=1e-4)


def test_a_bed_of_neutral_regions_may_call_contigs_by_other_names(calibrate):
    own, *_ = calibrate("c1\t600\t700\n", None)
    other, *_ = calibrate("chr1\t600\t700\n", None)
    assert own.n[-1] == 300
    np.testing.assert_array_equal(own.quantiles, other.quantiles)
    with pytest.raises(InputError, match="line 1: the genome has no contig 'c9'"):
        calibrate("c9\t600\t700\n", None)


def test_a_genome_without_neutral_sites_is_refused_with_what_it_has(calibrate):
    with pytest.raises(InputError, match=r"asked for intron, .*CDS \(300 bases\), intergenic \(500 bases\), promoter"):
        calibrate(REGIONS, ["intron"])
    with pytest.raises(InputError, match="hold no base that is known"):
        calibrate("c1\t410\t490\n", None)
