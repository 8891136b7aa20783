"""`workbench doctor`: an examination of the installation and the project, which changes nothing.

$ workbench doctor
ok       versions   workbench 0.2.0, Python 3.11.7, mlflow 3.17.2, openai 3.54.0, …
error    keys       the variable LAB_KEY is empty
         fix: export LAB_KEY=… or write it into .env
"""

from pathlib import Path

from workbench.cli.output import REDACTOR, print_result
from workbench.cli.project_secrets import project_secrets
from workbench.cli.run import AsJson
from workbench.errors import WorkbenchError


def doctor(as_json: AsJson = False) -> int:
    """Examine versions, store, keys, endpoints and MLflow.

    It changes nothing and pays for nothing; keys are never shown. Exit code 0: no error; else that
    of the run that would fail: 2 files, keys and versions, 3 an endpoint, 5 the store, 6 MLflow.
    """
    from workbench.doctor.diagnosis import exit_code
    from workbench.doctor.examination import examine
    from workbench.project import find_root
    from workbench.report.doctor import doctor_json, doctor_lines

    here = Path.cwd()
    try:
        root = find_root(here)
        REDACTOR.add(project_secrets(root, root / ".env"))
    except WorkbenchError:  # outside of a project
        root = here
    findings = examine(here)
    print_result(doctor_json(findings) if as_json else doctor_lines(findings))
    return exit_code(findings)
