"""The verdicts that rules give on tables whose right verdict is known."""

import math
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lprior.report.claims import CLAIMS
from lprior.report.difference import difference, from_draw, from_level
from lprior.report.frame import MIXTURE, SECOND
from lprior.report.papers import in_markdown
from lprior.report.rules import (
    MIXED,
    NOT,
    OPEN,
    PARTLY,
    REPRODUCED,
    UNTESTED,
    Claim,
    Rule,
    beside,
    compare,
    each,
    fresh,
    reach,
    reach_sheet,
    verdict_of,
)  # fmt: skip
from lprior.report.verdicts import claims_table, judged, verdicts_in_words
from lprior.runs import STUDIES


def table(**models: dict[str, list[float]]) -> pd.DataFrame:
    """model -> metric -> a value for each seed."""
    rows = []
    for key, metrics in models.items():
        for seed, values in enumerate(zip(*metrics.values(), strict=True)):
            rows.append({"key": key, "seed": seed, **dict(zip(metrics, values, strict=True))})
    return pd.DataFrame(rows)


GOOD = {"FID": [1.0, 1.1, 0.9], "score": [9.0, 9.1, 8.9], "recall": [0.7, 0.71, 0.69]}
BAD = {"FID": [3.0, 3.1, 2.9], "score": [8.0, 8.1, 7.9], "recall": [0.5, 0.51, 0.49]}
TYPICAL = {"FID": [3.0, 3.1, 2.9], "score": [9.5, 9.6, 9.4]}
WILD = {"FID": [1.0, 5.0, 0.0], "score": [9.0, 5.0, 11.0]}


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        (GOOD, BAD, REPRODUCED),
        (BAD, GOOD, NOT),
        (GOOD, TYPICAL, MIXED),
        (GOOD, GOOD, OPEN),
        (TYPICAL, BAD, PARTLY),
        (WILD, BAD, OPEN),  # the interval swallows the difference
        ({"FID": [1.0, 1.1], "score": [9.0, 9.1]}, BAD, "two seeds: not tested"),
        (GOOD, {"FID": [3.0], "score": [8.0]}, "one seed: not tested"),
        ({"FID": [1.0, 1.1, math.nan], "score": [9.0, 9.1, 8.9]}, BAD, UNTESTED),
    ],
)
def test_a_model_is_better_if_the_interval_of_the_difference_is_on_one_side(ours, theirs, verdict):
    found = compare("a", "b", ("FID", "score"))(table(a=ours, b=theirs))
    assert found[1] == verdict


def test_what_is_shown_is_both_means_and_the_difference_with_its_interval():
    text, _ = compare("a", "b", ("score",))(table(a=GOOD, b=BAD))
    assert text == r"score $9.00 \pm 0.10$ against $8.00 \pm 0.10$: $1.00$ [$0.77$, $1.23$]"


@pytest.mark.parametrize(("seeds", "spreads"), [((3, 3), (1, 1)), ((3, 3), (1, 5)), ((3, 5), (4, 1)), ((5, 5), (1, 1))])
def test_without_a_difference_few_pairs_of_models_are_told_apart(seeds, spreads):
    """One side holds 2.5 % of the cases by design. (Means that differ by more than the larger standard deviation are
    10.7 % of the cases at three seeds.)"""
    random, cases = np.random.default_rng(0), 2000
    draws = [[pd.Series(random.normal(0, sd, n)) for n, sd in zip(seeds, spreads, strict=True)] for _ in range(cases)]
    better = sum(difference(*pair).sign(True) == 1 for pair in draws) / cases
    assert 0.005 < better < 0.04
    assert sum(compare("a", "b", ("score",))(of(*pair))[1] == REPRODUCED for pair in draws[:300]) / 300 < 0.05


def of(one: pd.Series, other: pd.Series) -> pd.DataFrame:
    """A table with the scores of two models."""
    return pd.DataFrame({"key": ["a"] * len(one) + ["b"] * len(other), "score": [*one, *other]})


def test_intervals_are_those_of_scipy_and_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(1)
    draws = [pd.Series(random.normal(7, 2, 4)) for _ in range(2000)]
    for values in draws[:3]:
        low, high = stats.ttest_1samp(values, 5.0).confidence_interval(0.95)
        found = from_level(values, 5.0)
        assert (found.low, found.high) == pytest.approx((low - 5.0, high - 5.0))
    held = sum(found.low < 0 < found.high for found in (from_draw(v, random.normal(7, 2)) for v in draws))
    assert held / len(draws) == pytest.approx(0.95, abs=0.015)
    held = sum(found.low < 0 < found.high for found in (from_level(v, 7.0) for v in draws))
    assert held / len(draws) == pytest.approx(0.95, abs=0.015)


def test_a_rival_that_does_not_vary_is_a_level_without_a_warning():
    with warnings.catch_warnings(action="error"):
        found = difference(pd.Series([0.7, 0.8, 0.6, 0.9]), pd.Series([0.797] * 4))
    nearly = difference(pd.Series([0.7, 0.8, 0.6, 0.9]), pd.Series([0.797, 0.797 + 1e-7, 0.797 - 1e-7, 0.797]))
    assert (found.value, found.low, found.high) == pytest.approx((nearly.value, nearly.low, nearly.high), abs=1e-5)


def test_a_verdict_needs_all_metrics_and_hides_none_that_is_worse():
    signs = {(1, 1): REPRODUCED, (1, 0): PARTLY, (1, -1): MIXED, (0, 0): OPEN, (0, -1): NOT, (-1, -1): NOT}
    assert {pair: verdict_of(list(pair)) for pair in signs} == signs


def test_a_model_that_was_not_run_leaves_the_claim_untested():
    assert compare("a", "b", ("FID",))(table(a=GOOD))[1] == UNTESTED
    assert reach("b", "score", 8.0)(table(a=GOOD))[1] == UNTESTED


def test_what_one_seed_measured_is_shown_and_nothing_concluded():
    few = table(a={"FID": [1.0], "score": [9.0]}, b={"FID": [3.0], "score": [8.0]})
    assert compare("a", "b", ("FID", "score"))(few) == (
        "FID 1.00 against 3.00; score 9.00 against 8.00", "one seed: not tested",
    )  # fmt: skip
    assert reach("a", "score", 8.0)(few) == ("9.00", "one seed: not tested")


def test_a_claim_is_judged_on_the_runs_of_its_data_set():
    digits, pictures = table(lpaae=GOOD, **{"lpaae-fixed": BAD}), table(lpaae=BAD, **{"lpaae-fixed": GOOD})
    both = pd.concat([digits.assign(dataset="mnist"), pictures.assign(dataset="cifar10")]).assign(images=None)
    lines = claims_table(both).splitlines()
    (of_pictures,) = (line for line in lines if "On CIFAR-10, a learned prior" in line)
    (of_digits,) = (line for line in lines if "on MNIST (" in line)
    assert rf"\textbf{{{NOT}}}" in of_pictures and "tab:cifar10-results" in of_pictures
    assert rf"\textbf{{{REPRODUCED}}}" in of_digits and "tab:results" in of_digits


def test_a_claim_on_a_study_is_judged_on_its_runs_alone():
    elsewhere = table(vaegan=BAD, vae=GOOD).assign(dataset="mnist", images=None)
    similarity = table(vaegan=GOOD, vae=BAD).assign(dataset="mnist", images=None)
    lines = claims_table(elsewhere, {"similarity": similarity}).splitlines()
    (line,) = (line for line in lines if "better than a VAE" in line)
    assert rf"\textbf{{{REPRODUCED}}}" in line and "tab:similarity" in line
    (line,) = (line for line in claims_table(elsewhere).splitlines() if "better than a VAE" in line)
    assert rf"\textbf{{{UNTESTED}}}" in line and "ref" not in line


@pytest.mark.parametrize("other", [{"dataset": "mnist5k"}, {"dataset": "fashion-mnist"}, {"images": 1280}], ids=str)
def test_runs_on_other_or_fewer_images_judge_no_claim(other):
    runs = table(lpaae=GOOD, **{"lpaae-fixed": BAD}).assign(**{"dataset": "mnist", "images": None} | other)
    lines = [line for line in claims_table(runs).splitlines() if " & " in line]
    assert all(rf"\textbf{{{UNTESTED}}}" in line for line in lines)


def test_both_judges_have_to_agree_where_both_have_measured():
    rule = compare("a", "b", ("FID", "score"))
    second = {model: {f"{SECOND}{name}": v for name, v in metrics.items()} for model, metrics in
              {"good": GOOD, "bad": BAD}.items()}  # fmt: skip
    assert rule(table(a=GOOD | second["good"], b=BAD | second["bad"])) == rule(table(a=GOOD, b=BAD))
    text, verdict = rule(table(a=GOOD | second["bad"], b=BAD | second["good"]))
    by_first, by_second = (rule(table(a=one, b=other))[0] for one, other in ((GOOD, BAD), (BAD, GOOD)))
    assert text == f"{by_first}; second judge: {by_second}"
    assert verdict == f"first judge {REPRODUCED}, second {NOT}: {OPEN}"


def test_a_metric_that_the_second_judge_sees_otherwise_is_said_where_the_verdict_is_the_same():
    rule = compare("a", "b", ("FID", "score"))
    ahead_in_fid, ahead_in_score = ({"FID": x["FID"], "score": y["score"]} for x, y in ((GOOD, BAD), (BAD, GOOD)))
    second = [{f"{SECOND}{name}": v for name, v in metrics.items()} for metrics in (ahead_in_score, ahead_in_fid)]
    text, verdict = rule(table(a=ahead_in_fid | second[0], b=ahead_in_score | second[1]))
    by_first = rule(table(a=ahead_in_fid, b=ahead_in_score))[0]
    by_second = rule(table(a=ahead_in_score, b=ahead_in_fid))[0]
    assert text == f"{by_first}; second judge: {by_second}" and verdict == MIXED


def test_a_verdict_of_the_first_judge_alone_says_so_where_the_second_has_measured_others():
    rule = compare("a", "b", ("FID", "score"))
    second = {f"{SECOND}{name}": v for name, v in GOOD.items()}
    in_part = {f"{SECOND}{name}": [*v[:-1], float("nan")] for name, v in BAD.items()}
    by_first = rule(table(a=GOOD, b=BAD))[0]
    assert "alone" not in by_first
    assert rule(table(a=GOOD | second, b=BAD | in_part)) == (f"{by_first}; first judge alone", REPRODUCED)


@pytest.mark.parametrize(
    ("of_second", "verdict"), [(GOOD, REPRODUCED), (BAD, f"first judge {REPRODUCED}, second {MIXED}: {OPEN}")]
)
def test_the_second_judge_is_heard_on_the_metrics_that_it_has_measured(of_second, verdict):
    """Score by both, FID by the first alone."""
    rule, rival = compare("a", "b", ("FID", "score")), BAD if of_second is GOOD else GOOD
    second = {f"{SECOND}score": of_second["score"]}, {f"{SECOND}score": rival["score"]}
    text, found = rule(table(a=GOOD | second[0], b=BAD | second[1]))
    assert text.endswith("; FID by the first judge alone") and found == verdict
    assert ("second judge: score" in text) == (of_second is BAD)


def test_what_the_second_judge_alone_has_measured_is_no_verdict():
    second = {f"{SECOND}{name}": v for name, v in GOOD.items()}
    worse = {f"{SECOND}{name}": v for name, v in BAD.items()}
    missing = dict.fromkeys(GOOD, [float("nan")] * 3)
    text, verdict = compare("a", "b", tuple(GOOD))(table(a=missing | second, b=missing | worse))
    assert (text, verdict) == ("--", UNTESTED)


def test_to_be_better_than_a_rival_that_has_collapsed_tests_nothing():
    rule, lost = compare("a", "b", ("FID", "recall")), {"recall": [0.0, 0.001, 0.002]}
    text, verdict = rule(table(a=GOOD, b=BAD | lost))
    assert verdict == f"the rival has collapsed: {UNTESTED}" and text.startswith("FID ")
    assert rule(table(a=GOOD, b=BAD))[1] == REPRODUCED
    assert compare("a", "b", ("FID",))(table(a=GOOD, b=BAD | lost))[1] == REPRODUCED  # of which recall is no part


def test_what_another_model_has_is_said_beside_and_decides_nothing():
    first, other = compare("a", "b", ("FID",)), compare("b", "a", ("FID",))
    found = table(a=GOOD, b=BAD)
    text, verdict = beside(first, "the other", other)(found)
    assert verdict == REPRODUCED
    assert text == f"{first(found)[0]}; beside it the other: {other(found)[0]}, {NOT}"
    assert beside(first, "another", compare("c", "b", ("FID",)))(found) == first(found)


def test_what_was_not_run_is_shown_nowhere():
    runs = table(lpaae=GOOD, **{"lpaae-fixed": BAD}).assign(dataset="mnist", images=None)
    assert "ref{tab:results}" in claims_table(runs)
    assert "ref{tab:cifar10-results}" not in claims_table(runs)


def test_the_control_is_the_mixture_on_the_codes_of_the_second_model():
    theirs = BAD | {f"{MIXTURE}{name}": values for name, values in GOOD.items()}
    assert compare("a", "b", ("FID", "score"))(table(a=TYPICAL, b=theirs))[1] == PARTLY
    assert compare("a", "b", ("FID", "score"), control=MIXTURE)(table(a=TYPICAL, b=theirs))[1] == MIXED
    assert compare("a", "b", ("FID",), control=MIXTURE)(table(a=TYPICAL, b=theirs))[1] == NOT


@pytest.mark.parametrize(("level", "verdict"), [(8.7, REPRODUCED), (8.95, OPEN), (9.05, OPEN), (9.3, NOT)])
def test_a_level_is_reached_by_the_interval_and_never_by_one_seed(level, verdict):
    text, found = reach("a", "score", level)(table(a=GOOD))
    assert found == verdict and text.startswith(rf"$9.00 \pm 0.10$ less {level:.2f}: ")


@pytest.mark.parametrize(("score", "verdict"), [(8.4, REPRODUCED), (8.7, OPEN), (9.3, OPEN), (9.6, NOT)])
def test_a_published_sheet_is_one_draw_that_varies_itself(monkeypatch, score, verdict):
    sheet = {"score": score, "real": {"sd": 0.0}}
    monkeypatch.setattr("lprior.report.rules.published", lambda: {"theirs": {"first": sheet}})
    assert reach_sheet("a", "theirs")(table(a={"sheet": GOOD["score"]}))[1] == verdict


@pytest.mark.parametrize(("sd", "verdict"), [(0.0, OPEN), (0.3, OPEN), (0.5, REPRODUCED)])
def test_a_sheet_that_scores_the_same_is_as_good_where_real_ones_vary_more(monkeypatch, sd, verdict):
    sheet = {"score": 9.0, "real": {"sd": sd}}
    monkeypatch.setattr("lprior.report.rules.published", lambda: {"theirs": {"first": sheet}})
    values = [8.9, 9.1, 9.0, 8.95, 9.05, 9.0]
    assert reach_sheet("a", "theirs")(table(a={"sheet": values + [8.8, 9.2]}))[1] == verdict


def test_that_no_seed_reaches_a_sheet_is_said(monkeypatch):
    sheet = {"score": 9.2, "real": {"sd": 0.0}}
    monkeypatch.setattr("lprior.report.rules.published", lambda: {"theirs": {"first": sheet}})
    text, verdict = reach_sheet("a", "theirs")(table(a={"sheet": GOOD["score"]}))
    assert verdict == OPEN and text.endswith("; no seed reaches the level")
    assert "no seed" not in reach_sheet("a", "theirs")(table(a={"sheet": [9.0, 9.1, 9.3]}))[0]


def test_a_claim_of_fresh_seeds_sees_no_others():
    found = table(a={"score": [1.0, 1.0, 9.0, 9.1, 8.9]})
    assert fresh(reach("a", "score", 8.5), 2)(found)[1] == REPRODUCED
    assert reach("a", "score", 8.5)(found)[1] == OPEN
    assert fresh(reach("a", "score", 8.5), 3)(found)[1] == "two seeds: not tested"


def test_a_claim_of_two_readings_has_a_verdict_where_they_agree():
    rule = each({"one": compare("a", "c", ("FID",)), "two": compare("b", "c", ("FID",))})
    text, verdict = rule(table(a=GOOD, b=GOOD, c=BAD))
    assert verdict == REPRODUCED and text.startswith("one: FID ") and "; two: FID " in text
    assert rule(table(a=GOOD, b=BAD, c=TYPICAL))[1] == f"one {REPRODUCED}; two {OPEN}: {OPEN}"
    assert rule(table(a=GOOD)) == ("--", UNTESTED)


@pytest.mark.parametrize(
    ("verdict", "said"), [(REPRODUCED, REPRODUCED), (NOT, UNTESTED), (OPEN, UNTESTED), ("one seed: not tested",) * 2]
)
def test_a_part_of_the_training_tests_nothing_but_that_less_is_enough(verdict, said):
    rule = Rule(lambda table: ("9", verdict), "", part=True)
    runs = table(a=GOOD).assign(dataset="mnist", images=None)
    assert judged(Claim("a claim", "a value"), rule, runs)[1].endswith(said)


def test_every_claim_has_a_row_even_if_nothing_was_run():
    columns = {"key": [], "dataset": [], "images": [], "FID": [], "score": [], "sheet": [], "Parzen": []}
    rows = [line for line in claims_table(pd.DataFrame(columns)).splitlines() if " & " in line]
    assert len(rows) == len(CLAIMS)
    assert all(rf"\textbf{{{UNTESTED}}}" in line and line.count(" & ") == 3 for line in rows)


def test_a_claim_has_a_verdict_by_the_papers_terms_and_one_by_ours():
    runs = table(lpaae=GOOD, **{"lpaae-fixed": BAD}).assign(dataset="mnist", images=None)
    plain = {"lpaae-moved_plain": BAD, "lpaae-two_terms_plain": BAD, "lpaae-baseline_plain": GOOD}
    printed = table(**plain).assign(dataset="mnist", images=None)
    (line,) = (one for one in claims_table(runs, {"algorithm1": printed}).splitlines() if "on MNIST (" in one)
    by_printed, by_ours = line.split(" & ")[2:]
    assert rf"\textbf{{{NOT}}}" in by_printed and "tab:algorithm1" in by_printed
    assert rf"\textbf{{{REPRODUCED}}}" in by_ours and "tab:results" in by_ours
    said = verdicts_in_words(runs, {"algorithm1": printed})
    of_printed, of_ours, _ = re.split("of those that", said)
    assert rf"1 \emph{{{NOT}}}" in of_printed and rf"1 \emph{{{REPRODUCED}}}" in of_ours


def test_each_claim_is_judged_by_some_runs_that_there_can_be():
    assert all(claim.ours or claim.printed for claim in CLAIMS)
    studies = {rule.study for claim in CLAIMS for rule in (claim.ours, claim.printed) if rule}
    assert studies - {""} <= STUDIES.keys()


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"VAE/GAN generates well \cite{larsen2015vaegan}, we say.", "VAE/GAN generates well (Larsen et al.), we say."),
        (r"$1.90 \pm 0.10$\,\%: $-0.20$ [$-0.50$, $0.09$]", "1.90 ± 0.10 %: −0.20 [−0.50, 0.09]"),
        (r"10\,000 samples--", "10,000 samples–"),
    ],
)
def test_a_claim_in_markdown(latex, expected):
    assert in_markdown(latex) == expected


def test_latex_that_markdown_does_not_show_is_refused():
    with pytest.raises(ValueError, match="has LaTeX"):
        in_markdown(r"\textbf{bold}")
