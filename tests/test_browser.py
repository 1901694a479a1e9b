"""A person's first minutes in JupyterLab, in a browser: run and watch, stop, go on, be wrong, move a slider.

Only with --browser: two minutes. Needs Chromium, and downloads nothing. The end of each page is kept as end.png in
pytest's folder of temporary files.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import NOWHERE, ROOT, appear

from lprior.notebooks.execution import declared_parameters, default_parameters
from lprior.results import RunFolder

pytestmark = pytest.mark.browser
START, RUN_ALL = 60, 180  # seconds that JupyterLab and its pages may take to appear, and that Run All may take
EPOCHS = 12
SERVER = ("-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ServerApp.token=", "--ServerApp.port_retries=100")
LAST = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].at(-1).innerText"  # [12]: once it has run
IMAGE = "img[src^='data:image/png;base64,']"


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab, and the folder that it shows."""
    folder, own = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("jupyter")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "JUPYTER_CONFIG_DIR": f"{own}", "JUPYTER_RUNTIME_DIR": f"{own}/runtime", "IPYTHONDIR": f"{own}/ipython",
        "OMP_NUM_THREADS": "1", "http_proxy": NOWHERE, "https_proxy": NOWHERE, "no_proxy": "127.0.0.1,localhost",
    }  # fmt: skip
    with (own / "log.txt").open("w") as log:
        command = [sys.executable, *SERVER, f"--ServerApp.root_dir={folder}"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        told = own / "runtime" / f"jpserver-{process.pid}.json"
        appear(told, process, START)
        yield json.loads(told.read_text())["url"], folder
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def opened(lab, browser, tmp_path):
    """Opens a copy of one of our notebooks, and writes these values into its cell of parameters."""
    address, folder = lab
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(1000 * START)

    def open_(name: str, **values) -> Notebook:
        shutil.copy(ROOT / "notebooks" / name, folder)
        page.goto(f"{address}lab/tree/{name}?reset")  # without what was open before
        opened = Notebook(page)
        given = declared_parameters(folder / name), default_parameters(folder / name) | values
        opened.write([f"{key}: {kind} = {given[1][key]!r}" for key, kind in given[0].items()])
        return opened

    yield open_
    page.screenshot(path=tmp_path / "end.png")
    page.close()


class Notebook:
    """In JupyterLab, with what a person does there and sees."""

    def __init__(self, page):
        self.page, self.cells = page, page.locator(".jp-Notebook .jp-CodeCell")
        self.errors = self.cells.locator("pre:has(.ansi-red-fg)")  # one line, or a traceback

    def write(self, lines: list[str]) -> None:
        """Into the cell of parameters, instead of what it has."""
        from playwright.sync_api import expect

        self.page.get_by_text("| Idle").wait_for()  # JupyterLab has come to rest
        cell = self.cells.first.locator(".cm-content")
        cell.fill("\n".join(lines))
        expect(cell.locator(".cm-line")).to_have_text(lines)

    def choose(self, menu: str, item: str) -> None:
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.get_by_role("menuitem", name=re.compile(f"^{item}")).click()

    def see(self, seconds: float, text: str):
        """Wait for an output with such text, and what it is."""
        output = self.cells.locator(".jp-OutputArea-output").filter(has_text=re.compile(text))
        output.or_(self.errors).first.wait_for(timeout=1000 * seconds)
        assert self.errors.all_inner_texts() == []
        return output

    def run_all(self, seconds: float = RUN_ALL) -> None:
        """To the end."""
        before = self.page.evaluate(LAST)
        self.choose("Run", "Run All Cells")
        ended = f"before => /\\d/.test({LAST}) && {LAST} != before"
        self.page.wait_for_function(ended, arg=before, timeout=1000 * seconds)


def test_run_all_is_watched_stopped_and_goes_on(opened, lab):
    notebook = opened("aae.ipynb", dataset="mnist5k", preset="smoke", epochs=EPOCHS, folder="run")
    notebook.choose("Run", "Run All Cells")
    first = notebook.see(RUN_ALL, "^before training").locator(IMAGE).get_attribute("src")
    live = notebook.see(START, rf"^epoch 2/{EPOCHS} ").locator(IMAGE)
    assert live.get_attribute("src") != first and live.bounding_box()["width"] == 420

    notebook.choose("Kernel", "Interrupt Kernel")
    notebook.errors.wait_for()
    (said,) = notebook.errors.all_inner_texts()
    done = int(re.fullmatch(rf"stopped after epoch (\d+) of {EPOCHS}; Run All goes on from there", said.strip())[1])
    assert 2 <= done < EPOCHS
    notebook.page.wait_for_function(f"{LAST} == '[ ]:'")  # nothing after it is run

    notebook.run_all()
    run = RunFolder(lab[1] / "run")
    assert [one["epoch"] for one in run.read_json("provenance.json")["resumed"]] == [done]
    assert list(run.log()["epoch"]) == list(range(1, EPOCHS + 1))
    assert notebook.errors.count() == 0 and notebook.cells.last.locator("td").count() > 4
    made = (run / "model.safetensors").stat().st_mtime_ns
    notebook.run_all(START)
    assert (run / "model.safetensors").stat().st_mtime_ns == made


def test_a_wrong_parameter_is_one_red_line(opened):
    notebook = opened("original_paper.ipynb", dataset="mnist5k", preset="smoek", folder="wrong")
    notebook.choose("Run", "Run All Cells")
    notebook.errors.wait_for(timeout=1000 * RUN_ALL)
    assert notebook.errors.all_inner_texts() == ["preset 'smoek' is unknown: did you mean 'smoke'?"]


def test_a_slider_changes_the_picture_and_its_neighbours(opened):
    notebook = opened("latent_space.ipynb")
    notebook.run_all()
    pictures, slider = (notebook.page.locator(f".widget-hbox {kind}") for kind in ("img", ".noUi-handle"))
    shown = [pictures.nth(i) for i in range(pictures.count())]
    before, looked = [one.get_attribute("src") for one in shown], [one.screenshot() for one in shown]
    slider.nth(1).press("End")
    changed = "([shown, before]) => shown.every((one, i) => one.src != before[i])"
    notebook.page.wait_for_function(changed, arg=[[one.element_handle() for one in shown], before])
    assert len(shown) == 2 and all(one.screenshot() != seen for one, seen in zip(shown, looked, strict=True))
    assert notebook.errors.count() == 0
