#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the machine code of a linked program and says which functions use variables of their thread.

A process of the node may park in one thread and go on in another. A function that keeps the address of a thread's
variable while it parks would then use another thread's. So each such variable is used by a few functions alone, which
are never inlined and never park. The compiler alone does not hold this rule, least of all across files; this does.
Usage: thread_variables.py PROGRAM, not stripped, of x86-64. Exits with 77 where it cannot be read, as Meson has it."""
import collections
import platform
import re
import shutil
import subprocess
import sys

# The functions that may, by the ends of their names. Those of the first lines give what they read to others; what
# gets it uses it up before it parks, or it is what goes with a process's turn.
ALLOWED = (
    "runtime::driver::current", "runtime::worker::current", "runtime::driver::has_turn_of", "runtime::block_pool::current",
    "this_threads_exceptions", "base::this_threads_stripe", "runtime::allocate_block", "runtime::detail::release",
    "runtime::names::find", "runtime::written_from::written_from", "host::destination_of",
    "date_now", "frames::spare",
    # What is called inside malloc, or for one allocation, and never parks.
    "malloc", "calloc", "realloc", "free", "memalign", "aligned_alloc", "posix_memalign", "valloc", "pvalloc", "heap::detail::allocate",
    "heap::detail::allocate_zeroed", "heap::detail::allocate_aligned", "heap::detail::resize_due", "heap::detail::resize_charged", "heap::due",
    "heap::roll", "heap::distance", "heap::fraction", "heap::begin_count", "heap::running_here", "heap::charge::charge", "heap::charge::~charge",
    # No stack of a process's: the thread's own, and the library that writes the log.
    "runtime::driver::serve", "runtime::block_pool::set_current", "base::log::log_files::put",
)
CANARY = "%fs:0x28"  # the stack protector's
STANDARD = "std::__once_"  # std::call_once has variables of its own, and calls nothing that parks


def users(lines):
    """The functions of `objdump -dC` that use a variable of their thread, how often, and those that were read."""
    found, standard, read, name = collections.Counter(), set(), 0, ""
    for line in lines:
        if line.endswith(">:\n"):
            name = line[line.index("<") + 1:-3]
            read += 1
        elif "%fs:" in line and CANARY not in line:
            found[name] += 1
        elif STANDARD in line:
            standard.add(name)
    return {each: count for each, count in found.items() if each not in standard}, read


def plain(name):
    """Without what the compiler made of it, its parameters and (anonymous namespace)."""
    name = re.sub(r"( \[clone [^\]]*\]|\.(lto_priv|constprop|isra|part|cold)(\.\d+)?)+$", "", name)
    name = name.replace("(anonymous namespace)::", "").replace("[abi:cxx11]", "")
    return name.split("(")[0]


def is_allowed(name):
    return any(plain(name) == each or plain(name).endswith("::" + each) for each in ALLOWED)


def self_test():
    text = ["0010 <coppice::runtime::driver::current()>:\n", " mov %fs:(%rax),%rax\n", "0020 <coppice::a::b(int) [clone .cold]>:\n",
            " mov %fs:0x0,%rax\n", " xor %fs:0x28,%rax\n", "0030 <c()>:\n", " sub %fs:0x28,%rax\n", "0040 <d()>:\n", " mov %fs:0x0,%rax\n",
            " add 0x6fa970(%rip),%rax  # 9a6e00 <std::__once_callable@GLIBCXX_3.4.11>\n"]
    found, read = users(text)
    assert read == 4 and set(found) == {"coppice::runtime::driver::current()", "coppice::a::b(int) [clone .cold]"}, found
    assert is_allowed("coppice::runtime::driver::current()") and not is_allowed("coppice::a::b(int) [clone .cold]")
    assert is_allowed("coppice::net::(anonymous namespace)::date_now() [clone .lto_priv.0]")
    assert not is_allowed("coppice::net::update_now(int)")


def main():
    self_test()
    objdump = shutil.which("objdump")
    if objdump is None or platform.machine() != "x86_64":
        print("1..0 # SKIP no objdump for x86-64")
        return 77
    with subprocess.Popen([objdump, "-d", "-C", "--no-show-raw-insn", sys.argv[1]], stdout=subprocess.PIPE, text=True,
                          errors="replace") as reads:
        found, read = users(reads.stdout)
    if read < 1000:
        print("1..0 # SKIP the program has no symbols")
        return 77
    wrong = sorted(name for name in found if not is_allowed(name))
    known = [each for each in found if is_allowed(each)]
    print("1..2")
    print(("ok" if len(known) >= 8 else "not ok") + " 1 - the functions that may use variables of their thread are there")
    print(("not ok" if wrong else "ok") + " 2 - no other function does")
    for name in wrong:
        print(f"# {name}: {found[name]} times. Have it ask a function that is [[gnu::noinline]], as worker::current() is, and never parks;"
              " or say in tests/thread_variables.py why it may")
    return 1 if wrong or len(known) < 8 else 0


if __name__ == "__main__":
    sys.exit(main())
