#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the machine code of a linked program and prints which functions use thread-local variables.

A process of the node may park in one thread and go on in another. A function that keeps the address of a thread-local
variable while it parks would then use the variable of another thread. So each such variable is used by a few functions
only, which are never inlined and never park. The compiler does not ensure this, least of all across files; this test
does. Usage: thread_variables.py PROGRAM. The program is not stripped and is for x86-64. Exits with 77, Meson's status
for a skipped test, where the program cannot be read.
"""
import collections
import platform
import re
import shutil
import subprocess
import sys

# The functions that may use thread-local variables, by the ends of their names. The functions on the first lines
# return what they read. Their callers use it up before they park, or it belongs to a process's turn.
ALLOWED = (
    "runtime::driver::current", "runtime::worker::current", "runtime::driver::has_turn_of", "runtime::block_pool::current",
    "this_threads_exceptions", "base::this_threads_stripe", "runtime::allocate_block", "runtime::detail::release",
    "runtime::names::find", "runtime::written_from::written_from", "host::destination_of",
    "date_now", "frames::spare",
    # These are called inside malloc, or for one allocation, and never park.
    "malloc", "calloc", "realloc", "free", "memalign", "aligned_alloc", "posix_memalign", "valloc", "pvalloc", "heap::detail::allocate",
    "heap::detail::allocate_zeroed", "heap::detail::allocate_aligned", "heap::detail::resize_due", "heap::detail::resize_charged", "heap::due",
    "heap::roll", "heap::distance", "heap::fraction", "heap::begin_count", "heap::running_here", "heap::charge::charge", "heap::charge::~charge",
    # These run on the thread's own stack, or in the library that writes the log.
    "runtime::driver::serve", "runtime::block_pool::set_current", "base::log::log_files::put",
)
CANARY = "%fs:0x28"  # the stack protector's
STANDARD = "std::__once_"  # std::call_once has thread-local variables, and calls nothing that parks


def users(lines):
    """The functions in `objdump -dC` that use a thread-local variable, with counts; and all functions that were
    read."""
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
    """A function's name without the suffixes that the compiler adds, without parameters and (anonymous namespace)."""
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
