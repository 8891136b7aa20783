import subprocess
import sys
from pathlib import Path

import pytest
from bench import refusal

from workbench.errors import WorkbenchError
from workbench.model import Model, open_provider
from workbench.providers.transformers import TransformersProvider
from workbench.providers.transformers.settings import ModelSettings


def error_of(name: str, settings: dict) -> str:
    with pytest.raises(WorkbenchError) as caught:
        TransformersProvider(name, settings)
    return str(caught.value)


def test_it_is_found_by_its_entry_point(tiny):
    provider = open_provider(Model("transformers", str(tiny)))
    assert isinstance(provider, TransformersProvider)
    assert provider.concurrent is False


def test_making_it_and_preparing_import_nothing_heavy(tiny):
    code = f"""
import sys
from workbench.providers.transformers import TransformersProvider
from workbench.conversation import Conversation
from workbench.model import PromptCall
provider = TransformersProvider({str(tiny)!r}, {{}})
provider.identity
provider.prepare(PromptCall(Conversation(text="hello")))
print(sorted({{"torch", "transformers", "huggingface_hub"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_unknown_setting_gets_its_neighbour(tiny):
    assert error_of(str(tiny), {"dtyp": "float32"}) == (
        f"transformers:{tiny} takes no setting 'dtyp'\n"
        "  fix: did you mean 'dtype'? "
        "known: dtype, date, batch_size, batch_tokens, chat_template, device, revision, system"
    )


ONE_OF = "write one of"
WHOLE = "should be a valid integer"
FROM_1 = "write a whole number from 1 to 2147483647"
A_VARIABLE = "write true or false or a whole number or a number or a string"


@pytest.mark.parametrize(
    ("setting", "value", "problem", "fix"),
    [
        ("dtype", "int4", "should be 'auto', 'bfloat16', 'float32' or 'float16'", ONE_OF),
        ("dtype", None, "should be 'auto'", f"{ONE_OF} auto, bfloat16, float32, float16"),
        ("device", "gpu", "should be 'auto', 'cpu', 'cuda' or 'mps'", ONE_OF),
        ("device", 0, "should be 'auto'", f"{ONE_OF} auto, cpu, cuda, mps"),
        ("batch_size", 0, "should be greater than or equal to 1", FROM_1),
        ("batch_size", True, WHOLE, FROM_1),
        ("batch_size", "8", WHOLE, FROM_1),
        ("batch_size", 1.5, WHOLE, FROM_1),
        ("batch_size", 10**30, "should be less than or equal to 2147483647", FROM_1),
        ("batch_tokens", -1, "should be greater than or equal to 1", FROM_1),
        ("batch_tokens", None, WHOLE, FROM_1),
        ("revision", 1.0, "should be a valid string", "write a string"),
        ("revision", None, "should be a valid string", "write a string"),
        ("chat_template", "x", "should be a valid dictionary", "write a mapping"),
        ("chat_template", None, "should be a valid dictionary", "write a mapping"),
        ("chat_template.role", {"role": None}, "should be a valid boolean", A_VARIABLE),
        ("chat_template.role", {"role": [1]}, "should be a valid boolean", A_VARIABLE),
        ("date", 2026, "is no date", "write a date, as 2026-07-26"),
        ("date", "26 Jul 2026", "is no date", "write a date, as 2026-07-26"),
        ("date", "2026-02-30", "is no date", "write a date, as 2026-07-26"),
        ("system", "join", "should be 'keep' or 'merge'", f"{ONE_OF} keep, merge"),
        ("system", True, "should be 'keep' or 'merge'", f"{ONE_OF} keep, merge"),
    ],
)
def test_bad_value_of_each_setting_is_refused(tiny, setting, value, problem, fix):
    error = error_of(str(tiny), {setting.partition(".")[0]: value})
    shown = value["role"] if isinstance(value, dict) else value
    assert error.startswith(f"transformers:{tiny}: {setting}: {shown!r} {problem}")
    assert f"\n  fix: {fix}" in error


def test_every_setting_has_a_bad_value_above():
    (marks,) = test_bad_value_of_each_setting_is_refused.pytestmark
    names = {row[0].partition(".")[0] for row in marks.args[1]}
    assert names == set(ModelSettings.model_fields)


@pytest.mark.parametrize(
    "name", ["flag", "messages", "tools", "strftime_now", "add_generation_prompt"]
)
def test_variable_that_the_chat_template_lacks_or_gets_from_a_call_is_refused(tiny, name):
    assert error_of(str(tiny), {"chat_template": {name: True}}) == (
        f"transformers:{tiny}: its chat template has no variable {name!r}\n"
        "  fix: remove it from `chat_template:`"
    )


def test_date_without_effect_is_refused(tiny):
    assert error_of(str(tiny), {"date": "2026-02-01"}) == (
        f"transformers:{tiny}: its chat template doesn't ask for the date\n  fix: remove `date:`"
    )


def test_bad_value_is_refused_at_its_line_of_the_experiment_file(bench, tiny):
    bench.write("plain.jinja", "{{ q }}")
    bench.write("rows.jsonl", '{"q": 1}\n')
    text = "prompts: [plain]\nevaluators: [latency]\ndataset: rows.jsonl\nmodels:\n"
    text += f"  - transformers:{tiny}:\n      system: join\n"
    assert refusal(bench.plan, text).startswith("prompts/qa/experiment.yaml:5:5: transformers:")


def test_revision_of_a_folder_is_refused(tiny):
    assert error_of(str(tiny), {"revision": "v1"}) == (
        f"model {str(tiny)!r} is not on the hub and has no revision 'v1'\n  fix: remove `revision:`"
    )


def test_unknown_model_lists_the_catalogue():
    assert error_of("smollm2-135m-instuct", {}) == (
        "unknown model 'smollm2-135m-instuct'\n"
        "  fix: did you mean 'smollm2-135m-instruct'? "
        "known: smollm2-135m-instruct, qwen2.5-coder-1.5b-instruct, gemma-3-270m"
    )


def test_model_of_the_catalogue_not_yet_fetched_is_missed_when_it_is_used():
    provider = TransformersProvider("gemma-3-270m", {})
    with pytest.raises(WorkbenchError) as caught:
        _ = provider.identity
    assert str(caught.value) == (
        "model 'gemma-3-270m' has not been fetched\n  fix: workbench models add gemma-3-270m"
    )


def test_folder_without_a_model_is_named(tmp_path):
    assert error_of(str(tmp_path), {}) == (
        f"{tmp_path}: not the folder of a model: it has no config.json"
        "\n  fix: name the folder that save_pretrained() wrote"
    )


def test_folder_with_pickled_weights_only_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    assert error_of(str(tmp_path), {}) == (
        f"{tmp_path}: some or all weights are missing as safetensors\n"
        "  fix: convert with save_pretrained(); .bin and .pt files can run code when loaded"
    )


def test_folder_that_lacks_a_shard_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    index = '{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}'
    (tmp_path / "model.safetensors.index.json").write_text(index)
    (tmp_path / "model-1.safetensors").write_bytes(b"")
    assert "some or all weights are missing" in error_of(str(tmp_path), {})


def test_hub_model_that_is_nowhere_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert error_of("some-org/no-such-model", {}) == (
        "model 'some-org/no-such-model' at 'main' is not in the local cache, "
        "and the hub can't be reached\n  fix: check the network, or give a local folder"
    )


def test_hub_model_in_the_local_cache_is_known_by_its_commit(monkeypatch, tmp_path, tiny):
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "hub" / "models--some-org--tiny"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(commit)
    (cached / "snapshots").mkdir()
    (cached / "snapshots" / commit).symlink_to(tiny)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_OFFLINE", True)
    provider = TransformersProvider("some-org/tiny", {})
    assert provider.identity["weights"] == f"commit:{commit}"


def test_identity_changes_with_weights_tokenizer_and_dtype(tiny, tmp_path):
    import shutil

    other = Path(shutil.copytree(tiny, tmp_path / "other"))
    first = TransformersProvider(str(tiny), {"dtype": "float32"}).identity
    assert TransformersProvider(str(other), {"dtype": "float32"}).identity == first
    assert TransformersProvider(str(tiny), {"dtype": "bfloat16"}).identity != first
    (other / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    changed = TransformersProvider(str(other), {"dtype": "float32"}).identity
    assert changed["weights"] == first["weights"]
    assert changed["tokenizer"] != first["tokenizer"]
    weights = other / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    assert TransformersProvider(str(other), {}).identity["weights"] != first["weights"]


def test_it_is_ready_where_weights_and_packages_are(tiny):
    assert TransformersProvider(str(tiny), {}).check_ready() is None


@pytest.mark.skipif(sys.platform == "darwin", reason="mps may be here")
def test_device_that_cannot_be_here_is_refused_before_anything_is_sent(tiny):
    provider = TransformersProvider(str(tiny), {"device": "mps"})
    with pytest.raises(WorkbenchError, match="torch finds no mps device"):
        provider.check_ready()


def test_weights_that_went_away_are_missed_before_anything_is_sent(tiny, tmp_path):
    import shutil

    folder = Path(shutil.copytree(tiny, tmp_path / "gone"))
    provider = TransformersProvider(str(folder), {})
    (folder / "model.safetensors").unlink()
    with pytest.raises(WorkbenchError, match="some or all weights are missing as safetensors"):
        provider.check_ready()
