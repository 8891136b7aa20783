"""All checks of an examination, those that wait for a network at the same time.

examine(Path.cwd())    [Diagnosis("versions", "ok", "workbench 0.2, Python 3.11.7, …"), …]
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from workbench.doctor.diagnosis import Diagnosis
from workbench.doctor.model_check import check_endpoint, check_models
from workbench.doctor.project_check import check_disk, check_store, check_tasks
from workbench.doctor.tracking_check import check_tracking
from workbench.doctor.versions import check_versions
from workbench.errors import ExitCode, WorkbenchError
from workbench.project import VARIABLE, Project, find_root, read_project

NETWORK_S = 8.0  # for all servers together
Check = Callable[[], Iterator[Diagnosis]]


def examine(start: Path) -> list[Diagnosis]:
    """Return the findings about the installation and the project that contains `start`.

    Outside of a project, and with a broken `workbench.yaml`, what can be examined is.
    """
    findings = list(check_versions())
    try:
        root = find_root(start)
    except WorkbenchError as error:
        findings.append(Diagnosis("project", "note", error.message, error.where, error.fix))
        named = {"mlflow": _tracking_of(Project(start))} if os.environ.get(VARIABLE) else {}
        return [*findings, *check_disk(start), *_wait(named)]
    findings += [*check_disk(root), *check_store(root)]
    try:
        project = read_project(root)
    except WorkbenchError as error:
        findings.append(Diagnosis.of_error("project", error))
        project = Project(root)
    findings += check_tasks(project)
    of_models, endpoints = check_models(project)
    checks: dict[str, Check] = {
        endpoint.label: partial(check_endpoint, endpoint) for endpoint in endpoints
    }
    return [*findings, *of_models, *_wait({**checks, "mlflow": _tracking_of(project)})]


def _tracking_of(project: Project) -> Check:
    return partial(check_tracking, project)


def _wait(checks: dict[str, Check]) -> list[Diagnosis]:
    """The findings of checks that wait for servers; one that hangs is given up."""
    results = queue.SimpleQueue[tuple[str, list[Diagnosis]]]()

    def run(name: str, check: Check) -> None:
        results.put((name, list(check())))

    for name, check in checks.items():
        threading.Thread(target=run, args=(name, check), daemon=True).start()
    deadline = time.monotonic() + NETWORK_S
    by_name: dict[str, list[Diagnosis]] = {}
    while len(by_name) < len(checks):
        try:
            name, findings = results.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        by_name[name] = findings
    late = [_late(name) for name in checks if name not in by_name]
    return [finding for name in checks for finding in by_name.get(name, ())] + late


def _late(name: str) -> Diagnosis:
    message = f"gave no reply within {NETWORK_S:g} s"
    is_tracking = name == "mlflow"
    code = ExitCode.NOT_RECORDED if is_tracking else ExitCode.FAILED_ROWS
    area, where = ("mlflow", "") if is_tracking else ("endpoints", name)
    return Diagnosis(area, "error", message, where, "start the server or correct its address", code)
