"""Loci, their tables, tracks, hub and figures."""

import base64
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pyarrow as pa
import pyBigWig
import pytest
from matplotlib.image import imread
from scored_variants import Scoring
from tiny_corpus import random_sequence

from genoglot.errors import InputError
from genoglot.interpretation import figures, interpret
from genoglot.interpretation.figures import draw_loci
from genoglot.interpretation.hub import write_hub
from genoglot.interpretation.interpret import interpret_loci
from genoglot.interpretation.loci import Locus, read_loci
from genoglot.interpretation.region_text import parse_region
from genoglot.interpretation.tables import information

CONTIGS = {"c10": random_sequence(60, 1) + "N" * 20 + random_sequence(30, 2), "c2": random_sequence(50, 3)}
NAMES = "name\tcontig\nc10\tc10\nchr10\tc10\nc2\tc2\nMT\t\n"
LOCI = {"name": "set", "genome": "g", "regions": None, "flank": 4, "max_loci": 9}
SETTINGS = {**LOCI, "mode": "exact", "map_length": 16, "attention": False, "batch_size": 4, "precision": "float32"}
FILES = ("sites.parquet", "dependencies.parquet", "attention.parquet", "loci.json")
KINDS = [("cloze", "single"), ("convnet", "single"), ("encoder", "kmer"), ("decoder", "single"), ("encoder", "bpe")]


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.tsv"
    path.write_text(NAMES)
    return path


@pytest.fixture
def locate(make_genome, names):
    genome = make_genome(CONTIGS)

    def run(bed=None, variants=None, **settings) -> list[Locus]:
        return read_loci(genome, names, LOCI | settings, bed, variants)

    return run


def test_regions_are_counted_from_1_and_by_any_name(locate):
    loci = locate(regions=["chr10:1-10", "c2:1,0-50", "c10:1-10"])
    assert loci == [Locus("c10", 0, 10), Locus("c2", 9, 50)]
    assert [locus.name for locus in loci] == ["c10:1-10", "c2:10-50"]
    assert Locus("a|b:1", 0, 9).file_name(3) == "003_a_b_1_1-9"


def test_intervals_of_a_bed(locate, tmp_path):
    (tmp_path / "x.bed").write_text("chr10\t0\t10\nMT\t5\t9\nc2\t4\t6\n")
    assert locate(bed=tmp_path / "x.bed") == [Locus("c10", 0, 10), Locus("c2", 4, 6)]


def test_windows_around_variants(locate, tmp_path, caplog):
    table = "chrom\tpos\tref\talt\nchr10\t2\tA\tC\nchr10\t2\tA\tG\nc2\t49\tAC\tA\nMT\t3\tA\tC\nc2\t51\tA\tC\n"
    (tmp_path / "x.tsv").write_text(table)
    assert locate(variants=tmp_path / "x.tsv") == [
        Locus("c10", 0, 6, ("c10:2 A>C", "c10:2 A>G")),
        Locus("c2", 44, 50, ("c2:49 AC>A",)),
    ]
    assert "2 variants lie outside the genome: MT:3, c2:51" in caplog.text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"regions": ["c10:100-111"]}, ["interpretation.set.regions", "past the end of c10", "110 bases"]),
        ({"regions": ["chr11:1-10"]}, ["chr11:1-10", "no contig chr11", "c10, c2"]),
        ({"regions": ["MT:1-10"]}, ["no contig MT"]),
        ({"regions": [f"c10:1-{end}" for end in range(1, 12)]}, ["11 loci", "max_loci is 9"]),
        ({"bed": "c10\t0\t111\n"}, ["line 1", "past the end"]),
        ({"bed": "MT\t0\t1\n"}, ["dropped from the genome"]),
        ({"variants": "chrom\tpos\tref\talt\nMT\t3\tA\tC\n"}, ["none of its 1 variants"]),
    ],
)
def test_loci_that_are_not_there_are_refused(locate, tmp_path, given, words):
    for key in ("bed", "variants"):
        if key in given:
            (tmp_path / key).write_text(given[key])
            given = {key: tmp_path / key}
    with pytest.raises(InputError) as caught:
        locate(**given)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("text", ["c10", "c10:5", "c10:0-9", "c10:9-5", "c10:a-b", "c 1:1-2", ":1-2"])
def test_what_is_no_region_is_refused(text):
    with pytest.raises(InputError, match=r"place: found .* expected contig:start-end"):
        parse_region(text, "place")


def test_information_is_two_bits_less_the_entropy():
    shares = np.array([[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0], [0.5, 0.25, 0.125, 0.125]])
    np.testing.assert_allclose(information(shares), [2, 0, 1, 0.25])


@pytest.fixture
def interpreted(request, make_genome, names, tmp_path):
    """Interpret regions by a small model, of single bases where a test names no other; return the folder."""
    scoring = Scoring(tmp_path, make_genome, CONTIGS, *getattr(request, "param", ("cloze", "single")))

    def run(*regions: str, **settings):
        outputs = [tmp_path / name for name in FILES]
        changed = SETTINGS | {"regions": list(regions)} | settings
        interpret_loci(tmp_path / "model", scoring.sequence, *outputs, changed, 1, names)
        return tmp_path

    run.scoring = scoring
    return run


def load(folder) -> tuple[pd.DataFrame, pd.DataFrame, list[dict]]:
    tables = [pd.read_parquet(folder / f"{name}.parquet") for name in ("sites", "dependencies")]
    return *tables, json.loads((folder / "loci.json").read_text())["loci"]


@pytest.mark.parametrize("interpreted", KINDS, indirect=True, ids="-".join)
def test_scores_are_those_of_a_vcf(interpreted):
    sites, _, _ = load(interpreted("c2:3-9", "c10:57-64"))
    lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    known = sites[sites["ref"] != "N"]
    for row in known.itertuples():
        others = ",".join(base for base in "ACGT" if base != row.ref)
        lines.append(f"{row.contig}\t{row.pos + 1}\t.\t{row.ref}\t{others}\t.\t.\t.")
    scores = interpreted.scoring.table("\n".join(lines) + "\n")
    expected = scores.set_index(["contig", "pos", "alt"])["llr"]
    found = {
        (row.contig, row.pos, base): getattr(row, f"llr_{base}")
        for row in known.itertuples()
        for base in "ACGT"
        if base != row.ref
    }
    assert len(found) == len(expected) == 3 * (7 + 4)
    for key, value in found.items():
        assert value == pytest.approx(expected[key], abs=1e-5), key


@pytest.mark.parametrize("interpreted", KINDS, indirect=True, ids="-".join)
def test_probabilities_and_scores_say_the_same(interpreted):
    sites, _, _ = load(interpreted("c2:3-9", "c10:57-64"))
    known = sites[sites["ref"] != "N"]
    shares = known[[f"p_{base}" for base in "ACGT"]].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    for row in known.itertuples():
        for base in "ACGT":
            ratio = np.log(getattr(row, f"p_{base}") / getattr(row, f"p_{row.ref}"))
            value = getattr(row, f"llr_{base}")
            assert np.isnan(value) if base == row.ref else value == pytest.approx(ratio, abs=1e-4)
    unknown = sites[sites["ref"] == "N"]
    assert unknown["pos"].tolist() == [60, 61, 62, 63]
    assert unknown.drop(columns=["locus", "contig", "pos", "ref"]).isna().all(axis=None)


def test_what_a_locus_lacks_is_said(interpreted):
    sites, pairs, loci = load(interpreted("c10:61-70", "c2:1-20", "c2:1-10", map_length=16))
    assert loci[0]["unknown"] == 10
    assert loci[0]["missing"] == dict.fromkeys(("predictions", "dependencies", "figures"), "all of its bases are N")
    assert loci[1]["missing"] == {"dependencies": "the locus has 20 bases, and map_length is 16"}
    assert loci[2]["missing"] == {}
    assert pairs["locus"].unique().tolist() == [2]
    assert len(pairs) == 100
    assert pairs["dependency"].isna().sum() == 10
    assert sites["locus"].value_counts().to_dict() == {0: 10, 1: 20, 2: 10}


@pytest.mark.parametrize("interpreted", [("encoder", "bpe")], indirect=True)
def test_tokens_of_several_bases_have_logos_and_no_maps(interpreted, tmp_path):
    folder = interpreted("c2:3-9")
    sites, pairs, [locus] = load(folder)
    assert "no probabilities of single bases" in locus["missing"]["dependencies"]
    assert pairs.empty
    assert sites["information"].notna().all()
    draw_loci(*(folder / name for name in FILES), tmp_path / "f", tmp_path / "f.json")
    assert {path.name.split(".", 1)[1] for path in (tmp_path / "f").iterdir()} == {
        "logo.png", "logo.svg", "mutagenesis.png", "mutagenesis.svg",
    }  # fmt: skip


def stanzas(path) -> list[dict[str, str]]:
    return [dict(line.split(" ", 1) for line in text.splitlines()) for text in path.read_text().strip().split("\n\n")]


def test_tracks_have_the_heights_of_letters_by_another_reader(interpreted, tmp_path):
    folder = interpreted("c2:3-20", "c2:11-30", "c10:57-64")
    write_hub(folder / "sites.parquet", interpreted.scoring.sequence, tmp_path / "hub", "my set", "m", "sacCer3")
    sites = pd.read_parquet(folder / "sites.parquet").drop_duplicates(["contig", "pos"])
    known = sites[sites["ref"] != "N"]
    total = np.zeros(len(known))
    for base in "ACGT":
        with pyBigWig.open(str(tmp_path / f"hub/{base}.bw")) as track:
            assert track.chroms() == {name: len(text) for name, text in CONTIGS.items()}
            assert track.header()["nBasesCovered"] == len(known) == 28 + 4
            found = [track.values(row.contig, row.pos, row.pos + 1)[0] for row in known.itertuples()]
        np.testing.assert_allclose(found, known[f"p_{base}"] * known["information"], atol=1e-6)
        total += found
    np.testing.assert_allclose(total, known["information"], atol=1e-5)


def test_a_hub_leads_to_its_tracks(interpreted, tmp_path):
    """What UCSC's page on track hubs asks for: keys, lengths of labels, names of tracks, files in their places."""
    folder = interpreted("c2:3-9")
    write_hub(folder / "sites.parquet", interpreted.scoring.sequence, tmp_path / "hub", "my-set.1", "m", "sacCer3")
    [hub] = stanzas(tmp_path / "hub/hub.txt")
    assert list(hub) == ["hub", "shortLabel", "longLabel", "genomesFile", "email"]
    assert len(hub["shortLabel"]) <= 17
    assert len(hub["longLabel"]) <= 80
    [genome] = stanzas(tmp_path / "hub" / hub["genomesFile"])
    assert genome["genome"] == "sacCer3"
    container, *tracks = stanzas(tmp_path / "hub" / genome["trackDb"])
    for track in (container, *tracks):
        assert next(iter(track)) == "track"
        assert re.fullmatch(r"[A-Za-z]\w*", track["track"])
        assert {"type", "shortLabel", "longLabel"} <= track.keys()
    assert len({track["track"] for track in (container, *tracks)}) == 5
    for track in tracks:
        assert track["parent"] == container["track"]
        assert (tmp_path / "hub" / track["bigDataUrl"]).is_file()
        assert all(0 <= int(part) < 256 for part in track["color"].split(","))


def test_loci_of_n_alone_are_refused(interpreted, tmp_path):
    with pytest.raises(InputError, match=r"interpretation\.set\.regions: all bases of the loci are N in genome g"):
        interpreted("c10:61-70", "c10:65-80")
    assert not (tmp_path / "sites.parquet").exists()


def test_figures_are_pictures_and_always_the_same(interpreted, tmp_path, monkeypatch):
    monkeypatch.setattr(interpret, "FIGURE_LENGTH", 30)
    monkeypatch.setattr(figures, "LINE", 10)
    folder = interpreted("c2:3-18", "c10:50-64", "c2:1-40", "c10:61-70")
    for name in ("one", "two"):
        draw_loci(*(folder / name for name in FILES), tmp_path / name, tmp_path / f"{name}.json")
    made = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert made == [
        f"{locus}.{kind}.{suffix}"
        for locus in ("000_c2_3-18", "001_c10_50-64")
        for kind in ("dependencies", "logo", "mutagenesis")
        for suffix in ("png", "svg")
    ]
    for name in made:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        if name.endswith("png"):
            assert imread(tmp_path / "one" / name).std() > 0.01
        else:
            assert ElementTree.parse(tmp_path / "one" / name).getroot().tag.endswith("svg")
    pictures = json.loads((tmp_path / "one.json").read_text())
    assert list(pictures) == ["000_c2_3-18", "001_c10_50-64"]
    for locus, kinds in pictures.items():
        for kind, source in kinds.items():
            content = base64.b64decode(source.removeprefix("data:image/png;base64,"))
            assert content == (tmp_path / f"one/{locus}.{kind}.png").read_bytes()


def test_letters_of_a_logo_fill_their_boxes():
    for letter in "ACGT":
        box = figures._letter(letter, 7, 0.25, 1.5).get_extents()
        np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], [6.55, 0.25, 7.45, 1.75])


def test_the_likeliest_letter_is_on_top(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "_letter", lambda *place: drawn.append(place) or figures.Outline([(0, 0), (1, 1)]))
    row = {"locus": 0, "contig": "c", "pos": 0, "ref": "A", "p_A": 0.5, "p_C": 0.25, "p_G": 0.125, "p_T": 0.125}
    rows = pa.Table.from_pylist([row | {"information": 0.25}])
    figures.draw_logo(rows, "title", tmp_path / "x.png")
    boxes = {letter: (bottom, height) for letter, _, bottom, height in drawn}
    assert {letter: height for letter, (_, height) in boxes.items()} == pytest.approx(
        {"A": 0.125, "C": 0.0625, "G": 0.03125, "T": 0.03125}
    )
    assert boxes["A"][0] == pytest.approx(0.125)
    assert boxes["C"][0] == pytest.approx(0.0625)


@pytest.mark.parametrize("interpreted", [("encoder", "single")], indirect=True)
def test_attention_is_a_table_and_a_figure(interpreted, tmp_path):
    folder = interpreted("c2:3-12", "c2:1-30", attention=True)
    pairs, loci = pd.read_parquet(folder / "attention.parquet"), load(folder)[2]
    draw_loci(*(folder / name for name in FILES), tmp_path / "f", tmp_path / "f.json")
    drawn = [path.name for path in (tmp_path / "f").glob("*.attention.png")]
    assert "map_length is 16" in loci[1]["missing"]["attention"]
    assert pairs.groupby(["locus", "layer"]).size().to_dict() == {(0, 1): 100, (0, 2): 100}
    assert sorted(pairs["target"].unique()) == list(range(2, 12))
    assert drawn == ["000_c2_3-12.attention.png"]


def test_networks_without_attention_say_so(interpreted):
    folder = interpreted("c2:3-12", attention=True)
    assert load(folder)[2][0]["missing"] == {"attention": "the network has no attention"}
    assert pd.read_parquet(folder / "attention.parquet").empty
