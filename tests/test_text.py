"""Sentences in, picture out: scenes and their captions, what reads them, and what finds out whether they are obeyed."""

import json
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import SIZE
from test_studies import cells, run_with

from lprior import __main__ as cli
from lprior import data, figures
from lprior.algorithms import lptext
from lprior.algorithms.captions import Captions, with_tokens
from lprior.config import resolve
from lprior.data import Dataset, captioned, scenes, sentences
from lprior.data.mnist import load_mnist5k
from lprior.data.scenes import COLOURS, LAYOUTS, PLACES, VOCABULARY, caption, random_scenes, read, seen
from lprior.errors import DataUnavailable, UserError
from lprior.evaluation.arithmetic import Arithmetic
from lprior.evaluation.measurement import further
from lprior.evaluation.metrics import CAPTIONS
from lprior.evaluation.scenes import Detectors, flat, layouts
from lprior.model import Model, load
from lprior.networks import Compact
from lprior.networks.sentences import Captioner, LooksAtCode, LooksAtPlaces, Reader
from lprior.report.studies.text import THINGS, all_in_words, attributes, fitted, obeyed, of_all
from lprior.runs import STUDIES
from lprior.stored import read_picture
from lprior.streams import generator, normal
from lprior.training.run import run

# Captions


@pytest.mark.parametrize("held_out", [False, True])
def test_what_a_caption_says_can_be_read(held_out):
    for things, _, _ in random_scenes(300, "train", held_out):
        for wording, words in product(range(4), range(16)):
            sentence = caption(things, wording, words)
            assert read(sentence.split()) == things, sentence
            assert sentences.words(sentences.tokens(sentence, VOCABULARY), VOCABULARY) == sentence.split()


def test_a_scene_has_each_of_its_wordings():
    (things,) = [things for things, *_ in random_scenes(40, "train", False) if len(things) == 2][:1]
    assert len({caption(things, wording, words) for wording, words in product(range(4), range(16))}) == 4 * 16


@pytest.mark.parametrize(
    "sentence", ["a red 3", "a small red 3 left of a large blue 7 above a small red 1", "3 on the left, 4 at the top"]
)
def test_a_sentence_that_is_no_caption_is_refused(sentence):
    with pytest.raises(ValueError, match="no sentence on one or two digits"):
        read(sentence.split())


@pytest.mark.parametrize(
    ("sentence", "said"),
    [("a smal red 3", "'smal' is unknown here: did you mean 'small'"), ("a qqq", "'qqq' is unknown"),
     ("", "from 1 to 16 words, not 0"), ("a " * 17, "from 1 to 16 words, not 17")],
    ids=["nearly", "not at all", "none", "many"],
)  # fmt: skip
def test_sentences_of_other_words_are_refused(sentence, said):
    with pytest.raises(UserError, match=re.escape(said)):
        sentences.tokens(sentence, VOCABULARY)


def test_case_and_commas_are_no_matter():
    plain, other = (sentences.tokens(one, VOCABULARY) for one in ("on the left a red 3", "On the LEFT, a red 3."))
    assert plain.equal(other)


def test_every_word_of_the_examples_is_known_and_every_example_is_a_caption():
    language = data.language_of("scenes")
    for sentence in language.examples:
        sentences.tokens(sentence, language.vocabulary)
        assert read(sentence.split())
    assert len(language.examples) == 10 and len(set(VOCABULARY)) == len(VOCABULARY)


# Scenes


def test_what_is_left_out_of_training_follows_the_rule():
    training = {(d, c, p) for things, *_ in random_scenes(3000, "train", False) for d, c, _, p in things}
    assert {seen(*one) for one in training} == {"seen"}
    for digit, colour in product(range(10), range(len(COLOURS))):
        kinds = [seen(digit, colour, place) for place in range(len(PLACES))]
        assert kinds == ["newcolour"] * 5 or sorted(kinds) == ["newplace"] + ["seen"] * 4
        assert (digit == 2 * colour) == (kinds[0] == "newcolour")
    assert len(training) == 10 * 5 * 5 - 5 * 5 - 45  # each of the others is there


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_mnist5k(None, "train")


@pytest.fixture(scope="module")
def some(digits) -> Dataset:
    return made(random_scenes(1500, "train", True), digits)


def made(chosen, digits) -> Dataset:
    labels = torch.stack([sentences.tokens(caption(*scene), VOCABULARY) for scene in chosen])
    return Dataset("scenes5k", scenes.draw(chosen, digits, "test"), labels, "here", classes=len(VOCABULARY))


def test_scenes_are_the_same_each_time(digits):
    chosen = random_scenes(20, "train", False)
    assert chosen == random_scenes(20, "train", False) != random_scenes(20, "test", False)
    assert scenes.draw(chosen, digits, "a").equal(scenes.draw(chosen, digits, "a"))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", [0, 1])
def test_a_digit_is_where_how_large_and_of_what_colour_it_should_be(place, size, digits):
    thing = (3, 2, size, list(PLACES).index(place))  # blue
    for picture in scenes.draw([([thing], 0, 0)] * 20, digits, "test"):
        assert (picture[2] >= picture[1]).all() and (picture[1] >= picture[0]).all()
        rows, columns = ((picture.amax(dim=0) > 30).any(dim=axis).nonzero()[:, 0] for axis in (1, 0))
        longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
        assert (13 <= longer <= 15) if size else (8 <= longer <= 11)
        assert {"left": columns[-1] < 16, "right": columns[0] >= 16, "top": rows[-1] < 16, "bottom": rows[0] >= 16}.get(
            place, rows[0] < 16 <= rows[-1] and columns[0] < 18 and columns[-1] >= 14
        )


def test_a_loaded_data_set_has_tokens_for_labels(monkeypatch):
    monkeypatch.setattr(scenes, "COUNTS", {"train": 30, "test": 10})
    train = data.load("scenes5k")
    assert train.labels.shape == (30, sentences.LENGTH) and train.images.shape == (30, 3, 32, 32)
    assert train.title == "captioned scenes of MNIST (5,000 embedded digits)"
    first = sentences.words(train.labels[0], VOCABULARY)
    assert read(first) == random_scenes(30, "train", False)[0][0]


def test_a_data_set_without_captions_has_no_language():
    with pytest.raises(UserError, match="mnist has no captions: choose scenes or scenes5k or captioned"):
        data.language_of("mnist")


# Detectors


def test_detectors_find_what_is_on_real_scenes(some):
    detectors, asked = Detectors(some), [read(sentences.words(row, VOCABULARY)) for row in some.labels[:500]]
    found, features = detectors.found(some.images[:500], asked)
    shares = obeyed(found, asked)
    assert min(shares[:4]) > 0.95 and shares[4] > 0.9 and features.shape == (len(flat(asked)[0]), 64)
    others = asked[1:] + asked[:1]
    chance = obeyed(detectors.found(some.images[:500], others)[0], others)
    assert chance[0] < 0.25 and chance[1] < 0.35 and 0.4 < chance[2] < 0.65 and chance[3] < 0.35


def test_detectors_see_a_wrong_colour_size_and_place(digits, some):
    detectors = Detectors(some)
    right = [(7, 0, 1, 1)]  # a large red 7 on the left
    for index, thing in ((0, (4, 0, 1, 1)), (1, (7, 2, 1, 1)), (2, (7, 0, 0, 1)), (3, (7, 0, 1, 3))):
        pictures = scenes.draw([([thing], 0, 0)] * 40, digits, "other")
        shares = obeyed(detectors.found(pictures, [right] * 40)[0], [right] * 40)
        assert shares[index] < 0.1 and shares[4] < 0.1
        assert all(share > 0.9 for attribute, share in enumerate(shares[:4]) if attribute != index)


def test_an_empty_picture_obeys_by_chance_at_most(some):
    asked = [read(sentences.words(row, VOCABULARY)) for row in some.labels[:200]]
    found, features = Detectors(some).found(torch.zeros(200, 3, 32, 32, dtype=torch.uint8), asked)
    assert features.isfinite().all() and obeyed(found, asked)[4] < 0.05


def test_shares_are_of_the_chosen_things():
    asked = [[(1, 0, 0, 0)], [(2, 1, 1, 1), (3, 2, 0, 2)]]
    assert layouts(asked).tolist() == [0, LAYOUTS.index("left right")]
    found = torch.tensor([[1, 0, 0, 0], [2, 1, 0, 5], [0, 2, 0, 5]])
    assert obeyed(found, asked) == pytest.approx([2 / 3, 1.0, 2 / 3, 1.0, 1 / 3])
    assert obeyed(found, asked, torch.tensor([True, False, False])) == [1.0] * 5
    assert obeyed(found, asked, torch.zeros(3, dtype=torch.bool)) == "there are no such captions"


def test_codes_by_least_squares_are_those_of_scenes_where_codes_are_linear_in_what_they_have():
    rows = random_scenes(600, "train", held_out=False)
    tokens = torch.stack([sentences.tokens(caption(*row), VOCABULARY) for row in rows])
    wanted = attributes([things for things, *_ in rows])
    assert wanted.sum(dim=1).tolist() == [1 + 4 * len(things) for things, *_ in rows]
    codes = wanted @ normal((wanted.shape[1], 5), generator(0, "weights", 0)).double()
    left = normal(codes.shape, generator(0, "left", 0)).double() * torch.tensor([0, 0.5, 0, 0, 2])
    model = SimpleNamespace(encode=lambda images: (codes + left).float(), config=SimpleNamespace(seed=0))
    train = Dataset("scenes", torch.zeros(600, 3, 32, 32, dtype=torch.uint8), tokens, "none", classes=99)
    scenes = [things for things, *_ in rows]
    mean, drawn = fitted(model, train, scenes)
    exact = [0, 2, 3]
    assert torch.allclose(mean[:, exact].double(), codes[:, exact], atol=1e-4)
    assert torch.allclose(drawn[:, exact], mean[:, exact], atol=1e-3)
    assert (drawn - mean).std(dim=0)[[1, 4]].tolist() == pytest.approx([0.5, 2], rel=0.2)


# Networks


def test_a_reader_reads_order_and_not_what_fills_up():
    torch.manual_seed(0)
    reader = Reader(9, 5)
    tokens = torch.tensor([[3, 4, 0, 0], [4, 3, 0, 0]])
    one, other = reader(tokens)
    assert not torch.allclose(one, other, atol=1e-3)
    assert torch.allclose(reader(tokens[:, :2]), reader(tokens))


@pytest.mark.parametrize(
    ("look", "shape"), [(LooksAtPlaces(6, 4, 8), (3, 6, 2, 2)), (LooksAtCode(5, 8), (3, 5))], ids=["map", "code"]
)
def test_a_captioner_looks_at_no_later_word(look, shape):
    torch.manual_seed(0)
    captioner = Captioner(look, 8, 9)
    features, tokens = torch.randn(shape), torch.randint(1, 9, (3, 5))
    changed = tokens.clone()
    changed[:, 2:] = tokens[:, 2:] % 8 + 1
    same, other = captioner(features, tokens), captioner(features, changed)
    assert same.shape == (3, 5, 9)
    assert torch.allclose(same[:, :3], other[:, :3]) and not torch.allclose(same[:, 3:], other[:, 3:])
    assert not torch.allclose(same[:, 0], captioner(features + 1, tokens)[:, 0])


# The algorithm


def test_the_cross_entropy_is_of_words_and_not_of_what_fills_up():
    logits, tokens = torch.randn(2, 3, 5), torch.tensor([[1, 4, 0], [2, 0, 0]])
    expected = -sum(
        logits[n, t].log_softmax(dim=0)[tokens[n, t]] for n, t in ((0, 0), (0, 1), (1, 0))
    )  # fmt: skip
    assert Captions(3, 5).cross_entropy(logits, tokens).item() == pytest.approx(expected.item() / 2)


def built(prior: str) -> lptext.TextLPAAE:
    torch.manual_seed(0)
    config = lptext.Config(prior=prior, words=9, length=4, embedding=6, memory=8)
    return lptext.build(config, Compact(1, SIZE, width=2), 3)


@pytest.mark.parametrize("prior", ["learned", "fixed"])
def test_a_step_moves_every_network(prior, images):
    algorithm = built(prior)
    before = {name: weight.clone() for name, weight in algorithm.named_parameters()}
    labels = torch.randint(1, 9, (64, 4), generator=generator(0, "labels", 0))
    inputs = algorithm.draw(data.to_float(images), labels, lambda name: generator(0, name, 0))
    losses = algorithm.train_step(**inputs)
    assert {"L_info", "L_label"} <= set(losses) and all(loss.isfinite() for loss in losses.values())
    unused = {f"{name}.embed.weight" for name in ("CG.reader", "Q", "Q_C")}  # of words that no caption has, rows stay
    still = [name for name, weight in algorithm.named_parameters() if weight.equal(before[name])]
    assert set(still) <= unused
    assert algorithm.autoencoder()(inputs["noise"][0]).shape == (64, 1, SIZE, SIZE)


def test_a_state_that_heads_cannot_share_is_refused():
    with pytest.raises(UserError, match="memory must be a multiple of 4, not 5"):
        lptext.Config(memory=5)


def test_the_image_follows_the_sentence_and_the_noise():
    autoencoder = built("learned").autoencoder().eval()
    z, tokens = torch.randn(1, 3).expand(2, 3), torch.tensor([[1, 2, 0, 0], [5, 2, 0, 0]])
    one, other = autoencoder(with_tokens(z, tokens))
    assert not torch.allclose(one, other)
    one, other = autoencoder(with_tokens(torch.randn(2, 3), tokens[:1].expand(2, -1)))
    assert not torch.allclose(one, other)


@pytest.mark.parametrize(
    ("labels", "said"),
    [(None, "text wants captions, and the data have none"), (torch.arange(2), "text wants captions"),
     (torch.ones(2, 5, dtype=torch.int64), "the captions have 5 tokens: set length=5"),
     (torch.full((2, 4), 9), "the captions have 10 words or more: set words=10")],
    ids=["none", "labels", "length", "words"],
)  # fmt: skip
def test_data_that_do_not_fit_are_refused(labels, said):
    with pytest.raises(UserError, match=said):
        built("learned").draw(torch.zeros(2, 1, SIZE, SIZE), labels, lambda name: generator(0, name, 0))


# A model


@pytest.fixture(scope="module")
def model() -> Model:
    config = resolve("lptext", "scenes5k", "smoke")
    from lprior.config import build

    return Model(build(config).autoencoder().eval(), config)


def test_directions_are_measured_of_captions_too_and_classes_are_not(model):
    train, test = (data.load("scenes5k", split=split).head(200) for split in ("train", "test"))
    arithmetic = Arithmetic(train, test)
    arithmetic.controls[model.config.code] = {}  # which take long
    assert further(model, train, test, arithmetic).keys() == {f"colourmoved_{key}_200_test" for key in ("r", "slope")}


def test_a_sheet_goes_through_the_examples_in_rows_that_share_z(model):
    noise, code = model.noise(20), model.config.code
    assert noise[:10, :code].unique(dim=0).shape[0] == 1 and not noise[0, :code].equal(noise[10, :code])
    said = [" ".join(sentences.words(row.long(), VOCABULARY)) for row in noise[:, code:]]
    assert said == [*data.language_of("scenes5k").examples] * 2


def test_a_sentence_is_drawn_with_a_noise_for_each_image(model):
    noise = model.noise(9, seed=1, s="a small red 3 on the left")
    assert noise[:, : model.config.code].unique(dim=0).shape[0] == 9
    assert noise[:, model.config.code :].unique(dim=0).shape[0] == 1
    assert model.sample(9, seed=1, s="a small red 3 on the left").shape == (9, 3, 32, 32)


def test_the_command_line_samples_a_sentence(finished_scenes, tmp_path, capsys):
    folder, sheet = str(finished_scenes / "scenes5k-lptext-s0"), str(tmp_path / "nine.png")
    assert cli.main(["sample", folder, sheet, "--count", "9", "--s", "a large red 3 in the middle"]) == 0
    made = load(folder).sample(9, s="a large red 3 in the middle")
    assert read_picture(Path(sheet)).tobytes() == figures.sheet(made).tobytes()
    assert cli.main(["sample", folder, sheet, "--s", "3"]) == 2
    assert "reads sentences: s cannot be 3" in capsys.readouterr().err


def test_what_a_model_cannot_read_is_refused(model):
    with pytest.raises(UserError, match="'pink' is unknown"):
        model.sample(1, s="a pink 3")
    with pytest.raises(UserError, match="reads sentences: s cannot be 3"):
        model.sample(1, s=3)
    config = resolve("aae", "mnist5k", "smoke")
    from lprior.config import build

    with pytest.raises(UserError, match="this model reads no sentences"):
        Model(build(config).autoencoder().eval(), config).sample(1, s="a red 3")


# Pictures of one's own


def own_folder(root, *lines, count: int = 100):
    """`captioned` with plain pictures, red and blue ones in turn, and their captions; then `lines`."""
    from PIL import Image

    folder = root / "captioned"
    (folder / "in").mkdir(parents=True)
    rows = []
    for index in range(count):
        colour = ("red", "blue")[index % 2]
        Image.new("RGB", (40, 64), colour).save(folder / "in" / f"{index}.png")
        caption = f"A {colour} flower, number{index}"
        rows.append(json.dumps({"picture": f"in/{index}.png", "caption": caption}))
    (folder / "captions.jsonl").write_text("\n".join([*rows, *lines]) + "\n")
    return root


def test_a_folder_with_captions_is_a_data_set(tmp_path):
    root = own_folder(tmp_path)
    train, test = (data.load("captioned", root, split) for split in ("train", "test"))
    assert (len(train.images), len(test.images)) == (90, 10) and train.images.shape[1:] == (3, 32, 32)
    language = data.language_of("captioned", root)
    assert language.vocabulary[:4] == ("", "a", "flower", "red") and len(language.examples) == 10
    assert "number0" in language.vocabulary and "number9" not in language.vocabulary  # which is held out
    assert sentences.words(train.labels[1], language.vocabulary) == ["a", "blue", "flower", "number1"]
    assert sentences.words(test.labels[0], language.vocabulary) == ["a", "blue", "flower"]
    assert train.images[0, :, 5, 5].tolist() == [255, 0, 0]


def test_a_model_reads_the_words_that_it_was_trained_on(tmp_path):
    """More captions order the words of the data set at hand anew."""
    root = own_folder(tmp_path, count=200)
    config = resolve("lptext", "captioned", "smoke", epochs=1, images=128, words=300)
    folder = run(config, tmp_path / config.name, data_root=root, device="cpu").path
    model = load(folder)
    assert model.language == data.language_of("captioned", root)
    made = model.sample(2, s="a red flower")
    with (root / "captioned" / "captions.jsonl").open("a") as lines:
        line = json.dumps({"picture": "in/0.png", "caption": "red red red", "split": "train"})
        lines.writelines(f"{line}\n" for _ in range(300))
    assert data.language_of("captioned", root).vocabulary[1] == "red" != model.language.vocabulary[1]
    assert load(folder).sample(2, s="a red flower").equal(made)
    with pytest.raises(UserError, match="captions of other words"):
        run(replace(config, epochs=2), folder, data_root=root, device="cpu")


def test_words_are_counted_through_once_for_all_captions(tmp_path, monkeypatch):
    class Words(tuple):
        times = 0

        def __iter__(self):
            Words.times += 1
            return super().__iter__()

    root, own = own_folder(tmp_path), captioned.language
    monkeypatch.setattr(captioned, "language", lambda root: replace(own(root), vocabulary=Words(own(root).vocabulary)))
    captioned.load_captioned(root, "train")
    assert Words.times == 1


def test_splits_can_be_chosen(tmp_path):
    line = json.dumps({"picture": "in/0.png", "caption": "again", "split": "test"})
    assert len(data.load("captioned", own_folder(tmp_path, line), "test").images) == 11


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "line 101: it is no object"), ("[1]", "line 101: it is no"), ('{"picture": "a.png"}', "line 101: it is no"),
     ('{"picture": "in/0.png", "caption": "..."}', "line 101: picture and caption must be text"),
     ('{"picture": "in/0.png", "caption": "a", "split": "val"}', "split must be train or test, not 'val'"),
     ('{"picture": "in/999.png", "caption": "a"}', "999.png is no picture")],
    ids=["broken", "list", "half", "no word", "split", "no picture"],
)  # fmt: skip
def test_a_wrong_line_is_named(tmp_path, line, said):
    with pytest.raises(UserError, match=re.escape(said)):
        data.load("captioned", own_folder(tmp_path, line))


def test_too_few_pictures_to_test_on_are_refused(tmp_path):
    with pytest.raises(UserError, match="9 pictures to test with: it takes 10"):
        data.load("captioned", own_folder(tmp_path, count=99), "test")


def test_without_the_folder_its_place_is_named(tmp_path):
    with pytest.raises(DataUnavailable, match="captioned/captions.jsonl does not exist"):
        data.load("captioned", tmp_path)


def test_a_model_of_one_s_own_pictures_trains_and_reads(tmp_path, monkeypatch):
    root = own_folder(tmp_path / "data", count=120)
    monkeypatch.setenv("LPRIOR_DATA", str(root))
    config = resolve("lptext", "captioned", "text", epochs=1, falling=0, images=64, batch_size=32, width=2, words=120)
    run(config, tmp_path / "run", device="cpu")
    assert load(tmp_path / "run").sample(2, s="a red flower").shape == (2, 3, 32, 32)
    with pytest.raises(UserError, match="words or more: set words="):
        run(replace(config, settings=replace(config.settings, words=9)), tmp_path / "other", device="cpu")


# The report


def test_the_study_shows_a_row_for_each_kind_of_captions_and_one_for_real_scenes(tmp_path):
    from PIL import Image

    shares = {"seen": 0.9, "newplace": 0.8, "newcolour": 0.7, "shuffled": 0.1, "real": 1.0}
    shares |= {"reconstructed": 0.95, "leastsquares": 0.3, "mean": 0.5}
    measured = {f"caption_{kind}_2k_test": [share, share, share, share, 0.25] for kind, share in shares.items()}
    measured |= {"captionfid_2k_test": 3.25, "variety_test": [3.0, 4.0]}
    runs = [run_with(tmp_path, model, 0, "scenes", "text", **measured) for model in ("lptext", "lptext-fixed")]
    for one in runs:
        Image.new("RGB", (342, 342)).save(one / "samples.png")
    found = STUDIES["text"].render(runs)  # of other scenes than those whose things are counted
    assert found.values["text/all"] == "Of all things together the learned prior was not measured."
    rows = cells(found.tables["text"].rows)
    assert [row[1] for row in rows] == [CAPTIONS[kind] for kind in CAPTIONS if kind != "real"] * 2 + ["their own"]
    assert rows[8] == ["LP-AAE, text, fixed prior", "new place", *["80.0"] * 4, "25.0"]
    assert found.values["text/lptext/newcolour/mean"] == "70.0" and found.values["text/lptext/variety"] == "75.0"
    assert found.values["text/lptext-fixed/fid"] == "3.25" and list(found.figures) == ["text_samples"]
    text = (Path(__file__).parents[1] / "report" / "studies" / "text.tex").read_text()
    assert set(re.findall(r"\\res\{([^}]*)\}", text)) <= found.values.keys()


def test_shares_of_all_things_are_those_of_their_kinds_by_number():
    """As of the published runs, whose kinds are whole numbers of things, which a share of another number is not."""
    for model in ("lptext", "lptext-fixed"):
        path = Path(__file__).parents[1] / "results/published/text" / f"scenes-{model}-s0/metrics.json"
        found = {key.split("_")[1]: value for key, value in json.loads(path.read_text()).items() if "caption_" in key}
        assert len(of_all(found)) == 5
    counts = {"seen": 1456, "newplace": 340, "newcolour": 141}
    shares = {kind: [count / THINGS[kind]] * 5 for kind, count in counts.items()}
    assert of_all(shares) == pytest.approx([sum(counts.values()) / 2987] * 5)
    assert of_all(shares | {"seen": [0.5001] * 5}) is None and of_all({}) is None
    assert all_in_words([0.648, 1, 0.964, 0.995, 0.622]).endswith(r"99.5\,\% of places and 62.2\,\% of all four.")


def test_without_runs_or_of_other_pictures_the_study_shows_nothing(tmp_path):
    unmeasured = run_with(tmp_path, "lptext", 0, "captioned", "text", reconstruction_mse_test=0.1)
    assert not STUDIES["text"].render([unmeasured]).whole
    assert not STUDIES["text"].render([]).whole
