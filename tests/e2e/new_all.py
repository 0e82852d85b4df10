#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every kind of `coppice new` in C and C++ with gcc and with clang: it builds without a warning and passes its own
test; the test fails if the line that does the work is taken out of the source."""
import subprocess

from harness.made_plugins import compile_all, make_all
from harness.node import Folder
from harness.sdk import needs, working_folder
from harness.tap import check, equal, run, shared, test

# The line that does the work, in C++ and in C, and its replacements.
LINES = {
    "actor": ("return sum_ += request.amount;", "__builtin_add_overflow(it->sum, amount, &it->sum)", "return request.amount;", "0"),
    "event-manager": ("events_.emplace_front(event);", "return add(state, event->data, event->size);", "(void)event;",
                      "(void)state, (void)event; return COPPICE_OK;"),
    "pool": ("return request.number * request.number;", "__builtin_mul_overflow(answer, answer, &answer)", "return request.number;", "0"),
    "port": ("reply(callers_.front(), coppice::to_text(said));", "coppice_write_binary(&out, line->data, line->size);",
             "(void)said;", "coppice_write_nil(&out);"),
    "raft": ("return sum_ += what.amount;", "it->sum = sum;", "return what.amount;", ""),
    "router": ("return to_route(to_);", "return routes->to_route(self, name);", "return own();", "return COPPICE_OK;"),
    "saga": ("if (reserved_.insert(key_of(s)).second) has_ -= what.count;", "it->has -= count;", "reserved_.insert(key_of(s));", "it->has -= 0 * count;"),
    "stage": ("doubled.push_back(2 * each);", "2 * number : 0", "(void)each;", "number : 0"),
    "statem": ("return keep().state_timeout(lit_);", "machine->set_timeout(self, &off, &content)", "return keep();",
               "((void)self, (void)off, messages->release(&content), COPPICE_OK)"),
    "tcp": ('from.write(std::to_string(++lines_) + " " + text + "\\n");', "status = streams->write(self, stream, parts[i]);",
            "++lines_;", "(void)parts;"),
    "udp": ("reply(one, one.bytes());", "sockets->send(self, &answer, 1, &sent);", "(void)one;", "(void)self, (void)answer, (void)sent;"),
    "web": ("++times_;", "++it->times;", "", "(void)it;"),
}


@shared
def everything(cleanup):
    needs("g++", "clang++", "pkg-config", "xargs")
    folder = Folder()
    cleanup.callback(folder.close)
    return make_all(folder.path)


def own_tests(cleanup, cpp):
    """The exit status of the test of each plugin."""
    where, made = working_folder(cleanup).path, everything()
    compile_all(where, [one.test_command(cpp) for one in made])
    return {one.name: subprocess.run([where / f"{one.name}_test"], timeout=60, check=False).returncode for one in made}, where


@test("with clang all build without a warning, and pass")
def with_clang(cleanup):
    compile_all(working_folder(cleanup).path, [one.plugin_command("clang++") for one in everything()])
    equal(set(own_tests(cleanup, "clang++")[0].values()), {0})


@test("with gcc all pass; without the line that does the work each one's test fails")
def without_its_line(cleanup):
    said, where = own_tests(cleanup, "g++")
    equal(set(said.values()), {0}, said)
    made = everything()
    equal({one.kind for one in made}, set(LINES), "each kind has such a line")
    for one in made:
        index = 0 if one.language == "cpp" else 1
        line, instead = LINES[one.kind][index], LINES[one.kind][index + 2]
        text = one.source.read_text(encoding="utf-8")
        equal(text.count(line), 1, f"{one.name} has it once")
        one.source.write_text(text.replace(line, instead), encoding="utf-8")
    compile_all(where, [one.test_command("g++") for one in made])
    for one in made:
        done = subprocess.run([where / f"{one.name}_test"], capture_output=True, timeout=60, check=False)
        check(done.returncode != 0, f"{one.name}'s test notices")


if __name__ == "__main__":
    run()
