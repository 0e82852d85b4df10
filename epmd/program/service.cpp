// SPDX-License-Identifier: MIT
// The fork happens before any loop or thread exists. The main thread.
#include "epmd/program/service.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "net/listening/passed_sockets.hpp"

#ifdef COPPICE_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

namespace coppice::epmd::program {
namespace {

[[noreturn]] void wait_and_exit(int from, pid_t child) {
  char outcome = 0;
  ssize_t got = 0;
  do {
    got = read(from, &outcome, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1) _exit(0);
  // The child ended without a word: its status becomes ours.
  int status = 0;
  waitpid(child, &status, 0);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

} // namespace

base::result<background> background::start() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail_errno("go into the background", errno);
  base::unique_fd from(ends[0]);
  base::unique_fd tell(ends[1]);
  const pid_t child = fork();
  if (child < 0) return base::fail_errno("go into the background", errno);
  if (child > 0) {
    tell.reset();
    wait_and_exit(from.get(), child);
  }
  setsid();
  if (chdir("/") != 0) return base::fail_errno("change to /", errno);
  return background(std::move(tell));
}

void background::ready() {
  const char outcome = 1;
  static_cast<void>(!write(tell_.get(), &outcome, 1));
  tell_.reset();
  const base::unique_fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null.get(), fd);
}

base::result<std::vector<base::unique_fd>> inherited_sockets() {
  auto passed = net::passed_sockets();
  if (!passed) return unexpected(std::move(passed.error()).context("-systemd"));
  if (passed->empty()) return base::fail(base::errc::not_found, "-systemd: systemd passed no sockets");
  std::vector<base::unique_fd> sockets;
  for (net::passed_socket& one : *passed) sockets.push_back(std::move(one.fd));
  return sockets;
}

void tell_systemd_ready() {
#ifdef COPPICE_HAVE_SYSTEMD
  sd_notify(0, "READY=1");
#endif
}

} // namespace coppice::epmd::program
