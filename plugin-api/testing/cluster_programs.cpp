// SPDX-License-Identifier: MIT
// Starts, reads and ends the programs of a cluster under test. In the thread that made the object.
#include <coppice/testing/cluster_programs.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace coppice::testing::detail {

descriptor& descriptor::operator=(descriptor&& from) noexcept {
  if (this != &from) {
    close();
    number_ = std::exchange(from.number_, -1);
  }
  return *this;
}

void descriptor::close() {
  if (number_ != -1) ::close(number_);
  number_ = -1;
}

void fail_with_errno(const std::string& what) {
  throw failure(what + ": " + std::strerror(errno));
}

std::pair<descriptor, descriptor> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_with_errno("a pipe cannot be made");
  return {descriptor(ends[0]), descriptor(ends[1])};
}

child::child(const std::vector<std::string>& command, const std::vector<std::string>& variables, int input,
             int output, int errors) {
  std::vector<char*> words = pointers(command);
  std::vector<char*> environment = pointers(variables);
  environment.pop_back();
  for (char** each = environ; *each != nullptr; ++each)
    if (!is_among(variables, *each)) environment.push_back(*each);
  environment.push_back(nullptr);
  auto [told, tells] = make_pipe();
  const descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::array<int, 3> standard{input, output, errors};
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < 3; ++i) {
      const int from = standard[static_cast<std::size_t>(i)];
      ::dup2(from == -1 ? nothing.get() : from, i);
    }
    ::execvpe(words[0], words.data(), environment.data());
    const int why = errno;
    [[maybe_unused]] const auto ignored = ::write(tells.get(), &why, sizeof why);
    ::_exit(127);
  }
  if (pid_ == -1) fail_with_errno("no process can be made");
  tells.close();
  int why = 0;
  if (::read(told.get(), &why, sizeof why) != sizeof why) return;
  wait();
  throw failure(command[0] + " cannot be started: " + std::strerror(why));
}

child& child::operator=(child&& from) noexcept {
  if (this != &from) {
    end();
    pid_ = std::exchange(from.pid_, -1);
    status_ = from.status_;
  }
  return *this;
}

bool child::runs() {
  if (pid_ == -1) return false;
  int raw = 0;
  if (::waitpid(pid_, &raw, WNOHANG) == pid_) note(raw);
  return pid_ != -1;
}

void child::send(int signal) {
  if (runs()) ::kill(pid_, signal);
}

int child::wait() {
  int raw = 0;
  while (pid_ != -1) {
    if (::waitpid(pid_, &raw, 0) == pid_)
      note(raw);
    else if (errno != EINTR)
      pid_ = -1;
  }
  return status_;
}

std::vector<char*> child::pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& each : texts) out.push_back(const_cast<char*>(each.c_str()));
  out.push_back(nullptr);
  return out;
}

bool child::is_among(const std::vector<std::string>& variables, std::string_view one) {
  const std::string_view name = one.substr(0, one.find('=') + 1);
  for (const std::string& each : variables)
    if (each.starts_with(name)) return true;
  return false;
}

void child::note(int raw) {
  status_ = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
  pid_ = -1;
}

void child::end() {
  send(SIGKILL);
  wait();
}

} // namespace coppice::testing::detail
namespace coppice::testing::detail {

program_result run_to_end(const std::vector<std::string>& command) {
  auto [output, writes_output] = make_pipe();
  auto [errors, writes_errors] = make_pipe();
  child running(command, {}, -1, writes_output.get(), writes_errors.get());
  writes_output.close();
  writes_errors.close();
  program_result result;
  std::array<pollfd, 2> ends{{{output.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}}};
  std::array<std::string*, 2> texts{&result.output, &result.errors};
  while (ends[0].fd != -1 || ends[1].fd != -1) {
    if (::poll(ends.data(), ends.size(), -1) < 0 && errno != EINTR) break;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd == -1 || ends[i].revents == 0) continue;
      std::array<char, 4096> part{};
      const ssize_t got = ::read(ends[i].fd, part.data(), part.size());
      if (got > 0)
        texts[i]->append(part.data(), static_cast<std::size_t>(got));
      else if (got == 0 || errno != EINTR)
        ends[i].fd = -1;
    }
  }
  result.status = running.wait();
  return result;
}

} // namespace coppice::testing::detail
