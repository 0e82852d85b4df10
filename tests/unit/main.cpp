// SPDX-License-Identifier: MIT
// The entry of every unit-test program: doctest's, in a library of its own so that it is compiled once. As in
// coppiced, SIGPIPE is ignored: a write to a peer that has gone fails. Arguments are doctest's
// (`--test-case=…`, `--list-test-cases`).
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return doctest::Context(argc, argv).run();
}
