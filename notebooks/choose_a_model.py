# %% [markdown]
# # Choose a base model
#
# Two small models and four prompts on 150 film reviews: which pair do you take, and is the choice safe? `make demo` has asked
# the models, so this notebook only reads the answers.

# %%
import matplotlib.pyplot as plt

import workbench as wb

results = wb.run("sentiment")
results

# %% [markdown]
# ## Verdicts
#
# Each prompt is compared with `zero_shot` on the same model and the same rows. *Better* and *worse* are corrected for the number of
# comparisons: of all verdicts together, a false one appears in at most 5% of such experiments.

# %%
board = results.leaderboard
board = board[board["metric"] == "label_match"]
board[["variant", "mean", "low", "high", "verdict", "difference"]].round(3)

# %%
results.figures["label_match"]

# %% [markdown]
# A model has no quality of its own, only with a prompt: the plain question fails completely on the base model, and six examples make it
# as good as the best.

# %%
rows = results.to_pandas()
rows.pivot_table(index="prompt", columns="model", values="label_match").round(3)

# %% [markdown]
# ## Quality against cost
#
# A hosted model costs money per token, and `results.leaderboard["cost_of_1000"]` has it. A local model costs time. With a machine of 0.20 USD
# an hour, the seconds of an answer become the price of 1,000 answers:

# %%
USD_PER_HOUR = 0.20

board = board.assign(cost=board["latency_s"] / 3600 * USD_PER_HOUR * 1000)
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
for model, above in (("smollm2", -12), ("gemma3", 6)):
    points = board[board["variant"].str.endswith(model)]
    errors = [points["mean"] - points["low"], points["high"] - points["mean"]]
    axes.errorbar(points["cost"], points["mean"], yerr=errors, fmt="o", capsize=3, label=model)
    for name, x, y in zip(points["variant"], points["cost"], points["mean"], strict=True):
        prompt = name.partition(" · ")[0]
        axes.annotate(prompt, (x, y), (7, above), textcoords="offset points", fontsize=9)
axes.margins(x=0.2)
axes.set_xlabel("USD for 1,000 answers")
axes.set_ylabel("label_match, 95% interval")
axes.legend(loc="lower left")
axes.grid(alpha=0.3)

# %% [markdown]
# Up and to the left is better. A variant that another one beats in both is out.
#
# ## Decide
#
# `decide` applies your limits, and says how safe the choice is. `floor` is the quality below which you ship nothing.

# %%
decision = results.decide("label_match", floor=0.8)
decision

# %% [markdown]
# `may_be_best` marks the variants that the data can't tell from the best one, and `support` orders them: it is how often each wins when the rows
# are drawn again. Where several may be the best, take the cheapest, or collect more rows for these two only.

# %%
best, second = decision.to_pandas()["variant"][:2]
comparison = results.compare(second, best).to_pandas()
comparison[["variant", "baseline", "metric", "difference", "low", "high", "verdict", "n"]].round(3)

# %% [markdown]
# Next: [read recorded results](read_results.ipynb), or check [a verdict by hand](verdict_by_hand.ipynb).
