"""Names of registered models, which share MLflow's namespace with prompts."""

import pytest
from mlflow.exceptions import MlflowException
from mlflow.prompt.registry_utils import validate_prompt_name
from mlflow.store.artifact.utils.models import _parse_model_uri
from mlflow.utils.validation import _validate_model_name

from workbench.releasing.registered_models import task_of_model
from workbench.serving.served_names import registered_model_name

TASKS = [("sentiment", ""), ("q-a_2", "team.a"), ("variant", "")]


@pytest.mark.parametrize(("task", "prefix"), TASKS)
def test_mlflow_takes_the_name_for_a_model_and_refuses_it_for_a_prompt(
    task: str, prefix: str
) -> None:
    name = registered_model_name(task, prefix)
    _validate_model_name(name)
    with pytest.raises(MlflowException, match="Prompt name"):
        validate_prompt_name(name)
    by_alias = _parse_model_uri(f"models:/{name}@production")
    assert (by_alias.name, by_alias.alias) == (name, "production")
    by_number = _parse_model_uri(f"models:/{name}/3")
    assert (by_number.name, by_number.version) == (name, "3")


@pytest.mark.parametrize(("task", "prefix"), TASKS)
def test_the_name_gives_the_task_back(task: str, prefix: str) -> None:
    assert task_of_model(registered_model_name(task, prefix)) == task


@pytest.mark.parametrize("name", ["sentiment.few_shot", "churn", "a~variant~2", "~variant"])
def test_other_names_are_of_no_task(name: str) -> None:
    assert task_of_model(name) == ""
