// SPDX-License-Identifier: MIT
// The main() of every unit-test program. It is in a library of its own so that doctest is compiled once.
// SIGPIPE is ignored as in coppiced: writing to a peer that has closed its connection returns an error. The
// arguments are doctest's (`--test-case=…`, `--list-test-cases`).
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return doctest::Context(argc, argv).run();
}
