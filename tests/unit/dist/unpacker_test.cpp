// SPDX-License-Identifier: MIT
// Whole recorded streams through the unpacker: each frame becomes the operation that OTP meant.
#include "dist/unpacker.hpp"

#include <doctest/doctest.h>
#include <coppice/etf/inflate.hpp>

#include <map>
#include <random>

#include "dist/handshake_message.hpp"
#include "dist/message_bytes.hpp"
#include "hex.hpp"
#include "recorded_otp25.hpp"

using namespace coppice;
using namespace coppice::dist;

namespace {

std::string text_of(const runtime::message& m) {
  const auto bytes = m.bytes();
  return to_hex({bytes.begin(), bytes.end()});
}

} // namespace

TEST_CASE("every recorded frame of OTP 25 becomes its operation") {
  for (const bool initiator : {true, false}) {
    unpacker in({});
    std::map<op, int> seen;
    const auto take = [&](const char* hex) {
      const auto bytes = from_hex(hex);
      const auto taken = in.take(bytes);
      REQUIRE(taken);
      REQUIRE(*taken);
      CHECK((*taken)->dropped.empty());
      CHECK(static_cast<bool>((*taken)->payload) == has_payload((*taken)->control.what));
      ++seen[(*taken)->control.what];
    };
    if (initiator) {
      for (const char* hex : recorded::initiator_frames) take(hex);
      CHECK(seen[op::reg_send] > 5);
      CHECK(seen[op::spawn_request] == 1);
      CHECK(seen[op::link] == 1);
      CHECK(seen[op::unlink_id] == 1);
      CHECK(seen[op::monitor_p] > 2);
      CHECK(seen[op::demonitor_p] > 2);
      CHECK(seen[op::payload_exit2] == 1);
    } else {
      for (const char* hex : recorded::acceptor_frames) take(hex);
      CHECK(seen[op::spawn_reply] == 1);
      CHECK(seen[op::unlink_id_ack] == 1);
      CHECK(seen[op::payload_monitor_p_exit] == 2);
      CHECK(seen[op::alias_send] + seen[op::send_sender] > 3);
    }
  }
}

TEST_CASE("the first recorded frames read as what net_adm:ping sends") {
  unpacker in({});
  const auto monitor_bytes = from_hex(recorded::initiator_frames[0]);
  const auto monitor = in.take(monitor_bytes);
  REQUIRE(monitor.value());
  CHECK((*monitor)->control.what == op::monitor_p);
  CHECK((*monitor)->control.to.name == "net_kernel");
  CHECK((*monitor)->control.from.pid.node == "a@127.0.0.1");
  const auto call_bytes = from_hex(recorded::initiator_frames[1]);
  const auto call = in.take(call_bytes);
  REQUIRE(call.value());
  CHECK((*call)->control.what == op::reg_send);
  etf::cursor c((*call)->payload.bytes());
  CHECK((c.read_tuple_of(3) && c.read_atom_is("$gen_call")));
}

TEST_CASE("a payload over the limits is dropped and the connection lives on") {
  etf::limits small;
  small.depth = 3;
  unpacker in(small);
  // {2, '', Pid} and [[[[[]]]]]
  const std::string control =
      "6803"
      "6102"
      "7700"
      "58"
      "770361"
      "4062"
      "00000001"
      "00000000"
      "00000005";
  const std::string deep =
      "6c00000001"
      "6c00000001"
      "6c00000001"
      "6c00000001"
      "6a6a6a6a6a";
  const auto frame = from_hex("834400" + control + deep);
  const auto taken = in.take(frame);
  REQUIRE(taken.value());
  CHECK_FALSE((*taken)->dropped.empty());
  CHECK_FALSE((*taken)->payload);
  CHECK(in.dropped() == 1);
  const auto flat = from_hex("834400" + control + "6a");
  CHECK(text_of(in.take(flat).value()->payload) == "6a");
}

TEST_CASE("frames that break the protocol end the connection") {
  const std::string link =
      "6803"
      "6101"
      "58"
      "770361"
      "4062"
      "00000001"
      "00000000"
      "00000005"
      "58"
      "770361"
      "4062"
      "00000001"
      "00000000"
      "00000005";
  for (const std::string& bad :
       {std::string("834400"), "834400" + link + "6a", std::string("8344006802616d6a"), std::string("70"),
        std::string("7083680161026a"), std::string("8344015205"), std::string("83440068016102"),
        std::string("834400520061")}) {
    unpacker in({});
    CAPTURE(bad);
    CHECK_FALSE(in.take(from_hex(bad)));
  }
  unpacker in({});
  CHECK(in.take(from_hex("7083" + link)).value());
  CHECK(in.take(from_hex("834400" + link)).value());
}

TEST_CASE("a fragmented message keeps the atoms its first fragment named") {
  unpacker in({});
  const std::string pid =
      "58"
      "770361"
      "4062"
      "00000001"
      "00000000"
      "00000005";
  const std::string sequence = "0000000000000001";
  // Cache slot 5 is "ok". The payload refers to it, and the slot changes before the last fragment.
  const auto first = from_hex("8345" + sequence + "0000000000000002" +
                              "01"
                              "08"
                              "05"
                              "02"
                              "6f6b" +
                              "6803"
                              "6102"
                              "7700" +
                              pid);
  CHECK_FALSE(in.take(first).value());
  const auto other = from_hex(
      "8344"
      "01"
      "08"
      "05"
      "02"
      "6e6f" +
      std::string("6803"
                  "6102"
                  "7700") +
      pid + "5200");
  CHECK(text_of(in.take(other).value()->payload) == "77026e6f");
  const auto last = from_hex("8346" + sequence + "0000000000000001" + "5200");
  CHECK(text_of(in.take(last).value()->payload) == "77026f6b");
}

TEST_CASE("a compressed payload counts what is there of it, packed and not, and no more than it says") {
  constexpr std::size_t size = std::size_t{8} << 20;
  auto frame = from_hex(
      "708368036102770058770361"
      "4062"
      "000000010000000000000005");
  etf::vector_writer term;
  std::minstd_rand random(1);
  std::string bytes(size, 'x');
  for (char& each : bytes) each = static_cast<char>('a' + random() % 16);
  term.binary(bytes);
  const auto packed = etf::deflate(term.view(), 1);
  frame.insert(frame.end(), packed.begin(), packed.end());
  unpacker in({});
  std::size_t most = 0;
  auto taken = in.take(frame);
  for (; taken && in.busy(); taken = in.go_on()) most = std::max(most, in.held());
  REQUIRE(taken);
  REQUIRE(*taken);
  CHECK((*taken)->payload.size() == term.size());
  CHECK(most >= size / 2);
  CHECK(most <= size + packed.size() + unpacker::checked_at_once);
  CHECK(in.held() == 0);
}

TEST_CASE("a compressed payload is taken behind a pass-through header, and a bomb is dropped") {
  const auto control = from_hex(
      "7083"
      "6803"
      "6102"
      "7700"
      "58"
      "770361"
      "4062"
      "00000001"
      "00000000"
      "00000005");
  etf::vector_writer term;
  term.binary(std::string(100'000, 'x'));
  const auto packed = etf::deflate(term.view());
  auto frame = control;
  frame.insert(frame.end(), packed.begin(), packed.end());
  REQUIRE(packed[1] == 80);
  unpacker in({});
  const auto taken = in.take(frame);
  REQUIRE(taken.value());
  const auto got = (*taken)->payload.bytes();
  CHECK(std::equal(got.begin(), got.end(), term.view().begin(), term.view().end()));

  etf::limits small;
  small.bytes = 1000;
  unpacker strict(small);
  const auto bomb = strict.take(frame);
  REQUIRE(bomb.value());
  CHECK_FALSE((*bomb)->dropped.empty());
}

TEST_CASE(
    "a compressed payload that is large is inflated in parts, and what is wrong with it is told at its end") {
  etf::vector_writer term;
  std::mt19937 random(5);
  std::string text(3'000'000, 'x');
  for (std::size_t i = 0; i < text.size(); i += 8) text[i] = static_cast<char>(random());
  term.tuple(2);
  term.binary(text);
  term.atom("end");
  control_message control;
  control.what = op::send_sender;
  control.from = address::of(etf::pid{"x@h", 5, 6, 7});
  control.to = address::of(etf::pid{"a@h", 1, 0, 4});
  const auto frame_of = [&](etf::bytes payload) {
    etf::vector_writer out;
    out.raw(from_hex("7083"));
    encode_control(out, control);
    out.raw(etf::deflate(payload));
    return out.take();
  };
  unpacker in({});
  base::result<unpacked*> taken = nullptr;
  {
    const auto frame = frame_of(term.view());
    taken = in.take(frame);
  } // the frame is destroyed here
  int parts = 1;
  for (; taken && *taken == nullptr; ++parts) {
    REQUIRE(in.busy());
    taken = in.go_on();
  }
  REQUIRE(taken);
  CHECK(parts >= 3);
  CHECK_FALSE(in.busy());
  CHECK((*taken)->control.from == control.from);
  const auto got = (*taken)->payload.bytes();
  CHECK(std::equal(got.begin(), got.end(), term.view().begin(), term.view().end()));

  auto cut = frame_of(term.view().first(term.size() - 1));
  taken = in.take(cut);
  while (taken && *taken == nullptr) taken = in.go_on();
  REQUIRE_FALSE(taken);
  CHECK(taken.error().text.find("the rest of a term expected") != std::string::npos);
}

TEST_CASE("a long payload is a part of the memory its frame came in, unless it has to be rewritten") {
  const auto frame_with = [](etf::bytes payload) {
    message_bytes made;
    REQUIRE(made.reserve(payload.size() + 64));
    const std::vector<std::uint8_t> head = from_hex(
        "8353"
        "01"
        "0000000500000000"
        "0000000600000000");
    made.append(head);
    made.append(payload);
    return made.take();
  };
  etf::vector_writer out(80'000);
  out.binary(std::string(65'536, 'x'));
  const auto canonical = frame_with(out.view());
  unpacker in({}, handshake_message::capability::short_forms);
  auto taken = in.take(canonical.bytes(), canonical);
  REQUIRE(taken);
  REQUIRE(*taken);
  auto payload = std::move((*taken)->payload);
  CHECK(to_hex(payload.bytes()) == to_hex(out.view()));
  CHECK(payload.bytes().data() == canonical.bytes().data() + 19);

  // {Atom, Binary} with the atom in Latin-1.
  etf::vector_writer old(80'000);
  const auto start = from_hex(
      "6802"
      "64000161");
  old.raw(start);
  old.raw(out.view());
  const auto rewritten = frame_with(old.view());
  taken = in.take(rewritten.bytes(), rewritten);
  REQUIRE(taken);
  REQUIRE(*taken);
  payload = std::move((*taken)->payload);
  CHECK(to_hex(payload.bytes().first(5)) == "6802770161");
  CHECK(payload.size() == old.view().size() - 1);

  // From memory of another owner it is copied, and so is a payload that would keep much more than itself.
  taken = in.take(canonical.bytes(), rewritten);
  REQUIRE(taken);
  CHECK((*taken)->payload.bytes().data() != canonical.bytes().data() + 19);
  etf::vector_writer little(64);
  little.binary("x");
  const auto small = frame_with(little.view());
  taken = in.take(small.bytes(), small);
  REQUIRE(taken);
  CHECK((*taken)->payload.bytes().data() != small.bytes().data() + 19);
}

TEST_CASE("a payload that names a key twice ends the connection, and the error names sender and key") {
  control_message control;
  control.what = op::send_sender;
  control.from = address::of(etf::pid{"x@h", 5, 6, 7});
  control.to = address::of(etf::pid{"a@h", 1, 0, 4});
  etf::vector_writer terms;
  encode_control(terms, control);
  const std::vector<std::uint8_t> whole = terms.take();
  const auto twice = from_hex(
      "7400000002"
      "77016b"
      "6101"
      "77016b"
      "6102");
  const auto starts_with = [](std::vector<std::uint8_t> front, std::span<const std::uint8_t> behind) {
    front.insert(front.end(), behind.begin(), behind.end());
    return front;
  };
  const auto check_ended = [](const base::result<unpacked*>& taken) {
    REQUIRE_FALSE(taken);
    CHECK(taken.error().text.find("#Pid<x@h.7.5.6>") != std::string::npos);
    CHECK(taken.error().text.find("names k twice") != std::string::npos);
  };
  const auto pass_through = starts_with(starts_with(from_hex("7083"), whole), from_hex("83"));
  {
    unpacker in({});
    check_ended(in.take(starts_with(pass_through, twice)));
  }
  {
    unpacker in({});
    etf::vector_writer long_term; // long enough to be compressed
    long_term.list(20);
    for (int i = 0; i < 20; ++i) long_term.raw(twice);
    long_term.nil();
    const auto packed = etf::deflate(long_term.view());
    REQUIRE(packed[1] == 80);
    check_ended(in.take(starts_with(starts_with(from_hex("7083"), whole), packed)));
  }
  {
    unpacker in({});
    const auto first = starts_with(from_hex("8345"
                                            "0000000000000009"
                                            "0000000000000002"
                                            "00"),
                                   starts_with(whole, std::span(twice).first(9)));
    REQUIRE(in.take(first));
    check_ended(in.take(starts_with(from_hex("8346"
                                             "0000000000000009"
                                             "0000000000000001"),
                                    std::span(twice).subspan(9))));
  }
  { // in a long frame, whose payload would otherwise not be copied
    message_bytes frame;
    const auto padding = std::vector<std::uint8_t>(40'000, 'x');
    etf::vector_writer term;
    term.tuple(2);
    term.binary(padding);
    term.raw(twice);
    const auto bytes = starts_with(pass_through, term.view());
    REQUIRE(frame.reserve(bytes.size()));
    frame.append(bytes);
    const auto memory = frame.take();
    unpacker in({});
    check_ended(in.take(memory.bytes(), memory));
  }
  unpacker in({});
  control_message request = control; // as a part of the control message itself
  request.what = op::exit2;
  request.reason = twice;
  encode_control(terms, request);
  const auto taken = in.take(starts_with(from_hex("7083"), terms.view()));
  REQUIRE_FALSE(taken);
  CHECK(taken.error().text.find("names k twice") != std::string::npos);
}

namespace {

// #{0 => [], 1 => [], …}, and one more key, which comes twice if `one_twice`.
std::vector<std::uint8_t> map_of_numbers(std::uint32_t count, bool one_twice) {
  etf::vector_writer out;
  out.map(count + (one_twice ? 1 : 0));
  for (std::uint32_t i = 0; i < count; ++i) {
    out.integer(i);
    out.nil();
  }
  if (one_twice) {
    out.integer(count / 2);
    out.nil();
  }
  return out.take();
}

// A frame with a message for the name `kv`.
std::vector<std::uint8_t> frame_for_a_name(std::span<const std::uint8_t> payload) {
  control_message control;
  control.what = op::reg_send;
  control.from = address::of(etf::pid{"x@h", 5, 6, 7});
  control.to = address::of(std::string_view("kv"));
  etf::vector_writer out;
  out.raw(from_hex("834400"));
  encode_control(out, control);
  out.raw(payload);
  return out.take();
}

} // namespace

TEST_CASE("the keys of a large payload are looked at a part at a time") {
  constexpr std::uint32_t many = 600'000; // 3.6 MB
  for (const bool twice : {false, true}) {
    CAPTURE(twice);
    unpacker in({});
    const auto payload = map_of_numbers(many, twice);
    base::result<unpacked*> taken;
    int turns = 0;
    {
      // Destroyed before the message is complete, since the unpacker must not point into it.
      const auto frame = frame_for_a_name(payload);
      taken = in.take(frame);
    }
    for (; taken && *taken == nullptr && in.busy(); ++turns) {
      CHECK(in.held() >= payload.size());
      taken = in.go_on();
    }
    CHECK(turns >= 3);
    CHECK_FALSE(in.busy());
    CHECK(in.held() == 0);
    CHECK(taken.has_value() == !twice);
    if (!taken) {
      CHECK(taken.error().text.find("twice") != std::string::npos);
      continue;
    }
    REQUIRE(*taken);
    CHECK((*taken)->control.what == op::reg_send);
    CHECK((*taken)->control.to.name == "kv");
    CHECK((*taken)->payload.size() == payload.size());
  }
}

TEST_CASE("a control message outlives its frame while the keys of a payload that has grown are checked") {
  // A header with one cached atom of 255 characters, which a list in a map names again and again.
  constexpr std::uint32_t times = 10'000;
  const std::string atom(255, 'x');
  etf::vector_writer payload;
  payload.map(2);
  payload.integer(0);
  payload.list(times);
  for (std::uint32_t i = 0; i < times; ++i) payload.raw(from_hex("5200"));
  payload.nil();
  payload.integer(1);
  payload.nil();
  const auto without_atom = frame_for_a_name(payload.view());
  etf::vector_writer out;
  out.raw(
      from_hex("83440108"
               "00ff"));
  out.raw(std::span(reinterpret_cast<const std::uint8_t*>(atom.data()), atom.size()));
  out.raw(std::span(without_atom).subspan(3));
  auto frame = out.take();
  REQUIRE(frame.size() < 64 * 1024);
  unpacker in({});
  auto taken = in.take(frame);
  REQUIRE(taken);
  CHECK(*taken == nullptr);
  REQUIRE(in.busy());
  std::ranges::fill(frame, std::uint8_t{'z'}); // the memory has another use by now
  while (taken && *taken == nullptr && in.busy()) taken = in.go_on();
  REQUIRE(taken);
  REQUIRE(*taken);
  CHECK((*taken)->control.what == op::reg_send);
  CHECK((*taken)->control.to.name == "kv");
  CHECK((*taken)->control.from == address::of(etf::pid{"x@h", 5, 6, 7}));
  CHECK((*taken)->payload.size() > times * atom.size());
}

TEST_CASE("a large payload of one frame is taken a part at a time, and what comes of it is the same") {
  const auto take_all = [](unpacker& in, std::span<const std::uint8_t> frame, int& turns) {
    base::result<unpacked*> taken = nullptr;
    {
      const std::vector<std::uint8_t> copy(frame.begin(), frame.end());
      taken = in.take(copy);
    } // the copy is destroyed here
    for (turns = 0; taken && *taken == nullptr && in.busy(); ++turns) {
      CHECK(in.held() >= frame.size() / 2);
      taken = in.go_on();
    }
    CHECK(in.held() == 0);
    return taken;
  };
  constexpr std::uint32_t many = 2'500'000;
  etf::vector_writer wide;
  wide.list(many);
  for (std::uint32_t i = 0; i < many; ++i) wide.integer(i % 300);
  wide.nil();
  int turns = 0;
  {
    unpacker in({});
    const auto taken = take_all(in, frame_for_a_name(wide.view()), turns);
    REQUIRE(taken.value());
    CHECK(turns >= 5);
    CHECK((*taken)->control.to.name == "kv");
    CHECK(std::ranges::equal((*taken)->payload.bytes(), wide.view()));
  }
  { // {ok, [0, …]} for a pid, with the atom in the header's cache
    etf::vector_writer frame;
    frame.raw(
        from_hex("8344010805026f6b6803610277005877036140620000000100000000000000056802"
                 "5200"));
    frame.raw(wide.view());
    unpacker in({});
    const auto taken = take_all(in, frame.view(), turns);
    REQUIRE(taken.value());
    const auto payload = (*taken)->payload.bytes();
    CHECK(to_hex(payload.first(6)) == "680277026f6b");
    CHECK(std::ranges::equal(payload.subspan(6), wide.view()));
  }
  { // a payload cut short ends the connection
    unpacker in({});
    const auto taken = take_all(in, frame_for_a_name(wide.view().first(wide.size() - 1)), turns);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().text.starts_with("payload of"));
  }
  { // a payload over the limit is dropped
    etf::limits small;
    small.bytes = 3'000'000;
    unpacker in(small);
    const auto taken = take_all(in, frame_for_a_name(wide.view()), turns);
    REQUIRE(taken.value());
    CHECK_FALSE((*taken)->dropped.empty());
    CHECK(in.dropped() == 1);
  }
}

TEST_CASE("a large fragment is taken a part at a time, and what comes of it is the same") {
  constexpr std::uint32_t many = 600'000;
  const std::string head = "83450000000000000005";
  const std::string next = "83460000000000000005";
  for (const bool twice : {false, true}) {
    CAPTURE(twice);
    const auto payload = map_of_numbers(many, twice);
    control_message control;
    control.what = op::send_sender;
    control.from = address::of(etf::pid{"x@h", 5, 6, 7});
    control.to = address::of(etf::pid{"a@h", 1, 0, 4});
    const std::size_t half = payload.size() / 2;
    etf::vector_writer first;
    first.raw(from_hex(head + "0000000000000002" + "00"));
    encode_control(first, control);
    first.raw(std::span(payload).first(half));
    etf::vector_writer second;
    second.raw(from_hex(next + "0000000000000001"));
    second.raw(std::span(payload).subspan(half));
    unpacker in({});
    int turns = 0;
    auto taken = in.take(first.view());
    CHECK(in.held() + unpacker::checked_at_once >= half);
    for (; taken && in.busy(); ++turns) taken = in.go_on();
    REQUIRE(taken);
    CHECK(in.held() == 0);
    CHECK(*taken == nullptr);
    taken = in.take(second.view());
    for (; taken && *taken == nullptr && in.busy(); ++turns) taken = in.go_on();
    CHECK(turns >= 2);
    CHECK(taken.has_value() == !twice);
    if (!taken) continue; // it ended the connection
    CHECK(in.unfinished().unfinished() == 0);
    REQUIRE(*taken);
    CHECK(to_hex((*taken)->payload.bytes().first(16)) == to_hex(std::span(payload).first(16)));
    CHECK((*taken)->payload.size() == payload.size());
  }
}

namespace {

// An exit2 whose reason is a part of the control message, as old peers send it.
std::vector<std::uint8_t> frame_with_reason(std::span<const std::uint8_t> reason) {
  control_message control;
  control.what = op::exit2;
  control.from = address::of(etf::pid{"x@h", 5, 6, 7});
  control.to = address::of(etf::pid{"a@h", 5, 6, 7});
  control.reason = reason;
  etf::vector_writer out;
  out.raw(from_hex("7083"));
  encode_control(out, control);
  return out.take();
}

std::vector<std::uint8_t> binary_of(std::size_t size) {
  etf::vector_writer out;
  out.binary(std::vector<std::uint8_t>(size, 'x'));
  return out.take();
}

} // namespace

TEST_CASE(
    "a control message is read at once, so that there is a bound for it, and its memory is given back") {
  unpacker in({});
  const auto take = [&](std::span<const std::uint8_t> reason) {
    const auto frame = frame_with_reason(reason);
    const auto taken = in.take(frame);
    REQUIRE(taken.value());
    CHECK((*taken)->control.what == op::exit2);
    CHECK(std::ranges::equal((*taken)->control.reason, reason));
  };
  take(binary_of(10));
  CHECK(in.held() == 0);
  take(binary_of(unpacker::longest_control / 2));
  CHECK(in.held() > unpacker::longest_control / 2);
  take(binary_of(10));
  CHECK(in.held() == 0);
  const std::vector<std::uint8_t> too_long[] = {binary_of(unpacker::longest_control),
                                                map_of_numbers(500'000, false)};
  for (const auto& reason : too_long) {
    const auto frame = frame_with_reason(reason);
    const auto taken = in.take(frame);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().text.starts_with("control message: "));
    CHECK(in.held() == 0);
  }
  // In a payload, terms may be longer than that.
  const auto payload = frame_for_a_name(binary_of(unpacker::longest_control));
  auto taken = in.take(payload);
  while (taken && *taken == nullptr && in.busy()) taken = in.go_on();
  CHECK(taken.value());
}

TEST_CASE("a control message that grows as it is rewritten is bounded as it is kept") {
  // A header with one cached atom of 255 characters, which a list names again and again.
  const std::string atom(255, 'x');
  etf::vector_writer frame;
  frame.raw(
      from_hex("83440108"
               "00ff"));
  frame.raw(std::span(reinterpret_cast<const std::uint8_t*>(atom.data()), atom.size()));
  etf::vector_writer reason;
  constexpr std::uint32_t times = 100'000;
  reason.list(times);
  for (std::uint32_t i = 0; i < times; ++i) reason.raw(from_hex("5200"));
  reason.nil();
  const auto control = frame_with_reason(reason.view());
  frame.raw(std::span(control).subspan(2));
  unpacker in({});
  const auto taken = in.take(frame.view());
  REQUIRE_FALSE(taken);
  CHECK(taken.error().text.find("when its atoms are resolved") != std::string::npos);
  CHECK(in.held() <= 2 * unpacker::longest_control);
}
