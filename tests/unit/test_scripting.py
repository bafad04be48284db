"""What a script writes to stderr, by any way, is in its log; what it logs is on the terminal too."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"


def run(log: Path, body: str) -> subprocess.CompletedProcess:
    """Run a script whose body is logged, and which says `after` to stderr in the end."""
    code = (
        "import ctypes, os, subprocess, sys, warnings\n"
        "from genoglot.errors import InputError\n"
        "from genoglot.scripting import logged\n"
        f"with logged({str(log)!r}, origins={{'copy.fa': 'mine.fa'}}) as log:\n"
        f"{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        "print('after', file=sys.stderr)\n"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, text=True, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("ctypes.CDLL(None).perror(b'from C')", "from C"),
        ("os.write(2, b'[W::vcf_parse] no contig\\n')", "[W::vcf_parse] no contig"),
        ("subprocess.run(['sh', '-c', 'echo from a child >&2'])", "from a child"),
        ("print('from Python', file=sys.stderr)", "from Python"),
    ],
)
def test_what_is_written_to_stderr_is_in_the_log_in_its_place(tmp_path, body, words):
    done = run(tmp_path / "job.log", f"log.info('before')\n{body}\nlog.info('behind')")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "job.log").read_text()
    assert text.index("INFO before") < text.index(words) < text.index("INFO behind")
    assert words not in done.stderr
    assert done.stderr.splitlines()[-1] == "after"


def test_what_is_logged_and_warned_of_is_in_both(tmp_path):
    done = run(tmp_path / "job.log", "log.info('read 3 records')\nwarnings.warn('an old file')")
    for text in ((tmp_path / "job.log").read_text(), done.stderr):
        assert "INFO read 3 records" in text
        assert "an old file" in text


def test_a_mistake_of_the_user_is_one_line_in_both(tmp_path):
    done = run(tmp_path / "job.log", "raise InputError('copy.fa, line 3: found Z')")
    assert done.returncode == 1
    for text in ((tmp_path / "job.log").read_text(), done.stderr):
        assert text.rstrip().endswith("ERROR mine.fa, line 3: found Z")
        assert "Traceback" not in text


def test_any_other_exception_leaves_its_traceback_in_both(tmp_path):
    done = run(tmp_path / "job.log", "{}['absent']")
    assert done.returncode == 1
    for text in ((tmp_path / "job.log").read_text(), done.stderr):
        assert text.count("KeyError: 'absent'") == 1


def test_a_crash_leaves_where_it_was_in_the_log(tmp_path):
    done = run(tmp_path / "job.log", "log.info('begun')\nos.abort()")
    assert done.returncode < 0
    text = (tmp_path / "job.log").read_text()
    assert "INFO begun" in text
    assert "Fatal Python error: Aborted" in text


def test_an_earlier_log_is_replaced(tmp_path):
    (tmp_path / "job.log").write_text("of an earlier run\n")
    run(tmp_path / "job.log", "log.info('now')")
    assert "earlier" not in (tmp_path / "job.log").read_text()
