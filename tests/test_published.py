"""What is published is whole and small, and what the README says of it is what its files say."""

import re
import subprocess
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from PIL import Image, ImageChops, ImageStat

from lprior import plane, publish, weights
from lprior.config import resolve
from lprior.data import DATASETS
from lprior.evaluation.attributes import RULERS
from lprior.evaluation.metrics import TITLES
from lprior.model import load
from lprior.report.frame import COMPONENTS, MIXTURE, anchors, form, table_of
from lprior.report.latex import plain, spread
from lprior.report.papers import papers
from lprior.report.rules import NOT, OPEN, REPRODUCED, SEEDS, UNTESTED, compare, values
from lprior.report.sheets import published, real_like
from lprior.report.studies.codes_in_words import PANELS
from lprior.report.studies.codes_lines import FIXED, HUNDRED, LEARNED, WIDE, each_seed, means
from lprior.results import RunFolder
from lprior.runs import STUDIES, models, parse_run, runs_of, title_of
from lprior.runs import WIDE as ENTRIES

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "results" / "published"
RUNS = sorted(path.parent for path in PUBLISHED.glob("*/config.json"))
ON_GPU = sorted(path.parent for path in (PUBLISHED / "full").glob("*/config.json"))
WITH_WEIGHTS = [run for run in RUNS if (run / weights.FILE).exists()]
README = ["FID", "score", "precision", "recall"]  # the columns of its tables
EARLIER = {"cifar10-lpaae-long-s0": {"lam": 0.3}}  # which its page names
MOST = 29_500_000  # bytes, so that a clone is quick, and machines that take no more than 64 MiB take it


def name_of(run: Path) -> str:
    return run.name


def test_all_files_in_git_are_small_together():
    answer = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    if answer.returncode:
        pytest.skip("this is no git checkout")
    files = [ROOT / name for name in answer.stdout.split("\0") if name]
    assert sum(path.stat().st_size for path in files if path.exists()) <= MOST


def test_there_are_three_seeds_of_each_model():
    assert {run.name for run in RUNS} >= {f"mnist-{model}-s{seed}" for model in models() for seed in range(3)}


@pytest.mark.parametrize("run", RUNS, ids=name_of)
def test_a_published_run_is_complete_small_and_as_its_preset_says(run):
    config = RunFolder(run).config()
    assert config == resolve(**parse_run(run.name), preset=config.preset, **EARLIER.get(run.name, {}))
    names = {path.name for path in run.iterdir()} - {weights.FILE}  # which may have been fetched
    stills = publish.STILLS if config.seed == 0 else publish.STILLS[:1]
    expected = {*publish.NUMBERS, *(RunFolder(run).still(stem).name for stem in stills)}
    expected |= {publish.NOTEBOOK} if publish.is_main(config) else set()
    expected |= {RunFolder(run).still("mixture").name} if publish.is_main(config) and run in WITH_WEIGHTS else set()
    on_digits = DATASETS[config.dataset].family == "digits"
    expected |= {publish.ANIMATION} if publish.is_main(config) and on_digits else set()
    with_s = config.model in ("lpaae-supervised", "lpaae-unsupervised")
    expected |= {plane.FILE} if with_s and config.seed == 0 and on_digits else set()
    assert names == expected
    assert sum((run / name).stat().st_size for name in names) < 600_000


@pytest.mark.parametrize("run", ON_GPU, ids=name_of)
def test_a_run_of_a_gpu_is_what_the_preset_full_makes(run):
    assert RunFolder(run).config() == resolve(**parse_run(run.name), preset="full")
    config = RunFolder(run).config()
    stills = {RunFolder(run).still(stem).name for stem in publish.STILLS[: None if config.seed == 0 else 1]}
    assert {path.name for path in run.iterdir()} - {weights.FILE} == {*publish.NUMBERS, *stills}
    assert run.name in weights.read_sums(PUBLISHED / "full")
    assert "CPU" not in RunFolder(run).read_json("provenance.json")["device"]


def test_the_readme_s_models_have_their_weights_here():
    main = {*(f"mnist-{model}-s0" for model in models()), "cifar10-lpaae-s0", "cifar10-lpaae-fixed-s0"}
    assert main <= {run.name for run in WITH_WEIGHTS}


def test_there_is_a_sum_of_the_weights_of_every_run():
    assert weights.read_sums(PUBLISHED).keys() == {run.name for run in RUNS}


@pytest.mark.parametrize("run", WITH_WEIGHTS, ids=name_of)
def test_published_weights_have_their_sum(run):
    assert weights.sum_of((run / weights.FILE).read_bytes()) == weights.read_sums(PUBLISHED)[run.name]


@pytest.mark.parametrize("run", WITH_WEIGHTS, ids=name_of)
def test_published_weights_draw_the_published_samples(run):
    from lprior import figures

    drawn, still = load(run).sample(), RunFolder(run).still("samples")
    published = figures.tiles(still, drawn.shape[-1], padding=2)[:, : drawn.shape[1]]
    difference = (drawn.float() - published.float()).abs()
    if still.suffix == ".png":
        # Weights in half precision, and another machine, move a pixel by some of its 255 steps; other digits by a
        # hundred.
        assert difference.mean() < 0.5 and difference.max() <= 20
    else:  # with loss, where the weights are not in git
        assert difference.mean() < 8


@pytest.mark.parametrize("name", STUDIES)
def test_the_published_runs_of_a_study_are_all_of_it(name):
    runs = [RunFolder(path.parent) for path in sorted((PUBLISHED / name).glob("*/metrics.json"))]
    dataset = {"digits": "mnist", "scenes": "scenes", "pictures": "cifar10"}[STUDIES[name].family]
    assert {run.path.name for run in runs} == set(runs_of(name, dataset)) or not runs
    for run in runs:
        assert run.config() == resolve(**parse_run(run.path.name), preset=name)
        named = [run.config().model in of for of in (STUDIES[name].pictured, STUDIES[name].shipped)]
        pictured, shipped = (run.config().seed == STUDIES[name].seeds[0] and of for of in named)
        expected = {*publish.NUMBERS, *([run.still("samples").name] if pictured else [])}
        expected |= {weights.FILE} if shipped else set()
        assert {path.name for path in run.path.iterdir()} == expected


@pytest.mark.parametrize(
    "path", sorted(PUBLISHED.rglob("notebook.ipynb")), ids=lambda path: str(path.parent.relative_to(PUBLISHED))
)
def test_a_published_notebook_is_valid_small_and_links_to_pictures_that_are_there(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert path.stat().st_size < 200_000
    linked = re.findall(r'<img src=\\"([^":]+)\\"', path.read_text())
    assert [name for name in linked if not (path.parent / name).exists()] == []
    assert "samples" in {Path(name).stem for name in linked} or not (path.parent / "config.json").exists()


def cells(group, names: list[str], prefix: str = "") -> str:
    return " | ".join(plain(spread(group[prefix + name], form(name))) for name in names)


def of_gpu() -> dict[str, pd.DataFrame]:
    """Model -> its published runs of `full`."""
    return dict(list(table_of(RunFolder(run) for run in ON_GPU).groupby("key")))


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
@pytest.mark.parametrize("model", models())
def test_the_readme_states_the_metrics(model, dataset):
    table = table_of(RunFolder(run) for run in RUNS)
    group = table[(table["key"] == model) & (table["dataset"] == dataset)]
    begin = f"| {title_of(model)} | {len(group)} |"
    control = f"| … with mixture | {len(group)} | {cells(group, README, MIXTURE)} |"
    assert f"{begin} {cells(group, README)} |\n{control}\n" in (ROOT / "README.md").read_text()
    assert f"{begin} {cells(group, ['score', 'sheet', 'FID'])} |" in (ROOT / "docs" / "results.md").read_text()


def test_the_readme_states_the_metrics_of_a_code_generator_that_never_learns():
    table = table_of(RunFolder(run) for run in RUNS)
    group = table[table["key"] == "lpaae-frozen"]
    rows = f"| {title_of('lpaae-frozen')} | {len(group)} | {cells(group, README)} |\n"
    rows += f"| … with mixture | {len(group)} | {cells(group, README, MIXTURE)} |\n"
    assert rows in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("model", of_gpu())
def test_the_results_state_the_metrics_of_a_gpu(model):
    group, said = of_gpu()[model], (ROOT / "docs" / "results.md").read_text()
    rows = f"| {title_of(model)} | {len(group)} | {cells(group, README)} |\n"
    rows += f"| … with mixture | {len(group)} | {cells(group, README, MIXTURE)} |\n"
    assert rows in said
    if model == "lpaae-supervised":
        assert f"Of the images made for a class {group['obeyed'].iloc[0]:.0f} % are that class. One seed" in said


@pytest.mark.parametrize(("dataset", "title"), [("mnist", "real digits"), ("cifar10", "real pictures")])
def test_the_readme_states_the_metrics_of_real_images(dataset, title):
    real = pd.DataFrame([anchors(dataset)])
    assert f"| {title} | | {cells(real, README)} |" in (ROOT / "README.md").read_text()
    sheet = plain(real_like(published()[f"{dataset}/learned"]))
    score, FID = cells(real, ["score"]), cells(real, ["FID"])
    assert f"| {title} | | {score} | {sheet} | {FID} |" in (ROOT / "docs" / "results.md").read_text()


@pytest.mark.parametrize("study", ["codes", "codes_cifar10"])
def test_the_results_have_the_sizes_of_codes(study):
    lines = means(each_seed([RunFolder(path.parent) for path in sorted((PUBLISHED / study).glob("*/metrics.json"))]))
    columns = ("learned", "fixed", "fixed + mixture of 10", "fixed + mixture of 100", "learned + mixture of 100")
    for size in lines["learned"].index:
        cells = (" / ".join(f"{lines[column].loc[size, name]:.2f}" for name in PANELS) for column in columns)
        assert f"| {size} | {' | '.join(cells)} |\n" in (ROOT / "docs" / "results.md").read_text()


def test_the_results_have_wide_noise():
    runs = [RunFolder(path.parent) for path in sorted((PUBLISHED / "codes").glob("*/metrics.json"))]
    lines, said = means(each_seed(runs)), (ROOT / "docs" / "results.md").read_text()
    for size in lines[WIDE].index:
        columns = (LEARNED, WIDE, WIDE + HUNDRED, FIXED + HUNDRED)
        cells = (" / ".join(f"{lines[column].loc[size, name]:.2f}" for name in PANELS) for column in columns)
        assert f"| {size} | {ENTRIES[size]} | {' | '.join(cells)} |\n" in said


READINGS = {
    "the box": "printed", "text and figure": "moved", "the same, two terms": "two_terms", "fixed prior": "baseline"
}  # fmt: skip


@pytest.mark.parametrize("reading", READINGS)
def test_the_results_state_the_readings_of_algorithm_1(reading):
    models = [f"lpaae-{READINGS[reading]}{kind}" for kind in ("", "_plain")]
    table = table_of([RunFolder(PUBLISHED / "algorithm1" / f"mnist-{m}-s{seed}") for m in models for seed in (0, 1, 2)])
    cells = [" / ".join(f"{values(table, model, prefix + panel).mean():.2f}" for panel in PANELS)
             for model in models for prefix in ("", MIXTURE)]  # fmt: skip
    (row,) = re.findall(rf"\n\| {reading}[^|]* \| (.*) \|\n", (ROOT / "docs" / "results.md").read_text())
    assert row == " | ".join(cells)


def test_the_results_state_what_a_code_generator_that_never_learns_has():
    table, said = table_of(RunFolder(run) for run in RUNS), (ROOT / "docs" / "results.md").read_text()
    for model in ("lpaae", "lpaae-frozen", "lpaae-fixed"):
        column = {name: values(table[table["dataset"] == "mnist"], model, name) for name in ("FID", "score", "recall")}
        cells = " | ".join(plain(spread(column[name], form(name))) for name in column)
        assert f"| {title_of(model)} | {cells} |\n" in said


@pytest.mark.parametrize("captions", ["seen", "newplace", "newcolour", "mean", "leastsquares", "reconstructed"])
def test_the_results_state_how_much_of_captions_is_obeyed(captions):
    for model, prior in (("lptext", "learned"), ("lptext-fixed", "fixed")):
        shares = RunFolder(PUBLISHED / "text" / f"scenes-{model}-s0").metrics()[f"caption_{captions}_2k_test"]
        row = " | ".join([prior, *(f"{100 * share:.1f}" for share in shares)])
        assert f"| {row} |\n" in (ROOT / "docs" / "results.md").read_text()


@pytest.mark.parametrize(
    ("experiment", "model", "key"),
    [
        ("100 labels", "semisupervised/mnist-aaesemi", "error"),
        ("100 labels, ours", "semisupervised/mnist-aaesemi-views", "error"),
        ("100 labels, no autoencoder", "semisupervised/mnist-aaesemi-views_alone", "error"),
        ("1,000 labels", "semisupervised/mnist-aaesemi-labels_1000", "error"),
        ("all labels", "semisupervised/mnist-aaesemi-labels_all", "error"),
        ("16 clusters", "clustering/mnist-aaesemi-clusters_16", "errorconfident"),
        ("30 clusters", "clustering/mnist-aaesemi-clusters_30", "errorconfident"),
        ("two entries, 100 labels", "dimensions/mnist-aaesemi-heads", "error"),
        ("two entries, 1,000 labels", "dimensions/mnist-aaesemi-heads_1000", "error"),
        ("ten entries, 100 labels", "dimensions/mnist-aaesemi-heads_10", "error"),
        ("two entries, no labels", "dimensions/mnist-aaesemi-heads_unlabelled", "errorconfident"),
    ],
)
def test_the_results_state_aae_s_errors(experiment, model, key):
    found = [RunFolder(path) for path in sorted(PUBLISHED.glob(f"{model}-s*"))]
    errors = pd.Series([100 * run.metrics()[f"{key}_test"] for run in found])
    row = (
        rf"\| {experiment} \| [0-9.± ]+†? \| {len(found)} \| {plain(spread(errors, '{:.2f}'))} "
        rf"\| {found[0].config().epochs} \|"
    )
    assert re.search(row, (ROOT / "docs" / "results.md").read_text())


@pytest.mark.parametrize("model", ["vae", "vaedis", "vaegan"])
def test_the_results_state_how_attributes_come_out_at_equal_networks(model):
    table = table_of(RunFolder(path.parent) for path in sorted((PUBLISHED / "similarity").glob("*/metrics.json")))
    text = " ".join((ROOT / "docs" / "results.md").read_text().split())
    for name in ("thickness r", "slant r"):
        assert plain(spread(values(table, model, name), form(name))) in text.split("At equal networks and epochs")[1]


@pytest.mark.parametrize(("study", "data"), [("similarity", "digits"), ("similarity_cifar10", "CIFAR-10")])
def test_the_results_state_what_lies_between_a_vae_and_a_gan(study, data):
    table = table_of(RunFolder(path.parent) for path in sorted((PUBLISHED / study).glob("*/metrics.json")))
    columns = ("FID", "score", "precision", "recall", "sharpness", "rec. features")
    said = (ROOT / "docs" / "results.md").read_text()
    for model in STUDIES[study].models:
        cells = (plain(spread(values(table, model, name), form(name))) for name in columns)
        assert f"| {data} | {title_of(model)} | {' | '.join(cells)} |\n" in said


@pytest.mark.parametrize("prior", ["", "wide2_", "byclass_", "byclass10_"])
def test_the_results_state_what_priors_that_know_s_have(prior):
    table = table_of(RunFolder(path.parent) for path in sorted((PUBLISHED / "conditions").glob("*/metrics.json")))
    columns, said = ("FID", "score", "recall", "obeyed", "recall within"), (ROOT / "docs" / "results.md").read_text()
    for model in STUDIES["conditions"].models:
        found = (values(table, model, TITLES.get(prior, "") + name) for name in columns)
        cells = " | ".join(plain(spread(column, form(name))) for name, column in zip(columns, found, strict=True))
        assert "–" not in cells and f" | {cells} |\n" in said


OF_PAPERS = [  # a row's experiment, the study ("" for the runs of `quick`), data set, the metric, and its models
    ("Parzen windows, nats", "parzen", "mnist", "Parzen", ["aaemlp"]),
    ("error with 100 labels, as printed, %", "semisupervised", "mnist", "error", ["aaesemi"]),
    ("the same with views and VAT, which needs no autoencoder, %", "semisupervised", "mnist", "error",
     ["aaesemi-views"]),
    ("error with 1,000 labels, %", "semisupervised", "mnist", "error", ["aaesemi-labels_1000"]),
    ("error with all labels, %", "semisupervised", "mnist", "error", ["aaesemi-labels_all"]),
    ("error of 16 clusters, %", "clustering", "mnist", "error, confident", ["aaesemi-clusters_16"]),
    ("error of 30 clusters, %", "clustering", "mnist", "error, confident", ["aaesemi-clusters_30"]),
    ("error in the plane, 1,000 labels, %", "dimensions", "mnist", "error", ["aaesemi-heads_1000"]),
    ("a label draws its digit, as printed, %", "supervised", "mnist", "obeyed", ["aaelabel"]),
    ("the same with a discriminator that sees labels, %", "supervised", "mnist", "obeyed", ["aaelabel-informed_long"]),
    ("codes in their label's part of the prior, %", "planes", "mnist", "placed", ["aaeplane"]),
    ("score on CIFAR-10, learned / fixed prior", "", "cifar10", "score", ["lpaae", "lpaae-fixed"]),
    ("the same with labels", "", "cifar10", "score", ["lpaae-supervised", "lpaae-supervised_fixed"]),
    ("the same with ten values that no label names", "", "cifar10", "score",
     ["lpaae-unsupervised", "lpaae-unsupervised_fixed"]),
    ("ten values become the ten digits, % (seven seeds, by five of which settings were chosen)", "", "mnist", "Q",
     ["lpaae-unsupervised"]),
    ("label found in z by a line, learned / fixed prior, %", "conditions", "mnist", "linear probe",
     ["lpaae-supervised", "lpaae-supervised_fixed"]),
    ("digits as a sentence asks, as in training, learned / fixed prior, % (one seed)", "text", "scenes", "seen: digit",
     ["lptext", "lptext-fixed"]),
    ("the control, a mean code by least squares, on all sentences (learned prior: 64.8), % (one seed)", "text",
     "scenes", "least squares, mean: digit", ["lptext-fixed"]),
    ("FID on digits, VAE/GAN / VAE", "similarity", "mnist", "FID", ["vaegan", "vae"]),
    ("the same, VAE/GAN / VAE with a mixture of ten", "similarity", "mnist", "FID", ["vaegan", f"vae {MIXTURE}"]),
    ("FID on CIFAR-10, VAE/GAN / VAE (one seed)", "similarity_cifar10", "cifar10", "FID", ["vaegan", "vae"]),
    ("stroke width as wanted, correlation, VAE/GAN / VAE", "similarity", "mnist", "thickness r", ["vaegan", "vae"]),
]  # fmt: skip


AHEAD = {REPRODUCED: "the first", NOT: "the second", OPEN: "neither", f"{SEEDS[1]}: {UNTESTED}": UNTESTED}


@pytest.mark.parametrize(("experiment", "study", "dataset", "metric", "of"), OF_PAPERS, ids=str)
def test_the_readme_states_what_came_out_paper_by_paper(experiment, study, dataset, metric, of):
    table = table_of(RunFolder(path.parent) for path in sorted((PUBLISHED / study).glob("*/metrics.json")))
    table = table[table["dataset"] == dataset]
    of = [(model, MIXTURE) if control else (model, "") for model, _, control in (name.partition(" ") for name in of)]
    here = " / ".join(plain(spread(values(table, model, before + metric), form(metric))) for model, before in of)
    ahead = ""
    if len(of) == 2:
        (one, _), (two, control) = of
        ahead = AHEAD.get(compare(one, two, (metric,), control=control)(table)[1], "the judges differ")
    row = rf"\| {re.escape(experiment)} \| [^|]*\| {re.escape(here)} \| {ahead} ?\|\n"
    assert re.search(row, (ROOT / "README.md").read_text()), f"| {experiment} | | {here} | {ahead} |"


def test_the_readme_has_no_row_paper_by_paper_that_is_not_checked():
    section = (ROOT / "README.md").read_text().split("## Paper by paper\n")[1].split("\n## ")[0]
    rows = [line.split(" | ")[1] for line in section.splitlines() if line.startswith("| ")][2:]
    assert rows == [experiment for experiment, *_ in OF_PAPERS[:18]] + ["SVHN"] + [row[0] for row in OF_PAPERS[18:]]


@pytest.mark.parametrize(("model", "words"), [("lpaae-unsupervised", "learned"), ("lpaae-unsupervised_fixed", "fixed")])
def test_the_results_state_what_a_fixed_prior_with_ten_values_does_on_digits(model, words):
    runs = sorted((PUBLISHED / "conditions_unsupervised").glob("*/metrics.json"))
    table, said = table_of(RunFolder(path.parent) for path in runs), (ROOT / "docs" / "results.md").read_text()

    def cells(*names):
        return " | ".join(plain(spread(values(table, model, name), form(name))) for name in names)

    own = ("FID", "score", "recall")
    assert f"| {words} | {cells(*own, 'obeyed', 'recall within', 'Q')} |\n" in said
    mixture = cells(*(MIXTURE + name for name in own))
    assert f"| ten Gaussians on the {words} prior's codes | {mixture} | | | |\n" in said


@pytest.mark.parametrize("model", ["lpaae-supervised", "lpaae-supervised_fixed"])
def test_the_results_state_what_labels_do_on_cifar10(model):
    table = table_of(RunFolder(run) for run in RUNS)
    table = table[table["dataset"] == "cifar10"]
    text = " ".join((ROOT / "docs" / "results.md").read_text().split()).split("With labels LP-AAE has a score of")[1]
    for name in ("FID", "score", "sheet", "recall", "obeyed", "recall within"):
        assert plain(spread(values(table, model, name), form(name))) in text[:1500]


def test_the_results_state_what_a_fixed_prior_with_ten_values_does_on_cifar10():
    table = table_of(RunFolder(run) for run in RUNS)
    table = table[table["dataset"] == "cifar10"]
    text = " ".join((ROOT / "docs" / "results.md").read_text().split()).split("ten values the fixed prior (three")[1]
    said = ("score", "FID", "recall", "recall within", *(MIXTURE + name for name in ("FID", "score", "recall")))
    for name in said:
        assert plain(spread(values(table, "lpaae-unsupervised_fixed", name), form(name))) in text[:700]
    assert plain(spread(values(table, "lpaae-unsupervised", "recall within"), "{:.1f}")) in text[:700]


@pytest.mark.parametrize("variant", ["", "-dropout", "-narrow"])
def test_the_results_state_the_likelihoods(variant):
    table = table_of(RunFolder(path.parent) for path in sorted((PUBLISHED / "parzen").glob("*/metrics.json")))
    nats = plain(spread(values(table, f"aaemlp{variant}", "Parzen"), form("Parzen")))
    assert f" {nats}" in (ROOT / "docs" / "results.md").read_text().split("Parzen windows (`parzen`")[1][:450]


def test_the_results_state_what_a_label_in_the_decoder_does():
    table = table_of(RunFolder(path.parent) for path in sorted((PUBLISHED / "supervised").glob("*/metrics.json")))
    text = " ".join((ROOT / "docs" / "results.md").read_text().split()).split("With the label given to the decoder")[1]
    for model in ("aaelabel", "aaelabel-informed_long"):
        for name in ("obeyed", "probe"):
            assert f"{plain(spread(values(table, model, name), form(name)))} %" in text[:600]


def test_the_results_state_how_labels_place_codes_in_the_plane():
    found = []
    for model in ("aaeplane", "aaeplane-roll"):
        table = table_of([RunFolder(PUBLISHED / "planes" / f"mnist-{model}-s{seed}") for seed in (0, 1, 2)])
        found.append(plain(spread(values(table, model, "placed"), form("placed"))))
    said = " ".join((ROOT / "docs" / "results.md").read_text().split())
    assert f"codes of {found[0]} % of the test images lie in the part of a mixture of ten" in said
    assert f"and of {found[1]} % in that of a swiss roll" in said


def test_the_results_state_how_colours_follow():
    table, names = table_of(RunFolder(run) for run in RUNS), RULERS["pictures"].names
    table = table[table["dataset"] == "cifar10"]
    said = []
    for model, prefix in (("lpaae", COMPONENTS), ("aae", ""), ("vaegan", ""), ("lpaae", ""), ("lpaae-fixed", "")):
        rows = table[table["key"] == model]
        of_each = [pd.to_numeric(rows[f"{prefix}{name} r"]).dropna() for name in names]
        assert {len(found) for found in of_each} == {2 if model in ("aae", "vaegan") else 3}
        said.append("{:.2f}, {:.2f} and {:.2f}".format(*(found.mean() for found in of_each)))
    text = " ".join((ROOT / "docs" / "results.md").read_text().split())
    assert (
        f"the control {said[0]}, AAE {said[1]}, VAE/GAN {said[2]}, LP-AAE {said[3]}, the fixed prior {said[4]}." in text
    )


def test_the_numbers_in_the_readme_s_sentences_are_those_of_its_tables():
    for name in ("Digits", "CIFAR-10"):
        section = (ROOT / "README.md").read_text().split(f"## {name}\n")[1].split("\n## ")[0]
        lines = section.splitlines()
        table = {number for line in lines if line.startswith("|") for number in re.findall(r"\d+\.\d\d", line)}
        said = {number for line in lines if not line.startswith("|") for number in re.findall(r"\d+\.\d\d", line)}
        assert said and said <= table, section


@pytest.mark.parametrize(("dataset", "name", "off"), [("mnist", "mnist.png", 0.5), ("cifar10", "cifar10.webp", 8)])
def test_the_readme_s_pictures_are_drawn_from_what_is_published(dataset, name, off):
    """But for another version's letters, and what a lossy picture loses."""
    from lprior.report.cover import cover

    path = ROOT / "docs" / name
    drawn, committed = cover(PUBLISHED, dataset).convert("RGB"), Image.open(path).convert("RGB")
    assert drawn.size == committed.size and path.stat().st_size < 180_000
    assert max(ImageStat.Stat(ImageChops.difference(drawn, committed)).mean) < off
    assert f"(docs/{name})" in (ROOT / "README.md").read_text()


def test_the_page_of_claims_is_what_code_gives():
    assert (ROOT / "docs" / "papers.md").read_text() == papers(PUBLISHED)


def test_the_three_lines_of_the_readme_work(monkeypatch):
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(ROOT)
    found = {}
    exec(block, found)
    assert found["images"].shape == (100, 1, 28, 28)
