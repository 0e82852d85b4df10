// SPDX-License-Identifier: MIT
// Tests of the board: families in their order, series that end, totals that stay, and values that are read
// when the page is written.
#include "metrics/board.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "metrics/rows.hpp"

namespace coppice::metrics {
namespace {

struct shop final : counters {
  gauge clients{*this, "shop_clients", "Clients that are here"};
  counter sold{*this, "shop_sold", "What was sold"};
  number cash, cards;

  shop() {
    show(kind::counter, "shop_paid", "Payments, by how", [this](samples& to) {
      to.add({{"how", "cash"}}, cash.value());
      to.add({{"how", "card"}}, cards.value());
    });
  }
};

struct mill final : counters {
  counter ground{*this, "mill_ground", "What was ground"};
  bool is_shown() const override { return ground.value() != 0; }
};

// A family whose engines have three series each.
struct rows final : counters {
  rows() {
    show(kind::gauge, "rows", "Rows", [](samples& to) {
      for (const char* which : {"a", "b", "c"})
        if (to.take_row()) to.add({{"row", which}}, 1);
    });
  }
};

std::string page(const board& of) {
  exposition to(exposition::format::prometheus);
  of.write(to);
  return to.take();
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

} // namespace

TEST_CASE("families stand in the order of their declaration, with or without series") {
  board all;
  all.declare<shop>();
  int looks = 0;
  all.declare([&looks](exposition& to) { to.gauge("looks", "How often somebody looked", ++looks); });
  all.declare_plugins();
  all.declare<mill>();
  all.declare<shop>();
  const std::string empty =
      "# HELP coppice_shop_clients Clients that are here\n"
      "# TYPE coppice_shop_clients gauge\n"
      "# HELP coppice_shop_sold_total What was sold\n"
      "# TYPE coppice_shop_sold_total counter\n"
      "# HELP coppice_shop_paid_total Payments, by how\n"
      "# TYPE coppice_shop_paid_total counter\n"
      "# HELP coppice_looks How often somebody looked\n"
      "# TYPE coppice_looks gauge\n"
      "coppice_looks 1\n"
      "# HELP coppice_refused_plugin_metrics_total Metrics of plugins that are not shown: too many, or "
      "malformed\n"
      "# TYPE coppice_refused_plugin_metrics_total counter\n"
      "coppice_refused_plugin_metrics_total 0\n"
      "# HELP coppice_mill_ground_total What was ground\n"
      "# TYPE coppice_mill_ground_total counter\n";
  CHECK(page(all) == empty);
  CHECK(count(page(all), "coppice_looks 2\n") == 1);
}

TEST_CASE("an engine's series are by their labels, and end with the engine") {
  board all;
  const auto south = std::make_shared<shop>(), north = std::make_shared<shop>();
  const board::entry stays = all.enter({{"shop", "main/south"}}, south);
  {
    const board::entry ends = all.enter({{"shop", "main/north"}}, north);
    south->clients.add(3);
    south->clients.subtract();
    south->sold.add_alone(7);
    north->sold.set(5);
    north->cards.add();
    const std::string text = page(all);
    CHECK(
        count(text,
              "coppice_shop_clients{shop=\"main/north\"} 0\ncoppice_shop_clients{shop=\"main/south\"} 2\n") ==
        1);
    CHECK(count(text,
                "coppice_shop_sold_total{shop=\"main/north\"} "
                "5\ncoppice_shop_sold_total{shop=\"main/south\"} 7\n") == 1);
    CHECK(count(text, "coppice_shop_paid_total{shop=\"main/north\",how=\"card\"} 1\n") == 1);
    const auto seen = all.rows<shop>();
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].label == "main/north");
    CHECK(seen[1].counters == south);
  }
  CHECK(count(page(all), "main/north") == 0);
  CHECK(count(page(all), "main/south") == 4);
  CHECK(all.rows<mill>().empty());
}

TEST_CASE("engines with the same labels have one series together") {
  struct oven final : counters {
    oven() {
      show(kind::histogram, "oven_heat", "Heat", [](samples& to) { to.histogram({}, {0.5}, {1, 3}, 4.0); });
    }
  };
  board all;
  const auto one = std::make_shared<shop>(), other = std::make_shared<shop>(),
             alone = std::make_shared<shop>();
  const board::entry first = all.enter({{"shop", "main/stand"}}, one);
  const board::entry second = all.enter({{"shop", "main/stand"}}, other);
  const board::entry third = all.enter({{"shop", "main/tent"}}, alone);
  const board::entry hot = all.enter({{"oven", "o"}}, std::make_shared<oven>());
  const board::entry hotter = all.enter({{"oven", "o"}}, std::make_shared<oven>());
  one->clients.set(2);
  other->clients.set(3);
  alone->clients.set(4);
  one->cash.set(5);
  other->cards.set(6);
  other->cash.set(7);
  const std::string text = page(all);
  CHECK(count(text,
              "\ncoppice_shop_clients{shop=\"main/stand\"} 5\n"
              "coppice_shop_clients{shop=\"main/tent\"} 4\n") == 1);
  CHECK(count(text,
              "\ncoppice_shop_paid_total{shop=\"main/stand\",how=\"cash\"} 12\n"
              "coppice_shop_paid_total{shop=\"main/stand\",how=\"card\"} 6\n") == 1);
  CHECK(count(text,
              "\ncoppice_oven_heat_bucket{oven=\"o\",le=\"0.5\"} 2\n"
              "coppice_oven_heat_bucket{oven=\"o\",le=\"+Inf\"} 6\n"
              "coppice_oven_heat_sum{oven=\"o\"} 8\ncoppice_oven_heat_count{oven=\"o\"} 6\n") == 1);
  for (const char* series : {"\ncoppice_shop_sold_total{shop=\"main/stand\"}", "\ncoppice_oven_heat_sum{"})
    CHECK(count(text, series) == 1);
}

TEST_CASE("an entry that moves keeps its series, and one that is given up ends them") {
  board all;
  board::entry first = all.enter({{"shop", "a"}}, std::make_shared<shop>());
  board::entry second = std::move(first);
  first = {};
  CHECK(all.rows<shop>().size() == 1);
  second = all.enter({{"shop", "b"}}, std::make_shared<shop>());
  REQUIRE(all.rows<shop>().size() == 1);
  CHECK(all.rows<shop>()[0].label == "b");
  second = {};
  CHECK(all.rows<shop>().empty());
}

TEST_CASE(
    "totals are the same for the same labels, outlive who counts, and may be hidden until there is "
    "something") {
  board all;
  const board::labels wind{{"type", "m:wind"}, {"role", "flour"}};
  all.total<mill>(wind);
  all.total<mill>({{"type", "m:water"}, {"role", "flour"}})->ground.add(2);
  CHECK(count(page(all), "m:wind") == 0);
  all.total<mill>(wind)->ground.add(3);
  all.total<mill>(wind)->ground.add(4);
  CHECK(count(page(all),
              "coppice_mill_ground_total{type=\"m:water\",role=\"flour\"} 2\n"
              "coppice_mill_ground_total{type=\"m:wind\",role=\"flour\"} 7\n") == 1);
}

TEST_CASE("a family has a bounded number of series, whether engines have one or several") {
  board all;
  std::vector<board::entry> entered;
  for (std::size_t i = 0; i < most_rows + 5; ++i) {
    const std::string label = std::to_string(10'000 + i);
    entered.push_back(all.enter({{"shop", label}}, std::make_shared<shop>()));
    entered.push_back(all.enter({{"of", label}}, std::make_shared<rows>()));
  }
  const std::string text = page(all);
  CHECK(count(text, "\ncoppice_shop_sold_total{") == most_rows);
  CHECK(count(text, "\ncoppice_rows{") == most_rows);
  CHECK(count(text, "shop=\"10999\"") == 4);
  CHECK(count(text, "shop=\"11000\"") == 0);
}

TEST_CASE("engines' series do not count against the bound of the plugins'") {
  board all;
  std::vector<board::entry> entered;
  for (std::size_t i = 0; i < 20; ++i)
    entered.push_back(all.enter({{"shop", std::to_string(i)}}, std::make_shared<shop>()));
  plugin_series& of_plugins = all.of_plugins();
  for (std::size_t i = 0; i < plugin_series::most_series; ++i)
    CHECK(of_plugins.get("p", {kind::counter, "n", {}, {{"l", std::to_string(i)}}, {}}) !=
          plugin_series::unseen());
  CHECK(of_plugins.get("p", {kind::counter, "n", {}, {{"l", "beyond"}}, {}}) == plugin_series::unseen());
  CHECK(all.rows<shop>().size() == 20);
}

TEST_CASE("what plugins count is shown under their names, gauges with their sign") {
  board all;
  all.declare_plugins();
  plugin_series& of = all.of_plugins();
  of.get("kv", {kind::counter, "gets", "Reads", {{"table", "a"}}, {}})->add(3);
  of.get("kv", {kind::gauge, "balance", {}, {}, {}})->add(-2);
  series* const wait = of.get("kv", {kind::histogram, "wait", "Waits", {{"table", "a"}}, {0.25}});
  wait->observe(0.125);
  wait->observe(0.375);
  of.refuse("kv", "bad name");
  const std::string text = page(all);
  CHECK(count(text,
              "# HELP coppice_plugin_kv_gets_total Reads\n# TYPE coppice_plugin_kv_gets_total counter\n"
              "coppice_plugin_kv_gets_total{table=\"a\"} 3\n") == 1);
  CHECK(count(text, "\ncoppice_plugin_kv_balance -2\n") == 1);
  CHECK(count(text,
              "# HELP coppice_plugin_kv_wait Waits\n# TYPE coppice_plugin_kv_wait histogram\n"
              "coppice_plugin_kv_wait_bucket{table=\"a\",le=\"0.25\"} 1\n"
              "coppice_plugin_kv_wait_bucket{table=\"a\",le=\"+Inf\"} 2\n"
              "coppice_plugin_kv_wait_sum{table=\"a\"} 0.5\n"
              "coppice_plugin_kv_wait_count{table=\"a\"} 2\n") == 1);
  CHECK(count(text, "coppice_refused_plugin_metrics_total 1\n") == 1);
}

TEST_CASE("engines come and go while others look") {
  board all;
  std::thread engines([&all] {
    for (int i = 0; i < 1000; ++i) {
      const auto counts = std::make_shared<shop>();
      const board::entry here = all.enter({{"shop", "s"}}, counts);
      counts->sold.add();
    }
  });
  for (int i = 0; i < 200; ++i) CHECK(count(page(all), "\ncoppice_shop_sold_total{") <= 1);
  engines.join();
  CHECK(all.rows<shop>().empty());
}

} // namespace coppice::metrics
