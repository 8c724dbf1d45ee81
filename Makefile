# make study   set up, run the whole study, say where the results are     SCALE=smoke|laptop|paper DATA=<folder or archive> JOBS=<n>
#              PART=v1|v2: the first or the extended paper's alone; WEIGHTS=<folder> of published encoders
#              PROCESSES=<n>: so many processes, or GPUs, share each training; JOBS is then 1 unless given
#              DASK=tcp://<scheduler>:8786 spreads stores, anatomy and scores of vessels over a cluster
# make test    set up, lint, run the pipeline at scale smoke, then the tests
# make verify  set up, run the pipeline at scale smoke, compare its numbers with the expected ones
# make lab     set up, open JupyterLab on the notebooks
# make doctor  what this machine has, and what is missing

PYTHON ?= python3
SCALE ?= laptop
VENV := .venv/bin
STUDY := $(VENV)/python -m vasolib.pipeline

# What is given reaches programs as it is, through the environment: neither make nor the shell expands or splits it.
override SCALE := $(value SCALE)
override DATA := $(value DATA)
override JOBS := $(value JOBS)
override PROCESSES := $(value PROCESSES)
override DASK := $(value DASK)
override PART := $(value PART)
override WEIGHTS := $(value WEIGHTS)
export SCALE DATA JOBS PROCESSES DASK PART WEIGHTS
GIVEN = --scale="$$SCALE" $(if $(DATA),--data="$$DATA")
SHARING = $(if $(DASK),VASOLIB_DASK="$$DASK") $(if $(PROCESSES),VASOLIB_PROCESSES="$$PROCESSES")
SIDE_BY_SIDE = $(if $(JOBS),--jobs="$$JOBS",$(if $(filter-out 1,$(PROCESSES)),--jobs=1))
MORE = $(if $(WEIGHTS),--weights="$$WEIGHTS") $(if $(PART),--part="$$PART")

.PHONY: setup study test verify lab doctor readme

setup: .venv/installed

.venv/installed: requirements.lock requirements-v2.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(VENV)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock -r requirements-v2.lock
	$(VENV)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

study: setup
	@$(SHARING) $(STUDY) $(GIVEN) $(MORE) $(SIDE_BY_SIDE)

test: setup
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(STUDY) --scale smoke $(if $(JOBS),--jobs="$$JOBS")
	$(VENV)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder

verify: setup
	@$(VENV)/python -m vasolib.verify $(if $(JOBS),--jobs="$$JOBS")

lab: setup
	$(VENV)/jupyter lab notebooks --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate

doctor: setup
	@$(VENV)/python -m vasolib.doctor $(GIVEN) $(MORE)

readme: setup
	$(VENV)/python -m vasolib.report
	$(VENV)/python -m vasolib.v2.page
