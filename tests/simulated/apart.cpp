// SPDX-License-Identifier: MIT
// See apart.hpp. The task, the result and the folder of the run are handed over as descriptors.
#include "apart.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>

#include "machine/processor.hpp"

namespace coppice::simulated {
namespace {

constexpr int task_fd = 3;
constexpr int result_fd = 4;
// The folder of the run, so that its files have the same absolute paths in each.
constexpr int folder_fd = 5;
constexpr const char* folder_path = "/dev/fd/5";
constexpr const char* run_argument = "--run";
// Seconds of processor. A run that spins for ever is ended after them.
constexpr unsigned least_patience = 30;

// A temporary file without a name.
class paper {
 public:
  paper() : file_(std::tmpfile()) {
    if (file_ == nullptr) std::exit(1);
  }
  ~paper() { std::fclose(file_); }
  paper(const paper&) = delete;
  paper& operator=(const paper&) = delete;
  int descriptor() const { return fileno(file_); }
  template <class T>
  void put(const T& what) {
    std::fwrite(&what, sizeof what, 1, file_);
    std::fflush(file_);
  }
  template <class T>
  bool get(T& what) {
    std::rewind(file_);
    return std::fread(&what, sizeof what, 1, file_) == 1;
  }
  std::string text() {
    std::string out;
    std::rewind(file_);
    for (int letter = std::fgetc(file_); letter != EOF; letter = std::fgetc(file_))
      out += static_cast<char>(letter);
    return out;
  }

 private:
  std::FILE* file_;
};

// One thread of a run runs at a time. On one processor it hands over to the next one in half the time.
void stay_on_this_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(sched_getcpu()), &one);
  sched_setaffinity(0, sizeof one, &one);
}

[[noreturn]] void become_the_run(const task& what, int given, int returned, int log, const char* folder) {
  const std::array<int, 3> from{dup(given), dup(returned), dup(log)};
  std::array<int, 3> high{};
  for (std::size_t at = 0; at < from.size(); ++at) high[at] = fcntl(from[at], F_DUPFD, 100);
  dup2(high[0], task_fd);
  dup2(high[1], result_fd);
  if (!what.trace) dup2(high[2], STDERR_FILENO);
  kernel_close_from(result_fd + 1);
  stay_on_this_processor();
  const int opened = open(folder, O_RDONLY | O_DIRECTORY);
  const bool is_open = opened == folder_fd || dup2(opened, folder_fd) == folder_fd;
  itimerval patience{}; // the program that is started has it too
  patience.it_value.tv_sec = least_patience + what.length / second;
  setitimer(ITIMER_PROF, &patience, nullptr);
  if (is_open && chdir(folder) == 0) start_again(run_argument);
  _exit(2);
}

// The hash in the last words of a run that was given up. 0: there is none.
std::uint64_t hash_in(const std::string& said) {
  constexpr std::string_view mark = "\nhash ";
  const std::size_t at = said.rfind(mark);
  return at == std::string::npos ? 0 : std::strtoull(said.c_str() + at + mark.size(), nullptr, 16);
}

std::string how_it_ended(int status) {
  if (!WIFSIGNALED(status)) return {};
  if (WTERMSIG(status) == SIGPROF) return "simulated machine: the run does not come to its end\n";
  return fmt::format("simulated machine: the process ended by signal {}\n", WTERMSIG(status));
}

} // namespace

outcome run_apart(const task& what) {
  paper given;
  paper returned;
  paper log;
  given.put(what);
  returned.put(result());
  std::array<char, 32> folder{"/tmp/coppice-simulated-XXXXXX"};
  if (mkdtemp(folder.data()) == nullptr) std::exit(1);
  const pid_t child = fork();
  if (child == 0)
    become_the_run(what, given.descriptor(), returned.descriptor(), log.descriptor(), folder.data());
  int status = 0;
  waitpid(child, &status, 0);
  outcome out;
  out.good = returned.get(out.made) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  out.said = log.text() + how_it_ended(status);
  std::error_code ignored;
  std::filesystem::remove_all(folder.data(), ignored);
  if (!out.good) out.made.hash = hash_in(out.said);
  return out;
}

bool is_apart(int argc, char** argv) {
  return argc == 2 && std::strcmp(argv[1], run_argument) == 0;
}

int run_here() {
  static task what;
  if (pread(task_fd, &what, sizeof what, 0) != sizeof what) return 2;
  void* const shared = mmap(nullptr, sizeof(result), PROT_READ | PROT_WRITE, MAP_SHARED, result_fd, 0);
  if (shared == MAP_FAILED) return 2;
  run(what, folder_path, *new (shared) result);
  _exit(0); // threads of killed hosts have never ended
}

std::string reason_of(const outcome& bad) {
  constexpr std::string_view mark = "simulated machine: ";
  std::size_t at = bad.said.rfind(mark);
  if (at == std::string::npos) return "the run ended without a word";
  at += mark.size();
  return bad.said.substr(at, bad.said.find('\n', at) - at);
}

std::string failure_of(const outcome& bad) {
  constexpr std::string_view invariant = "invariant: ";
  std::string reason = reason_of(bad);
  const bool has_invariant = reason.starts_with(invariant);
  reason = reason.substr(0, reason.find(": ", has_invariant ? invariant.size() : 0));
  if (reason.starts_with("signal ")) reason = reason.substr(0, reason.find(" at "));
  std::string out;
  for (const char letter : reason) {
    const bool is_digit = std::isdigit(static_cast<unsigned char>(letter)) != 0;
    if (!is_digit) out += letter;
    if (is_digit && !out.ends_with('#')) out += '#';
  }
  return out;
}

} // namespace coppice::simulated
