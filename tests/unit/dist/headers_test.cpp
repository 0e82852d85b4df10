// SPDX-License-Identifier: MIT
// The four combinations of atom cache and fragments that a peer may have agreed on: each side reads what the
// other sends, small and large.
#include <doctest/doctest.h>

#include "base/bytes.hpp"
#include "peer_reader.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::message;
using runtime::process;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_x = "x@127.0.0.1";
constexpr std::size_t large = 200'000;

message binary_of(std::size_t size) {
  runtime::message_writer out;
  out.binary(std::string(size, 'x'));
  return out.take();
}

using bytes = std::vector<std::uint8_t>;

void append(bytes& to, std::span<const std::uint8_t> what) {
  to.insert(to.end(), what.begin(), what.end());
}

bytes framed(std::initializer_list<std::span<const std::uint8_t>> parts) {
  bytes out(4);
  for (const auto& part : parts) append(out, part);
  base::store_be32(out.data(), static_cast<std::uint32_t>(out.size() - 4));
  return out;
}

// {REG_SEND, Pid, '', there}
bytes control() {
  control_message m;
  m.what = op::reg_send;
  m.from = address::of(etf::pid{name_x, 1, 0, 77});
  m.to = address::of(std::string_view("there"));
  etf::vector_writer out;
  encode_control(out, m);
  const auto view = out.view();
  return {view.begin(), view.end()};
}

// The frames of the message, as such a peer sends it.
std::vector<bytes> frames_of(const message& m, bool cache, bool in_fragments) {
  static constexpr std::uint8_t magic[] = {131};
  static constexpr std::uint8_t pass_through[] = {112, 131};
  static constexpr std::uint8_t header[] = {131, 68, 0};
  const auto head = control();
  if (!cache && !in_fragments) return {framed({pass_through, head, magic, m.bytes()})};
  if (!in_fragments || m.size() <= fragment_size) return {framed({header, head, m.bytes()})};
  bytes whole = head;
  append(whole, m.bytes());
  std::vector<bytes> out;
  std::uint64_t left = (whole.size() + fragment_size - 1) / fragment_size;
  for (std::size_t at = 0; at < whole.size(); at += fragment_size, --left) {
    bytes start{131, static_cast<std::uint8_t>(at == 0 ? 69 : 70)};
    start.resize(18);
    base::store_be64(start.data() + 2, 5);
    base::store_be64(start.data() + 10, left);
    if (at == 0) start.push_back(0);
    out.push_back(framed({start, std::span(whole).subspan(at, std::min(fragment_size, whole.size() - at))}));
  }
  return out;
}

} // namespace

TEST_CASE("with and without atom cache and fragments each side reads what the other sends") {
  for (const bool cache : {false, true}) {
    for (const bool in_fragments : {false, true}) {
      CAPTURE(cache);
      CAPTURE(in_fragments);
      epmd_server epmd;
      cluster_node a(epmd, name_a);
      const actor there(a.host, {.name = "there"});
      std::uint64_t flags = flag::offered;
      if (!cache) flags &= ~flag::dist_hdr_atom_cache;
      if (!in_fragments) flags &= ~flag::fragments;
      raw_peer x(a.port);
      REQUIRE(x.shake_hands(name_x, name_a, flags));
      for (const auto& sent : {atom("small"), binary_of(large)}) {
        for (const auto& frame : frames_of(sent, cache, in_fragments)) x.send(frame);
        CHECK(there.next() == sent);
      }
      const auto back = binary_of(large);
      there.start([&](process& self) {
        const auto to = runtime::destination::remote("y", *a.host.nodes().intern(name_x));
        self.send(to, atom("small"));
        self.send(to, back);
      });
      peer_reader from(x);
      CHECK(from.next().payload == atom("small"));
      CHECK(from.frames() == 1);
      CHECK(from.frame()[0] == (cache || in_fragments ? 131 : 112));
      CHECK(from.next().payload == back);
      CHECK((from.frames() > 2) == in_fragments);
    }
  }
}

// After some time the connection waits for several messages before it reads: see read_pacer.
TEST_CASE("a peer that writes each of many messages by itself loses none, however they are read") {
  constexpr std::int64_t many = 5'000;
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  const actor there(a.host, {.name = "there"});
  raw_peer x(a.port);
  REQUIRE(x.shake_hands(name_x, name_a));
  for (std::int64_t i = 0; i < many; ++i) {
    runtime::message_writer out;
    out.integer(i);
    for (const bytes& frame : frames_of(out.take(), false, false)) x.send(frame);
  }
  for (std::int64_t i = 0; i < many; ++i) {
    std::int64_t value = -1;
    const message m = there.next();
    REQUIRE(etf::cursor(m.bytes()).read_integer(value));
    REQUIRE(value == i);
  }
  CHECK(a.peer(name_x).state == peer_state::connected);
}
