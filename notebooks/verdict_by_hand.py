# %% [markdown]
# # A verdict by hand
#
# Recompute the verdicts *better* and *unclear* of the leaderboard from the rows that MLflow has of each variant. Run `make demo`
# first.

# %%
import json
import math
from pathlib import Path

import workbench as wb  # first: it turns MLflow's telemetry off

import matplotlib.pyplot as plt
import mlflow
import pandas as pd

root = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "prompts").is_dir())
mlflow.set_tracking_uri(f"sqlite:///{root / '.workbench' / 'mlflow.db'}")
newest = mlflow.search_runs(
    experiment_names=["sentiment"], filter_string="tags.`workbench.plan` != ''", max_results=1
)
rows = wb.load_results(newest["run_id"][0])
list(rows["variant"].unique())

# %% [markdown]
# ## The verdicts of the run
#
# `results.json` of each variant's run contains its comparison with the baseline.

# %%
METRIC = "label_match"


def load(run_id):
    return json.loads(mlflow.artifacts.load_text(f"runs:/{run_id}/results.json"))


results = {result["name"]: result for result in map(load, rows["run_id"].unique())}
recorded = pd.DataFrame(
    {"variant": name, **result["comparisons"][METRIC]}
    for name, result in results.items()
    if METRIC in result["comparisons"]
)
columns = ["variant", "baseline", "verdict", "difference", "low", "high", "p", "p_adjusted"]
recorded[[*columns, "up", "down"]]

# %% [markdown]
# ## The discordant rows
#
# For every pair, count the rows that only the variant passes (`up`) and the rows that only its baseline passes (`down`).
# Rows on which both agree are no evidence for either.

# %%
scores = rows.pivot(index="id", columns="variant", values=METRIC)
counted = []
for variant, baseline in zip(recorded["variant"], recorded["baseline"], strict=True):
    pair = pd.DataFrame({"after": scores[variant], "before": scores[baseline]}).dropna()
    up = int(((pair["after"] == 1) & (pair["before"] == 0)).sum())
    down = int(((pair["after"] == 0) & (pair["before"] == 1)).sum())
    counted.append({"variant": variant, "rows": len(pair), "up": up, "down": down})
by_hand = pd.DataFrame(counted)
by_hand["difference"] = (by_hand["up"] - by_hand["down"]) / by_hand["rows"]
by_hand

# %%
names = by_hand["variant"]
figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.barh(names, by_hand["up"], color="#11734b", label="only the variant is right")
axes.barh(names, -by_hand["down"], color="#b3261e", label="only its baseline is right")
axes.axvline(0, color="black", linewidth=0.8)
axes.set_xlabel("rows")
axes.legend()
axes.grid(axis="x", alpha=0.3)

# %% [markdown]
# ## The exact McNemar test, with Holm's adjustment
#
# If neither variant is better, each discordant row is as likely to go up as down, like a fair coin tossed `up + down` times. The
# p-value is the probability of a result at least as one-sided. With several comparisons the smallest p-value is multiplied by
# their number, the next by one less, and so on (Holm).


# %%
def mcnemar(up, down):
    tosses = up + down
    tail = sum(math.comb(tosses, heads) for heads in range(min(up, down) + 1)) / 2**tosses
    return 1.0 if up == down else min(1.0, 2 * tail)


by_hand["p"] = [mcnemar(up, down) for up, down in zip(by_hand["up"], by_hand["down"], strict=True)]
order = by_hand["p"].sort_values(kind="stable").index
factors = pd.Series(range(len(order), 0, -1), index=order)
by_hand["p_adjusted"] = (by_hand["p"] * factors)[order].clip(upper=1).cummax()
by_hand

# %% [markdown]
# ## Compare the results

# %%
for column in ("rows", "up", "down", "difference", "p", "p_adjusted"):
    apart = (by_hand[column] - recorded[column]).abs().max()
    assert apart < 1e-9, f"{column} differs by {apart}"
clear = by_hand["p_adjusted"] <= 0.05
assert (clear == recorded["verdict"].isin(["better", "worse"])).all()
"the same"
