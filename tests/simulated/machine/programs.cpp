// SPDX-License-Identifier: MIT
// Programs that the product starts. Only the plugin host is known here, which tries a plugin out before the
// node loads it, after a time that the seed chooses. It accepts every plugin. It also accepts the saved
// states that a reload is to restore, or refuses them, crashes or does not end, as the seed decides
// (programs.hpp). Any other program cannot be started.
#include "programs.hpp"

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

struct program {
  thing answer; // where it writes
  bool ended = false;
  int status = 0; // as waitpid() returns it
};

std::map<pid_t, program>& programs() {
  static auto* const all = new std::map<pid_t, program>; // NOLINT: lives as long as the process
  return *all;
}

bool may_fail = false;

void end(program& one, int status, std::string_view verdict = {}) {
  if (one.ended) return;
  one.ended = true;
  one.status = status;
  const iovec piece{const_cast<char*>(verdict.data()), verdict.size()};
  if (!verdict.empty()) (void)one.answer->write({&piece, 1});
  if (--one.answer->numbers == 0) one.answer->close();
  one.answer = {};
}

// Null: not a program of this machine.
program* find(pid_t which) {
  const auto found = programs().find(which);
  return found == programs().end() ? nullptr : &found->second;
}

} // namespace

void trials_may_fail(bool may) {
  may_fail = may;
}

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
  program& fresh = programs()[*made];
  fresh.answer = to;
  const bool restores = arguments[2] != nullptr && arguments[3] != nullptr;
  const std::uint64_t trouble = restores && may_fail ? draw_below(12) : 3;
  const nanos ends =
      trouble == 0 ? draw_between(second, 10 * second) : draw_between(2 * millisecond, 60 * millisecond);
  note("program", static_cast<std::uint64_t>(*made), trouble);
  at(now() + ends, [&fresh, trouble] {
    if (trouble == 1) return end(fresh, SIGSEGV);
    if (trouble == 2) return end(fresh, 0, "{\"ok\": false, \"error\": \"the state is of another kind\"}\n");
    end(fresh, 0, "{\"ok\": true}\n");
  });
  return 0;
}

int waitid(idtype_t kind, id_t which, siginfo_t* info, int how) {
  static auto* const does = real<int(idtype_t, id_t, siginfo_t*, int)>("waitid");
  if (current() == nullptr) return does(kind, which, info, how);
  const program* const one = kind == P_PID ? find(static_cast<pid_t>(which)) : nullptr;
  if (one == nullptr) return said(-ECHILD);
  point();
  while (!one->ended && (how & WNOHANG) == 0) let_pass(millisecond);
  *info = {};
  if (!one->ended) return 0;
  info->si_pid = static_cast<pid_t>(which);
  info->si_code = WIFSIGNALED(one->status) ? CLD_KILLED : CLD_EXITED;
  return 0;
}

pid_t waitpid(pid_t which, int* status, int how) {
  static auto* const does = real<pid_t(pid_t, int*, int)>("waitpid");
  if (current() == nullptr) return does(which, status, how);
  const program* const one = find(which);
  if (one == nullptr) return said(-ECHILD);
  while (!one->ended) let_pass(millisecond);
  if (status != nullptr) *status = one->status;
  return which;
}

int kill(pid_t which, int) noexcept {
  program* const one = find(which < 0 ? -which : which);
  if (one == nullptr) return said(-ESRCH);
  end(*one, SIGKILL);
  return 0;
}

pid_t fork() noexcept {
  static auto* const does = real<pid_t()>("fork");
  if (current() != nullptr) not_simulated("fork");
  return does();
}

} // extern "C"
