// SPDX-License-Identifier: MIT
// Programs that the product starts. Only the plugin host is known here, which tries a plugin out before the
// node loads it: it approves of every plugin, after a time that the seed chooses. Any other program cannot
// be started.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>

#include "descriptors.hpp"
#include "machine.hpp"
#include "real.hpp"

namespace coppice::simulated {
namespace {

constexpr int answer_number = 3; // where the plugin host writes its verdict

// For each list of spawn actions: the descriptor that becomes answer_number.
std::map<const void*, int>& answers() {
  static auto* const all = new std::map<const void*, int>; // NOLINT: lives as long as the process
  return *all;
}

constexpr pid_t first_program = 500'000;

} // namespace
} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

int posix_spawn_file_actions_init(posix_spawn_file_actions_t* one) noexcept {
  answers()[one] = -1;
  return 0;
}

int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t* one) noexcept {
  answers().erase(one);
  return 0;
}

int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t* one, int from, int to) noexcept {
  if (to == answer_number) answers()[one] = from;
  return 0;
}

int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t*, int, const char*, int, mode_t) noexcept {
  return 0;
}

int posix_spawn(pid_t* made, const char*, const posix_spawn_file_actions_t* actions, const posix_spawnattr_t*,
                char* const* arguments, char* const*) {
  const auto found = answers().find(actions);
  const bool tries = arguments[1] != nullptr && std::strcmp(arguments[1], "--probe") == 0;
  if (!tries || found == answers().end() || found->second < 0) return ENOENT;
  const thing to = share_thing(found->second);
  if (!to) return EBADF;
  static pid_t next = first_program;
  *made = next++;
  ++to->numbers; // the program has it, too
  at(now() + draw_between(2 * millisecond, 60 * millisecond), [to] {
    static const std::string_view verdict = "{\"ok\": true}\n";
    const iovec piece{const_cast<char*>(verdict.data()), verdict.size()};
    (void)to->write({&piece, 1});
    if (--to->numbers == 0) to->close();
  });
  return 0;
}

int waitid(idtype_t kind, id_t which, siginfo_t* info, int how) {
  static auto* const does = real<int(idtype_t, id_t, siginfo_t*, int)>("waitid");
  if (current() == nullptr) return does(kind, which, info, how);
  if (kind != P_PID || static_cast<pid_t>(which) < first_program) return said(-ECHILD);
  point();
  *info = {};
  info->si_pid = static_cast<pid_t>(which);
  info->si_code = CLD_EXITED;
  return 0;
}

pid_t waitpid(pid_t which, int* status, int how) {
  static auto* const does = real<pid_t(pid_t, int*, int)>("waitpid");
  if (current() == nullptr) return does(which, status, how);
  if (which < first_program) return said(-ECHILD);
  if (status != nullptr) *status = 0;
  return which;
}

int kill(pid_t which, int) noexcept {
  const pid_t one = which < 0 ? -which : which;
  return one >= first_program ? 0 : said(-ESRCH);
}

pid_t fork() noexcept {
  static auto* const does = real<pid_t()>("fork");
  if (current() != nullptr) not_simulated("fork");
  return does();
}

} // extern "C"
