# %% [markdown]
# # Write an evaluator
#
# An evaluator is a function that takes an answer and returns its score. This notebook writes one for answers of a support team, tries
# it on examples, and then scores two columns of answers. No model is needed.

# %%
import pandas as pd

import workbench as wb

tickets = pd.DataFrame(
    {
        "ticket": [
            "I was charged twice.",
            "I can't log in.",
            "Where is my parcel?",
            "Cancel my account.",
            "Hello!",
            "The invoice is wrong.",
        ],
        "team": ["billing", "access", "delivery", "access", "none", "billing"],
        "old": [
            "We are sorry. Our billing team refunds you within 3 days.",
            "Please reset your password.",
            "Your parcel is on its way!!! Have a GREAT day!!!",
            "Our access team closes your account today and then deletes your data in 30 days, by law.",
            "Hello! How can we help?",
            "Sorry, our delivery team looks into it.",
        ],
        "new": [
            "Sorry about that. Our billing team refunds you within 3 days.",
            "Our access team sends you a new link today.",
            "Our delivery team finds your parcel and writes to you today.",
            "Our access team closes your account today.",
            "Hello! How can we help?",
            "Sorry, our billing team corrects it today.",
        ],
    }
)

# %% [markdown]
# ## A function
#
# `outputs` is the answer, `expectations` holds the right one as `expected_response`. Return a bool, a number, a category as text, or a
# `wb.Score` with a reason, which you will be glad of when you read single rows.


# %%
def names_the_team(outputs: str, expectations: dict) -> wb.Score | None:
    team = expectations["expected_response"]
    if team == "none":
        return None  # not applicable: the row counts neither as right nor as wrong
    named = [t for t in ("billing", "access", "delivery") if t in outputs.lower()]
    return wb.Score(named == [team], f"names {' and '.join(named) or 'no team'}")


# %% [markdown]
# It is an ordinary function: try it on the cases that you worry about.

# %%
right, wrong = {"expected_response": "billing"}, {"expected_response": "access"}
assert names_the_team("Our Billing team helps.", right).value
assert not names_the_team("Our billing team helps.", wrong).value
assert not names_the_team("billing, access or delivery", right).value  # naming all is no answer
assert names_the_team("Hello!", {"expected_response": "none"}) is None

# %% [markdown]
# ## Settings
#
# A keyword-only parameter is a setting with a default. One function then serves several experiments.


# %%
def is_brief(outputs: str, *, max_words: int = 12) -> wb.Score:
    words = len(outputs.split())
    return wb.Score(words <= max_words, f"{words} words")


# %% [markdown]
# ## Score the answers
#
# `wb.evaluate` scores answers that exist: each column of `output` is a variant, the first is the baseline.

# %%
scored = wb.evaluate(
    tickets,
    [names_the_team, {is_brief: {"max_words": 15}}],
    output=["old", "new"],
    expected="team",
)
scored

# %%
rows = scored.to_pandas()
rows.loc[rows["variant"] == "old", ["id", "output", "names_the_team", "names_the_team.reason"]]

# %% [markdown]
# The greeting belongs to no team: its score is empty, and the mean has `n=5`. Two more right answers of five are *not enough evidence*: the
# interval of the difference says how little five rows can tell.

# %%
scored.compare()

# %% [markdown]
# ## Edit and score again
#
# The function's source is kept with each score. Run a cell again: nothing is computed. Edit the function: it scores again, and only it.
# Here an exclamation mark too many makes an answer rude, and an answer without any words can't be judged: an exception is an *error of
# the evaluator*, which is no score of 0.


# %%
def is_calm(outputs: str) -> wb.Score:
    letters = [c for c in outputs if c.isalpha()]
    if not letters:
        raise ValueError("the answer has no letters")
    marks, capitals = outputs.count("!"), sum(c.isupper() for c in letters) / len(letters)
    return wb.Score(marks < 2 and capitals < 0.2, f"{marks} marks, {capitals:.0%} capitals")


answers = pd.DataFrame({"answer": [*tickets["old"], "42"]})
calm = wb.evaluate(answers, is_calm, output="answer").to_pandas()
calm[["output", "is_calm", "is_calm.reason", "is_calm.error"]]

# %% [markdown]
# A warning names the error, and the mean leaves the row out. When the function is good, put it into `evaluators/is_calm.py`: every task
# of the project can then name it, [in its experiment file](../docs/evaluators.md) or in `wb.run`. Next:
# [choose a base model](choose_a_model.ipynb).
