"""Ten wishes of somebody who works in a notebook."""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest
from matplotlib.figure import Figure
from notebook_frames import frame
from openai_server import OpenAIServer, last_message

import workbench as wb
from workbench.api.progress_line import make_progress
from workbench.errors import ExitCode

pytestmark = pytest.mark.slow
BOTH = ["language", "length"]


def test_run_from_a_frame_and_a_string(folder: Path) -> None:
    call = {"prompts": "{{ text }}", "models": "echo:last", "data": frame(3), "expected": "label"}
    first = wb.run(**call, evaluators="exact_match", progress=False)
    second = wb.run(**call, evaluators="exact_match", progress=False)
    assert first.variants == ["prompt"]
    assert [r.to_dict()["requests"]["sent"] for r in (first, second)] == [3, 0]
    assert first.to_dict()["plan_digest"] == second.to_dict()["plan_digest"]


def test_one_frame_of_rows_and_variants(results: wb.Results) -> None:
    rows = results.to_pandas()
    assert len(rows) == 2 * 40
    assert rows.iloc[41].drop(["model", "prompt", "latency_s", "cost"]).dropna().to_dict() == {
        "row": 1,
        "id": "r1",
        "text": "word 1",
        "language": "de",
        "length": "short",
        "expected": "word 1",
        "variant": "loud",
        "output": "WORD 1",
        "state": "ok",
        "exact_match": 0.0,
        "agrees": 1.0,
        "agrees.reason": "WORD 1 for word 1",
        "input_tokens": 2,
        "output_tokens": 2,
    }
    wide = rows.pivot(index="id", columns="variant", values="exact_match")
    assert wide.loc["r7"].to_dict() == {"short": 1.0, "loud": 0.0}
    board = results.leaderboard.set_index(["metric", "variant"])["mean"]
    for metric in ("exact_match", "agrees"):
        assert rows.groupby("variant")[metric].mean().to_dict() == board[metric].to_dict()


def test_functions_are_evaluators(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edited cell scores again; the same cell, run again, does not."""
    kernel = ModuleType("__main__")  # without a file, as Jupyter's is
    monkeypatch.setitem(sys.modules, "__main__", kernel)
    cell = (
        "def counted(outputs):\n    open({log!r}, 'a').write('x')\n    return len(outputs) > {n}\n"
    )

    def judged(n: int) -> int:
        log = str(folder / "judged.txt")
        file = folder / f"cell_{n}.py"  # a cell's source is in a file of the kernel, too
        file.write_text(cell.format(log=log, n=n))
        exec(compile(file.read_text(), str(file), "exec"), vars(kernel))
        data = {"text": ["a", "bb"]}
        call = {"prompts": "{{ text }}", "models": "echo:last", "data": data, "progress": False}
        scored = wb.run(**call, evaluators=kernel.counted)
        assert scored.to_pandas()["counted"].tolist() == [float(n < 1), float(n < 2)]
        return len((folder / "judged.txt").read_text())

    assert [judged(1), judged(1), judged(0)] == [2, 2, 4]


def test_verdicts(results: wb.Results) -> None:
    comparison = results.compare("short", "loud")
    assert comparison.verdict == "worse"
    line = comparison.to_pandas().set_index("metric").loc["exact_match"]
    assert (line["difference"], line["n"], line["verdict"]) == (-1.0, 40, "worse")
    assert len(comparison.changes) == 40
    assert results.decide("exact_match", floor=0.5).variant == "short"
    assert "worse" in repr(comparison)


def test_figures(results: wb.Results) -> None:
    """IPython shows an object that has `_repr_png_` or `_repr_html_`."""
    assert results.figures["agrees"]._repr_png_().startswith(b"\x89PNG")
    assert results.figures._repr_html_().count("data:image/png") == 4
    names = ["exact_match", "agrees", "exact_match by tokens", "agrees by tokens"]
    assert {name: type(figure) for name, figure in results.figures.items()} == dict.fromkeys(
        names, Figure
    )


def test_quality_against_cost_is_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: OpenAIServer
) -> None:
    (tmp_path / "workbench.yaml").write_text("prices: {'openai:m': {input: 1, output: 2}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    model = {"openai:m": {"base_url": server.url}}
    call = {"models": model, "data": frame(2), "expected": "label", "progress": False}
    prompts = {"short": "{{ text }}", "long": "Say: {{ text }}"}
    results = wb.run(**call, prompts=prompts, evaluators="exact_match")
    assert list(results.figures) == [
        "exact_match",
        "exact_match by cost",
        "exact_match by latency",
    ]


def test_slices_by_two_columns(results: wb.Results) -> None:
    slices = results.compare("short", "loud", by=BOTH).slices
    exact = slices[slices["metric"] == "exact_match"]
    assert sorted(exact[["language", "length", "rows", "difference"]].itertuples(index=False)) == [
        ("de", "long", 10, -1.0),
        ("de", "short", 10, -1.0),
        ("fr", "long", 10, -1.0),
        ("fr", "short", 10, -1.0),
    ]
    assert "  language=de, length=long, exact_match: -1.000" in repr(results.compare(by=BOTH))
    assert "<td" in results.compare(by=BOTH)._repr_html_()


def test_a_column_with_the_name_of_a_number_keeps_its_values(folder: Path) -> None:
    data = frame().assign(n=[0, 1] * 20)
    call = {"models": "echo:last", "data": data, "expected": "label", "progress": False}
    prompts = {"short": "{{ text }}", "loud": "{{ text | upper }}"}
    scored = wb.run(**call, prompts=prompts, evaluators="exact_match")
    slices = scored.compare(by="n").slices
    assert slices[["inputs.n", "n", "rows"]].values.tolist() == [["0", 20, 20], ["1", 20, 20]]


def test_a_metric_with_the_name_of_a_column_has_its_own(folder: Path) -> None:
    def output(outputs: str) -> float:
        return len(outputs) / 2

    results = wb.run(
        prompts="{{ text }}",
        models="echo:last",
        data={"text": ["a", "bc\x1b[31m"]},
        evaluators=[output, "output_tokens"],
        progress=False,
    )
    rows = results.to_pandas()
    assert rows["output"].tolist() == ["a", "bc\x1b[31m"]
    assert rows["metrics.output"].tolist() == [0.5, 3.5]
    assert rows["metrics.output_tokens"].tolist() == rows["output_tokens"].tolist()
    assert "output 0.5; output_tokens 1" in repr(results.show(0))
    assert "\x1b" not in repr(results.show(1))


def test_sampling(folder: Path) -> None:
    call = {"prompts": "{{ text }}", "models": "echo:last", "data": frame()}
    preview = wb.plan(**call, evaluators="output_tokens", sample=4)
    assert (preview.rows, wb.plan(**call, evaluators="output_tokens", limit=5).rows) == (4, 5)


class Display:
    """IPython's display of a cell: each text of a line that is replaced."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, content: dict, *, raw: bool, display_id: bool = False) -> "Display":
        self.update(content, raw=raw)
        return self

    def update(self, content: dict, *, raw: bool) -> None:
        self.texts.append(content["text/plain"])


def test_progress_is_one_line_of_the_notebook(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    display = Display()
    shell = SimpleNamespace(kernel=None)
    python = SimpleNamespace(get_ipython=lambda: shell, display=SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython", python)
    call = {"models": "echo:last", "data": frame(3), "evaluators": "output_tokens"}
    wb.run(**call, prompts="line {{ text }}")
    assert (display.texts[0], display.texts[-1]) == ("completing 3 requests", "")
    wb.run(**call, prompts="quiet {{ text }}", progress=False)
    assert display.texts.count("completing 3 requests") == 1
    make_progress(enabled=True).note("note: two rows are equal")
    assert display.texts[-1] == "note: two rows are equal"
    assert capfd.readouterr() == ("", "")


def test_an_interrupted_call_goes_on_where_it_stopped(folder: Path, server: OpenAIServer) -> None:
    """In a running event loop, as Jupyter's is."""

    def interrupt(path: str, body: dict, nth: int) -> object:
        if len(server.requests) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return last_message(path, body, nth)

    model = {"openai:m": {"base_url": server.url, "concurrency": 1}}
    call = {"prompts": "{{ text }}", "models": model, "data": frame(200)}

    async def cell() -> wb.Results:
        return wb.run(**call, evaluators="output_tokens", progress=False)

    server.script = interrupt
    with pytest.raises(
        wb.WorkbenchError, match="are left\n  fix: the same call continues"
    ) as error:
        asyncio.run(cell())
    sent = len(server.requests)
    assert (error.value.exit_code, 3 <= sent < 200) == (ExitCode.INTERRUPTED, True)
    server.script = last_message
    again = asyncio.run(cell())
    assert again.to_dict()["requests"]["sent"] == 200 - sent
    texts = Counter(body["messages"][-1]["content"] for body in server.bodies)
    assert (len(texts), set(texts.values())) == (200, {1})


def test_a_table_in_html(results: wb.Results) -> None:
    html = results._repr_html_()
    assert html.startswith("<table>")
    assert html.count("<svg") == 4
    assert "1.000 [0.912, 1.000]" in html
    assert "-1.000 worse</span>" in html
    hostile = wb.run(
        prompts={"short": "{{ text }}", "loud": "{{ text | upper }}"},
        models="echo:last",
        data=[{"text": "<script>alert(1)</script>"}],
        evaluators="output_tokens",
        progress=False,
    )
    by_text = hostile.compare(by="text")._repr_html_()
    assert "<script" not in hostile._repr_html_() + hostile.show(0)._repr_html_() + by_text
    assert "&lt;script&gt;alert(1)" in by_text
    assert "&lt;script&gt;alert(1)" in hostile.show(0)._repr_html_()
    assert isinstance(hostile.show(0).to_pandas(), pd.DataFrame)


def test_a_number_without_a_range_has_no_verdict(folder: Path) -> None:
    results = wb.run(
        prompts={"short": "{{ text }}", "loud": "{{ text }}!"},
        models="echo:last",
        data=frame(3),
        evaluators="output_tokens",
        progress=False,
    )
    frames = (results.compare("short", "loud").to_pandas(), results.leaderboard)
    assert [table["verdict"].dropna().unique().tolist() for table in frames] == [["no verdict"]] * 2
