"""What the studies of sizes of codes say in words, in LaTeX."""

import pandas as pd

from lprior.evaluation.metrics import by_title
from lprior.report.control import listed
from lprior.report.frame import form, table_of
from lprior.report.latex import escape
from lprior.report.studies.codes_lines import (
    COLUMNS,
    FIXED,
    HUNDRED,
    LEARNED,
    MODELS,
    RIVALS,
    TEN,
    WIDE,
    Lines,
    means,
    model_of,
    signs_at,
)
from lprior.results import RunFolder

PANELS = ("FID", "score", "recall")  # of the figure
AIM = {"FID": 0.4, "score": 9.4, "recall": 0.7}  # of ours, for the learned prior at its best size
LEARNED_PRIOR = "the learned prior, with noise of as many entries as the code,"


def recall_in_words(values: Lines, second: Lines) -> str:
    """Where codes of images have the recall of the learned prior, noise as wide as codes, by its decoder, where more,
    and where Gaussians and kernels around them have more, with what they lose; in LaTeX. Nothing where none was
    measured."""
    codes = signs_at(values, second, LEARNED, LEARNED + " + codes")
    same, lost = ([size for size, of in codes["recall"].items() if of == sign] for sign in (0, -1))
    said = []
    if same:
        said.append(
            f"By the learned prior's own decoder the codes of training images, as they are, have a recall that is not "
            f"told apart from its own at {_run(same, list(codes['recall']))} entries: there the code generator is not "
            "seen to lose any."
        )
    if lost:
        said.append(
            f"At {listed(lost)} entries the codes of training images have more by the learned prior's decoder than "
            "that prior: there it loses recall."
        )
    wider = []
    for what, prior in (("ten Gaussians", TEN), ("kernels", " + kernels")):
        signs = signs_at(values, second, LEARNED, LEARNED + prior)
        if sizes := [size for size, of in signs["recall"].items() if of == -1]:
            price = _where({name: {size: at[size] for size in sizes if size in at} for name, at in signs.items()}, 1)
            behind = f" (behind there in {price})" if price else ""
            wider.append(f"{what} at {_run(sizes, list(signs['recall']))} entries{behind}")
    if wider:
        said.append(
            f"Around these codes more recall by the same decoder have {listed(wider)}: it can draw more variety than "
            "the prior asks for."
        )
    return " ".join(said)


def aim_in_words(values: Lines) -> str:
    """What we had aimed at, and the best means of the learned prior over all sizes and widths of noise; in LaTeX."""
    found = pd.concat(means({model: values[model] for model in (LEARNED, WIDE)})).dropna()
    if found.empty:
        return ""
    best = {name: found[name].max() if by_title(name).higher_is_better else found[name].min() for name in PANELS}
    aims, reached = (listed(f"{name} {form(name).format(of[name])}" for name in PANELS) for of in (AIM, best))
    return f"We had aimed at {aims} together; the learned prior's best means, each at a size of its own, are {reached}."


def devices_in_words(finished: list[RunFolder]) -> str:
    """How many runs of each model were trained on which device, in LaTeX."""
    counts = pd.crosstab(table_of(finished)["device"].to_numpy(), [model_of(run) for run in finished])
    total = counts.sum()
    return listed(
        f"on {escape(device)} {listed(f'{of[model]} of {total[model]} ({model})' for model in MODELS if of.get(model))}"
        for device, of in counts.iterrows()
    )


def hundreds_in_words(values: Lines, second: Lines) -> str:
    """Where a hundred Gaussians on the learned prior's codes are better and where worse than on the fixed prior's; in
    LaTeX. Nothing where they were not both measured."""
    signs = signs_at(values, second, LEARNED + HUNDRED, FIXED + HUNDRED)
    found = {word: _where(signs, value) for word, value in (("better", 1), ("worse", -1))}
    said = [f"the {word} {places}" for word, places in found.items() if places]
    if not signs["FID"]:
        return ""
    if not said:
        return "A hundred Gaussians on the learned and on the fixed prior's codes are not told apart."
    return (
        "A hundred Gaussians on the learned prior's codes, decoded by its own model, have, against a hundred on the "
        f"fixed prior's, {listed(said)}."
    )


def wide_in_words(values: Lines, second: Lines) -> str:
    """Where the learned prior with wide noise is ahead of that with noise as wide as the code, and of a hundred
    Gaussians on the fixed prior's codes, and where behind; in LaTeX. Nothing where that was not measured."""
    found = {}
    for whom, other in (
        ("noise of as many entries as the code", LEARNED),
        ("the hundred Gaussians on the fixed prior's codes", FIXED + HUNDRED),
    ):
        signs = signs_at(values, second, WIDE, other)
        if not (sizes := list(signs["FID"])):
            return ""
        said = [f"{word} in {at}" for word, value in (("ahead", 1), ("behind", -1)) if (at := _where(signs, value))]
        found[whom] = listed(said) if said else "not told apart"
    return (
        f"wide noise, of four times as many entries and 32 at least, was trained at codes of {_run(sizes, sizes)} "
        f"entries alone; it is {', and '.join(f'{said} against {whom}' for whom, said in found.items())}."
    )


def answer_in_words(values: Lines, second: Lines, where: str) -> str:
    """Where the learned prior is ahead of a hundred Gaussians on the fixed prior's codes and where behind, and where it
    is ahead of all of `RIVALS`, and behind; in LaTeX. Nothing where that was not measured. `where`: on what images, for
    a verdict; "" where nothing was tested by intervals."""
    signs = signs_at(values, second, LEARNED, FIXED + HUNDRED)
    sizes = sorted({size for at in signs.values() for size in at})
    if not sizes:
        return ""
    ahead, behind = _where(signs, 1), _where(signs, -1)
    hundred = "a hundred Gaussians (a number chosen on test images) fitted to the codes of the model with a fixed prior"
    if where and behind and not ahead:
        answer = (
            f"On {where} {LEARNED_PRIOR} is nowhere seen ahead, by both judges, of {hundred}: of {listed(COLUMNS)}, "
            f"at codes of {_run(sizes, sizes)} entries, it is behind in {behind}, and not told apart in the rest."
        )
    else:
        said = [f"{word} in {places}" for word, places in (("ahead", ahead), ("behind", behind)) if places]
        answer = (
            f"At codes of {_run(sizes, sizes)} entries {LEARNED_PRIOR} is, against {hundred}, "
            f"{listed([*said, 'not told apart in the rest']) if said else 'not told apart'}."
        )
    of_each = [signs_at(values, second, LEARNED, rival) for rival in RIVALS]
    found = [
        f"{word} in {places}"
        for word, value in (("ahead", 1), ("behind", -1))
        if (places := _where_all(of_each, value))
    ]
    of_rivals = f" Of ten, of a flow and of kernels on these codes it is {listed(found)}." if found else ""
    return answer + of_rivals + _with_wide_noise(values, second)


def _with_wide_noise(values: Lines, second: Lines) -> str:
    """Whether the learned prior is ahead of the hundred with wide noise. "" where that was not measured."""
    signs = signs_at(values, second, WIDE, FIXED + HUNDRED)
    if not (sizes := list(signs["FID"])):
        return ""
    found = (
        f"ahead of the hundred in {ahead}" if (ahead := _where(signs, 1)) else "nowhere ahead of the hundred, either"
    )
    return f" With wider noise, measured at codes of {_run(sizes, sizes)} entries, it is {found}."


def _where_all(found: list[dict[str, dict[int, int]]], value: int) -> str:
    """`_where` each of `signs_at` has this sign."""
    common = {
        name: {size: value if all(one[name].get(size) == value for one in found) else 0 for size in at}
        for name, at in found[0].items()
    }
    return _where(common, value)


def _where(signs: dict[str, dict[int, int]], value: int) -> str:
    """ "FID at 2 and 8, and score at 8 to 64 entries": where there is this sign; "" for nowhere."""
    found: dict[str, list[str]] = {}
    for name, at in signs.items():
        if sizes := [size for size in at if at[size] == value]:
            found.setdefault("every size" if len(sizes) == len(at) > 1 else _run(sizes, list(at)), []).append(name)
    if not found:
        return ""
    places = listed(f"{listed(names)} at {where}" for where, names in found.items())
    return places if places.endswith("every size") else f"{places} entries"


def _run(sizes: list[int], of: list[int]) -> str:
    """ "8 to 64" of three sizes or more that follow each other in `of`, else all of them."""
    first = of.index(sizes[0])
    follow = len(sizes) > 2 and of[first : first + len(sizes)] == sizes
    return f"{sizes[0]} to {sizes[-1]}" if follow else listed(sizes)
