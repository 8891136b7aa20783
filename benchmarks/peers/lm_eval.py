"""lm-evaluation-harness: local-chat-completions over a task of its own, exact match; no cache.

python -m benchmarks.peers.lm_eval URL ROWS CONCURRENCY
"""

import json
import os
import sys
from pathlib import Path

from benchmarks.project import OPENING, write_rows

TASK = """\
task: bench
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
output_type: generate_until
doc_to_text: {text}
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{max_gen_toks: 8, temperature: 0, do_sample: false, until: []}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""


def main(url: str, rows: str, concurrency: str) -> None:
    here = Path.cwd()
    file = write_rows(here / "rows.jsonl", int(rows))
    text = f"{OPENING}\n\nQuestion: {{{{question}}}}\nAnswer with yes or no."
    (here / "bench.yaml").write_text(TASK.format(rows=file, text=json.dumps(text)))
    model = f"model=mock,base_url={url}/chat/completions,num_concurrent={concurrency}"
    tool = Path(sys.executable).with_name("lm_eval")
    os.environ |= {
        "OPENAI_API_KEY": "none",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(here / "cache"),
        "DO_NOT_TRACK": "1",
    }
    words = ["--model", "local-chat-completions", "--model_args", model, "--tasks", "bench"]
    more = ["--include_path", str(here), "--apply_chat_template", "--output_path", "out"]
    os.execv(tool, [str(tool), *words, *more, "--log_samples"])


if __name__ == "__main__":
    main(*sys.argv[1:])
