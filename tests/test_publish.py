"""Publishing runs, the archive of their weights, and fetching from it."""

import base64
import errno
import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import tarfile
import threading
from pathlib import Path

import nbformat
import pytest
import torch
from PIL import Image, ImageChops, ImageDraw

from lprior import __main__ as cli
from lprior import plane, publish, weights
from lprior.model import load
from lprior.results import MIXTURE_SHEET, RunFolder

RUN = "mnist5k-lpaae-s0"


def command(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def refused(capsys, *arguments: object) -> str:
    """The one line in which the command line says what is wrong."""
    capsys.readouterr()
    assert command(*arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("lprior: ")
    return lines[0]


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, and the sum of its content."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


@pytest.fixture
def smoke(finished, tmp_path) -> Path:
    """A folder results/smoke with one finished run that a test may change."""
    shutil.copytree(finished / RUN, tmp_path / "results" / "smoke" / RUN)
    return tmp_path / "results" / "smoke"


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "results" / "published"


# What is published


def test_what_is_published_of_runs_can_be_reported(finished, target, tmp_path):
    assert command("publish", *finished.iterdir(), "--to", target) == 0
    assert names(target) == names(finished) | {weights.SUMS, ".gitignore"}
    rest = {*publish.NUMBERS, *(f"{stem}.png" for stem in publish.STILLS)}
    main = {"mnist5k-aae-s0", "mnist5k-lpaae-s0", "mnist5k-lpaae-fixed-s0", "mnist5k-vaegan-s0"}
    for run in finished.iterdir():
        beside = {weights.FILE, publish.ANIMATION, MIXTURE_SHEET} if run.name in main else set()
        beside |= {plane.FILE} if "supervised" in run.name else set()  # with labels and without
        assert names(target / run.name) == rest | beside
    assert command("report", target, tmp_path / "report") == 0
    assert (tmp_path / "report" / "values.tex").exists()


def test_what_is_not_measured_is_never_published(smoke, target, capsys):
    (smoke / RUN / "metrics.json").rename(smoke / RUN / "metrics.old.json")  # of fewer epochs
    assert RunFolder(smoke / RUN).trained
    assert "metrics.json does not exist" in refused(capsys, "publish", smoke / RUN, "--to", target)
    assert not target.exists()
    assert command("evaluate", smoke / RUN) == 0
    assert command("publish", smoke / RUN, "--to", target) == 0


def test_of_a_later_seed_samples_and_numbers_are_published(smoke, target):
    folder = (smoke / RUN).rename(smoke / "mnist5k-lpaae-s1")
    change_config(folder, seed=1)
    assert command("publish", folder, "--to", target) == 0
    assert names(target / folder.name) == {*publish.NUMBERS, "samples.png"}
    assert list(weights.read_sums(target)) == [folder.name]


def test_of_a_study_only_numbers_are_published(smoke, target):
    change_config(smoke / RUN, preset="ablation")
    assert command("publish", smoke / RUN, "--to", target) == 0
    assert names(target / RUN) == set(publish.NUMBERS) and names(target) == {RUN}


def test_published_weights_have_half_precision_and_draw_the_samples(smoke, target):
    assert command("publish", smoke / RUN, "--to", target) == 0
    content = (target / RUN / weights.FILE).read_bytes()
    assert len(content) < 0.6 * (smoke / RUN / weights.FILE).stat().st_size
    assert weights.read_sums(target) == {RUN: hashlib.sha256(content).hexdigest()}
    difference = load(target / RUN).sample().int() - load(smoke / RUN).sample().int()
    assert difference.abs().max() <= 3
    before, after = (Image.open(folder / RUN / "samples.png").convert("RGB") for folder in (smoke, target))
    assert ImageChops.difference(before, after).getbbox() is None


def test_weights_without_room_are_left_to_the_archive_and_ignored_by_git(smoke, target, monkeypatch, capsys):
    assert command("publish", smoke / RUN, "--to", target) == 0
    assert (target / ".gitignore").read_text() == ""
    found = weights.read_sums(target)
    monkeypatch.setattr(publish, "MOST_WEIGHTS", 1000)
    capsys.readouterr()
    assert command("publish", smoke / RUN, "--to", target) == 0
    assert not (target / RUN / weights.FILE).exists() and weights.read_sums(target) == found
    assert (target / ".gitignore").read_text() == f"/{RUN}/{weights.FILE}\n"
    assert f"--archive FILE keeps: {RUN}" in capsys.readouterr().out
    monkeypatch.undo()
    assert command("publish", smoke / RUN, "--to", target) == 0
    assert (target / ".gitignore").read_text() == ""


def picture(colours: int) -> Image.Image:
    """A colour picture of noise, or with few colours a drawing."""
    noise = torch.randint(256, (150, 150, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    if colours > 2:
        return Image.fromarray(noise.numpy())
    drawing = Image.new("RGBA", (150, 150), "white")
    ImageDraw.Draw(drawing).line((0, 0, 149, 149), fill="red")
    return drawing


def same(one: Image.Image, content: bytes) -> bool:
    return ImageChops.difference(one.convert("RGB"), Image.open(io.BytesIO(content)).convert("RGB")).getbbox() is None


def test_grey_pictures_and_drawings_are_compressed_without_loss_and_others_with():
    grey, drawing, colour = picture(9).convert("L").convert("RGB"), picture(2), picture(9)
    for one in (grey, drawing):
        suffix, content = publish.compressed(one)
        assert suffix == ".png" and same(one, content)
    assert Image.open(io.BytesIO(publish.compressed(grey)[1])).mode == "L"
    suffix, content = publish.compressed(colour)
    assert suffix == ".webp" and not same(colour, content)
    suffix, exact = publish.compressed(colour, lossless=True)
    assert suffix == ".webp" and same(colour, exact) and len(content) < len(exact)


def test_an_animation_gets_fewer_frames_with_the_first_and_the_last(tmp_path):
    frames = [Image.new("L", (40, 40), 10 * i) for i in range(25)]
    frames[0].save(tmp_path / "long.gif", save_all=True, append_images=frames[1:], duration=100)
    publish.shorten(tmp_path / "long.gif", tmp_path / "short.gif")
    short = Image.open(tmp_path / "short.gif")
    assert short.n_frames == publish.MOST_FRAMES
    assert short.convert("L").getpixel((0, 0)) == 0
    short.seek(short.n_frames - 1)
    assert short.convert("L").getpixel((0, 0)) == 240


def test_of_an_animation_s_sheets_the_upper_half_is_published_below_its_label(tmp_path):
    whole = Image.new("L", (560, 588))
    whole.paste(255, (0, 28, 560, 308))
    whole.save(tmp_path / "long.gif")
    publish.shorten(tmp_path / "long.gif", tmp_path / "short.gif")
    short = Image.open(tmp_path / "short.gif").convert("L")
    assert short.size == (560, 308) and short.crop((0, 28, 560, 308)).getextrema() == (255, 255)
    assert short.crop((0, 0, 560, 28)).getextrema() == (0, 0)


# Notebooks


def shown(picture: Image.Image, **facts: int):
    """A notebook's output that shows it."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    data = {"image/png": base64.b64encode(buffer.getvalue()).decode(), "text/plain": "<Image>"}
    return nbformat.v4.new_output("display_data", data, metadata={"image/png": facts} if facts else {})


def write_notebook(path: Path, *outputs) -> None:
    code = nbformat.v4.new_output("execute_result", {"text/html": "<b>x</b>", "text/latex": "x", "text/plain": "x"})
    stream = nbformat.v4.new_output("stream", text="epoch 1/1")
    cell = nbformat.v4.new_code_cell("1 + 1", outputs=[code, stream, *outputs])
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title"), cell]), path)


def test_a_notebook_links_to_the_stills_beside_it_and_holds_other_pictures_in_small(smoke, target, tmp_path):
    sheet = Image.open(smoke / RUN / "samples.png").convert("RGBA")  # as another program would have saved it
    outputs = [shown(sheet, width=604), shown(picture(2)), shown(picture(9))]
    write_notebook(smoke / RUN / "notebook.ipynb", *outputs)
    assert command("publish", smoke / RUN, "--to", target) == 0

    notebook = nbformat.read(target / RUN / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    code, stream, linked, drawing, photograph = notebook.cells[1].outputs
    assert code.data == {"text/html": "<b>x</b>", "text/plain": "x"} and stream.text == "epoch 1/1"
    assert linked.data["text/html"] == '<img src="samples.png" alt="samples" width="604">'
    assert same(picture(2), base64.b64decode(drawing.data["image/png"]))
    assert photograph.data["text/html"].startswith('<img src="data:image/webp;base64,')
    assert all("image/png" not in one.data for one in (linked, photograph))

    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_filename(str(target / RUN / "notebook.ipynb"))
    assert 'src="samples.png"' in page and "data:image/webp" in page and "data:image/png" in page


def test_a_notebook_that_read_runs_is_published_with_its_figures(tmp_path, target):
    folder = tmp_path / "latent_space"
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    picture(2).save(folder / "map-learned.png")
    (folder / "table.csv").write_text("a\n1\n")
    write_notebook(folder / "notebook.ipynb", shown(picture(2)))
    assert command("publish", folder, "--to", target) == 0
    assert names(target / "latent_space") == {"notebook.ipynb", "map-learned.png", "table.csv"}
    assert '<img src=\\"map-learned.png\\"' in (target / "latent_space" / "notebook.ipynb").read_text()


# Nothing is lost


@pytest.mark.parametrize(
    ("here", "source", "to", "message"),
    [
        ("", "results/smoke/RUN", "results/smoke", "one is the other"),
        ("", "results/smoke/../smoke/RUN/", "results/smoke/.", "one is the other"),
        ("results/smoke/RUN", ".", "..", "one is the other"),
        ("", "results/smoke/RUN", "results/smoke/RUN", "within it"),
        ("", "results/smoke/RUN", "results/smoke/RUN/frames", "within it"),
        ("", "results/smoke/RUN/frames/..", "results/smoke", "one is the other"),
        ("", "link", "results/smoke", "one is the other"),
        ("", "results/smoke/RUN", "links", "one is the other"),
        ("", "results/smoke/RUN", "results/quick", "holds a run that can go on"),
    ],
    ids=str,
)
def test_a_run_is_not_published_over_itself_or_another(capsys, smoke, tmp_path, monkeypatch, here, source, to, message):
    (tmp_path / "link").symlink_to(smoke / RUN)
    (tmp_path / "links").symlink_to(smoke)
    shutil.copytree(smoke / RUN, tmp_path / "results" / "quick" / RUN)
    before = contents(tmp_path)
    monkeypatch.chdir(tmp_path / here.replace("RUN", RUN))
    assert message in refused(capsys, "publish", source.replace("RUN", RUN), "--to", to.replace("RUN", RUN))
    assert contents(tmp_path) == before


def test_a_published_run_is_not_published_over_itself(capsys, smoke, target, tmp_path, monkeypatch):
    assert command("publish", smoke / RUN, "--to", target) == 0
    before = contents(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "one is the other" in refused(capsys, "publish", f"results/published/{RUN}")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("here", "source", "to"),
    [
        (f"results/smoke/{RUN}", ".", "../../published"),
        ("", f"results/smoke/{RUN}/frames/..", "results/published"),
        (f"results/smoke/{RUN}/frames", "..", "../../../published"),
    ],
)
def test_the_name_is_that_of_the_folder_however_it_is_given(smoke, target, tmp_path, monkeypatch, here, source, to):
    """A folder that is `.` or `..` has no name of its own, and the folder of all published runs is no target."""
    (target / "other").mkdir(parents=True)
    (target / "other" / "log.csv").write_text("kept")
    before = contents(smoke)
    monkeypatch.chdir(tmp_path / here)
    assert command("publish", source, "--to", to) == 0
    assert contents(smoke) == before
    assert names(target) == {"other", RUN, weights.SUMS, ".gitignore"}
    assert (target / "other" / "log.csv").read_text() == "kept" and (target / RUN / "metrics.json").exists()


def test_what_was_published_is_replaced_whole_or_not_at_all(capsys, smoke, target, monkeypatch):
    (target / RUN).mkdir(parents=True)
    (target / RUN / "samples.jpg").write_text("of an older version")
    before = contents(target)

    def fail(*arguments, **options):
        raise OSError("the disk is full")

    monkeypatch.setattr(publish, "compressed", fail)
    assert "the disk is full" in refused(capsys, "publish", smoke / RUN, "--to", target)
    assert contents(target) == before and names(target) == {RUN}
    monkeypatch.undo()
    assert command("publish", smoke / RUN, "--to", target) == 0
    assert "samples.jpg" not in names(target / RUN)


@pytest.mark.parametrize("name", [weights.SUMS, ".gitignore"])
def test_sums_and_what_git_ignores_are_replaced_whole_or_not_at_all(target, monkeypatch, name):
    target.mkdir(parents=True)
    weights.record(target, "one", "0" * 64, in_git=False)
    before, replace = contents(target), os.replace

    def replace_others(source, to):
        if Path(to).name == name:
            raise OSError(errno.ENOSPC, "the disk is full")
        replace(source, to)

    monkeypatch.setattr(os, "replace", replace_others)
    with pytest.raises(OSError, match="full"):
        weights.record(target, "two", "1" * 64, in_git=False)
    assert contents(target)[name] == before[name]


def test_an_unfinished_run_is_not_published(capsys, smoke, target):
    (smoke / RUN / "metrics.json").unlink()
    assert "finished run" in refused(capsys, "publish", smoke / RUN, "--to", target)
    (smoke / "empty").mkdir()
    assert "finished run" in refused(capsys, "publish", smoke / "empty", "--to", target)
    assert not target.exists()


def test_a_run_of_another_preset_is_not_replaced(capsys, smoke, target):
    assert command("publish", smoke / RUN, "--to", target) == 0
    change_config(smoke / RUN, preset="full")
    said = refused(capsys, "publish", smoke / RUN, "--to", target)
    assert "holds this run of smoke, not full" in said
    assert json.loads((target / RUN / "config.json").read_text())["preset"] == "smoke"


def test_two_runs_of_one_name_are_refused(capsys, smoke, tmp_path, target):
    shutil.copytree(smoke / RUN, tmp_path / "results" / "quick" / RUN)
    line = refused(capsys, "publish", smoke / RUN, tmp_path / "results" / "quick" / RUN, "--to", target)
    assert "same name" in line and not target.exists()


# The archive


@pytest.fixture(scope="module")
def archived(finished, tmp_path_factory) -> Path:
    """A folder with the archive of two runs, and beside it the published runs without any weights."""
    folder = tmp_path_factory.mktemp("archived")
    runs = [finished / RUN, finished / "mnist5k-lpaae-supervised-s0"]
    assert command("publish", "--archive", folder / "all.tar", *runs, "--to", folder / "published") == 0
    for path in (folder / "published").glob(f"*/{weights.FILE}"):
        path.unlink()
    return folder


@pytest.fixture
def place(archived, tmp_path) -> Path:
    """The published runs, to which weights can be fetched."""
    return Path(shutil.copytree(archived / "published", tmp_path / "place"))


def test_the_archive_is_the_same_each_time_and_has_a_manifest(finished, archived, tmp_path):
    runs = [finished / "mnist5k-lpaae-supervised-s0", finished / RUN]  # in another order
    assert command("publish", "--archive", tmp_path / "new" / "all.tar", *runs, "--to", tmp_path / "published") == 0
    assert (tmp_path / "new" / "all.tar").read_bytes() == (archived / "all.tar").read_bytes()
    with tarfile.open(archived / "all.tar", "r:") as tar:
        entries = tar.getmembers()
        assert {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.mode) for entry in entries} == {
            (0, 0, 0, "", 0o644)
        }
        found = {entry.name: tar.extractfile(entry).read() for entry in entries}
    assert list(found) == [weights.MANIFEST, *(f"{run.name}/{weights.FILE}" for run in sorted(runs))]
    lines = [line.split("  ") for line in found.pop(weights.MANIFEST).decode().splitlines()]
    assert {name: value for value, name in lines} == {name: weights.sum_of(one) for name, one in found.items()}
    assert {name.partition("/")[0]: value for value, name in lines} == weights.read_sums(archived / "published")


def test_fetched_weights_are_those_that_were_published(capsys, archived, place, finished):
    capsys.readouterr()
    assert command("fetch", archived / "all.tar", "--to", place) == 0
    assert "2 of 2 runs" in capsys.readouterr().out
    assert names(place) == names(archived / "published")
    supervised = "mnist5k-lpaae-supervised-s0"
    difference = load(place / supervised).sample().int() - load(finished / supervised).sample().int()
    assert difference.abs().max() <= 3
    assert command("fetch", archived / "all.tar", "--to", place) == 0  # once more changes nothing


def archive_of(path: Path, entries: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.type = (len(content), kind) if kind == tarfile.REGTYPE else (0, kind)
            entry.linkname = "../../outside" if kind != tarfile.REGTYPE else ""
            tar.addfile(entry, io.BytesIO(content))
    return path


FIRST = f"{RUN}/{weights.FILE}"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mnist5k-aae-s0/model.safetensors", tarfile.REGTYPE),
        (f"{RUN}/metrics.json", tarfile.REGTYPE),
        ("weights.json", tarfile.REGTYPE),
        ("../model.safetensors", tarfile.REGTYPE),
        (f"../place/{FIRST}", tarfile.REGTYPE),
        (f"{RUN}/../{FIRST}", tarfile.REGTYPE),
        ("/tmp/model.safetensors", tarfile.REGTYPE),
        (FIRST, tarfile.SYMTYPE),
        (FIRST, tarfile.LNKTYPE),
        (FIRST, tarfile.DIRTYPE),
        (FIRST, tarfile.FIFOTYPE),
    ],
)
def test_an_archive_with_anything_but_weights_of_known_runs_is_refused(capsys, archived, place, tmp_path, name, kind):
    with tarfile.open(archived / "all.tar") as tar:
        good = tar.extractfile(f"mnist5k-lpaae-supervised-s0/{weights.FILE}").read()
    archive = archive_of(tmp_path / "bad.tar", {name: good}, kind)
    before = contents(tmp_path)
    assert "none of the weights" in refused(capsys, "fetch", archive, "--to", place)
    assert contents(tmp_path) == before and names(place) == names(archived / "published")


def test_weights_with_another_sum_are_refused_and_none_is_put_in_place(capsys, archived, place, tmp_path):
    with tarfile.open(archived / "all.tar") as tar:
        entries = {entry.name: tar.extractfile(entry).read() for entry in tar}
    last = list(entries)[-1]
    archive = archive_of(tmp_path / "bad.tar", entries | {last: entries[last][:-1] + b"?"})
    before = contents(place)
    assert "other weights of mnist5k-lpaae-supervised-s0" in refused(capsys, "fetch", archive, "--to", place)
    assert contents(place) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda whole: whole[: len(whole) // 2], "no whole tar file"),
        (lambda whole: b"not a tar file", "no whole tar file"),
        (lambda whole: b"", "no whole tar file"),
        (lambda whole: bytes(10240), "holds no weights"),
    ],
    ids=["truncated", "text", "empty", "without entries"],
)
def test_what_is_no_archive_is_refused(capsys, archived, place, tmp_path, content, message):
    (tmp_path / "bad.tar").write_bytes(content((archived / "all.tar").read_bytes()))
    before = contents(place)
    assert message in refused(capsys, "fetch", tmp_path / "bad.tar", "--to", place)
    assert contents(place) == before


def test_an_archive_or_a_folder_that_is_not_there_is_named(capsys, archived, place, tmp_path):
    assert "absent.tar" in refused(capsys, "fetch", tmp_path / "absent.tar", "--to", place)
    assert "weights.json does not exist" in refused(capsys, "fetch", archived / "all.tar", "--to", tmp_path)
    (place / weights.SUMS).write_text('{"../x": "0"}')
    assert "cannot be read" in refused(capsys, "fetch", archived / "all.tar", "--to", place)


@pytest.fixture
def address(archived, monkeypatch) -> str:
    """Where a server on this machine offers the folder of the archive."""
    monkeypatch.setenv("no_proxy", "*")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Quiet, directory=archived)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_archive_is_fetched_from_an_address(capsys, address, place):
    assert command("fetch", f"{address}/all.tar", "--to", place) == 0
    assert all((place / run / weights.FILE).exists() for run in weights.read_sums(place))
    assert "cannot fetch" in (line := refused(capsys, "fetch", f"{address}/none.tar", "--to", place))
    assert "not found" in line.lower()


def test_without_a_network_one_line_says_so(capsys, place, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    line = refused(capsys, "fetch", "http://127.0.0.1:9/all.tar", "--to", place)
    assert line.startswith("lprior: cannot fetch http://127.0.0.1:9/all.tar: ") and "refused" in line


def test_a_run_without_weights_cannot_be_archived(capsys, smoke, target, tmp_path):
    (smoke / RUN / weights.FILE).unlink()
    assert "does not exist" in refused(capsys, "publish", "--archive", tmp_path / "a", smoke / RUN, "--to", target)
    change_config(smoke / RUN, preset="ablation")
    assert "no run" in refused(capsys, "publish", "--archive", tmp_path / "a", smoke / RUN, "--to", target)
    assert not (tmp_path / "a").exists()


# What can be verified


def test_verify_names_the_runs_whose_weights_are_not_there(capsys, archived, place):
    line = refused(capsys, "verify", place)
    assert "none of the 2 runs has its weights there" in line
    assert command("fetch", archived / "all.tar", "--to", place) == 0
    (place / RUN / weights.FILE).unlink()
    capsys.readouterr()
    assert command("verify", place) == 0
    out = capsys.readouterr().out
    assert f"{RUN}  not checked: its weights are not there" in out
    assert "values of 1 runs match" in out and "not checked: 1 of 2 runs" in out


def test_a_picture_is_found_whatever_its_ending(tmp_path):
    with pytest.raises(Exception, match="no picture samples.png"):
        RunFolder(tmp_path).still("samples")
    for suffix in (".jpg", ".webp", ".png"):
        (tmp_path / f"samples{suffix}").write_text("")
        assert RunFolder(tmp_path).still("samples").suffix == suffix
