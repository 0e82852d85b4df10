// SPDX-License-Identifier: MIT
// A process chooses compression for its own messages: they get smaller on the wire, whatever the node's
// setting and their size, and arrive unchanged.
#include <doctest/doctest.h>

#include "cluster.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::message;
using runtime::process;
using runtime::sent_compressed;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_b = "b@127.0.0.1";
const sent_compressed squeezed = sent_compressed::at(1, 100);
const sent_compressed never = sent_compressed::at(0, 0);

message binary_of(std::size_t size) {
  runtime::message_writer out;
  out.binary(std::string(size, 'x'));
  return out.take();
}

struct two_nodes {
  explicit two_nodes(std::uint32_t level) : a(epmd, name_a, with(level)) {}
  static options with(std::uint32_t level) {
    options chosen;
    chosen.compression.level = level;
    return chosen;
  }
  actor speaker(sent_compressed chosen) { return actor(a.host, {.compression = chosen}); }
  // The bytes that a message of `size` bytes from `by` took on the way to b. They are counted when the
  // connection reads, so b answers.
  std::uint64_t bytes_for(std::size_t size, const actor& by) {
    const auto sent = [&](message m) {
      by.run([&](process& self) { return self.send(a.see(b, listener.id()), std::move(m)); });
      const auto got = listener.next().size();
      listener.run([&](process& self) { return self.send(b.see(a, by.id()), number(0)); });
      by.next();
      return got;
    };
    sent(number(1)); // this opens the connection
    const auto before = a.peer(name_b).bytes_out;
    CHECK(sent(binary_of(size)) == size + 5);
    CHECK(eventually([&] { return a.peer(name_b).bytes_out > before; }));
    return a.peer(name_b).bytes_out - before;
  }

  epmd_server epmd;
  cluster_node a;
  cluster_node b{epmd, name_b};
  actor listener{b.host};
};

} // namespace

TEST_CASE("a process compresses by its own choice, however long the message and whatever the node does") {
  for (const std::uint32_t level : {0U, 1U}) {
    two_nodes nodes(level);
    const actor by_itself = nodes.speaker(squeezed);
    const actor plain = nodes.speaker(never);
    const actor as_the_node = nodes.speaker({});
    for (const std::size_t size :
         {std::size_t{500}, std::size_t{20'000}, std::size_t{200'000}, std::size_t{1'000'000}}) {
      CAPTURE(level);
      CAPTURE(size);
      CHECK(nodes.bytes_for(size, by_itself) < size / 2);
      CHECK(nodes.bytes_for(size, plain) > size);
      const bool smaller = level > 0 && size >= 1024;
      CHECK((nodes.bytes_for(size, as_the_node) < size) == smaller);
    }
    CHECK(nodes.bytes_for(90, by_itself) > 90);
  }
}

TEST_CASE("the choice may change under a running process") {
  two_nodes nodes(0);
  const actor speaker = nodes.speaker({});
  CHECK(nodes.bytes_for(5000, speaker) > 5000);
  nodes.a.host.set_compression(speaker.id(), squeezed);
  CHECK(nodes.bytes_for(5000, speaker) < 1000);
  nodes.a.host.set_compression(speaker.id(), {});
  CHECK(nodes.bytes_for(5000, speaker) > 5000);
}
