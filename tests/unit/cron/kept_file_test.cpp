// SPDX-License-Identifier: MIT
// Tests of the file in which jobs keep their state from one run of the node to the next.
#include "cron/kept_file.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "base/file.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using cron::kept_states;

TEST_SUITE("cron") {
  TEST_CASE("what is kept is read as it was written, in a folder made for it") {
    const test::temporary_folder folder;
    const std::string path = folder.path() + "/deep/er/cron.json";
    CHECK(cron::read_kept(path)->empty());
    const kept_states states{
        {"nightly", {"30 2 * * * in UTC", cron::instant(std::chrono::seconds(1'800'000'000)), {}}},
        {"off \"\xC3\xA4", {"@hourly", {}, false}},
        {"on", {"", cron::instant(std::chrono::seconds(1)), true}}};
    REQUIRE(cron::write_kept(path, states));
    CHECK(*cron::read_kept(path) == states);
    CHECK(std::filesystem::status(path).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    REQUIRE(cron::write_kept(path, {}));
    CHECK(cron::read_kept(path)->empty());
  }

  TEST_CASE("a file that is something else is refused whole") {
    const test::temporary_folder folder;
    const std::string path = folder.path() + "/cron.json";
    const std::string deep(10'000, '[');
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("[]"), deep,
          std::string(R"({"version": 2, "jobs": {}})"), std::string(R"({"version": 1, "jobs": []})"),
          std::string(R"({"version": 1, "jobs": {"a": 1}})"),
          std::string(R"({"version": 1, "jobs": {"a": {"at": 1, "seen": 1}}})"),
          std::string(R"({"version": 1, "jobs": {"a": {"at": "", "seen": -1}}})"),
          std::string(R"({"version": 1, "jobs": {"a": {"at": "", "seen": 1e300}}})"),
          std::string(R"({"version": 1, "jobs": {"a": {"at": "", "seen": 18446744073709551615}}})"),
          std::string(R"({"version": 1, "jobs": {"a": {"at": "", "seen": 1, "enabled": 1}}})")}) {
      CAPTURE(text.substr(0, 80));
      REQUIRE(base::write_file_atomic(path, text, 0600));
      const auto read = cron::read_kept(path);
      REQUIRE(!read);
      CHECK(read.error().code == base::errc::invalid);
    }
  }
}
