// SPDX-License-Identifier: MIT
// Tests that the configuration and supervisor:start_child accept the same values for a child, refuse the
// same values, and give them the same meaning. The configuration takes the way to the engines that a start
// takes, without plugins.
#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "behaviours/supervision/child_spec_term.hpp"
#include "node/assembly/assemble.hpp"
#include "spec/load.hpp"
#include "tree/mailbox.hpp"

using namespace coppice;

namespace {

// Empty: it was refused.
using read_child = std::optional<behaviours::child_spec>;

spec::outcome load(const std::string& key) {
  return spec::load_text(
      "node: { name: n@127.0.0.1 }\n"
      "applications: [ { name: a, supervisor: { children: [ { id: x, actor: kv, " +
          key + " } ] } } ]\n",
      "node.yaml", "/", {.plugins = false});
}

read_child of_configuration(const std::string& key) {
  const auto loaded = load(key);
  if (!loaded.spec) return std::nullopt;
  return *node::child(loaded.spec->applications.at(0).supervisor.children.at(0));
}

read_child of_start_child(const std::string& key) {
  const auto bytes = etf::parse("#{id => x, start => {coppice, start_link, [kv]}, " + key + "}");
  REQUIRE_MESSAGE(bytes.has_value(), key);
  auto read = behaviours::read_child_spec(runtime::message::copy_of(*bytes), {});
  if (!read) return std::nullopt;
  return std::move(*read);
}

// Whether the two agree in everything that both sources can specify.
bool same(const behaviours::child_spec& one, const behaviours::child_spec& other) {
  return one.mailbox.messages == other.mailbox.messages && one.mailbox.bytes == other.mailbox.bytes &&
         one.mailbox.policy == other.mailbox.policy && one.backoff == other.backoff &&
         one.unhandled == other.unhandled && one.restart == other.restart && one.shutdown == other.shutdown;
}

// The bounds of each number `key` in a map `owner`, wherever the map occurs in the JSON Schema.
void find_bounds(const nlohmann::json& in, const std::string& owner, const std::string& key,
                 std::vector<std::string>& out) {
  for (const auto& [name, value] : in.items()) {
    if (name == owner && value.is_object() && value.contains("properties") &&
        value["properties"].contains(key)) {
      const auto& number = value["properties"][key];
      out.push_back(number["minimum"].dump() + " to " + number["maximum"].dump());
    }
    if (value.is_structured()) find_bounds(value, owner, key, out);
  }
}

} // namespace

TEST_CASE("the configuration and start_child take the same values of the keys that they share") {
  struct row {
    std::string yaml;
    std::string term;
    bool taken = true;
  };
  const row rows[] = {
      {"mailbox: { limit: 0 }", "mailbox => #{limit => 0}", false},
      {"mailbox: { limit: 1 }", "mailbox => #{limit => 1}"},
      {"mailbox: { limit: 16000000 }", "mailbox => #{limit => 16000000}"},
      {"mailbox: { limit: -1 }", "mailbox => #{limit => -1}", false},
      {"mailbox: { limit: 1073741825 }", "mailbox => #{limit => 1073741825}", false},
      {"mailbox: { bytes: 0B }", "mailbox => #{bytes => 0}"},
      {"mailbox: { bytes: 8388607TiB }", "mailbox => #{bytes => 9223370937343148032}"},
      {"mailbox: { bytes: 8388608TiB }", "mailbox => #{bytes => 9223372036854775808}"},
      {"mailbox: { bytes: 8388609TiB }", "mailbox => #{bytes => 9223373136366403584}", false},
      {"mailbox: { on_full: park_sender }", "mailbox => #{on_full => park_sender}"},
      {"mailbox: { on_full: drop_new }", "mailbox => #{on_full => drop_new}"},
      {"mailbox: { on_full: drop_old }", "mailbox => #{on_full => drop_old}"},
      {"mailbox: { on_full: exit }", "mailbox => #{on_full => exit}"},
      {"mailbox: { on_full: other }", "mailbox => #{on_full => other}", false},
      {"backoff: { first: 0s }", "backoff => #{first => 0}"},
      {"backoff: { first: 250ms, max: 1s, jitter: 1 }",
       "backoff => #{first => 250, max => 1000, jitter => 1}"},
      {"backoff: { max: 1099511627s }", "backoff => #{max => 1099511627000}"},
      {"backoff: { jitter: 0 }", "backoff => #{jitter => 0}"},
      {"backoff: { jitter: 0.5 }", "backoff => #{jitter => 0.5}"},
      {"backoff: { jitter: 1.5 }", "backoff => #{jitter => 1.5}", false},
      {"backoff: { jitter: -1 }", "backoff => #{jitter => -1}", false},
      {"unhandled: exit", "unhandled => exit"},
      {"unhandled: reply_error", "unhandled => reply_error"},
      {"unhandled: log", "unhandled => log"},
      {"unhandled: ignore", "unhandled => ignore"},
      {"unhandled: other", "unhandled => other", false},
      {"restart: permanent", "restart => permanent"},
      {"restart: transient", "restart => transient"},
      {"restart: temporary", "restart => temporary"},
      {"restart: other", "restart => other", false},
      {"shutdown: 0s", "shutdown => 0"},
      {"shutdown: 1500ms", "shutdown => 1500"},
      {"shutdown: 1099511627s", "shutdown => 1099511627000"},
      {"shutdown: brutal_kill", "shutdown => brutal_kill"},
      {"shutdown: infinity", "shutdown => infinity"},
      {"shutdown: other", "shutdown => other", false},
  };
  for (const row& each : rows) {
    CAPTURE(each.yaml);
    const auto configured = of_configuration(each.yaml), started = of_start_child(each.term);
    CHECK(configured.has_value() == each.taken);
    CHECK(started.has_value() == each.taken);
    if (configured && started) CHECK(same(*configured, *started));
  }
}

TEST_CASE("the bound of a mailbox has one range: in the JSON Schema, in what is read, in the engines") {
  std::vector<std::string> bounds;
  find_bounds(nlohmann::json::parse(spec::json_schema()), "mailbox", "limit", bounds);
  REQUIRE(bounds.size() >= 3);
  const std::string range =
      std::to_string(tree::fewest_mailbox_messages) + " to " + std::to_string(tree::most_mailbox_messages);
  for (const std::string& one : bounds) CHECK(one == range);
}

TEST_CASE("a mailbox's limit beyond the most that there is counts as the most, with a warning") {
  const auto loaded = load("mailbox: { limit: 16000001 }");
  REQUIRE(loaded.diagnostics.size() == 1);
  CHECK(loaded.diagnostics[0].severity == spec::severity::warning);
  CHECK(loaded.diagnostics[0].message ==
        "mailbox.limit: 16000001 is taken as 16000000, the most that there is");
  REQUIRE(loaded.spec);
  CHECK(of_configuration("mailbox: { limit: 1073741824 }")->mailbox.messages == tree::most_mailbox_messages);
  CHECK_FALSE(of_start_child("mailbox => #{limit => 16000001}"));
}

TEST_CASE("a time too long for the clock is taken as the longest there is") {
  for (const std::string hours : {"305420h", "9999999999h"}) {
    CAPTURE(hours);
    const auto child =
        of_configuration("shutdown: " + hours + ", backoff: { max: " + hours + " }, start_timeout: " + hours);
    REQUIRE(child);
    const base::nanos longest = (std::int64_t{1} << 40) * base::nanos_per_ms;
    CHECK(child->shutdown == tree::shutdown_limit::after(longest));
    CHECK(child->backoff->max == longest);
    CHECK(child->start_timeout == longest);
  }
}
