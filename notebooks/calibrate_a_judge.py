# %% [markdown]
# # Calibrate a judge
#
# A judge is a prompt that a model answers with a verdict. How wrong is it? Fifteen or more people have rated each of these sentences of film
# reviews, so a judge of 135 million parameters can be held against them. Run `make demo` first.

# %%
import json
import subprocess
import sys
from pathlib import Path

import workbench as wb

import matplotlib.pyplot as plt
import pandas as pd

root = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "prompts").is_dir())
reviews = root / "prompts" / "sentiment" / "reviews.fetched.jsonl"
labels = reviews.with_suffix(".labels.csv")
people = pd.read_csv(labels).dropna(subset=["label"])
people.groupby("id")["label"].value_counts().unstack(fill_value=0).head()

# %% [markdown]
# ## The judge
#
# A file of `prompts/judges/` with the choices and what they are worth. It is versioned and registered as any prompt. The task has a template
# that repeats the sentence, and `echo:last` returns it, so the judge is asked about the sentences themselves.

# %%
files = {
    "judges/positive.jinja": """\
---
description: Is a sentence of a film review positive?
scores: {positive: 1, negative: 0}
---
user:
A sentence of a film review:
{{ outputs }}

Is the sentence positive or negative?
""",
    "snippets/snippet.jinja": "user:\n{{ text }}\n",
    "snippets/experiment.yaml": """\
dataset: {path: ../sentiment/reviews.fetched.jsonl, expected: label}
prompts: [snippet]
models: [echo:last]
evaluators:
  - judge: {prompt: judges/positive, model: "transformers:smollm2-135m-instruct", min_kappa: 0.6}
""",
}
for name, text in files.items():
    path = root / "prompts" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)

# %% [markdown]
# ## Its verdicts
#
# Each verdict is asked for once and stored.

# %%
results = wb.run("snippets", limit=40)
results.leaderboard[["variant", "metric", "mean", "low", "high", "n"]].round(3)

# %% [markdown]
# ## Against people
#
# `workbench judge calibrate` compares the stored verdicts with the labels: nothing is asked again.


# %%
def workbench(*words):
    command = [sys.executable, "-c", "from workbench.cli import main; main()", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout


calibrate = ["judge", "calibrate", "snippets", "positive", "--labels", str(labels), "--limit", "40"]
print(workbench(*calibrate))

# %%
document = json.loads(workbench(*calibrate, "--json"))
figures = {
    "agreement": document["total"]["share"],
    "sensitivity": document["sensitivity"],
    "specificity": document["specificity"],
    "two people": document["people"],
}
frame = pd.DataFrame(figures).T.astype(float)
figure, axes = plt.subplots(figsize=(8, 2.5), layout="constrained")
below, above = frame["value"] - frame["low"], frame["high"] - frame["value"]
axes.errorbar(frame["value"], frame.index, xerr=[below, above], fmt="o", color="#11734b", capsize=3)
axes.axvline(0.5, color="black", linewidth=0.8)
axes.set_xlim(0, 1)
axes.grid(axis="x", alpha=0.3)
frame.round(2)

# %% [markdown]
# This judge calls nearly everything positive: its kappa is that of chance, while two people nearly always agree.
#
# ## The corrected score
#
# People's labels say how many sentences are positive, and the judge adds what it knows of the others: here nothing, so it can't do harm
# either. The interval carries both errors. As its kappa is below `min_kappa`, its metric decides nothing: no verdict, no floor, no promotion.

# %%
corrected = json.loads(workbench("run", "snippets", "--limit", "40", "--json"))
corrected["variants"][0]["metrics"]["positive"]["corrected"]
