// SPDX-License-Identifier: MIT
// An exception that reaches a border ends there: a bad_alloc and an exception of an unknown type, in each
// kind of libuv's callbacks. The loop goes on, and the log names the work and the exception.
#include "base/border.hpp"

#include <doctest/doctest.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <new>
#include <stdexcept>
#include <thread>

#include "base/file.hpp"
#include "base/folder_watch.hpp"
#include "base/uv.hpp"
#include "heard_log.hpp"
#include "temporary_folder.hpp"

namespace coppice::base {
namespace {

struct unheard_of {};

void throw_one(bool memory) {
  if (memory) throw std::bad_alloc();
  throw unheard_of();
}

constexpr const char* names[] = {"coppice::base::(anonymous namespace)::unheard_of", "std::bad_alloc"};

} // namespace

TEST_CASE("what is thrown is told with its type and its words, and the work with its name") {
  test::heard_log log;
  CHECK(contained("a test", [] {}));
  CHECK_FALSE(contained("a test", [] { throw std::bad_alloc(); }));
  CHECK_FALSE(contained("a test", [] { throw std::runtime_error("no luck"); }));
  CHECK_FALSE(contained("a test", [] { throw unheard_of(); }));
  CHECK_FALSE(contained("a test", [] { throw 7; }));
  CHECK(log.count("base: a test let an exception out: std::bad_alloc") == 1);
  CHECK(log.count("base: a test let an exception out: std::runtime_error: no luck") == 1);
  CHECK(log.count(std::string("base: a test let an exception out: ") + names[0]) == 1);
  CHECK(log.count("base: a test let an exception out: int") == 1);
}

TEST_CASE("a thread that ends by force is not held up by a border") {
  bool after = false;
  std::thread ends([&after] {
    contained("a test", [] { pthread_exit(nullptr); });
    after = true;
  });
  ends.join();
  CHECK_FALSE(after);
}

TEST_CASE("no callback of a loop ends the program, and the loop goes on") {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const unique_fd reader(ends[0]);
  const unique_fd writer(ends[1]);
  REQUIRE(write(writer.get(), "x", 1) == 1);
  const test::temporary_folder folder;
  for (const bool memory : {false, true}) {
    test::heard_log log;
    auto on = uv::loop::make().value();
    int called = 0;
    const auto fail = [&called, memory] {
      ++called;
      throw_one(memory);
    };
    const auto once = [&](const char* kind, auto&& made, const auto& begin) {
      CAPTURE(kind);
      called = 0;
      begin(made);
      while (called == 0) on.turn(true);
      made.close();
    };
    const std::chrono::milliseconds soon(1);
    once("timer", uv::timer(on, fail), [&](auto& it) { it.start(soon, soon); });
    once("async", uv::async::make(on, fail).value(), [](auto& it) { it.send(); });
    once("idle", uv::idle(on.raw(), fail), [](auto& it) { it.start(); });
    uv::idle awake(on.raw(), [] {}); // otherwise the loop would wait
    awake.start();
    once("prepare", uv::prepare(on.raw(), fail), [](auto& it) { it.start(); });
    once("check", uv::check(on.raw(), fail), [](auto& it) { it.start(); });
    once("signal", uv::signal::make(on, SIGUSR1, [&](int) { fail(); }).value(),
         [](auto&) { raise(SIGUSR1); });
    once("poll", uv::poll::make(on.raw(), reader.get(), [&](int, int) { fail(); }).value(),
         [](auto& it) { REQUIRE(it.start(UV_READABLE)); });
    once("folder watch", uv::folder_watch::make(on, folder.path(), [&](std::string_view) { fail(); }).value(),
         [&](auto&) { folder.write("a", "b"); });
    CHECK(log.count(std::string("let an exception out: ") + names[memory ? 1 : 0]) >= 8);
    // With the function that created the callback.
    CHECK(log.count("base: a callback of the loop, coppice::base::") >= 8);
  }
}

} // namespace coppice::base
