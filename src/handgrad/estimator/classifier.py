"""The classifier: scikit-learn's methods around the recipe, the loop and the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import KW_ONLY, dataclass, replace
from numbers import Integral
from typing import Any, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from handgrad import engine as engines
from handgrad import progress
from handgrad.architecture import Architecture
from handgrad.data import Samples
from handgrad.engine import Engine
from handgrad.errors import InputError
from handgrad.estimator.inputs import Labeled, Shape, as_rows, callables_of, ranges_of, with_channels
from handgrad.estimator.logarithms import log_probabilities
from handgrad.estimator.translation import (
    architecture_of,
    held_out,
    introduction,
    own_names,
    recipe_of,
    sees_no_image,
    warn_of_no_effect,
)
from handgrad.model import Model
from handgrad.standardization import Standardization
from handgrad.training import Callback, Recipe, State, train
from handgrad.typing import Array

_DEFAULT = Recipe()

_ENGINES: WeakKeyDictionary[HandgradClassifier, tuple[Any, Engine]] = WeakKeyDictionary()
"""Each classifier's engine; not an attribute, since classifiers must be copied and pickled."""


# A dataclass for its __init__ alone: scikit-learn wants one that keeps every parameter as it is.
@dataclass(eq=False, repr=False)
class HandgradClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The notes' convolutional network, trained with handgrad's recipe.

    Parameters and attributes have the names of ``sklearn.neural_network.MLPClassifier`` where they mean the same.
    There is no ``alpha``: AdamW's weight decay is decoupled from the gradient, so it pulls on all weights equally.
    There is no ``tol``: the schedule of the learning rate is made for ``max_iter`` epochs.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Sizes of the dense layers between convolutions and classes; may be empty.
    stages : sequence of sequences of int
        Number of filters of each convolution, stage by stage; each stage ends in a pooling.
    filter_size : tuple of int
        (height, width) of every filter.
    pooling : int
        Side of the pooling windows.
    maps : int, optional
        Channels that each convolution reads after the first, mixed with learned weights (N32); None is the notes'
        plain sum over the channels.
    image_shape : tuple of int, optional
        (height, width) or (height, width, channels) of the images, if X has one row per image. If left out, a row
        whose length is a square with room for the stages is a gray square image. Any other row is not an image, and
        only the dense half of the network is used, behind one filter of 1 × 1.
    pixel_range : (black, white), "auto" or None
        The numbers that are black and white in X, as the training images and all later ones have them. Commands and
        exports read pictures by it. "auto" finds it where the training images leave no doubt: see Notes. None says
        that X holds no pictures, which the commands then refuse.
    solver : {"adamw", "sgd"}
        AdamW, or SGD with momentum.
    weight_decay : float
        Pull of filters and weights toward 0, a fraction of the learning rate.
    batch_size : int or "auto"
        "auto" takes 128, or 32 for fewer than 12,800 images.
    learning_rate : {"one-cycle", "constant"}
        Schedule of the learning rate: one cycle rises for the first quarter of the steps and falls to 0 as a cosine.
    learning_rate_init : float or "auto"
        Highest learning rate; "auto" takes 0.005 for batches of 128, and √(batch_size / 128) times that for others.
    max_iter : int or "auto"
        Epochs; "auto" takes enough for 2,400 steps, and at least 4.
    random_state : int, RandomState or None
        Draws validation images, initial values, order and augmentation. An integer is the seed of ``handgrad train``:
        the same images give the same model, bit for bit.
    verbose : bool
        Print the sizes and a line for some dozen epochs; on a terminal and in a notebook, show a bar too.
    warm_start : bool
        Let ``fit`` continue from the present parameters, with the schedule from its beginning.
    momentum : float
        Momentum of SGD.
    early_stopping : bool
        Hold out ``validation_fraction`` of the images, stratified; keep the parameters of the epoch with the best
        unweighted accuracy on them, and stop when no better one comes for ``n_iter_no_change`` epochs. This cuts a
        one-cycle schedule short; consider ``learning_rate="constant"``.
    validation_fraction : float
    n_iter_no_change : int
    class_weight : dict, "balanced" or None
        Weight of the images of each class.
    augment : {"shift", "flip", "rotate", "contrast"}, sequence of them, or None
        How training images, which must be uint8, are changed in every epoch.
    engine : {"fused", "notes"}
        Compiled kernels, or NumPy line by line. The first use of the kernels for a filter size and precision compiles
        them, which takes about a quarter of a minute, once.
    n_threads : int, optional
        Threads of the fused engine; they do not change the result. None takes ``HANDGRAD_NUM_THREADS``, or one per
        processor, at most ``OMP_NUM_THREADS``, which joblib sets in its processes.

    Attributes
    ----------
    classes_ : array, shape (n_classes,)
    model_ : handgrad.model.Model
        The trained network, which ``handgrad.model_file.save`` writes to a file for every command.
    image_shape_ : tuple of int
        (height, width, channels) of the network's input.
    n_features_in_, feature_names_in_
        As in every estimator; an image has one feature per pixel and channel.
    n_iter_ : int
        Epochs of the last ``fit`` or ``partial_fit``.
    loss_ : float
        Mean cross entropy over the last epoch, in nats.
    loss_curve_ : list of float
        That of every epoch since the parameters were drawn.
    validation_scores_ : list of float or None
        With early stopping, the accuracy on the validation images after every epoch of the last ``fit``.
    best_validation_score_ : float or None
        The best of them.

    Notes
    -----
    Images are uint8, float32 or float64, of any range: the training images' mean and std per channel standardize them.
    float64 (and what becomes float64: other integers, lists) is computed in float64; uint8 and float32 in float32,
    which is twice as fast. uint8 takes an eighth of the memory.

    X has the range of the training images in all methods, whatever its type. What is black and white in it matters
    where pictures are read from files. "auto" takes 0 to 255 for uint8, and for other numbers of at least 0 the range
    that they fill: 0 to 1, or that of 8, 10, 12, 14 or 16 bits, of which the greatest is in the upper half. Whole
    numbers with the greatest 1, 15 or 16, as in ``load_digits``, have exactly that range. Of anything else, such as
    standardized features, it is not known.

    Raises
    ------
    InputError
        A ValueError; if a parameter or X does not fit.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> X, y = load_digits(return_X_y=True)
    >>> pixels = (X * 255 / 16).round().astype("uint8")
    >>> X_train, X_test, y_train, y_test = train_test_split(pixels, y, stratify=y, random_state=0)
    >>> classifier = HandgradClassifier(random_state=0).fit(X_train, y_train)
    >>> classifier.score(X_test, y_test) > 0.95, classifier.image_shape_
    (True, (8, 8, 1))
    """

    hidden_layer_sizes: Any = (64,)
    _: KW_ONLY
    stages: Any = ((16, 16),)
    filter_size: Any = (3, 3)
    pooling: int = 2
    maps: int | None = None
    image_shape: Any = None
    pixel_range: Any = "auto"
    solver: str = _DEFAULT.optimizer
    weight_decay: float = _DEFAULT.weight_decay
    batch_size: int | str = "auto"
    learning_rate: str = _DEFAULT.schedule
    learning_rate_init: float | str = "auto"
    max_iter: int | str = "auto"
    random_state: Any = None
    verbose: bool = False
    warm_start: bool = False
    momentum: float = _DEFAULT.momentum
    early_stopping: bool = _DEFAULT.early_stopping
    validation_fraction: float = 0.1
    n_iter_no_change: int = _DEFAULT.patience
    class_weight: Any = None
    augment: Any = _DEFAULT.augment
    engine: str = "fused"
    n_threads: int | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, callbacks: Callback | Sequence[Callback] = ()) -> Self:
        """Train on these images, and return the classifier.

        Parameters
        ----------
        X : array, shape (n, height, width), (n, height, width, channels) or (n, features)
        y : array, shape (n,)
            The class of each image.
        sample_weight : array, shape (n,), optional
            Weight of each image in the loss.
        callbacks : callable or sequence of callables, optional
            Each is called with a ``training.Step`` after every step and a ``training.Epoch`` after every epoch. What
            one raises ends the training. ``handgrad.tracking`` has those of TensorBoard and MLflow.

        Notes
        -----
        If this raises, or is interrupted, the classifier is as it was before; so are those of ``partial_fit`` and
        ``set_params``.
        """
        with self._aside() as aside:
            aside._fit(X, y, sample_weight, callables_of(callbacks))
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any, callbacks: Sequence[Callback]) -> None:
        before = self.model_ if self.warm_start and hasattr(self, "model_") else None
        rows, shape, y = self._checked(X, y, reset=before is None)
        classes, recipe, seed = np.unique(y), recipe_of(self), self._seed()
        if len(classes) < 2:
            raise InputError("y", classes, "has one class; a classifier needs two or more", "add images of another")
        if before and not np.array_equal(classes, self.classes_):
            raise InputError("y", classes, f"warm_start continues with the classes {self.classes_}", "turn it off")
        architecture = architecture_of(self, rows.shape[1], shape, len(classes))
        if before and before.architecture != architecture:
            raise InputError("warm_start", True, "the parameters are those of a network of other sizes", "turn it off")
        warn_of_no_effect(self, image=not sees_no_image(architecture))
        given, validation = Labeled.of(rows, y, classes, architecture.input_shape, sample_weight), None
        if self.early_stopping:
            kept, chosen = held_out(self, y, seed)
            given, validation = given[kept], given[chosen].samples
        self._train(before, architecture, given, recipe, seed, validation=validation, callbacks=callbacks)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on these images, at the constant ``learning_rate_init``, and return the classifier.

        The first call draws the parameters, and its images' mean and std standardize those of all calls. The optimizer
        keeps its state between calls, those of ``fit`` included, unless ``solver`` is set to another.

        Parameters
        ----------
        X, y, sample_weight
            As in ``fit``.
        classes : array, shape (n_classes,), optional
            All classes, which the first call needs.
        """
        with self._aside() as aside:
            aside._fit_partially(X, y, sample_weight, classes)
        return self

    def _fit_partially(self, X: Any, y: Any, sample_weight: Any, classes: Any) -> None:
        if self.early_stopping:
            raise InputError("early_stopping", True, "partial_fit trains for a single epoch", "turn it off")
        if isinstance(self.class_weight, str):
            rule = "partial_fit does not see how many images each class has"
            raise InputError("class_weight", self.class_weight, rule, "give a dict of weights")
        before = getattr(self, "model_", None)
        if before is None and classes is None:
            rule = "the first call to partial_fit must name all classes"
            raise InputError("classes", None, rule, "give classes=np.unique(y) of all labels")
        known = self.classes_ if before else unique_labels(classes)
        if classes is not None and not np.array_equal(unique_labels(classes), known):
            raise InputError("classes", classes, f"those of the first call were {known}", "leave them out")
        rows, shape, y = self._checked(X, y, reset=before is None)
        architecture = before.architecture if before else architecture_of(self, rows.shape[1], shape, len(known))
        given = Labeled.of(rows, y, known, architecture.input_shape, sample_weight)
        recipe = replace(recipe_of(self), epochs=1, schedule="constant")
        memory = self._memory if before else None
        self._train(before, architecture, given, recipe, self._seed(), memory=memory)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, all of them or none, and return the classifier."""
        with self._aside() as aside:
            super(HandgradClassifier, aside).set_params(**params)
        return self

    @contextmanager
    def _aside(self) -> Iterator[Self]:
        """Yield a copy to change, and become it, in one step, if nothing failed."""
        aside = object.__new__(type(self))
        aside.__dict__ = dict(vars(self))
        if self in _ENGINES:
            _ENGINES[aside] = _ENGINES[self]
        random = self.random_state if isinstance(self.random_state, np.random.RandomState) else None
        drawn: Any = random and random.get_state()
        try:
            yield aside
        except BaseException:
            if random:
                random.set_state(drawn)
            raise
        if aside in _ENGINES:
            _ENGINES[self] = _ENGINES[aside]
        self.__dict__ = aside.__dict__

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, shape (n, n_classes), in the order of ``classes_``."""
        check_is_fitted(self)
        rows, _, _ = self._checked(X, None, reset=False)
        return self.model_.predict(rows.reshape(-1, *self.image_shape_), self._engine(self.model_))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of ``predict_proba``, exact where that is rounded to 0 or 1.

        It follows from the scores before the softmax, by the notes engine, which is slower.
        """
        check_is_fitted(self)
        rows, _, _ = self._checked(X, None, reset=False)
        return log_probabilities(self.model_, rows.reshape(-1, *self.image_shape_))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each image, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[NDArray[Any], Shape | None, NDArray[Any]]:
        """Return X as rows, the shape of an image if it is known, and y."""
        rows, shape = as_rows(X, with_channels(self.image_shape) if reset else self.image_shape_)
        dtypes = {"dtype": (np.float64, np.float32, np.uint8), "reset": reset}
        if y is None and not reset:
            return validate_data(self, rows, **dtypes), shape, np.empty(0)
        rows, y = validate_data(self, rows, y, **dtypes)
        check_classification_targets(y)
        return rows, shape, column_or_1d(y, warn=True)

    def _seed(self) -> int:
        random = check_random_state(self.random_state)
        return int(self.random_state if isinstance(self.random_state, Integral) else random.randint(2**31 - 1))

    def _engine(self, model: Model) -> Engine:
        made_of = (self.engine, model.standardization, self.n_threads, model.architecture)
        if self not in _ENGINES or _ENGINES[self][0] != made_of:
            with own_names():
                _ENGINES[self] = made_of, engines.create(*made_of)
        return _ENGINES[self][1]

    def _drawn(self, architecture: Architecture, given: Labeled, recipe: Recipe, seed: int) -> Model:
        """Draw a model in the precision of the images, with their mean and std."""
        images, classes = given.samples.images, tuple(map(str, given.classes))
        dtype = np.float64 if images.dtype == np.float64 else np.float32
        model = Model.initial(architecture, classes, Standardization.of(images, given.weights), seed, dtype)
        if sees_no_image(architecture):
            model.parameters["F1"][:] = 1
        provenance = {"command": " ".join(repr(self).split()), "seed": seed, "recipe": recipe.chosen_for(len(images))}
        pixel_range, file_ranges = ranges_of(self.pixel_range, images)
        provenance["pixel_range"] = pixel_range and pixel_range.to_list()
        return replace(model, provenance=provenance, pixel_range=pixel_range, file_ranges=file_ranges)

    def _train(
        self,
        before: Model | None,
        architecture: Architecture,
        given: Labeled,
        recipe: Recipe,
        seed: int,
        *,
        validation: Samples | None = None,
        memory: tuple[dict[str, Array], int] | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        """Train a copy of the model before, or a new one, and set what is known of it."""
        model = before or self._drawn(architecture, given, recipe, seed)
        if before:
            before.check_range(np.asarray(given.samples.images))
        model = replace(model, parameters=model.parameters.copy())
        curve = self.loss_curve_ if before else []
        samples, weights = given.samples, given.weighted(self.class_weight)
        engine = self._engine(model)
        state, steps = State(engine.optimizer(recipe, model.parameters)), 0
        # Another solver remembers other vectors.
        if memory and memory[0].keys() == state.optimizer.memory().keys():
            vectors, steps = memory
            state.optimizer.remember(vectors, steps)
        with ExitStack() as shown:
            if self.verbose:
                console = progress.stdout()
                if not curve:
                    console.print(introduction(model.architecture, len(samples)), soft_wrap=True)
                with progress.compiling(console, console.print) as told:
                    engine.prepare(model.parameters, samples.images.dtype, recipe=recipe, compiling=told)
                callbacks = (shown.enter_context(progress.training(console)), *callbacks)
            # The order of the images differs from those of earlier calls.
            for event in train(model, samples, validation, recipe, engine, seed + len(curve), state, weights):
                for callback in callbacks:
                    callback(event)
        self._memory = state.optimizer.memory(), steps + state.step
        self.model_, self.classes_, self.image_shape_ = model, given.classes, model.architecture.input_shape
        self.n_iter_ = len(state.history)
        self.loss_curve_: list[float] = [*curve, *(epoch.loss for epoch in state.history)]
        self.loss_ = self.loss_curve_[-1]
        scores = [epoch.validation_accuracy for epoch in state.history] if validation else None
        self.validation_scores_, self.best_validation_score_ = scores, max(scores) if scores else None
