"""Models of users, and the sentence that each gets, or that it works."""

import keras
import numpy as np
import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.example_galaxies import drawn_galaxies
from workflow_scripts.networks.model_files import load_checked, write_model
from workflow_scripts.networks.model_trial import as_classifier, check_scores_differ, reason_of

SHAPE = (32, 32, 3)
IMAGES = drawn_galaxies(SHAPE)
layers = keras.layers


def body(pixels, units=1, activation="sigmoid", rescaled=True):
    x = layers.Rescaling(1 / 255)(pixels) if rescaled else pixels
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x))
    return layers.Dense(units, activation=activation, name="end")(x)


def functional(outputs, shape=SHAPE):
    pixels = layers.Input(shape)
    return keras.Model(pixels, outputs(pixels))


def made_by_fit():
    """A Sequential without Input, whose stated shapes are those of its last batch."""
    model = keras.Sequential([layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.Flatten()])
    model.add(layers.Dense(1, "sigmoid"))
    model(np.zeros((16, *SHAPE), np.float32))
    return model


def with_lambda_loss():
    model = functional(body)
    model.compile("adam", loss=lambda truth, score: keras.ops.mean(truth - score))
    return model


class Squeeze(layers.Layer):
    """As if from a module of the user."""

    __module__ = "my_layers"

    def call(self, x):
        return x


def twice(x):
    return 2 * x


def low_precision():
    with_policy = keras.Sequential([layers.Input(SHAPE), layers.Rescaling(1 / 255), layers.Flatten()])
    with_policy.add(layers.Dense(2, "softmax", dtype="bfloat16"))
    return with_policy


def saved(model, tmp_path):
    path = tmp_path / "mine.keras"
    model.save(path)
    return str(path)


def entry(path, **changes):
    return {"architecture": "file", "path": path, "weights": None, "mode": "annotate", **changes}


WORKS = {
    "sequential_made_by_fit": (made_by_fit, {}, 2),
    "dict_of_one_output": (lambda: functional(lambda x: {"spiral": body(x)}), {}, 2),
    "list_of_one_output": (lambda: functional(lambda x: [body(x)]), {}, 2),
    "lambda_in_the_loss": (with_lambda_loss, {}, 2),
    "softmax_of_two": (lambda: functional(lambda x: body(x, 2, "softmax")), {}, 2),
    "three_classes": (lambda: functional(lambda x: body(x, 3, "softmax")), {}, 3),
    "logits_declared": (lambda: functional(lambda x: body(x, activation=None)), {"outputs": "logits"}, 2),
    "two_logits_declared": (lambda: functional(lambda x: body(x, 2, None)), {"outputs": "logits"}, 2),
    "values_0_to_1_declared": (lambda: functional(lambda x: body(x, rescaled=False)), {"input_range": [0, 1]}, 2),
}


@pytest.mark.filterwarnings("ignore:.*lambda")
@pytest.mark.parametrize("name", WORKS)
def test_a_model_that_works_gives_probabilities_of_any_number_of_images(name, tmp_path):
    make, declared, n_classes = WORKS[name]
    original = make()
    model = build_model(entry(saved(original, tmp_path), **declared), SHAPE, n_classes, IMAGES)
    given = original(IMAGES.astype("float32") / (255 if "input_range" in declared else 1))
    expected = np.asarray(next(iter(given.values())) if isinstance(given, dict) else keras.tree.flatten(given)[0])
    if "outputs" in declared:
        activation = keras.activations.sigmoid if expected.shape[1] == 1 else keras.activations.softmax
        expected = np.asarray(activation(expected))
    np.testing.assert_allclose(model(IMAGES.astype("float32")), expected, atol=1e-6)
    # As a finished model is handed on to the annotation, which reads it like any other.
    write_model(tmp_path / "written.keras", model, {})
    again = load_checked(tmp_path / "written.keras", SHAPE, n_classes)
    np.testing.assert_allclose(again(IMAGES[:3].astype("float32")), expected[:3], atol=1e-6)
    assert again.output_shape[0] is None


REFUSED = {
    "two_outputs": (
        lambda: functional(lambda x: {"spiral": body(x), "bar": layers.Flatten()(x)}),
        {},
        "gives 2 outputs, 'spiral' of shape (n, 1) and 'bar' of shape (n, 3072); expected one, the scores",
    ),
    "lambda_layer": (
        lambda: functional(lambda x: body(layers.Lambda(twice, name="my_scaling")(x))),
        {},
        "has a layer 'my_scaling' of class Lambda, which can run code or open files, and is not loaded",
    ),
    "own_layer": (
        lambda: functional(lambda x: body(Squeeze(name="squeeze_and_excitation_of_the_third_block")(x))),
        {},
        "has a layer 'squeeze_and_excitation_of_the_third_block' of class Squeeze from"
        " my_layers, expected layers and functions of Keras only",
    ),
    "own_activation": (
        lambda: functional(lambda x: body(x, activation=twice)),
        {},
        "has the function twice, expected layers and functions of Keras only",
    ),
    "softmax_in_low_precision": (
        low_precision,
        {},
        "gives its scores as bfloat16, in which probabilities are rounded to two or three digits; expected float32"
        " (in Keras: dtype='float32' for the last layer)",
    ),
    "logits": (
        lambda: functional(lambda x: body(x, activation=None)),
        {},
        "its last layer 'end' has no activation, expected probabilities (a sigmoid or softmax at the end), or outputs:"
        " logits for this network",
    ),
    "logits_declared_of_probabilities": (
        lambda: functional(body),
        {"outputs": "logits"},
        "its last layer 'end' is a sigmoid, which gives probabilities; expected a network without outputs: logits",
    ),
    "other_size": (
        lambda: functional(body, (64, 64, 3)),
        {},
        "takes input of shape (n, 64, 64, 3), the recipe gives images of shape (n, 32, 32, 3)",
    ),
    "channels_first": (
        lambda: functional(lambda x: body(layers.Permute((2, 3, 1))(x)), (3, 32, 32)),
        {},
        "takes input of shape (n, 3, 32, 32), the recipe gives images of shape (n, 32, 32, 3)",
    ),
    "two_inputs": (
        lambda: keras.Model([a := layers.Input(SHAPE, name="g"), b := layers.Input(SHAPE, name="r")], body(a + b)),
        {},
        "takes 2 inputs ('g' and 'r'), expected one, the images",
    ),
    "two_sigmoids": (
        lambda: functional(lambda x: body(x, 2, "sigmoid")),
        {},
        "expected probabilities (a sigmoid or softmax at the end)",
    ),
    "three_for_two_classes": (
        lambda: functional(lambda x: body(x, 3, "softmax")),
        {},
        "gives output of shape (n, 3), expected (n, 1) or (n, 2) for 2 classes",
    ),
    "a_map": (
        lambda: functional(lambda x: layers.Conv2D(1, 1, activation="sigmoid")(x)),
        {},
        "gives output of shape (n, 32, 32, 1), expected (n, 1) or (n, 2) for 2 classes",
    ),
    "one_batch_size_only": (
        lambda: functional(lambda x: layers.Dense(1, "sigmoid")(keras.ops.reshape(layers.Flatten()(x), (2, 6144)))),
        {},
        "gives output of shape (2, 1) for 4 images, expected (n, 1) or (n, 2) for 2 classes",
    ),
}


@pytest.mark.filterwarnings("ignore:.*lambda")
@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_does_not_work_gets_one_sentence(name, tmp_path):
    make, declared, sentence = REFUSED[name]
    path = saved(make(), tmp_path)
    with pytest.raises(InputError) as refused:
        build_model(entry(path, **declared), SHAPE, 2, IMAGES)
    assert str(refused.value).startswith(f"{path}: ")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
def test_a_model_without_weights_is_not_drawn_at_random(tmp_path):
    never_called = keras.Sequential([layers.Flatten(), layers.Dense(1, "sigmoid")])
    with pytest.raises(InputError, match="was saved before its first call, without weights; expected a model with an"):
        build_model(entry(saved(never_called, tmp_path)), SHAPE, 2, IMAGES)


def made_for_values_0_to_1():
    model = functional(lambda x: layers.Dense(1, "sigmoid", name="end")(layers.Flatten()(x)))
    model.get_layer("end").set_weights([np.full((3072, 1), 0.01), np.full(1, -1.0)])
    return model


def test_a_model_for_other_pixel_values_is_named():
    model = made_for_values_0_to_1()
    sentence = r"gives the same score, 1, to 4 galaxies and to noise; with pixel values from 0 to 1 its scores are 0\."
    with pytest.raises(InputError, match=sentence + r".*, or input_range: \[0, 1\] for this network"):
        check_scores_differ("mine.keras", model, IMAGES, {"mode": "annotate"})
    scaled = as_classifier("mine.keras", model, IMAGES, 2, {"input_range": [0, 1]})
    assert np.ptp(check_scores_differ("mine.keras", scaled, IMAGES, {"mode": "annotate", "input_range": [0, 1]})) > 0.01


def test_a_model_that_says_the_same_of_all():
    model = functional(lambda x: layers.Dense(1, "sigmoid", kernel_initializer="zeros")(layers.Flatten()(x)))
    with pytest.raises(
        InputError, match=r"the same score, 0\.5, to 4 galaxies and to noise; expected a model that tells"
    ):
        check_scores_differ("mine.keras", model, IMAGES, {"mode": "annotate"})
    # It can be trained.
    assert check_scores_differ("mine.keras", model, IMAGES, {"mode": "fine_tune"}).tolist() == [[0.5]] * 4


def test_what_keras_says_in_one_line():
    model = keras.Sequential([layers.Flatten(), layers.Dense(4), layers.Reshape((5,), name="fold")])
    with pytest.raises(ValueError, match="Reshape") as failed:
        model(np.zeros((4, *SHAPE), np.float32))
    sentence = reason_of(failed.value)
    assert sentence.startswith("Exception encountered when calling Reshape.call(): The total size of the tensor must")
    assert "\n" not in sentence
    assert "Arguments" not in sentence
    assert reason_of(MemoryError()) == "MemoryError"
    assert reason_of(ValueError("word " * 100)).endswith("word ...")


def test_new_weights_for_the_layers_of_a_given_model(tmp_path):
    original = functional(body)
    path = saved(original, tmp_path)
    keras.utils.set_random_seed(1)
    first = build_model(entry(path, mode="from_scratch"), SHAPE, 2)
    second = build_model(entry(path, mode="from_scratch"), SHAPE, 2)
    keras.utils.set_random_seed(1)
    again = build_model(entry(path, mode="from_scratch"), SHAPE, 2)
    kernels = [np.asarray(model.trainable_variables[0]) for model in (original, first, second, again)]
    assert not np.allclose(kernels[0], kernels[1])
    assert not np.allclose(kernels[1], kernels[2])
    np.testing.assert_array_equal(kernels[1], kernels[3])


def test_the_table_of_the_documentation(repository):
    """docs/networks.md has the sentences that eight of these models get."""
    text = (repository / "docs" / "networks.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "what is said" not in line]
    for name in ("logits", "softmax_in_low_precision", "own_layer", "other_size"):
        assert any(f"| {REFUSED[name][2]}" in row for row in rows), name
    with pytest.raises(InputError) as refused:
        check_scores_differ("mine.keras", made_for_values_0_to_1(), IMAGES, {"mode": "annotate"})
    assert any(str(refused.value).removeprefix("mine.keras: ") in row for row in rows)
    assert sum(row.endswith("| works |") for row in rows) == 3
