// SPDX-License-Identifier: MIT
// coppice-plugin-host: started by the daemon only. `--probe FILE` tries a plugin file out in this process
// and answers on descriptor 3, or on standard output when that is not open; with `--states` behind it saved
// states come on descriptor 4.
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
    // _exit: what the plugin registered with atexit is not the daemon's business, nor are leaks of it.
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
