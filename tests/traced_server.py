"""A process that traces what it pretends to serve.

    python traced_server.py FOLDER URI FIRST LAST RATE

It adds a call for each number to an outbox, and prints the number once it is added, as a server
sends its answer. Then it prints `done`, and waits for the end of its standard input. Messages of
the outbox go to standard error.
"""

import sys
import time
from pathlib import Path

from served_calls import call

from workbench.secrets import Redactor
from workbench.serving.traces.folder_outbox import open_outbox
from workbench.serving.traces.trace_settings import TraceSettings


def main() -> None:
    folder, uri, first, last, rate = sys.argv[1:]
    settings = TraceSettings(
        Path(folder), uri, "triage production", float(rate), segment_size=100_000
    )
    outbox = open_outbox(
        settings, Redactor(), lambda text: print(text, file=sys.stderr, flush=True)
    )
    for number in range(int(first), int(last)):
        outbox.add(call(number, failed=number % 10 == 3))
        print(number, flush=True)
        time.sleep(0.002)
    print("done", flush=True)
    sys.stdin.read()
    outbox.close(60.0)


if __name__ == "__main__":
    main()
