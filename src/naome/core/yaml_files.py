"""Reading YAML files: plain data within bounds, held to a typed model; errors say file, line, key and what is allowed.

Parameters, definitions and calibration targets are all read here. YAML can say more than
people mean: a key given twice, a number in base 8 or 60, a reference that unfolds into gigabytes. None of it is needed,
and all of it is refused.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from naome.core.errors import NaomeError, YamlError, suggest

#: What is written in C does what is written in Python in a tenth of the time; not every build of PyYAML has it
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
LARGEST = 1_000_000  # bytes
DEEPEST = 20  # lists and mappings inside each other
RESOLVER = yaml.resolver.Resolver()
WHOLE_NUMBER = re.compile(r"[-+]?(0|[1-9]\d{0,17})")
DECIMAL = re.compile(r"[-+]?((0|[1-9]\d{0,17})\.\d*|\.\d+)([eE][-+]\d{1,2})?")
LEADING_ZERO = re.compile(r"[-+]?0\d+")
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
#: How a text is to be written, for people
PATTERNS = {
    r"^[a-z][a-z0-9-]*$": "must be small letters, digits and hyphens, a letter first",
    r"^[a-z][a-z0-9_-]*$": "must be small letters, digits, hyphens and underscores, a letter first",
    r"^[0-9]{2}$": "must be two digits in quotation marks",
}
#: What the parser says of a file that is no YAML -> what to look for
SLIPS = {
    r"\btab\b|\\t": "indent with spaces, not with a tab",
    "mapping values": "put text with a colon and a blank in quotation marks; or is the line indented too far?",
    "cannot start any token": "indent with spaces, not with a tab; put text that begins with @ or % in quotation marks",
    "end of stream|end of file": "is a quotation mark not closed?",
    "',' or": "is a bracket not closed, or a comma missing?",
    "expected ':'": "write a colon and a blank behind a key; is one missing, or is a text above not closed?",
    "expected": "indent the keys of a mapping, and the entries of a list, alike; is a quotation mark closed too early?",
}
#: What a model wants, for people
WANTED = {
    "string_type": "must be text (in quotation marks if it looks like a number, a date, yes or no)",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "too_short": "must have {min_length} or more entries",
    "too_long": "must have {max_length} or fewer entries",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have {max_length} or fewer characters",
    "date_type": "must be a date, YYYY-MM-DD",
    "date_from_datetime_parsing": "must be a date, YYYY-MM-DD",
    "date_parsing": "must be a date, YYYY-MM-DD",
}

KeyPath = tuple[str | int, ...]
Lines = dict[KeyPath, int]


class FrozenModel(BaseModel):
    """Base of what is read from a file: no unknown keys, no conversion of types, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class KeysError(ValueError):
    """Several keys of a file contradict each other: what is wrong, and with which keys, so that their lines are said.

    Parameters
    ----------
    *problems : tuple of (str, tuple of KeyPath)
        A sentence without a full stop, and the keys that it speaks of.
    """

    def __init__(self, *problems: tuple[str, tuple[KeyPath, ...]]) -> None:
        super().__init__("; ".join(said for said, _ in problems))
        self.problems = problems


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


Model = TypeVar("Model", bound=BaseModel)
#: A text that says something
Text = Annotated[str, AfterValidator(_not_blank)]


def read_day(text: str) -> dt.date:
    """Return the day that a text of the form YYYY-MM-DD means.

    Raises
    ------
    ValueError
        If there is no such day, with what is allowed.

    Examples
    --------
    >>> read_day("2015-12-31")
    datetime.date(2015, 12, 31)
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        year, month, day = text.split("-")
        exchanged = f"{year}-{day}-{month}"
    hint = "how many days has the month?"
    with suppress(ValueError):
        hint = f"are month and day exchanged ({dt.date.fromisoformat(exchanged)})?"
    raise ValueError(f"{text} is not a day of the calendar; allowed: a date, YYYY-MM-DD. Hint: {hint}")


def read_yaml(file: Path, *, error: type[NaomeError] = YamlError) -> Any:
    """Return the plain data of a YAML file: mappings, lists, texts, numbers, true or false, dates and nothing.

    Parameters
    ----------
    file : Path
        UTF-8, with or without a byte order mark; one document of at most 1 MB, nested at most 20 deep.
    error : type of NaomeError
        The class that is raised.

    Raises
    ------
    NaomeError
        Of the class `error`, with file and line: no such file, not UTF-8, not YAML, empty, too large or too deep, a key
        given twice, a tag, an anchor, an alias, or a number or date in an unusual notation (010, 0x1F, 1:30, 1_000, a
        date with a time).
    """
    return _Reader(file, error).read()[0]


def locate_key(file: Path, *keys: str | int, named: Path | None = None) -> str:
    """Say where a key of a YAML file stands: file, line and key, as an error begins.

    Parameters
    ----------
    file : Path
        The file that is looked into; one that cannot be read has no lines.
    *keys : str or int
        The key, inside its mappings: ``"disclosure", "national"``.
    named : Path, optional
        The file that is named, where `file` is a copy of it.

    Examples
    --------
    >>> locate_key(Path("mersey.yaml"), "disclosure", "national")  # there is no such file
    "mersey.yaml: key 'disclosure.national'"
    """
    return f"{named or file}{find_line(file, *keys)}: key {'.'.join(map(str, keys))!r}"


def find_line(file: Path, *keys: str | int) -> str:
    """Return ``:<line>`` of a key of a YAML file, or of the mapping in which it is missing; empty where there is none.

    Parameters
    ----------
    file : Path
    *keys : str or int
        As for :func:`locate_key`; the entries of a list are numbered from 0.
    """
    try:
        lines = _Reader(file, YamlError).read()[1]
    except YamlError:
        return ""
    line = next((lines[keys[:size]] for size in range(len(keys), 0, -1) if keys[:size] in lines), None)
    return "" if line is None else f":{line}"


def read_model(file: Path, model: type[Model], *, error: type[NaomeError] = YamlError, hint: str = "") -> Model:
    """Return what a YAML file holds as a typed model.

    Parameters
    ----------
    file : Path
        As for :func:`read_yaml`.
    model : type of BaseModel
        Says which keys there are and what they hold; best a :class:`FrozenModel`.
    error : type of NaomeError
        The class that is raised.
    hint : str
        Where keys are explained, added to what is said of a missing one: ``"params/README.md says what it means"``.

    Raises
    ------
    NaomeError
        Of the class `error`: as :func:`read_yaml`, and every unknown, missing or mistyped key with its line, what was
        found, what is allowed and the closest allowed word.
    """
    raw, lines = _Reader(file, error).read()
    if not isinstance(raw, dict):
        raise error(f"{file}:1: a mapping of keys to values is expected, found {_shape(raw)}.")
    try:
        return model.model_validate(raw)
    except ValidationError as found:
        raise error(explain_problems(file, found, raw, lines, model, hint)) from None


def read_text(file: Path, error: type[NaomeError] = YamlError) -> str:
    """Return the text of a file of at most 1 MB in UTF-8, without its byte order mark.

    Raises
    ------
    NaomeError
        Of the class `error`: no such file, not a plain file, not readable, too large, or not UTF-8, with the line.
    """
    if not file.is_file():
        raise error(f"{file}: no such file.")
    try:
        with file.open("rb") as handle:
            content = handle.read(LARGEST + 1)
    except OSError as problem:
        raise error(f"{file}: cannot be read: {problem.strerror}.") from None
    if len(content) > LARGEST:
        raise error(f"{file}: larger than {LARGEST:,} bytes; such a file holds a few thousand at most.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise error(f"{file}:{line}: not UTF-8, which is allowed alone. Hint: save the file again as UTF-8.") from None


def explain_problems(
    file: Path, found: ValidationError, raw: Any, lines: Lines, model: type[BaseModel], hint: str = ""
) -> str:
    """Return the problems that a model found in a file, a line for each: line, key, what was found, what is allowed.

    Parameters
    ----------
    file : Path
    found : ValidationError
    raw : mapping
        What the file holds.
    lines : mapping of a path of keys to a line
    model : type of BaseModel
        The model of the whole file.
    hint : str
        As for :func:`read_model`.
    """
    said: dict[tuple[tuple[int, ...], str, str], list[str]] = {}
    problems = found.errors()
    within = {problem["loc"][:-1] for problem in problems}
    for problem in problems:
        if problem["type"] == "too_short" and problem["loc"] in within:  # entries that are wrong have been taken away
            continue
        path = tuple(_walk(problem["loc"], raw))
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, KeysError):
            for text, keys in cause.problems:
                where = tuple(dict.fromkeys(_line((*path, *key), lines) for key in keys))
                said[where, text, ""] = [""]
            continue
        opening, text, ending = _explain(problem, path, raw, model, hint)
        told = said.setdefault(((_line(path, lines),), opening, ending), [])
        if text not in told:  # a union has a problem for each of its members
            told.append(text)
    many = f"{len(said)} problem{'s' if len(said) > 1 else ''}"
    shown = [
        f"  {_say_lines(where)}: {_end(opening + ' or '.join(texts) + ending)}"
        for (where, opening, ending), texts in sorted(said.items())
    ]
    return "\n".join([f"{file}: {many}", *shown])


def _say_lines(lines: tuple[int, ...]) -> str:
    """Name lines as people do."""
    *first, last = map(str, lines)
    return f"lines {', '.join(first)} and {last}" if first else f"line {last}"


def _explain(problem: ErrorDetails, path: KeyPath, raw: Any, model: type[BaseModel], hint: str) -> tuple[str, str, str]:
    """Return how the sentence on a problem begins, goes on and ends."""
    kind, value = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        allowed = _allowed_keys(model, path[:-1])
        return (
            f"unknown key {_name(path, raw)!r}{suggest(str(path[-1]), allowed)}",
            f"; allowed: {', '.join(allowed)}",
            "",
        )
    if kind == "missing":
        return f"missing key {_name((*path, problem['loc'][-1]), raw)!r}", "", f". {hint}" if hint else ""
    opening = f"key {_name(path, raw)!r}: " if path else ""
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        return opening, f"found {_shape(value)}{suggest(str(value), allowed)}; allowed: {', '.join(allowed)}", ""
    if kind == "value_error":
        return opening, str(problem["ctx"]["error"]).rstrip("."), ""
    said = WANTED.get(kind, problem["msg"].replace("Input should", "must").replace("Value should", "must"))
    said = said.format(**problem.get("ctx", {})) if kind in WANTED else said
    if kind == "string_pattern_mismatch":
        said = PATTERNS.get(problem["ctx"]["pattern"], said)
    meaning = _describe_key(model, path)
    return opening, said, f"; found {_shape(value)}{f'. Hint: {meaning}' if meaning else ''}"


def _walk(location: tuple[int | str, ...], raw: Any) -> Iterator[str | int]:
    """Yield the parts of a location that are keys of the file; a model adds parts for each member of a union."""
    for part in location:
        if part in (raw if isinstance(raw, dict) else range(len(raw)) if isinstance(raw, list) else ()):
            raw = raw[part]
            yield part


def _name(path: KeyPath, raw: Any) -> str:
    """Return a path as people name it: an entry of a list by its id or name, else by its number from 1."""
    parts = []
    for part in path:
        raw = raw[part] if isinstance(raw, list) or (isinstance(raw, dict) and part in raw) else None
        own = raw.get("id", raw.get("name")) if isinstance(part, int) and isinstance(raw, dict) else None
        parts.append(own if isinstance(own, str) else str(part + 1) if isinstance(part, int) else str(part))
    return ".".join(parts)


def _line(path: KeyPath, lines: Lines) -> int:
    return next(lines[path[:size]] for size in range(len(path), -1, -1) if path[:size] in lines)


def _describe_key(model: type[BaseModel], path: KeyPath) -> str:
    """Return what a key means, or that in which it lies, as its model says."""
    field = {each.alias or name: each for name, each in model.model_fields.items()}.get(str(path[0])) if path else None
    if field is None:
        return ""
    inner = field.annotation
    below = _describe_key(inner, path[1:]) if isinstance(inner, type) and issubclass(inner, BaseModel) else ""
    return below or (field.description or "").rstrip(".")


def _allowed_keys(kind: Any, path: KeyPath) -> list[str]:
    """Return the keys that may stand in the mapping at a path of a type."""
    while hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        return _allowed_keys(fields.get(str(path[0])), path[1:]) if path else list(fields)
    if get_origin(kind) in (dict, tuple, list) and path:
        return _allowed_keys(get_args(kind)[get_origin(kind) is dict], path[1:])
    return next((keys for member in get_args(kind) if (keys := _allowed_keys(member, path))), [])


def _shape(value: Any) -> str:
    """Say what a value is, without printing a long one."""
    if isinstance(value, dict):
        return f"a mapping of {len(value)}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    text = str(value) if isinstance(value, dt.date) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _explain_slip(problem: yaml.YAMLError) -> str:
    """Say what the parser found, where what it read began, and what to look for."""
    said = getattr(problem, "problem", None) or getattr(problem, "reason", None) or "a character is not allowed"
    start, end = getattr(problem, "context_mark", None), getattr(problem, "problem_mark", None)
    begun = f", in what begins in line {start.line + 1}" if start and end and start.line < end.line else ""
    hint = next((hint for pattern, hint in SLIPS.items() if re.search(pattern, said)), "save the file again as UTF-8.")
    return f"{said}{begun}. Hint: {_end(hint)}"


def _end(sentence: str) -> str:
    """End a sentence that may be a question."""
    return sentence if sentence.endswith("?") else f"{sentence.rstrip('.')}."


def _say_key(path: KeyPath) -> str:
    """Name the key of a value, as a sentence on it begins; nothing of a key itself."""
    parts = [str(part + 1) if isinstance(part, int) else str(part) for part in path]
    return f"key {'.'.join(parts)!r}: " if parts and parts[-1] != "?" else ""


class _Reader:
    """Builds plain data from the events of a YAML file, so that nothing is built before it is within bounds."""

    def __init__(self, file: Path, error: type[NaomeError]) -> None:
        self.file, self.error = file, error
        self.lines: Lines = {}

    def read(self) -> tuple[Any, Lines]:
        """Return the data, and the line of every key."""
        try:
            self.events = yaml.parse(read_text(self.file, self.error), Loader=LOADER)
            event = self._next()
            while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
                event = self._next()
            if isinstance(event, yaml.StreamEndEvent):
                self._refuse(1, "the file is empty.")
            data = self._value(event, ())
            self._next()  # end of the document
            event = self._next()
            if not isinstance(event, yaml.StreamEndEvent):
                self._refuse(event.start_mark.line + 1, "a second document begins; a file holds one.")
        except yaml.YAMLError as problem:
            mark = getattr(problem, "problem_mark", None)
            self._refuse(mark.line + 1 if mark else 1, f"not readable as YAML: {_explain_slip(problem)}")
        return data, self.lines

    def _next(self) -> yaml.Event:
        return next(self.events)

    def _value(self, event: yaml.Event, path: KeyPath) -> Any:
        """Return the value that an event begins, and note the lines of its keys."""
        line = event.start_mark.line + 1
        self.lines.setdefault(path, line)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse(line, "an anchor or alias (& or *); write the value out, or put text in quotation marks.")
        if event.tag is not None:
            self._refuse(line, f"the tag {event.tag!r}; plain data have none; put text in quotation marks.")
        if len(path) > DEEPEST:
            self._refuse(line, f"lists and mappings are nested more than {DEEPEST} deep.")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return self._scalar(event, line, path)

    def _mapping(self, path: KeyPath) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse(line, "a list, mapping or alias is given where a key is expected.")
            key = self._value(event, (*path, "?"))
            del self.lines[(*path, "?")]
            if key in data:
                first = self.lines[(*path, key)]
                self._refuse(line, f"key {key!r} is given twice, in lines {first} and {line}; delete one.")
            self.lines[(*path, key)] = line
            data[key] = self._value(self._next(), (*path, key))
        return data

    def _list(self, path: KeyPath) -> list[Any]:
        data: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            data.append(self._value(event, (*path, len(data))))
        return data

    def _scalar(self, event: yaml.ScalarEvent, line: int, path: KeyPath) -> Any:
        text = event.value
        if UNPRINTABLE.search(text):
            self._refuse(line, f"{_say_key(path)}a text holds a control character, or half of a character.")
        tag = RESOLVER.resolve(yaml.ScalarNode, text, event.implicit).rpartition(":")[2]
        if tag != "str" and LEADING_ZERO.fullmatch(text):  # 08 and 09 cannot be octal: they are text
            hint = "write a number without it, or text in quotation marks."
            self._refuse(line, f"{_say_key(path)}{text} begins with 0; {hint}")
        if tag == "str":
            return text
        if tag == "null":
            return None
        if tag == "bool":
            return yaml.constructor.SafeConstructor.bool_values[text.lower()]
        if tag == "int" and WHOLE_NUMBER.fullmatch(text):
            return int(text)
        if tag == "float" and DECIMAL.fullmatch(text):
            return float(text)
        if tag == "timestamp" and ISO_DATE.fullmatch(text):
            try:
                return read_day(text)
            except ValueError as problem:
                self._refuse(line, f"{_say_key(path)}{problem}")
        wanted = {
            "int": "a number is written in decimal digits, e.g. 90",
            "float": "a number is written in decimal digits, e.g. 0.5",
            "timestamp": "a date is written YYYY-MM-DD, without a time",
        }
        said = wanted.get(tag, "it has a meaning of its own in YAML")
        self._refuse(line, f"{_say_key(path)}{_shape(text)} is not allowed; {said}. Hint: put text in quotation marks.")

    def _refuse(self, line: int, message: str) -> Any:
        raise self.error(f"{self.file}:{line}: {message}")
