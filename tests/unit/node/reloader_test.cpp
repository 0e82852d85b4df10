// SPDX-License-Identifier: MIT
// Tests of the thread that reloads: one reload at a time, what each caller is told, and files that appear.
// No plugin is loaded, so a reload finds nothing to do.
#include "node/reload/reloader.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <future>
#include <new>

#include "temporary_folder.hpp"

using namespace coppice;
using namespace std::chrono_literals;

namespace {

class yard {
 public:
  // `within`: called before each reload, in its turn.
  explicit yard(std::function<void()> within = {}, bool watched = false) {
    auto made =
        node::reloader::start({system_, plugins_, [] { return node::reload_rules{}; },
                               [](const std::string&, const std::stop_token&) { return base::status{}; }},
                              watched ? std::vector{folder.path()} : std::vector<std::string>{}, line,
                              [within](const std::function<node::reloader::outcome()>& run) {
                                if (within) within();
                                return run();
                              });
    REQUIRE(made);
    it = std::move(*made);
  }

  std::future<base::result<node::reload_report>> ask(const std::string& plugin = {}, bool dry_run = false,
                                                     const std::string& kind = {}) {
    const auto told = std::make_shared<std::promise<base::result<node::reload_report>>>();
    auto answer = told->get_future();
    it->ask({.plugin = plugin, .dry_run = dry_run, .by = "test", .kind = kind},
            [told](base::result<node::reload_report> r) { told->set_value(std::move(r)); });
    return answer;
  }

 private:
  runtime::system system_{{.node_name = "test@localhost", .workers = 1}};
  loader::loader plugins_{{}};

 public:
  node::change_line line{{}};
  test::temporary_folder folder;
  std::unique_ptr<node::reloader> it;
};

template <class Result>
Result got(std::future<Result> answer) {
  REQUIRE(answer.wait_for(20s) == std::future_status::ready);
  return answer.get();
}

} // namespace

TEST_CASE("asked to reload, it says what came of it, again and again") {
  yard one;
  for (int i = 0; i < 3; ++i) {
    const auto report = got(one.ask());
    REQUIRE(report);
    CHECK(report->plugins.empty());
  }
  const auto refused = got(one.ask("nothere"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == base::errc::not_found);
}

TEST_CASE("while a reload is under way others wait in line, eight at most, and of one kind one") {
  std::promise<void> inside;
  std::promise<void> leave;
  auto left = leave.get_future().share();
  std::atomic<int> times{0};
  yard one([&] {
    if (++times != 1) return;
    inside.set_value();
    left.wait();
  });
  auto first = one.ask();
  inside.get_future().wait();
  std::vector<std::future<base::result<node::reload_report>>> waiting;
  waiting.push_back(one.ask({}, false, "same"));
  CHECK(got(one.ask({}, false, "same")).error().code == base::errc::exists);
  while (waiting.size() < node::change_line::most_waiting) waiting.push_back(one.ask());
  CHECK(got(one.ask()).error().code == base::errc::limit);
  CHECK(one.line.rows().size() == node::change_line::most_waiting + 1);
  leave.set_value();
  CHECK(got(std::move(first)));
  for (auto& each : waiting) CHECK(got(std::move(each)));
  CHECK(times == 1 + static_cast<int>(node::change_line::most_waiting));
  CHECK(got(one.ask({}, false, "same")));
}

TEST_CASE("a reload waits for a change of another sort, and a dry run for none") {
  yard one;
  auto apply = one.line.enter({"apply", "test"}, [] {});
  REQUIRE(apply);
  auto waiting = one.ask();
  CHECK(got(one.ask({}, true)));
  CHECK(waiting.wait_for(0s) == std::future_status::timeout);
  *apply = {};
  CHECK(got(std::move(waiting)));
}

TEST_CASE("a reload that throws is refused, whoever is told may throw, and the next ones are done") {
  struct unheard_of {};
  for (const bool memory : {false, true}) {
    CAPTURE(memory);
    std::atomic<int> times{0};
    const auto throw_one = [memory] {
      if (memory) throw std::bad_alloc();
      throw unheard_of();
    };
    yard one([&] {
      if (++times == 1) throw_one();
    });
    const auto refused = got(one.ask());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == base::errc::internal);
    one.it->ask({.by = "test"}, [&](const auto&) { throw_one(); });
    CHECK(got(one.ask()));
    CHECK(times == 3);
    CHECK(one.line.rows().empty());
  }
}

TEST_CASE("a file that was replaced while too many changes waited is looked at when there is room") {
  std::promise<void> looked;
  yard one([&] { looked.set_value(); }, true);
  std::vector<node::change_line::place> all;
  for (std::size_t i = 0; i <= node::change_line::most_waiting; ++i) {
    auto taken = one.line.enter({"apply", "test"}, [] {});
    REQUIRE(taken);
    all.push_back(std::move(*taken));
  }
  std::ofstream(one.folder.path() + "/kv.so") << "new";
  CHECK_FALSE(one.line.enter({"apply", "test"}, [] {}));
  all.clear();
  CHECK(looked.get_future().wait_for(20s) == std::future_status::ready);
}

TEST_CASE("a file that appears in a watched folder is looked at, once for all its changes") {
  std::promise<void> looked;
  std::atomic<int> times{0};
  yard one(
      [&] {
        if (++times == 1) looked.set_value();
      },
      true);
  for (int i = 0; i < 5; ++i) std::ofstream(one.folder.path() + "/kv.so") << i;
  CHECK(looked.get_future().wait_for(20s) == std::future_status::ready);
  CHECK(got(one.ask()));
  CHECK(times == 2);
}

TEST_CASE("once stopped it says so to whoever asks") {
  yard one;
  one.it->stop();
  const auto late = got(one.ask());
  REQUIRE_FALSE(late);
  CHECK(late.error().code == base::errc::closed);
}
