"""Programs in boxes of each method, made by root or by an ordinary user.

>>> run_as("root", "namespaces", {"main.py": "print(1)"}).stdout
b'1\n'

Run as a program it is the ordinary user's side: a job as JSON on stdin, its result on stdout.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

import workbench
from workbench.box.bubblewrap import bubblewrap
from workbench.box.limits import BoxLimits, BoxResult
from workbench.box.runner import Program, run_with

ROOT = Path(workbench.__file__).resolve().parents[1]
NOBODY = "65533"
METHODS = ("bubblewrap", "namespaces")
USERS = ("root", "ordinary user")
SMALL = BoxLimits(cpu_s=2, wall_s=4, memory_mb=256, processes=8, folder_mb=8, files=100)


@cache
def obstacle(user: str, method: str) -> str:
    """The reason why this machine can't run such a test; empty: it can."""
    if sys.platform != "linux":
        return "boxes are made on Linux only"
    if method == "bubblewrap" and not bubblewrap():
        return "bubblewrap is not installed"
    if user == "root" and os.geteuid():
        return "the tests don't run as root"
    if user != "root" and os.geteuid() == 0 and not shutil.which("setpriv"):
        return "setpriv is not installed"
    try:
        ready = run_as(user, method, {"main.py": "print('ready')"})
    except (OSError, ValueError) as error:
        return f"no box for this user: {error}"
    return "" if ready.stdout == b"ready\n" else f"no box: {ready.stderr.decode()[-200:]}"


def run_as(
    user: str,
    method: str,
    files: dict[str, str],
    limits: BoxLimits = SMALL,
    argv: tuple[str, ...] = ("main.py",),
) -> BoxResult:
    """Run a program in a box that this user makes."""
    contents = {name: text.encode() for name, text in files.items()}
    if user == "root" or os.geteuid():
        return run_with(method, [Program(contents, argv)], limits)[0]  # type: ignore[arg-type]
    job = {"method": method, "files": files, "limits": asdict(limits), "argv": argv}
    # The interpreter of the tests may lie in root's home.
    python = next(filter(None, map(shutil.which, ("python3.13", "python3.12", "python3.11"))), "")
    system = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else python
    command = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", system, "-B"]
    ended = subprocess.run(
        [*command, __file__],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}"},
        timeout=60,
    )
    if ended.returncode:
        raise ValueError(ended.stderr.strip().rpartition("\n")[2] or "no answer")
    fields = json.loads(ended.stdout)
    for name in ("stdout", "stderr"):
        fields[name] = bytes.fromhex(fields[name])
    return BoxResult(**fields)


def main() -> None:
    """Run the job of stdin."""
    job = json.load(sys.stdin)
    contents = {name: text.encode() for name, text in job["files"].items()}
    program = Program(contents, tuple(job["argv"]))
    result = run_with(job["method"], [program], BoxLimits(**job["limits"]))[0]
    fields = asdict(result)
    for name in ("stdout", "stderr"):
        fields[name] = fields[name].hex()
    print(json.dumps(fields))


if __name__ == "__main__":
    main()
