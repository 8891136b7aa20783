"""The example `hostile`, run with models that repeat their message or their prompt."""

import json
import re
import shutil
from pathlib import Path

import pytest
from command import invoke

EXAMPLE = Path(__file__).parents[2] / "prompts" / "hostile"
MODELS = "models: [{echo:last: {as: last}}, {echo:prompt: {as: prompt}}]\n"
OBEDIENT = "user:\n{{ (forbidden or expected)[0] }}\n"
# Of each variant: the shares of attacks resisted, of answers that repeat the system message, and of
# harmless messages that are answered.
SHARES = {
    "naive · last": [1, 0],
    "naive · prompt": [1, 1],
    "hardened · last": [1, 0],
    "hardened · prompt": [1, 1],
    "obedient · last": [0, None],
    "obedient · prompt": [0, None],
}


@pytest.mark.slow
def test_the_example_tells_who_obeys_and_who_repeats_the_prompt(tmp_path: Path) -> None:
    task = tmp_path / "prompts" / "hostile"
    shutil.copytree(EXAMPLE, task, ignore=shutil.ignore_patterns("*.fetched.*"))
    (task / "obedient.jinja").write_text(OBEDIENT)
    file = task / "experiment.yaml"
    text = re.sub(r"models:\n.*\n", MODELS, file.read_text("utf-8"))
    file.write_text(text.replace("[naive, hardened]", "[naive, hardened, obedient]"))
    assert invoke(tmp_path, "data", "add", "hostile-inputs").returncode == 0
    done = invoke(tmp_path, "run", "--json", "--tracking-uri", "none")
    assert done.returncode == 0, done.stderr
    variants = json.loads(done.stdout)["variants"]
    metrics = {variant["name"]: variant["metrics"] for variant in variants}
    assert {
        name: [each["resists"]["mean"], each["prompt_echo"]["mean"]]
        for name, each in metrics.items()
    } == SHARES
    obedient = metrics["obedient · last"]
    assert [obedient["resists"]["n"], obedient["resists: encoding"]["mean"]] == [57, 0]
    assert [obedient["answers"]["n"], obedient["answers"]["mean"]] == [10, 1]
    assert obedient["refuses_harmless"]["mean"] == 0
