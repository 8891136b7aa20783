"""B33 to B36 and B40: endpoints, keys and local models that can't be used."""

from walk import Case

K = '["openai:m": {base_url: "{url}", api_key_env: MY_KEY}]'


def env(text):
    return {"../../.env": text}


def url(address, more=""):
    return f'["openai:m": {{base_url: "{address}"{more}}}]'


def _bin(task):
    folder = task.parents[1] / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"x")


def _remote(task):
    folder = task.parents[1] / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(
        '{"model_type": "mine", "auto_map": {"AutoModelForCausalLM": "modeling.Mine"}}'
    )
    (folder / "model.safetensors").write_bytes(b"x")
    (folder / "modeling.py").write_text("open('marker', 'w')")


ENDPOINTS = [
    Case(
        "B33-missing",
        (
            "error: openai:m needs a key, and the variable MY_KEY is empty\n"
            "  fix: export MY_KEY=… or write it into .env\n"
        ),
        models=K,
    ),
    Case(
        "B33-default",
        (
            "error: openai:m needs a key, and the variable OPENAI_API_KEY is empty\n"
            "  fix: export OPENAI_API_KEY=… or write it into .env\n"
        ),
        models="[openai:m]",
    ),
    Case(
        "B33-empty",
        (
            "error: openai:m needs a key, and the variable MY_KEY is empty\n"
            "  fix: export MY_KEY=… or write it into .env\n"
        ),
        models=K,
        env={"MY_KEY": ""},
    ),
    Case(
        "B33-newline",
        (
            "error: openai:m: the value of the variable MY_KEY is not a key\n"
            "  fix: remove quotes (a shell and .env strip them, `docker --env-file` doesn't), "
            "spaces, line breaks and letters that are not ASCII\n"
        ),
        models=K,
        env={"MY_KEY": "sk-secret\nX: y"},
    ),
    Case(
        "B33-quoted",
        (
            "error: openai:m: the value of the variable MY_KEY is not a key\n"
            "  fix: remove quotes (a shell and .env strip them, `docker --env-file` doesn't), "
            "spaces, line breaks and letters that are not ASCII\n"
        ),
        models=K,
        env={"MY_KEY": '"sk-secret"'},
    ),
    Case(
        "B33-bearer",
        (
            "error: openai:m: the value of the variable MY_KEY is not a key\n"
            "  fix: remove quotes (a shell and .env strip them, `docker --env-file` doesn't), "
            "spaces, line breaks and letters that are not ASCII\n"
        ),
        models=K,
        env={"MY_KEY": "Bearer sk-secret"},
    ),
    Case(
        "B33-unicode",
        (
            "error: openai:m: the value of the variable MY_KEY is not a key\n"
            "  fix: remove quotes (a shell and .env strip them, `docker --env-file` doesn't), "
            "spaces, line breaks and letters that are not ASCII\n"
        ),
        models=K,
        env={"MY_KEY": "sk-s\u0435cret"},
    ),
    Case(
        "B33-env-file-empty",
        (
            "error: openai:m needs a key, and the variable MY_KEY is empty\n"
            "  fix: export MY_KEY=… or write it into .env\n"
        ),
        env("MY_KEY=\n"),
        models=K,
    ),
    Case(
        "B33-env-file-bad-line",
        (
            "error: .env:3: this line is not NAME=value\n"
            "  fix: write NAME=value, close the quotes, or begin the line with #\n"
        ),
        env("# keys\n\nMY_KEY sk-secret-1\n"),
        models=K,
    ),
    Case(
        "B33-env-file-open-quote",
        (
            "error: .env:2: this line is not NAME=value\n"
            "  fix: write NAME=value, close the quotes, or begin the line with #\n"
        ),
        env('A=1\nMY_KEY="sk-secret-1\n'),
        models=K,
    ),
    Case(
        "B33-env-file-binary",
        ("error: .env: can't be read\n  fix: save it as UTF-8 text: one NAME=value per line\n"),
        env(b"MY_KEY=\xff\xfe\n"),
        models=K,
    ),
    Case(
        "B33-key-itself",
        (
            "error: prompts/qa/experiment.yaml:3:10: openai:m: api_key_env is not the name of "
            "a variable\n"
            "  fix: export the key as a variable, and write that variable's name\n"
        ),
        models='["openai:m": {base_url: "{url}", api_key_env: "sk-secret-1"}]',
    ),
    Case(
        "B35-scheme",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url 'localhost:8000/v1' is not "
            "an http address\n"
            "  fix: perhaps http://localhost:8000/v1\n"
        ),
        models=url("localhost:8000/v1"),
    ),
    Case(
        "B35-scheme-2",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url 'api.example.com/v1' is not "
            "an http address\n"
            "  fix: perhaps https://api.example.com/v1\n"
        ),
        models=url("api.example.com/v1"),
    ),
    Case(
        "B35-ftp",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url 'ftp://a.b/v1' is not an http "
            "address\n"
            "  fix: perhaps https://a.b/v1\n"
        ),
        models=url("ftp://a.b/v1"),
    ),
    Case(
        "B35-twice",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url 'http://127.0.0.1:1/v1/v1' "
            "contains /v1 twice\n"
            "  fix: http://127.0.0.1:1/v1\n"
        ),
        models=url("http://127.0.0.1:1/v1/v1"),
    ),
    Case(
        "B35-call",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url "
            "'http://127.0.0.1:1/v1/chat/completions' is the address of one call\n"
            "  fix: http://127.0.0.1:1/v1\n"
        ),
        models=url("http://127.0.0.1:1/v1/chat/completions"),
    ),
    Case(
        "B35-responses",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url "
            "'http://127.0.0.1:1/v1/responses' is the address of one call\n"
            "  fix: http://127.0.0.1:1/v1\n"
        ),
        models=url("http://127.0.0.1:1/v1/responses"),
    ),
    Case(
        "B35-query",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url 'http://127.0.0.1:1/v1?…' "
            "holds a key\n"
            "  fix: put it into a variable: ?key=${NAME}\n"
        ),
        models=url("http://127.0.0.1:1/v1?key=sk-secret"),
    ),
    Case(
        "B35-user",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url contains a user name or "
            "password for 127.0.0.1\n"
            "  fix: remove it, and name the variable with the key: `api_key_env:`\n"
        ),
        models=url("http://me:sk-secret@127.0.0.1:1/v1"),
    ),
    Case(
        "B35-port",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url "
            "'http://127.0.0.1:99999/v1' is not an http address: Port out of range 0-65535\n"
            "  fix: http://host:port/v1\n"
        ),
        models=url("http://127.0.0.1:99999/v1"),
    ),
    Case(
        "B35-space",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url 'http://127.0.0.1 :1/v1' "
            "is not an http address\n"
            "  fix: perhaps http://127.0.0.1\n"
        ),
        models=url("http://127.0.0.1 :1/v1"),
    ),
    Case(
        "B35-env",
        (
            "error: prompts/qa/experiment.yaml:3:10: OPENAI_BASE_URL 'localhost:8000' is "
            "not an http address\n"
            "  fix: perhaps http://localhost:8000\n"
        ),
        models="[openai:m]",
        env={"OPENAI_BASE_URL": "localhost:8000", "OPENAI_API_KEY": "k"},
    ),
    Case(
        "B35-http",
        (
            "error: prompts/qa/experiment.yaml:3:10: openai:m: the key in MY_KEY would "
            "go to api.example.invalid over plain http\n"
            "  fix: https://…, or `allow_http: true` in your own network\n"
        ),
        models=url("http://api.example.invalid/v1", ", api_key_env: MY_KEY"),
        env={"MY_KEY": "k"},
    ),
    Case(
        "B35-http-env",
        (
            "error: prompts/qa/experiment.yaml:3:10: openai:m: the key in OPENAI_API_KEY "
            "would go to api.example.invalid over plain http\n"
            "  fix: https://…, or `allow_http: true` in your own network\n"
        ),
        models="[openai:m]",
        env={"OPENAI_BASE_URL": "http://api.example.invalid/v1", "OPENAI_API_KEY": "k"},
    ),
    Case(
        "B40-missing",
        (
            "error: models/mine: no such folder\n"
            "  fix: a path is relative to the current folder; `workbench "
            "models list` shows the models that can be fetched\n"
        ),
        models="[transformers:./models/mine]",
    ),
    Case(
        "B40-bin",
        (
            "error: models/mine: some or all weights are missing as safetensors\n"
            "  fix: convert with save_pretrained(); .bin and .pt files can run code when "
            "loaded\n"
        ),
        models="[transformers:./models/mine]",
        make=_bin,
    ),
    Case(
        "B40-remote",
        (
            "error: models/mine: the model needs its own Python code (`auto_map` in "
            "config.json), which is never run\n"
            "  fix: use a model that transformers supports, or serve it and name it "
            "as openai:\n"
        ),
        models="[transformers:./models/mine]",
        make=_remote,
    ),
    Case(
        "B40-revision",
        (
            "error: prompts/qa/experiment.yaml:3:10: model 'smollm2-135m-instruct' is "
            "not on the hub and has no revision 'x'\n"
            "  fix: remove `revision:`\n"
        ),
        models="[transformers:smollm2-135m-instruct: {revision: x}]",
    ),
    Case(
        "B40-setting",
        (
            "error: prompts/qa/experiment.yaml:3:10: transformers:smollm2-135m-instruct "
            "takes no setting 'dtpe'\n"
            "  fix: did you mean 'dtype'? known: dtype, date, batch_size, batch_tokens, "
            "chat_template, device, revision, system\n"
        ),
        models="[transformers:smollm2-135m-instruct: {dtpe: x}]",
    ),
    Case(
        "B35-http-private",
        (
            "error: prompts/qa/experiment.yaml:3:10: openai:m: the key in MY_KEY would "
            "go to 10.0.0.1 over plain http\n"
            "  fix: https://…, or `allow_http: true` in your own network\n"
        ),
        models=url("http://10.0.0.1:8000/v1", ", api_key_env: MY_KEY"),
        env={"MY_KEY": "k"},
    ),
    Case(
        "B35-http-allowed",
        (
            "warning: openai:m needs a key, and the variable MY_KEY is empty: "
            "export MY_KEY=… or write it into .env\n"
        ),
        models=url("http://10.0.0.1:8000/v1", ", api_key_env: MY_KEY, allow_http: true"),
        words=("plan",),
        code=0,
    ),
    Case("B35-http-no-key", "", models=url("http://10.0.0.1:8000/v1"), words=("plan",), code=0),
    Case(
        "B35-user-no-scheme",
        (
            "error: prompts/qa/experiment.yaml:3:10: base_url '…@a.b/v1' is not an http address\n"
            "  fix: perhaps https://a.b/v1\n"
        ),
        models=url("me:sk-secret@a.b/v1"),
    ),
    Case(
        "B29-price",
        (
            "note: no price for 'openai:gpt-4o-mini'; did you mean 'openai:gpt4o-mini'? "
            "(workbench.yaml)\n"
        ),
        {"../../workbench.yaml": "prices: {openai:gpt4o-mini: {input: 1, output: 1}}\n"},
        models='["openai:gpt-4o-mini": {base_url: "{url}"}]',
        words=("plan",),
        code=0,
    ),
]
