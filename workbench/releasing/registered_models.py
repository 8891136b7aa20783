"""Names of registered models: one for each task, which no prompt can have.

MLflow keeps prompts and registered models in one namespace, and a model that is named like a prompt
is refused. A prompt's name is made of letters, digits, `_`, `-` and `.`, so a `~` keeps them apart.
Of the other characters `:`, `/` and `@` break `models:/NAME@ALIAS`, a space or one of `+ % # & ! =`
has to be quoted in a shell or an address, and `~` is safe in both.

>>> registered_model_name("sentiment"), registered_model_name("sentiment", "team_a")
('sentiment~variant', 'team_a.sentiment~variant')
>>> task_of_model("team_a.sentiment~variant"), task_of_model("churn-forest")
('sentiment', '')
"""

SUFFIX = "~variant"


def registered_model_name(task: str, prefix: str = "") -> str:
    """The registered model whose versions are the promoted variants of a task.

    `prefix` is the project's `registry_prefix`, as in the names of its prompts.
    """
    return ".".join(filter(None, (prefix, task))) + SUFFIX


def task_of_model(name: str) -> str:
    """The task of a registered model; empty if Workbench does not name models so."""
    task, suffix, rest = name.partition(SUFFIX)
    return task.rpartition(".")[2] if suffix and not rest else ""
