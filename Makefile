.PHONY: check lint types imports test format bench site explorer notebooks

check: lint types imports test

lint:
	ruff format --check .
	ruff check .

types:
	mypy

imports:
	lint-imports

test:
	OMP_NUM_THREADS=1 pytest -n auto --durations=40 --durations-min=4

format:
	ruff format .
	ruff check --fix .

bench:
	python benchmarks/database.py
	python benchmarks/search.py

site:
	python -m scripts.site_pages
	python -m zensical build --clean --strict

explorer:
	mkdir -p build
	python -m robustnas explore --dataset cifar10-surrogate --out build/explorer.html

notebooks:
	python -m scripts.run_notebooks
