"""Does a web process start without what only workers and commands need?"""

import json
import subprocess
import sys
from pathlib import Path

from config import env
from tests.architecture.sources import PROJECT

HEAVY = {"ibis", "duckdb", "pandas", "pyarrow", "scipy", "polars"}
STARTED = """
import importlib, json, sys
importlib.import_module("config.wsgi")
importlib.import_module("config.urls")  # which Django itself leaves to the first call
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_a_web_process_imports_no_engine_for_many_rows(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", STARTED],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env=env.for_child(MERCH_HOME=str(tmp_path), DJANGO_SETTINGS_MODULE="config.settings.local"),
    )
    assert told.returncode == 0, told.stderr
    loaded = set(json.loads(told.stdout.splitlines()[-1]))

    assert "merch" in loaded
    assert loaded & HEAVY == set()
