"""A package: an MLflow model from code that answers as the evaluation does, and holds no secret."""

import json
import shutil
from pathlib import Path

import mlflow
import pandas
import pytest
from bench import Bench, refusal
from command import invoke
from openai_server import OpenAIServer, refuse, say, serve

from workbench.plan import Options, plan_invocation
from workbench.prompt import Renderer
from workbench.releasing.variant_package import log_package, open_package, save_package
from workbench.secrets import Redactor, find_secrets
from workbench.serving.pyfunc import RowsError
from workbench.store import Store

KEY = "correct-horse-battery-staple"
TEMPLATE = "user:\n{{ text }} has {{ stars }} stars, {{ tags | join(', ') }}\n"
ROWS = [{"id": f"r{n}", "text": f"film {n}", "stars": n, "tags": ["a", n]} for n in range(50)]
INPUTS = [{name: row[name] for name in ("text", "stars", "tags")} for row in ROWS]
ROWS[0] |= {"text": f"film 0 {KEY}"}
HEADERS = '{X-Org: lab, Authorization: "Token ${LAB_KEY}"}'


def experiment(url: str, settings: str = f"api_key_env: LAB_KEY, headers: {HEADERS}") -> str:
    return (
        "dataset: rows.jsonl\nprompts: [plain]\nevaluators: [output_tokens]\n"
        f"models: [openai:m: {{base_url: '{url}', {settings}}}]\nparameters: {{temperature: 0}}\n"
    )


def write(bench: Bench, url: str, **changes: str) -> Bench:
    bench.write("plain.jinja", TEMPLATE)
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS))
    bench.write("experiment.yaml", experiment(url, **changes))
    return bench


def pack(bench: Bench, folder: Path, url: str, **changes: str) -> Path:
    """The package of the only variant of `bench`."""
    write(bench, url, **changes)
    redactor = Redactor(find_secrets({"LAB_KEY": KEY}))
    with Store(bench.root, redactor) as store:
        loaded = bench.experiment(experiment(url, **changes))
        plan = plan_invocation(loaded, bench.renderer, store, Options(looks_up=False))
        with open_package(plan, 0, store, bench.renderer) as package:
            save_package(package, folder)
    return folder


@pytest.fixture(scope="module")
def api():
    with serve() as server:
        server.script = lambda path, body, nth: say(body["messages"][0]["content"].upper())
        yield server


@pytest.fixture(scope="module")
def packed(tmp_path_factory, api: OpenAIServer):
    """A package, moved away from where it was written, with its project gone."""
    root = tmp_path_factory.mktemp("packed")
    with Renderer() as renderer, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_KEY", KEY)
        folder = pack(Bench(root / "project", renderer), root / "written", api.url)
        moved = folder.rename(root / "moved")
        shutil.rmtree(root / "project")
        yield moved


@pytest.fixture(scope="module")
def model(packed: Path):
    return mlflow.pyfunc.load_model(str(packed))


def test_no_file_holds_a_key_or_a_place_of_this_machine(packed):
    contents = {file: file.read_bytes() for file in packed.rglob("*") if file.is_file()}
    places = [str(packed.parent), str(Path.home()), str(Path(__file__).parents[2]), "file:", "/tmp"]
    for secret in [KEY, *places[:3]]:
        assert [file for file, content in contents.items() if secret.encode() in content] == []
    ours = {file: c for file, c in contents.items() if file.suffix != ".whl"}
    for place in places[3:]:
        assert [file for file, content in ours.items() if place.encode() in content] == []
    assert [file for file in contents if file.suffix in (".pkl", ".pickle", ".cloudpickle")] == []
    settings = json.loads((packed / "artifacts/variant/variant.json").read_text())["model"]
    assert settings["settings"]["api_key_env"] == "LAB_KEY"
    assert "[secret LAB_KEY]" in (packed / "input_example.json").read_text()


def test_signature_has_a_column_per_variable_with_its_type(model):
    inputs = model.metadata.get_input_schema().to_dict()
    assert [(c["name"], c["type"], c["required"]) for c in inputs] == [
        ("text", "string", True),
        ("stars", "long", True),
        ("tags", "any", True),
    ]
    assert model.metadata.get_output_schema().input_types()[0].name == "string"
    assert model.metadata.get_params_schema().params[0].default == "raise"


def test_requirements_are_pinned_and_name_the_wheel_inside(packed):
    lines = (packed / "requirements.txt").read_text().split()
    (wheel,) = (line for line in lines if line.endswith(".whl"))
    assert (packed / wheel).is_file()
    assert all("==" in line for line in lines if line != wheel)
    names = {line.partition("==")[0] for line in lines}
    assert {"mlflow-skinny", "openai", "jinja2", "pandas"} <= names
    assert names & {"mlflow", "torch", "transformers", "typer", "datasets", "scipy"} == set()


def test_50_rows_get_the_texts_of_the_evaluation_from_the_same_bodies(bench, packed, model, api):
    ran = invoke(write(bench, api.url).root, "run", "--tracking-uri", "none", LAB_KEY=KEY)
    assert ran.returncode == 0, ran.stderr
    evaluated = {received.raw for received in api.requests}
    api.requests.clear()
    rows = [INPUTS[0] | {"text": "film 0 [secret LAB_KEY]"}, *INPUTS[1:]]
    texts = model.predict(pandas.DataFrame(rows))
    assert {received.raw for received in api.requests} == evaluated
    assert len(evaluated) == 50
    with Store(bench.root / ".workbench", Redactor()) as store:
        stored = store.database.read("SELECT key FROM completions")
        completions = store.completions([key for (key,) in stored])
    assert sorted(texts) == sorted(completion.text for completion in completions.values())
    assert texts[7] == "FILM 7 HAS 7 STARS, A, 7"


def test_rows_may_be_a_frame_or_a_list(model):
    expected = ["FILM 1 HAS 1 STARS, A, 1", "FILM 2 HAS 2 STARS, A, 2"]
    assert model.predict(INPUTS[1:3]) == expected
    assert model.predict(pandas.DataFrame(INPUTS[1:3], index=["x", "y"])) == expected


def test_row_without_an_answer_is_named_by_its_position_alone(model, api):
    script = api.script
    api.script = lambda path, body, nth: (
        refuse(400, "bad request about film 2")
        if "film 2 " in body["messages"][0]["content"]
        else script(path, body, nth)
    )
    try:
        with pytest.raises(RowsError) as caught:
            model.predict(INPUTS[1:4])
        texts = model.predict(INPUTS[1:4], params={"on_error": "null"})
    finally:
        api.script = script
    assert str(caught.value) == (
        "1 of 3 rows got no answer: rejected: row 1\n"
        '  fix: params={"on_error": "null"} gives None in their place'
    )
    assert texts == ["FILM 1 HAS 1 STARS, A, 1", None, "FILM 3 HAS 3 STARS, A, 3"]
    unknown = refusal(model.predict, INPUTS[1:2], {"on_error": "skip"})
    assert "on_error: 'skip' is unknown" in unknown


def test_model_without_its_key_says_which_variable_is_empty(packed, monkeypatch):
    monkeypatch.setenv("LAB_KEY", "")
    model = mlflow.pyfunc.load_model(str(packed))
    assert "the variable LAB_KEY is empty" in refusal(model.predict, INPUTS[:1])
    monkeypatch.setenv("LAB_KEY", KEY)
    assert model.predict(INPUTS[1:2]) == ["FILM 1 HAS 1 STARS, A, 1"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("headers: {X-Api-Key: sesame}", "headers.X-Api-Key may hold a key"),
        ("headers: {X-Org: sk-proj-a1b2c3d4e5f6g7h8}", "headers.X-Org may hold a key"),
        (f"headers: {{X-Org: {KEY}}}", "headers.X-Org may hold a key"),
    ],
)
def test_key_in_a_setting_is_refused(bench, tmp_path, settings, expected):
    message = refusal(pack, bench, tmp_path / "out", "http://127.0.0.1:1/v1", settings=settings)
    assert expected in message
    assert "${NAME}" in message
    assert not (tmp_path / "out").exists()


def test_logged_package_leads_to_its_run_and_loads_from_the_registry(
    empty_store, bench, tmp_path, api, monkeypatch
):
    monkeypatch.setenv("LAB_KEY", KEY)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    for set_uri in (mlflow.set_tracking_uri, mlflow.set_registry_uri):
        set_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment_id = mlflow.create_experiment("qa", (tmp_path / "artifacts").as_uri())
    with mlflow.start_run(experiment_id=experiment_id) as run:
        pass
    write(bench, api.url)
    with Store(bench.root, Redactor()) as store:
        plan = bench.plan(experiment(api.url))
        with open_package(plan, 0, store, bench.renderer) as package:
            info = log_package(package, run_id=run.info.run_id, name="plain")
    version = mlflow.register_model(info.model_uri, "qa~variant")
    asked = len(api.requests)
    assert (version.run_id, info.run_id) == (run.info.run_id, run.info.run_id)
    model = mlflow.pyfunc.load_model("models:/qa~variant/1")
    assert len(api.requests) == asked  # logging and loading ask nobody
    assert model.predict(INPUTS[3:4]) == ["FILM 3 HAS 3 STARS, A, 3"]
    asked, frame = len(api.requests), pandas.DataFrame(INPUTS[1:3])
    with mlflow.start_run(experiment_id=experiment_id):
        mlflow.models.evaluate(model, frame, extra_metrics=[mlflow.metrics.latency()])
    assert len(api.requests) == asked + 2
