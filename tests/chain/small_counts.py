"""Find counts of people from 1 to 9 in executed notebooks, and tables that let one be worked out."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PEOPLE = "people|persons?|deaths?|women|men|tumours?|patients|rows|in the [a-z ]*cohort"
# A number from 1 to 9 of people, and n = 7; not 1 of 1,234, not 5.3, not 8%, not "1 year"
IN_WORDS = re.compile(rf"(?<![\w.,−-])([1-9]|{'|'.join(WORDS)}) (?:{PEOPLE})\b|\bn = ([1-9])(?![\d,.])", re.I)
# Limits that the parameters set, and how many sources or things there are
ALLOWED = re.compile(
    rf"fewer than (?:\d+|ten) (?:{PEOPLE})|at least \w+ (?:{PEOPLE})|one (?:row|tumour) per person", re.I
)
CELL = re.compile(r"<t[hd](?P<attributes>[^>]*)>(?P<text>.*?)</t[hd]>", re.S)


def read_outputs(notebook: Path) -> list[tuple[str, str, str]]:
    """Return (cell, kind, text) of everything a notebook shows: table, sentence, or plain text beside a figure."""
    found = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            data = {kind: "".join(text) for kind, text in output.get("data", {}).items()}
            shown = data.get("text/markdown", data.get("text/plain", ""))
            found.append((cell["id"], "table" if shown.startswith("<table") else "text", shown))
    return found


def find_small_counts(notebook: Path) -> list[str]:
    """Return where a notebook shows a count of people from 1 to 9, as readable lines."""
    found = []
    for cell, kind, shown in read_outputs(notebook):
        if kind == "text":
            found += [f"{notebook.stem} {cell}: {m[0]}" for m in IN_WORDS.finditer(ALLOWED.sub("", shown))]
            continue
        for row in re.findall(r"<tr.*?</tr>", shown, re.S):
            for attributes, text in CELL.findall(row):
                value = html.unescape(text)
                count = re.search(r'class="[^"]*\bcount\b', attributes)
                if count and re.fullmatch(r"[1-9]", value):
                    found.append(f"{notebook.stem} {cell}: {html.unescape(re.sub('<.*?>', ' ', row)).strip()}")
                if not count and IN_WORDS.search(ALLOWED.sub("", value)):
                    found.append(f"{notebook.stem} {cell}: {value}")
    return found


def find_shares_of_few(notebook: Path) -> list[str]:
    """Return rows whose percentage and number of people give a count, or a rest, from 1 to 9."""
    found = []
    for cell, kind, shown in read_outputs(notebook):
        heads = [html.unescape(head) for head in re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", shown)]
        shares = [head for head in ("Percent", "Observed") if head in heads]
        if kind != "table" or "People" not in heads or not shares:
            continue
        for row in re.findall(r"<tr>(<th scope=\"row\".*?)</tr>", shown, re.S):
            cells = [html.unescape(text) for _, text in CELL.findall(row)]
            if len(cells) != len(heads):
                continue  # one reason instead of numbers
            people = cells[heads.index("People")]
            for percent in (cells[heads.index(head)] for head in shares):
                if re.fullmatch(r"[\d,]+", people) and re.fullmatch(r"[\d.]+%", percent):
                    n = int(people.replace(",", ""))
                    counted = round(n * float(percent.rstrip("%")) / 100)
                    if 1 <= min(counted, n - counted) <= 9 and n < 1000:
                        found.append(f"{notebook.stem} {cell}: {cells}")
    return found


def find_count_cells(page: Path) -> list[str]:
    """Return what stands in the cells of counts of people of a drawn page."""
    text = page.read_text(encoding="utf-8")
    cells = [(attributes, html.unescape(value)) for attributes, value in CELL.findall(text)]
    return [value.strip() for attributes, value in cells if re.search(r'class="[^"]*\bcount\b', attributes)]


def find_small_counts_on_page(page: Path) -> list[str]:
    """Return where a drawn page shows a count of people from 1 to 9: in a cell, a sentence or a text alternative."""
    text = re.sub(r"<(script|style|pre)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.S)
    found = [f"{page.stem}: a cell of {value}" for value in find_count_cells(page) if re.fullmatch(r"[1-9]", value)]
    words = [*re.findall(r'alt="([^"]*)"', text), html.unescape(re.sub(r"<[^>]+>", " ", text))]
    return found + [f"{page.stem}: {m[0]}" for part in words for m in IN_WORDS.finditer(ALLOWED.sub("", part))]
