"""The readings of Algorithm 1, and each choice of ours undone by itself; and the same of VAE/GAN."""

from torch import Tensor

from lprior import runs
from lprior.algorithms import vaegan
from lprior.algorithms.vaegan import VAEGAN, Costs
from lprior.networks import Networks
from lprior.report.control import listed
from lprior.report.findings import changes, lowest
from lprior.report.frame import table_of
from lprior.report.latex import OF_MODEL, PRIORS, Table, header, model_rows
from lprior.report.studies.shown import Shown, models_table
from lprior.results import RunFolder
from lprior.runs import Study, Variant

COLUMNS = ("FID", "score", "precision", "recall")


class LeakingVAEGAN(VAEGAN):
    """A fault, to be seen: every network descends every loss, as in programs that call `backward` three times before
    they step. dec and enc then help Dis."""

    def costs(self, *losses: Tensor) -> Costs:
        own = super().costs(*losses)
        return dict.fromkeys(own, sum(own.values(), []))


def leaking(config: vaegan.Config, networks: Networks, code: int) -> LeakingVAEGAN:
    """VAE/GAN with this fault, on new networks."""
    enc, dec = networks.encoder(2 * code), networks.decoder(code)
    return LeakingVAEGAN(config, code, enc, dec, networks.image_discriminator())


def render(finished: list[RunFolder]) -> Shown:
    """Two tables, mean and standard deviation of `COLUMNS`: the readings, and each choice, a block an algorithm; and in
    words which of their models have a lower or a higher FID and recall."""
    if not finished:
        return Shown(whole=False)
    models = {"readings": [f"lpaae-{name}" for name in READINGS], "choices": [f"lpaae-{name}" for name in LPAAE]}
    models["vaegan"] = [f"vaegan-{name}" for name in VAE_GAN]
    blocks = ["lpaae", *models["choices"]], ["vaegan", *models["vaegan"]]
    rows = ["".join(model_rows(finished, block, COLUMNS)) for block in blocks]
    tables = {
        "readings": "".join(model_rows(finished, ["lpaae", *models["readings"]], COLUMNS, PRIORS)),
        "ablation": "\\midrule\n".join(filter(None, rows)),
    }
    table, bases = table_of(finished), {"vaegan": "vaegan"}
    said = {
        f"ablation/{what}": changes(table, bases.get(what, "lpaae"), block, ("FID", "recall"))
        for what, block in models.items()
    }
    said["ablation/lowest"] = lowest(table, ["lpaae", *models["readings"]])
    said["ablation/norm"] = changes(table, "lpaae", ["lpaae-norm"], ("FID", "recall"))
    said["ablation/epochs"] = listed(sorted(set(table["epochs"])))
    return Shown({name: Table(header(COLUMNS, OF_MODEL), rows) for name, rows in tables.items()}, values=said)


def render_long(finished: list[RunFolder]) -> Shown:
    """A table, mean and standard deviation of `COLUMNS`; and in words whether the norm, not squared, has a lower or a
    higher FID and recall."""
    if not finished:
        return Shown(whole=False)
    shown, table = models_table(LONG, finished, COLUMNS, priors=PRIORS), table_of(finished)
    shown.values["ablation_long/epochs"] = listed(sorted(set(table["epochs"])))
    shown.values["ablation_long/norm"] = changes(table, "lpaae", ["lpaae-norm"], ("FID", "recall"))
    return shown


runs.VARIANTS["vaegan"]["leaking"] = Variant("gradients leak", build=leaking)
READINGS = ("printed", "text", "fixed")
LPAAE = (
    "frozen", "norm", "two_passes", "saturating", "lam_C_1", "lam_CG_0", "two_phases",
    "rec_fake", "three_updates", "one_rate", "no_ema", "no_spectral_norm",
)  # fmt: skip
VAE_GAN = (
    "saturating", "rec_fake", "balanced", "leaking", "gamma_1", "gamma_0", "first_features", "no_spectral_norm"
)
STUDY = Study(
    "ablation", "Readings and ablation", "quick", {"epochs": 2, "samples": 5_000},
    ("lpaae", *(f"lpaae-{name}" for name in (*READINGS, *LPAAE)), "vaegan", *(f"vaegan-{name}" for name in VAE_GAN)),
    seeds=(0, 1, 2), family="digits", render=render,
)  # fmt: skip
SHORT_ONLY = ("three_updates", "no_spectral_norm")  # not trained at length: the time on the GPU was up
LONG = Study(
    "ablation_long", "Ablation at the length of the main runs", "quick", {},
    ("lpaae", *(f"lpaae-{name}" for name in (*READINGS, *LPAAE) if name not in SHORT_ONLY)),
    seeds=(0,), family="digits", render=render_long,
)  # fmt: skip
runs.STUDIES |= {study.name: study for study in (STUDY, LONG)}
