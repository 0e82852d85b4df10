// SPDX-License-Identifier: MIT
// The blocking pool while the system has no thread or no memory left for it. The test limits the address
// space of a child process: so the pool's own code runs, and no other process is affected.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <future>

#include "runtime/actor.hpp"
#include "runtime/scheduling/blocking_pool.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COPPICE_TEST_SANITIZED 1 // the shadow memory of a sanitizer is address space too
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COPPICE_TEST_SANITIZED 1
#endif
#endif

namespace coppice::runtime::testing {
namespace {

// While it lives, this process gets hardly any memory beyond what it has, and no further stack.
class no_more_memory {
 public:
  no_more_memory() {
    getrlimit(RLIMIT_AS, &before_);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit now = before_;
    now.rlim_cur = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + (1U << 20);
    setrlimit(RLIMIT_AS, &now);
  }
  ~no_more_memory() { setrlimit(RLIMIT_AS, &before_); }
  no_more_memory(const no_more_memory&) = delete;
  no_more_memory& operator=(const no_more_memory&) = delete;

 private:
  rlimit before_{};
};

// Runs `work` in a child process. Returns what `work` gives to _exit: the number of the first check that
// failed. 0: none did. -1: the child crashed, or took longer than a minute.
template <class Work>
int in_child(Work work) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    alarm(60);
    [&]() noexcept { work(); }();
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

#ifndef COPPICE_TEST_SANITIZED

TEST_CASE("work is done by the threads there are when the system gives no further one") {
  CHECK(in_child([] {
          constexpr int count = 200;
          std::promise<void> open;
          const auto gate = open.get_future().share();
          std::atomic<int> began{0}, done{0};
          blocking_pool pool(count, count);
          const auto work = [&] {
            ++began;
            gate.wait();
            ++done;
          };
          if (!pool.submit(work) || !eventually([&] { return began == 1; })) _exit(1);
          {
            const no_more_memory now;
            for (int i = 1; i < count; ++i)
              if (!pool.submit(work)) _exit(2);
          }
          if (began == count) _exit(3); // there were stacks for all of them
          open.set_value();
          _exit(eventually([&] { return done == count; }) ? 0 : 4);
        }) == 0);
}

TEST_CASE("work is refused, and none of it queued, while the system gives no thread at all") {
  CHECK(in_child([] {
          std::promise<void> open;
          const auto gate = open.get_future().share();
          std::atomic<int> done{0};
          blocking_pool others(200, 400); // uses up the stacks that are left over
          blocking_pool pool(2, 10);
          if (!others.submit([&] { gate.wait(); })) _exit(1);
          {
            const no_more_memory now;
            for (int i = 0; i < 200; ++i)
              if (!others.submit([&] { gate.wait(); })) _exit(2);
            const auto refused = pool.submit([&] { ++done; });
            if (refused || refused.error().code != base::errc::limit) _exit(3);
          }
          open.set_value();
          if (!pool.idle()) _exit(4);
          if (!pool.submit([&] { done += 10; })) _exit(5);
          _exit(eventually([&] { return pool.idle(); }) && done == 10 ? 0 : 6);
        }) == 0);
}

TEST_CASE("work is refused when there is no memory for its place in the queue") {
  CHECK(in_child([] {
          std::promise<void> open;
          const auto gate = open.get_future().share();
          std::atomic<std::uint64_t> done{0};
          blocking_pool pool(1, SIZE_MAX);
          if (!pool.submit([&] { gate.wait(); })) _exit(1);
          std::uint64_t accepted = 0;
          {
            const no_more_memory now;
            constexpr std::uint64_t enough = 1U << 26;
            while (accepted < enough) {
              const auto taken = pool.submit([&] { ++done; });
              if (!taken && taken.error().code != base::errc::limit) _exit(2);
              if (!taken) break;
              ++accepted;
            }
            if (accepted == enough) _exit(3);
          }
          open.set_value();
          _exit(eventually([&] { return done == accepted; }) ? 0 : 4);
        }) == 0);
}

#endif

} // namespace coppice::runtime::testing
