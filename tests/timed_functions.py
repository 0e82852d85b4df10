#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""timed_functions.py PROGRAM…: tests can replace every function by which a program reads a clock or waits for a time.

tests/unit/held_clock.cpp defines the functions of libc that the daemon and libuv use for that. A function that a program uses
and that file does not define would go on in real time while a test's clock stands; this test finds it in the program's
imports. The functions of UNHELD may be used, each for its reason. Prints TAP, a line for each program.
"""
import re
import subprocess
import sys
from pathlib import Path

# Functions of libc that read a clock or return at a time, and libstdc++'s wait that does not use libc
# (std::future::wait_for; the wait without a time has another name). recvmmsg is left out: it is called without a
# time.
TIMED = re.compile(r"^(clock_gettime|clock_nanosleep|nanosleep|usleep|sleep|time|gettimeofday|ftime|timespec_get|poll|ppoll|select|pselect"
                   r"|epoll_p?wait2?|pthread_\w+_(timed|clock)(wait|lock|rdlock|wrlock|join)\w*|pthread_(timed|clock)join_np|sem_(timed|clock)wait"
                   r"|sigtimedwait|mq_timed\w+|timerfd_\w+|timer_\w+|[gs]etitimer|u?alarm|thrd_sleep|cnd_timedwait|mtx_timedlock"
                   r"|_ZN\w*_M_futex_wait_until_steady\w*)$")
UNHELD = {
    "timerfd_create": "tells when the wall clock is set (base/clock_watch.cpp)",
    "timerfd_settime": "the same",
}
DEFINITION = re.compile(r"^[a-z][\w ]* \**(\w+)\([^;]*\{$", re.M)


def imports(program):
    listed = subprocess.run(["nm", "-D", "--undefined-only", program], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in listed.splitlines() if line.strip()}


def main(programs):
    text = (Path(__file__).resolve().parent / "unit/held_clock.cpp").read_text(encoding="utf-8")
    held = set(DEFINITION.findall(text[text.index('extern "C"'):]))
    failed = False
    for number, program in enumerate(programs, 1):
        unknown = sorted(name for name in imports(program) if TIMED.match(name) and name not in held and name not in UNHELD)
        for name in unknown:
            print(f"# {name}: not in tests/unit/held_clock.cpp")
        print(f"{'not ok' if unknown else 'ok'} {number} - a test can hold what {Path(program).name} waits by")
        failed = failed or bool(unknown)
    print(f"1..{len(programs)}")
    return 1 if failed or not held else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
