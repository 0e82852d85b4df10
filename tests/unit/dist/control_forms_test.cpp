// SPDX-License-Identifier: MIT
// Control messages have one encoding, that of encode_control(). Every quicker or shorter path (the atom
// cache, the reader of frequent messages, the short forms) stands for exactly its bytes.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "at_connection.hpp"
#include "atom_cache_ends.hpp"
#include "base/bytes.hpp"
#include "dist/flags.hpp"
#include "dist/frame.hpp"
#include "dist/frequent_control.hpp"
#include "dist/short_form.hpp"
#include "hex.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::signal;
using runtime::signal_kind;

namespace {

const std::string longest_name(255, 'n');

std::vector<std::uint8_t> encoded(const control_message& m) {
  etf::vector_writer out;
  encode_control(out, m);
  REQUIRE_FALSE(out.failed());
  const auto bytes = out.view();
  return {bytes.begin(), bytes.end()};
}

// Every operation, with each kind of address that it may have.
std::vector<control_message> every_control_message() {
  static const std::vector<std::uint8_t> reason = from_hex("77026f6b");
  static const std::vector<std::uint8_t> list = from_hex("6a");
  const etf::pid ours{own_name, 90, 1, 5};
  const etf::pid theirs{peer_name, 85, 0, peer_creation};
  const etf::reference ref{own_name, 5, 3, {1, 2, 3}};
  const address addresses[] = {address::of(theirs), address::of(std::string_view("kv")), address::of(ref)};
  const std::uint64_t flags_for[] = {altact::priority, altact::name, altact::alias};
  std::vector<control_message> all;
  for (int number = 1; number <= 40; ++number) {
    for (std::size_t i = 0; i < std::size(addresses); ++i) {
      control_message m;
      m.what = static_cast<op>(number);
      m.from = address::of(ours);
      m.to = addresses[i];
      m.ref = ref;
      m.id = 42;
      m.flags = flags_for[i];
      m.reason = reason;
      m.token = list;
      m.leader = ours;
      m.module = "m";
      m.function = "f";
      m.arity = 2;
      m.options = list;
      etf::vector_writer out;
      encode_control(out, m);
      // Otherwise the operation does not exist, or not with this address.
      if (!out.failed() && decode_control(out.view())) all.push_back(m);
    }
  }
  return all;
}

bool is_frequent(const control_message& m) {
  switch (m.what) {
    case op::send:
    case op::reg_send:
    case op::send_sender:
    case op::alias_send:
    case op::altact_sig_send:
    case op::monitor_p:
    case op::demonitor_p:
      return true;
    default:
      return false;
  }
}

// A short form leaves out the names and creations of both ends. This adds them.
control_message spelled_out(const short_form& m, std::uint32_t own_creation) {
  using kind = short_form::kind;
  control_message out;
  const bool answer = m.what == kind::answer || m.what == kind::bare_answer;
  out.what = answer ? op::alias_send : op::send_sender;
  out.from = address::of(etf::pid{own_name, m.from.id, m.from.serial, own_creation});
  const runtime::pid to{1, peer_creation, m.to.id, m.to.serial};
  if (!m.name.empty()) {
    out.what = op::reg_send;
    out.to = address::of(m.name);
  } else if (answer) {
    const auto alias = runtime::reference::made_by(to, m.number);
    out.to = address::of(etf::reference{peer_name, alias.creation, alias.count, alias.words});
  } else {
    out.to = address::of(etf::pid{peer_name, to.id, to.serial, to.creation});
  }
  return out;
}

} // namespace

TEST_CASE("every control message comes through the atom cache as the general encoder wrote it") {
  dist::testing::both_ends ends;
  const auto all = every_control_message();
  REQUIRE(all.size() > 31);
  for (int round = 0; round < 2; ++round) {
    for (const auto& m : all) {
      CAPTURE(static_cast<int>(m.what));
      const auto bytes = encoded(m);
      CHECK(ends.pass(bytes) == bytes);
    }
  }
}

TEST_CASE("frequent control messages are read to the bytes the general encoder writes, all others are not") {
  const std::array<std::string_view, 1> names{own_name};
  const std::span<const std::string_view> table(names);
  for (const auto& m : every_control_message()) {
    CAPTURE(static_cast<int>(m.what));
    const auto bytes = encoded(m);
    auto with_payload = bytes;
    with_payload.push_back(106);
    control_message got;
    const auto size = read_frequent_control(with_payload, etf::atom_lookup(table), got);
    REQUIRE(size.has_value() == is_frequent(m));
    if (!size) continue;
    CHECK(*size == bytes.size());
    CHECK(encoded(got) == bytes);
  }
}

TEST_CASE("a message's short form says what the general encoder writes of it") {
  at_connection to_peer(flag::offered & ~flag::altact_sig);
  const runtime::pid from{0, to_peer.host.creation(), 11, 12};
  const auto ref = runtime::reference::made_by(from, 9);
  const auto answered = runtime::reference::made_by(to_peer.theirs(7), std::uint64_t{1} << 49);
  const auto node = to_peer.context.ids.peer();
  using kind = short_form::kind;
  struct row {
    kind what;
    runtime::destination to;
    std::uint16_t flags;
  };
  constexpr std::uint16_t call = signal::of_call;
  control_builder builder(to_peer.context);
  const auto kv = runtime::destination::remote("kv", node);
  for (const row& r : {row{kind::send, to_peer.theirs(7), 0}, row{kind::send_to_name, kv, 0},
                       row{kind::send_to_name, runtime::destination::remote(longest_name, node), 0},
                       row{kind::call, to_peer.theirs(8), call}, row{kind::call_by_name, kv, call},
                       row{kind::answer, runtime::destination::alias(answered), 0},
                       row{kind::bare_call, to_peer.theirs(8), call | signal::bare},
                       row{kind::bare_call_by_name, kv, call | signal::bare},
                       row{kind::bare_answer, runtime::destination::alias(answered), signal::bare}}) {
    CAPTURE(static_cast<int>(r.what));
    const auto s = runtime::make_signal(signal_kind::message, from, ref, runtime::message::atom("ok"));
    s->flags = r.flags;
    const auto head = builder.build_short_form(r.to, *s);
    REQUIRE(head);
    CHECK(head->what == r.what);
    std::array<std::uint8_t, max_short_frame_head> bytes;
    const auto size = write_short_frame_head(bytes, *head, s->payload().size());
    CHECK(base::load_be32(bytes.data()) == size - 4 + s->payload().size());
    const auto frame = parse_frame(std::span(bytes).subspan(4, size - 4));
    REQUIRE(frame);
    CHECK(frame->kind == frame_kind::short_form);
    auto rest = frame->body;
    short_form read;
    REQUIRE(read_short_form(rest, read));
    CHECK(rest.empty());
    control_message general;
    REQUIRE(builder.build(general, r.to, *s));
    CHECK(encoded(spelled_out(read, to_peer.host.creation())) == encoded(general));
    if ((r.flags & call) != 0) CHECK(read.number == ref.number());
  }
}

TEST_CASE("what is bare has a short form only for a peer that agreed on those") {
  at_connection to_peer(flag::offered, handshake_message::capability::short_forms);
  const control_builder builder(to_peer.context);
  CHECK_FALSE(builder.bare_calls());
  const runtime::pid from{0, to_peer.host.creation(), 11, 12};
  const auto s = runtime::make_signal(signal_kind::message, from, runtime::reference::made_by(from, 9),
                                      runtime::message::atom("ok"));
  s->flags = signal::of_call;
  CHECK(builder.build_short_form(to_peer.theirs(7), *s));
  s->flags = signal::of_call | signal::bare;
  CHECK_FALSE(builder.build_short_form(to_peer.theirs(7), *s));
}

TEST_CASE("what a short form cannot say has none") {
  at_connection to_peer;
  const runtime::pid from{0, to_peer.host.creation(), 11, 12};
  const auto node = to_peer.context.ids.peer();
  const std::string too_long(256, 'n');
  control_builder builder(to_peer.context);
  const runtime::pid of_before{node, peer_creation - 1, 7, 3};
  const runtime::reference strange{node, peer_creation, 3, {1, 2, 3}};
  struct row {
    const char* why;
    runtime::destination to;
    std::uint16_t flags;
  };
  for (const row& r :
       {row{"priority", to_peer.theirs(7), signal::priority}, row{"the peer as it was before", of_before, 0},
        row{"no name", runtime::destination::remote("", node), 0},
        row{"a name too long", runtime::destination::remote(too_long, node), 0},
        row{"another node's alias", runtime::destination::alias(strange), 0}}) {
    CAPTURE(r.why);
    const auto s = runtime::make_signal(signal_kind::message, from, runtime::message::atom("ok"));
    s->flags = r.flags;
    CHECK_FALSE(builder.build_short_form(r.to, *s));
  }
}
