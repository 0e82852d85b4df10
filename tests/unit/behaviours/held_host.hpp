// SPDX-License-Identifier: MIT
// A test_host whose clock stands still until the test moves it. The clock is released before the host stops,
// because stopping the host waits in steps of time.
#pragma once

#include <chrono>
#include <future>
#include <optional>

#include "held_clock.hpp"
#include "test_host.hpp"

namespace coppice::test {

class held_host {
 public:
  explicit held_host(runtime::system_options given = test_host::options()) : host(std::move(given)) {}
  ~held_host() { clock_.reset(); }

 private:
  std::optional<held_clock> clock_{std::in_place}; // declared before the host: held when it starts

 public:
  test_host host;

  void advance(std::chrono::nanoseconds by) { clock_->advance(by); }
  // Moves the clock in steps until the result is there, and returns it.
  template <class Result>
  Result advance_until(std::future<Result>& result,
                       std::chrono::milliseconds step = std::chrono::milliseconds(100)) {
    while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      advance(step);
      pause(std::chrono::milliseconds(1));
    }
    return result.get();
  }
};

} // namespace coppice::test
