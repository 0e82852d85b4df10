// SPDX-License-Identifier: MIT
// What counting costs a plugin through the plugin interface, beside a plain relaxed addition in the same run:
// for a counter, and for an observation of a histogram with the default bounds. Prints `floor_NAME OURS ns
// MACHINES`.
// rooms: host
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>

#include "host/boundary/host.hpp"
#include "metrics/plugin_series.hpp"

namespace {

using namespace coppice;

constexpr std::uint64_t times = 50'000'000;

template <class Work>
double nanoseconds_each(Work work) {
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < times; ++i) work(i);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
  return took.count() / static_cast<double>(times);
}

} // namespace

int main() {
  const coppice_metric_api& api = *host::metric_interface();
  metrics::plugin_series board;
  const auto get = [&board](metrics::kind kind, std::string_view name) {
    return reinterpret_cast<coppice_metric*>(board.get("bench", {kind, name})); // as plugins get it
  };
  coppice_metric* const counter = get(metrics::kind::counter, "count");
  coppice_metric* const histogram = get(metrics::kind::histogram, "time");
  std::atomic<std::int64_t> plain{0};
  const double floor =
      nanoseconds_each([&](std::uint64_t) { plain.fetch_add(1, std::memory_order_relaxed); });
  const double add = nanoseconds_each([&](std::uint64_t) { api.add(counter, 1); });
  // All buckets are hit, in an order that no branch predictor can learn.
  const double observe = nanoseconds_each([&](std::uint64_t i) {
    api.observe(histogram, static_cast<double>(i * 0x9E3779B97F4A7C15U >> 40) / 1'000'000);
  });
  std::printf("floor_metric_add %.2f ns %.2f\n", add, floor);
  std::printf("floor_metric_observe %.2f ns %.2f\n", observe, floor);
  return plain.load() == static_cast<std::int64_t>(times) ? 0 : 1;
}
