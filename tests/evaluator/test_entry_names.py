"""A misspelt entry under `evaluators:` is told the right word, also where it is no function."""

from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluator import Spec
from workbench.evaluator.lookup import ENTRY_NAMES, load_evaluator
from workbench.experiment.entry_descriptions import describe_entries

MISSPELT = {
    "rubrik": "rubric",
    "judges": "judge",
    "checklst": "checklist",
    "pair_wise": "pairwise",
    "wieghted": "weighted",
    "treshold": "threshold",
    "ratios": "ratio",
    "pass_att": "pass_at",
    "pass_al": "pass_all",
    "json_feilds": "json_fields",
    "expected_liklihood": "expected_likelihood",
}


def test_the_names_are_those_of_all_entries() -> None:
    assert sorted(ENTRY_NAMES) == sorted(describe_entries())
    assert sorted(MISSPELT.values()) == sorted(ENTRY_NAMES)


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_entry_is_told_the_right_word(name: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as raised:
        load_evaluator(Spec(name, {}, tmp_path))
    assert f"did you mean {MISSPELT[name]!r}?" in raised.value.fix
