"""The commands of docs/production.md, from the run to the rollback, with a real local model."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pandas
import pytest
from command import environment
from mlflow import MlflowClient
from mlflow.entities import Trace, TraceState
from processes import reserve_port
from stored_traces import stored_traces
from test_fresh_environment import PREDICT, mlflow_serving, predictions_of

import workbench

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "production.md"
CHAT = "/v1/chat/completions"
QUIET = {"HF_HUB_OFFLINE": "1", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
PATIENCE_S = 1_200.0
MODEL = "transformers:smollm2-135m-instruct: {as: smollm2}"
SAME_TEXTS = MODEL.replace("}", ", dtype: float32}")  # whatever rows are answered together
SECRET = "Zwiebelkuchen-4711"
pytestmark = [pytest.mark.nightly, pytest.mark.local_model, pytest.mark.timeout(2_400)]


@dataclass
class Shell:
    """A shell that keeps its variables and its background processes from block to block."""

    folder: Path
    process: "subprocess.Popen[str]" = field(init=False)

    def __post_init__(self) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        log = (self.folder / "shell.log").open("w")
        self.process = subprocess.Popen(
            ["bash", "-eu"],
            cwd=self.folder,
            env=environment(PATH=path, **QUIET),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        return (self.folder / "shell.log").read_text()

    def run(self, commands: str) -> str:
        """Run commands, each of which must succeed; returns what they print."""
        before, done = len(self.output), self.folder / "done"
        assert self.process.stdin
        self.process.stdin.write(f"{commands}\ntouch done\n")
        self.process.stdin.flush()
        self.wait_for(done.exists)
        done.unlink()
        return self.output[before:]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, self.output[-3_000:]
            assert time.monotonic() < end, self.output[-3_000:]
            time.sleep(0.05)

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(60)


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.HTTPError:
        return False


@contextmanager
def shell_of_the_page(folder: Path) -> Iterator[tuple[Shell, list[str], list[int]]]:
    """A shell in a copy of the demo; the page's blocks, with free ports; the two ports."""
    shutil.copytree(ROOT / "prompts", folder / "prompts")
    shutil.copytree(ROOT / "evaluators", folder / "evaluators")
    section = PAGE.read_text().partition("\n## Promote\n")[0]
    with reserve_port() as first, reserve_port() as second:
        ports = [first.getsockname()[1], second.getsockname()[1]]
        for written, port in zip(("5000", "5200"), ports, strict=True):
            assert written in section
            section = re.sub(rf"\b{written}\b", str(port), section)
        (gate,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
        experiment = folder / "prompts/sentiment/experiment.yaml"
        text = experiment.read_text()
        assert MODEL in text
        experiment.write_text(text.replace(MODEL, SAME_TEXTS) + gate)
        shell = Shell(folder)
        try:
            yield shell, re.findall(r"```sh\n(.*?)```", section, re.DOTALL), ports
        finally:
            shell.close()


def hostile_requests(client: httpx2.Client) -> list[tuple[int, Callable[[], httpx2.Response]]]:
    """Requests that must not be answered, each with the status that it gets."""
    json_type = {"content-type": "application/json"}
    inputs = {"text": SECRET}

    def post(**arguments: Any) -> Callable[[], httpx2.Response]:
        return lambda: client.post(CHAT, **arguments)

    return [
        (401, post(json={"inputs": inputs}, headers={"authorization": ""})),
        (401, post(json={"inputs": inputs}, headers={"authorization": f"Bearer {SECRET}"})),
        (403, post(json={"inputs": inputs}, headers={"origin": "https://evil.example"})),
        (413, post(content=b" " * 20_000_000, headers=json_type)),
        (400, post(content=f'{{"inputs": {{"text": "{SECRET}"'.encode(), headers=json_type)),
        (400, post(content=b"[" * 5_000 + b"]" * 5_000, headers=json_type)),
        (415, post(content=b"\x1f\x8b", headers=json_type | {"content-encoding": "gzip"})),
        (422, post(json={"inputs": {"review": SECRET}})),
        (422, post(json={"inputs": inputs, "temperature": 2})),
        (422, post(json={"inputs": inputs, "messages": [{"role": "user", "content": SECRET}]})),
    ]


def ask_two_hundred(client: httpx2.Client, texts: list[str]) -> dict[str, str]:
    """160 requests, 40 hostile ones among them; returns the answers by request id."""
    hostile = hostile_requests(client) * 4
    assert len(hostile) == 40

    def refused(case: tuple[int, Callable[[], httpx2.Response]]) -> tuple[int, int, bool]:
        response = case[1]()
        return case[0], response.status_code, SECRET in response.text

    with ThreadPoolExecutor(16) as pool:
        answered = [pool.submit(ask, client, texts[n % len(texts)]) for n in range(160)]
        refusals = list(pool.map(refused, hostile))
        by_id = dict(future.result() for future in answered)
    assert [(expected, expected, False) for expected, _ in hostile] == refusals
    assert len(by_id) == 160
    return by_id


def ask(client: httpx2.Client, text: str) -> tuple[str, str]:
    """Id and text of the answer."""
    response = client.post(CHAT, json={"inputs": {"text": text}})
    assert response.status_code == 200, response.text
    body = response.json()
    return body["id"], body["choices"][0]["message"]["content"]


@contextmanager
def callers(client: httpx2.Client, texts: list[str]) -> Iterator[dict[str, str]]:
    """Eight callers who ask all the time; the answers by request id, complete after the block."""
    by_id: dict[str, str] = {}
    failures: list[BaseException] = []
    ended = threading.Event()

    def ask_on(number: int) -> None:
        try:
            while not ended.is_set():
                by_id.update([ask(client, texts[number % len(texts)])])
                number += 8
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask_on, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        yield by_id
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert failures == []


def check_fifty(folder: Path, client: httpx2.Client, evaluated: pandas.DataFrame) -> None:
    """The package, `mlflow models serve` and `workbench-serve` answer as the evaluation did."""
    first = evaluated[evaluated["variant"] == "zero_shot · smollm2"].head(50)
    texts, inputs = list(first["output"]), [{"text": text} for text in first["text"]]
    assert len(texts) == 50
    with ThreadPoolExecutor(16) as pool:
        assert [answer for _, answer in pool.map(partial(ask, client), first["text"])] == texts
    (folder / "rows.json").write_text(json.dumps(inputs))
    package = folder / "sentiment-package"
    command = [folder / "serving/bin/python", "-c", PREDICT, package, folder / "rows.json"]
    ran = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["texts"] == texts
    with mlflow_serving(folder / "serving", package) as address:
        assert predictions_of(address, inputs) == texts


def traces_by_id(uri: str, count: int, shell: Shell) -> dict[str, Trace]:
    """The traces of answered requests by request id, once there are `count`."""
    traces: list[Trace] = []

    def all_there() -> bool:
        stored = stored_traces(uri, "sentiment production")
        traces[:] = [trace for trace in stored if trace.info.state == TraceState.OK]
        return len(traces) >= count

    shell.wait_for(all_there)
    assert len(traces) == count
    return {trace.info.client_request_id: trace for trace in traces}


def check_links(traces: dict[str, Trace], uri: str) -> None:
    """Each trace leads to the prompt version and the model version that answered."""
    client = MlflowClient(uri, uri)
    releases = set()
    for trace in traces.values():
        tags = trace.info.tags
        (prompt,) = json.loads(tags["mlflow.linkedPrompts"])
        assert (tags["workbench.alias"], tags["workbench.caller"]) == ("production", "search")
        model_id = trace.info.trace_metadata["mlflow.modelId"]
        releases.add((tags["workbench.model_version"], prompt["name"], model_id))
    for model_version, prompt_name, model_id in releases:
        name, _, number = model_version.partition("/")
        version = client.get_model_version(name, number)
        assert version.source.endswith(model_id)
        assert prompt_name == f"sentiment.{version.tags['variant'].split(' · ')[0]}"
    assert {release[0] for release in releases} == {
        "sentiment~variant/1",
        "sentiment~variant/2",
    }


def served_version(client: httpx2.Client) -> str:
    return str(client.get("/ready").json().get("model_version", ""))


def test_the_commands_of_the_page_lead_from_the_run_to_the_rollback(tmp_path: Path) -> None:
    rows = (ROOT / "prompts/sentiment/reviews.fetched.jsonl").read_text().splitlines()
    texts = [json.loads(row)["text"] for row in rows]
    with shell_of_the_page(tmp_path) as (shell, blocks, (mlflow_port, port)):
        begin, evaluate, package, serve, curl, move = blocks
        tracking, served = f"http://127.0.0.1:{mlflow_port}", f"http://127.0.0.1:{port}"
        shell.run(begin)
        shell.wait_for(lambda: answers(f"{tracking}/health"))
        output = shell.run(evaluate)
        assert "better" in output
        assert "promoted: production of sentiment is 1 zero_shot" in output
        shell.run(package)
        shell.run(serve)
        shell.wait_for(lambda: answers(f"{served}/ready"))
        assert '"chat.completion"' in shell.run(curl)
        token = re.findall(r"^TOKEN=(.*)$", shell.run("set | grep ^TOKEN="), re.MULTILINE)[0]
        with httpx2.Client(
            base_url=served, headers={"authorization": f"Bearer {token}"}, timeout=300
        ) as client:
            evaluated = workbench.load_results("sentiment", tracking_uri=tracking)
            check_fifty(tmp_path, client, evaluated)
            by_id = ask_two_hundred(client, texts)
            promote, rollback, promotions = move.splitlines()
            with callers(client, texts) as meanwhile:
                shell.run(promote)
                shell.wait_for(lambda: served_version(client) == "2")
                count = len(meanwhile)
                shell.wait_for(lambda: len(meanwhile) > count + 16)
                shell.run(rollback)
                shell.wait_for(lambda: served_version(client) == "1")
            ledger = shell.run(promotions)
        moves = re.findall(r"^[* ] \d{4}-\d\d-\d\d .*  (promote|rollback) ", ledger, re.MULTILINE)
        assert moves == ["promote", "promote", "rollback"]
        by_id |= meanwhile
        others = 1 + 50  # that of curl, and those of `check_fifty`
        traces = traces_by_id(tracking, len(by_id) + others, shell)
        assert by_id.keys() <= traces.keys()
        assert {traces[each].info.response_preview for each in by_id} == set(by_id.values())
        check_links(traces, tracking)
        shell.run("kill %2 && wait %2")
