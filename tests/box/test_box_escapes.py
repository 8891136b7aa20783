"""Programs that try to leave their box: files, network, other processes, the kernel."""

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from boxed_programs import METHODS, SMALL, USERS, obstacle, run_as

from workbench.box.runner import Program, run_with

PROBES = (Path(__file__).parent / "probes.py").read_text()
SECRET = "never-in-a-box-7f3a"
ABSTRACT = f"workbench-test-{os.getpid()}"


@pytest.fixture(scope="module")
def targets() -> Iterator[dict[str, object]]:
    """A secret that every user may read, servers on loopback, and this process."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        folder.chmod(0o755)
        (folder / "secret").write_text(SECRET)
        (folder / ".workbench").mkdir()
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(type=socket.SOCK_DGRAM)
        unix, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        for server in (tcp, udp, unix, abstract):
            stack.enter_context(server)
        udp.bind(("127.0.0.1", 0))
        unix.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        abstract.bind(f"\0{ABSTRACT}")
        unix.listen()
        abstract.listen()
        yield {
            "secret": str(folder / "secret"),
            "folder": str(folder / ".workbench"),
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": str(folder / "socket"),
            "abstract": ABSTRACT,
            "pid": os.getpid(),
        }


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("method", METHODS)
def test_no_probe_leaves_the_box(method: str, user: str, targets: dict[str, object]) -> None:
    if reason := obstacle(user, method):
        pytest.skip(reason)
    argv = ("main.py", json.dumps(targets))
    result = run_as(user, method, {"main.py": PROBES}, argv=argv)
    assert (result.exit_status, result.stderr) == (0, b"")
    outcomes = json.loads(result.stdout)
    assert len(outcomes) >= 60
    assert {name: text for name, text in outcomes.items() if text.startswith("REACHED")} == {}
    assert SECRET.encode() not in result.stdout


def test_the_probes_reach_their_targets_without_a_box(targets: dict[str, object]) -> None:
    """So that a denial is the work of the box."""
    argv = ("main.py", json.dumps(targets))
    program = Program({"main.py": PROBES.encode()}, argv)
    outcomes = json.loads(run_with("none", [program], SMALL)[0].stdout)
    denied = {name for name, text in outcomes.items() if not text.startswith("REACHED")}
    assert (len(outcomes), denied) == (11, set())
