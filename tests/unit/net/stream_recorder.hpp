// SPDX-License-Identifier: MIT
// A stream's handler that records its calls, and fails the test if there is one after on_closed. Runs on the
// loop's thread.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>

#include "net/stream/stream.hpp"

namespace coppice::test {

struct recorder final : net::stream_handler {
  void on_connected() override { connected = true; }
  void on_data(base::bytes_span bytes) override {
    CHECK_FALSE(closed);
    received.append(base::as_text(bytes));
    if (after_data) after_data();
  }
  void on_flushed() override {
    CHECK_FALSE(closed);
    ++flushed;
  }
  void on_drained() override {
    CHECK_FALSE(closed);
    ++drained;
    if (after_drained) after_drained();
  }
  bool on_end() override {
    CHECK_FALSE(closed);
    ended = true;
    return keep_after_end;
  }
  void on_closed(base::error why) override {
    CHECK_FALSE(closed);
    closed = std::move(why);
  }

  bool connected = false;
  bool ended = false;
  bool keep_after_end = false;
  int flushed = 0;
  int drained = 0;
  std::string received;
  std::optional<base::error> closed;
  std::function<void()> after_data;
  std::function<void()> after_drained;
};

} // namespace coppice::test
