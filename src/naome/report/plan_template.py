"""The layout of a local action plan: a text document with places that docxtpl fills."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import Any

#: Widths in cm, on A4 across
MEASURES = [("Measure", 9.0), ("Own result (95% interval)", 5.2), ("People", 1.9), ("Nation", 2.8), ("Goal", 3.8)]
MEASURES += [("Position", 4.0)]
ACTIONS = [("Suggested action", 11.7), ("Action agreed", 5.4), ("Responsible person", 3.4), ("Deadline", 2.2)]
ACTIONS += [("Status (1 to 5)", 2.0), ("Priority", 2.0)]
STATUS = "Status: 1 not planned yet; 2 in progress; 3 complete; 4 no action planned (give the reason); 5 other."
PRIORITY = "Priority: high (urgent), medium (prompt), low (no immediate action)."
SMART = "Make each action specific, measurable, assigned to a person, realistic, and give it a date."
UNUSED = ("/thumbnail", "/stylesWithEffects")
FONT, GREY = "Arial", "D9E2EC"


@cache
def make_template() -> bytes:
    """Return the template of an action plan as a docx file.

    Its places are the keys of :func:`naome.report.action_plans.collect_plans`: ``{{ name }}`` is filled with a text;
    what is between ``for`` and ``endfor`` is repeated.
    """
    import docx
    from docx.enum.section import WD_ORIENT
    from docx.shared import Cm, Pt

    document = docx.Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Cm(29.7), Cm(21.0)
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Cm(1.5))
    section.top_margin, section.header_distance = Cm(2.0), Cm(0.9)
    _set_styles(document, Pt)
    section.header.paragraphs[0].text = "{{ marking }}"
    section.footer.paragraphs[0].text = "{{ name }} ({{ code }}). Run {{ run }}. {{ title }}"
    document.add_heading("Local action plan: {{ name }}", 0)
    document.add_paragraph("{{ marking }}").runs[0].bold = True
    _add_facts(document)
    for text in ("{{ explanation }}", SMART, f"{STATUS} {PRIORITY}"):
        document.add_paragraph(text)
    document.add_paragraph("{%p for rec in recommendations %}")
    document.add_heading("{{ rec.number }}. {{ rec.title }}", 1)
    document.add_paragraph("{{ rec.text }}")
    document.add_paragraph("{{ rec.about }}")
    _add_table(document, MEASURES, "line", "rec.lines", ["measure", "own", "people", "nation", "goal", "position"])
    document.add_paragraph("{%p for note in rec.notes %}")
    document.add_paragraph("{{ note }}")
    document.add_paragraph("{%p endfor %}")
    document.add_heading("Methods that suit these results", 2)
    document.add_paragraph("{%p for method in rec.methods %}")
    document.add_paragraph("{{ method }}", "List Bullet")
    document.add_paragraph("{%p endfor %}")
    document.add_heading("Actions", 2)
    _add_table(document, ACTIONS, "action", "rec.actions", ["text", "", "", "", "", ""])
    document.add_paragraph("{%p endfor %}")
    document.core_properties.title = "Local action plan"
    document.core_properties.comments = ""
    document.core_properties.language = "en-GB"
    for relations in (document.part.rels, document.part.package.rels):  # a preview, and the styles a second time
        for key in [key for key, each in relations.items() if each.reltype.endswith(UNUSED)]:
            del relations[key]
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _set_styles(document: Any, points: Any) -> None:
    from docx.oxml.ns import qn

    for name, size in (("Normal", 10), ("Title", 20), ("Heading 1", 14), ("Heading 2", 11), ("Header", 9)):
        style = document.styles[name]
        style.font.name, style.font.size = FONT, points(size)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in list(fonts.attrib):  # a theme's font would win
            if attribute.endswith("Theme"):
                del fonts.attrib[attribute]
        fonts.set(qn("w:hAnsi"), FONT)
    document.styles["Footer"].font.size = points(8)
    document.styles["Normal"].paragraph_format.space_after = points(4)
    document.styles["Heading 1"].paragraph_format.keep_with_next = True
    for language in document.styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), "en-GB")


def _add_facts(document: Any) -> None:
    """Add the table with what the plan is about, and who is responsible for it."""
    facts = [
        ("Organisation", "{{ name }} ({{ code }})"),
        ("Area", "{{ area }}"),
        ("Diagnoses", "{{ period }}"),
        ("Recommendations", "{{ edition }}"),
        ("Audit lead", ""),
        ("Action plan lead", ""),
        ("Date of this plan", ""),
    ]
    table = _make_table(document, [5.0, 21.7], len(facts))
    for row, (name, value) in zip(table.rows, facts, strict=True):
        row.cells[0].paragraphs[0].add_run(name).bold = True
        row.cells[1].text = value
    document.add_paragraph()


def _add_table(document: Any, heads: Sequence[tuple[str, float]], item: str, items: str, keys: Sequence[str]) -> None:
    """Add a table whose second row is repeated for each item."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    table = _make_table(document, [width for _, width in heads], 4)
    for cell, (head, _) in zip(table.rows[0].cells, heads, strict=True):
        cell.paragraphs[0].add_run(head).bold = True
        cell._tc.get_or_add_tcPr().append(parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:fill="{GREY}"/>'))
    properties = table.rows[0]._tr.get_or_add_trPr()
    properties.append(parse_xml(f"<w:cantSplit {nsdecls('w')}/>"))
    properties.append(parse_xml(f"<w:tblHeader {nsdecls('w')}/>"))
    table.rows[1].cells[0].text = f"{{%tr for {item} in {items} %}}"
    for cell, key in zip(table.rows[2].cells, keys, strict=True):
        cell.text = f"{{{{ {item}.{key} }}}}" if key else ""
    table.rows[2]._tr.get_or_add_trPr().append(parse_xml(f"<w:cantSplit {nsdecls('w')}/>"))
    table.rows[3].cells[0].text = "{%tr endfor %}"
    document.add_paragraph()


def _make_table(document: Any, widths: Sequence[float], rows: int) -> Any:
    from docx.shared import Cm

    table = document.add_table(rows, len(widths), "Table Grid")
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width)
        for cell in column.cells:
            cell.width = Cm(width)
    return table
