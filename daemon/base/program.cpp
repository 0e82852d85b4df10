// SPDX-License-Identifier: MIT
// See program.hpp. All that the new process needs is prepared before fork(): between fork() and execve() only
// system calls are made, since another thread may have held any lock. A pipe that execve() closes reports an
// errno. The program is reaped only after its group was killed, so until then no other process can get its
// id, which is also the group's.
#include "base/program.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <set>
#include <string_view>
#include <utility>

#include "base/descriptors.hpp"
#include "base/uv.hpp"

namespace coppice::base {
namespace {

struct pipe_ends {
  unique_fd read;
  unique_fd write;
};

result<pipe_ends> make_pipe() {
  std::array<int, 2> both{};
  if (pipe2(both.data(), O_CLOEXEC) != 0) return fail_errno("open a pipe", errno);
  return pipe_ends{unique_fd(both[0]), unique_fd(both[1])};
}

struct socket_ends {
  unique_fd ours;
  unique_fd theirs;
};

result<socket_ends> make_sockets() {
  std::array<int, 2> both{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both.data()) != 0)
    return fail_errno("open a pair of sockets", errno);
  return socket_ends{unique_fd(both[0]), unique_fd(both[1])};
}

void never_block(const unique_fd& fd) {
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

enum class step : int { descriptors, limits, folder, program };

struct failure {
  step at;
  int number; // errno's
};

// All data of the new process between fork() and execve().
struct plan {
  char* const* arguments;
  char* const* environment;
  const char* folder; // null: none
  std::array<int, 3> descriptors;
  int trouble; // descriptor to which a failure is written
  pid_t parent;
  rlim_t open_files;
  rlim_t memory;      // 0: unchanged
  rlim_t cpu_seconds; // 0: unchanged
};

[[noreturn]] void give_up(const plan& with, step at) {
  const failure failed{at, errno};
  [[maybe_unused]] const ssize_t written = write(with.trouble, &failed, sizeof failed);
  _exit(127);
}

bool limit(decltype(RLIMIT_NOFILE) resource, rlim_t soft, bool hard_too) {
  rlimit both{};
  if (getrlimit(resource, &both) != 0) return false;
  if (both.rlim_cur == soft && (!hard_too || both.rlim_max == soft))
    return true; // nothing to do, and a sandbox may forbid the call
  both.rlim_cur = std::min(soft, both.rlim_max);
  if (hard_too) both.rlim_max = both.rlim_cur;
  return setrlimit(resource, &both) == 0;
}

// Also closes descriptors that plugins have opened without O_CLOEXEC.
void close_others_at_exec(rlim_t highest) {
#if defined(SYS_close_range)
  constexpr unsigned cloexec = 4; // CLOSE_RANGE_CLOEXEC, since Linux 5.11
  if (syscall(SYS_close_range, 3U, ~0U, cloexec) == 0) return;
#endif
  for (int fd = 3; static_cast<rlim_t>(fd) < highest; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

[[noreturn]] void become(const plan& with) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != with.parent) _exit(127); // the daemon was killed before prctl()
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &standard, nullptr);
  // First above 2: the daemon's descriptors may be below 3.
  std::array<int, 3> away{};
  for (std::size_t i = 0; i < 3; ++i) {
    away[i] = fcntl(with.descriptors[i], F_DUPFD_CLOEXEC, 3);
    if (away[i] < 0) give_up(with, step::descriptors);
  }
  for (std::size_t i = 0; i < 3; ++i)
    if (dup2(away[i], static_cast<int>(i)) < 0) give_up(with, step::descriptors);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  close_others_at_exec(before.rlim_cur);
  if (!limit(RLIMIT_NOFILE, with.open_files, false)) give_up(with, step::limits);
  if (with.memory != 0 && !limit(RLIMIT_AS, with.memory, true)) give_up(with, step::limits);
  if (with.cpu_seconds != 0 && !limit(RLIMIT_CPU, with.cpu_seconds, true)) give_up(with, step::limits);
  if (with.folder && chdir(with.folder) != 0) give_up(with, step::folder);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(with.arguments[0], with.arguments, with.environment);
  give_up(with, step::program);
}

// Signals are blocked as long as the new process still has the daemon's handlers.
pid_t fork_and_become(const plan& with) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t made = fork();
  if (made == 0) become(with);
  const int number = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = number;
  return made;
}

unexpected<error> fail_at(const failure& failed, const program_options& options) {
  const auto say = [&](std::string what) {
    auto made = fail_errno(std::move(what), failed.number);
    if (failed.number == ENOENT || failed.number == ENOTDIR) made.error().code = errc::not_found;
    return made;
  };
  switch (failed.at) {
    case step::descriptors:
      return say("give it its descriptors");
    case step::limits:
      return say("set its limits");
    case step::folder:
      return say("enter " + options.folder);
    case step::program:
      break;
  }
  return say("run " + options.command.front());
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

void reap(pid_t pid, int* status) {
  while (waitpid(pid, status, 0) < 0 && errno == EINTR) {
  }
}

} // namespace

namespace {

struct hidden_names {
  std::mutex lock;
  std::set<std::string, std::less<>> all;
};

hidden_names& hidden() {
  static hidden_names known;
  return known;
}

bool is_hidden(std::string_view entry) {
  hidden_names& known = hidden();
  const std::lock_guard guard(known.lock);
  return known.all.contains(entry.substr(0, entry.find('=')));
}

} // namespace

void hide_from_programs(std::string name) {
  hidden_names& known = hidden();
  const std::lock_guard guard(known.lock);
  known.all.insert(std::move(name));
}

std::vector<std::string> passed_environment() {
  // systemd.exec(5), "Environment variables in spawned processes".
  static constexpr std::array<std::string_view, 20> of_systemd = {"NOTIFY_SOCKET=",
                                                                  "LISTEN_FDS=",
                                                                  "LISTEN_FDNAMES=",
                                                                  "LISTEN_PID=",
                                                                  "LISTEN_PIDFDID=",
                                                                  "WATCHDOG_PID=",
                                                                  "WATCHDOG_USEC=",
                                                                  "INVOCATION_ID=",
                                                                  "JOURNAL_STREAM=",
                                                                  "SYSTEMD_EXEC_PID=",
                                                                  "MANAGERPID=",
                                                                  "MANAGERPIDFDID=",
                                                                  "MAINPID=",
                                                                  "FDSTORE=",
                                                                  "CREDENTIALS_DIRECTORY=",
                                                                  "RUNTIME_DIRECTORY=",
                                                                  "STATE_DIRECTORY=",
                                                                  "CACHE_DIRECTORY=",
                                                                  "LOGS_DIRECTORY=",
                                                                  "CONFIGURATION_DIRECTORY="};
  static constexpr std::array<std::string_view, 3> families = {"MEMORY_PRESSURE_", "MONITOR_", "SYSTEMD_"};
  std::vector<std::string> kept;
  for (char** each = environ; each && *each; ++each) {
    const std::string_view one = *each;
    const auto begins = [&](std::string_view with) { return one.starts_with(with); };
    if (std::any_of(of_systemd.begin(), of_systemd.end(), begins)) continue;
    if (std::any_of(families.begin(), families.end(), begins) || is_hidden(one)) continue;
    kept.emplace_back(one);
  }
  return kept;
}

class program::inner {
 public:
  inner(pid_t pid, unique_fd pidfd, std::chrono::milliseconds kill_after,
        std::function<void(program_end)> on_end)
      : pid_(pid), pidfd_(std::move(pidfd)), kill_after_(kill_after), on_end_(std::move(on_end)) {}
  inner(const inner&) = delete;
  inner& operator=(const inner&) = delete;
  ~inner() {
    if (pid_ == 0) return;
    kill();
    reap(pid_, nullptr);
  }

  status watch(uv_loop_t* on) {
    auto made = uv::poll::make(on, pidfd_.get(), [this](int, int) { ended(); });
    if (!made) return unexpected<error>(std::move(made.error()));
    exit_ = std::move(*made);
    deadline_ = uv::timer(on, [this] { kill(); });
    return exit_.start(UV_READABLE);
  }

  void kill() const {
    if (pid_ != 0) ::kill(-pid_, SIGKILL);
  }

  void end() {
    if (pid_ == 0 || ending_) return;
    ending_ = true;
    ::kill(-pid_, SIGTERM);
    ::kill(-pid_, SIGCONT); // a stopped process receives no other signal
    deadline_.start(kill_after_);
  }

  pid_t pid() const { return pid_; }

  unique_fd stream;
  unique_fd errors;

 private:
  void ended() {
    kill();
    int word = 0;
    reap(pid_, &word);
    pid_ = 0;
    exit_.close();
    deadline_.close();
    program_end how;
    if (WIFSIGNALED(word))
      how.signal = WTERMSIG(word);
    else
      how.status = WEXITSTATUS(word);
    const auto tell = std::move(on_end_); // `tell` may destroy this object
    tell(how);
  }

  pid_t pid_; // 0: it has ended
  unique_fd pidfd_;
  std::chrono::milliseconds kill_after_;
  std::function<void(program_end)> on_end_;
  bool ending_ = false;
  uv::poll exit_;
  uv::timer deadline_;
};

program::program() = default;
program::program(program&& other) noexcept = default;
program& program::operator=(program&& other) noexcept = default;
program::~program() = default;
program::program(std::unique_ptr<inner> made) : inner_(std::move(made)) {}

result<program> program::start(uv_loop_t* on, const program_options& options,
                               std::function<void(program_end)> on_end) {
  if (options.command.empty() || !options.command.front().starts_with('/'))
    return fail(errc::invalid, "the program is to be given by its path from / on");
  auto talk = make_sockets();
  if (!talk) return unexpected<error>(std::move(talk.error()));
  auto err = make_pipe();
  auto trouble = make_pipe();
  for (auto* each : {&err, &trouble})
    if (!*each) return unexpected<error>(std::move(each->error()));

  const std::vector<char*> arguments = pointers(options.command);
  const std::vector<char*> environment = pointers(options.environment);
  plan with{};
  with.arguments = arguments.data();
  with.environment = environment.data();
  with.folder = options.folder.empty() ? nullptr : options.folder.c_str();
  with.descriptors = {talk->theirs.get(), talk->theirs.get(), err->write.get()};
  // The new descriptor is not among 0 to 2, which the program replaces.
  unique_fd told(fcntl(trouble->write.get(), F_DUPFD_CLOEXEC, 3));
  if (!told) return fail_errno("open a pipe", errno);
  trouble->write.reset();
  with.trouble = told.get();
  with.parent = getpid();
  with.open_files = first_descriptor_limit();
  with.memory = options.memory;
  with.cpu_seconds = options.cpu_seconds;

  const pid_t pid = fork_and_become(with);
  if (pid < 0) return fail_errno("start a process", errno);
  told.reset();
  failure failed{};
  ssize_t got = 0;
  while ((got = read(trouble->read.get(), &failed, sizeof failed)) < 0 && errno == EINTR) {
  }
  if (got == static_cast<ssize_t>(sizeof failed)) {
    reap(pid, nullptr);
    return fail_at(failed, options);
  }

  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  const int number = errno;
  auto made = std::make_unique<inner>(pid, unique_fd(pidfd), options.kill_after, std::move(on_end));
  if (pidfd < 0) return fail_errno("watch the program", number);
  made->stream = std::move(talk->ours);
  made->errors = std::move(err->read);
  for (const unique_fd* each : {&made->stream, &made->errors}) never_block(*each);
  if (auto watched = made->watch(on); !watched)
    return unexpected<error>(std::move(watched.error()).context("watch the program"));
  return program(std::move(made));
}

bool program::running() const {
  return inner_ && inner_->pid() != 0;
}
pid_t program::pid() const {
  return inner_ ? inner_->pid() : 0;
}
unique_fd& program::stream() {
  return inner_->stream;
}
unique_fd& program::errors() {
  return inner_->errors;
}
void program::end() {
  if (inner_) inner_->end();
}
void program::kill() {
  if (inner_) inner_->kill();
}

} // namespace coppice::base
