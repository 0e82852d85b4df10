// SPDX-License-Identifier: MIT
// The program coppice-plugin-host, which only the daemon starts. `--probe FILE` tries a plugin file in this
// process and answers on descriptor 3, or on standard output if that is not open. With `--states` after it,
// saved states are read from descriptor 4.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "isolation/probe_run.hpp"
#include "loader/trial.hpp"

int main(int count, char** arguments) {
  const std::string_view what = count > 1 ? arguments[1] : "";
  if (what == "--version" && count == 2) return std::puts("coppice-plugin-host " COPPICE_VERSION) < 0;
  const bool with_states = count == 4 && std::string_view(arguments[3]) == "--states";
  if (what == "--probe" && (count == 3 || with_states)) {
    const int answer_fd = fcntl(3, F_GETFD) < 0 ? STDOUT_FILENO : 3;
    // _exit skips handlers that the plugin registered with atexit, and reports of its leaks.
    _exit(coppice::isolation::run_probe(arguments[2], answer_fd,
                                        with_states ? coppice::loader::states_fd : -1));
  }
  std::fprintf(stderr,
               "coppice-plugin-host: %s\n"
               "It is started by coppiced: coppice-plugin-host --probe FILE tries a plugin file out.\n",
               what == "--probe" ? "--probe takes one file"
               : what.empty()    ? "what to do?"
                                 : "running isolated actors is not available in this version");
  return 2;
}
