// SPDX-License-Identifier: MIT
// coppice-simulated: runs a cluster on the simulated machine, from one seed or from many. Each run is this
// same program, started again with an empty environment, one fixed argument and addresses that are not
// random. Runs differ only in the task, which is read from descriptor 3.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "machine/processor.hpp"
#include "machine/real.hpp"
#include "run.hpp"
#include "workloads/workload.hpp"

namespace {

using namespace coppice::simulated;

constexpr int task_fd = 3;
constexpr int result_fd = 4;
// The folder of the run, so that its files have the same absolute paths in each.
constexpr int folder_fd = 5;
constexpr const char* folder_path = "/dev/fd/5";
constexpr const char* run_argument = "--run";

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

int run_here() {
  static task what;
  if (pread(task_fd, &what, sizeof what, 0) != sizeof what) return 2;
  const result made = run(what, folder_path);
  if (pwrite(result_fd, &made, sizeof made, 0) != sizeof made) return 2;
  _exit(0); // threads of killed hosts have never ended
}

struct outcome {
  bool good = false;
  result made;
  std::string said; // the log; its last line says which invariant was broken
};

// One thread of a run runs at a time. On one processor it hands over to the next one in half the time.
void stay_on_this_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(sched_getcpu()), &one);
  sched_setaffinity(0, sizeof one, &one);
}

outcome run_apart(const task& what) {
  paper given;
  paper returned;
  paper log;
  given.put(what);
  std::array<char, 32> folder{"/tmp/coppice-simulated-XXXXXX"};
  if (mkdtemp(folder.data()) == nullptr) std::exit(1);
  const pid_t child = fork();
  if (child == 0) {
    const std::array<int, 3> from{dup(given.descriptor()), dup(returned.descriptor()), dup(log.descriptor())};
    std::array<int, 3> high{};
    for (std::size_t at = 0; at < from.size(); ++at) high[at] = fcntl(from[at], F_DUPFD, 100);
    dup2(high[0], task_fd);
    dup2(high[1], result_fd);
    if (!what.trace) dup2(high[2], STDERR_FILENO);
    kernel_close_from(result_fd + 1);
    stay_on_this_processor();
    const int opened = open(folder.data(), O_RDONLY | O_DIRECTORY);
    const bool is_open = opened == folder_fd || dup2(opened, folder_fd) == folder_fd;
    if (is_open && chdir(folder.data()) == 0) start_again(run_argument);
    _exit(2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  outcome out;
  out.good = WIFEXITED(status) && WEXITSTATUS(status) == 0 && returned.get(out.made);
  out.said = log.text();
  std::error_code ignored;
  std::filesystem::remove_all(folder.data(), ignored);
  return out;
}

struct command_line {
  std::vector<std::uint64_t> seeds;
  std::uint64_t first = 1;
  std::uint64_t count = 0; // 0: no limit but the time
  std::string length = "60s";
  std::string only;
  bool trace = false;
  bool twice = false;
  bool until_failed = false;
};

// False: not a number with ms, s, m or h.
bool read_length(const std::string& text, std::chrono::nanoseconds& out) {
  std::istringstream in(text);
  double number = 0;
  std::string unit;
  if (!(in >> number >> unit)) return false;
  const double factor = unit == "ms"  ? 1e6
                        : unit == "s" ? 1e9
                        : unit == "m" ? 6e10
                        : unit == "h" ? 3.6e12
                                      : 0;
  out = std::chrono::nanoseconds(static_cast<std::int64_t>(number * factor));
  return factor > 0 && number > 0;
}

class search {
 public:
  search(const command_line& given, std::chrono::nanoseconds length) : given_(given), length_(length) {}

  int go() {
    const auto begun = std::chrono::steady_clock::now();
    if (!given_.seeds.empty()) {
      for (const std::uint64_t seed : given_.seeds) one(seed, length_.count());
    } else {
      const auto over = [&] {
        if (given_.until_failed && failed_ > 0) return true;
        return given_.count > 0 ? ran_ >= given_.count : std::chrono::steady_clock::now() - begun >= length_;
      };
      for (std::uint64_t seed = given_.first; !over(); ++seed) one(seed, default_length);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    fmt::print("{} calls answered, {} failed; {} casts came; {} ends of links and monitors were told\n",
               seen_.answered, seen_.failed, seen_.casts, seen_.ends);
    fmt::print(
        "{} events and {} items of stages came, {} subscriptions ended; {} runs of jobs; {} joins and leaves "
        "of "
        "groups\n",
        seen_.events, seen_.items, seen_.ended, seen_.runs, seen_.memberships);
    fmt::print("{} applies and reloads were done, {} refused or rolled back\n", seen_.changed,
               seen_.unchanged);
    fmt::print(
        "{} seeds, {} failed, {:.0f} simulated seconds and {} changes of thread in {:.1f} s, hash {:016x}\n",
        ran_, failed_, static_cast<double>(lived_) / 1e9, steps_, took.count(), hash_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  static constexpr std::int64_t default_length = 20'000'000'000;

  void one(std::uint64_t seed, std::int64_t length) {
    task what;
    what.seed = seed;
    what.length = length;
    what.trace = given_.trace;
    given_.only.copy(what.only.data(), what.only.size() - 1);
    const outcome out = run_apart(what);
    ++ran_;
    const bool again = given_.twice && out.good && run_apart(what).made.hash != out.made.hash;
    if (again) fmt::print("seed {}: another run of it had another hash\n", seed);
    if (!out.good) fmt::print("seed {} failed\n{}\n", seed, out.said);
    std::fflush(stdout);
    if (again || !out.good) ++failed_;
    hash_ = (hash_ ^ out.made.hash) * 0x100000001b3;
    lived_ += out.made.lived;
    steps_ += out.made.steps;
    seen_.answered += out.made.seen.answered;
    seen_.failed += out.made.seen.failed;
    seen_.casts += out.made.seen.casts;
    seen_.ends += out.made.seen.ends;
    seen_.events += out.made.seen.events;
    seen_.items += out.made.seen.items;
    seen_.ended += out.made.seen.ended;
    seen_.runs += out.made.seen.runs;
    seen_.memberships += out.made.seen.memberships;
    seen_.changed += out.made.seen.changed;
    seen_.unchanged += out.made.seen.unchanged;
  }

  const command_line& given_;
  std::chrono::nanoseconds length_;
  std::uint64_t ran_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::int64_t lived_ = 0;
  std::uint64_t steps_ = 0;
  ledger::counts seen_;
};

int read_and_go(int argc, char** argv) {
  command_line given;
  CLI::App app("Runs clusters of nodes on a simulated machine, each from a seed.", "coppice-simulated");
  app.add_option("--seed", given.seeds, "run these alone; --for is simulated time then");
  app.add_option("--first", given.first, "the seed to begin with");
  app.add_option("--count", given.count, "how many seeds, in place of --for");
  app.add_option("--for", given.length, "how long to search: 60s, 5m");
  app.add_option("--only", given.only, "one workload: " + workload_names());
  app.add_flag("--trace", given.trace, "each thing that goes into the hash, to standard error");
  app.add_flag("--until-failed", given.until_failed, "end the search at the first seed that fails");
  app.add_flag("--twice", given.twice, "run each seed twice: the hashes must be the same");
  CLI11_PARSE(app, argc, argv);
  std::chrono::nanoseconds length{};
  if (!read_length(given.length, length) || (!given.only.empty() && !is_workload(given.only))) {
    fmt::print(stderr, "coppice-simulated: no such length, or no such workload\n");
    return 2;
  }
  if (!given.seeds.empty() && app.count("--for") == 0) length = std::chrono::seconds(20);
  return search(given, length).go();
}

} // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], run_argument) == 0) return run_here();
  return read_and_go(argc, argv);
}
