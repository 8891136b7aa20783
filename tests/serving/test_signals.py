"""Signals to a server's process."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from processes import wait_for

pytestmark = pytest.mark.kills
MAIN = Path(__file__).with_name("echo_main.py")
HOLD = {"inputs": {"text": "hold"}}


@contextmanager
def echo_process(timeout_s: float) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    command = [sys.executable, str(MAIN), str(timeout_s)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@contextmanager
def held_request(url: str) -> Iterator[list[int]]:
    """The status of a request that is being answered, once there is one; 0: it was cut off."""
    statuses: list[int] = []

    def hold() -> None:
        try:
            statuses.append(httpx2.post(f"{url}/v1/chat/completions", json=HOLD).status_code)
        except httpx2.TransportError:
            statuses.append(0)

    thread = threading.Thread(target=hold)
    thread.start()
    gauge = "workbench_requests_in_flight 1.0"
    wait_for(lambda: gauge in httpx2.get(f"{url}/metrics").text)
    yield statuses
    thread.join(60)


def test_a_signal_lets_requests_finish_and_ends_with_0() -> None:
    with echo_process(timeout_s=2) as (process, url), held_request(url) as statuses:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        wait_for(lambda: statuses == [504])  # it was answered, in its time


def test_a_second_signal_ends_at_once() -> None:
    with echo_process(timeout_s=600) as (process, url), held_request(url) as statuses:
        process.send_signal(signal.SIGTERM)
        assert process.stderr
        wait_for(lambda: "Stopping after the requests" in process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        wait_for(lambda: statuses == [0])
