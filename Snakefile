"""The chain as a graph: extracts -> canonical tables -> notebooks -> site. Each step names every file it reads.

Run it with `make site`; `snakemake -n` says what would run and why. The audits are those of the site that is shipped;
`--config audits=simulacrum` runs and draws others.
"""

from pathlib import Path

from naome.core.code_version import list_code
from naome.core.definitions import NOT_OF_A_RUN, project_definitions
from naome.core.errors import NaomeError
from naome.workflow.pages import find_notebook, list_chained, list_notebooks, load_pages, notebooks_of, reads_from
from naome.core.params import find_data, find_params, load_params
from naome.core.seal import list_files

AUDITS = config["audits"].split(",") if "audits" in config else list(load_pages().site)
AUDITS_TEXT = ",".join(AUDITS)
SCALE = config.get("scale", "1")
SYNTHETIC = "data/synthetic/"
try:
    PARAMS = {audit: load_params(audit) for audit in AUDITS}
    NOTEBOOKS = {audit: [path.stem for path in notebooks_of(PARAMS[audit])] for audit in AUDITS}
except NaomeError as error:
    raise WorkflowError(str(error))
FIRST, *OTHERS = [path.stem for path in list_notebooks()]
CHAINED = sorted(list_chained())
# What results rest on; the names of menus, the words of the report and the generator's population are not among it
DEFINITIONS = [str(Path("definitions", file)) for file in project_definitions().files()]
WORDS = [str(path) for path in Path("definitions").glob("*.yaml") if path.stem in NOT_OF_A_RUN]


def code(*rooms):
    """Source files of some rooms of the package: a step runs again when its own code changes."""
    files = [path for room in rooms for path in Path("src/naome").glob(f"{room}/*.py")]
    files += [path for room in rooms for path in Path("src/naome").glob(f"{room}.py")]
    return sorted(map(str, files))


def package(name):
    """All files of a package beside `naome`."""
    return sorted(str(path) for path in Path("src", name).glob("*") if path.is_file())


# What the run id covers: results of two versions of the program never stand in one run
ANALYSIS = [str(path.relative_to(Path.cwd())) for path in list_code()] + ["methodology/simulation/results.csv"]
# All other code of the package: it draws the site, or takes commands
SITE = sorted({str(path) for path in Path("src/naome").rglob("*.py")}.difference(ANALYSIS))


def extract_of(wildcards):
    """The mark of a synthetic extract, which is made here; else the files that lie in the audit's folder."""
    folder = PARAMS[wildcards.audit].data_dir
    if folder.startswith(SYNTHETIC):
        return f"{folder}.written"
    files = [str(path) for path in list_files(find_data(PARAMS[wildcards.audit], find_params(wildcards.audit)))]
    if not files:
        raise WorkflowError(f"{folder} holds no CSV or Parquet file; put the extract of audit {wildcards.audit} there.")
    return files


def pages_of(audit):
    return [f"runs/{audit}/notebooks/{notebook}.ipynb" for notebook in NOTEBOOKS[audit]]


PAGES = [page for audit in AUDITS for page in pages_of(audit)]
# Truth is known of synthetic people; an audit of both cohorts is compared with it, which is no part of its run
KNOWN = [a for a in AUDITS if PARAMS[a].data_dir.startswith(SYNTHETIC) and {"denovo", "recurrent"} <= set(PARAMS[a].cohorts)]
TRUTH = ["runs/truth/cohorts-against-truth.qmd"] if KNOWN else []
MANIFESTS = [f"runs/{audit}/manifest.json" for audit in AUDITS]


rule site:
    input:
        "_site/index.html",
        # named here so that one that was deleted is made again, and not only what is newer than the site
        PAGES,
        MANIFESTS,


rule simulate:
    input:
        package("naome_synthetic"),
        "definitions/synthetic.yaml",
    output:
        touch("data/synthetic/{audit}.written"),
    wildcard_constraints:
        audit="england|wales|england-rcrd",
    priority: 2
    shell:
        "python -m naome_synthetic simulate {wildcards.audit} --scale {SCALE}"


rule read:
    input:
        extract_of,
        "params/{audit}.yaml",
        code("core", "extract", "extract/readers", "cohort", "measures/derivability"),
        code("workflow/ingest", "workflow/plan", "workflow/small_nation"),
        DEFINITIONS,
    output:
        # Snakemake deletes outputs before a job: a mark, so that what was read stays when an extract is refused
        touch("runs/{audit}/.read"),
    priority: 2
    shell:
        "naome read --audit {wildcards.audit}"


rule cohort:
    input:
        "runs/{audit}/.read",
        f"notebooks/{FIRST}.ipynb",
        DEFINITIONS,
        ANALYSIS,
    output:
        f"runs/{{audit}}/notebooks/{FIRST}.ipynb",
        "runs/{audit}/analysis.parquet",
    priority: 2
    shell:
        f"naome run {FIRST} --audit {{wildcards.audit}}"


def read_from(wildcards):
    """Notebooks that write what this one reads."""
    needed = [path.stem for path in reads_from(find_notebook(wildcards.notebook))]
    return [f"runs/{wildcards.audit}/notebooks/{name}.ipynb" for name in needed]


def other_runs(wildcards):
    """A page that reads the runs of other audits waits for the people of all of them."""
    if not load_pages().find(wildcards.notebook).companions:
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
        notebook="|".join(name for name in OTHERS if name not in CHAINED),
    shell:
        "naome run {wildcards.notebook} --audit {wildcards.audit}"


use rule notebook as chained_notebook with:
    wildcard_constraints:
        notebook="|".join(CHAINED),
    priority: 1


rule manifest:
    input:
        lambda wildcards: pages_of(wildcards.audit),
    output:
        "runs/{audit}/manifest.json",
        "runs/{audit}/release/organisations.parquet",
    shell:
        "naome manifest --audit {wildcards.audit} > /dev/null"


rule truth:
    input:
        [f"runs/{audit}/.read" for audit in KNOWN],
        DEFINITIONS,
        package("naome_synthetic"),
        ANALYSIS,
    output:
        TRUTH,
    params:
        audits=",".join(KNOWN),
    shell:
        "python -m naome_synthetic compare-truth --audits {params.audits}"


rule render:
    input:
        PAGES,
        MANIFESTS,
        TRUTH,
        [str(path) for path in sorted([*Path(".").glob("*.qmd"), *Path("methodology").glob("*.qmd"), *Path("assets").glob("*")])],
        ["_quarto.yml", "references.bib", "CITATION.cff", "CHANGELOG.md", *map(str, Path("docs/decisions").glob("*.md")), *WORDS],
        SITE,
        package("sitepreview"),
    output:
        "_site/index.html",
    shell:
        "naome render --audits {AUDITS_TEXT}"
