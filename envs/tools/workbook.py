"""Reads the sheets of an .xlsx file: values, number formats and notes.

Only what AgentBoard's workbook of start sheets needs: no formulas, dates or styles. The file comes from
outside: nothing is unpacked to disk, sizes are bounded, documents with a DTD are refused.
"""

import posixpath
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from envs.errors import BadData
from envs.tools import a1

MAX_PART_BYTES = 10_000_000
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError)
"""What zipfile raises for broken, odd or encrypted archives."""
_BUILT_IN_FORMATS = {"1": "0", "2": "0.00", "3": "#,##0", "4": "#,##0.00", "9": "0%", "10": "0.00%"}


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the sheets by name, as `Grid.from_json` reads them. Raises `BadData`."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _Workbook(archive).sheets()
    except (*_UNREADABLE, ElementTree.ParseError, LookupError, ValueError) as error:
        raise BadData(f"{path} is not a workbook that can be read: {error}") from error


class _Workbook:
    """An open .xlsx file, with what all its sheets share."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._texts = [
            "".join(part.text or "" for part in item.iter(f"{_MAIN}t"))
            for item in self._part("xl/sharedStrings.xml", ElementTree.Element("none"))
        ]
        self._formats = self._number_formats()

    def sheets(self) -> dict[str, dict[str, Any]]:
        targets = self._targets("xl/workbook.xml")
        return {
            sheet.attrib["name"]: self._sheet(targets[sheet.attrib[_RELATION]])
            for sheet in self._part("xl/workbook.xml").iter(f"{_MAIN}sheet")
        }

    def _sheet(self, path: str) -> dict[str, Any]:
        values: dict[tuple[int, int], Any] = {}
        formats = {}
        for cell in self._part(path).iter(f"{_MAIN}c"):
            value = self._value(cell)
            if value in (None, "") or not _on_a_sheet(cell.attrib["r"]):
                continue
            values[a1.parse(cell.attrib["r"])] = value
            number_format = self._formats[int(cell.attrib.get("s", "0"))] if self._formats else "General"
            if number_format != "General":
                formats[cell.attrib["r"]] = number_format
        return {"values": _table(values), "formats": formats, "notes": self._notes(path)}

    def _value(self, cell: ElementTree.Element) -> Any:
        kind, text = cell.attrib.get("t", "n"), cell.findtext(f"{_MAIN}v")
        if kind == "inlineStr":
            return "".join(part.text or "" for part in cell.iter(f"{_MAIN}t"))
        if text is None:
            return None
        if kind == "s":
            return self._texts[int(text)]
        return float(text) if kind == "n" else text

    def _notes(self, path: str) -> dict[str, str]:
        notes = {}
        for target in self._targets(path).values():
            if "comments" not in posixpath.basename(target) or not target.endswith(".xml"):
                continue
            for comment in self._part(target).iter(f"{_MAIN}comment"):
                if _on_a_sheet(comment.attrib["ref"]):
                    text = "".join(part.text or "" for part in comment.iter(f"{_MAIN}t"))
                    notes[comment.attrib["ref"]] = text
        return notes

    def _number_formats(self) -> Sequence[str]:
        styles = self._part("xl/styles.xml", ElementTree.Element("none"))
        known = _BUILT_IN_FORMATS | {
            own.attrib["numFmtId"]: own.attrib["formatCode"] for own in styles.iter(f"{_MAIN}numFmt")
        }
        used = styles.find(f"{_MAIN}cellXfs")
        return [known.get(style.attrib.get("numFmtId", "0"), "General") for style in used] if used else []

    def _targets(self, path: str) -> Mapping[str, str]:
        folder, name = posixpath.split(path)
        relations = self._part(f"{folder}/_rels/{name}.rels", ElementTree.Element("none"))
        return {
            relation.attrib["Id"]: posixpath.normpath(
                posixpath.join(folder, relation.attrib["Target"])
            ).lstrip("/")
            for relation in relations
            if relation.attrib.get("TargetMode") != "External"
        }

    def _part(self, path: str, default: ElementTree.Element | None = None) -> ElementTree.Element:
        if default is not None and path not in self._archive.namelist():
            return default
        with self._archive.open(path) as part:
            data = part.read(MAX_PART_BYTES + 1)
        if len(data) > MAX_PART_BYTES or b"<!DOCTYPE" in data:
            raise ValueError(f"{path} is too large or has a DTD")
        return ElementTree.fromstring(data)  # noqa: S314 - entities need the DTD that is refused


def _on_a_sheet(position: str) -> bool:
    try:
        a1.parse(position)
    except ValueError:
        return False
    return True


def _table(values: Mapping[tuple[int, int], Any]) -> list[list[Any]]:
    rows = max((row for row, _ in values), default=-1) + 1
    columns = max((column for _, column in values), default=-1) + 1
    return [[values.get((row, column)) for column in range(columns)] for row in range(rows)]
