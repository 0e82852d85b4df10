// SPDX-License-Identifier: MIT
// The kernel names the folder of the running program, so it does not matter how the program was called. Any
// thread.
#include "node/environment/programs.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace coppice::node {

std::string plugin_host_program() {
  if (const char* const said = std::getenv("COPPICE_PLUGIN_HOST")) return said;
  std::error_code none;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", none).parent_path();
  for (const char* place : {"coppice-plugin-host", "../libexec/coppice/coppice-plugin-host",
                            "daemon/coppice-plugin-host", "../daemon/coppice-plugin-host"}) {
    const std::filesystem::path program = self / place;
    if (access(program.c_str(), X_OK) == 0) return program.lexically_normal();
  }
  return "/usr/libexec/coppice/coppice-plugin-host";
}

} // namespace coppice::node
