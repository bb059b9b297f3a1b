"""Every coding of ``definitions/codings`` is what is computed: another meaning in the file is another value read."""

from __future__ import annotations

import csv
import hashlib
import shutil
from pathlib import Path

import pytest
from reading import read_about, read_people

from naome.core.codings import CODING_COLUMNS
from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import ExtractError
from naome.core.paths import project_root
from naome.extract import READERS, Reader, read_extract
from naome.extract.clean import Coded

DATA = Path(__file__).parent / "data"
#: A coding that no reader uses (test_spec_lists.py changes it), and those whose codes no extract of the tests has:
#: test_drug_names.py and test_provider_codes.py change them, and test_sources_clean.py reads scores of HER2. No
#: canonical column holds the kind of an organisation
NOT_OF_READERS = {
    "sact_agents",
    "sact_drug",
    "sact_word",
    "organisation_default",
    "organisation_kind",
    "her2_score",
} | {
    "not_recorded"  # words that no extract of the tests has (test_registry_lists.py)
}


def find_readers() -> dict[str, tuple[str, str]]:
    """Return coding -> the first reader that cleans by it, and the raw table."""
    found = {}
    for name, reader in READERS.items():
        for version in [v for _, v in reader.versions] or [reader]:
            for raw, table in version.raw.items():
                cleaners = [*table.columns.values(), *(each.cleaner for each in table.long.values())]
                for cleaner in cleaners:
                    if isinstance(cleaner, Coded):
                        found.setdefault(cleaner.coding, (name, raw))
    return found


READER_OF = find_readers()
PEOPLE = read_people(READERS["ncrd"])
#: Version 1 of the Simulacrum counts deprivation from the other end
EXTRACT_OF = {"ncrd": "england", "wcn": "wales", "simulacrum": "simulacrum_v1", "rotterdam": ""}


def find_extract(name: str, extracts: dict[str, Path]) -> Path:
    extract = EXTRACT_OF[name]
    return extracts.get(extract) or (DATA / extract if extract else project_root() / "data" / "open")


def read_with(name: str, raw: str) -> Reader:
    """Return a reader of a raw table and of what is read together with it; without versions, of no others."""
    reader = READERS[name]
    if reader.versions:
        return reader
    return read_people(reader) if raw in reader.people_tables else read_about(reader, raw)


def outcome(reader: Reader, extract: Path, definitions: Definitions, out: Path) -> str:
    """Say what reading gives: the canonical tables, or what is wrong with the extract."""
    try:
        read_extract(reader, extract, out, definitions=definitions, progress=lambda line: None)
    except ExtractError as error:
        return str(error)
    return " ".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(out.iterdir()))


@pytest.fixture(scope="module")
def as_shipped(extracts, tmp_path_factory):
    """What reading gives with the shipped codings, by reader and raw table."""
    root = tmp_path_factory.mktemp("shipped")
    known = {}

    def find(name: str, raw: str) -> str:
        if (name, raw) not in known:
            reader, out = read_with(name, raw), root / f"{name}-{raw}"
            known[name, raw] = outcome(reader, find_extract(name, extracts), project_definitions(), out)
        return known[name, raw]

    return find


@pytest.mark.parametrize("coding", [name for name in project_definitions().codings if name not in NOT_OF_READERS])
def test_exchanging_the_meanings_of_codes_changes_what_is_read(coding, extracts, as_shipped, tmp_path):
    assert coding in READER_OF, f"{coding}.csv is read by no reader"
    name, raw = READER_OF[coding]
    folder = shutil.copytree(project_definitions().folder, tmp_path / "definitions")
    lines = project_definitions().coding(coding).lines
    values = list(dict.fromkeys(line.value for line in lines))
    following = dict(zip(values, [*values[1:], values[0]], strict=True))
    with (folder / "codings" / f"{coding}.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(CODING_COLUMNS)
        for line in lines:
            writer.writerow((line.code, following[line.value], line.rule, line.term, line.status, line.source))
    found = outcome(read_with(name, raw), find_extract(name, extracts), Definitions(folder), tmp_path / "out")
    assert found != as_shipped(name, raw)


def test_a_reader_is_bound_to_the_definitions_that_are_given(tmp_path):
    """Exchanging seen and not seen in cns_indicator.csv once changed nothing."""
    folder = shutil.copytree(project_definitions().folder, tmp_path / "definitions")
    file = folder / "codings" / "cns_indicator.csv"
    text = file.read_text(encoding="utf-8").replace(",seen,", ",SEEN,").replace(",not_seen,", ",seen,")
    file.write_text(text.replace(",SEEN,", ",not_seen,"), encoding="utf-8")
    for definitions, value in ((project_definitions(), "seen"), (Definitions(folder), "not_seen")):
        cleaner = READERS["ncrd"].bind(definitions).raw["av_tumour"].columns["CNS"]
        assert cleaner.clean("Y1") == (value, ())


def test_what_is_not_read_by_a_coding_is_read_by_a_list():
    bound = READERS["simulacrum"].versions[0][1].bind(project_definitions()).raw["av_tumour"]
    assert "SIMILAR TO '(C50|D05).*" in bound.only and "(C50, D05)" in bound.only_rule[1]


@pytest.mark.parametrize(
    ("score", "refused"),
    [("CASE WHEN n % 3 = 0 THEN '0' ELSE 'P' END", True), ("CASE WHEN n % 3 = 0 THEN '0' ELSE '3+' END", False)],
)
def test_a_zero_in_her2_is_a_score_only_where_other_scores_are(copy, score, refused):
    folder = copy("clean-england")
    folder.put("av_tumour", "HER2_STATUS", score, "true")
    if not refused:
        extract = read_extract(PEOPLE, folder.path, None, progress=lambda line: None)
        assert {entry["rule"] for entry in extract.quality if entry["column"] == "HER2_STATUS"} == {"her2_score"}
        return
    with pytest.raises(ExtractError, match=r"column HER2_STATUS: 0 is in .* and 1\+, 2\+ or 3\+ in none"):
        read_extract(PEOPLE, folder.path, None, progress=lambda line: None)


def test_quintiles_that_are_counted_from_0_are_refused(copy):
    folder = copy("clean-england")
    folder.edit(
        "av_tumour", "SELECT * REPLACE ((left(QUINTILE_2019, 1)::INTEGER - 1)::VARCHAR AS QUINTILE_2019) FROM t"
    )
    with pytest.raises(
        ExtractError, match=r"column QUINTILE_2019: 0 is in [\d,]+ rows and 5 in none: .*allowed: 1 to 5"
    ):
        read_extract(PEOPLE, folder.path, None, progress=lambda line: None)


@pytest.mark.parametrize(
    ("digit", "refused"),
    [("1 + (n % 5 = 0)::INTEGER", True), ("CASE WHEN n % 20 = 0 THEN 1 ELSE 0 END", False)],
)
@pytest.mark.parametrize("written", ["({d})::VARCHAR", "({d})::VARCHAR || '.0'"])
def test_figures_of_another_list_of_ethnic_groups_are_refused(copy, digit, refused, written):
    folder = copy("clean-england")
    folder.put("av_patient", "ETHNICITY", written.format(d=digit), "true")
    if not refused:
        assert read_extract(PEOPLE, folder.path, None, progress=lambda line: None).rows["people"]
        return
    with pytest.raises(ExtractError, match="column ETHNICITY: figures from 1 to 7 are in .* and 0 in 0 rows"):
        read_extract(PEOPLE, folder.path, None, progress=lambda line: None)
