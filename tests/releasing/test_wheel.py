"""The wheel of a package: the modules that serve, all they import, and nothing else."""

import subprocess
import sys
import tomllib
import zipfile

from house import ROOT, SOURCES
from packaging.requirements import Requirement

from workbench.releasing.wheel import DISTRIBUTION, build_wheel, wheel_name
from workbench.releasing.wheel_modules import imported_names, serving_modules

# Packages that may be imported in a fresh environment, by the distribution that brings them.
OURS = {"jinja2", "openai", "pydantic", "ruamel", "starlette", "uvicorn", "mlflow"}
OURS |= {"prometheus_client"}
OF_OURS = {
    "aiohttp",
    "h11",
    "httpx2",
    "multidict",
    "yarl",
    "pydantic_core",
}  # of openai, uvicorn, pydantic
# Of the extra `local`, imported once a local model is used.
LOCAL = {"torch", "transformers", "huggingface_hub", "platformdirs"}
ROOMS = {
    *("answers", "canonical", "catalog", "conversation", "document", "errors", "images", "model"),
    *(
        "parameters",
        "prompt",
        "providers",
        "proxies",
        "sandbox",
        "secrets",
        "serving",
        "storable_text",
    ),
    "workers",
}


def test_modules_are_those_of_the_server_and_all_that_they_import():
    modules = set(serving_modules())
    by_name = {f"workbench.{source.module}".rstrip("."): source for source in SOURCES}
    assert modules >= {name for name in by_name if name.startswith("workbench.serving")}
    for name in modules - {"workbench"}:
        imported = {m for m in by_name[name].first_imports if m.startswith("workbench")}
        assert imported - modules - {"workbench"} == set(), name
    assert {name.split(".")[1] for name in modules if "." in name} == ROOMS
    assert {"workbench.prompt.worker", "workbench.providers.transformers.worker"} <= modules


def test_modules_import_no_distribution_but_those_required():
    roots = {}
    for name in serving_modules():
        for imported in imported_names(name):
            roots.setdefault(imported.partition(".")[0], set()).add(name)
    others = roots.keys() - sys.stdlib_module_names - {"workbench"}
    assert others <= OURS | OF_OURS | LOCAL, roots
    local = set().union(*(roots.get(name, set()) for name in LOCAL))
    assert {name.split(".")[1] for name in local} <= {"providers", "catalog"}


def test_wheel_is_the_same_whenever_it_is_built(tmp_path):
    wheels = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        wheels.append(build_wheel(tmp_path / name).read_bytes())
    assert wheels[0] == wheels[1]


def test_wheel_takes_the_versions_that_the_project_takes(tmp_path):
    with zipfile.ZipFile(build_wheel(tmp_path)) as wheel:
        (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
        lines = wheel.read(metadata).decode().splitlines()
        assert wheel.testzip() is None
    mark = "Requires-Dist: "
    required = [line.removeprefix(mark) for line in lines if line.startswith(mark)]
    required = [line for line in required if "extra ==" not in line]
    assert len(required) == 8
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ranges = {r.name: r for r in map(Requirement, project["dependencies"])}
    for requirement in map(Requirement, required):
        whole = ranges[requirement.name.removesuffix("-skinny")]
        assert requirement.extras == whole.extras
        assert str(requirement.specifier) in ("", str(whole.specifier))  # "": an old installation


def test_wheel_is_imported_without_the_full_installation(tmp_path):
    wheel = build_wheel(tmp_path)
    assert wheel.name == wheel_name()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        "import workbench, workbench.serving.served_variant, workbench.providers.openai.client\n"
        "assert workbench.__file__.startswith(sys.path[0]), workbench.__file__\n"
        "from importlib.metadata import distribution\n"
        f"entries = distribution({DISTRIBUTION!r}).entry_points\n"
        "names = entries.select(group='workbench.providers').names\n"
        "tops = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(names), tops & {'mlflow', 'typer', 'rich', 'filelock', 'dotenv', 'numpy'})\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "['echo', 'openai', 'transformers'] set()\n"


def test_files_of_the_wheel_are_those_of_the_project(tmp_path):
    with zipfile.ZipFile(build_wheel(tmp_path)) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                assert archive.read(name) == (ROOT / name).read_bytes()
