// SPDX-License-Identifier: MIT
// Names of global: found by name, by the monitor of who has them, and counted for its node.
#include "services/global/directory.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/writer.hpp>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "runtime/messages/block.hpp"

using namespace coppice;
using services::global_directory;

namespace {

std::vector<std::uint8_t> term(std::string_view name) {
  etf::vector_writer out;
  out.atom(name);
  return out.take();
}

constexpr runtime::pid here{0, 5, 1, 0};
constexpr runtime::pid there{1, 5, 1, 0};

runtime::reference monitor(std::uint64_t number) {
  return runtime::reference::made_by(here, number);
}

} // namespace

TEST_CASE("a name is somebody's until it is erased or its owner has ended") {
  global_directory names;
  names.insert(term("a"), {there, {}, monitor(1), 1});
  names.insert(term("b"), {there, {}, monitor(2), 1});
  names.insert(term("c"), {here, {}, monitor(3)});
  CHECK(names.find(term("a"))->pid == there);
  CHECK(names.find(term("d")) == nullptr);
  CHECK(names.all().size() == 3);
  CHECK(names.said_by(1) == 2);
  CHECK(names.said_by(0) == 1);
  CHECK(names.said_by(2) == 0);

  names.erase(term("a"));
  CHECK(names.find(term("a")) == nullptr);
  CHECK_FALSE(names.erase_monitored(monitor(1)));
  CHECK(names.has_name(there));
  CHECK(names.erase_monitored(monitor(2)));
  CHECK_FALSE(names.has_name(there));
  CHECK(names.said_by(1) == 0);
  CHECK(names.find(term("c"))->pid == here);
}

TEST_CASE("a name counts for the node that said it, whoever has it") {
  global_directory names;
  names.insert(term("a"), {here, {}, monitor(1), 2});
  names.insert(term("b"), {there, runtime::message::atom("method"), monitor(2), 2});
  CHECK(names.said_by(2) == 2);
  CHECK(names.said_by(0) == 0);
  CHECK(names.said_by(1) == 0);
  CHECK(names.bytes_said_by(2) == term("a").size() + term("b").size() + term("method").size());
  names.erase(term("a"));
  names.erase(term("b"));
  CHECK(names.said_by(2) == 0);
  CHECK(names.bytes_said_by(2) == 0);
}

TEST_CASE("names and methods count as memory in use, while they are there") {
  const auto before = runtime::block_memory::in_use();
  const std::string name(10'000, 'n');
  {
    global_directory names;
    names.insert(base::as_bytes(name), {there, {}, monitor(1), 1});
    CHECK(runtime::block_memory::in_use() >= before + name.size());
    names.erase(base::as_bytes(name));
    CHECK(runtime::block_memory::in_use() == before);
    names.insert(base::as_bytes(name), {there, {}, monitor(2), 1});
  }
  CHECK(runtime::block_memory::in_use() == before);
}
