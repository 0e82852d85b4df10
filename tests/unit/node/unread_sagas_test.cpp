// SPDX-License-Identifier: MIT
// Tests which transactions in the durable log are reported because no saga of the node goes on with them.
#include "node/shown/unread_sagas.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "durable/memory_disk.hpp"
#include "saga/record.hpp"
#include "spec/kinds/saga.hpp"

using namespace coppice;
using saga::record_kind;

namespace {

struct one_log {
  one_log() {
    auto opened = durable::shared_log::open(disk, "/log", {});
    REQUIRE(opened.has_value());
    log = std::move(*opened);
  }
  // An empty value removes the records.
  void put(const std::string& group, const std::vector<saga::record_key>& keys,
           const std::string& value = "x") {
    const auto id = log->group(group);
    REQUIRE(id.has_value());
    durable::request asked{*id, {}};
    for (const saga::record_key& one : keys)
      asked.changes.emplace_back(durable::set_value{saga::encode(one), value});
    CHECK(log->submit(std::move(asked), [](const base::status&) {}).has_value());
    log->settle();
  }
  // "NAME OPEN" for each saga that nothing reads: its name and the number of open transactions.
  std::vector<std::string> unread(const std::set<std::string>& read) {
    std::vector<std::string> out;
    for (const node::unread_saga& one : of.look(*log, read))
      out.push_back(one.name + " " + std::to_string(one.open));
    return out;
  }

  test::memory_disk disk;
  std::unique_ptr<durable::shared_log> log;
  node::unread_sagas of;
};

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("records that no saga reads are named as long as something is open in them") {
  one_log of;
  CHECK(of.unread({}) == lines{});
  of.put("saga/shop", {{1, record_kind::entry, 0}, {2, record_kind::entry, 0}});
  of.put("saga/desk", {{1, record_kind::begin, 0}, {1, record_kind::plan, 0}, {1, record_kind::plan, 1}});
  of.put("saga/over", {{3, record_kind::ended, 0}});
  of.put("raft/shop", {{1, record_kind::begin, 0}});
  CHECK(of.unread({}) == lines{"desk 1", "shop 2"});
  CHECK(of.unread({"desk", "other"}) == lines{"shop 2"});
  CHECK(of.unread({"desk", "shop"}) == lines{});
  of.put("saga/shop", {{1, record_kind::entry, 0}}, "");
  CHECK(of.unread({"desk"}) == lines{"shop 1"});
}

TEST_CASE("the sagas of a configuration are found at every level of the tree") {
  const auto saga_of = [](std::string name) {
    spec::child_spec made;
    made.behaviour = "saga";
    made.name = std::move(name);
    return made;
  };
  spec::node_spec spec;
  std::vector<spec::child_spec>& top = spec.applications.emplace_back().supervisor.children;
  top.push_back(saga_of("desk"));
  top.push_back(saga_of("brief"));
  top.back().options.get<spec::saga_options>().log = tree::saga_log::in_memory;
  top.push_back(spec::child_spec());
  top.back().name = "kv";
  top.back().behaviour = "server";
  top.push_back(spec::child_spec());
  top.back().supervisor = std::make_unique<spec::supervisor_spec>();
  top.back().supervisor->children.push_back(saga_of("below"));
  const node::saga_names found = node::saga_names_of(spec);
  CHECK(found.durable == std::set<std::string>{"below", "desk"});
  CHECK(found.in_memory == std::set<std::string>{"brief"});
}
