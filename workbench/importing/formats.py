"""The kinds of files that can be imported, in the order in which they are tried."""

from workbench.importing.inspect_log import is_inspect_log, read_inspect_log
from workbench.importing.lm_eval_samples import is_lm_eval_samples, read_lm_eval_samples
from workbench.importing.openai_eval import read_openai_eval
from workbench.importing.openai_source import is_openai_eval
from workbench.importing.prompt_flow import is_prompt_flow, read_prompt_flow
from workbench.importing.promptfoo.read_config import read_promptfoo
from workbench.importing.promptfoo.results_file import read_results
from workbench.importing.prompty import is_prompty, read_prompty
from workbench.importing.source_files import ForeignFile, SourceFormat


def _is_configuration(file: ForeignFile) -> bool:
    """True for a configuration of promptfoo: by its name, or by its keys."""
    is_named = file.name.startswith("promptfooconfig.")
    return file.path.suffix.lower() in (".yaml", ".yml", ".json") and (
        is_named or ("prompts" in file.keys and bool(file.keys & {"providers", "targets", "tests"}))
    )


def _is_results(file: ForeignFile) -> bool:
    """True for what `promptfoo eval -o` writes."""
    results = file.content.get("results") if isinstance(file.content, dict) else None
    return isinstance(results, dict) and isinstance(results.get("results"), list)


FORMATS: tuple[SourceFormat, ...] = (
    SourceFormat(
        "promptfoo, results with the answers",
        ("results.json", "output.json", "results.yaml"),
        _is_results,
        read_results,
    ),
    SourceFormat(
        "promptfoo, configuration",
        ("promptfooconfig.yaml", "promptfooconfig.yml", "promptfooconfig.json"),
        _is_configuration,
        read_promptfoo,
    ),
    SourceFormat(
        "lm-evaluation-harness, samples",
        ("samples_*.jsonl",),
        is_lm_eval_samples,
        read_lm_eval_samples,
    ),
    SourceFormat("Inspect, log", ("*.eval", "*.json"), is_inspect_log, read_inspect_log),
    SourceFormat(
        "OpenAI, graders, an eval or its rows",
        ("*.json", "*.jsonl"),
        is_openai_eval,
        read_openai_eval,
    ),
    SourceFormat("Prompty", ("*.prompty",), is_prompty, read_prompty),
    SourceFormat(
        "Prompt flow", ("flow.dag.yaml", "flow.dag.yml"), is_prompt_flow, read_prompt_flow
    ),
)
