"""Unknown and invalid names, values out of range, contradicting arguments."""

from walk import Case

NAMES = [
    Case(
        "B29-provider",
        (
            "error: prompts/qa/experiment.yaml:3:10: unknown provider 'openia'\n"
            "  fix: did you mean 'openai'? known: openai, echo, recorded, transformers\n"
        ),
        models="[openia:m]",
    ),
    Case(
        "B29-model",
        (
            "error: prompts/qa/experiment.yaml:3:10: unknown model 'smollm-135m'\n"
            "  fix: did you mean 'smollm2-135m-instruct'? known: smollm2-135m-instruct, "
            "gemma-3-270m, qwen2.5-coder-1.5b-instruct\n"
        ),
        models="[transformers:smollm-135m]",
    ),
    Case(
        "B29-evaluator",
        (
            "error: prompts/qa/experiment.yaml:4:14: unknown evaluator 'exact_mach'\n"
            "  fix: did you mean 'exact_match'? known: exact_match, date_match, regex_match, "
            "balanced_accuracy, bleu, brier_score, calibration_error, checklist, choice, "
            "choice_likelihood, chrf, contains, …\n"
        ),
        evaluators="[exact_mach]",
    ),
    Case(
        "B29-prompt",
        (
            "error: prompts/qa/experiment.yaml:2:11: unknown prompt of task 'qa': 'plian'\n"
            "  fix: did you mean 'plain'? known: plain\n"
        ),
        prompts="[plian]",
    ),
    Case(
        "B29-version",
        (
            "error: prompts/qa/experiment.yaml:2:11: no prompt 'qa.plain' is registered "
            "in sqlite:///{root}/.workbench/mlflow.db\n"
            "  fix: `workbench run` and `workbench prompts push` register it\n"
        ),
        prompts="[plain@7]",
    ),
    Case(
        "B29-git",
        (
            "error: prompts/qa/experiment.yaml:2:11: no git revision 'nope'\n"
            "  fix: `git log --oneline` lists them; a project outside git has none\n"
        ),
        prompts="[plain@git:nope]",
    ),
    Case(
        "B29-mlflow-dataset",
        (
            "error: prompts/qa/experiment.yaml:1:1: no MLflow evaluation dataset "
            "'nothing' in sqlite:///{root}/.workbench/mlflow.db\n"
            "  fix: there are: none\n"
        ),
        dataset="{mlflow: nothing}",
    ),
    Case(
        "B29-task",
        ("error: prompts: unknown task 'qaa'\n  fix: did you mean 'qa'? known: qa\n"),
        words=("run", "qaa"),
    ),
    Case(
        "B29-file",
        ("error: prompts/qa/other.yaml: no such file\n  fix: check the path\n"),
        words=("run", "prompts/qa/other.yaml"),
    ),
    Case(
        "B29-only",
        ("error: unknown variant 'plan'\n  fix: did you mean 'plain'? known: plain\n"),
        words=("run", "--only", "plan"),
    ),
    Case(
        "B31-concurrency-0",
        (
            "error: prompts/qa/experiment.yaml:3:10: openai:m: concurrency: 0 should be "
            "greater than or equal to 1\n"
            "  fix: write a whole number from 1 to 1024\n"
        ),
        models='["openai:m": {base_url: "{url}", concurrency: 0}]',
    ),
    Case(
        "B31-concurrency--1",
        (
            "error: prompts/qa/experiment.yaml:3:10: openai:m: concurrency: -1 should be "
            "greater than or equal to 1\n"
            "  fix: write a whole number from 1 to 1024\n"
        ),
        models='["openai:m": {base_url: "{url}", concurrency: -1}]',
    ),
    Case(
        "B31-concurrency-1.5",
        (
            "error: prompts/qa/experiment.yaml:3:10: openai:m: concurrency: 1.5 should "
            "be a valid integer\n"
            "  fix: write a whole number from 1 to 1024\n"
        ),
        models='["openai:m": {base_url: "{url}", concurrency: 1.5}]',
    ),
    Case(
        "B31-concurrency-1e6",
        (
            "error: prompts/qa/experiment.yaml:3:10: openai:m: concurrency: 1000000 "
            "should be less than or equal to 1024\n"
            "  fix: write a whole number from 1 to 1024\n"
        ),
        models='["openai:m": {base_url: "{url}", concurrency: 1000000}]',
    ),
    Case(
        "B31-timeout",
        (
            "error: prompts/qa/experiment.yaml:3:10: openai:m: timeout_s: 0 should be "
            "greater than 0\n"
            "  fix: write a number above 0, up to 86400\n"
        ),
        models='["openai:m": {base_url: "{url}", timeout_s: 0}]',
    ),
    Case(
        "B31-repeats",
        (
            "error: prompts/qa/experiment.yaml:5:1: repeats: -1 should be greater than "
            "or equal to 1\n"
            "  fix: write a whole number from 1 to 1000\n"
        ),
        more="repeats: -1\n",
    ),
    Case(
        "B31-nan",
        (
            "error: prompts/qa/experiment.yaml:5:14: temperature: 'nan' is not a number "
            "from 0 to 2\n"
            "  fix: write a number from 0 to 2, or null to leave it out\n"
        ),
        more='parameters: {temperature: "nan"}\n',
    ),
    Case(
        "B31-dot-nan",
        (
            "error: prompts/qa/experiment.yaml:5:27: '.nan' is not a JSON float\n"
            "  fix: write null for a missing value, or put the text in quotes\n"
        ),
        more="parameters: {temperature: .nan}\n",
    ),
    Case(
        "B31-limit",
        (
            "error: Invalid value for '--limit': Input should be greater than or equal to 1\n"
            "  fix: workbench --help lists the commands and options\n"
        ),
        words=("run", "--limit", "-1"),
    ),
    Case(
        "B31-price",
        (
            "error: workbench.yaml:1:21: prices.openai:m.input: -1 should be greater "
            "than or equal to 0\n"
            "  fix: write a number from 0 to 1000000000\n"
        ),
        {"../../workbench.yaml": "prices: {openai:m: {input: -1, output: 1}}\n"},
    ),
    Case(
        "B31-currency",
        (
            "error: workbench.yaml:1:1: currency: 'US\\n::error::D' is not a currency\n"
            "  fix: write its letters or its sign: USD, €\n"
        ),
        {"../../workbench.yaml": 'currency: "US\\n::error::D"\n'},
    ),
    Case(
        "B32-sources",
        (
            "error: prompts/qa/experiment.yaml:1:1: dataset: {'path': 'rows.jsonl', "
            "'huggingface': 'a/b'} needs exactly one of path, huggingface, mlflow, rows; it has "
            "path and huggingface\n"
            "  fix: dataset: {path: rows.jsonl}\n"
        ),
        dataset="{path: rows.jsonl, huggingface: a/b}",
    ),
    Case(
        "B32-stop",
        (
            "error: prompts/qa/plain.jinja:3:14: `stop` is set twice\n"
            "  fix: keep the top-level one\n"
        ),
        {"plain.jinja": "---\nstop: a\nparameters: {stop: b}\n---\nuser:\n{{ text }}\n"},
    ),
    Case(
        "B32-labels",
        (
            "error: prompts/qa/experiment.yaml:3:63: two models are called 'm'\n"
            "  fix: rename this one: `openai:m: {as: another_name}`\n"
        ),
        models='["openai:m": {base_url: "{url}"}, "openai:m": {base_url: "{url}"}]',
    ),
    Case(
        "B32-exclude",
        ("error: prompts/qa/experiment.yaml: `exclude` leaves no variant\n  fix: remove a rule\n"),
        more="exclude: [{prompt: '*'}]\n",
    ),
    Case(
        "B32-exclude-nothing",
        (
            "error: prompts/qa/experiment.yaml:5:11: the rule {'prompt': 'x*'} excludes nothing\n"
            "  fix: use names among plain, openai:m\n"
        ),
        more="exclude: [{prompt: 'x*'}]\n",
    ),
    Case(
        "B32-grid-and-max",
        (
            "error: prompts/qa/experiment.yaml: max_tokens and max_completion_tokens "
            "are both set\n"
            "  fix: keep one; `max_completion_tokens: null` removes the value of another layer\n"
        ),
        more="parameters: {max_tokens: 1, max_completion_tokens: 2}\n",
    ),
    Case(
        "B32-choices-schema",
        (
            "error: prompts/qa/plain.jinja:3:1: `choices` and `response_schema` are both set\n"
            "  fix: keep one of them\n"
        ),
        {"plain.jinja": "---\nchoices: [a, b]\nresponse_schema: {type: object}\n---\n{{ text }}\n"},
    ),
    Case(
        "B32-schema-format",
        (
            "error: prompts/qa/plain.jinja:5: plain: 'response_format' is set twice, "
            "once by the parameter 'response_format'\n"
            "  fix: remove 'response_format' from the parameters\n"
        ),
        {
            "plain.jinja": "---\nresponse_schema: {type: object}\n"
            "parameters: {response_format: {type: json_object}}\n---\nuser:\n{{ text }}\n"
        },
    ),
    Case(
        "B37-slash",
        (
            "error: prompts/qa/experiment.yaml:5:1: name: 'a/b' is not a valid name\n"
            "  fix: write a name: up to 64 letters, digits, _ or -; the first a letter or digit\n"
        ),
        more="name: a/b\n",
    ),
    Case(
        "B37-dotdot",
        (
            "error: prompts/qa/experiment.yaml:5:1: name: '../b' is not a valid name\n"
            "  fix: write a name: up to 64 letters, digits, _ or -; the first a letter or digit\n"
        ),
        more="name: ../b\n",
    ),
    Case(
        "B37-nul",
        (
            "error: prompts/qa/experiment.yaml:5:1: name: 'a\\x00b' is not a valid name\n"
            "  fix: write a name: up to 64 letters, digits, _ or -; the first a letter or digit\n"
        ),
        more='name: "a\\0b"\n',
    ),
    Case(
        "B37-long",
        (
            "error: prompts/qa/experiment.yaml:5:1: name: "
            "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… is not a valid name\n"
            "  fix: write a name: up to 64 letters, digits, _ or -; the first a letter or digit\n"
        ),
        more=f"name: {'x' * 300}\n",
    ),
    Case(
        "B37-look-alike",
        (
            "error: prompts/qa/experiment.yaml:5:1: name: 's\\u0435ntiment' is not a valid name\n"
            "  fix: write a name: up to 64 letters, digits, _ or -; the first a letter or digit\n"
        ),
        more="name: s\u0435ntiment\n",
    ),
    Case(
        "B37-newline",
        (
            "error: prompts/qa/experiment.yaml:5:1: name: 'abc\\n' is not a valid name\n"
            "  fix: write a name: up to 64 letters, digits, _ or -; the first a letter or digit\n"
        ),
        more='name: "abc\\n"\n',
    ),
    Case(
        "B37-prompt-slash",
        (
            "error: prompts/qa/experiment.yaml:2:11: '../plain' is not a prompt name\n"
            "  fix: write plain for the file plain.jinja in the task's folder\n"
        ),
        prompts="[../plain]",
    ),
    Case(
        "B37-evaluator",
        (
            "error: prompts/qa/experiment.yaml:4:14: '../evil' is not an evaluator name\n"
            "  fix: write a name such as exact_match, or package.module:function\n"
        ),
        evaluators="[../evil]",
    ),
    Case(
        "B37-as",
        (
            "error: prompts/qa/experiment.yaml:3:10: '../../x' is not a valid label\n"
            "  fix: use up to 64 letters, digits, spaces or _ . : + -; the first a letter or "
            "digit\n"
        ),
        models='["openai:m": {base_url: "{url}", as: "../../x"}]',
    ),
    Case(
        "B39-syntax",
        (
            "error: prompts/qa/experiment.yaml:4:14: evaluators/mine.py:2 can't be "
            "imported: SyntaxError: '(' was never closed (mine.py, line 2)\n"
        ),
        {"../../evaluators/mine.py": "def mine(outputs):\n    return (\n"},
        evaluators="[mine]",
    ),
    Case(
        "B39-raises",
        (
            "error: prompts/qa/experiment.yaml:4:14: evaluators/mine.py:1 can't be "
            "imported: ModuleNotFoundError: No module named 'nothing_like_this'\n"
        ),
        {"../../evaluators/mine.py": "import nothing_like_this\n"},
        evaluators="[mine]",
    ),
    Case(
        "B39-signature",
        (
            "error: prompts/qa/experiment.yaml:4:14: evaluator 'mine' takes answer\n"
            "  fix: use arguments among inputs, outputs, expectations, completion, prompt; "
            "make settings keyword-only\n"
        ),
        {"../../evaluators/mine.py": "def mine(answer):\n    return True\n"},
        evaluators="[mine]",
    ),
    Case(
        "B32-raw-chat",
        (
            "error: prompts/qa/plain.jinja:4: plain: this prompt is raw text (`chat: "
            "false`), and the model is called as a chat\n"
            "  fix: `api: completions` for the model, or exclude the pair\n"
        ),
        {"plain.jinja": "---\nchat: false\n---\n{{ text }}\n"},
    ),
    Case(
        "B32-prefill",
        (
            "error: prompts/qa/plain.jinja:1: plain: the prompt begins the answer, and "
            "this endpoint is not known to continue one\n"
            "  fix: `prefill: continue_final_message` (vLLM, SGLang), `prefill: prefix` or "
            "`prefill: as_is` for the model, or exclude the pair\n"
        ),
        {"plain.jinja": "user:\n{{ text }}\nassistant:\nI say\n"},
    ),
    Case(
        "B37-evaluator-name",
        (
            "error: prompts/qa/experiment.yaml:4:14: '../x' is not a valid label\n"
            "  fix: use up to 64 letters, digits, spaces or _ . : + -; the first a letter or "
            "digit\n"
        ),
        evaluators='[exact_match: {name: "../x"}]',
    ),
    Case(
        "B37-model",
        (
            "error: prompts/qa/experiment.yaml:3:10: 'openai:m\\x1b[31m' is not a model\n"
            "  fix: write provider:name, as in openai:gpt-6-luna, the name with at most 256 "
            "printable characters\n"
        ),
        models='["openai:m\\e[31m"]',
    ),
    Case(
        "B37-model-long",
        (
            "error: prompts/qa/experiment.yaml:3:10: "
            "'openai:mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"
            "mmmmmmmmmmmmmmmmmmmmmm… is not a model\n"
            "  fix: write provider:name, as in openai:gpt-6-luna, the name with at most 256 "
            "printable characters\n"
        ),
        models=f"[openai:{'m' * 300}]",
    ),
    Case(
        "B37-task",
        ("error: prompts: unknown task '../qa'\n  fix: did you mean 'qa'? known: qa\n"),
        words=("run", "../qa"),
    ),
]
