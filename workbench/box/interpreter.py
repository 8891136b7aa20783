"""The files of Python that a box shows: the interpreter, its standard library, shared libraries.

    interpreter().binds      (("/usr/bin/python3.11", "/usr/bin/python3.11"), …)

No other program, no installed package, no configuration and no home of a user is among them.
"""

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from workbench.box.namespaces import BOX_PATH

PACKAGE = Path(__file__).resolve().parents[1]
ZONES, LIBRARY_CACHE = "/usr/share/zoneinfo", "/etc/ld.so.cache"
LIBRARY_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")  # where no list of files can be had
UNUSED = ("_test", "_tkinter", "xx")  # modules whose libraries are left out
SECONDS = 20.0


@dataclass(frozen=True)
class Interpreter:
    """A Python for boxes.

    Attributes:
        executable: its path, the same in the box.
        binds: real paths, with their paths in the box.
        covered: folders below these that stay empty.
    """

    executable: str
    binds: tuple[tuple[str, str], ...]
    covered: tuple[str, ...]

    def command(self, module: str, *, inside: bool) -> list[str]:
        """The command that runs `main` of a module of this package, without the package's own."""
        folder = BOX_PATH if inside else str(PACKAGE)
        code = (
            "import sys; package = type(sys)('workbench'); "
            f"package.__path__ = [{folder!r}]; sys.modules['workbench'] = package; "
            f"from workbench.box.{module} import main; main()"
        )
        return [self.executable, "-I", "-S", "-E", "-c", code]


@lru_cache
def interpreter() -> Interpreter:
    """The Python that runs this process, without its virtual environment."""
    executable = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    library = str(Path(os.__file__).resolve().parent)
    modules = os.path.realpath(sysconfig.get_config_var("DESTSHARED") or library)
    paths = [executable, library, ZONES, LIBRARY_CACHE]
    paths += [] if modules.startswith(library) else [modules]
    extensions = sorted(str(path) for path in Path(modules).glob("*.so") if _is_used(path))
    paths += shared_libraries(executable, extensions)
    binds = {path: os.path.realpath(path) for path in paths if Path(path).exists()}
    installed = [f"{library}/{name}" for name in ("site-packages", "dist-packages")]
    pairs = [(real, path) for path, real in binds.items()]
    return Interpreter(
        executable,
        (*pairs, (str(PACKAGE / "box"), f"{BOX_PATH}/box")),
        tuple(path for path in installed if Path(path).is_dir()),
    )


def shared_libraries(executable: str, extensions: list[str]) -> list[str]:
    """The files that the loader would map for a program and its modules, by the names it uses."""
    # The loader of the GNU C library lists them instead of running the program.
    variables = {"LD_TRACE_LOADED_OBJECTS": "1", "LD_PRELOAD": ":".join(extensions)}
    try:
        listed = subprocess.run(
            [executable, "-I", "-S", "-E", "-c", ""],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=True,
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        return list(LIBRARY_FOLDERS)
    names = [line.rpartition(" (0x")[0].rpartition("=> ")[2].strip() for line in listed.split("\n")]
    paths = [name for name in names if name.startswith("/") and name not in extensions]
    return paths or list(LIBRARY_FOLDERS)


def _is_used(extension: Path) -> bool:
    return not extension.name.startswith(UNUSED)
