"""The checker of tasks names the first rule that a task breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from neuroevo.checks import check_task
from neuroevo.errors import DataError, RegistryError, TaskError
from neuroevo.network.phenotype import Phenotype
from neuroevo.task import Task
from tests.test_checks import Recall


class Silent(Recall):
    """Breaks one rule"""


class NoUnit(Recall):
    """Breaks one rule."""

    unit = ""


class OddPopulation(Recall):
    """Breaks one rule."""

    defaults = {"generations": 1, "population": 3}  # noqa: RUF012


class NoBudget(Recall):
    """Breaks one rule."""

    defaults = {"population": 2}  # noqa: RUF012


class NoSensors(Recall):
    """Breaks one rule."""

    num_sensors = 0


class AboveItsMaximum(Recall):
    """Breaks one rule."""

    maximum = -100.0


class NoMaximum(Recall):
    """Breaks one rule."""

    maximum = float("nan")


class Stranger:
    """Breaks one rule."""


class NoScore(Task):
    """Breaks one rule."""

    unit, defaults, num_sensors, num_actuators = "x", {"generations": 1, "population": 2}, 1, 1

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        return torch.zeros(len(seeds), 1)


class Greedy(Recall):
    """Breaks one rule."""

    def __init__(self, episodes: int = 2) -> None:
        super().__init__(episodes=max(1, episodes))


class Crashing(Recall):
    """Breaks one rule."""

    def __init__(self, parts: int = 2) -> None:
        super().__init__()
        self.share = [0][parts - 2]


class Changed(Recall):
    """Breaks one rule."""

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Any:
        return self.change(super().evaluate(phenotype, seeds=seeds))

    def change(self, values: torch.Tensor) -> Any:
        raise NotImplementedError


class Flat(Changed):
    """Breaks one rule."""

    def change(self, values: torch.Tensor) -> Any:
        return values.mean(1)


class Lists(Changed):
    """Breaks one rule."""

    def change(self, values: torch.Tensor) -> Any:
        return values.tolist()


class Whole(Changed):
    """Breaks one rule."""

    def change(self, values: torch.Tensor) -> Any:
        return values.round().int()


class Unbounded(Changed):
    """Breaks one rule."""

    def change(self, values: torch.Tensor) -> Any:
        return values / 0


class Ordered(Changed):
    """Breaks one rule."""

    def change(self, values: torch.Tensor) -> Any:
        return values + torch.tensor([0.0, 1.0, 0.0, 0.0])[:, None]


class First(Changed):
    """Breaks one rule."""

    def change(self, values: torch.Tensor) -> Any:
        return values + torch.arange(len(values))[:, None]


class Tired(Changed):
    """Breaks one rule."""

    age = 0

    def change(self, values: torch.Tensor) -> Any:
        self.age += 1
        return values - self.age


class Moody(Changed):
    """Breaks one rule."""

    def change(self, values: torch.Tensor) -> Any:
        return values + torch.randn(())


class Lonely(Changed):
    """Breaks one rule."""

    born = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).born += 1
        self.number = self.born

    def change(self, values: torch.Tensor) -> Any:
        return values - self.number


class Leaky(Recall):
    """Breaks one rule."""

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        return self.evaluate(phenotype, seeds=seeds)


class Failing(Recall):
    """Breaks one rule."""

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        raise ZeroDivisionError("no episodes")


class Searching(Recall):
    """Breaks one rule."""

    search = {"pgpe": {"sped": 1.0}}  # noqa: RUF012


class Pixelated(Recall):
    """Breaks one rule."""

    image_shape = (2, 2)


class Choosy(Recall):
    """Breaks one rule."""

    chooses = True

    def choose(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> list[int]:
        return [1, 2]

    def evaluate_on(
        self, phenotype: Phenotype, *, seeds: Sequence[int], choices: Sequence[int]
    ) -> torch.Tensor:
        return self.evaluate(phenotype, seeds=choices)


class Fickle(Choosy):
    """Breaks one rule."""

    def choose(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> list[int]:
        return list(range(len(seeds)))


BROKEN_TASKS = [
    (Searching, "has a search that cannot be: Unknown option of search 'pgpe' 'sped'. Did you mean 'speed'"),
    (Pixelated, r"has images of \(2, 2\) and 1 sensors; wanted a sensor for each pixel"),
    (Choosy, "chose 2 times for 4 genomes; wanted a choice for each"),
    (Fickle, "evaluate_on of equal genomes with equal seeds differ"),
    (Silent, "has no summary"),
    (NoUnit, "has the unit ''; wanted a name"),
    (OddPopulation, "has a population of 3 by default; wanted an even number"),
    (NoBudget, r"has no defaults\['generations'\]; wanted unit, defaults"),
    (Stranger, r"is no subclass of neuroevo.task.Task; wanted class Stranger\(Task\)"),
    (NoSensors, "has 0 as num_sensors; wanted a whole number of at least 1"),
    (AboveItsMaximum, "scores .*, and its maximum is -100; wanted none above"),
    (NoMaximum, "has nan as maximum; wanted the highest score that there can be, or None"),
    (NoScore, "has no score; wanted unit, defaults"),
    (Greedy, "accepts episodes=-1000000000; wanted OptionError"),
    (Crashing, "failed on options {'parts': -1000000000} with IndexError: .*; wanted OptionError"),
    (Flat, r"evaluate returned a tensor \[4\]; wanted a float tensor \[4, B\]"),
    (Lists, "evaluate returned a list; wanted a float tensor"),
    (Whole, "evaluate returned a tensor of torch.int32; wanted a float tensor"),
    (Unbounded, "evaluate gave .* values that are not finite"),
    (Ordered, "evaluate depends on the order of the genomes"),
    (First, "evaluate of equal genomes with equal seeds differ"),
    (Tired, "evaluate differs when it is called again"),
    (Moody, "drew from a global random generator"),
    (Lonely, "evaluate differs in another instance"),
    (Leaky, "score equals evaluate for equal seeds; wanted held-out episodes"),
    (Failing, r"score failed with ZeroDivisionError: no episodes; wanted a tensor \[G, B\]"),
]


@pytest.mark.parametrize(("task", "message"), BROKEN_TASKS, ids=[t.__name__ for t, _ in BROKEN_TASKS])
def test_task_that_breaks_a_rule_is_named_in_one_line(task: type, message: str) -> None:
    with pytest.raises(TaskError, match=message) as caught:
        check_task(task)
    assert str(caught.value).startswith(f"Task '{task.__name__}'") and "\n" not in str(caught.value)


def test_task_without_its_data_says_so() -> None:
    class Distant(Recall):
        """Needs data from elsewhere."""

        def prepare(self) -> None:
            raise DataError("The data cannot be downloaded.")

    with pytest.raises(DataError, match="cannot be downloaded"):
        check_task(Distant)


def test_task_whose_options_need_values_is_refused() -> None:
    class Needy(Recall):
        """Has an option without a default."""

        def __init__(self, folder: str) -> None:
            super().__init__()

    with pytest.raises(RegistryError, match="is no task"):
        check_task(Needy)
