"""One training in several processes: which of them this is, and sums over them all. Alone, nothing is sent."""

import torch
from torch import distributed


def place() -> tuple[int, int]:
    """(this process's number, how many there are); (0, 1) outside a training in several processes."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def summed(values: torch.Tensor) -> torch.Tensor:
    """The sum over all processes, the same in each, without a gradient. All of them must call it, in one order."""
    values = values.detach()
    if place()[1] > 1:
        values = values.clone()
        distributed.all_reduce(values)
    return values


def made_equal(values: torch.Tensor) -> None:
    """Give every process the first one's values, in place."""
    if place()[1] > 1:
        distributed.broadcast(values, 0)


def gathered(value: object) -> list:
    """Every process's value, in their order. All of them must call it."""
    if place()[1] == 1:
        return [value]
    found = [None] * place()[1]
    distributed.all_gather_object(found, value)
    return found
