// SPDX-License-Identifier: MIT
// Tests of the table of throws alone. The test e2e/backtraces checks with a node whose frames the table
// takes and what coppiced does with them: the frames of this program are not a plugin's.
#include "host/boundary/thrown.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace coppice::host {
namespace {

const void* address_of_caught() {
  const std::exception_ptr caught = std::current_exception();
  const void* address = nullptr;
  static_assert(sizeof caught == sizeof address);
  std::copy_n(reinterpret_cast<const char*>(&caught), sizeof address, reinterpret_cast<char*>(&address));
  return address;
}

// Calls `what` from a library function, qsort, so that there is a frame outside of this program.
void from_library(int (*what)(const void*, const void*)) {
  int two[] = {2, 1};
  std::qsort(two, 2, sizeof two[0], what);
}

} // namespace

TEST_CASE("nothing is known where no exception is handled, or none was noted") {
  CHECK(frames_of_caught().empty());
  CHECK(to_text({}).empty());
  try {
    throw std::runtime_error("unnoted");
  } catch (const std::runtime_error&) {
    CHECK(frames_of_caught().empty());
  }
}

TEST_CASE("a noted exception has the frames outside of the program, whoever throws it on") {
  static thread_local const void* noted = nullptr;
  try {
    throw std::runtime_error("first");
  } catch (const std::runtime_error&) {
    noted = address_of_caught();
    from_library([](const void*, const void*) {
      note_throw(noted);
      return 0;
    });
    const thrown_frames frames = frames_of_caught();
    REQUIRE_FALSE(frames.empty());
    const std::string text = to_text(frames);
    CHECK(text.find("libc.so") == 0);
    CHECK(text.find("+0x") != std::string::npos);
    CHECK(std::count(text.begin(), text.end(), '\n') == static_cast<std::ptrdiff_t>(frames.size()) - 1);

    // Another thread rethrows it.
    const std::exception_ptr kept = std::current_exception();
    thrown_frames there;
    std::thread other([&] {
      try {
        std::rethrow_exception(kept);
      } catch (const std::exception&) {
        there = frames_of_caught();
      }
    });
    other.join();
    CHECK(there == frames);
  }
}

TEST_CASE("throws on many threads at once are noted or left out, and never mixed") {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&wrong] {
      static thread_local const void* mine = nullptr;
      for (int round = 0; round < 2000; ++round) {
        try {
          throw round;
        } catch (int) {
          mine = address_of_caught();
          from_library([](const void*, const void*) {
            note_throw(mine);
            return 0;
          });
          const thrown_frames frames = frames_of_caught();
          if (frames.size() > 32 || std::count(frames.begin(), frames.end(), nullptr) != 0) ++wrong;
        }
      }
    });
  }
  for (std::thread& each : threads) each.join();
  CHECK(wrong == 0);
}

} // namespace coppice::host
