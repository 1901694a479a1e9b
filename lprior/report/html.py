"""An executed notebook as HTML that needs neither scripts nor a network."""

import re
from pathlib import Path

from lprior.stored import damaged, first_line

SHOWN = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]  # no scripts, widgets


def notebook_html(path: Path) -> str:
    """Its cells, without a head and a style. Raises UserError if it is no notebook."""
    import nbformat
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    try:
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("widgets", None)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = in_mathml(cell.source)
            for output in cell.get("outputs", []):
                if "text/markdown" in output.get("data", {}):
                    output.data["text/markdown"] = in_mathml(output.data["text/markdown"])
        config = Config({"NbConvertBase": {"display_data_priority": SHOWN}})
        return HTMLExporter(config, template_name="basic").from_notebook_node(notebook)[0]
    except Exception as error:  # nbformat names no common class for what is no notebook
        raise damaged(path, first_line(error)) from error


def in_mathml(markdown: str) -> str:
    """With formulas, $...$ and $$...$$ outside code, as MathML, which browsers show without a script."""
    from latex2mathml.converter import convert

    def converted(found: re.Match) -> str:
        code, block, inline = found.groups()
        return code or convert(block or inline, display="block" if block else "inline")

    return re.sub(r"(```.*?```|`[^`]*`)|\$\$(.+?)\$\$|\$([^$\n]+)\$", converted, markdown, flags=re.DOTALL)
