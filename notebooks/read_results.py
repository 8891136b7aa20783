# %% [markdown]
# # Read recorded results
#
# A colleague or a scheduled job has run the experiment: MLflow has every row. This notebook finds the newest run of the task
# `sentiment`, reads its rows into one frame, and looks at where two variants disagree. Run `make demo` first.

# %%
from pathlib import Path

import workbench as wb  # first: it turns MLflow's telemetry off

import matplotlib.pyplot as plt
import mlflow

root = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "prompts").is_dir())
mlflow.set_tracking_uri(f"sqlite:///{root / '.workbench' / 'mlflow.db'}")
newest = mlflow.search_runs(
    experiment_names=["sentiment"], filter_string="tags.`workbench.plan` != ''", max_results=1
)
rows = wb.load_results(newest["run_id"][0])
rows.groupby("variant", sort=False)[["id", "run_id"]].nunique()

# %% [markdown]
# ## The variants
#
# A line of `rows` is a row of a variant, so the mean of a column is the metric. `count` leaves out rows without a score.

# %%
scores = rows.groupby("variant")["label_match"].agg(["mean", "count"])
leaderboard = scores.sort_values("mean", ascending=False).reset_index()
leaderboard.round(3)

# %% [markdown]
# ## Where two variants disagree
#
# One column per variant. The rows that the best variant gets right and the second gets wrong, and the other way round: the verdict
# *better* rests on these alone.

# %%
wide = rows.pivot(index="id", columns="variant", values="label_match")
best, second = leaderboard["variant"][:2]
differ = wide[(wide[best] == 1) & (wide[second] != 1)].index
lost = wide[(wide[best] != 1) & (wide[second] == 1)].index
len(differ), len(lost)

# %%
answers = rows[rows["id"].isin(differ)].pivot(index="id", columns="variant", values="output")
answers[[best, second]].head(8)

# %% [markdown]
# Add `"text"` to read the reviews. They belong to their authors and are fetched, not published, so this copy shows their ids.
#
# ## Which rows are hard?
#
# The number of variants that get a row right. The rows at the left teach most: they are hard, or their labels are wrong.

# %%
right = (wide == 1).sum(axis=1).value_counts()
figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.bar(right.index, right)
axes.set_xlabel(f"variants that are right, of {len(wide.columns)}")
axes.set_ylabel("rows")
axes.grid(axis="y", alpha=0.3)
