"""What the report says of its tables, of numbers whose right words are known."""

import pandas as pd
import pytest

from lprior.config import resolve
from lprior.curves import cost_symbol
from lprior.networks import Compact
from lprior.report.architecture import described, networks_table
from lprior.report.claims import CLAIMS
from lprior.report.control import UNCOMPARED, UNMEASURED, priors_in_words
from lprior.report.findings import changes, in_prose, in_words, lowest, mixtures
from lprior.report.frame import MIXTURE
from lprior.report.hyperparameters import settings_table
from lprior.report.latex import named
from lprior.report.verdicts import verdicts_in_words

LOW, HIGH = [1.0, 1.1, 0.9], [3.0, 3.1, 2.9]


def table(**models: dict[str, list[float]]) -> pd.DataFrame:
    """model -> metric -> a value for each seed."""
    frames = [pd.DataFrame({"key": key, **metrics}) for key, metrics in models.items()]
    return pd.concat(frames, ignore_index=True).assign(dataset="mnist5k", **{"data sha256": "0", "samples": 10})


def test_a_mixture_improves_worsens_or_is_not_told_apart():
    found = table(
        aae={"FID": HIGH, f"{MIXTURE}FID": LOW, "recall": LOW, f"{MIXTURE}recall": LOW},
        lpaae={"FID": LOW, f"{MIXTURE}FID": HIGH, "recall": LOW, f"{MIXTURE}recall": HIGH},
    )
    assert mixtures(found) == (
        r"By 95\,\% intervals over the seeds, a mixture fitted afterwards improves FID on AAE, worsens FID on LP-AAE "
        "and improves recall on LP-AAE; no other difference to a model's own prior is told apart."
    )
    assert mixtures(found.iloc[[0, 3]]).startswith("In single runs, a mixture fitted afterwards ")
    assert mixtures(table(aae={"FID": LOW})) == UNMEASURED
    one_more = pd.concat([found, table(vaegan={"FID": HIGH[:1], f"{MIXTURE}FID": LOW[:1]})], ignore_index=True)
    said = "In single runs, a mixture fitted afterwards improves FID on VAE/GAN."
    assert mixtures(one_more) == f"{mixtures(found)} {said}"  # of few seeds in a sentence of their own


def test_changes_are_lower_higher_or_not_told_apart():
    found = table(lpaae={"FID": LOW}, **{"lpaae-text": {"FID": HIGH}, "lpaae-no_ema": {"FID": LOW}})
    assert changes(found, "lpaae", ["lpaae-text", "lpaae-no_ema", "lpaae-norm"]) == (
        r"By 95\,\% intervals over the seeds, against LP-AAE the FID is higher with LP-AAE (text) and not told apart "
        "with no moving average."
    )
    assert changes(found, "vaegan", ["lpaae"]) == UNMEASURED


def test_the_lowest_fid_may_be_that_of_a_mixture():
    found = table(lpaae={"FID": LOW}, **{"lpaae-printed": {"FID": HIGH, f"{MIXTURE}FID": [0.5, 0.6, 0.4]}})
    said = r"The lowest mean FID of these and of mixtures on their codes is $0.50 \pm 0.10$, of "
    assert lowest(found, ["lpaae", "lpaae-printed"]) == f"{said}LP-AAE (printed) with a mixture."


def test_what_has_no_numbers_is_said_to_be_missing():
    assert set(in_words(table(aae={"FID": ["a reason"]})).values()) >= {UNMEASURED}


def test_two_priors_are_set_against_each_other():
    both = {name: LOW for name in ("FID", "score", "recall")}
    found = table(lpaae=both, **{"lpaae-fixed": both | {"recall": HIGH}})
    assert priors_in_words(found).startswith("Against the fixed one, the learned prior is behind in recall (")
    assert priors_in_words(table(lpaae=both)) == UNCOMPARED


def test_verdicts_are_counted():
    runs = pd.DataFrame({"key": [], "dataset": [], "images": [], "FID": []})
    theirs, own = ([c for c in CLAIMS if bool(c.published) is of_paper] for of_paper in (True, False))
    printed, ours = (sum(rule is not None for rule in rules) for rules in zip(*((c.printed, c.ours) for c in theirs)))
    said = (
        f"Of {len(theirs)} claims of the papers, 0 of {printed} were tested of those that runs with the papers' own "
        f"terms can judge, and 0 of {ours} were tested of those that the algorithms as we run them can; "
        f"of {len(own)} claims that are ours, 0 of {len(own)} were tested."
    )
    assert verdicts_in_words(runs) == said


@pytest.mark.parametrize(
    ("model", "said"),
    [("lpaae-fixed", "LP-AAE (fixed prior)"), ("aae", "AAE"),
     ("lpaae-supervised_long", "LP-AAE (supervised, long run)"),
     ("lpaae-lam_CG_0", "no $D_C$ in CG"), ("vaegan-gamma_1", r"$\gamma$ 1")],
)  # fmt: skip
def test_a_sentence_calls_a_model_by_its_title(model, said):
    assert in_prose(model) == said


def test_symbols_stay_symbols():
    assert named("no D_C in CG") == "no $D_C$ in CG"
    assert (cost_symbol("L_rec"), cost_symbol("L_GAN_C")) == (r"$L_{\mathrm{rec}}$", r"$L_{\mathrm{GAN}}^{\mathrm{C}}$")


def test_networks_are_described_layer_by_layer():
    networks = Compact(1, 28, width=16)
    assert described(networks.encoder(8)) == (
        r"4$\times$4 conv 16 $\downarrow$2 BN ReLU; 4$\times$4 conv 32 $\downarrow$2 BN ReLU; FC 8 (21\,k)"
    )
    assert described(networks.image_discriminator()).startswith(r"4$\times$4 conv 32 $\downarrow$2 SN LReLU; ")
    assert described(networks.decoder(8)).endswith(r"3$\times$3 conv 4 shuffle $\uparrow$2 tanh (413\,k)")


@pytest.mark.parametrize("networks", ["compact", "paper", "strong", "dcgan", "mlp"])
def test_every_set_of_networks_has_its_table(networks):
    config = resolve("lpaae", "cifar10", "smoke", networks=networks)
    rows = networks_table({"CIFAR-10": config}).rows.splitlines()
    assert [row.split(" & ")[0] for row in rows] == [r"$\enc$", r"$\dec$", r"$\CG$", "$D_C$", "$D_I$"]


def test_settings_are_those_of_the_runs_and_of_nothing_that_a_model_lacks():
    models = {"aae": "", "lpaae": "", "lpaae-fixed": "fixed", "vaegan": ""}
    configs = [("MNIST", resolve(m.partition("-")[0], "mnist", "quick", variant)) for m, variant in models.items()]
    table = settings_table(configs)
    rows = {line.split(" & ")[0]: line.removesuffix(" \\\\").split(" & ")[1:] for line in table.rows.splitlines()}
    assert rows["epochs"] == ["32", "20", "20", "24"]
    assert rows[r"$\lambda_{\CG}$, weight of $D_C$ in $\CG$"] == ["--", "0.03", "--", "--"]
    assert rows[r"spectral norm in $D_I$ or $\Dis$"] == ["--", "yes", "yes", "yes"]
    assert r"\multicolumn{4}{c}{MNIST}" in table.head and " & fixed prior & " in table.head
    assert len(rows["recorded trials"]) == 4
