"""The table of hyper-parameters, from the config.json of the runs, and the number of trials behind them."""

from itertools import groupby
from math import floor, log10
from operator import itemgetter
from typing import Any

from lprior.config import RunConfig
from lprior.report.latex import Table, escape, named, row
from lprior.results import flat
from lprior.runs import title_of
from lprior.training import trials

ROWS = {  # key in config.json, or in its settings -> what the table calls it, in LaTeX
    "epochs": "epochs", "falling": "of these with falling rates", "batch_size": "images in a mini-batch",
    "width": "channels of the first layer", "code": "entries of a code", "ema_decay": "decay of the moving average",
    "learning_rate": r"rate of $\enc$ and $\dec$", "learning_rate_CG": r"rate of $\CG$, if another",
    "learning_rate_D": r"rate of discriminators", "learning_rate_D_C": r"rate of $D_C$, if another",
    "betas": r"$\beta$ of Adam", "lam": r"$\lambda$, weight of $\Lrec$ in $\dec$",
    "lam_C": r"$\lambda_C$, weight of $D_C$ in $\enc$", "lam_CG": r"$\lambda_{\CG}$, weight of $D_C$ in $\CG$",
    "gamma": r"$\gamma$, weight of $\Loss_{\mathrm{llike}}$ in $\dec$", "squared": r"norm of $\Lrec$ squared",
    "x_rec_is_fake": "reconstructions are fakes, too", "instance_noise": "instance noise, standard deviation",
    "spectral_norm": "spectral norm in $D_I$ or $\\Dis$", "feature_block": "block of the features, if not the last",
}  # fmt: skip
OF_CG = ("learning_rate_CG", "lam_CG")
OF_D_I = ("spectral_norm", "feature_block")
OF_NOTHING = "--"


def settings_table(configs: list[tuple[str, RunConfig]]) -> Table:
    """A column for each configuration, under the name of its data and the title of its model; a row for each of `ROWS`
    that one of them has; and below, how many trials of docs/trials.csv were about it."""
    rows = []
    for key, title in ROWS.items():
        cells = [_cell(config, key) for _, config in configs]
        if set(cells) != {OF_NOTHING}:
            rows.append(row([title, *cells]))
    recorded = [(one["dataset"], one["model"], one["preset"]) for one in trials.read(trials.FILE)]
    tried = [str(recorded.count((config.dataset, config.model, config.preset))) for _, config in configs]
    over = [
        rf"\multicolumn{{{len(list(group))}}}{{c}}{{{escape(data)}}}" for data, group in groupby(configs, itemgetter(0))
    ]
    titles = [named(title_of(config.model).removeprefix("LP-AAE, ")) for _, config in configs]
    return Table(
        row(["", *over]) + row(["", *titles]), "".join(rows) + "\\midrule\n" + row(["recorded trials", *tried])
    )


def _cell(config: RunConfig, key: str) -> str:
    values = flat(config.to_dict())
    lacks_CG = values.get("prior", "fixed") == "fixed" and key in OF_CG
    lacks_D_I = not {"lam_CG", "gamma"} & values.keys() and key in OF_D_I  # AAE has no discriminator of images
    value = None if lacks_CG or lacks_D_I else values.get(key)
    return OF_NOTHING if value is None or (key == "falling" and not value) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return (
        f"{value:g}"
        if value == 0 or value >= 1e-4
        else rf"${value / 10 ** floor(log10(value)):g} \cdot 10^{{{floor(log10(value))}}}$"
    )
