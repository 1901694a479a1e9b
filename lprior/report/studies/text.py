"""Text to image: sentences in, picture out, with the learned prior and with the fixed one (LP-AAE's abstract)."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from lprior import runs
from lprior.algorithms.captions import with_tokens
from lprior.data import Dataset
from lprior.data.scenes import PLACES, Thing, read, seen
from lprior.data.sentences import tokens, words
from lprior.evaluation.formulas import frechet_distance
from lprior.evaluation.metrics import CAPTIONS, OBEYED, thousands
from lprior.evaluation.scenes import Detectors, asked, flat, layouts
from lprior.model import Model
from lprior.report.control import listed
from lprior.report.latex import Table, named, row
from lprior.report.studies.shown import Shown
from lprior.results import RunFolder
from lprior.runs import Study, title_of
from lprior.stored import read_picture
from lprior.streams import generator, normal

DRAWS = 100  # of one sentence
THINGS = {"seen": 2166, "newplace": 557, "newcolour": 264}  # how many there are of each kind in the 2,000 test scenes
PLURALS = ("digits", "colours", "sizes", "places", "all four")
ALL = "all"  # these together: what the control is measured on


def measure(model: Model, train: Dataset, test: Dataset) -> dict:
    """How much of the captions of the test scenes is obeyed by an image for each; detectors are those of
    `evaluation/scenes.py`.

    caption_<group>_2k_test   shares of the things whose digit, colour, size, place, and all of these, are found as the
                              caption has them: things that training scenes had ("seen"); their digit in this colour not
                              at this place ("newplace"); nowhere in this colour ("newcolour"); all of them for the
                              caption of another scene ("shuffled", chance); all of them on the real scenes ("real",
                              what the detectors allow) and on their reconstructions ("reconstructed", what the decoder
                              allows); and, afterwards, on codes by least squares (`fitted`), with and without a
                              Gaussian of what these leave over ("leastsquares", "mean"); measured of scenes alone
    captionfid_2k_test        Frechet distance of these things to those of the real scenes, in the features of the
                              detector of digits
    variety_test              mean distance in these features of two of a hundred images of one sentence; and of two
                              real things of the same digit and size; means over sentences
    """
    if test.name == "captioned":  # of which no detector knows anything
        return {}
    detectors, captions, count = Detectors(train), test.labels, thousands(len(test.labels))
    z = normal((len(captions), model.config.code), generator(model.config.seed, "captions", 0))
    images = model.generate(with_tokens(z, captions).to(model.device))
    scenes = asked(captions)
    others = [scenes[i] for i in torch.randperm(len(scenes), generator=generator(0, "shuffled captions", 0))]
    found, features = detectors.found(images, scenes)
    real, features_real = detectors.found(test.images, scenes)
    shuffled, _ = detectors.found(images, others)
    mean, drawn = fitted(model, train, scenes)
    controls = {"reconstructed": model.encode(test.images), "leastsquares": drawn, "mean": mean}
    kinds = [seen(digit, colour, place) for digit, colour, _, place in flat(scenes)[1].tolist()]
    of_kind = {kind: torch.tensor([one == kind for one in kinds]) for kind in ("seen", "newplace", "newcolour")}
    return {
        **{f"caption_{kind}_{count}_test": obeyed(found, scenes, which) for kind, which in of_kind.items()},
        f"caption_shuffled_{count}_test": obeyed(shuffled, others),
        f"caption_real_{count}_test": obeyed(real, scenes),
        **{f"caption_{kind}_{count}_test": obeyed(detectors.found(model.decode(codes), scenes)[0], scenes)
           for kind, codes in controls.items()},
        f"captionfid_{count}_test": frechet_distance(features, features_real),
        "variety_test": variety(model, detectors, scenes, features_real),
    }


def obeyed(found: Tensor, scenes: list[list[Thing]], which: Tensor | None = None) -> list[float] | str:
    """Shares of the things of `scenes`, of which `which` (M,) are counted, whose attributes `found` (M, 4) are as
    asked: of each attribute, and of all together. Or why there are none."""
    index, things = flat(scenes)
    wanted = torch.cat([things[:, :3], layouts(scenes)[index, None]], dim=1)
    right = found == wanted
    right = torch.cat([right, right.all(dim=1, keepdim=True)], dim=1)[slice(None) if which is None else which]
    return right.double().mean(dim=0).tolist() if len(right) else "there are no such captions"


def fitted(model: Model, train: Dataset, scenes: list[list[Thing]]) -> tuple[Tensor, Tensor]:
    """Codes (N, entries) for scenes without a prior that was trained with the autoencoder: the mean code of what they
    have, by least squares over the training scenes, and that with a draw of a Gaussian of what this leaves over."""
    x, z = attributes(asked(train.labels)), model.encode(train.images).double()
    by = torch.linalg.lstsq(x, z, driver="gelsd").solution
    left = z - x @ by
    mean, factor = attributes(scenes) @ by, torch.linalg.svd(left, full_matrices=False)
    noise = normal(mean.shape, generator(model.config.seed, "codes by least squares", 0)).double()
    drawn = mean + noise * (factor.S / len(left) ** 0.5) @ factor.Vh
    return mean.float(), drawn.float()


def attributes(scenes: list[list[Thing]]) -> Tensor:
    """float64 (N, 1 + 5 * 18): 1, and for each place whether something is there, and its digit, colour and size."""
    found = torch.zeros(len(scenes), 1 + len(PLACES) * 18, dtype=torch.float64)
    found[:, 0] = 1
    for of_scene, things in zip(found, scenes, strict=True):
        for digit, colour, size, place in things:
            of_scene[[1 + 18 * place + offset for offset in (0, 1 + digit, 11 + colour, 16 + size)]] = 1
    return found


def variety(model: Model, detectors: Detectors, scenes: list[list[Thing]], features_real: Tensor) -> list[float]:
    """Of the sheet's sentences that have one thing: mean distance of `DRAWS` images, and of real ones."""
    things, found = flat(scenes)[1], list[tuple[float, float]]()
    language = model.language
    for sentence in language.examples:
        thing, *more = read(words(tokens(sentence, language.vocabulary), language.vocabulary))
        if more:
            continue
        made = detectors.found(model.sample(DRAWS, seed=0, s=sentence), [[thing]] * DRAWS)[1]
        alike = (things[:, 0] == thing[0]) & (things[:, 2] == thing[2])
        found.append((torch.pdist(made).mean().item(), torch.pdist(features_real[alike]).mean().item()))
    return torch.tensor(found, dtype=torch.float64).mean(dim=0).tolist()


def render(finished: list[RunFolder]) -> Shown:
    """A row for each model and kind of captions, one for real scenes; a figure of the sheets."""
    first = {run.config().model: run for run in finished if run.config().seed == 0}
    found = {model: _of_captions(first[model]) for model in STUDY.models if model in first}
    found = {model: of_captions for model, of_captions in found.items() if of_captions}
    if not found:
        return Shown(whole=False)
    rows, titles = [], CAPTIONS | {ALL: "all of these"}
    for model, of_captions in found.items():
        kinds = [kind for kind in of_captions if kind != "real"]
        rows += [row([named(title_of(model)), titles[kind], *map(_percent, of_captions[kind])]) for kind in kinds]
        rows.append("\\midrule\n")
    real = next(iter(found.values())).get("real", [])
    rows.append(row(["Real scenes", "their own", *map(_percent, real)]))
    head = row(["model", "captions", *OBEYED]) + row(["", "", *[r"\% $\uparrow$"] * len(OBEYED)])
    values = {
        f"{STUDY.name}/{model}/{kind}/{name}": _percent(share)
        for model, of_captions in found.items()
        for kind, shares in of_captions.items()
        for name, share in zip((*OBEYED, "mean"), [*shares, sum(shares[:4]) / 4], strict=True)
    }
    values[f"{STUDY.name}/all"] = all_in_words(found.get("lptext", {}).get(ALL))
    values |= {f"{STUDY.name}/{model}/{key}": value for model in found for key, value in _others(first[model]).items()}
    sheets = sheets_figure({model: first[model] for model in found})
    return Shown({STUDY.name: Table(head, "".join(rows))}, {f"{STUDY.name}_samples": sheets}, values=values)


def _of_captions(run: RunFolder) -> dict[str, list[float]]:
    """Kind of captions -> shares that are obeyed, of those that were measured."""
    metrics = run.read_json("metrics.json").items()
    found = {key.split("_")[1]: value for key, value in metrics if key.startswith("caption_")}
    found |= {ALL: of_all(found)}
    return {kind: found[kind] for kind in (*THINGS, ALL, *CAPTIONS) if isinstance(found.get(kind), list)}


def all_in_words(shares: list[float] | None) -> str:
    """What the learned prior has of all things, in LaTeX."""
    if shares is None:
        return "Of all things together the learned prior was not measured."
    said = (rf"{_percent(share)}\,\% of {name}" for name, share in zip(PLURALS, shares, strict=True))
    return f"On all things the learned prior has {listed(said)}."


def of_all(found: dict[str, list[float]]) -> list[float] | None:
    """Shares of all things, from those of each kind; None if these are of other test scenes than `THINGS` counts, of
    which such shares would be no whole numbers of things."""
    if not all(isinstance(found.get(kind), list) for kind in THINGS):
        return None
    shares = torch.tensor([found[kind] for kind in THINGS], dtype=torch.float64)
    right = shares * torch.tensor([*THINGS.values()])[:, None]
    if (right - right.round()).abs().max() > 1e-6:
        return None
    return (right.sum(dim=0) / sum(THINGS.values())).tolist()


def _others(run: RunFolder) -> dict[str, str]:
    """Variety as a share of that of real things, and the Frechet distance of things, in words."""
    found = {key.split("_")[0]: value for key, value in run.read_json("metrics.json").items()}
    own, real = found["variety"]
    return {"variety": _percent(own / real), "fid": f"{found['captionfid']:.2f}"}


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def sheets_figure(runs: dict[str, RunFolder]) -> Figure:
    """Of each model the first rows of its sheet: a column is a sentence, a row one draw of z."""
    figure = Figure(figsize=(6.4, 2.3), layout="constrained")
    for axes, (model, run) in zip(figure.subplots(1, 2), runs.items(), strict=False):
        picture = read_picture(run.still("samples"))
        axes.imshow(picture.crop((0, 0, picture.width, picture.height * 6 // 10)), interpolation="nearest")
        axes.set_title(title_of(model), fontsize=8)
    for axes in figure.axes:
        axes.set_axis_off()
    return figure


STUDY = Study(
    "text", "Text to image", "quick", {"epochs": 32, "falling": 8},
    ("lptext", "lptext-fixed"),
    seeds=(0,), family="scenes", render=render, measure=measure, pictured=("lptext", "lptext-fixed"),
    shipped=("lptext",),
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
