// SPDX-License-Identifier: MIT
// sd_listen_fds_with_names() also sets close-on-exec and unsets the variables. The main thread.
#include "net/listening/passed_sockets.hpp"

#ifdef COPPICE_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <memory>
#endif

namespace coppice::net {

#ifdef COPPICE_HAVE_SYSTEMD
base::result<std::vector<passed_socket>> passed_sockets() {
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(1, &names);
  if (count < 0) return base::fail_errno("take the sockets that LISTEN_FDS tells of", -count);
  std::vector<passed_socket> out;
  for (int i = 0; i < count; ++i) {
    const std::unique_ptr<char, decltype(&std::free)> name(names[i], &std::free);
    out.push_back({name.get(), base::unique_fd(SD_LISTEN_FDS_START + i)});
  }
  std::free(names); // NOLINT(bugprone-multi-level-implicit-pointer-conversion): it comes from malloc
  return out;
}
#else
base::result<std::vector<passed_socket>> passed_sockets() {
  return base::fail(base::errc::unsupported, "not available: built without libsystemd");
}
#endif

} // namespace coppice::net
