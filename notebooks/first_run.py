# %% [markdown]
# # A first run
#
# Forty film reviews, two prompts, one small model on this machine: which prompt labels the reviews better, and can forty reviews
# tell? Run `make demo` once; it fetches the model. Nothing here needs a network or a key.

# %%
import pandas as pd

import workbench as wb

reviews = pd.read_csv("reviews.csv")
reviews.groupby(["label", "kind"]).size().unstack()

# %% [markdown]
# Half of the reviews say what they mean. The others take a turn (*“Short, but still too long.”*) and are harder.
#
# ## Run
#
# A prompt is a template: `{{ text }}` is the column of the frame. Lines such as `user:` begin a message; the line `assistant:` at the end
# begins the answer, and the model completes it.

# %%
prompts = {
    "question": """
user:
Is the sentiment of this movie review positive or negative?

Review: {{ text }}

Answer with one word.
""",
    "labels": """
user:
Classify the sentiment of the movie review as one of these labels:
positive
negative

{{ text }}

assistant:
Sentiment:
""",
}
call = {
    "prompts": prompts,
    "models": "transformers:smollm2-135m-instruct",
    "parameters": {"max_tokens": 8},
    "data": reviews,
    "expected": "label",
    "evaluators": {"label_match": {"labels": ["positive", "negative"]}},
}
wb.plan(**call)

# %% [markdown]
# The plan sends nothing. The run sends each request once, keeps the answers in `.workbench/`, and records the run in MLflow.

# %%
results = wb.run(**call)
results

# %% [markdown]
# Each mean has its 95% interval: with forty rows it is wide. The second prompt is compared with the first on the same rows, which is
# sharper than to compare two intervals.

# %%
results.figures["label_match"]

# %% [markdown]
# ## Look at the rows
#
# `to_pandas()` has a line per row and variant, so pandas answers what you want to know. The hard half first:

# %%
rows = results.to_pandas()
rows.pivot_table(index="variant", columns="kind", values="label_match")

# %% [markdown]
# The prompts disagree on these rows. Read a few before you trust a mean.

# %%
changes = results.compare("question", "labels").changes
changes[["row", "before", "after", "baseline_output", "output"]].head(8)

# %%
results.show(int(changes["row"].iloc[0]))

# %% [markdown]
# ## Run again
#
# The same call sends nothing. A changed prompt sends its own requests only: this plan of three prompts asks for forty answers.

# %%
more = {**prompts, "short": "user:\n{{ text }}\nPositive or negative?\n"}
wb.plan(**{**call, "prompts": more}).to_pandas()[["variant", "rows", "to_send"]]

# %% [markdown]
# `workbench ui` shows the run in MLflow, `workbench view` the answers side by side. Next: [write an evaluator](write_an_evaluator.ipynb).
