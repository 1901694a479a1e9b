"""A written report, read back: values, tables, and the text as LaTeX sees it."""

import re
from pathlib import Path

from lprior.report.tables import RESULTS

COLUMNS = ("model", "n", *RESULTS)
DEFINITIONS = ("macros", "parts", "values")  # files that show nothing by themselves


def values(folder: Path) -> dict[str, str]:
    """What the text may ask for, by key."""
    return dict(re.findall(r"^\\setres\{([^}]*)\}\{(.*)\}$", (folder / "values.tex").read_text(), re.MULTILINE))


def rows(folder: Path, name: str = "results") -> dict[str, dict[str, str]]:
    """The rows of a table of results, by model."""
    lines = [line for line in (folder / "tables" / f"{name}.tex").read_text().splitlines() if " & " in line]
    cells = [line.removesuffix(" \\\\").split(" & ") for line in lines]
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in cells}


def shown(folder: Path) -> str:
    """What LaTeX sees: main.tex and what it includes, without comments, the macros of parts.tex expanded, branches
    chosen."""
    run = set(re.findall(r"^\\setrun\{([\w-]+)\}", (folder / "values.tex").read_text(), re.MULTILINE))
    macros = _definitions(_text(folder / "parts.tex"))

    def read(name: str) -> str:
        text = _expand(_text(folder / f"{name}.tex"), macros, run)
        return re.sub(r"\\input\{([^}]*)\}", include, text)

    def include(command: re.Match) -> str:
        return command[0] if command[1] in DEFINITIONS else f"{command[0]}\n{read(command[1])}"

    return read("main")


def pictures(folder: Path) -> set[str]:
    """What \\includegraphics may ask for: each file of figures/, and it may leave png, jpg or pdf to LaTeX."""
    files = {f"figures/{path.name}" for path in (folder / "figures").iterdir()}
    return files | {name.removesuffix(suffix) for name in files for suffix in (".png", ".jpg", ".pdf")}


def arguments(command: str, text: str) -> set[str]:
    """What `command` is applied to."""
    return set(re.findall(rf"\\{command}(?:\[[^\]]*\])?\{{([^{{}}]*)\}}", text))


def _text(path: Path) -> str:
    return re.sub(r"(?<!\\)%.*", "", path.read_text())


def _group(text: str, start: int) -> tuple[str, int]:
    """What stands between the brace at `start` or after blanks and its partner, and where the text goes on."""
    start, depth = text.index("{", start), 0
    for brace in re.finditer(r"(?<!\\)[{}]", text[start:]):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return text[start + 1 : start + brace.start()], start + brace.end()
    raise ValueError(f"a brace is not closed: {text[start : start + 40]}")


def _definitions(text: str) -> dict[str, tuple[int, str]]:
    """Number of arguments and body of each \\newcommand."""
    found = re.finditer(r"\\newcommand\{\\(\w+)\}\[(\d)\]", text)
    return {match[1]: (int(match[2]), _group(text, match.end())[0]) for match in found}


def _expand(text: str, macros: dict[str, tuple[int, str]], run: set[str]) -> str:
    for stop in re.finditer(r"\\onlyifrun\{([\w-]+)\}", text):
        if stop[1] not in run:
            text = f"{text[: stop.start()]}\\res{{{stop[1]}/not run}}"
    while use := re.search(rf"\\({'|'.join(['ifrun', *macros])})(?=\{{)", text):
        count, body = macros.get(use[1], (3, ""))
        given, end = [], use.end()
        for _ in range(count):
            content, end = _group(text, end)
            given.append(content)
        if use[1] == "ifrun":
            body = given[1] if given[0] in run else given[2]
        else:
            body = re.sub(r"#(\d)", lambda number: given[int(number[1]) - 1], body)
        text = text[: use.start()] + body + text[end:]
    return text
