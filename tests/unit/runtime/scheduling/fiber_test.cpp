// SPDX-License-Identifier: MIT
// Stacks: switching to a stack and back, and exceptions that are handled on several stacks at once.
#include "runtime/scheduling/fiber.hpp"

#include <doctest/doctest.h>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/scheduling/fiber_switch.hpp"

using coppice::runtime::fiber;

namespace {

struct coroutine {
  std::unique_ptr<fiber> stack;
  fiber* back = nullptr;
  int number = 0;
  std::vector<std::string> log;
  bool finished = false;

  void pause() { stack->switch_to(*back); }
};

void entry(void* argument) {
  auto& self = *static_cast<coroutine*>(argument);
  try {
    throw std::runtime_error("outer " + std::to_string(self.number));
  } catch (const std::exception&) {
    self.pause();
    try {
      throw std::logic_error("inner " + std::to_string(self.number));
    } catch (const std::exception& inner) {
      self.pause();
      self.log.emplace_back(inner.what());
    }
    try {
      throw;
    } catch (const std::exception& outer) {
      self.log.emplace_back(outer.what());
    }
  }
  self.finished = true;
  for (;;) self.pause();
}

} // namespace

TEST_CASE("exceptions caught on interleaved stacks are rethrown on their own") {
  const auto main = fiber::of_thread();
  std::vector<std::unique_ptr<coroutine>> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(std::make_unique<coroutine>());
    all.back()->back = main.get();
    all.back()->number = i;
    auto made = fiber::make(64 * 1024, &entry, all.back().get());
    REQUIRE(made);
    all.back()->stack = std::move(*made);
  }
  for (int round = 0; round < 3; ++round)
    for (const auto& one : all) main->switch_to(*one->stack);
  for (const auto& one : all) {
    CHECK(one->finished);
    const std::string number = std::to_string(one->number);
    CHECK(one->log == std::vector<std::string>{"inner " + number, "outer " + number});
  }
  CHECK(std::uncaught_exceptions() == 0);
}

TEST_CASE("a stack knows its guard page") {
  const auto main = fiber::of_thread();
  auto made = fiber::make(64 * 1024, &entry, nullptr);
  REQUIRE(made);
  int here = 0;
  CHECK_FALSE((*made)->guards(&here));
  CHECK_FALSE(main->guards(&here));
  CHECK((*made)->stack_bytes() >= 64 * 1024);
}
