// SPDX-License-Identifier: MIT
// Every control message decodes to what was encoded, and other bytes do not decode.
#include "dist/control_message.hpp"

#include <doctest/doctest.h>

#include "hex.hpp"

using namespace coppice;
using namespace coppice::dist;

namespace {

const etf::pid from_pid{"a@127.0.0.1", 90, 1, 77777};
const etf::pid to_pid{"b@127.0.0.1", 85, 0, 236445};
const etf::reference a_ref{"a@127.0.0.1", 77777, 3, {1, 2, 3}};
const std::vector<std::uint8_t> ok_atom = from_hex("77026f6b");
const std::vector<std::uint8_t> empty_list = from_hex("6a");

control_message filled(op what) {
  control_message m;
  m.what = what;
  m.from = address::of(from_pid);
  m.to = address::of(to_pid);
  m.ref = a_ref;
  m.id = 42;
  m.flags = 3;
  m.reason = ok_atom;
  m.token = empty_list;
  m.leader = from_pid;
  m.module = "m";
  m.function = "f";
  m.arity = 2;
  m.options = empty_list;
  return m;
}

} // namespace

TEST_CASE("every operation survives encoding and decoding") {
  for (int number = 1; number <= 40; ++number) {
    const auto what = static_cast<op>(number);
    auto m = filled(what);
    if (what == op::reg_send || what == op::reg_send_tt) m.to = address::of(std::string_view("kv"));
    if (what == op::alias_send || what == op::alias_send_tt) m.to = address::of(a_ref);
    etf::vector_writer out;
    encode_control(out, m);
    if (out.failed()) continue; // there is no such operation
    CAPTURE(number);
    const auto back = decode_control(out.view());
    REQUIRE(back);
    CHECK(back->what == what);
    const bool has_target =
        what != op::node_link && what != op::spawn_request && what != op::spawn_request_tt;
    if (has_target) CHECK(back->to == m.to);
    etf::vector_writer again;
    encode_control(again, *back);
    CHECK(again.take() == out.take());
  }
}

TEST_CASE("monitors name a process by pid or by name, in both directions") {
  for (const op what : {op::monitor_p, op::demonitor_p, op::monitor_p_exit, op::payload_monitor_p_exit}) {
    auto m = filled(what);
    const bool exit = what == op::monitor_p_exit || what == op::payload_monitor_p_exit;
    (exit ? m.from : m.to) = address::of(std::string_view("sink"));
    etf::vector_writer out;
    encode_control(out, m);
    const auto back = decode_control(out.view());
    REQUIRE(back);
    CHECK(back->from == m.from);
    CHECK(back->to == m.to);
    CHECK(back->ref == a_ref);
  }
}

TEST_CASE("the one operation for all sends of OTP 28 addresses by its flags") {
  for (const auto& [flags, to] : {std::pair{std::uint64_t{0}, address::of(to_pid)},
                                  {altact::name, address::of(std::string_view("kv"))},
                                  {altact::alias | altact::priority, address::of(a_ref)},
                                  {altact::token, address::of(to_pid)}}) {
    auto m = filled(op::altact_sig_send);
    m.flags = flags;
    m.to = to;
    etf::vector_writer out;
    encode_control(out, m);
    const auto back = decode_control(out.view());
    REQUIRE(back);
    CHECK(back->to == to);
    CHECK(back->token.empty() == ((flags & altact::token) == 0));
  }
}

TEST_CASE("of that operation flags and fields that are not known are ignored, contradictions refused") {
  const auto tuple = [](std::uint32_t arity, const std::vector<std::uint8_t>& flags, const address& to) {
    etf::vector_writer out;
    out.tuple(arity);
    out.integer(37);
    out.raw(flags);
    out.pid(from_pid);
    if (to.what == address::form::name) out.atom(to.name);
    if (to.what == address::form::pid) out.pid(to.pid);
    if (to.what == address::form::reference) out.reference(to.reference);
    for (std::uint32_t i = 4; i < arity; ++i) out.atom("more");
    return out.take();
  };
  const auto name = address::of(std::string_view("kv"));
  struct row {
    const char* flags; // encoded
    std::uint32_t arity;
    address to;
    bool good;
    std::uint64_t read;
  };
  for (const row& r : {
           row{"6105", 4, address::of(a_ref), true, altact::alias | altact::priority},
           row{"61e5", 4, address::of(a_ref), true, altact::alias | altact::priority}, // and unknown flags
           row{"620000ff08", 4, name, true, altact::name},
           row{"6e0900110000000000000001", 4, address::of(to_pid), true, altact::exit | altact::priority},
           row{"6100", 6, address::of(to_pid), true, 0},
           row{"6102", 5, address::of(to_pid), true, altact::token},
           row{"6102", 7, address::of(to_pid), true, altact::token},
           row{"6102", 4, address::of(to_pid), false, 0}, // no token
           row{"610c", 4, address::of(a_ref), false, 0},  // an alias and a name
           row{"610c", 4, name, false, 0},
           row{"6104", 4, address::of(to_pid), false, 0},
           row{"6108", 4, address::of(a_ref), false, 0},
           row{"6100", 4, name, false, 0},
           row{"62ffffffff", 4, address::of(to_pid), false, 0},               // -1
           row{"6e0901110000000000000001", 4, address::of(to_pid), false, 0}, // negative, and large
           row{"6a", 4, address::of(to_pid), false, 0},
       }) {
    CAPTURE(r.flags);
    CAPTURE(r.arity);
    const auto bytes = tuple(r.arity, from_hex(r.flags), r.to);
    const auto m = decode_control(bytes);
    CHECK(m.has_value() == r.good);
    if (!m || !r.good) continue;
    CHECK(m->flags == r.read);
    CHECK(m->from == address::of(from_pid));
    CHECK(m->to == r.to);
    CHECK(m->token.empty() == ((r.read & altact::token) == 0));
  }
}

TEST_CASE("which operations carry a payload") {
  for (const op what : {op::send, op::reg_send, op::send_sender, op::payload_exit, op::payload_monitor_p_exit,
                        op::spawn_request, op::alias_send, op::altact_sig_send}) {
    CHECK(has_payload(what));
  }
  for (const op what : {op::link, op::exit, op::exit2, op::unlink_id, op::monitor_p, op::spawn_reply}) {
    CHECK_FALSE(has_payload(what));
  }
}

TEST_CASE("what is no control message is refused") {
  struct row {
    const char* hex;
    base::errc code;
  };
  for (const row& r :
       {row{"", base::errc::invalid}, row{"6a", base::errc::invalid}, row{"6800", base::errc::invalid}, // {}
        row{"68016163", base::errc::unsupported},     // {99}
        row{"68016101", base::errc::invalid},         // {1}
        row{"6803610161016101", base::errc::invalid}, // {1,1,1}
        row{"680161056a", base::errc::invalid}}) {    // {5} and more
    const auto bytes = from_hex(r.hex);
    const auto m = decode_control(bytes);
    REQUIRE_FALSE(m);
    CHECK(m.error().code == r.code);
  }
  etf::vector_writer out;
  auto m = filled(op::unlink_id);
  m.id = 0;
  encode_control(out, m);
  CHECK_FALSE(decode_control(out.view()));
}
