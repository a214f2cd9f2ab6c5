"""Ten thousand damaged files, and a few enormous ones: no crash, no hang, bounded memory, and both
readers agree.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from analytics_pipeline.ingest import quarantine_limit
from analytics_pipeline_tests.soak.reliability import note
from analytics_pipeline_tests.support.damaged_files import disagreement, make
from analytics_pipeline_tests.support.reference_parser import read

BATCH, FILES, CHUNK = 50, 10_000, 1_000
_compared: dict[int, int] = {}
"""Records of the compared files, by the first seed of a chunk."""
_peaks: dict[str, int] = {}
"""Maximum memory in bytes that each enormous file took."""
MEMORY_LIMIT_BYTES = 3_000_000_000


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("first", range(10_000, 10_000 + FILES, CHUNK))
def test_both_readers_agree_on_ten_thousand_damaged_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
):
    monkeypatch.setattr(quarantine_limit, "MAX_REJECTS", 10**9)
    records = 0
    for start in range(first, first + CHUNK, BATCH):
        bodies = [make(seed) for seed in range(start, start + BATCH)]
        found = disagreement(tmp_path, bodies)
        assert found is None, f"seeds from {start}: {found}"
        records += sum(max(0, len(read(body)) - 1) for body in bodies)
    _compared[first] = records
    if len(_compared) == FILES // CHUNK:
        note(
            "Generated and mutated files, read by the pipeline and by a second reader that shares"
            " nothing with it",
            f"{FILES:,} files, {sum(_compared.values()):,} records; same records, same cells, no"
            " good row rejected",
        )


ENORMOUS = {
    "a 100 MB line": "header + sound + b'9001, ' + b'x' * 100_000_000 + b'\\n' + sound",
    "a 100 MB line without an end": "header + sound + b'x' * 100_000_000",
    "a quoted cell of a million lines that is never closed": (
        "header + sound + b'9001, \"' + b'some text, and more\\n' * 1_000_000"
    ),
    "a million columns": "b','.join(b'c%d' % at for at in range(1_000_000)) + b'\\n'",
    "a row of a million cells": "header + sound + b'1,' * 900_000 + b'\\n' + sound",
    "a header of 100 MB": "b'x' * 100_000_000",
    "two million quotes": "header + sound + b'\"' * 1_900_000 + b'\\n' + sound",
    "an open quote on each of a million lines": (
        "header + b'9001, \"O, 1, C, New, 2\\n' * 1_000_000"
    ),
    "five million blank lines": "header + b'\\n' * 5_000_000 + sound",
    "100 MB of NUL": "header + bytes(100_000_000)",
    "lone CR and LF mixed over a million rows": (
        "header + (sound + sound.replace(b'\\n', b'\\r')) * 500_000"
    ),
}

READ = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
from analytics_pipeline_tests.support.deliveries import verdict
header = b"org_id, org_name, course_id, course_name, create_method, parent_course_id\\n"
sound = b"9001, O, 1, C, New, 2\\n"
result = verdict(Path(sys.argv[1]), "course_mapping", {body})
assert result.failure or result.records == result.rows + result.rejects
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("body", ENORMOUS.values(), ids=ENORMOUS)
def test_an_enormous_file_ends_with_a_verdict_in_bounded_memory(tmp_path: Path, body: str):
    script = READ.format(limit=MEMORY_LIMIT_BYTES + 5_000_000_000, body=body)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    peak = int(done.stdout.splitlines()[-1])
    assert peak < MEMORY_LIMIT_BYTES, f"{peak / 1e9:.1f} GB"
    _peaks[body] = peak
    if len(_peaks) == len(ENORMOUS):
        note(
            "Enormous files: a 100 MB line, a million columns, 100 MB of NUL, ...",
            f"{len(_peaks)} files, each with a verdict; {max(_peaks.values()) / 1e9:.1f} GB of"
            " memory at most",
        )
