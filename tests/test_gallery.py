"""The scripts of the gallery run without errors and warnings, and draw pictures."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "examples" / "gallery").glob("plot_*.py"))
SPARK = "plot_spark"  # runs in a process of its own, because it stops its Spark session


@pytest.fixture
def pyplot(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is optional")
    pytest.importorskip("skopt", reason="scikit-optimize is optional")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("script", [path for path in SCRIPTS if path.stem != SPARK], ids=lambda path: path.stem)
def test_script_draws_pictures(script, pyplot):
    runpy.run_path(str(script))
    assert pyplot.get_fignums()


@pytest.mark.spark
def test_script_of_spark_runs():
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    script = next(path for path in SCRIPTS if path.stem == SPARK)
    environment = os.environ | {"MPLBACKEND": "Agg", "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    process = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.slow
def test_script_of_spark_skips_without_java(pyplot, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    runpy.run_path(str(next(path for path in SCRIPTS if path.stem == SPARK)))
    assert "Install pyspark" in capsys.readouterr().out
