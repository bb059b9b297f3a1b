"""The chain as a graph: extracts -> canonical tables -> notebooks -> site. Each step names every file it reads.

Run it with `make site`; `snakemake -n` says what would run and why.
"""

import re
from pathlib import Path

AUDITS = config.get("audits", "england,wales,rotterdam").split(",")
AUDITS_TEXT = ",".join(AUDITS)
SIMULATED = {"england", "wales"}
SCALE = config.get("scale", "1")
NOTEBOOKS = sorted(path.stem for path in Path("notebooks").glob("[0-9][0-9]-*.ipynb"))
SOURCES = {name: Path(f"notebooks/{name}.ipynb").read_text(encoding="utf-8") for name in NOTEBOOKS}
FIRST, OTHERS = NOTEBOOKS[0], NOTEBOOKS[1:]
DEFINITIONS = [str(path) for path in sorted(Path("definitions").rglob("*.*")) if path.name != "synthetic.yaml"]


def code(*rooms):
    """Source files of some rooms of the package: a step runs again when its own code changes."""
    files = [path for room in rooms for path in Path("src/naome").glob(f"{room}/*.py")]
    files += [path for room in rooms for path in Path("src/naome").glob(f"{room}.py")]
    return sorted(map(str, files))


ANALYSIS = code(
    "params", "definitions", "results", "run", "paths", "study", "agree", "companions",
    "cohort", "measures", "stats", "disclosure", "publish",
) + ["methodology/simulation/results.csv"]


def extract_of(wildcards):
    return f"data/synthetic/{wildcards.audit}.written" if wildcards.audit in SIMULATED else "data/open/rotterdam.csv"


rule site:
    input:
        "_site/index.html",
        # named here so that one that was deleted is made again, and not only what is newer than the site
        expand("runs/{audit}/notebooks/{notebook}.ipynb", audit=AUDITS, notebook=NOTEBOOKS),
        expand("runs/{audit}/manifest.json", audit=AUDITS),


rule simulate:
    input:
        code("synthetic"),
        "definitions/synthetic.yaml",
    output:
        touch("data/synthetic/{audit}.written"),
    wildcard_constraints:
        audit="|".join(SIMULATED),
    shell:
        "naome simulate {wildcards.audit} --scale {SCALE}"


rule read:
    input:
        extract_of,
        "params/{audit}.yaml",
        code("sources", "ingest", "params"),
    output:
        "runs/{audit}/read.json",
    shell:
        "naome read --audit {wildcards.audit}"


rule cohort:
    input:
        "runs/{audit}/read.json",
        f"notebooks/{FIRST}.ipynb",
        DEFINITIONS,
        ANALYSIS,
    output:
        f"runs/{{audit}}/notebooks/{FIRST}.ipynb",
        "runs/{audit}/analysis.parquet",
    shell:
        f"naome run {FIRST} --audit {{wildcards.audit}}"


def read_from(wildcards):
    """Notebooks that write what this one reads, as their own code says with run.save and run.load."""
    saved = {name: n for n, text in SOURCES.items() for name in re.findall(r'run\.save\(\\"(\w+)', text)}
    loaded = re.findall(r'run\.load\(\\"(\w+)', SOURCES[wildcards.notebook])
    before = {saved[name] for name in loaded if name in saved} - {wildcards.notebook}
    return [f"runs/{wildcards.audit}/notebooks/{n}.ipynb" for n in sorted(before)]


def other_runs(wildcards):
    """The agreement page pools the people of all runs, so it waits for their cohorts."""
    if not wildcards.notebook.startswith("09-"):
        return []
    return [f"runs/{audit}/notebooks/{FIRST}.ipynb" for audit in AUDITS]


rule notebook:
    input:
        "runs/{audit}/analysis.parquet",
        read_from,
        other_runs,
        "notebooks/{notebook}.ipynb",
        DEFINITIONS,
        ANALYSIS,
    output:
        "runs/{audit}/notebooks/{notebook}.ipynb",
    wildcard_constraints:
        notebook="|".join(OTHERS),
    shell:
        "naome run {wildcards.notebook} --audit {wildcards.audit}"


rule manifest:
    input:
        expand("runs/{{audit}}/notebooks/{notebook}.ipynb", notebook=NOTEBOOKS),
    output:
        "runs/{audit}/manifest.json",
    shell:
        "naome manifest --audit {wildcards.audit} > /dev/null"


rule render:
    input:
        expand("runs/{audit}/notebooks/{notebook}.ipynb", audit=AUDITS, notebook=NOTEBOOKS),
        expand("runs/{audit}/manifest.json", audit=AUDITS),
        [str(path) for path in sorted([*Path(".").glob("*.qmd"), *Path("methodology").glob("*.qmd"), *Path("assets").glob("*")])],
        ["_quarto.yml", "_variables.yml", "references.bib"],
        [str(path) for path in sorted(Path("src/naome/render").glob("*"))],
    output:
        "_site/index.html",
    shell:
        "naome downloads --audits {AUDITS_TEXT} && naome render"
