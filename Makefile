# Everything runs through `lsdc`; make only sets the environment up and passes these words on:
#   FOLD=0  CONFIG=configs/phantom.yaml  RUN=name  DATA=/competition/folder  RUNS=dir  CACHE=dir  SET="section.key=value ..."
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
FOLD ?= 0
CONFIG ?= configs/phantom.yaml
BUNDLE ?= .lsdc/bundle
VENV := .venv
READY := $(VENV)/.ready
LSDC := $(VENV)/bin/lsdc

ifdef DATA
export LSDC_DATA := $(DATA)
endif
ifdef RUNS
export LSDC_RUNS := $(RUNS)
endif
ifdef CACHE
export LSDC_CACHE := $(CACHE)
endif

OPTIONS = --config "$(CONFIG)" $(if $(RUN),--run "$(RUN)") $(foreach setting,$(SET),--set '$(setting)')

.DEFAULT_GOAL := help
.PHONY: help setup doctor phantom audit train-detector train-fold train evaluate runs summary report blend predict \
	submit submissions bundle verify-bundle push bench bench-quality bench-ablation lint audit-deps test soak clean

help:  ## this map
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@sed -n '2s/^# */  with /p' Makefile

setup: $(READY)  ## make .venv and install (every target below does it when needed)

$(READY): pyproject.toml configs/constraints.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.13 found. Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "error: $(PYTHON) cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing into $(VENV): about 6 GB with torch, a few minutes"
	$(VENV)/bin/python -m pip install --quiet --constraint configs/constraints.txt --editable '.[train,kernel,cluster,dev]'
	@touch $@

doctor: $(READY)  ## what this machine has, and what is missing
	$(LSDC) doctor

phantom: $(READY)  ## the synthetic competition folder (made by itself when no DATA is given)
	$(LSDC) phantom --config "$(CONFIG)" $(foreach setting,$(SET),--set '$(setting)')

audit: $(READY)  ## every fault of the data folder, grouped and counted (TABLE=faults.csv, PIXELS=1)
	$(LSDC) audit --config "$(CONFIG)" $(foreach setting,$(SET),--set '$(setting)') \
		$(if $(TABLE),--table "$(TABLE)") $(if $(PIXELS),--pixels)

train-detector: $(READY)  ## only the detector of FOLD and where it finds the 25 targets, measured
	$(LSDC) train-detector --fold "$(FOLD)" $(OPTIONS)

train-fold: $(READY)  ## train detector and classifier of FOLD, predict it, score it
	$(LSDC) train-fold --fold "$(FOLD)" $(OPTIONS)

LAUNCHED = $(if $(LAUNCH),--launch "$(LAUNCH)") $(if $(AT_ONCE),--at-once "$(AT_ONCE)") \
	$(foreach one,$(LAUNCH_OPTIONS),--launch-option "$(one)")

train: $(READY)  ## train every fold (FOLDS=0,1 CONFIGS="a.yaml ..."), with LAUNCH=local or slurm several at once: AT_ONCE=2 LAUNCH_OPTIONS="gpus=1 ..."
	$(LSDC) train $(if $(CONFIGS),$(foreach one,$(CONFIGS),--config "$(one)") \
		$(foreach setting,$(SET),--set '$(setting)'),$(OPTIONS)) $(if $(FOLDS),--folds "$(FOLDS)") $(LAUNCHED)

evaluate: $(READY)  ## score out-of-fold predictions (LOCATIONS=1, BESIDE=, PICTURE=: the places), or files (TRUTH=train.csv PREDICTIONS="a.csv ...")
	$(LSDC) evaluate $(OPTIONS) $(if $(TRUTH),--truth "$(TRUTH)") $(foreach file,$(PREDICTIONS),--predictions "$(file)") \
		$(if $(LOCATIONS),--locations) $(foreach other,$(BESIDE),--beside "$(other)") \
		$(if $(PICTURE),--picture "$(PICTURE)")

runs: $(READY)  ## all runs in one table (RUN=name BESIDE="name name": only these)
	$(LSDC) runs $(foreach one,$(RUN) $(BESIDE),"$(one)")

summary: $(READY)  ## summary.html of a run, which train and evaluate leave too
	$(LSDC) summary --config "$(CONFIG)" $(if $(RUN),--run "$(RUN)")

report: $(READY)  ## a folder of pages: scores, worklist, locations, a page for each study with images (OUT=dir)
	$(LSDC) report $(OPTIONS) $(if $(OUT),--out "$(OUT)")

blend: $(READY)  ## weights, calibration, second level of several runs (MODELS="name name a.csv" FOLDS=csv OUT=json)
	$(LSDC) blend --config "$(CONFIG)" $(foreach setting,$(SET),--set '$(setting)') $(if $(FOLDS),--folds "$(FOLDS)") \
		$(if $(OUT),--out "$(OUT)") $(foreach one,$(MODELS),"$(one)")

predict: $(READY)  ## a test part to OUT=submission.csv, in time whatever happens (RUN or BLEND=, DATA, HOURS=8.5, LENIENT=1; SHARDS=3 LAUNCH=local)
	$(LSDC) predict $(if $(BLEND),--blend "$(BLEND)",--run "$(or $(RUN),$(basename $(notdir $(CONFIG))))") \
		$(if $(OUT),--out "$(OUT)") $(if $(FOLDS),--folds "$(FOLDS)") $(if $(HOURS),--deadline-hours "$(HOURS)") \
		$(if $(LENIENT),--lenient) $(foreach setting,$(SET),--set '$(setting)') $(if $(SHARDS),--shards "$(SHARDS)") $(LAUNCHED)

submit: $(READY)  ## submissions/NAME/submission.csv from all trained folds (REPLACE=1 overwrites one, BLEND=file blends runs)
	$(LSDC) submit $(OPTIONS) $(if $(BLEND),--blend "$(BLEND)") $(if $(NAME),--name "$(NAME)") $(if $(REPLACE),--replace)

submissions: $(READY)  ## all submissions in one table, with the scores typed into submissions/leaderboard.csv
	$(LSDC) submissions

bundle: $(READY)  ## pack RUN (or BLEND=file) for an offline notebook: BUNDLE=.lsdc/bundle OWNER=name WHEELS="a.whl" FOLDS=0,1 REPLACE=1
	$(LSDC) bundle make --out "$(BUNDLE)" $(if $(BLEND),--blend "$(BLEND)") $(if $(OWNER),--owner "$(OWNER)") \
		$(if $(FOLDS),--folds "$(FOLDS)") $(foreach wheel,$(WHEELS),--wheel "$(wheel)") $(if $(REPLACE),--replace) \
		$(if $(BLEND),,"$(or $(RUN),$(basename $(notdir $(CONFIG))))")

verify-bundle: $(READY)  ## try BUNDLE as its notebook will, offline (ENVIRONMENTS="image newest" PYTHON_IMAGE=python3.12 MANY=300)
	$(LSDC) bundle verify "$(BUNDLE)" $(foreach one,$(ENVIRONMENTS),--environment "$(one)") \
		$(if $(PYTHON_IMAGE),--python "$(PYTHON_IMAGE)") $(if $(MANY),--many "$(MANY)")

push: $(READY)  ## what the kaggle client would be told to upload BUNDLE (NEW=1 the first time); YES=1 tells it
	$(LSDC) bundle push "$(BUNDLE)" $(if $(NEW),--new) $(if $(YES),--yes)

bench: $(READY)  ## every stage beside what one would otherwise do; WHAT="labels physics evidence": what the phantom is worth
	$(LSDC) bench $(OPTIONS) $(foreach part,$(WHAT),--what $(part)) $(foreach row,$(ONLY),--only "$(row)")

TRIAL = $(OPTIONS) $(if $(FOLDS),--folds "$(FOLDS)") $(foreach row,$(ONLY),--only "$(row)") $(if $(REPORT),--report-only)

bench-quality: $(READY)  ## the default network beside the paper's, priors and floor, all folds (FOLDS=0,1 ONLY=row REPORT=1)
	$(LSDC) bench --what quality $(TRIAL)

bench-ablation: $(READY)  ## the default network without each ingredient in turn, one fold of another phantom (configs/ablation.yaml)
	$(LSDC) bench --what ablation $(TRIAL)

lint: $(READY)  ## ruff
	$(VENV)/bin/ruff check .

audit-deps: $(READY)  ## bandit over the code, pip-audit over the pinned packages (it asks the network)
	$(VENV)/bin/python -m pip install --quiet --constraint configs/constraints.txt --editable '.[audit]'
	$(VENV)/bin/bandit --quiet --recursive --configfile pyproject.toml lsdc
	$(VENV)/bin/pip-audit --strict --requirement configs/constraints.txt --no-deps --disable-pip || { \
		echo "error: a pinned package has a known fault, or the database could not be asked about all of them (see above)" >&2; \
		exit 1; }

test: $(READY)  ## the whole suite, end-to-end run included
	$(VENV)/bin/python -m pytest $(ARGS)

soak: $(READY)  ## the long tests that make test leaves out: damaged files, twenty kills of each command (ARGS="tests/fuzz")
	$(VENV)/bin/python -m pytest -m soak $(ARGS)

clean:  ## remove .venv and caches (data and runs in .lsdc/ stay)
	rm -rf $(VENV) .pytest_cache .ruff_cache build *.egg-info
