"""Puts each peer into an environment of its own: benchmarks/.venvs/<peer>.

python -m benchmarks.peers.install            all of them
python -m benchmarks.peers.install lm-eval    one
"""

import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

VENVS = Path(__file__).resolve().parents[1] / ".venvs"
OPENAI = ["openai[aiohttp]==3.54.0", "aiohttp==3.14.5"]
# torch comes first and by itself, so that pip takes the build for this machine's processor.
PINS: dict[str, list[list[str]]] = {
    "inspect": [["inspect-ai==0.3.285", *OPENAI]],
    "lm-eval-api": [["lm-eval[api]==0.4.13"]],  # torch costs its start 3 s of CPU
    "lm-eval": [["torch==2.13.0"], ["lm-eval[api,hf]==0.4.13", "transformers==5.23.0"]],
    "deepeval": [["deepeval==4.3.1", *OPENAI]],
    "mlflow": [["mlflow==3.17.2", *OPENAI]],
}
PROMPTFOO = "promptfoo@0.121.20"  # npm's


def versions() -> dict[str, str]:
    """The pinned versions of the peers, by package."""
    pins = [pin for steps in PINS.values() for step in steps for pin in step]
    split = [pin.split("==") for pin in pins] + [PROMPTFOO.split("@")]
    return {name.split("[")[0]: version for name, version in split}


def python_of(peer: str) -> Path:
    """The interpreter of a peer that is written in Python."""
    return VENVS / peer / "bin" / "python"


def installed(peer: str) -> bool:
    """True if it was installed completely, with the current pins."""
    stamp = VENVS / peer / ".installed"
    return stamp.exists() and stamp.read_text() == str(PINS.get(peer, PROMPTFOO))


def install(peer: str) -> None:
    """Makes its environment; nothing where it stands already.

    Raises:
        subprocess.CalledProcessError: pip or npm couldn't.
    """
    if installed(peer):
        return
    print(f"installing {peer}", flush=True)
    home = VENVS / peer
    home.mkdir(parents=True, exist_ok=True)
    if peer == "promptfoo":
        subprocess.run(["npm", "install", "--no-fund", "--prefix", home, PROMPTFOO], check=True)
    else:
        venv.create(home, with_pip=True)
        for pins in PINS[peer]:
            pip = [python_of(peer), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
            subprocess.run([*pip, *pins], check=True)
    (home / ".installed").write_text(str(PINS.get(peer, PROMPTFOO)))


def main(names: Sequence[str]) -> None:
    for peer in names or [*PINS, "promptfoo"]:
        install(peer)


if __name__ == "__main__":
    main(sys.argv[1:])
