"""What the report says of the learned prior and its control."""

import pandas as pd

from lprior.report.control import COLUMNS, UNMEASURED, answer_in_words, control_in_words
from lprior.report.frame import MIXTURE, SECOND

LEARNED = {"FID": [1.0, 1.1, 0.9], "score": [9.0, 9.1, 8.9], "recall": [0.40, 0.41, 0.39]}
CONTROL = {"FID": [1.1, 1.2, 0.8], "score": [8.0, 8.1, 7.9], "recall": [0.70, 0.71, 0.69]}


def table(learned: dict, control: dict, second: bool = False, **more) -> pd.DataFrame:
    """Runs of the learned prior, and of the fixed one with these metrics of the mixture on its codes."""
    before = SECOND if second else ""
    of_learned = {"key": "lpaae", **{before + name: values for name, values in learned.items()}}
    of_fixed = {"key": "lpaae-fixed", **{before + MIXTURE + name: values for name, values in control.items()}}
    return pd.concat([pd.DataFrame(of_learned | more), pd.DataFrame(of_fixed)], ignore_index=True)


def test_what_the_control_wins_is_said_first():
    assert control_in_words(table(LEARNED, CONTROL)) == (
        "Against a mixture of ten on the fixed-prior model's codes, the learned prior is behind in recall "
        r"($0.40 \pm 0.01$ against $0.70 \pm 0.01$), not told apart in FID ($1.00 \pm 0.10$ against $1.03 \pm 0.21$) "
        r"and ahead in score ($9.00 \pm 0.10$ against $8.00 \pm 0.10$)."
    )
    said = control_in_words(table(CONTROL, LEARNED))
    assert said.index("behind in score") < said.index("not told apart in FID") < said.index("ahead in recall")


def test_one_seed_tests_nothing():
    one = [{name: values[:1] for name, values in model.items()} for model in (LEARNED, CONTROL)]
    said = control_in_words(table(*one))
    assert said.startswith("In single runs, against a mixture")
    assert "behind in recall (0.40 against 0.70) and ahead in FID (1.00 against 1.10) and score" in said


def test_models_on_which_the_judges_do_not_agree_are_not_told_apart():
    first, other = table(LEARNED, CONTROL), table(CONTROL, LEARNED, second=True)
    said = control_in_words(pd.concat([first, other.drop(columns="key")], axis=1))
    assert "ahead" not in said and "behind" not in said
    agreed = table(LEARNED, CONTROL, second=True).drop(columns="key")
    assert control_in_words(pd.concat([first, agreed], axis=1)) == control_in_words(first)


def test_the_mixture_on_the_learned_codes_is_named_too():
    own = {MIXTURE + name: LEARNED[name] for name in COLUMNS}
    assert answer_in_words(table(LEARNED, CONTROL, **own)) == control_in_words(table(LEARNED, CONTROL))
    assert control_in_words(table(LEARNED, CONTROL, **own)).endswith(
        r"on the learned model's own codes has FID $1.00 \pm 0.10$, score $9.00 \pm 0.10$ and recall $0.40 \pm 0.01$."
    )


def test_without_a_control_that_is_said():
    assert control_in_words(table(LEARNED, {"FID": [1.0] * 3})) == UNMEASURED
