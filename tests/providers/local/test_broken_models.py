"""Models that compute nonsense or break at some row: that row says so, the others go on."""

import shutil
from pathlib import Path

import pytest
from tiny_model import ask

from workbench.conversation import Conversation
from workbench.model import PromptCall
from workbench.providers.transformers import TransformersProvider

TEXTS = ["the film is good", "review: Z plot", "a dull plot", "the end is bad"]


def calls(**more) -> list[PromptCall]:
    return [PromptCall(Conversation(text=text), {"max_tokens": 4, **more}) for text in TEXTS]


def provider(folder: Path) -> TransformersProvider:
    return TransformersProvider(str(folder), {"dtype": "float32"})


@pytest.fixture(scope="module")
def nan_at_z(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in which everything after a `Z` is NaN."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("nan") / "model"
    shutil.copytree(tiny, folder)
    (token,) = AutoTokenizer.from_pretrained(folder)("Z")["input_ids"]
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.get_input_embeddings().weight[token] = float("nan")
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def lacks_words(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose tokenizer knows words, `Z plot` among them, that it has no weights for."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("lacks") / "model"
    shutil.copytree(tiny, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([*(f"filler{n}" for n in range(400)), "Z plot"])
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("more", [{}, {"temperature": 1.0, "seed": 3}], ids=["greedy", "sampled"])
def test_row_that_computes_nan_is_kept_as_invalid_and_the_others_are_answered(nan_at_z, more):
    completions = ask(provider(nan_at_z), *calls(**more))
    states = [(completion.state, completion.text, completion.error) for completion in completions]
    assert states[1] == ("invalid_response", "", "the model computed NaN after 0 tokens")
    assert {state for state, _, _ in (states[0], *states[2:])} <= {"ok", "truncated"}


def test_others_are_answered_as_if_the_row_with_nan_were_not_there(nan_at_z, tiny):
    broken = ask(provider(nan_at_z), *calls())
    expected = ask(provider(tiny), *calls())
    assert [broken[n].text for n in (0, 2, 3)] == [expected[n].text for n in (0, 2, 3)]


def test_choice_without_a_likelihood_is_no_answer(nan_at_z):
    choice_calls = [
        PromptCall(Conversation(text=text), choices=(" good", " bad")) for text in TEXTS
    ]
    completions = ask(provider(nan_at_z), *choice_calls)
    assert [completion.state for completion in completions] == [
        "ok",
        "invalid_response",
        "ok",
        "ok",
    ]
    assert (completions[1].text, completions[1].choice_scores, completions[1].error) == (
        "",
        None,
        "the likelihood of ' good' is not a number",
    )


def test_row_that_breaks_the_model_fails_with_the_reason_and_the_others_are_answered(lacks_words):
    completions = ask(provider(lacks_words), *calls())
    assert [completion.state == "failed" for completion in completions] == [
        False,
        True,
        False,
        False,
    ]
    assert completions[1].error == (
        "the model can't answer it: IndexError: index out of range in self"
    )
