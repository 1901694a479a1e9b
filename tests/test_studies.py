"""The tables and figures beside the main results, from runs that are there and from none."""

import json
import re
import shutil

import pytest
from latex import arguments, shown
from matplotlib.figure import Figure

from lprior.config import explain, resolve
from lprior.errors import UserError
from lprior.report.conditional import conditional_table, settings_in_words, write_sheets
from lprior.report.control import UNCOMPARED, UNMEASURED
from lprior.report.document import LATENT, write_report
from lprior.report.frame import table_of
from lprior.report.latex import MISSING, OF_MODEL, Table, header, model_rows
from lprior.report.parts import CIFAR10, DIGITS
from lprior.report.studies.codes import codes_figure
from lprior.report.studies.codes_in_words import LEARNED_PRIOR
from lprior.report.studies.codes_lines import LEARNED, WIDE, each_seed
from lprior.report.studies.shown import Shown
from lprior.report.tables import cost_table
from lprior.results import RunFolder
from lprior.runs import STUDIES, Study, models, presets, runs_of
from lprior.training.run import run

WITH_HEADS = ("sheets", "trials", "sweep", "networks", "settings")
ALWAYS = {f"{name}{end}.tex" for name in WITH_HEADS for end in ("", "-head")}
ALWAYS |= {f"{name}.tex" for name in ("claims", "commands", "runs", "speed")}


AHEAD, LEVEL, BEHIND = "$+$", r"$\cdot$", "$-$"  # what the table of pairs of the study of codes says


def signs(found: Shown, pair: str = "learned vs. fixed + mixture of 10") -> list[str]:
    """Of FID, at each size."""
    (row,) = [row[1:] for row in cells(found.tables["codes-pairs"].rows) if row[0] == pair]
    return row[: len(row) // 4]


def run_with(folder, model, seed=0, dataset="mnist", preset="quick", **metrics):
    """The folder of a finished run as far as these tables look at it."""
    algorithm, _, variant = model.partition("-")
    config = resolve(algorithm, dataset, preset, variant, seed)
    result = RunFolder(folder / config.name)
    result.path.mkdir(parents=True)
    result.write_json("config.json", config.to_dict())
    result.write_json("metrics.json", metrics)
    made = dict(commit="abc", data_sha256="0", device="cpu", threads=1, precision="float32", data="files")
    cost = dict(seconds_per_epoch=1.0, training_seconds=60.0, peak_memory_bytes=2**30)
    result.write_json("provenance.json", made | cost)
    return result


def cells(table):
    return [line.removesuffix(" \\\\").split(" & ") for line in table.splitlines() if " & " in line]


def test_the_conditional_table_gives_per_cents_and_their_spread(tmp_path):
    keys = (
        "accuracy_q_test", "cluster_acc_kmeans_hungarian_test", "accuracy_given_s_x_10k",
        "within_precision_x_10k_test",
    )  # fmt: skip
    runs = [
        run_with(tmp_path, "lpaae-supervised", seed, **dict.fromkeys(keys, value), within_recall_x_10k_test=0.25)
        for seed, value in enumerate((0.5, 0.7))
    ]
    assert cells(conditional_table(runs, DIGITS).rows) == [
        ["LP-AAE, supervised", "2", "20", *[MISSING] * 3, *["$60.0 \\pm 14.1$"] * 2, "$25.0 \\pm 0.0$",
         *["$60.0 \\pm 14.1$"] * 2]
    ]  # fmt: skip


def test_the_unsupervised_row_takes_clusters_for_accuracies(tmp_path):
    metrics = {"cluster_acc_q_hungarian_test": 0.9, "accuracy_given_s_hungarian_x_10k": 0.8, "fid_x": 1.2}
    (row,) = cells(conditional_table([run_with(tmp_path, "lpaae-unsupervised", **metrics)], DIGITS).rows)
    assert row == ["LP-AAE, unsupervised", "1", "12", "1.20", *[MISSING] * 2, "80.0", *[MISSING] * 2, "90.0", MISSING]


def test_the_conditional_table_is_of_its_part_alone(tmp_path):
    digits, pictures = run_with(tmp_path, "lpaae-supervised"), run_with(tmp_path, "lpaae-supervised", dataset="cifar10")
    others = [run_with(tmp_path, "lpaae"), run_with(tmp_path, "lpaae-supervised_long", dataset="cifar10")]
    tables = {part: conditional_table([pictures, digits, *others], part).rows for part in (DIGITS, CIFAR10)}
    assert [row[0] for row in cells(tables[DIGITS])] == ["LP-AAE, supervised"]
    assert [row[0] for row in cells(tables[CIFAR10])] == ["LP-AAE, supervised", "LP-AAE, supervised, long run"]


def test_the_ablation_has_a_row_for_each_model_in_the_order_of_its_preset(tmp_path):
    models = ["vaegan-leaking", "lpaae", "vaegan", "lpaae-frozen", "lpaae-printed"]
    runs = [run_with(tmp_path, model, fid_x=float(number)) for number, model in enumerate(models)]
    table = STUDIES["ablation"].render(runs).tables["ablation"].rows
    assert [row[:4] for row in cells(table)] == [
        ["LP-AAE", "1", "20", "1.00"], ["LP-AAE, CG never updated", "1", "20", "3.00"],
        ["VAE/GAN", "1", "24", "2.00"], ["gradients leak", "1", "24", "0.00"],
    ]  # fmt: skip
    assert table.count("\\midrule") == 1
    readings = STUDIES["ablation"].render(runs).tables["readings"].rows
    assert [row[3] for row in cells(readings)] == ["1.00", "4.00"]


def test_the_ablation_says_whose_fid_is_lower_and_concludes_nothing_of_one_seed(tmp_path):
    fids = {"lpaae": 3.0, "lpaae-printed": 2.0, "lpaae-text": 9.0, "lpaae-frozen": 4.0}
    runs = [run_with(tmp_path, model, fid_x=fid, gmm10_fid_x=fid - 0.5) for model, fid in fids.items()]
    said = STUDIES["ablation"].render(runs).values
    assert said["ablation/readings"] == (
        "In single runs, against LP-AAE the FID is lower with LP-AAE (printed) and higher with LP-AAE (text)."
    )
    assert said["ablation/lowest"].endswith("is 1.50, of LP-AAE (printed) with a mixture.")
    assert said["ablation/choices"].endswith("higher with LP-AAE (CG never updated).")
    assert said["ablation/vaegan"] == UNMEASURED


def test_what_runs_with_s_have_otherwise_is_said(tmp_path):
    runs = [run_with(tmp_path, model, dataset="cifar10") for model in ("lpaae", "lpaae-supervised")]
    said = settings_in_words(runs, CIFAR10)
    assert said.startswith("Beside $s$, LP-AAE (supervised) has ")
    assert all(rf"\texttt{{{text}}}" in said for text in (r"lam=0.3", r"instance\_noise=0.0"))
    assert r"(1.0 without)" in said and "condition" not in said.replace("conditional", "")
    assert settings_in_words(runs[:1], CIFAR10) == settings_in_words(runs[1:], CIFAR10) == ""


def test_what_it_does_that_d_i_moves_cg_is_said_of_stabilised_and_plain_networks(tmp_path):
    recall = {"printed": 0.6, "moved": 0.2, "two_terms": 0.7, "printed_plain": 0.6, "moved_plain": 0.7}
    runs = [
        run_with(tmp_path, f"lpaae-{name}", seed, preset="algorithm1", fid_x=1 + seed / 9, recall_x=value + seed / 99)
        for name, value in recall.items() for seed in (0, 1, 2)
    ]  # fmt: skip
    said = STUDIES["algorithm1"].render(runs).values
    lower, higher = "lower with $D_I$ moves CG", "higher with $D_I$ moves CG by two terms"
    assert f"the recall is {lower} and {higher}" in said["algorithm1/moves"]
    assert "the FID is not told apart with" in said["algorithm1/moves"]
    assert "the recall is higher with $D_I$ moves CG (plain)" in said["algorithm1/moves plain"]


def test_costs_on_two_machines_are_two_rows(tmp_path):
    runs = [run_with(tmp_path, "aae", seed) for seed in (0, 1, 2)]
    made = runs[2].read_json("provenance.json") | {"device": "GPU", "seconds_per_epoch": 0.5}
    runs[2].write_json("provenance.json", made)
    found = [[row[1], row[3], row[6]] for row in cells(cost_table(table_of(runs)))]
    assert found == [["2", "1.0", "cpu, 1 thread"], ["1", "0.5", "GPU, 1 thread"]]


def test_without_runs_nothing_is_shown_or_a_row_says_how_to_make_them():
    assert STUDIES["ablation"].render([]) == Shown(whole=False)
    assert "Not run" in conditional_table([], DIGITS).rows
    assert STUDIES["codes"].render([]) == Shown(whole=False)


def test_the_curves_over_code_sizes_are_means_of_each_prior(tmp_path):
    models = {"lpaae": 3.0, "lpaae-code_2": 9.0, "lpaae-fixed": 4.0, "lpaae-fixed_code_2": 8.0}
    runs = [
        run_with(tmp_path, model, seed, fid_x=fid + seed, score_x=1.0)
        for model, fid in models.items()
        for seed in (0, 1)
    ]
    fid, *_ = codes_figure(each_seed(runs), 1000).axes
    assert fid.get_title() == "FID of 1,000 samples"
    lines = {line.get_label(): [*zip(*line.get_data(), strict=True)] for line in fid.lines}
    assert lines["learned"] == [(2, 9.5), (8, 3.5)] and lines["fixed"] == [(2, 8.5), (8, 4.5)]


def test_the_study_of_codes_says_first_where_the_control_is_better(tmp_path):
    fids = {"lpaae": (3.0, 2.5), "lpaae-fixed": (4.0, 4.5)}
    fids |= {"lpaae-code_2": (9.0, 9.0), "lpaae-fixed_code_2": (8.0, 7.0)}
    runs = [run_with(tmp_path, model, fid_x=fid, gmm10_fid_x=mixed) for model, (fid, mixed) in fids.items()]
    found = STUDIES["codes"].render(runs)
    assert signs(found) == [BEHIND, AHEAD]
    assert signs(found, "learned vs. learned + mixture of 100") == ["", ""]  # not measured
    assert found.values["codes/answer"] == ""
    assert (found.values["codes/seeds"], found.values["codes/epochs"]) == ("1 seed", "20")
    assert found.values["codes/hundreds"] == ""
    lines = {line.get_label(): list(line.get_ydata()) for line in codes_figure(each_seed(runs), 1).axes[0].lines}
    assert lines["fixed + mixture of 10"] == [7.0, 4.5] and lines["learned"] == [9.0, 3.0]
    assert list(each_seed(runs)["learned + mixture of 10"]["FID"]) == [9.0, 2.5]
    rows, fixed = ([row[:4] for row in cells(found.tables[name].rows)] for name in ("codes", "codes-fixed"))
    assert rows[:2] == [["LP-AAE, code of 2", "1", "20", "9.00"], [r"\quad with mixture", "1", "20", "9.00"]]
    assert [row[3] for row in rows] == ["9.00", "9.00", "3.00", "2.50"]
    assert [row[3] for row in fixed] == ["8.00", "7.00", "4.00", "4.50"]


@pytest.mark.parametrize(
    ("learned", "second", "sign"),
    [
        (2.0, 3.0, BEHIND),
        (2.0, 1.0, LEVEL),  # the judges differ
        (1.04, 3.0, LEVEL),  # too close by the first
        (0.5, 1.0, AHEAD),
    ],
)
def test_where_the_judges_differ_or_values_are_close_neither_is_better(tmp_path, learned, second, sign):
    runs = [
        run_with(tmp_path, "lpaae", fid_x=learned, fid_mnist_resnet_clf1=second),
        run_with(tmp_path, "lpaae-fixed", gmm10_fid_x=1.0, gmm10_fid_mnist_resnet_clf1=2.0),
    ]
    assert signs(STUDIES["codes"].render(runs)) == [sign]


@pytest.mark.parametrize(
    ("hundred", "said"),  # FID of a hundred Gaussians on the fixed prior's codes
    [
        (1.0, "behind in FID at 8 entries and not told apart in the rest."),
        (2.0, "not told apart."),
        (3.0, "ahead in FID at 8 entries and not told apart in the rest."),
    ],
)
@pytest.mark.parametrize("seeds", [1, 3])
def test_the_answer_begins_with_the_hundred_where_it_is_tested_and_never_behind(tmp_path, seeds, hundred, said):
    runs = []
    for seed in range(seeds):
        runs.append(run_with(tmp_path, "lpaae", seed, fid_x=2.0 + seed / 100))
        runs.append(run_with(tmp_path, "lpaae-fixed", seed, gmm100_fid_x=hundred + seed / 100))
    answer = STUDIES["codes"].render(runs).values["codes/answer"]
    if seeds == 3 and hundred == 1.0:
        assert answer.startswith(f"On digits {LEARNED_PRIOR} is nowhere seen ahead, by both judges, of a hundred")
        assert answer.endswith(
            "at codes of 8 entries, it is behind in FID at 8 entries, and not told apart in the rest."
        )
    else:
        assert answer.startswith("At codes of 8 entries") and answer.endswith(f"a fixed prior, {said}")


@pytest.mark.parametrize(("own", "said"), [(2.0, "are not told apart."), (1.0, "have, against a hundred on the")])
def test_a_hundred_gaussians_on_either_prior_s_codes_are_set_against_each_other(tmp_path, own, said):
    runs = [run_with(tmp_path, "lpaae", gmm100_fid_x=own), run_with(tmp_path, "lpaae-fixed", gmm100_fid_x=2.0)]
    found = STUDIES["codes"].render(runs).values["codes/hundreds"]
    assert said in found and ("the better FID at 8 entries" in found) == (own < 2)


def test_the_answer_says_of_which_fitted_priors_the_learned_one_is_ahead(tmp_path):
    fitted = {f"{name}_{metric}_x": value for name in ("gmm10", "flow", "kde") for metric, value in
              {"fid": 3.0, "score": 7.0}.items()}  # fmt: skip
    own = run_with(tmp_path, "lpaae", fid_x=2.0, score_x=8.0)
    worse = run_with(tmp_path, "lpaae-fixed", gmm100_fid_x=1.0, **fitted)
    said = "Of ten, of a flow and of kernels on these codes it is ahead in FID and score at 8 entries."
    assert STUDIES["codes"].render([own, worse]).values["codes/answer"].endswith(said)
    lossy = run_with(tmp_path / "lossy", "lpaae", fid_x=2.0, score_x=6.0)
    answer = STUDIES["codes"].render([lossy, worse]).values["codes/answer"]
    assert answer.endswith("ahead in FID at 8 entries and behind in score at 8 entries.")
    level = run_with(tmp_path / "level", "lpaae-fixed", gmm100_fid_x=1.0, **fitted | {"flow_fid_x": 1.9})
    assert said not in STUDIES["codes"].render([own, level]).values["codes/answer"]


@pytest.mark.parametrize(
    ("second", "sign"),
    [(0.0, AHEAD), (9.0, LEVEL)],  # the second judge's FID of the learned prior, less 5
)
def test_of_three_seeds_an_interval_tells_two_lines_apart(tmp_path, second, sign):
    """At 8 entries; at 2 the same means vary more."""
    apart = {"": (0.1, 1.0), "-code_2": (1.0, 1.0)}
    runs = []
    for seed in (0, 1, 2):
        for size, (spread, gap) in apart.items():
            fid, others = 5 + spread * seed, {"fid_mnist_resnet_clf1": 5.0 + second + seed / 100}
            runs.append(run_with(tmp_path, f"lpaae{size}", seed, fid_x=fid, **others))
            mixed = {"gmm10_fid_x": fid + gap, "gmm10_fid_mnist_resnet_clf1": 7.0 + seed / 100}
            runs.append(run_with(tmp_path, f"lpaae-fixed{size.replace('-', '_')}", seed, **mixed))
    found = STUDIES["codes"].render(runs)
    assert signs(found) == [LEVEL, sign] and "means over 3 seeds" in found.values["codes/tested"]
    bars = codes_figure(each_seed(runs), 1).axes[0].collections[0].get_segments()
    assert [round(high - low, 6) for (_, low), (_, high) in bars] == [2.0, 0.2]


def test_the_study_of_codes_on_cifar10_is_like_that_on_digits(tmp_path):
    fids = {"lpaae": 9.0, "lpaae-fixed": 9.5, "lpaae-code_8": 12.0, "lpaae-fixed_code_8": 8.0}
    runs = [
        run_with(tmp_path, model, seed, "cifar10", fid_x=fid + seed / 10, gmm100_fid_x=fid / 2 + seed / 10)
        for model, fid in fids.items() for seed in (0, 1, 2)
    ]  # fmt: skip
    found = STUDIES["codes_cifar10"].render(runs)
    assert [row[0] for row in cells(found.tables["codes_cifar10"].rows)][::2] == ["LP-AAE, code of 8", "LP-AAE"]
    assert {name.removeprefix("codes_cifar10") for name in found.tables} == {"", "-fixed", "-second", "-pairs"}
    assert r"\ref{tab:codes_cifar10-fixed}" in found.captions["codes_cifar10-second"]
    assert found.values["codes_cifar10/answer"].startswith(
        f"On CIFAR-10 {LEARNED_PRIOR} is nowhere seen ahead, by both judges, of a hundred Gaussians"
    )


def test_the_learned_prior_with_wide_noise_is_a_line_of_its_own(tmp_path):
    fids = {"lpaae-code_4": 9.0, "lpaae-wide_code_4": 3.0, "lpaae-fixed_code_4": 4.0}
    runs = [
        run_with(tmp_path, model, seed, fid_x=fid + seed / 10, gmm100_fid_x=2.0 + fid / 90 + seed / 100)
        for model, fid in fids.items() for seed in (0, 1, 2)
    ]  # fmt: skip
    lines = each_seed(runs)
    assert list(lines[WIDE]["FID"]) == [3.0, 3.1, 3.2] and list(lines[LEARNED]["FID"]) == [9.0, 9.1, 9.2]
    shown = {line.get_label(): line for line in codes_figure(lines, 1).axes[0].lines}
    assert WIDE in shown and "fixed + mixture of 10" not in shown  # not measured
    found = STUDIES["codes"].render(runs)
    assert [row[0] for row in cells(found.tables["codes-wide"].rows)][:2] == [
        "LP-AAE, code of 4, wide noise", r"\quad with mixture of 100",
    ]  # fmt: skip
    assert r"\ref{tab:codes-fixed} and \ref{tab:codes-wide}" in found.captions["codes-second"]
    assert signs(found, f"{WIDE} vs. {LEARNED}") == [AHEAD]
    assert signs(found, f"{WIDE} vs. fixed + mixture of 100") == [BEHIND]
    assert found.values["codes/answer"].endswith(
        "With wider noise, measured at codes of 4 entries, it is nowhere ahead of the hundred, either."
    )
    assert found.values["codes/wide"].endswith(
        "at codes of 4 entries alone; it is ahead in FID at 4 entries against noise of as many entries as the code, "
        "and behind in FID at 4 entries against the hundred Gaussians on the fixed prior's codes."
    )
    assert found.values["codes/devices"] == "on cpu 3 of 3 (learned), 3 of 3 (wide noise) and 3 of 3 (fixed)"
    narrow = STUDIES["codes"].render([run for run in runs if "wide" not in run.path.name])
    assert narrow.values["codes/wide"] == ""
    assert not [row for row in cells(narrow.tables["codes-pairs"].rows) if WIDE in row[0]]


def test_what_the_decoder_could_draw_is_told_by_codes_of_images_and_by_kernels(tmp_path):
    metrics = dict(fid_x=1.0, recall_x=0.4, kde_fid_x=2.0)
    at_8 = run_with(tmp_path, "lpaae", kde_recall_x=0.6, codes_recall_x=0.42, **metrics)
    at_16 = run_with(tmp_path, "lpaae-code_16", kde_recall_x=0.3, codes_recall_x=0.5, **metrics)
    said = STUDIES["codes"].render([at_8, at_16]).values["codes/recall"]
    assert "not told apart from its own at 8 entries: there the code generator is not seen to lose any." in said
    assert "have kernels at 8 entries (behind there in FID at 8 entries): it can draw more" in said
    assert "At 16 entries the codes of training images have more by the learned prior's decoder than that prior" in said
    alone = run_with(tmp_path, "lpaae-code_32", fid_x=1.0, recall_x=0.4)
    assert STUDIES["codes"].render([alone]).values["codes/recall"] == ""


def test_the_conditions_are_in_pairs_of_priors(tmp_path):
    keys = dict(fid_x=2.0, accuracy_given_s_x_10k=0.5, within_recall_x_10k_test=0.25)
    runs = [run_with(tmp_path, "lpaae-supervised_fixed", **keys), run_with(tmp_path, "lpaae-supervised", fid_x=1.0)]
    rows = cells(STUDIES["conditions"].render(runs).tables["conditions"].rows)
    assert [row[0] for row in rows] == ["LP-AAE, supervised", "LP-AAE, supervised, fixed prior"]
    assert rows[1][3:9] == ["2.00", MISSING, MISSING, "50.0", MISSING, "25.0"]
    assert STUDIES["conditions"].render([]) == Shown(whole=False)


def test_the_conditions_have_a_control_that_knows_s_and_say_what_variety_costs(tmp_path):
    def metrics(recall, obeyed, wide, wide_obeyed):
        found = dict(fid_x=1.0, score_x_10k=9.0, within_recall_x_10k_test=recall, accuracy_given_s_x_10k=obeyed)
        wider = {"within_recall_x_10k_test": wide, "accuracy_given_s_x_10k": wide_obeyed}
        by_class = {"byclass10_fid_x": 0.5, "byclass10_score_x_10k": 8.0} | {f"byclass10_{key}": 0.4 for key in wider}
        return found | {f"wide2_{key}": value for key, value in wider.items()} | by_class

    runs = [
        run_with(tmp_path, "lpaae-supervised", **metrics(0.07, 1.0, 0.2, 0.98)),
        run_with(tmp_path, "lpaae-supervised_fixed", **metrics(0.3, 0.9, 0.4, 0.8)),
        run_with(tmp_path, "lpaae-supervised_lam_CG", **metrics(0.14, 0.99, 0.32, 0.97)),
    ]
    said = STUDIES["conditions"].render(runs).values
    assert said["conditions/variety"].endswith(
        r"in per cent: 7.0 (100.0) as it is, 14.0 (99.0) with $\lambda_{\CG} = 0.1$, 20.0 (98.0) with noise $z$ "
        "multiplied by two where samples are drawn, and 32.0 (97.0) with both."
    )
    assert said["conditions/control"] == (
        "In single runs, against ten of each class on the learned prior's own codes, it is behind in FID (1.00 against "
        "0.50) and recall within (7.0 against 40.0) and ahead in score (9.00 against 8.00) and obeyed (100.0 against "
        "40.0)."
    )
    assert STUDIES["conditions"].render(runs[:2]).values["conditions/variety"] == ""


def test_the_parzen_table_has_the_value_at_each_sigma_and_a_row_of_real_images(tmp_path):
    at = [-1.0, 2.0, 4.0, 3.0, 0.0, -1.0, -2.0, -3.0]
    metrics = dict(parzen_10k_test=4.0, parzenstderr_10k_test=0.5, parzensigma_10k=0.16, parzenat_10k_test=at)
    run = run_with(tmp_path, "aaemlp", preset="parzen", **metrics)
    rows = cells(STUDIES["parzen"].render([run]).tables["parzen"].rows)
    assert rows[0][:9] == ["AAE, printed networks", "1", "10", "4", "0.5", "0.16", "2", "4", "3"]
    assert rows[1][0] == "Real images" and rows[1][3] == "235"
    assert STUDIES["parzen"].render([run]).values["parzen/moves"] == UNCOMPARED
    other = run_with(tmp_path, "aaemlp-narrow", preset="parzen", **metrics | {"parzen_10k_test": 5.0})
    assert STUDIES["parzen"].render([run, other]).values["parzen/moves"] == (
        "In single runs, against the printed model, that with a prior of standard deviation 1 is ahead in Parzen "
        "(5 against 4)."
    )
    assert STUDIES["parzen"].render([]) == Shown(whole=False)


@pytest.mark.parametrize("study", ["parzen", "similarity"])
def test_a_study_s_own_metrics_are_measured_of_its_runs(study, tmp_path):
    config = resolve("vae", "mnist5k", study, images=1280, epochs=1, samples=200, width=4)
    metrics = run(config, tmp_path / config.name, device="cpu").read_json("metrics.json")
    own = {
        "parzen": {"parzenat_200_test"},
        "similarity": {"sharpness_200", "recsharpness_test", "recfeatures_mnist_clf1_test"},
    }
    assert own[study] <= metrics.keys() and metrics.keys().isdisjoint(set.union(*own.values()) - own[study])
    if study == "parzen":
        assert max(metrics["parzenat_200_test"]) >= metrics["parzen_200_test"] - 1e-3
        assert any(value == pytest.approx(metrics["parzen_200_test"]) for value in metrics["parzenat_200_test"])


@pytest.fixture
def folders(finished, tmp_path):
    """Results with runs and figures of the latent space, and studies of two runs each."""
    results = tmp_path / "results"
    shutil.copytree(finished, results)
    (results / "latent_space").mkdir()
    for name in LATENT:
        (results / "latent_space" / f"{name}.png").write_bytes(b"picture")
    of_studies = {"ablation": ("lpaae", "lpaae-frozen"), "codes": ("lpaae-code_2", "lpaae-fixed_code_2")}
    for study, members in of_studies.items():
        for model in members:
            run_with(tmp_path / "studies" / study, model, fid_x=1.0, score_x=2.0)
    return results, tmp_path / "studies"


def write(results, studies, output):
    """What the report says was run, and the files of its tables and figures."""
    write_report(results, output, [], studies=studies)
    there = re.findall(r"^\\setrun\{([\w-]+)\}", (output / "values.tex").read_text(), re.MULTILINE)
    return there, {path.name for folder in ("tables", "figures") for path in (output / folder).iterdir()}


def with_heads(*names):
    return {f"{name}{end}.tex" for name in names for end in ("", "-head")}


def of_parts(*models):
    """The files of a part's own tables and figures."""
    pictures = {f"{name}.png" for name in ("samples", "reconstructions", "neighbours", "evolution")}
    of_a_model = pictures | {"side.png", "course.pdf"}
    tables = with_heads("results", "second", "more", "conditional") | {"cost.tex", "progress.pdf", "real-side.png"}
    return {f"{model}-{name}" for model in models for name in of_a_model} | tables


def test_everything_that_was_run_is_written(folders, tmp_path):
    there, written = write(*folders, tmp_path / "out")
    assert there == ["digits", "second", "ablation", "codes", "control", "conditional", "latent"]
    beside = {f"{name}.png" for name in LATENT} | {f"{model}-samples.png" for model in DIGITS.conditional}
    of_codes = with_heads("codes", "codes-wide", "codes-fixed", "codes-pairs", "codes-second") | {"codes.pdf"}
    of_studies = with_heads("ablation", "readings") | of_codes
    assert written == of_parts(*models()) | {"control-side.png"} | beside | of_studies | ALWAYS
    obeyed = json.loads((folders[0] / "mnist5k-lpaae-supervised-s0" / "metrics.json").read_text())
    value = next(v for key, v in obeyed.items() if key.startswith("accuracy_given_s"))
    assert f"{100 * value:.1f}" in (tmp_path / "out" / "tables" / "conditional.tex").read_text()


def test_what_was_not_run_is_left_out(finished, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(finished / "mnist5k-aae-s0", results / "mnist5k-aae-s0")
    there, written = write(results, tmp_path / "none", tmp_path / "out")
    assert (there, written) == (["digits", "second"], of_parts("aae") | ALWAYS)


def test_a_conditional_run_on_pictures_has_a_table_of_its_own(tmp_path):
    run = run_with(tmp_path / "results", "lpaae-supervised", dataset="cifar10", accuracy_given_s_x_10k=0.5)
    assert not write_sheets([run], tmp_path)
    assert "50.0" in conditional_table([run], CIFAR10).rows
    assert "Not run" in conditional_table([run], DIGITS).rows


def test_what_a_study_shows_is_among_the_commands(folders, tmp_path):
    write_report(folders[0], tmp_path / "out", [], studies=folders[1])
    commands = (tmp_path / "out" / "tables" / "runs.tex").read_text()
    assert arguments("ref", commands) >= {"tab:readings", "tab:ablation", "fig:codes", "tab:codes"}
    assert r"\texttt{./run\_all.sh -{}-preset ablation}" in commands
    assert arguments("ref", commands) <= arguments("label", shown(tmp_path / "out"))


@pytest.fixture
def width_study(monkeypatch):
    """A study that is registered for one test."""
    columns = ("FID", "recall")

    def render(runs):
        rows = "".join(model_rows(runs, study.models, columns))
        return Shown({"widths": Table(header(columns, OF_MODEL), rows)}, {"width_curve": Figure()}, whole=bool(runs))

    study = Study("widths", "Width & quality", "smoke", {"epochs": 7, "width": 2}, ("aae", "lpaae-fixed"), (0, 1),
                  "digits", render)  # fmt: skip
    monkeypatch.setitem(STUDIES, "widths", study)
    return study


def test_a_study_that_is_registered_is_a_preset(width_study):
    assert "widths" in presets()
    config = resolve("aae", "mnist5k", "widths")
    assert (config.preset, config.epochs, config.width) == ("widths", 7, 2)
    assert config.batch_size == resolve("aae", "mnist5k", "smoke").batch_size
    layers = {name: layer for name, (_, layer) in explain("aae", "mnist5k", "widths", width=3).items()}
    assert (layers["epochs"], layers["width"], layers["batch_size"]) == ("study widths", "given", "budget smoke")
    assert runs_of("widths", "mnist5k") == [
        "mnist5k-aae-s0", "mnist5k-aae-s1", "mnist5k-lpaae-fixed-s0", "mnist5k-lpaae-fixed-s1"
    ]  # fmt: skip
    with pytest.raises(UserError, match="'widths' is a study on digits"):
        runs_of("widths", "cifar10")


def test_a_study_that_is_registered_is_in_the_report(width_study, folders, tmp_path):
    """Nobody wrote a text on it, and yet it has a heading, its table, its figure, and their rows among the commands."""
    for seed, fid in enumerate((1.0, 3.0)):
        run_with(folders[1] / "widths", "aae", seed, preset="widths", fid_x=fid, recall_x=0.5)
    there, written = write(*folders, tmp_path / "out")
    assert "widths" in there
    assert with_heads("widths") | {"width_curve.pdf"} <= written
    (row,) = cells((tmp_path / "out" / "tables" / "widths.tex").read_text())
    assert row == ["AAE", "2", "7", r"$2.00 \pm 1.41$", r"$0.50 \pm 0.00$"]
    text, commands = shown(tmp_path / "out"), (tmp_path / "out" / "tables" / "runs.tex").read_text()
    assert r"\subsection{Width \& quality}" in text
    assert "widths" in arguments("tablerows", text) & arguments("tablehead", text)
    assert "figures/width_curve.pdf" in arguments("includegraphics", text)
    for label in ("tab:widths", "fig:width_curve"):
        assert label in arguments("label", text) & arguments("ref", commands)
    assert text.index(r"\label{tab:ablation}") < text.index(r"\label{tab:widths}")


def test_a_study_that_was_not_run_is_not_among_the_commands(width_study, finished, tmp_path):
    assert "widths" not in write(finished, tmp_path / "none", tmp_path / "out")[0]
    assert "widths" not in (tmp_path / "out" / "tables" / "runs.tex").read_text()
