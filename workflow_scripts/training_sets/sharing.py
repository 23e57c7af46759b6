"""Galaxies shared out among training sets that may have none in common.

Chance decides first; then training sets that lack galaxies take spare ones, directly or by exchanges along augmenting
paths (Ford & Fulkerson 1956, Can. J. Math. 8, 399), so that no other way of sharing would fill more places.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.training_sets.matching_cells import Cells

FREE = -1


class Share(NamedTuple):
    """Galaxies shared out among members.

    `owner` (n,): the member that got the galaxy, or -1. `missing` (members, cells): places for which the cell itself
    had no galaxies, whether or not they were filled from other cells.
    """

    owner: NDArray[np.int64]
    missing: NDArray[np.int64]


def share_out(
    covered: NDArray[np.bool_],
    cells: Cells,
    quotas: NDArray[np.int64],
    chance: NDArray[np.float64],
    order: NDArray[np.int64],
    redistribute: bool,
) -> Share:
    """Share out the galaxies of one class among the members of a family.

    Parameters
    ----------
    covered
        (members, n): whose region contains which galaxy.
    cells
        cells of the n galaxies.
    quotas
        (cells,): places of each cell in every member's training set; or (members, cells), in that of each member.
    chance
        (n,) in [0, 1): decides which of the members that contain a galaxy has the first claim to it.
    order
        (n,): the galaxies in the order in which they are taken.
    redistribute
        fill places for which there is no galaxy in the cell from other cells, the nearest first. Every member then gets
        the sum of `quotas`, if that is possible at all.
    """
    quotas = np.broadcast_to(quotas, (len(covered), len(cells.bins)))
    pool = _Pool(covered, cells, order, _first_claims(covered, chance))
    pool.keep_quotas(quotas)
    missing = quotas - pool.counts()
    for cell in np.flatnonzero(missing.any(axis=0)).tolist():
        inside = order[cells.number[order] == cell]
        for member in _turns(missing[:, cell], cell):
            while missing[member, cell] and pool.exchange(member, cell, inside):
                missing[member, cell] -= 1
    if redistribute:
        for cell in np.flatnonzero(missing.any(axis=0)).tolist():
            for member in _turns(missing[:, cell], cell):
                pool.fill(member, cell, int(missing[member, cell]))
    return Share(pool.owner, missing)


def _first_claims(covered: NDArray[np.bool_], chance: NDArray[np.float64]) -> NDArray[np.int64]:
    """One of the members that contain each galaxy, all alike likely."""
    number = covered.sum(axis=0)
    turn = np.floor(chance * number).astype(np.int64) + 1
    return np.where(number > 0, np.argmax(np.cumsum(covered, axis=0) == turn, axis=0), FREE)


def _turns(missing: NDArray[np.int64], cell: int) -> list[int]:
    """Members that lack galaxies; a different one begins in each cell, so that none is always the last."""
    members = range(len(missing))
    return [(member + cell) % len(members) for member in members if missing[(member + cell) % len(members)]]


class _Pool:
    """Who owns which galaxy, and how ownership moves."""

    def __init__(
        self, covered: NDArray[np.bool_], cells: Cells, order: NDArray[np.int64], owner: NDArray[np.int64]
    ) -> None:
        self.covered, self.cells, self.order, self.owner = covered, cells, order, owner

    def counts(self) -> NDArray[np.int64]:
        """Galaxies (members, cells) owned."""
        shape = (len(self.covered), len(self.cells.bins))
        owned = self.owner != FREE
        flat = self.owner[owned] * shape[1] + self.cells.number[owned]
        return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)

    def keep_quotas(self, quotas: NDArray[np.int64]) -> None:
        """Free what members own beyond their quotas (members, cells)."""
        key = self.owner * len(self.cells.bins) + self.cells.number
        sequence = self.order[np.argsort(key[self.order], kind="stable")]
        first = np.r_[True, np.diff(key[sequence]) != 0]
        position = np.arange(sequence.size) - np.maximum.accumulate(np.where(first, np.arange(sequence.size), 0))
        self.owner[sequence[position >= quotas[self.owner[sequence], self.cells.number[sequence]]]] = FREE

    def fill(self, member: int, cell: int, places: int) -> None:
        """Give a member galaxies of the cells nearest to `cell`, as many as can be had up to `places`."""
        spare = self.order[self.covered[member, self.order] & (self.owner[self.order] == FREE)]
        distance = self.cells.distances(cell)[self.cells.number[spare]]
        taken = spare[np.argsort(distance, kind="stable")[:places]]
        self.owner[taken] = member
        places -= taken.size
        while places and self.exchange(member, cell, self.order):
            places -= 1

    def exchange(self, member: int, cell: int, candidates: NDArray[np.int64]) -> bool:
        """Give a member one more of `candidates`, while no other member ends up with fewer; False if that cannot be.

        The shortest chain of exchanges that ends in a free galaxy, found breadth first. Every member in it takes the
        candidate nearest to the cell in which it lacks one.
        """
        came_from: dict[int, tuple[int, int]] = {}
        wanted = {member: cell}
        queue = [member]
        for receiver in queue:
            inside = candidates[self.covered[receiver, candidates]]
            distance = self.cells.distances(wanted[receiver])[self.cells.number[inside]]
            inside = inside[np.argsort(distance, kind="stable")]
            owners = self.owner[inside]
            if (spare := inside[owners == FREE]).size:
                self._hand_over(int(spare[0]), receiver, came_from)
                return True
            for giver, at in zip(*np.unique(owners, return_index=True), strict=True):
                if giver not in wanted:
                    galaxy = int(inside[at])
                    came_from[int(giver)] = (receiver, galaxy)
                    wanted[int(giver)] = int(self.cells.number[galaxy])
                    queue.append(int(giver))
        return False

    def _hand_over(self, galaxy: int, receiver: int, came_from: dict[int, tuple[int, int]]) -> None:
        self.owner[galaxy] = receiver
        while receiver in came_from:
            receiver, given = came_from[receiver]
            self.owner[given] = receiver
