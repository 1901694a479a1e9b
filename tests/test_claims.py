"""The verdicts that rules give on tables whose right verdict is known."""

import math

import pandas as pd
import pytest

from lprior.report.claims import CLAIMS, NOT, PARTLY, REPRODUCED, UNTESTED, claims_table, compare, reach
from lprior.report.frame import MIXTURE


def table(**models: dict[str, list[float]]) -> pd.DataFrame:
    """model -> metric -> a value for each seed."""
    rows = []
    for key, metrics in models.items():
        for values in zip(*metrics.values(), strict=True):
            rows.append({"key": key, **dict(zip(metrics, values, strict=True))})
    return pd.DataFrame(rows)


GOOD = {"FID": [1.0, 1.1, 0.9], "score": [9.0, 9.1, 8.9]}
BAD = {"FID": [3.0, 3.1, 2.9], "score": [8.0, 8.1, 7.9]}
MIXED = {"FID": [3.0, 3.1, 2.9], "score": [9.5, 9.6, 9.4]}


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        (GOOD, BAD, REPRODUCED),
        (BAD, GOOD, NOT),
        (GOOD, MIXED, PARTLY),
        (GOOD, GOOD, NOT),
        ({"FID": [1.0, 5.0, 0.0], "score": [9.0, 5.0, 11.0]}, BAD, NOT),  # the spread swallows the difference
        ({"FID": [1.0, 1.1], "score": [9.0, 9.1]}, BAD, "two seeds"),
        (GOOD, {"FID": [3.0], "score": [8.0]}, "one seed"),
        ({"FID": [1.0, 1.1, math.nan], "score": [9.0, 9.1, 8.9]}, BAD, UNTESTED),
    ],
)
def test_a_model_is_better_if_its_means_differ_by_more_than_the_spread(ours, theirs, verdict):
    found = compare("a", "b", ("FID", "score"))(table(a=ours, b=theirs))
    assert found[1] == verdict


def test_a_model_that_was_not_run_leaves_the_claim_untested():
    assert compare("a", "b", ("FID",))(table(a=GOOD))[1] == UNTESTED
    assert reach("b", "score", 8.0)(table(a=GOOD))[1] == UNTESTED


def test_what_one_seed_measured_is_shown_and_nothing_concluded():
    few = table(a={"FID": [1.0], "score": [9.0]}, b={"FID": [3.0], "score": [8.0]})
    assert compare("a", "b", ("FID", "score"))(few) == ("FID 1.00 against 3.00; score 9.00 against 8.00", "one seed")
    assert reach("a", "score", 8.0)(few) == ("9.00", "one seed")


def test_a_claim_is_judged_on_the_runs_of_its_data_set():
    digits, pictures = table(lpaae=GOOD, **{"lpaae-fixed": BAD}), table(lpaae=BAD, **{"lpaae-fixed": GOOD})
    both = pd.concat([digits.assign(dataset="mnist"), pictures.assign(dataset="cifar10")])
    lines = claims_table(both).splitlines()
    (of_pictures,) = (line for line in lines if "On CIFAR-10, a learned prior" in line)
    (of_digits,) = (line for line in lines if "A learned prior generates better" in line)
    assert rf"\emph{{{NOT}}}" in of_pictures and "tab:cifar10-results" in of_pictures
    assert rf"\emph{{{REPRODUCED}}}" in of_digits and "tab:results" in of_digits


def test_a_claim_on_a_study_is_judged_on_its_runs_alone():
    elsewhere = table(vaegan=BAD, vae=GOOD).assign(dataset="mnist")
    lines = claims_table(elsewhere, {"similarity": table(vaegan=GOOD, vae=BAD)}).splitlines()
    (line,) = (line for line in lines if "better than a VAE" in line)
    assert rf"\emph{{{REPRODUCED}}}" in line and "tab:similarity" in line
    (line,) = (line for line in claims_table(elsewhere).splitlines() if "better than a VAE" in line)
    assert rf"\emph{{{UNTESTED}}}" in line and "ref" not in line


def test_what_was_not_run_is_shown_nowhere():
    assert "ref{" in claims_table(table(lpaae=GOOD).assign(dataset="mnist"))
    assert "cifar10-" not in claims_table(table(lpaae=GOOD).assign(dataset="mnist"))


def test_the_control_is_the_mixture_on_the_codes_of_the_second_model():
    theirs = BAD | {f"{MIXTURE}{name}": values for name, values in GOOD.items()}
    assert compare("a", "b", ("FID", "score"))(table(a=MIXED, b=theirs))[1] == PARTLY
    assert compare("a", "b", ("FID",), control=MIXTURE)(table(a=MIXED, b=theirs))[1] == NOT


@pytest.mark.parametrize(("level", "verdict"), [(8.9, REPRODUCED), (9.05, PARTLY), (9.2, NOT)])
def test_a_level_is_reached_by_the_mean_or_partly_by_one_seed(level, verdict):
    text, found = reach("a", "score", level)(table(a=GOOD))
    assert found == verdict and text == r"$9.00 \pm 0.10$"


def test_every_claim_has_a_row_even_if_nothing_was_run():
    columns = {"key": [], "dataset": [], "FID": [], "score": [], "sheet": [], "Parzen": []}
    rows = [line for line in claims_table(pd.DataFrame(columns)).splitlines() if " & " in line]
    assert len(rows) == len(CLAIMS)
    assert all(rf"\emph{{{UNTESTED}}}" in line and line.count(" & ") == 4 for line in rows)
