"""Recipes: every file is checked word by word, every one really trains, and the same seed gives the same run."""

import inspect
import itertools
import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from course_gan import data, recipes, train
from course_gan.data import sets
from course_gan.recipes import assembly, pictures, schema, scores
from course_gan.recipes.record import record
from course_gan.recipes.schema import change, changed, coerce, nearest
from course_gan.recipes.sources import Source

SMALL = {"steps": 3, "batch": 8}
CHEAP = {  # so that three steps of a large network do not take seconds
    "dcgan-glyphs": {"generator.width": 4, "critic.width": 4},
    "cyclegan-stripes": {"translator.width": 4, "critic.width": 4, "data.n": 16, "data.pairs": 8, "batch": 2},
    "digits-classifier": {"epochs": 1, "width": 4},
}
MEASURED = {"recipe": "0", "device": "cpu", "seeds": [0, 1], "scores": {"a": [1, 2]}}


def small(name: str, **more: object) -> recipes.Recipe:
    changes = {**SMALL, **CHEAP.get(name, {}), **more}
    if name == "digits-classifier":
        changes = CHEAP[name]
    if name.endswith("-mnist") and not sets.status(sets.find("MNIST"), sets.root()).present:
        pytest.skip("MNIST is not in COURSE_GAN_DATA")
    return recipes.load(name, changes)


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    """Scores of untrained networks need no thousands of samples."""
    for name, count in (("POINTS", 500), ("IMAGES", 64), ("STACKED", 200), ("REFERENCES", 500)):
        monkeypatch.setattr(scores, name, count)


# --- the files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_trains_both_players_and_says_how_well(name, tmp_path):
    recipe = small(name)
    summary = recipes.train_seed(recipe, 0, tmp_path, progress=False)
    assert summary.scores
    assert all(torch.tensor(float(value)).isfinite() for value in summary.scores.values())
    told = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert told["scores"] == summary.scores
    assert told["recipe"] == name
    assert told["provenance"]["versions"]["torch"]
    if recipe.objective == "classifier":
        assert (tmp_path / "classifier.pt").is_file()
        return
    assert summary.steps == 3
    names = {path.name for path in tmp_path.iterdir()}
    assert {"checkpoint.pt", "history.csv", "samples.png", "summary.json"} <= names
    assert (tmp_path / "samples.png").read_bytes()[:4] == b"\x89PNG"
    objective = recipes.build(recipe, 0)[0]
    before, trained = objective.state_dict(), train.load_checkpoint(tmp_path)["state"]["objective"]
    names = {module: name for name, module in objective.named_modules()}
    for module in itertools.chain(*objective.players):
        weights = [f"{names[module]}.{key}" for key, _ in module.named_parameters()]
        assert any(not torch.equal(before[key], trained[key]) for key in weights), names[module]


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_can_be_read_by_people(name):
    recipe = recipes.load(name)
    assert 1 <= recipe.chapter <= 15
    assert recipe.title
    assert len(recipe.see.split()) >= 6  # what one should see is a sentence
    text = (schema.FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert max(map(len, text.splitlines())) <= 120


def test_each_chapter_that_trains_has_a_recipe():
    assert {recipes.load(name).chapter for name in recipes.names()} == {1, *range(3, 16)}
    chapters = [recipes.load(name).chapter for name in recipes.names()]
    assert chapters == sorted(chapters)


# --- what was measured -------------------------------------------------------------------------------------------


def ends(values: tuple[float, ...], share: bool, like: str) -> str:
    """The lowest and the highest value, with as many digits as `like` has, in percent if it is a share."""
    digits = len(like.partition(".")[2])
    low, high = (f"{100 * end if share else end:.{digits}f}" for end in (min(values), max(values)))
    return f"{low}–{high}"


@pytest.mark.parametrize("name", recipes.names())
def test_what_one_should_see_is_what_was_measured(name):
    recipe = recipes.load(name)
    measured = recipe.measured
    if measured is None:
        assert recipe.see.startswith("Not measured")
        assert not re.search(r"\d", recipe.see)
        return
    assert measured.recipe == recipe.fingerprint(measured.device), "the recipe has changed: train and record it again"
    counts = re.findall(r"(\d+) runs?\b", recipe.see)
    assert counts  # in so many of so many
    assert set(map(int, counts)) == {len(measured.seeds)}
    ranges = re.findall(r"(\d+(?:\.\d+)?)–(\d+(?:\.\d+)?)( %)?", recipe.see)
    assert ranges or len(measured.seeds) == 1
    for low, high, percent in ranges:
        found = [ends(values, bool(percent), low) for values in measured.scores.values()]
        assert f"{low}–{high}" in found, f"no score has the range {low}–{high}{percent}: {measured.scores}"


def test_a_recipe_that_trains_something_else_has_another_fingerprint():
    ring = recipes.load("ring")
    same = recipes.load("ring", {"title": "Another", "see": "Nothing.", "gpu.steps": 7})
    assert same.fingerprint() == ring.fingerprint()
    assert same.fingerprint("cuda") != ring.fingerprint("cuda")
    for change_of in ({"steps": 7}, {"loss": "hinge"}, {"critic.hidden": [3]}, {"data.std": 0.5}, {"smoothing": 0.1}):
        assert recipes.load("ring", change_of).fingerprint() != ring.fingerprint()
    penalized = recipes.load("ring", {"penalties": [{"name": "r1", "weight": 0.1}]})
    assert penalized.fingerprint() != ring.fingerprint()
    cyclegan, other = recipes.load("cyclegan-stripes"), recipes.load("cyclegan-stripes", {"options.cycle": 3})
    assert cyclegan.fingerprint() != other.fingerprint()


def test_scores_are_recorded_in_the_recipe_from_its_runs_only(tmp_path, monkeypatch):
    mine = tmp_path / "mine.toml"
    text = (schema.FOLDER / "ring.toml").read_text(encoding="utf-8").partition("\n[measured]")[0]
    mine.write_text(text.replace("steps = 4000", "steps = 3"), encoding="utf-8")
    with pytest.raises(ValueError, match="holds no finished run"):
        record(str(mine), tmp_path / "runs")
    recipe = recipes.load(str(mine))
    found = [recipes.train_seed(recipe, seed, tmp_path / "runs" / f"seed-{seed}", progress=False) for seed in (2, 10)]
    listed = Path.glob
    for last in (False, True):  # whatever order the file system has; the second time it replaces what is there
        monkeypatch.setattr(Path, "glob", lambda *of, last=last: sorted(listed(*of), reverse=last))
        assert record(str(mine), tmp_path / "runs") == mine
        measured = recipes.load(str(mine)).measured
        assert (measured.seeds, measured.device, measured.recipe) == ((2, 10), "cpu", recipe.fingerprint())
        for name, values in measured.scores.items():
            torch.testing.assert_close(values, tuple(float(one.scores[name]) for one in found), rtol=1e-3, atol=0)
    shutil.copy(mine, other := tmp_path / "other.toml")
    other.write_text(other.read_text(encoding="utf-8").replace("steps = 3", "steps = 4"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"Seed 2 in .* was not trained as other\.toml says"):
        record(str(other), tmp_path / "runs")


def test_a_summary_has_the_fingerprint_of_what_was_trained_on_its_device(tmp_path, monkeypatch):
    monkeypatch.setattr("course_gan.provenance.collect", lambda device: {})
    ring, summary = recipes.load("ring"), recipes.Summary(0, {"modes": 8}, 3, 1.0)
    for kind in ("cpu", "cuda"):
        recipes.training._write(ring, summary, {}, tmp_path, kind)
        told = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
        assert told["fingerprint"] == ring.fingerprint(kind)
    assert ring.fingerprint("cpu") != ring.fingerprint("cuda")


# --- building ----------------------------------------------------------------------------------------------------


def test_the_same_seed_builds_the_same_networks_and_another_seed_others():
    recipe = small("ring")
    first, second, other = (recipes.build(recipe, seed)[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_building_neither_uses_nor_changes_the_global_random_state():
    before = torch.get_rng_state()
    recipes.build(small("conditional-digits"), 0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    one = recipes.build(small("ring"), 0)[0].state_dict()
    torch.manual_seed(1)
    two = recipes.build(small("ring"), 0)[0].state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_the_two_networks_do_not_start_from_the_same_numbers():
    objective = recipes.build(small("cyclegan-stripes"), 0)[0]
    to_b, to_a = objective.to_b.state_dict(), objective.to_a.state_dict()
    assert any(not torch.equal(to_b[key], to_a[key]) for key in to_b)


def test_weights_and_noise_have_other_random_numbers(monkeypatch):
    weights = torch.randn(4, generator=torch.Generator().manual_seed(assembly._weights_of(0)))
    assert not torch.equal(weights, torch.randn(4, generator=torch.Generator().manual_seed(0)))
    assert assembly._weights_of(0) != assembly._weights_of(1)
    built = recipes.build(small("ring"), 0)[0].state_dict()
    monkeypatch.setattr(assembly, "_weights_of", lambda seed: 3)
    first, second = (recipes.build(small("ring"), seed)[0].state_dict() for seed in (0, 1))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], built[key]) for key in first)


def test_the_networks_fit_the_data():
    objective, batches, settings = recipes.build(recipes.load("stacked-digits", SMALL), 3)
    batch = next(batches)
    assert batch.shape == (8, 3, 8, 8)
    assert objective.critic(batch).shape == (8,)
    assert objective.generator(torch.randn(2, objective.latent)).shape == (2, 3, 8, 8)
    assert (settings.seed, settings.device) == (3, "cpu")
    assert [penalty.name for penalty in objective.penalties] == ["r1", "r2"]
    assert objective.loss.name == "relativistic"


def test_what_a_recipe_says_of_networks_and_objective_is_what_is_built():
    objective, _, _ = recipes.build(
        small("ring", loss="minimax", smoothing=0.25, **{"generator.hidden": [5], "critic.hidden": [7, 3]}), 0
    )
    for player, wanted in ((objective.generator, {5}), (objective.critic, {7, 3})):
        biases = {module.out_features for module in player.modules() if isinstance(module, torch.nn.Linear)}
        assert biases - {1, 2} == wanted
    assert (objective.loss.name, objective.loss.coding) == ("minimax", "smoothing 0.25")
    objective, _, _ = recipes.build(small("cyclegan-stripes", **{"options.cycle": 3, "options.identity": 0.5}), 0)
    assert (objective.cycle, objective.identity) == (3.0, 0.5)


def test_players_that_are_told_something_look_at_all_they_get():
    objective, batches, _ = recipes.build(small("two-futures"), 0)
    x, past = (part.requires_grad_() for part in next(batches))
    z = torch.randn(len(x), objective.latent, generator=draw()).requires_grad_()
    for output, inputs in ((objective.generator(z, past), (z, past)), (objective.critic(x, past), (x, past))):
        for gradient in torch.autograd.grad(output.sum(), inputs):
            assert gradient.flatten(1).any(1).all()


@pytest.mark.parametrize("name", ["ring", "cyclegan-stripes"])
def test_each_seed_and_each_of_several_processes_gets_rows_of_its_own(name, monkeypatch):
    monkeypatch.setattr(assembly, "rank", lambda: 1)
    monkeypatch.setattr(assembly, "world", lambda: 2)
    batches = recipes.build(small(name), 5)[1]
    assert (batches.seed, batches.rank, batches.world) == (5, 1, 2)


def test_the_encoder_has_the_generators_latent():
    objective, _, _ = recipes.build(small("bigan-digits", **{"generator.latent": 5}), 0)
    assert objective.encoder(torch.zeros(2, 1, 8, 8)).shape == (2, 5)


def test_sizes_follow_the_kind_of_device():
    recipe = recipes.load("ring")
    assert recipe.sized("cpu")["steps"] == recipe.settings["steps"]
    assert recipe.sized("cuda")["steps"] == recipe.gpu["steps"] > recipe.settings["steps"]
    assert assembly.settings(recipe, device="cuda").steps == recipe.gpu["steps"]
    # What somebody sets holds on every device.
    changed_recipe = recipes.load("ring", {"steps": 7})
    assert changed_recipe.sized("cuda")["steps"] == changed_recipe.sized("cpu")["steps"] == 7


def test_a_classifier_is_no_gan():
    with pytest.raises(ValueError, match="train_classifier"):
        recipes.build(small("digits-classifier"))


# --- checking ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"loss": "hinges"}, "hinges"),
        ({"chapter": "six"}, "chapter is 'six'; wanted a whole number"),
        ({"batch": 3.5}, r"settings\.batch is 3\.5; wanted a whole number"),
        ({"batch": True}, r"settings\.batch is True; wanted a whole number"),
        ({"batch": -1}, "batch is -1"),
        ({"ema": "often"}, r"settings\.ema is 'often'; wanted a number"),
        ({"ema": True}, r"settings\.ema is True; wanted a number"),
        ({"betas": 0.5}, r"settings\.betas is 0\.5; wanted a list of numbers"),
        ({"optimizer": "adamw"}, r"'adam', 'rmsprop', 'sgd'"),
        ({"settings.critic_step": 5}, r"Did you mean 'critic_steps'\?"),
        ({"settings.seed": 5}, "'seed' is no key of settings"),
        ({"generator.hiden": [4]}, r"Did you mean 'hidden'\?"),
        ({"generator.hidden": 4}, r"generator\.hidden is 4; wanted a list of whole numbers"),
        ({"generator.name": "mpl"}, r"Did you mean 'mlp'\?"),
        ({"generator.shape": [2]}, "'shape' is no key of generator"),
        ({"generator": {"latent": 3}}, "generator has no name"),
        ({"critic.name": 3}, "critic has no name"),
        ({"data.modus": 3}, r"Did you mean 'modes'\?"),
        ({"data.name": "rings"}, r"Did you mean 'ring'\?"),
        ({"penalties": [{"name": "r3", "weight": 1.0}]}, "r3"),
        ({"penalties": [{"name": "r1"}]}, "penalties lacks weight"),
        ({"penalties": [{"name": "r1", "weight": 1, "evry": 2}]}, r"Did you mean 'every'\?"),
        ({"penalties": "r1"}, r"wanted tables \[\[penalties\]\]"),
        ({"objective": "wgan"}, "'gan', 'bigan', 'cyclegan', 'classifier'"),
        ({"objective": "bigan"}, "encoder has no name"),
        ({"encoder.name": "bigan"}, "has a table encoder, which the objective gan lacks"),
        ({"options.cycle": 3}, "'cycle' is no key of options; there are none"),
        ({"titel": "x"}, r"Did you mean 'title'\?"),
        ({"title.x": 1}, "'title' is no table"),
        ({"gpu.stepps": 3}, r"Did you mean 'steps'\?"),
        ({"gpu.steps": 0}, "steps is 0"),
        ({"smoothing": 2.0}, "smoothing"),
        ({"measured": 3}, r"wanted a table \[measured\]"),
        ({"measured": {"seeds": [0]}}, "measured lacks recipe, device, scores"),
        (
            {"measured": {**MEASURED, "scores": {"a": [1, 2], "b": [1]}}},
            r"a number for each of the seeds \[0, 1",
        ),
        ({"measured": {**MEASURED, "scores": {"a": ["many", 1]}}}, r"an entry of measured\.scores\.a is 'many'"),
        ({"measured": {**MEASURED, "scores": {}}}, "wanted a number for each"),
        ({"measured": {**MEASURED, "date": "today"}}, "'date' is no key of measured"),
    ],
)
def test_a_mistake_is_named_with_what_is_wanted(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        recipes.load("ring", changes)


def test_penalties_are_for_the_game_that_has_them():
    with pytest.raises(ValueError, match="objective gan only"):
        recipes.load("bigan-digits", {"penalties": [{"name": "r1", "weight": 1.0}]})


@pytest.mark.parametrize("name", ["rings", "wgan", "nothing-like-it"])
def test_an_unknown_recipe_lists_those_there_are(name):
    with pytest.raises(ValueError, match=r"no recipe\. .*There are: .*wgan-gp"):
        recipes.load(name)


def test_a_file_of_ones_own_is_a_recipe(tmp_path):
    text = (schema.FOLDER / "ring.toml").read_text(encoding="utf-8").replace("modes = 8", "modes = 3")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    recipe = recipes.load(str(tmp_path / "mine.toml"))
    assert recipe.name == "mine"
    assert assembly.source(recipe).mixture.modes == 3
    with pytest.raises(ValueError, match="There is no file"):
        recipes.load(str(tmp_path / "other.toml"))
    (tmp_path / "broken.toml").write_text("title = \n", encoding="utf-8")
    with pytest.raises(ValueError, match="is no TOML"):
        recipes.load(str(tmp_path / "broken.toml"))
    (tmp_path / "short.toml").write_text('title = "x"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="lacks chapter, see, data, settings"):
        recipes.load(str(tmp_path / "short.toml"))


def test_whole_numbers_stand_for_numbers_and_lists_for_tuples():
    assert isinstance(recipes.load("ring", {"data.radius": 2}).data["radius"], int)  # as written …
    assert isinstance(assembly._choice(recipes.SOURCES, {"name": "ring", "radius": 2}, "data", ())[1]["radius"], float)
    assert coerce([1, 2], tuple[float, float], "x") == (1.0, 2.0)
    assert coerce([1, 2, 3], tuple[int, ...], "x") == (1, 2, 3)
    assert coerce(3, float | None, "x") == 3.0
    assert coerce("a", str | None, "x") == "a"
    with pytest.raises(ValueError, match=r"x is \[0\.5\]; wanted a list of numbers"):
        coerce([0.5], tuple[float, float], "x")
    with pytest.raises(ValueError, match="x is 'a'; wanted a number"):
        coerce("a", float | None, "x")
    with pytest.raises(ValueError, match="an entry of x"):
        coerce(["a"], tuple[int, ...], "x")


def test_changes_leave_the_original_alone():
    content = {"settings": {"steps": 5}, "gpu": {"steps": 50, "batch": 2}, "loss": "hinge"}
    result = changed(content, {"steps": 7, "loss": "minimax", "critic.width": 3})
    assert result == {"settings": {"steps": 7}, "gpu": {"batch": 2}, "loss": "minimax", "critic": {"width": 3}}
    assert content == {"settings": {"steps": 5}, "gpu": {"steps": 50, "batch": 2}, "loss": "hinge"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("batch=64", ("batch", 64)),
        ("generator.hidden = [64, 64]", ("generator.hidden", [64, 64])),
        ("loss=f-gan:kl", ("loss", "f-gan:kl")),
        ("critic_rate=1e-4", ("critic_rate", 1e-4)),
        ("compile=true", ("compile", True)),
        ('loss="hinge"', ("loss", "hinge")),
    ],
)
def test_a_change_is_read_as_toml_or_as_text(text, expected):
    assert change(text) == expected
    for wrong in ("batch", "=3", "batch="):
        with pytest.raises(ValueError, match="wanted key=value"):
            change(wrong)


def test_the_nearest_name_is_named_only_if_it_is_near():
    assert "Did you mean" not in nearest("zzz", ["abc"], "x")
    assert nearest("abd", ["abc", "xyz"], "x") == "'abd' is no x. Did you mean 'abc'? There are: abc, xyz."


# --- sources and scores ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in recipes.SOURCES if name not in ("real-set", "stacked-mnist")])
def test_every_source_gives_rows_of_the_shape_it_says(name):
    options = {"mixture-1d": {"weights": [0.5, 0.5], "means": [-1.0, 1.0], "stds": [1.0, 1.0]}, "stripes": {"n": 10}}
    function = recipes.SOURCES[name]
    rows: Source = function(**options.get(name, {}))
    drawn = rows.real(5, torch.Generator().manual_seed(0))
    again = rows.real(5, torch.Generator().manual_seed(0))
    first, second = (one if isinstance(one, torch.Tensor) else one[0] for one in (drawn, again))
    assert first.shape == (5, *rows.shape)
    assert torch.equal(first, second)
    if "labels" in inspect.signature(function).parameters:
        images, labels = function(labels=True).real(5, torch.Generator().manual_seed(0))
        assert images.shape[0] == labels.shape[0] == 5
        assert labels.dtype == torch.int64
    if rows.given:
        assert drawn[1].shape == (5, *rows.given)


@pytest.mark.parametrize(("name", "radius"), [("ring", 1.0), ("grid", 32**0.5)])
def test_a_scale_shrinks_centers_and_deviations_alike(name, radius):
    mixture = recipes.SOURCES[name](scale=0.5).mixture
    assert mixture.centers.norm(dim=1).max().item() == pytest.approx(radius / 2)
    assert mixture.std == pytest.approx(recipes.SOURCES[name]().mixture.std / 2)


@pytest.mark.parametrize(("name", "sampler"), [("swiss-roll", data.swiss_roll), ("two-moons", data.two_moons)])
def test_the_noise_of_a_source_is_the_one_asked_for(name, sampler):
    assert torch.equal(recipes.SOURCES[name](noise=0.5).real(9, draw()), sampler(0.5)(9, draw()))


def test_a_real_set_has_as_many_classes_as_its_labels(monkeypatch):
    images, labels = torch.zeros(6, 3, 4, 4, dtype=torch.uint8), torch.tensor([0, 1, 2, 2, 1, 0])
    monkeypatch.setattr(data, "load", lambda name: (images, labels))
    rows = recipes.SOURCES["real-set"](set="any", labels=True)
    assert (rows.shape, rows.classes) == ((3, 4, 4), 3)
    assert torch.equal(rows.rows[1], labels)


def test_rows_of_a_set_are_picked_at_random_and_stay_together():
    numbers = torch.arange(1000)
    first, second = Source((numbers, -numbers), ()).real(100, draw())
    assert torch.equal(first, -second)
    assert len(first.unique()) == 100
    assert 300 < first.double().mean() < 700  # seven standard errors


class Fixed(torch.nn.Module):
    """A player that gives what it was made with, whatever it is told."""

    def __init__(self, give, latent=2):
        super().__init__()
        self.latent, self.give = latent, give
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, z, *told):
        return self.give(z, *told)


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_perfect_generator_scores_as_one_and_a_collapsed_one_does_not():
    recipe = recipes.load("ring")
    rows = assembly.source(recipe)
    noise = draw(1)
    perfect = recipes.score(recipe, rows, {"generator": Fixed(lambda z: rows.mixture.sample(len(z), noise))})
    assert perfect["modes"] == 8
    # 500 samples of a share of 0.98889: within four standard errors.
    assert abs(perfect["high quality"] - 0.98889) < 4 * (0.98889 * 0.01111 / 500) ** 0.5
    center = rows.mixture.centers[0]
    collapsed = recipes.score(recipe, rows, {"generator": Fixed(lambda z: center.expand(len(z), 2))})
    assert (collapsed["modes"], collapsed["high quality"]) == (1, 1.0)
    off = center + torch.tensor([0.0, 4 * rows.mixture.std])
    missed = recipes.score(recipe, rows, {"generator": Fixed(lambda z: off.expand(len(z), 2))})
    assert (missed["modes"], missed["high quality"]) == (0, 0.0)
    assert collapsed["wasserstein"] > 1 > 0.3 > perfect["wasserstein"]
    # The distances from one center to all eight have the mean cot(π/16) / 4 = 1.257, and the root mean square 1.414.
    assert abs(collapsed["wasserstein"] - 1.257) < 0.12  # four standard errors of 500


def test_points_on_the_line_are_scored_by_their_distance():
    recipe = recipes.load("four-panels")
    rows = assembly.source(recipe)
    shifted = recipes.score(recipe, rows, {"generator": Fixed(lambda z: rows.mixture.sample(len(z), draw(1)) + 3)})
    assert set(shifted) == {"wasserstein"}
    assert abs(shifted["wasserstein"] - 3) < 0.3


def test_a_generator_without_hidden_layer_is_the_gaussian_that_it_makes():
    recipe = recipes.load("fgan-univariate")

    def give(z):
        return 1.5 + 3 * z[:, :1] - 4 * z[:, 1:]

    found = recipes.score(recipe, assembly.source(recipe), {"generator": Fixed(give, latent=2)})
    assert set(found) == {"wasserstein", "mean", "standard deviation"}
    assert (found["mean"], found["standard deviation"]) == (1.5, 5.0)


def test_the_class_asked_for_is_compared_with_the_class_made(monkeypatch):
    monkeypatch.setattr(scores, "IMAGES", 1000)  # the nearest of few digits is often another one
    recipe = recipes.load("conditional-digits")
    rows = assembly.source(recipe)
    images, labels = data.digits()
    first = torch.stack([images[labels == digit][0] for digit in range(10)])
    right = recipes.score(recipe, rows, {"generator": Fixed(lambda z, asked: first[asked])})
    wrong = recipes.score(recipe, rows, {"generator": Fixed(lambda z, asked: first[(asked + 1) % 10])})
    assert right["class as asked"] > 0.8
    assert wrong["class as asked"] < 0.2


def test_one_real_digit_again_and_again_is_precise_and_recalls_nothing():
    recipe = recipes.load("digits")
    digit = data.digits()[0][:1]
    found = recipes.score(
        recipe, assembly.source(recipe), {"generator": Fixed(lambda z: digit.expand(len(z), 1, 8, 8))}
    )
    assert found["recall"] == 0
    assert found["precision"] > 0.9


def test_nearest_labels_are_right_on_real_digits():
    images, labels = data.digits()
    found = scores.nearest_label(images[:300], images[300:], labels[300:])
    assert (found == labels[:300]).double().mean() > 0.94


def test_stacked_digits_count_modes_over_all_three_channels(monkeypatch):
    monkeypatch.setattr(scores, "STACKED", 2000)
    recipe = recipes.load("stacked-digits")
    rows = assembly.source(recipe)
    noise = draw(2)
    found = recipes.score(recipe, rows, {"generator": Fixed(lambda z: rows.rows(len(z), noise))})
    assert abs(found["modes of 1000"] - 1000 * (1 - 0.999**2000)) < 40  # 865 expected, standard deviation about 9
    one = rows.rows(1, draw())
    assert (
        recipes.score(recipe, rows, {"generator": Fixed(lambda z: one.expand(len(z), 3, 8, 8))})["modes of 1000"] == 1
    )


def test_translations_are_scored_on_the_withheld_pairs():
    recipe = recipes.load("cyclegan-stripes", {"data.n": 8, "data.pairs": 6})
    rows = assembly.source(recipe)
    plain, striped = rows.pairs
    same = Fixed(lambda x: x)
    assert recipes.score(recipe, rows, {"to_b": same, "to_a": same}) == {"error to b": 1.0, "error to a": 1.0}
    exact = {"to_b": Fixed(lambda x: striped), "to_a": Fixed(lambda x: plain)}
    assert recipes.score(recipe, rows, exact) == {"error to b": 0.0, "error to a": 0.0}


def test_translations_are_shown_below_what_was_translated():
    rows = assembly.source(recipes.load("cyclegan-stripes", {"data.n": 8, "data.pairs": 9}))
    players = {"to_b": Fixed(lambda x: -x), "to_a": Fixed(lambda x: x / 2)}
    a, b = (images[:8] for images in rows.pairs)
    assert torch.equal(pictures._there_and_back(rows, players), torch.cat([a, -a, b, b / 2]))


def test_an_inverse_is_told_from_an_encoder_that_knows_nothing():
    recipe = recipes.load("bigan-digits")
    rows = assembly.source(recipe)
    flat = {
        "encoder": Fixed(lambda x: x.flatten(1)),
        "generator": Fixed(lambda z: z.reshape(-1, 1, 8, 8), latent=64),
    }
    assert recipes.score(recipe, rows, flat)["reconstruction error"] == 0
    blind = flat | {"encoder": Fixed(lambda x: torch.zeros(len(x), 64))}
    assert abs(recipes.score(recipe, rows, blind)["of another image's"] - 1) < 0.05
    halfway = flat | {"generator": Fixed(lambda z: z.reshape(-1, 1, 8, 8) / 2, latent=64)}
    assert 0 < recipes.score(recipe, rows, halfway)["of another image's"] < 0.9


def test_futures_are_told_from_ghosts():
    recipe = recipes.load("two-futures")
    rows = assembly.source(recipe)
    ghosts = recipes.score(recipe, rows, {"generator": Fixed(lambda z, past: data.conditional_mean(past))})
    assert ghosts["ghosts"] == 1
    left = recipes.score(recipe, rows, {"generator": Fixed(lambda z, past: data.both_futures(past)[0])})
    assert (left["left"], left["right"], left["ghosts"]) == (1, 0, 0)


def test_scoring_is_in_evaluation_mode_and_leaves_the_mode_as_it_was():
    recipe = recipes.load("ring")
    rows = assembly.source(recipe)
    seen = []
    player = Fixed(lambda z: seen.append(player.training) or z)
    recipes.score(recipe, rows, {"generator": player})
    assert player.training
    assert not any(seen)
    assert player.weight.grad is None


def test_the_averaged_generator_is_the_one_that_is_judged():
    objective, _, _ = recipes.build(small("digits"), 0)
    average = torch.nn.Identity()
    assert recipes.training.players_of(objective, average)["generator"] is average
    assert recipes.training.players_of(objective)["generator"] is objective.generator
    objective, _, _ = recipes.build(small("cyclegan-stripes"), 0)
    assert recipes.training.players_of(objective, average) == {"to_b": average, "to_a": objective.to_a}
    assert recipes.training.players_of(objective) == {"to_b": objective.to_b, "to_a": objective.to_a}


# --- resuming ----------------------------------------------------------------------------------------------------


def test_resuming_does_only_the_steps_that_are_left(tmp_path, monkeypatch):
    recipe = recipes.load("ring", {"steps": 3, "batch": 8})
    recipes.train_seed(recipe, 0, tmp_path, progress=False)
    done = []
    monkeypatch.setattr("course_gan.train.loop.step", lambda state, batches: done.append(1) or 1 / 0)
    assert recipes.train_seed(recipe, 0, tmp_path, resume=True, progress=False).steps == 3
    assert not done
    with pytest.raises(ZeroDivisionError):
        recipes.train_seed(recipe, 0, tmp_path, progress=False)


def test_a_recipe_goes_on_exactly_where_it_was(tmp_path):
    whole = recipes.load("ring", {"steps": 6, "batch": 8})
    part = recipes.load("ring", {"steps": 3, "batch": 8})
    expected = recipes.train_seed(whole, 0, tmp_path / "a", progress=False)
    recipes.train_seed(part, 0, tmp_path / "b", progress=False)
    found = recipes.train_seed(whole, 0, tmp_path / "b", resume=True, progress=False)
    assert found.scores == expected.scores
    assert (tmp_path / "a" / "history.csv").read_text() == (tmp_path / "b" / "history.csv").read_text()
    # Resuming what is finished changes nothing, and resuming what was never begun begins it.
    again = recipes.train_seed(whole, 0, tmp_path / "b", resume=True, progress=False)
    begun = recipes.train_seed(whole, 0, tmp_path / "c", resume=True, progress=False)
    assert again.scores == begun.scores == expected.scores


def test_two_seeds_do_not_train_alike(tmp_path):
    recipe = small("ring")
    first, second = (recipes.train_seed(recipe, seed, tmp_path / str(seed), progress=False) for seed in (0, 1))
    assert first.scores != second.scores


def test_names_are_in_the_order_of_the_chapters_and_each_only_once():
    found = recipes.names()
    assert len(set(found)) == len(found)
    assert {Path(name).stem for name in found} == {path.stem for path in schema.FOLDER.glob("*.toml")}
    assert all(a != b for a, b in itertools.pairwise(found))
