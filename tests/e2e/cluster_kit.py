#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coppice/testing/cluster.hpp as an author uses it: a C++ test, built from the installed files, starts nodes, separates
them, delays their traffic, ends them, and calls them from Erlang."""
import os
import subprocess

from harness.node import plugin_folder
from harness.sdk import installed, needs, shell, working_folder
from harness.tap import contains, equal, run, shared, test

SOURCE = r"""
#include <coppice/json.hpp>
#include <coppice/testing/cluster.hpp>

#include <cstdlib>
#include <iostream>

using namespace coppice::testing;
using namespace std::chrono_literals;

#define NEED(...) \
  if (!(__VA_ARGS__)) throw failure("line " + std::to_string(__LINE__) + ": " #__VA_ARGS__)

cluster_options with_kv() {
  return {.config = "applications: [ { name: app, supervisor: { children: [ { id: kv, name: kv, actor: kv } ] } } ]",
          .plugins = {std::getenv("COPPICE_PLUGINS")}};
}

void parts() {
  cluster three(3);
  NEED(three.size() == 3 && three[1].name() == "node1@127.0.0.1" && three[1].number() == 1 && three.is_whole());
  three.cut({0});
  NEED(three.until([&] { return !three[0].is_connected_to(three[1]) && !three[2].is_connected_to(three[0]); }));
  NEED(three[1].is_connected_to(three[2]));
  three.heal();
  NEED(three.until([&] { return three.is_whole(); }));
}

void fails() {
  cluster two(2, with_kv());
  NEED(two[1].call("kv", "{put, a, 1}") == "ok" && two[1].call("kv", "{get, a}") == "{ok,1}");
  two[1].kill();
  NEED(!two[1].runs() && !two[1].call("kv", "size") && !two[1].error().empty());
  NEED(two.until([&] { return !two[0].is_connected_to(two[1]); }) && two.is_whole());
  two[1].start();
  NEED(two[1].call("kv", "size") == "0");
  NEED(two.until([&] { return two[0].is_connected_to(two[1]); }) && two.is_whole());
  NEED(!two[0].call("nobody", "size") && !two[0].error().empty());
  const program_result bad = two[0].client({"no-such-command"});
  NEED(bad.status == 2 && bad.errors.find("no-such-command") != std::string::npos);
  NEED(two[0].stop() == 0 && !two[0].runs());
}

void erlang() {
  cluster two(2, with_kv());
  erlang_node& from = two.erlang();
  NEED(from.number() == 2 && &from == &two.erlang());
  const std::string ask = "gen_server:call({kv, 'node1@127.0.0.1'}, {put, a, 1})";
  NEED(from.evaluate(ask) == "ok" && two[1].call("kv", "{get, a}") == "{ok,1}");
  NEED(two[1].is_connected_to(from.name())); // and to the other one once global has told it of that
  for (const auto& [one, other] : {std::pair(2, 1), std::pair(1, 2)}) {
    two.delay(std::size_t(one), std::size_t(other), 300ms);
    NEED(std::stol(from.evaluate("element(1, timer:tc(fun() -> " + ask + " end))")) >= 300000);
    two.heal();
  }
  two.cut(1, from.number());
  const std::string sees = "lists:member('node1@127.0.0.1', nodes())";
  NEED(two.until([&] { return from.evaluate(sees) == "false" && !two[1].is_connected_to(from.name()); }));
  NEED(from.evaluate(ask).starts_with("{exit,"));
  two.heal();
  NEED(two.until([&] { return from.evaluate(ask) == "ok"; }));
}

struct told_status {
  std::uint64_t workers;
};

void configured() {
  cluster two(2, {.file = "node.yaml",
                  .settings = [](std::size_t one) { return std::vector{"node.workers=" + std::to_string(one + 1)}; }});
  for (std::size_t i = 0; i < 2; ++i) {
    const auto status = coppice::json::read<told_status>(two[i].client({"status", "--json"}).output);
    NEED(status && status->workers == i + 1);
    NEED(two[i].client({"tree"}).output.find("of_the_file") != std::string::npos);
  }
  NEED(two.logs() == two[0].name() + ":\n" + two[0].log() + two[1].name() + ":\n" + two[1].log() && !two[0].log().empty());
}

void refused() {
  try {
    cluster one(1, {.config = "aplications: []"});
  } catch (const failure& why) {
    std::cout << why.what();
    return;
  }
  throw failure("it has started");
}

int main(int, char** words) try {
  const std::string what = words[1];
  what == "parts" ? parts() : what == "fails" ? fails() : what == "erlang" ? erlang() : what == "configured" ? configured() : refused();
  return 0;
} catch (const failure& why) {
  std::cerr << why.what() << '\n';
  return 1;
}
"""


@shared
def kit(cleanup):
    """A folder with the built test."""
    needs("g++", "pkg-config")
    folder = working_folder(cleanup)
    folder.write("kit.cpp", SOURCE)
    folder.write("node.yaml", "applications: [ { name: of_the_file, supervisor: { children: [] } } ]\n")
    shell("g++ -std=c++20 -O0 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror kit.cpp -o kit $(pkg-config --cflags --libs coppice-testing)",
          folder.path, **installed()[1])
    return folder


def kit_test(what, **variables):
    environment = dict(os.environ, COPPICE_PLUGINS=plugin_folder(), **variables)
    return subprocess.run(["./kit", what], cwd=kit().path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=240, check=False)


def passes(what):
    done = kit_test(what)
    equal((done.returncode, done.stderr), (0, ""), done.stdout)


@test("a group of nodes is parted from the others, and connects again")
def parts(_):
    passes("parts")


@test("a node that is killed loses its state, and is in the cluster again after its next start; a call that fails says why")
def fails(_):
    passes("fails")


@test("an Erlang node calls the actors; what either side sends can be delayed, and their connection cut")
def erlang(_):
    needs("erl")
    passes("erlang")


@test("the configuration may be a file, with settings for each node")
def configured(_):
    passes("configured")


@test("a configuration that no node takes is a failure with the words of the node, and so are programs that are not there")
def refused(_):
    done = kit_test("refused")
    equal(done.returncode, 0, done.stderr)
    contains(done.stdout, "node0@127.0.0.1 does not become ready")
    contains(done.stdout, "aplications")
    done = kit_test("refused", COPPICED="/nowhere/coppiced")
    contains(done.stdout, "/nowhere/coppiced cannot be started: No such file or directory")


@test("nothing of a cluster stays behind")
def leaves_nothing(cleanup):
    place = working_folder(cleanup).path / "places"
    place.mkdir()
    done = kit_test("parts", TMPDIR=str(place))
    equal(done.returncode, 0, done.stderr)
    equal(list(place.iterdir()), [])


run()
