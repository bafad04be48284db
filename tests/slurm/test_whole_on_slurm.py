"""The whole tiny workflow on Slurm, from `profiles/slurm`: every job goes there, once, with what it needs."""

import re
from collections import Counter

from cluster import Job
from clustered import WHOLE, Submitted, submit
from cyvcf2 import VCF
from tiny_study import CONFIG, Study

ON_GPU = {
    "pretrain_model", "evaluate_model", "embed_windows", "finetune_head", "score_variants", "calibrate_scores",
    "scan_sites", "interpret_loci", "fit_floors", "learn_from_few", "attribute_loci",
    "predict_windows", "predict_variants", "annotate_genome",
}  # fmt: skip
# downloads are for the machine that has the network
LOCAL = {"fetch_source", "fetch_variants", "fetch_evidence", "default"}


def rules_of(run: Submitted, job: Job) -> list[str]:
    """The rule of a job, or those of a group of them."""
    if job.comment.startswith(("rule_genome_", "rule_figures_")):
        [log] = (run.study / "logs/slurm").glob(f"group_*/{job.id}.log")
        return re.findall(r"^localrule (\w+):$", log.read_text(), re.M)
    return [re.match(r"rule_(\w+?)(_wildcards_.*)?$", job.comment)[1]]


def test_every_job_went_through_slurm_once(whole, tmp_path):
    before = Study.generate(tmp_path)
    before.configure(**WHOLE)
    expected = {rule: count for rule, count in before.jobs().items() if rule not in LOCAL}
    assert Counter(rule for job in whole.jobs() for rule in rules_of(whole, job)) == expected
    assert set(re.findall(r"^localrule (\w+):$", whole.output, re.M)) == LOCAL


def test_every_job_ended_well(whole):
    ended = whole.cluster.completed()
    assert {ended[job.id] for job in whole.jobs()} == {"COMPLETED"}
    assert (whole.study / "results/report.html").stat().st_size > 0


def test_the_small_jobs_of_a_genome_go_together(whole):
    [job] = whole.jobs("rule_genome_")
    assert {"normalise_genome", "tokenize_genome", "name_contigs", "make_windows"} <= set(rules_of(whole, job))


def test_slurm_gives_gpus_to_those_that_ask(whole):
    for job in whole.jobs():
        [asks] = {rule in ON_GPU for rule in rules_of(whole, job)}
        assert job.gpus == ({"TresPerJob": "gres:gpu:1"} if asks else {}), job.comment


def test_slurm_gives_the_memory_and_the_time_of_a_rule(whole):
    [job] = whole.jobs("rule_pretrain_model")
    assert (job.fields["MinMemoryNode"], job.fields["TimeLimit"]) == ("16000M", "1-00:00:00")
    assert job.fields["Requeue"] == "1"


def test_a_second_run_does_nothing(whole):
    before = len(whole.cluster.jobs())
    again = submit(whole.study, whole.cluster, output="again.out")
    again.finish()
    assert "Nothing to be done" in again.output
    assert len(whole.cluster.jobs()) == before


def test_the_chunks_of_a_vcf_are_an_array_on_request(whole, tmp_path):
    study = whole.study.copy(tmp_path)
    study.configure(**WHOLE | {"scoring": {**CONFIG["scoring"], "chunks": 3}})
    target = "results/variants/consequences/small.vcf.gz"
    run = submit(study, whole.cluster, "--slurm-array-jobs", "score_variants", target, output="array.out")
    run.finish()
    arrays = Counter(job.fields.get("ArrayJobId") for job in run.jobs("rule_score_variants"))
    assert list(arrays.values()) == [3]
    assert None not in arrays
    assert {whole.cluster.completed()[job.id] for job in run.jobs()} == {"COMPLETED"}
    # the records are the same, in however many parts they were scored
    before, after = ([str(record) for record in VCF(folder / target)] for folder in (whole.study, study))
    assert before == after
