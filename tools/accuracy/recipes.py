"""What is trained: the recipes of docs/results.md, as the words of their commands."""

from __future__ import annotations

from dataclasses import dataclass

from tools.accuracy import scikit_learn


@dataclass(frozen=True, kw_only=True)
class Task:
    """One recipe on one data set.

    Parameters
    ----------
    name : str
        What the document calls it.
    source : str
        Folder of the data.
    options : str
        The rest of its command, after ``handgrad train SOURCE``; hyper-parameters were chosen on validation data.
    metric : str
        Of ``report.json``.
    goal : float, optional
        What it was to reach; None where it is to be above the best of the others.
    grouped : bool
        Whether pictures of one object are kept in one part.
    contestants : tuple of str
        Who trains on the same parts, handgrad first.
    seeds : int
        How many trainings, of seeds from 0; a seed draws split, initial values and order.
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
    """What a training's figures are kept under; scikit-learn's depend on the data alone."""
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
