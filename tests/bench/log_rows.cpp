// SPDX-License-Identifier: MIT
// What a line of the log costs its caller, beside spdlog's own asynchronous logger in the same run: both
// format it, queue it and leave the rest to a thread that writes to /dev/null. Batches fit into both queues,
// so that no caller waits and no line is dropped. From one thread, and from four at once. Prints `log_NAME
// OURS ns SPDLOG`.
// rooms: base
#include <fcntl.h>
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "base/log_settings.hpp"

namespace {

namespace ours = coppice::base::log;

constexpr std::size_t queue = 16384;
constexpr std::size_t batch = 8192; // lines of all threads together
constexpr std::size_t batches = 60;

// The median of the batches: the caller's time for a line, in nanoseconds.
template <class Log, class Flush>
double measure(std::size_t threads, Log log, Flush flush) {
  std::vector<double> each;
  for (std::size_t i = 0; i < batches; ++i) {
    std::vector<double> of_threads(threads);
    std::vector<std::thread> callers;
    for (std::size_t t = 0; t < threads; ++t) {
      callers.emplace_back([&, t] {
        const auto began = std::chrono::steady_clock::now();
        for (std::size_t n = 0; n < batch / threads; ++n) log(n);
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
        of_threads[t] = took.count() / static_cast<double>(batch / threads);
      });
    }
    for (std::thread& one : callers) one.join();
    flush();
    each.push_back(*std::ranges::max_element(of_threads));
  }
  std::ranges::nth_element(each, each.begin() + batches / 2);
  return each[batches / 2];
}

} // namespace

int main() {
  const int out = dup(STDERR_FILENO);
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0 || dup2(null, STDERR_FILENO) < 0) return 1;
  ours::options chosen;
  chosen.format = ours::format::text;
  chosen.queue = queue;
  ours::start(chosen);
  ours::settings limited; // each line is checked against the limit, and none is held back
  limited.rate = {1'000'000, 1'000'000};
  if (!ours::use(limited)) return 1;

  spdlog::init_thread_pool(queue, 1);
  const auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>("/dev/null");
  const auto peer = std::make_shared<spdlog::async_logger>("bench", file, spdlog::thread_pool(),
                                                           spdlog::async_overflow_policy::block);
  const auto our_line = [](std::size_t n) {
    ours::info("bench", "child {} of {} ended: {}", n, "shop", 1.5);
  };
  const auto peer_line = [&](std::size_t n) { peer->info("child {} of {} ended: {}", n, "shop", 1.5); };
  const auto let_peer_write = [] {
    while (spdlog::thread_pool()->queue_size() != 0) std::this_thread::yield();
  };
  for (const std::size_t threads : {std::size_t{1}, std::size_t{4}}) {
    const double mine = measure(threads, our_line, [] { ours::flush(); });
    const double theirs = measure(threads, peer_line, let_peer_write);
    std::printf("log_line_threads_%zu %.1f ns %.1f\n", threads, mine, theirs);
  }
  ours::stop();
  spdlog::shutdown();
  dup2(out, STDERR_FILENO);
  return ours::dropped() == 0 ? 0 : 1;
}
