"""Invalid values of an experiment file's prompts, models, evaluators and dataset."""

import pytest
from bench import EXPERIMENT, refusal

FILE = "prompts/qa/experiment.yaml"
NAME_FIX = "use letters, digits, _ and -, and optionally @3, @alias, @sha:… or @git:REV"
ONE_NAME = (
    "\n  fix: write `name` or `name: {setting: value}`, with the settings indented or in braces"
)


@pytest.mark.parametrize(
    ("old", "new", "place", "expected"),
    [
        (
            "[plain]",
            "[]",
            ":2:1",
            (
                "prompts: [] is empty; at least one entry is needed"
                "\n  fix: write a list with at least one entry"
            ),
        ),
        (
            "[plain]",
            "plain",
            ":2:1",
            (
                "prompts: 'plain' should be a valid list\n"
                "  fix: write a list with at least one entry"
            ),
        ),
        (
            "[plain]",
            "[1]",
            ":2:11",
            ("prompts.0: 1 should be a valid string\n  fix: write a string"),
        ),
        (
            "[plain]",
            "[plain, plain]",
            ":2:18",
            ("duplicate prompt 'plain'\n  fix: keep one"),
        ),
        (
            "[plain]",
            "[plian]",
            ":2:11",
            "unknown prompt of task 'qa': 'plian'\n  fix: did you mean 'plain'? known: plain",
        ),
        (
            "[plain]",
            "['../plain']",
            ":2:11",
            "'../plain' is not a prompt name\n"
            "  fix: write plain for the file plain.jinja in the task's folder",
        ),
        (
            "[plain]",
            "['plain@']",
            ":2:11",
            "'' names no version of 'plain'\n"
            "  fix: write plain@3, plain@production, plain@sha:1a2b3c4d or plain@git:main",
        ),
        (
            "[plain]",
            "['plain@git:--output=x']",
            ":2:11",
            "'git:--output=x' names no version of 'plain'\n"
            "  fix: write plain@3, plain@production, plain@sha:1a2b3c4d or plain@git:main",
        ),
        (
            "[plain]",
            "['plain@007']",
            ":2:11",
            "'007' names no version of 'plain'\n"
            "  fix: write plain@3, plain@production, plain@sha:1a2b3c4d or plain@git:main",
        ),
        ("[plain]", "[plain@3]", ":2:11", "no version plain@3 of qa"),
        (
            "[echo:last]",
            "echo:last",
            ":3:1",
            (
                "models: 'echo:last' should be a valid list"
                "\n  fix: write a list with at least one entry"
            ),
        ),
        (
            "[echo:last]",
            "[1]",
            ":3:10",
            ("models.0: 1 should be a valid dictionary\n  fix: write a mapping"),
        ),
        (
            "[echo:last]",
            "[last]",
            ":3:10",
            "'last' is not a model\n  fix: write provider:name, as in openai:gpt-6-luna, the name "
            "with at most 256 printable characters",
        ),
        (
            "[echo:last]",
            "[eco:last]",
            ":3:10",
            (
                "unknown provider 'eco'"
                "\n  fix: did you mean 'echo'? known: echo, recorded, openai, transformers"
            ),
        ),
        (
            "[echo:last]",
            "[echo:lst]",
            ":3:10",
            "unknown echo model 'lst'\n  fix: did you mean 'last'? known: last, answer, "
            "first-word, prompt",
        ),
        (
            "[echo:last]",
            "[{echo:last: {loud: 1}}]",
            ":3:10",
            "echo:last takes no settings, not ['loud']",
        ),
        (
            "[echo:last]",
            "[{echo:last: {}, echo:prompt: {}}]",
            ":3:10",
            "models.0: {'echo:last': {}, 'echo:prompt': {}} is not one name" + ONE_NAME,
        ),
        (
            "[echo:last]",
            "[{echo:last: [1]}]",
            ":3:10",
            "models.0: {'echo:last': [1]} is not one name" + ONE_NAME,
        ),
        (
            "[echo:last]",
            "[echo:last, echo:last]",
            ":3:21",
            "two models are called 'last'\n  fix: rename this one: `echo:last: {as: another_name}`",
        ),
        (
            "[echo:last]",
            "[{echo:last: {parameters: {max_tokns: 1}}}]",
            ":3:36",
            "unknown parameter 'max_tokns'\n  fix: did you mean 'max_tokens'? known: max_tokens, "
            "max_completion_tokens, extra_body, frequency_penalty, logit_bias, logprobs, "
            "parallel_tool_calls, presence_penalty, reasoning_effort, repetition_penalty, "
            "response_format, seed, …",
        ),
        (
            "[echo:last]",
            "[{echo:last: {parameters: [1]}}]",
            ":3:10",
            ("echo:last.parameters: [1] is not a mapping\n  fix: parameters: {temperature: 0}"),
        ),
        *[
            (
                "[echo:last]",
                f"[{{echo:last: {{reasoning: {value}}}}}]",
                ":3:10",
                f"echo:last.reasoning: {shown} is neither strip nor keep, nor a list of tags"
                "\n  fix: reasoning: strip, or keep, or the tags that a prompt asks for: "
                "[scratchpad]",
            )
            for value, shown in (("drop", "'drop'"), ("[]", "[]"), ("[<x>]", "['<x>']"))
        ],
        (
            "[echo:last]",
            "[]",
            ":3:1",
            (
                "models: [] is empty; at least one entry is needed"
                "\n  fix: write a list with at least one entry"
            ),
        ),
        (
            "[output_tokens]",
            "[latency, latency]",
            ":4:23",
            "two evaluators are called 'latency'\n"
            "  fix: rename this one: `latency: {name: another_name}`",
        ),
        (
            "[output_tokens]",
            "[{contains: {ignore_cas: true}}]",
            ":4:14",
            "unknown setting of evaluator 'contains': 'ignore_cas'\n"
            "  fix: did you mean 'ignore_case'? known: ignore_case, match, normalize, texts",
        ),
        (
            "[output_tokens]",
            "[{contains: {ignore_case: no}}]",
            ":4:14",
            "evaluator 'contains': ignore_case is 'no', not true or false",
        ),
        (
            "[output_tokens]",
            "[label_match]",
            ":4:14",
            "evaluator 'label_match' needs the setting 'labels'\n  fix: `label_match: {labels: …}`",
        ),
        (
            "[output_tokens]",
            "['../evil']",
            ":4:14",
            "'../evil' is not an evaluator name\n"
            "  fix: write a name such as exact_match, or package.module:function",
        ),
        ("dataset: rows.jsonl\n", "", "", "dataset is missing\n  fix: add `dataset: …`"),
        (
            "dataset: rows",
            "datset: rows",
            ":1:1",
            "unknown key 'datset'\n  fix: did you mean 'dataset'? known: dataset, gate, "
            "baseline, description, evaluators, exclude, grid, margin, max_failed, models, name, "
            "parameters, prompts, repeats",
        ),
        (
            "rows.jsonl",
            "[a]",
            ":1:11",
            "dataset.0: 'a' should be a valid dictionary\n  fix: write a mapping: {key: value}",
        ),
        (
            "rows.jsonl",
            "{}",
            ":1:1",
            (
                "dataset: {} needs exactly one of path, huggingface, mlflow, rows; it has none"
                "\n  fix: dataset: {path: rows.jsonl}"
            ),
        ),
        (
            "rows.jsonl",
            "{pth: a}",
            ":1:11",
            "unknown key in dataset 'pth'\n  fix: did you mean 'path'? known: path, split, "
            "cluster, columns, config, delimiter, drop, encoding, expected, huggingface, id, "
            "mlflow, …",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, rows: [{a: 1}]}",
            ":1:1",
            "dataset: {'path': 'r.csv', 'rows': [{'a': 1}]} needs exactly one of path, "
            "huggingface, mlflow, rows; it has path and rows\n  fix: dataset: {path: rows.jsonl}",
        ),
        (
            "rows.jsonl",
            "{rows: [{a: 1}], delimiter: ';'}",
            ":1:1",
            "dataset: {'rows': [{'a': 1}], 'delimiter': ';'} 'delimiter' is for CSV and TSV files, "
            "not for other sources\n  fix: remove 'delimiter'",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, sep: ';'}",
            ":1:24",
            "unknown key in dataset 'sep'\n  fix: write `delimiter:`",
        ),
        (
            "rows.jsonl",
            "{data: [{text: Fun.}]}",
            ":1:11",
            "unknown key in dataset 'data'\n  fix: write `path: FILE`, or `rows: […]` for the rows",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, delimiter: '\\t'}",
            ":1:24",
            "dataset.delimiter: '\\\\t' is not one character that can separate cells\n"
            '  fix: write delimiter: ";", or "," or "|"; a tab is "\\t" in double quotes',
        ),
        (
            "rows.jsonl",
            "{path: r.csv, encoding: cp12522}",
            ":1:24",
            "dataset.encoding: 'cp12522' is not an encoding of text\n  fix: did you mean 'cp1252'? "
            "known: cp1252, cp1251, cp1250, big5, euc-jp, euc-kr, gb18030, iso-8859-15, koi8-r, "
            "latin-1, mac-roman, shift_jis, utf-16, utf-16-be, utf-16-le, utf-8",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, encoding: base64}",
            ":1:24",
            "dataset.encoding: 'base64' is not an encoding of text\n  fix: known: big5, cp1250, "
            "cp1251, cp1252, euc-jp, euc-kr, gb18030, iso-8859-15, koi8-r, latin-1, mac-roman, "
            "shift_jis, utf-16, utf-16-be, utf-16-le, utf-8",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, quoting: single}",
            ":1:24",
            "dataset.quoting: 'single' should be 'none', 'double' or 'backslash'\n"
            "  fix: write one of none, double, backslash or null",
        ),
        (
            "rows.jsonl",
            "{path: r.jsonl, quoting: none}",
            ":1:1",
            "dataset: {'path': 'r.jsonl', 'quoting': 'none'} 'quoting' is for CSV and TSV files, "
            "not for .jsonl\n  fix: remove 'quoting'",
        ),
        (
            "rows.jsonl",
            "{mlflow: qa, encoding: cp1252}",
            ":1:1",
            "dataset: {'mlflow': 'qa', 'encoding': 'cp1252'} 'encoding' is for text files, not for "
            "other sources\n  fix: remove 'encoding'",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, columns: {a: x, b: x}}",
            ":1:1",
            "dataset: {'path': 'r.csv', 'columns': {'a': 'x', 'b': 'x'}} `columns` gives the "
            "column 'x' two names\n  fix: give it one name",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, columns: [a], drop: [b]}",
            ":1:1",
            "dataset: {'path': 'r.csv', 'columns': ['a'], 'drop': ['b']} has both `columns` and "
            "`drop`\n  fix: list the columns to read, or those to leave out",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, columns: a}",
            ":1:24",
            "dataset.columns: 'a' should be a valid list\n"
            "  fix: write a list with at least one entry or a mapping or null",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, expected: a.b, drop: [a]}",
            ":1:1",
            "dataset: {'path': 'r.csv', 'expected': 'a.b', 'drop': ['a']} `drop` leaves out 'a.b', "
            "which `expected` reads\n  fix: remove 'a.b' from `drop`",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, sample: 0}",
            ":1:24",
            "dataset.sample: 0 should be greater than or equal to 1\n"
            "  fix: write a whole number from 1 or null",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, sample: '50'}",
            ":1:24",
            "dataset.sample: '50' should be a valid integer\n"
            "  fix: write a whole number from 1 or null",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, sample: 5, stratify: true}",
            ":1:35",
            "dataset.stratify: True is not the name of a column\n"
            "  fix: write stratify: expected, or the name of a column",
        ),
        (
            "rows.jsonl",
            "{rows: []}",
            ":1:11",
            "dataset.rows: [] is empty; at least one entry is needed\n"
            "  fix: write a list with at least one entry or null",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, vars: [a]}",
            ":1:24",
            "dataset.vars: ['a'] should be a valid dictionary\n  fix: write a mapping or null",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, vars: {id: [1, 2]}}",
            ":1:24",
            "dataset.vars: {'id': [1, 2]} has 'id', which can't be a column here\n"
            "  fix: use letters, digits and _, and none of id, split, turns, inputs, expectations, "
            "metadata",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, smaple: 5}",
            ":1:24",
            "unknown key in dataset 'smaple'\n  fix: did you mean 'sample'? known: sample, split, "
            "cluster, columns, config, delimiter, drop, encoding, expected, huggingface, id, "
            "mlflow, …",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, random_state: 5}",
            ":1:24",
            "unknown key in dataset 'random_state'\n  fix: write `seed:`",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, sample: 5, seed: yes}",
            ":1:35",
            "dataset.seed: 'yes' should be a valid integer\n  fix: write a whole number",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, vars: {}}",
            ":1:24",
            "dataset.vars: {} is empty; at least one entry is needed\n"
            "  fix: write a mapping or null",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, vars: {my-name: x}}",
            ":1:24",
            "dataset.vars: {'my-name': 'x'} has 'my-name', which can't be a column here\n"
            "  fix: use letters, digits and _, and none of id, split, turns, inputs, expectations, "
            "metadata",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, vars: {a: [1, 2, 1]}}",
            ":1:24",
            "dataset.vars: {'a': [1, 2, 1]} has 1 twice in the list 'a'\n"
            "  fix: list different values, or write a constant: a: x",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, vars: {a: []}}",
            ":1:24",
            "dataset.vars: {'a': []} has no value in the list 'a'\n"
            "  fix: list different values, or write a constant: a: x",
        ),
        (
            "rows.jsonl",
            "{path: r.csv, cluster: a, vars: {a: [1, 2]}}",
            ":1:1",
            "dataset: {'path': 'r.csv', 'cluster': 'a', 'vars': {'a': [1, 2]}} `cluster: a` names "
            "one of `vars`\n  fix: name a column of the rows; rows made from one row are one "
            "cluster",
        ),
    ],
)
def test_bad_value_is_named(bench, old, new, place, expected):
    assert old in EXPERIMENT
    said = refusal(bench.experiment, EXPERIMENT.replace(old, new))
    assert said == f"{FILE}{place}: {expected}"


@pytest.mark.parametrize(
    ("reference", "fix"),
    [
        ("plain.jinja", "write plain for the file plain.jinja in the task's folder"),
        ("prompts/qa/plain.jinja", "write plain for the file plain.jinja in the task's folder"),
        ("plain.jinja@3", "write plain@3 for the file plain.jinja in the task's folder"),
        (
            "file://old.prompt.yml",
            "write old, and name the file old.jinja: see docs/prompts.md, From other tools",
        ),
        (
            "'Sum up: {{ text }}'",
            "write the text into a file NAME.jinja in the task's folder, and its NAME here",
        ),
        ("a,b", NAME_FIX),
        ("-x", NAME_FIX),
    ],
)
def test_file_or_text_in_place_of_a_prompt_name_is_told_its_name(bench, reference, fix):
    text = EXPERIMENT.replace("[plain]", f"\n  - {reference}")
    shown = reference.strip("'")
    assert refusal(bench.experiment, text) == (
        f"{FILE}:3:5: {shown!r} is not a prompt name\n  fix: {fix}"
    )


def test_template_with_another_ending_is_named(bench):
    bench.write("old.prompty", "user:\nHi\n")
    assert refusal(bench.experiment, EXPERIMENT.replace("plain", "old")) == (
        f"{FILE}:2:11: unknown prompt of task 'qa': 'old'\n"
        "  fix: templates end in .jinja: rename old.prompty to old.jinja"
    )
