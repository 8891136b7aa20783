"""B26 to B32, B37 and B39: experiment files that can't be used."""

from walk import Case

MANY = "x: [" + "1, " * 330_000 + "1]\n"
TOO_LARGE = (
    "more than 10,000 values, or nested more than 50 deep\n"
    "  fix: put rows in a dataset file; an alias counts as all the values it stands for\n"
)
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)

EXPERIMENTS = [
    Case(
        "B26-key",
        (
            "error: prompts/qa/experiment.yaml:5:1: unknown key 'repeat'\n"
            "  fix: did you mean 'repeats'? known: repeats, baseline, dataset, description, "
            "evaluators, exclude, gate, grid, margin, max_failed, models, name, parameters, "
            "prompts\n"
        ),
        more="repeat: 2\n",
    ),
    Case(
        "B26-parameter",
        (
            "error: prompts/qa/experiment.yaml:5:14: unknown parameter 'temprature'\n"
            "  fix: did you mean 'temperature'? known: temperature, extra_body, "
            "frequency_penalty, logit_bias, logprobs, max_completion_tokens, max_tokens, "
            "parallel_tool_calls, presence_penalty, reasoning_effort, repetition_penalty, "
            "response_format, …\n"
        ),
        more="parameters: {temprature: 0}\n",
    ),
    Case(
        "B26-setting",
        (
            "error: prompts/qa/experiment.yaml:3:10: openai:m: unknown key 'concurency'\n"
            "  fix: did you mean 'concurrency'? known: concurrency, allow_http, api, "
            "api_key_env, backoff_s, base_url, ca_file, choices, headers, identity, prefill, "
            "prefill_echo, rename, stream, timeout_s\n"
        ),
        models='["openai:m": {base_url: "{url}", concurency: 2}]',
    ),
    Case(
        "B26-workbench",
        (
            "error: workbench.yaml:1:1: unknown key 'price'\n"
            "  fix: did you mean 'prices'? known: prices, traces, currency, drain_s, "
            "judge, mlflow_metrics, registry_prefix, tracking_uri\n"
        ),
        {"../../workbench.yaml": "price: {}\n"},
    ),
    Case(
        "B27-text",
        (
            "error: prompts/qa/experiment.yaml:5:1: repeats: 'ten' should be a valid integer\n"
            "  fix: write a whole number from 1 to 1000\n"
        ),
        more="repeats: ten\n",
    ),
    Case(
        "B27-list",
        (
            "error: prompts/qa/experiment.yaml:5:1: description: ['a'] should be a valid "
            "string\n"
            "  fix: write a string\n"
        ),
        more="description: [a]\n",
    ),
    Case(
        "B27-yes",
        (
            "error: prompts/qa/experiment.yaml:4:14: evaluator 'exact_match': "
            "ignore_case is 'yes', not true or false\n"
        ),
        evaluators="[exact_match: {ignore_case: yes}]",
    ),
    Case(
        "B27-chat-yes",
        (
            "error: prompts/qa/plain.jinja:2:1: chat: 'yes' should be a valid boolean\n"
            "  fix: write true or false\n"
        ),
        {"plain.jinja": "---\nchat: yes\n---\nuser:\n{{ text }}\n"},
    ),
    Case(
        "B27-prompts",
        (
            "error: prompts/qa/experiment.yaml:2:1: prompts: 'plain' should be a valid list\n"
            "  fix: write a list with at least one entry\n"
        ),
        prompts="plain",
    ),
    Case(
        "B27-parameter",
        (
            "error: prompts/qa/experiment.yaml:5:14: temperature: 'warm' is not a number "
            "from 0 to 2\n"
            "  fix: write a number from 0 to 2, or null to leave it out\n"
        ),
        more="parameters: {temperature: warm}\n",
    ),
    Case(
        "B28-duplicate",
        ("error: prompts/qa/experiment.yaml:6:1: duplicate key 'repeats'\n  fix: keep one\n"),
        more="repeats: 1\nrepeats: 2\n",
    ),
    Case(
        "B28-tab",
        (
            "error: prompts/qa/experiment.yaml:6:1: found character '\\t' that cannot "
            "start any token\n"
            "  fix: indent with spaces\n"
        ),
        more="parameters:\n\ttemperature: 0\n",
    ),
    Case(
        "B28-tag",
        (
            "error: prompts/qa/experiment.yaml:5:7: the tag "
            "!!python/object/apply:os.system is not allowed\n"
            "  fix: remove it\n"
        ),
        more="name: !!python/object/apply:os.system [touch marker]\n",
    ),
    Case(
        "B28-bomb",
        f"error: prompts/qa/experiment.yaml:4:1: {TOO_LARGE}",
        {"experiment.yaml": BOMB},
    ),
    Case(
        "B28-2-MB",
        (
            "error: prompts/qa/experiment.yaml: 2,000,000 bytes; a YAML file may have "
            "at most 1,000,000\n"
            "  fix: put rows in a dataset file; an alias counts as all the values it stands for\n"
        ),
        {"experiment.yaml": "a: 1\n" * 400_000},
    ),
    Case(
        "B28-many-nodes",
        f"error: prompts/qa/experiment.yaml:1:29996: {TOO_LARGE}",
        {"experiment.yaml": MANY},
    ),
    Case(
        "B28-many-keys",
        f"error: prompts/qa/experiment.yaml:5000:8: {TOO_LARGE}",
        {"experiment.yaml": "".join(f"k{n}: {{}}\n" for n in range(90_000))},
    ),
    Case(
        "B28-long-text",
        (
            "error: prompts/qa/experiment.yaml:1:1: unknown key 'x'\n"
            "  fix: known: baseline, dataset, description, evaluators, exclude, gate, grid, "
            "margin, max_failed, models, name, parameters, prompts, repeats\n"
        ),
        {"experiment.yaml": "x: " + "word " * 199_000},
    ),
    Case(
        "B28-brackets",
        f"error: prompts/qa/experiment.yaml:1:51: {TOO_LARGE}",
        {"experiment.yaml": "[" * 900_000},
    ),
    Case(
        "B28-dashes",
        f"error: prompts/qa/experiment.yaml:1:101: {TOO_LARGE}",
        {"experiment.yaml": "- " * 400_000},
    ),
    Case(
        "B28-anchors",
        f"error: prompts/qa/experiment.yaml:10000:3: {TOO_LARGE}",
        {"experiment.yaml": "".join(f"- &a{n} 1\n" for n in range(80_000))},
    ),
    Case(
        "B28-documents",
        (
            "error: prompts/qa/experiment.yaml:5:1: but found another document\n"
            "  fix: keep one document: remove the `---` or `...` in the middle\n"
        ),
        more="---\nname: b\n",
    ),
    Case(
        "B28-latin-1",
        ("error: prompts/qa/experiment.yaml: not UTF-8 at byte 9\n  fix: save the file as UTF-8\n"),
        {"experiment.yaml": "name: caf\xe9\n".encode("latin-1")},
    ),
    Case(
        "B28-empty",
        (
            "error: prompts/qa/experiment.yaml: the file is empty\n"
            "  fix: use these keys: name, description, dataset, prompts, models, exclude, "
            "parameters, grid, repeats, evaluators, baseline, margin, gate, max_failed\n"
        ),
        {"experiment.yaml": ""},
    ),
    Case(
        "B28-front-matter",
        f"error: prompts/qa/plain.jinja:2:30003: {TOO_LARGE}",
        {
            "plain.jinja": "---\nparameters: {a: ["
            + "1, " * 300_000
            + "]}\n---\nuser:\n{{ text }}\n"
        },
    ),
]
