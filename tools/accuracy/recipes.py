"""The recipes of docs/results.md, as command-line options."""

from __future__ import annotations

from dataclasses import dataclass

from tools.accuracy import scikit_learn


@dataclass(frozen=True, kw_only=True)
class Task:
    """One recipe on one data set.

    Parameters
    ----------
    name : str
        Its title in the document.
    source : str
        Folder of the data.
    options : str
        The rest of its command, after ``handgrad train SOURCE``; hyperparameters were chosen on validation data.
    metric : str
        Key in ``report.json``.
    goal : float, optional
        The metric to reach; None if it is to exceed the best of the others.
    grouped : bool
        Whether images of one object are kept in one split.
    contestants : tuple of str
        The contestants on the same splits, handgrad first.
    seeds : int
        The number of trainings, with seeds from 0; a seed determines split, initial values and order.
    """

    name: str
    source: str
    options: str
    metric: str = "test_accuracy"
    goal: float | None = None
    grouped: bool = False
    contestants: tuple[str, ...] = ("handgrad", "PyTorch", "MLPClassifier")
    seeds: int = 5


def key_of(task: Task, contestant: str, seed: int) -> str:
    """Return the key of a training's figures; scikit-learn's depend only on the data."""
    return f"{task.name if contestant in OUR_NETWORK else task.source} | {contestant} | {seed}"


OUR_NETWORK = ("handgrad", "PyTorch")
DEAD_STARTS = "100 × 100 with 10 hidden neurons"

TASKS = (
    Task(
        name="MNIST, one stage",
        source="mnist",
        options="--filters 32,64 --filter-size 5x5 --pooling 3 --hidden 256 --augment shift,rotate --epochs 12",
        goal=0.990,
    ),
    Task(
        name="MNIST, with maps",
        source="mnist",
        options="--filters 16,16 --maps 4 --filter-size 5x5 --pooling 3 --hidden 128 --augment shift,rotate "
        "--epochs 15",
        goal=0.992,
    ),
    Task(
        name="Fashion-MNIST, one stage",
        source="fashion-mnist",
        options="--filters 64,64 --hidden 256 --augment flip --epochs 15 --weight-decay 0.3 --batch-size 64",
        goal=0.910,
    ),
    Task(
        name="Fashion-MNIST, with maps",
        source="fashion-mnist",
        options="--filters 16,32 --maps 8 --hidden 128 --augment flip --epochs 15 --weight-decay 0.3",
        goal=0.920,
    ),
    Task(
        name="Magnetic tiles, three stages",
        source="magnetic-tile",
        options="--filters 16,16/16,16/16,16 --augment shift,flip --class-weight balanced --epochs 100",
        metric="test_balanced_accuracy",
        grouped=True,
        contestants=("handgrad", "PyTorch", *scikit_learn.CHOICES),
    ),
    Task(
        name=DEAD_STARTS,
        source="magnetic-tile",
        options="--hidden 10",
        metric="train_accuracy",
        grouped=True,
        contestants=("handgrad",),
        seeds=10,
    ),
)
