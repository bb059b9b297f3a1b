"""Names of drugs: whatever a hospital calls a drug, it is read as the one name that the code list has for it.

What a name says beside the drug (brand, salt, strength, how it is given) is dropped, and the order of words and the
signs between them do not matter. A name is read only where every word of it is known: *trastuzumab emtansine* is
never read as trastuzumab, nor is trastuzumab with a word that nobody knows. Several drugs in one field are a row each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from naome.core.definitions import Definitions, read_once
from naome.extract.clean import Cleaner, clean_upper
from naome.extract.problems import find_shape
from naome.extract.vocabulary import GROUPED, NOT_COUNTED, UNKNOWN, show_only_shape

CODE_LIST, NAMES, WORDS = "sact_drugs", "sact_drug", "sact_word"
#: Groups of the code list whose drugs are known and count in no result
NOT_COUNTED_GROUPS = ("exclude_not_systemic_anticancer", "other_cancer", "supportive")
#: Share of the rows whose drug may be in no group
UNKNOWN_DRUGS = 0.10
ALLOWED = "the name of a drug, or of several with a sign between them"
BETWEEN = " + "
#: Rule of the words by which a field says that nobody may know which of two was given
BLINDED = "drug_blinded"
#: Rule of the abbreviations that stand for several drugs
REGIMEN = "drug_regimen"
#: Words of one name, at most
LONGEST = 6
#: Words of drugs side by side, at most; what is longer is a text
LONGEST_FIELD = 20

UNITS = r"(?:HRS?|HOURS?|MG|MCG|MICROGRAMS?|MILLIGRAMS?|GRAMS?|G|ML|MLS|L|IU|UNITS?|MU|MBQ|%|MMOL)"
STRENGTH = re.compile(
    r"(?<![A-Z0-9])AUC\s*\d+(?:\.\d+)?(?![A-Z0-9])|"
    rf"(?<![A-Z0-9])\d+(?:[.,]\d+)*\s*{UNITS}(?:\s*/\s*(?:\d+(?:[.,]\d+)?\s*)?(?:ML|MLS|KG|M2|L|DAY|DOSE|HR|VIAL))?"
    r"(?![A-Z0-9])|(?<![A-Z0-9])\d+(?:[.,]\d+)?\s*/\s*\d+(?:[.,]\d+)?\s*(?:MG|ML|MCG)(?![A-Z0-9])|"
    r"(?<![A-Z0-9])D(?:AYS?)?\s*\d+(?:\s*(?:-|TO)\s*\d+)?(?![A-Z0-9])"
)
#: Ways of giving a drug, written with a stroke or stops
ROUTE = re.compile(r"\b([IS])[/.]([CMV])\b\.?")
SEPARATORS = re.compile(r"[+/&,;|]|\b(?:AND|WITH|PLUS)\b")
NOT_A_WORD = re.compile(r"[^A-Z0-9]+")

#: How international names of drugs against cancer end (stems of the World Health Organization); family names do not
INN = re.compile(
    r"[A-Z]{3,20}(MAB|NIB|PLATIN|TAXEL|RUBICIN|TECAN|TREXED|TREXATE|MUSTINE|FOSFAMIDE|BULIN|POSIDE|LIMUS|LEUKIN"
    r"|STRANT|DRONATE)|[A-Z]{5,18}IB"
)
LONGEST_SHOWN = 60
#: Drugs of a name, and the rules that reading it took
Read = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class DrugNames:
    """What definitions say of the names of drugs.

    Attributes
    ----------
    groups : mapping of str to frozenset of str
        Drug -> its groups in the code list.
    names : mapping of frozenset of str to (tuple of str, str)
        Words of a name -> the drugs that it stands for, and the rule that says so; empty for the code list's own name.
    words : mapping of str to str
        Word that says nothing of the drug -> the rule by which it is dropped.
    """

    groups: Mapping[str, frozenset[str]]
    names: Mapping[frozenset[str], tuple[tuple[str, ...], str]]
    words: Mapping[str, str]

    def read(self, text: str) -> Read:
        """Return the drugs that a name in capitals stands for, in order; the name itself where no list has it.

        Examples
        --------
        >>> from naome.core.definitions import project_definitions
        >>> names = read_names(project_definitions())
        >>> names.read("TRASTUZUMAB (KANJINTI) 600MG")
        (('TRASTUZUMAB',), ('drug_strength', 'drug_brand'))
        >>> names.read("DOCETAXEL/CYCLOPHOSPHAMIDE")
        (('CYCLOPHOSPHAMIDE', 'DOCETAXEL'), ('drug_combination',))
        >>> names.read("TRASTUZUMAB SOMETHING")
        (('TRASTUZUMAB SOMETHING',), ())
        """
        if text in self.groups:
            return (text,), ()
        rules: list[str] = []
        plain = ROUTE.sub(r"\1\2", text)
        without = STRENGTH.sub(" ", plain)
        if without != plain:
            plain = without
            rules.append("drug_strength")
        parts = [words for part in SEPARATORS.split(plain) if (words := tuple(NOT_A_WORD.sub(" ", part).split()))]
        together = tuple(word for part in parts for word in part)
        whole = self._find(together)
        parts = [together] if whole else parts
        found = [whole] if whole else [self._cover(part) for part in parts]
        if not any(each and each[0] for each in found):
            return (text,), ()
        if any(each and BLINDED in each[1] for each in found):
            return next(drugs for drugs, rule in self.names.values() if rule == BLINDED), (BLINDED,)
        drugs: set[str] = set()
        for part, each in zip(parts, found, strict=True):
            drugs |= set(each[0]) if each else {" ".join(part)}
            rules += each[1] if each else ()
        # A product that is named beside its agents is the product: trastuzumab / pertuzumab (Phesgo)
        drugs -= {agent for drug in drugs if BETWEEN in drug for agent in drug.split(BETWEEN)}
        if len(drugs) > 1:
            rules.append("drug_combination")
        elif drugs != {text} and not rules:
            rules.append("drug_spelling")
        return tuple(sorted(drugs)), tuple(dict.fromkeys(rules))

    def place(self, drugs: tuple[str, ...]) -> str:
        """Return where drugs stand: unknown where one is in no group, counted where one is."""
        groups = [self.groups.get(drug) for drug in drugs]
        if not all(groups):
            return UNKNOWN
        return GROUPED if any(each - set(NOT_COUNTED_GROUPS) for each in groups if each) else NOT_COUNTED

    def show(self, text: str) -> str:
        """Return a name in no list as it may be shown: words that are a drug's as they are, of others the shape.

        A word is a drug's where the code list has it in a name, or where it ends as the international names of drugs
        against cancer do. Nothing with a digit is shown.

        Examples
        --------
        >>> from naome.core.definitions import project_definitions
        >>> names = read_names(project_definitions())
        >>> names.show("TRASTUZUMAB SOMETHING"), names.show("FOOBARIB"), names.show("O'BRIEN, MARY")
        ('TRASTUZUMAB AAAAAAAAA', 'FOOBARIB', "(A'AAAAA, AAAA)")
        """
        words = text.upper().split()
        shown = [word if word in self._of_drugs or INN.fullmatch(word) else find_shape(word) for word in words]
        return " ".join(shown)[:LONGEST_SHOWN] if set(shown) & set(words) - {"-", "+", "/"} else show_only_shape(text)

    @cached_property
    def _of_drugs(self) -> frozenset[str]:
        """Words, of letters only, of the names in the code list."""
        return frozenset(word for name in self.groups for word in name.split() if word.isalpha() and len(word) > 5)

    def _drop(self, word: str) -> str | None:
        """Return the rule by which a word is dropped, if it says nothing of the drug."""
        return "drug_strength" if word.isdigit() else self.words.get(word)

    def _find(self, words: tuple[str, ...]) -> Read | None:
        """Return the drugs of which these are one name, as they stand or without what says nothing of the drug."""
        kept = tuple(word for word in words if self._drop(word) is None)
        for candidate in (words, kept):
            if (name := self.names.get(frozenset(candidate))) is not None:
                dropped = [rule for word in words if candidate is kept and (rule := self._drop(word))]
                return name[0], tuple(dict.fromkeys([*dropped, *filter(None, [name[1]])]))
        return None

    def _cover(self, words: tuple[str, ...]) -> Read | None:
        """Return the drugs whose names, side by side, cover all words; None where a word is not covered."""
        name = self._find(words)
        covered = [name] if name is not None else self._split(words) if len(words) <= LONGEST_FIELD else None
        return None if covered is None else self._most_specific(covered)

    def _split(self, words: tuple[str, ...]) -> list[Read] | None:
        """Return names that cover words from the first to the last, longer names first."""
        if not words:
            return []
        for length in range(min(len(words), LONGEST), 0, -1):
            name = self._find(words[:length])
            if name is not None and REGIMEN in name[1]:
                continue  # beside other words its letters say something else: EC is enteric-coated
            rest = None if name is None else self._split(words[length:])
            if name is not None and rest is not None:
                return [name, *rest]
        rule = self._drop(words[0])
        rest = None if rule is None else self._split(words[1:])
        return None if rest is None else [((), (str(rule),)), *rest]

    @staticmethod
    def _most_specific(names: list[Read]) -> Read:
        """Return the drugs of names side by side: a drug whose words are all in another's is that other (a brand)."""
        drugs = {drug: frozenset(NOT_A_WORD.sub(" ", drug).split()) for name in names for drug in name[0]}
        kept = [drug for drug, words in drugs.items() if not any(words < other for other in drugs.values())]
        return tuple(kept), tuple(dict.fromkeys(rule for name in names for rule in name[1]))


@read_once
def read_names(definitions: Definitions) -> DrugNames:
    """Read the code list, the other names and the words that say nothing of the drug."""
    groups: dict[str, frozenset[str]] = {}
    names: dict[frozenset[str], tuple[tuple[str, ...], str]] = {}
    for code in definitions.codelist(CODE_LIST).codes:
        groups[code.code] = groups.get(code.code, frozenset()) | {code.group}
        names[_words(code.code)] = ((code.code,), "")
    for line in definitions.coding(NAMES).lines:
        drugs = (line.value,) if line.value in groups else tuple(line.value.split(BETWEEN))
        names.setdefault(_words(line.code), (drugs, line.rule))
    return DrugNames(groups, names, definitions.coding(WORDS).rules)


def _words(name: str) -> frozenset[str]:
    return frozenset(NOT_A_WORD.sub(" ", name).split())


@dataclass(frozen=True)
class DrugColumn:
    """A column with names of drugs; it becomes a cleaner when definitions are there."""

    def bind(self, definitions: Definitions) -> Cleaner:
        """Return the cleaner that definitions make: a name gives a drug, or a tuple of several."""
        names = read_names(definitions)
        read = lru_cache(maxsize=None)(names.read)

        def clean(value: object) -> tuple[object, tuple[str, ...]]:
            text, rules = clean_upper(value)
            if text is None:
                return None, rules
            drugs, used = read(" ".join(text.split()))
            return drugs[0] if len(drugs) == 1 else drugs, (*rules, *used)

        def place(value: object, rules: tuple[str, ...]) -> str:
            return names.place(value if isinstance(value, tuple) else (str(value),))

        return replace(Cleaner("VARCHAR", clean, ALLOWED), place=place, limit=UNKNOWN_DRUGS, show=names.show)


DRUG = DrugColumn()
