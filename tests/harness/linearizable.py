# SPDX-License-Identifier: MIT
"""Whether a history of concurrent operations is linearizable: each operation seems to happen at one instant between its
invocation and its return, and all of them in the order of these instants do what a model says. A history is checked by key,
because it is linearizable if the part of each key is (Herlihy and Wing, 1990, section 3.2).

The search is that of Wing and Gong (1993) with the memory of Lowe (2017): it takes one operation after the other that may be
the next, remembers which sets of operations have led to which state, and never looks at a pair of both twice. An operation
whose outcome is unknown may have happened at any time from its invocation on, or never. The search is bounded by a number of
steps; beyond that the outcome is undecided, and never "linearizable".
"""
import itertools
import threading
import time
from typing import Any, NamedTuple, Optional

UNKNOWN = object()  # the answer of an operation of unknown outcome
MOST_STEPS = 5_000_000  # of each key; takes about ten seconds


class Operation(NamedTuple):
    """`invoked` and `returned` are times of one clock. returned=None: the outcome is unknown, and `answer` is UNKNOWN.
    `what` is the model's input, hashable."""
    key: Any
    what: Any
    invoked: int
    returned: Optional[int]
    answer: Any
    client: Any = None


class Undecided(Exception):
    """The search was given up after its bound of steps."""


class NotLinearizable(Exception):
    """The text names the key, the longest order of its operations that was possible, and what could not follow."""


class Counter:
    """A number, 0 at first: ("add", N) answers the new value, ("read",) the value."""

    first = 0

    @staticmethod
    def step(state, what, answer):
        """The state after the operation; None: it cannot have had this answer in this state."""
        after = state + what[1] if what[0] == "add" else state
        return after if answer is UNKNOWN or answer == after else None


class Register:
    """A value, None at first. ("write", V) has any answer, ("read",) answers the value, ("swap", Old, New) whether it
    was Old."""

    first = (None,)

    @staticmethod
    def step(state, what, answer):
        if what[0] == "write":
            return (what[1],)
        if what[0] == "read":
            return state if answer is UNKNOWN or answer == state[0] else None
        swapped = state[0] == what[1]
        if answer is not UNKNOWN and answer != swapped:
            return None
        return (what[2],) if swapped else state


class AppendList:
    """A list, empty at first: ("append", V) answers its new length, ("read",) a tuple of all of it."""

    first = ()

    @staticmethod
    def step(state, what, answer):
        if what[0] == "read":
            return state if answer is UNKNOWN or answer == state else None
        after = (*state, what[1])
        return after if answer is UNKNOWN or answer == len(after) else None


class _Entry:
    """An invocation or a return, in a list that is ordered by time. Operations that are placed are taken out of it."""

    __slots__ = ("number", "is_return", "match", "before", "after")

    def __init__(self, number, is_return=False, match=None):
        self.number, self.is_return = number, is_return
        self.match = match  # of an invocation: its return. None: it has none, or this is a return
        self.before = self.after = None


def _linked(operations):
    """Builds the list and returns its head. At equal times invocations come first: two operations that touch are
    concurrent."""
    events = []
    for number, one in enumerate(operations):
        ends = _Entry(number, is_return=True) if one.returned is not None else None
        begins = _Entry(number, match=ends)
        events.append((one.invoked, 0, number, begins))
        if ends is not None:
            events.append((one.returned, 1, number, ends))
    head = last = _Entry(-1)
    for *_, entry in sorted(events, key=lambda event: event[:3]):
        last.after, entry.before = entry, last
        last = entry
    return head


def _lift(entry):
    for one in (entry, entry.match) if entry.match is not None else (entry,):
        one.before.after = one.after
        if one.after is not None:
            one.after.before = one.before


def _put_back(entry):
    for one in (entry.match, entry) if entry.match is not None else (entry,):
        one.before.after = one
        if one.after is not None:
            one.after.before = one


def _twins(operations):
    """For each operation of unknown outcome: the earlier one with the same `what`, or None. It makes no difference
    which of the two has happened, so the earlier one is taken first."""
    last, found = {}, [None] * len(operations)
    for number in sorted((n for n, one in enumerate(operations) if one.returned is None), key=lambda n: operations[n].invoked):
        found[number] = last.get(operations[number].what)
        last[operations[number].what] = number
    return found


def check_key(model, operations, most_steps=MOST_STEPS):
    """One key's operations: returns how many steps the search took, or raises NotLinearizable or Undecided."""
    operations = list(operations)
    for one in operations:
        if (one.returned is None) != (one.answer is UNKNOWN) or (one.returned is not None and one.returned < one.invoked):
            raise ValueError(f"no operation: {one}")
    head, twins = _linked(operations), _twins(operations)
    known = sum(one.returned is not None for one in operations)  # operations with an answer that are not placed yet
    state, placed = model.first, 0  # placed: a bit for each operation
    seen = {(placed, state)}
    path = []  # (entry, the state before it)
    longest, steps = [], 0
    entry = head.after
    while known > 0:
        steps += 1
        if steps > most_steps:
            raise Undecided(f"{operations[0].key!r}: {len(operations)} operations, given up after {most_steps} steps")
        one = operations[entry.number]
        if entry.is_return:
            if len(path) > len(longest):
                longest = [placed_entry.number for placed_entry, _ in path]
            if not path:
                raise NotLinearizable(_told(operations, longest))
            entry, state = path.pop()
            placed &= ~(1 << entry.number)
            known += operations[entry.number].returned is not None
            _put_back(entry)
            entry = entry.after
            continue
        twin = twins[entry.number]
        after = None if twin is not None and not (placed >> twin) & 1 else model.step(state, one.what, one.answer)
        if after is not None:
            with_it = placed | 1 << entry.number
            if (with_it, after) not in seen:
                seen.add((with_it, after))
                path.append((entry, state))
                state, placed = after, with_it
                known -= one.returned is not None
                _lift(entry)
                entry = head.after
                continue
        entry = entry.after
    return steps


def _told(operations, longest):
    """The text about a wrong history: the end of the longest order that was possible, and the operations that could not
    follow it."""
    lines = [f"{operations[0].key!r}: no order of its {len(operations)} operations is possible; {len(longest)} of them, the last being"]
    lines += [f"  {_line(operations[number])}" for number in longest[-8:]]
    left = [one for number, one in enumerate(operations) if number not in set(longest)]
    first_return = min(one.returned for one in left if one.returned is not None)
    lines.append("and then one of these would have to be next:")
    lines += [f"  {_line(one)}" for one in left if one.invoked <= first_return][:20]
    return "\n".join(lines)


def _line(one):
    answer = "unknown" if one.answer is UNKNOWN else repr(one.answer)
    return f"{one.invoked}..{'' if one.returned is None else one.returned} {one.client}: {one.what!r} -> {answer}"


def check(model, operations, most_steps=MOST_STEPS):
    """A whole history: returns the steps of all keys. Raises NotLinearizable for the first key that is not; Undecided, naming
    each key that is not decided, only when no key is wrong."""
    steps, undecided = 0, []
    for _, of_key in itertools.groupby(sorted(operations, key=lambda one: repr(one.key)), key=lambda one: repr(one.key)):
        try:
            steps += check_key(model, of_key, most_steps)
        except Undecided as why:
            undecided.append(str(why))
    if undecided:
        raise Undecided("; ".join(undecided))
    return steps


class History:
    """The operations of clients, noted as they happen. Any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.operations = []
        self.open = {}
        self.numbers = itertools.count()

    def invoke(self, key, what, client=None):
        """Called before the request goes out; returns a handle for returned(), unknown() or never()."""
        with self.lock:
            handle = next(self.numbers)
            self.open[handle] = (key, what, client, time.monotonic_ns())
        return handle

    def returned(self, handle, answer):
        now = time.monotonic_ns()
        with self.lock:
            key, what, client, invoked = self.open.pop(handle)
            self.operations.append(Operation(key, what, invoked, now, answer, client))

    def unknown(self, handle):
        """The operation may have happened, or may still happen."""
        with self.lock:
            key, what, client, invoked = self.open.pop(handle)
            self.operations.append(Operation(key, what, invoked, None, UNKNOWN, client))

    def never(self, handle):
        """The operation has not happened and will not, so it is no part of the history."""
        with self.lock:
            del self.open[handle]

    def all(self):
        """The history. Operations that are still under way have an unknown outcome."""
        with self.lock:
            under_way = [Operation(key, what, invoked, None, UNKNOWN, client) for key, what, client, invoked in self.open.values()]
            return self.operations + under_way
