"""The shape of the source: direction of imports, sizes, and the words of its names."""

import ast
import re
from collections import Counter, defaultdict

import pytest
from house import EVALUATORS, MODULES, PACKAGE, ROOT, SOURCES, Function, Source, parameters, words

MOST_LINES = 300
MOST_FUNCTION_LINES = 45
MOST_PARAMETERS = 5
MOST_CONTEXT_PARAMETERS = 6
MOST_LOOSE_FILES = 9

MOST_TOTAL_LINES = 110_000

# A package may import those in lower rows, and its own modules.
FLOORS = [
    {"errors", "canonical", "conversation", "secrets", "proxies", "storable_text"},
    {"box", "document", "images", "parameters", "sandbox", "workers"},
    {"project", "model", "catalog", "starters"},
    {"prompt", "dataset", "evaluator", "evaluators", "providers", "answers"},
    {"serving"},
    {"judges"},
    {"model_scores"},
    {"experiment"},
    {"checking", "schemas"},
    {"store"},
    {"plan", "stats"},
    {"completing", "results"},
    {"scoring"},
    {"comparing"},
    {"calibration"},
    {"figures"},
    {"tracking"},
    {"resolvers"},
    {"lint", "run", "doctor"},
    {"review"},
    {"watch"},
    {"importing"},
    {"releasing"},
    {"report"},
    {"page"},
    {"view"},
    {"cli", "api"},
]
HEAVY = {
    "mlflow": {"scoring", "tracking", "releasing", "serving"},
    "autoevals": {"scoring"},
    "openai": {"providers.openai"},
    "torch": {"providers.transformers"},
    "transformers": {"providers.transformers"},
    "datasets": {"dataset"},
    "scipy": {"stats", "evaluators._bert_encoder"},  # the latter: a function of the network
    "matplotlib": {"figures", "api"},  # api: the type alone
    "starlette": {"serving", "view"},
    "uvicorn": {"serving", "view"},
    "prometheus_client": {"serving"},
    "watchfiles": {"watch"},
}
# Both ends of a pipe between the main process and a child that it has started.
PICKLING = {
    *("tracking.recording_process", "tracking.worker"),
    *("tracking.rating_process", "tracking.rating_worker"),
}

# A name made of one of these doesn't tell a reader what it holds.
VAGUE = {
    *("one", "found", "said", "made", "own", "some", "there", "held", "kept", "told", "asked"),
    *("whole", "known", "given", "thing", "things", "item", "obj", "elem", "tmp", "stuff"),
    *("these", "those", "such", "who", "whoever", "what", "whose", "way", "anew", "aside"),
    *("alone", "never"),
}
ALLOWED_NAMES: dict[str, str] = {
    "NotFoundError": "the field's name of this error",
    "LockHeld": "another process holds the lock",
    "_complete_one_by_one": "in batches of one",
    "_one_sided_p": "a one-sided test",
    "connection_made": "a method of asyncio.Protocol",
    "alone": "a key of `run --json`: the answer to a row in a batch of one",
    "one_word": "an evaluator in the documentation: the output is one word",
}
RIDDLE = re.compile(r"(What|Whether|Where|Whoever|Whose|Who|How|That|When|Which|Nobody|Somebody)\b")

# Module names that several packages share, each for its own part in the same thing.
COUNTERPARTS = {
    "worker": "the program of a child process",
    "protocol": "the messages between the main process and a child",
    "provider": "the class that a provider package is loaded for",
    "settings": "the settings of a provider",
    "body": "the body of a provider's request",
    "errors": "the errors of the workbench, and an API's errors in its words",
    "types": "the dataclasses of a package",
    "load": "reads a package's type from its files",
}
# These packages hold commands and presentations, each named after what it presents.
PRESENTERS = {"cli", "report", "api"}


def floor_of(package: str) -> int:
    return next(number for number, packages in enumerate(FLOORS) if package in packages)


def in_package(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def house_imports(source: Source) -> set[str]:
    """The modules of the workbench that a file imports, without `workbench.`."""
    inside = {name.removeprefix("workbench.") for name in source.imports & MODULES}
    return inside - {source.module}


def test_every_package_stands_on_a_floor() -> None:
    assert {source.package for source in SOURCES} - {""} == set().union(*FLOORS)


def test_imports_go_down() -> None:
    upward = [
        f"{source.module} imports {name}"
        for source in SOURCES
        for name in {name.split(".")[0] for name in house_imports(source)}
        if name != source.package and floor_of(name) > floor_of(source.package or "cli")
    ]
    assert upward == []


@pytest.mark.parametrize("package", sorted(HEAVY))
def test_a_heavy_package_is_imported_by_its_own_packages_only(package: str) -> None:
    outside = {
        source.module
        for source in SOURCES
        if any(in_package(name, {package}) for name in source.imports)
        and not in_package(source.module, HEAVY[package])
    }
    assert outside == set()


def test_no_import_cycle() -> None:
    graph = {source.module: house_imports(source) for source in SOURCES}
    assert [name for name in graph if name in reachable(graph, name)] == []


@pytest.mark.parametrize("start", ["cli.app", "scoring.worker"])
def test_the_help_and_the_processes_of_evaluators_start_without_pydantic(start: str) -> None:
    """It takes longer than all else that they need, and each evaluator's file has a process."""
    graph = {f"workbench.{source.module}".rstrip("."): source.first_imports for source in SOURCES}
    graph = {name: imports | {name.rpartition(".")[0]} for name, imports in graph.items()}
    others: dict[str, set[str]] = {
        name: set() for name in set().union(*graph.values()) - graph.keys()
    }
    loaded = reachable(graph | others, f"workbench.{start}")
    assert {name for name in loaded if name.split(".")[0] in ("pydantic", "ruamel")} == set()


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    left = list(graph[start])
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += graph[name]
    return seen


def test_files_are_short() -> None:
    lengths = {source.module: source.text.count("\n") for source in SOURCES}
    assert {module: count for module, count in lengths.items() if count > MOST_LINES} == {}
    assert sum(lengths.values()) <= MOST_TOTAL_LINES


def test_few_files_stand_beside_the_packages() -> None:
    loose = sorted(path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py")
    assert len(loose) <= MOST_LOOSE_FILES, loose


def test_functions_are_short() -> None:
    long = [
        f"{source.module}.{function.name}: {length} lines"
        for source in SOURCES
        for function in source.functions
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MOST_FUNCTION_LINES
    ]
    assert long == []


def test_functions_take_few_parameters() -> None:
    """Commands, calls from Python and evaluators are exempt: there it is a flag or a setting."""
    many = [
        f"{source.module}.{function.name}: {count} parameters"
        for source in SOURCES
        if source.package not in ("cli", "api", "evaluators")
        for function in source.functions
        if (count := parameters(function)) > most_parameters(function)
    ]
    assert many == []


def most_parameters(function: Function) -> int:
    """A function that builds a context, or a decorator, may take one more."""
    returned = ast.unparse(function.returns) if function.returns else ""
    more = returned.endswith("Context") or returned == "Callable[[Function], Function]"
    return MOST_CONTEXT_PARAMETERS if more else MOST_PARAMETERS


def test_templates_are_rendered_in_the_worker_only() -> None:
    """Elsewhere a template would run in the process that holds the keys.

    Chat templates are rendered by the process of a model and by the one that checks them.
    """
    constructors = ("Environment(", "from_string", "Template(")
    users = {
        source.module
        for source in SOURCES
        if any(name.startswith("jinja2") for name in source.imports)
        and any(constructor in source.text for constructor in constructors)
    }
    assert users == {"prompt.worker", "sandbox.environment", "providers.transformers.chat_template"}


def test_nothing_is_unpickled_and_no_shell_is_used() -> None:
    for source in SOURCES:
        called = {ast.unparse(call.func) for call in source.calls}
        assert called & {"eval", "exec", "os.system", "os.popen"} == set(), source.module
        keywords = {keyword.arg for call in source.calls for keyword in call.keywords}
        assert "shell" not in keywords, source.module
        if source.module not in PICKLING:
            packages = {name.split(".")[0] for name in source.imports}
            assert packages & {"pickle", "marshal", "dill"} == set(), source.module


def test_names_say_what_they_hold() -> None:
    vague = [
        f"{source.module}: {name}"
        for source in [*SOURCES, *EVALUATORS]
        for name in [source.name, *source.bound_names]
        if name not in ALLOWED_NAMES and VAGUE.intersection(words(name))
    ]
    assert vague == []


def test_docstrings_begin_with_a_noun_phrase_or_an_imperative() -> None:
    riddles = [
        f"{source.module}: {docstring.splitlines()[0]}"
        for source in [*SOURCES, *EVALUATORS]
        for docstring in source.docstrings
        if RIDDLE.match(docstring)
    ]
    assert riddles == []


def test_no_public_class_name_stands_twice() -> None:
    classes = defaultdict(set)
    for source in SOURCES:
        for node in source.classes:
            if not node.name.startswith("_"):
                classes[node.name].add(source.module)
    twice = {name: modules for name, modules in classes.items() if len(modules) > 1}
    assert twice == {}


def test_no_module_name_stands_for_two_things() -> None:
    """A command, its presentation and what it presents may share a name."""
    modules = defaultdict(list)
    for source in SOURCES:
        heart = source.module == f"{source.package}.{source.package}"
        if source.name not in COUNTERPARTS and not heart:
            group = source.package if source.package in PRESENTERS else "presented"
            modules[source.name, group].append(source.module)
    twice = [shared for shared in modules.values() if len(shared) > 1]
    assert twice == []


def test_modules_of_the_tests_have_names_of_their_own() -> None:
    """They are imported by their bare names: the second of a name is never imported."""
    paths = sorted((ROOT / "tests").rglob("*.py"))
    modules = Counter(path.stem for path in paths if path.stem not in {"conftest", "__init__"})
    assert [name for name, count in modules.items() if count > 1] == []


def test_examples_name_no_model_that_is_withdrawn() -> None:
    """GPT-4o, 4o mini and 4.1 leave the API on 14 January 2027."""
    files = [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "notebooks").glob("*.ipynb"),
    ]
    files += [file for file in (ROOT / "prompts").rglob("*") if file.suffix in (".yaml", ".jinja")]
    assert [file.name for file in files if re.search(r"gpt-4(o|\.1)", file.read_text())] == []
