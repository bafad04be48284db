"""Sets of loci in a configuration, and as jobs."""

import json

import pytest
from configurations import read, refused
from tiny_study import CONFIG

ONE = {"genome": "a", "regions": ["I:1-9"]}


def test_a_set_is_by_the_models_it_names_or_all_that_score_variants(config):
    config["interpretation"] = {"all": ONE, "one": {"genome": "b", "bed": "x.bed", "models": ["small"]}}
    assert read(config).interpretation_runs() == [("all", "small"), ("all", "next"), ("one", "small")]
    config["models"]["next"]["uses"] = ["embeddings"]
    assert read(config).interpretation_runs() == [("all", "small"), ("one", "small")]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"genome": "c", "bed": "x.bed"}, ["interpretation.s.genome: ", "has no c"]),
        (ONE | {"models": ["smal"]}, ["interpretation.s.models: there is no model smal", "small?"]),
        ({"genome": "a"}, ["interpretation.s: expected one of regions, bed, variants, found none"]),
        (ONE | {"bed": "x.bed"}, ["interpretation.s: expected one of", "found regions and bed"]),
        (ONE | {"regions": ["I:9-1"]}, ["interpretation.s.regions: found 'I:9-1', expected contig:start-end"]),
        ({"genome": "a", "bed": "https://host/x.bed"}, ["interpretation.s.bed: expected the path", "https://"]),
        (
            {"genome": "a", "variants": "https://host/x.vcf"},
            ["interpretation.s.variants: expected the path", "https://"],
        ),
        (ONE | {"map_length": 9000}, ["interpretation.s.map_length"]),
        (ONE | {"region": []}, ["interpretation.s.region: unknown key", "regions?"]),
    ],
)
def test_what_does_not_fit_is_refused(config, entry, words):
    refused(config | {"interpretation": {"s": entry}}, *words)


def test_a_region_that_is_not_there_is_refused_in_words(finished, tmp_path):
    study = finished.copy(tmp_path)
    study.configure(interpretation={"genes": {"genome": "toy", "regions": ["chrB:19,990-20,001"]}})
    run = study.snakemake("--show-failed-logs", "results/interpretation/genes/small/loci.json")
    assert run.returncode != 0
    assert "chrB:19,990-20,001 reaches past the end of chrB, which has 20,000 bases" in run.stdout
    assert "Traceback" not in run.stdout


def test_windows_around_variants_of_a_vcf(finished, tmp_path):
    study = finished.copy(tmp_path)
    (study / "two.vcf").write_text("".join((study / "known.vcf").read_text().splitlines(keepends=True)[:8]))
    study.configure(interpretation={"hits": {"genome": "toy", "variants": "two.vcf", "flank": 8}})
    target = "results/interpretation/hits/small/figures"
    assert study.jobs(target) == {"interpret_loci": 1, "draw_loci": 1}
    run = study.snakemake(target)
    assert run.returncode == 0, run.stdout
    loci = json.loads((study / target).with_name("loci.json").read_text())["loci"]
    assert [locus["end"] - locus["start"] for locus in loci] == [17] * len(loci)
    assert len(loci) == 2
    assert len(list((study / target).glob("*.png"))) == 6


def test_another_name_in_the_browser_is_no_reason_to_run_the_model(finished, tmp_path):
    study = finished.copy(tmp_path)
    study.configure(interpretation={"genes": CONFIG["interpretation"]["genes"] | {"assembly": "toy1"}})
    jobs = study.jobs("results/interpretation/genes/small/hub/hub.txt")
    assert jobs == {"write_hub": 1}
