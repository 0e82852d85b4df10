// SPDX-License-Identifier: MIT
// What an operator changes about levels: which level is in force, for how long, and how many levels there may
// be.
#include "base/log_levels.hpp"

#include <doctest/doctest.h>

namespace coppice::base::log {
namespace {

constexpr nanos past = 1; // a monotonic time that has passed

// Undoes the changes of a test.
struct restored {
  ~restored() {
    for (const level_difference& one : level_differences())
      CHECK(override_level(one.scope, one.of, std::nullopt));
    set_level(level::info);
  }
};

} // namespace

TEST_CASE("the common level differs from the configured one until it is taken back") {
  const restored after;
  set_level(level::warning);
  REQUIRE(override_level(level_scope::common, "", level::debug));
  CHECK(enabled(level::debug, "net"));
  CHECK(current_level() == level::debug);
  CHECK(configured_level() == level::warning);
  REQUIRE(level_differences().size() == 1);
  CHECK(level_differences()[0].now == level::debug);
  REQUIRE(override_level(level_scope::common, "", std::nullopt));
  CHECK_FALSE(enabled(level::info, "net"));
  CHECK(level_differences().empty());
}

TEST_CASE("a module goes back to its configured level, not to the common one") {
  const restored after;
  REQUIRE(set_level("dist", level::error));
  REQUIRE(override_level(level_scope::module, "dist", level::trace));
  CHECK(enabled(level::trace, "dist"));
  CHECK_FALSE(enabled(level::trace, "net"));
  CHECK(configured_levels() == std::vector<std::pair<std::string, level>>{{"dist", level::error}});
  REQUIRE(override_level(level_scope::module, "dist", std::nullopt));
  CHECK_FALSE(enabled(level::warning, "dist"));
  REQUIRE(set_level("dist", std::nullopt));
  CHECK(enabled(level::warning, "dist"));
}

TEST_CASE("a level for a time that is over counts no more, and is not shown") {
  const restored after;
  REQUIRE(override_level(level_scope::common, "", level::trace, past));
  REQUIRE(override_level(level_scope::module, "net", level::trace, past));
  REQUIRE(override_level(level_scope::process, "kv", level::trace, past));
  CHECK_FALSE(enabled(level::debug, "net"));
  CHECK(current_level() == level::info);
  CHECK_FALSE(process_level("<0.1.0>", "kv"));
  CHECK(level_differences().empty());
  REQUIRE(override_level(level_scope::module, "net", level::trace, mono_now() + 3600 * nanos_per_second));
  CHECK(enabled(level::debug, "net"));
}

TEST_CASE("a process goes by its pid before its name, and by its name whoever has it") {
  const restored after;
  CHECK_FALSE(any_process_level());
  REQUIRE(override_level(level_scope::process, "kv", level::debug));
  REQUIRE(override_level(level_scope::process, "<0.7.0>", level::error));
  CHECK(any_process_level());
  CHECK(process_level("<0.7.0>", "kv") == level::error);
  CHECK(process_level("<0.8.0>", "kv") == level::debug);
  CHECK_FALSE(process_level("<0.9.0>", ""));
  REQUIRE(override_level(level_scope::process, "kv", std::nullopt));
  CHECK_FALSE(process_level("<0.8.0>", "kv"));
}

TEST_CASE("how many processes have a level is bounded, and what has ended makes room") {
  const restored after;
  for (int i = 0; i < 63; ++i) REQUIRE(override_level(level_scope::process, std::to_string(i), level::debug));
  REQUIRE(override_level(level_scope::process, "ended", level::debug, past));
  CHECK(override_level(level_scope::process, "another", level::debug));
  CHECK(override_level(level_scope::process, "too many", level::debug).error().code == errc::limit);
  CHECK(override_level(level_scope::process, "5", level::trace)); // this process has a level already
  CHECK(override_level(level_scope::process, std::string(256, 'x'), level::trace).error().code ==
        errc::invalid);
}

TEST_CASE("what never had a level of its own need not get one to lose it") {
  for (int i = 0; i < 1000; ++i)
    REQUIRE(override_level(level_scope::module, "unheard_of_" + std::to_string(i), std::nullopt));
  CHECK(level_differences().empty());
}

} // namespace coppice::base::log
