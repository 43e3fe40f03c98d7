"""The main job: what it prints is what is there, and what it computes is right."""

import csv
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from kantor import demo, demo_report
from kantor.demo_cases import el_nino, finer, kronecker_solve, products, temperatures
from kantor.demo_measure import compare, largest_intermediate, medians, mode

ROOT = Path(__file__).resolve().parents[2]


def quiet(what):
    return open(os.devnull)


def dense_posterior():
    """The posterior mean, in NumPy, with every matrix built."""
    data = temperatures()
    years, months = finer(data)

    def year(a):
        apart = a[:, None] - data.years[None, :]
        return 4 * np.exp(-0.5 * (apart / 60) ** 2) + np.exp(-0.5 * apart**2)

    def month(a):
        return np.exp(-2 * (np.sin(np.pi * (a[:, None] - data.months[None, :]) / 12) / 1.4) ** 2)

    K_year = year(data.years) + 0.1 * np.eye(61)
    K_month = month(data.months) + 0.05 * np.eye(12)
    K = np.kron(K_year, K_month)
    assert np.linalg.cond(K) < 1e8
    r = (data.celsius - data.celsius.mean()).ravel()
    return np.kron(year(years), month(months)) @ np.linalg.solve(K, r)


def test_the_data_are_whole():
    data = temperatures()
    assert data.celsius.shape == (61, 12)
    assert (data.years[0], data.years[-1]) == (1950, 2010)
    assert 18 < data.celsius.min() < data.celsius.max() < 30
    with files("kantor").joinpath("data/elnino.csv").open(encoding="utf-8") as lines:
        rows = list(csv.reader(lines))
    assert rows[0][:3] == ["year", "jan", "feb"]
    assert {len(row) for row in rows} == {13}


def test_the_data_have_a_source():
    source = (ROOT / "examples" / "data" / "SOURCE.md").read_text(encoding="utf-8")
    assert "kantor/data/elnino.csv" in source
    assert "public domain" in source


@pytest.mark.parametrize(
    ("case", "relations"),
    [
        (products(40), ["inverse_of_product"]),
        (kronecker_solve(6, 7), ["inverse_of_kron", "kron_matvec"]),
        (el_nino(), ["inverse_of_kron", "kron_matvec", "kron_matvec"]),
    ],
    ids=["products", "kronecker_solve", "el_nino"],
)
def test_each_case_is_rewritten_and_right(case, relations):
    derived = demo_report.derive(case)
    assert [s.relation for r in derived.regions for s in r.steps] == relations
    assert derived.flops_after < derived.flops_before / 5
    found = compare(case, quiet, runs=1)
    assert found.difference <= 1e-11
    assert not any("KroneckerProduct" in node for node in found.kantor.nodes)
    assert found.kantor.largest < found.plain.largest


def test_flops_are_counted_at_the_sizes_of_the_case():
    p, q = 6, 7
    derived = demo_report.derive(kronecker_solve(p, q))
    n = p * q
    assert derived.flops_before == pytest.approx(2 / 3 * n**3 + 2 * n**2 + n**2 / 2 + 400)
    assert derived.flops_after == pytest.approx(2 / 3 * (p**3 + q**3) + 2 * p * q * (p + q) + 400)


def test_the_largest_intermediate_is_what_nodes_hand_on():
    from pytensor.compile.mode import get_mode

    case = kronecker_solve(6, 7)
    assert largest_intermediate(case, get_mode("CVM")) == (6 * 7) ** 2
    assert largest_intermediate(case, mode("CVM")) <= 6 * 7


def test_the_posterior_is_that_of_numpy():
    found = compare(el_nino(), quiet, runs=1)
    np.testing.assert_allclose(found.kantor.result, dense_posterior(), atol=1e-9)


def test_medians_take_turns():
    called = []
    medians([lambda: called.append("a"), lambda: called.append("b")], 3)
    assert called == list("ababab")


def test_without_a_terminal(tmp_path, capsys):
    """Plain lines, the figure, and no escape sequences."""
    output = tmp_path / "new" / "figure.png"
    cases = [products(30), kronecker_solve(5, 6), el_nino()]
    assert demo.run(output, runs=1, cases=cases) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    for text in (
        "Aᵀ (A B)⁻¹ x y", "= Aᵀ B⁻¹ A⁻¹ x y", "1. inverse_of_product",
        "(A ⊗ B)⁻¹ v", "= vec(A⁻¹ mat(v) B⁻ᵀ)", "kron_matvec",
        "flops", "largest intermediate", "time to compile", "time to run", "largest difference",
        str(output),
    ):  # fmt: skip
        assert text in printed
    assert output.read_bytes().startswith(b"\x89PNG")
    assert output.stat().st_size > 50_000


def test_without_matplotlib(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    assert demo.run(tmp_path / "figure.png", runs=1, cases=[el_nino()]) == 0
    assert "pip install 'kantor[examples]'" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_wrong_result_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo_report, "TOLERANCE", -1.0)
    assert demo.run(tmp_path / "figure.png", runs=1, cases=[products(20)]) == 1
    assert "not right" in capsys.readouterr().out


def test_blas_gets_one_thread_unless_told_otherwise(monkeypatch):
    started = []
    monkeypatch.setattr(demo.subprocess, "call", lambda *a, env: started.append(env) or 0)
    monkeypatch.setattr(demo, "run", lambda output, runs: 7)
    for name in demo.THREADS:
        monkeypatch.delenv(name, raising=False)
    assert demo.main([]) == 0
    assert {started[0][name] for name in demo.THREADS} == {"1"}
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert demo.main([]) == 7
    assert len(started) == 1
    assert "OMP_NUM_THREADS=3" in demo_report.threads()


@pytest.mark.slow
def test_the_whole_demo(tmp_path):
    """As a user runs it: from another folder, in less than two minutes."""
    result = subprocess.run(
        [sys.executable, "-m", "kantor", "demo", "--output", "figure.png"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "figure.png").exists()


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (demo_report.count(1.73e9), "1.73 G"),
        (demo_report.count(412), "412"),
        (demo_report.duration(0.00035), "0.35 ms"),
        (demo_report.duration(1.5), "1.5 s"),
        (demo_report.ratio(8012.3), "8,010 ×"),
        (demo_report.ratio(0.853), "0.85 ×"),
        (demo_report.entries(2560000), "2,560,000 (20 MB)"),
    ],
)
def test_numbers_read_well(written, text):
    assert written == text
