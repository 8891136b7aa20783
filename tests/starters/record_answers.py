"""Record what the two local models answer to the starters: `make recordings`.

Each starter is written into a new folder, with `recording:` in the place of `recorded:`, and run.
A request that has an answer in `workbench/starters/answers` keeps it; delete the file to record
all anew. Answers that no starter asks for any more are dropped. They are written when all starters
have run.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from workbench.starters import STARTERS, write_starter
from workbench.starters.recordings import RecordedAnswer, read_lines, write_recordings

WORKBENCH = [sys.executable, "-c", "from workbench.cli import main; main()"]
ANSWERS = Path(__file__).parents[2] / "workbench/starters/answers"
METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: recording\nVersion: 1\n",
    "entry_points.txt": "[workbench.providers]\nrecording = recording_provider:RecordingProvider\n",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plugin, recorded = folder / "plugin", folder / "recorded"
        recorded.mkdir()
        for name, text in METADATA.items():
            file = plugin / "recording-1.dist-info" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        paths = [str(plugin), str(Path(__file__).parent), *sys.path]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "WORKBENCH_RECORDED": str(recorded),
        }
        for starter in STARTERS:
            root = folder / starter.name
            write_starter(starter, root)
            for file in root.glob("prompts/*/*.yaml"):
                file.write_text(file.read_text().replace("recorded:", "recording:"))
            words = ["run", starter.task, "--tracking-uri", "none"]
            subprocess.run([*WORKBENCH, *words], cwd=root, env=environment, check=True)
        for file in recorded.glob("*.jsonl"):
            answers: dict[str, RecordedAnswer] = {}
            for answer in read_lines(file.read_text(encoding="utf-8").splitlines()):
                answers.setdefault(answer.request, answer)
            write_recordings(ANSWERS / file.name, answers.values())


if __name__ == "__main__":
    main()
