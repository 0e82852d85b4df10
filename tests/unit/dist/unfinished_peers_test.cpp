// SPDX-License-Identifier: MIT
// Peers that begin messages and do not complete them, or that close while the node does not read from them,
// beside peers that behave well.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.hpp"
#include "cluster.hpp"
#include "dist/control_message.hpp"
#include "heard_log.hpp"
#include "held_clock.hpp"
#include "runtime/messages/block.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_x = "x@127.0.0.1";
constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t binary_head = 5;

// A binary for the process `there`, sent in `fragments` fragments of the same size.
class long_message {
 public:
  long_message(const std::string& from, std::size_t size, std::size_t fragments, std::uint16_t sequence = 9)
      : sequence_(sequence), left_(fragments) {
    etf::vector_writer control, payload;
    control_message c;
    c.what = op::reg_send;
    c.from = address::of(etf::pid{from, 1, 0, 77});
    c.to = address::of(std::string_view("there"));
    encode_control(control, c);
    control_ = control.take();
    payload.binary(std::string(size - binary_head, 'x'));
    payload_ = payload.take();
    each_ = size / fragments;
  }
  // Sends the next `count` fragments.
  void send(raw_peer& to, std::size_t count) {
    for (; count > 0; --count) {
      etf::vector_writer out;
      const bool first = at_ == 0;
      out.raw(std::array<std::uint8_t, 2>{131, static_cast<std::uint8_t>(first ? 69 : 70)});
      std::array<std::uint8_t, 16> numbers{};
      numbers[6] = static_cast<std::uint8_t>(sequence_ >> 8);
      numbers[7] = static_cast<std::uint8_t>(sequence_);
      base::store_be32(numbers.data() + 12, static_cast<std::uint32_t>(left_));
      out.raw(numbers);
      if (first) out.raw(std::array<std::uint8_t, 1>{0}); // no atoms
      if (first) out.raw(control_);
      const std::size_t size = left_ == 1 ? payload_.size() - at_ : each_;
      out.raw(std::span(payload_).subspan(at_, size));
      at_ += size;
      --left_;
      std::vector<std::uint8_t> frame(4);
      const auto body = out.take();
      base::store_be32(frame.data(), static_cast<std::uint32_t>(body.size()));
      frame.insert(frame.end(), body.begin(), body.end());
      to.send(frame);
    }
  }

 private:
  std::vector<std::uint8_t> control_, payload_;
  std::uint16_t sequence_;
  std::size_t left_ = 0;
  std::size_t each_ = 0;
  std::size_t at_ = 0;
};

// While it lives, messages may take only `more` bytes beside those that they take already.
struct little_memory {
  explicit little_memory(std::size_t more) {
    runtime::block_memory::set_limit(runtime::block_memory::in_use() + more);
  }
  ~little_memory() { runtime::block_memory::set_limit(0); }
};

bool is_up(const cluster_node& at, const std::string& name) {
  return at.peer(name).state == peer_state::connected;
}

} // namespace

TEST_CASE("beyond their bound the peer with the most of unfinished messages goes, and the others' come") {
  test::heard_log log;
  epmd_server epmd;
  options small;
  small.unfinished_limit = 4 * mebibyte;
  cluster_node a(epmd, name_a, small);
  const actor there(a.host, {.name = "there"});
  const std::string names[] = {name_x, "y@127.0.0.1", "z@127.0.0.1"};
  raw_peer x(a.port), y(a.port), z(a.port);
  REQUIRE(x.shake_hands(names[0], name_a));
  REQUIRE(y.shake_hands(names[1], name_a));
  REQUIRE(z.shake_hands(names[2], name_a));
  long_message large(names[0], 2 * mebibyte, 2), one(names[1], mebibyte, 2), other(names[2], mebibyte, 2);
  large.send(x, 1); // the node reserves memory for the whole message
  one.send(y, 1);
  CHECK(eventually([&] { return a.peer(names[0]).bytes_in > mebibyte; }));
  CHECK(eventually([&] { return a.peer(names[1]).bytes_in > mebibyte / 2; }));
  other.send(z, 1);
  CHECK(x.closed_by_node());
  CHECK(eventually([&] { return !is_up(a, names[0]); }));
  CHECK(a.peer(names[0]).last_error.find("the most of all nodes") != std::string::npos);
  CHECK(log.count("x@127.0.0.1: holds the most") == 1);
  CHECK(log.count("fragmented message 9") == 1);
  one.send(y, 1);
  other.send(z, 1);
  for (int i = 0; i < 2; ++i) CHECK(there.next().size() == mebibyte);
  CHECK(is_up(a, names[1]));
  CHECK(is_up(a, names[2]));
}

TEST_CASE(
    "what is kept of begun messages beside their bytes counts as memory in use until the connection ends") {
  constexpr std::uint16_t many = 2000;
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  std::optional<raw_peer> x(a.port);
  REQUIRE(x->shake_hands(name_x, name_a));
  REQUIRE(eventually([&] { return is_up(a, name_x); }));
  const auto before = runtime::block_memory::in_use();
  for (std::uint16_t i = 0; i < many; ++i) long_message(name_x, 12, 2, i).send(*x, 1);
  CHECK(eventually([&] { return runtime::block_memory::in_use() >= before + many * std::size_t{1200}; }));
  x.reset();
  CHECK(eventually([&] { return runtime::block_memory::in_use() <= before + mebibyte; }));
}

TEST_CASE("a frame that does not end counts as a message that does not") {
  epmd_server epmd;
  options small;
  small.unfinished_limit = 5 * mebibyte;
  cluster_node a(epmd, name_a, small);
  raw_peer x(a.port), y(a.port);
  REQUIRE(x.shake_hands(name_x, name_a));
  REQUIRE(y.shake_hands("y@127.0.0.1", name_a));
  std::vector<std::uint8_t> frame(3 * mebibyte);
  base::store_be32(frame.data(), 4 * mebibyte);
  x.send(frame);
  CHECK(eventually([&] { return a.peer(name_x).bytes_in >= frame.size(); }));
  CHECK(is_up(a, name_x));
  // The connection may have been ended meanwhile.
  (void)::send(y.fd(), frame.data(), frame.size(), MSG_NOSIGNAL);
  CHECK(eventually([&] { return !is_up(a, name_x) || !is_up(a, "y@127.0.0.1"); }));
}

TEST_CASE("a fragmented message of which nothing more comes ends its connection, which ticks" *
          doctest::skip(!coppice::test::can_hold_clock())) {
  std::optional<epmd_server> epmd;
  std::optional<cluster_node> a;
  coppice::test::held_clock clock; // destroyed first, so time goes on before the node ends
  epmd.emplace();
  options chosen;
  chosen.ticktime = std::chrono::seconds(8);
  a.emplace(*epmd, name_a, chosen);
  raw_peer x(a->port);
  REQUIRE(x.shake_hands(name_x, name_a));
  long_message begun(name_x, mebibyte, 4);
  begun.send(x, 2);
  CHECK(eventually([&] { return a->peer(name_x).bytes_in > mebibyte / 2; }));
  for (int quarters = 0; is_up(*a, name_x); ++quarters) {
    REQUIRE(quarters < 1000); // about 17 are enough, unless the node's timer is late
    const auto heard = a->peer(name_x).bytes_in;
    const std::array<std::uint8_t, 4> tick{};
    // The connection may have been closed just before.
    (void)::send(x.fd(), tick.data(), tick.size(), MSG_NOSIGNAL);
    REQUIRE(eventually([&] { return a->peer(name_x).bytes_in > heard || !is_up(*a, name_x); }));
    clock.advance(chosen.ticktime / 4);
  }
  CHECK(eventually([&] { return !a->peer(name_x).last_error.empty(); }));
  CHECK(a->peer(name_x).last_error.find("fragmented message 9") != std::string::npos);
}

TEST_CASE("a peer whose message fills the memory is read on until it has ended, and so is then everybody") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  const actor there(a.host, {.name = "there"});
  raw_peer x(a.port), y(a.port);
  REQUIRE(x.shake_hands(name_x, name_a));
  REQUIRE(y.shake_hands("y@127.0.0.1", name_a));
  CHECK(eventually([&] { return is_up(a, name_x) && is_up(a, "y@127.0.0.1"); }));
  const little_memory limit(8 * mebibyte);
  constexpr std::size_t parts = 64;
  long_message one(name_x, 32 * mebibyte, parts), other("y@127.0.0.1", mebibyte, parts);
  one.send(x, parts / 2);
  CHECK(eventually([&] { return runtime::block_memory::scarce(); }));
  other.send(y, parts);
  one.send(x, parts / 2);
  std::size_t sizes[2];
  // One at a time, since the memory of the first leaves no room for the second.
  for (std::size_t& size : sizes) size = there.next().size();
  std::sort(std::begin(sizes), std::end(sizes));
  CHECK(sizes[0] == mebibyte);
  CHECK(sizes[1] == 32 * mebibyte);
}

TEST_CASE("a peer that closes while memory is scarce and nothing is read is down soon") {
  epmd_server epmd;
  options quick;
  quick.ticktime = std::chrono::milliseconds(400);
  cluster_node a(epmd, name_a, quick);
  raw_peer x(a.port);
  REQUIRE(x.shake_hands(name_x, name_a));
  CHECK(eventually([&] { return is_up(a, name_x) && a.peer(name_x).bytes_in > 0; }));
  const little_memory limit(mebibyte);
  runtime::message_writer out;
  out.binary(std::string(2 * mebibyte, 'x'));
  const auto kept = out.take(); // as an actor may keep it
  REQUIRE(runtime::block_memory::scarce());
  const auto before = a.peer(name_x).bytes_in;
  x.send({0, 0, 0, 0}); // a tick, after which the connection pauses reading
  CHECK(eventually([&] { return a.peer(name_x).bytes_in > before; }));
  x.send({0, 0, 0, 0});
  REQUIRE(::shutdown(x.fd(), SHUT_WR) == 0);
  CHECK(x.closed_by_node());
  CHECK(eventually([&] { return !is_up(a, name_x); }));
  CHECK(a.peer(name_x).last_error.find("limits.memory") != std::string::npos);
}
