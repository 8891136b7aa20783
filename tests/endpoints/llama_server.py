"""Serves a GGUF file by llama.cpp's server until stdin ends; prints its address.

/…/bin/python llama_server.py model.gguf    ->  http://127.0.0.1:45331
"""

import sys

import xllamacpp


def main() -> None:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = sys.argv[1]
    parameters.n_parallel, parameters.n_ctx = 1, 1024
    parameters.cpuparams.n_threads = 1  # several wait for each other on a busy machine
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
