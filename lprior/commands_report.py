"""What the commands do that show runs: the report, pages, pictures and the claims of the papers."""

from argparse import Namespace
from pathlib import Path

from lprior.errors import UserError
from lprior.outputs import check_file, check_folder, replace_file


def report(options: Namespace) -> None:
    from lprior.report.document import MARK, SOURCES, write_report

    output = check_folder(options.output)
    there = {path.name for path in output.iterdir()} if output.is_dir() else set()
    if output.resolve() == SOURCES or (there and MARK not in there):
        raise UserError(f"{output} holds something else than a built report: name a new folder, or an empty one")
    studies, sheets = (Path(folder) if folder else None for folder in (options.studies, options.sheets))
    left_out = tuple(options.unavailable), studies, tuple(options.diverged)
    write_report(Path(options.results), output, options.runs, *left_out, sheets=sheets)


def gallery(options: Namespace) -> None:
    from lprior.report.gallery import write_gallery
    from lprior.stored import folder_at

    print(f"open {write_gallery(folder_at(check_folder(options.results)))} in a browser")


def cover(options: Namespace) -> None:
    from lprior import figures
    from lprior.data import DATASETS
    from lprior.errors import choose
    from lprior.report.cover import cover

    choose("data set", options.dataset, DATASETS)
    output = check_file(options.output, figures.ENDINGS)
    figures.save(cover(Path(options.results), options.dataset), output)
    print(f"wrote {output}")


def claims(options: Namespace) -> None:
    from lprior.report.papers import papers

    output = check_file(options.output, {".md": "Markdown"})
    replace_file(output, papers(Path(options.results)).encode())
    print(f"wrote {output}")
