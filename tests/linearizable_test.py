#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of harness/linearizable.py: histories whose verdict is known, random histories compared with a search
that tries every order, and the bound on its work. Prints TAP."""
import itertools
import random
import sys
import time

from harness.linearizable import UNKNOWN, AppendList, Counter, History, NotLinearizable, Operation, Register, Undecided, check, check_key


def history(*rows):
    """An operation: (what, invoked, returned, answer). returned None: the outcome is unknown."""
    return [Operation("k", what, invoked, returned, UNKNOWN if returned is None else answer) for what, invoked, returned, answer in rows]


def add(n=1):
    return ("add", n)


READ = ("read",)
GOOD = [
    ("no operation", Counter, history()),
    ("one after the other", Counter, history((add(), 0, 1, 1), (READ, 2, 3, 1), (add(5), 4, 5, 6))),
    ("a read beside an addition sees the state before it", Counter, history((add(), 0, 10, 1), (READ, 5, 6, 0))),
    ("or the state after it", Counter, history((add(), 0, 10, 1), (READ, 5, 6, 1))),
    ("two additions in the other order than they were invoked", Counter, history((add(), 0, 10, 2), (add(), 1, 9, 1))),
    ("operations that touch are concurrent", Counter, history((add(), 0, 5, 2), (add(), 5, 9, 1))),
    ("an unknown addition that has happened", Counter, history((add(), 0, None, None), (READ, 5, 6, 1))),
    ("an unknown addition that never happens", Counter, history((add(), 0, None, None), (READ, 5, 6, 0), (READ, 99, 100, 0))),
    ("an unknown addition that happens long after", Counter, history((add(), 0, None, None), (READ, 50, 51, 0), (READ, 60, 61, 1))),
    ("two of three unknown ones", Counter, history(*[(add(), n, None, None) for n in range(3)], (READ, 9, 10, 2), (READ, 11, 12, 2))),
    ("an unknown one that needs another one before it", Register,
     history((("write", 1), 0, None, None), (("swap", 1, 2), 1, None, None), (READ, 5, 6, 2))),
    ("a swap that fails", Register, history((("write", 1), 0, 1, True), (("swap", 7, 2), 2, 3, False), (READ, 4, 5, 1))),
    ("a list", AppendList, history((("append", "a"), 0, 9, 2), (("append", "b"), 0, 9, 1), (READ, 10, 11, ("b", "a")))),
]
BAD = [
    ("an acknowledged addition is lost", Counter, history((add(), 0, 1, 1), (READ, 2, 3, 0))),
    ("an addition happens twice", Counter, history((add(), 0, 1, 1), (READ, 2, 3, 2))),
    ("two additions have the same answer", Counter, history((add(), 0, 10, 1), (add(), 1, 9, 1))),
    ("a stale read", Counter, history((add(), 0, 1, 1), (add(), 2, 3, 2), (READ, 4, 5, 1))),
    ("a read goes back behind another read", Counter, history((add(), 0, 100, 1), (READ, 5, 6, 1), (READ, 7, 8, 0))),
    ("a read from the future", Counter, history((READ, 0, 1, 1), (add(), 2, 3, 1))),
    ("an unknown addition happens before it was invoked", Counter, history((READ, 0, 1, 1), (add(), 5, None, None))),
    ("an unknown addition happens twice", Counter, history((add(), 0, None, None), (READ, 5, 6, 2))),
    ("an unknown addition is there and gone again", Counter, history((add(), 0, None, None), (READ, 5, 6, 1), (READ, 7, 8, 0))),
    ("both swaps of one value succeed", Register, history((("write", 1), 0, 1, True), (("swap", 1, 2), 2, 9, True), (("swap", 1, 3), 2, 9, True))),
    ("a list loses its middle", AppendList, history((("append", "a"), 0, 1, 1), (("append", "b"), 2, 3, 2), (("append", "c"), 4, 5, 3),
                                                    (READ, 6, 7, ("a", "c")))),
    ("two reads of a list differ in order", AppendList, history((("append", "a"), 0, None, None), (("append", "b"), 0, None, None),
                                                               (READ, 6, 7, ("a", "b")), (READ, 6, 7, ("b", "a")))),
]


def by_trying(model, operations):
    """Whether an order is possible. All orders are tried."""
    known = [n for n, one in enumerate(operations) if one.returned is not None]
    unknown = [n for n, one in enumerate(operations) if one.returned is None]

    def follows(order, state):
        left = [n for n in order if n is not None]
        if not left:
            return True
        earliest = min((operations[n].returned for n in left if operations[n].returned is not None), default=float("inf"))
        for n in left:
            if operations[n].invoked <= earliest:
                after = model.step(state, operations[n].what, operations[n].answer)
                if after is not None and follows([one for one in left if one != n], after):
                    return True
        return False

    return any(follows([*known, *chosen], model.first)
               for count in range(len(unknown) + 1) for chosen in itertools.combinations(unknown, count))


def at_random(here, wrong):
    """A history of a counter that works. Some outcomes are unknown; with `wrong`, one answer is changed."""
    now, value, rows = 0, 0, []
    for client in range(here.randint(1, 3)):
        now = here.randint(0, 5)
        for _ in range(here.randint(1, 3)):
            invoked = now = now + here.randint(0, 4)
            now += here.randint(1, 12)
            rows.append([invoked, here.randint(invoked, now), now, add(here.randint(1, 2)) if here.randrange(2) else READ])
    operations = []
    for invoked, _, returned, what in sorted(rows, key=lambda row: row[1]):
        gone = here.random() < 0.2
        if what[0] == "add" and not (gone and here.randrange(2)):
            value += what[1]
        operations.append(Operation("k", what, invoked, None if gone else returned, UNKNOWN if gone else value))
    known = [n for n, one in enumerate(operations) if one.returned is not None]
    if wrong and known:
        at = here.choice(known)
        operations[at] = operations[at]._replace(answer=operations[at].answer + here.choice((-1, 1)))
    return operations


def verdict(model, operations, **bounds):
    try:
        check(model, operations, **bounds)
    except NotLinearizable:
        return False
    return True


def long_history(here, clients, each, unknown):
    """A history of a counter that works, with many concurrent clients; some outcomes are unknown."""
    now, value, operations = [0] * clients, 0, []
    for _ in range(clients * each):
        client = min(range(clients), key=lambda one: now[one])
        invoked = now[client]
        now[client] += here.randint(1, 100)
        operations.append((invoked, here.randint(invoked, now[client]), now[client], add() if here.randrange(2) else READ))
    rows = []
    for invoked, _, returned, what in sorted(operations, key=lambda one: one[1]):
        gone = here.random() < unknown
        value += what[1] if what[0] == "add" else 0
        rows.append(Operation("k", what, invoked, None if gone else returned, UNKNOWN if gone else value))
    return rows


def main():
    number = bad = 0

    def tell(good, what, why=""):
        nonlocal number, bad
        number += 1
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - {what}", flush=True)
        if not good and why:
            print(f"# {why}")

    for what, model, operations in GOOD:
        tell(verdict(model, operations) and by_trying(model, operations), f"linearizable: {what}")
    for what, model, operations in BAD:
        tell(not verdict(model, operations) and not by_trying(model, operations), f"not linearizable: {what}")

    here, counted = random.Random(1), {True: 0, False: 0}
    wrong = None
    for turn in range(3000):
        operations = at_random(here, turn % 2)
        expected = by_trying(Counter, operations)
        counted[expected] += 1
        if verdict(Counter, operations) != expected:
            wrong = (expected, operations)
            break
    tell(wrong is None, "histories made at random have the verdict of a search that tries every order", str(wrong))
    tell(min(counted.values()) > 500, "both verdicts are among them", str(counted))

    began = time.monotonic()
    operations = long_history(random.Random(2), clients=8, each=100, unknown=0.02)
    tell(verdict(Counter, operations), "800 operations of 8 clients, 2 % of them unknown, are decided", f"{time.monotonic() - began:.1f} s")
    last = max(n for n, one in enumerate(operations) if one.returned is not None and one.what == READ)
    operations[last] = operations[last]._replace(answer=operations[last].answer + 1000)
    tell(not verdict(Counter, operations), "and so is a wrong answer at their end")
    many = history(*[(("append", n), 0, None, None) for n in range(40)], (READ, 5, 6, tuple(range(39, -1, -1))), (READ, 7, 8, ()))
    try:
        check_key(AppendList, many, most_steps=2000)
        tell(False, "the search ends at its bound")
    except Undecided as why:
        tell("2000 steps" in str(why), "the search ends at its bound")
    two = [one._replace(key="other") for one in history((add(), 0, 1, 7))]
    try:
        check(Counter, [one._replace(key=("a", 1)) for one in history((add(), 0, 1, 1))] + two)
        tell(False, "keys are checked one by one, and the wrong one is named")
    except NotLinearizable as why:
        tell("'other'" in str(why) and "('add', 1) -> 7" in str(why), "keys are checked one by one, and the wrong one is named", str(why))

    noted = History()
    first, second, third, fourth = (noted.invoke("k", what, "c") for what in (add(), add(), READ, add(3)))
    noted.returned(first, 1)
    noted.unknown(second)
    noted.never(third)
    found = noted.all()
    tell([(one.what, one.answer is UNKNOWN, one.returned is None) for one in found]
         == [(add(), False, False), (add(), True, True), (add(3), True, True)] and fourth in noted.open,
         "a history has what was answered, what is unknown and what is under way, and not what never happened", str(found))
    print(f"1..{number}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
