// SPDX-License-Identifier: MIT
// Messages, entries, snapshots and hard states are read as they were written, and malformed ones are refused
// with the part that is wrong.
#include <coppice/etf/text.hpp>
#include <coppice/etf/validate.hpp>

#include "consensus/wire.hpp"
#include "one_member.hpp"
#include "simulation/dice.hpp"

using namespace coppice;
using namespace coppice::consensus;
using namespace coppice::consensus::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

template <class Value>
std::vector<std::uint8_t> encoded(const Value& what) {
  etf::vector_writer out;
  encode(what, out);
  return out.take();
}

message with(message_body body) {
  return {{1, UINT64_MAX}, id(1), id(2), largest_number, std::move(body)};
}

configuration all_roles() {
  configuration made = voters(3);
  made.put({id(2), member_role::learner, "two"});
  made.put({id(9), member_role::joining, std::string(configuration::max_address, 'x')});
  return made;
}

std::vector<message> every_body() {
  append_request many{1, 2, 3, {}};
  for (std::uint8_t kind = 0; kind <= static_cast<std::uint8_t>(entry_kind::skip); ++kind)
    many.entries.push_back(
        {kind + 1U, kind, UINT64_MAX, static_cast<entry_kind>(kind), bytes(std::string(kind * 9U, 'e'))});
  many.entries[2].body = all_roles().encode();
  return {with(vote_request{1, 2, true, false}),
          with(vote_request{UINT64_MAX, 0, false, true}),
          with(vote_answer{true, false}),
          with(vote_answer{false, true}),
          with(append_request{}),
          with(many),
          with(append_answer{true, 300, 0, 0}),
          with(append_answer{false, 1, 2, 70'000}),
          with(heartbeat{5, UINT64_MAX}),
          with(heartbeat_answer{1, 2, 3, {4, UINT32_MAX}}),
          with(read_request{UINT64_MAX}),
          with(read_answer{1, 2}),
          with(snapshot_chunk{{7, 2, 9, UINT64_MAX, all_roles(), UINT32_MAX}, 0, 5, bytes("bytes")}),
          with(snapshot_chunk{{7, 2, 9, 1, {}}, 9, 0, {}}),
          with(snapshot_answer{7, UINT64_MAX, 9, true}),
          with(elect_now{})};
}

} // namespace

TEST_CASE("every message comes back as it was sent, and cut short it is refused") {
  for (const message& one : every_body()) {
    const auto there = encoded(one);
    REQUIRE(etf::scan(there));
    CHECK(etf::scan(there)->length == there.size());
    const auto back = decode_message(there);
    REQUIRE(back);
    CHECK(*back == one);
    for (std::size_t size = 0; size < there.size(); ++size)
      REQUIRE_FALSE(decode_message(std::span(there).first(size)));
    auto longer = there;
    longer.push_back(106);
    const auto refused = decode_message(longer);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text ==
          "a raft message: more bytes follow at byte " + std::to_string(there.size()));
  }
}

TEST_CASE("what a member keeps on its disk comes back as it was written") {
  const std::vector<message> all = every_body();
  for (const entry& one : std::get<append_request>(all[5].body).entries) {
    const auto back = decode_entry(encoded(one));
    REQUIRE(back);
    CHECK(*back == one);
  }
  for (const snapshot_meta& one : {snapshot_meta{}, snapshot_meta{4, 3, 2, 1, all_roles(), 5}}) {
    const auto back = decode_snapshot_meta(encoded(one));
    REQUIRE(back);
    CHECK(*back == one);
  }
  for (const hard_state& one : {hard_state{}, hard_state{UINT64_MAX, id(3)}}) {
    const auto back = decode_hard_state(encoded(one));
    REQUIRE(back);
    CHECK(*back == one);
  }
}

TEST_CASE("a malformed message is refused with the part that is wrong") {
  const std::string id16 = "<<0,0,0,0,0,0,0,7,0,0,0,0,0,0,0,1>>";
  const std::string head = "{raft, " + id16 + ", " + id16 + ", " + id16 + ", 3, ";
  const std::string none = "{1, 2, 3, 4, <<>>, 5}";
  struct row {
    std::string term, says;
  };
  const row rows[] = {
      {"[]", "a message: a tuple of 6 expected"},
      {"{raft, 1}", "a message: a tuple of 6 expected"},
      {"{ra, " + id16 + ", " + id16 + ", " + id16 + ", 3, {elect_now}}", "the atom raft expected"},
      {"{\"raft\", " + id16 + ", " + id16 + ", " + id16 + ", 3, {elect_now}}",
       "the message's tag: an atom expected"},
      {"{raft, <<1>>, " + id16 + ", " + id16 + ", 3, {elect_now}}",
       "the cluster: a binary of 16 bytes expected"},
      {"{raft, " + id16 + ", <<0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0>>, " + id16 + ", 3, {elect_now}}",
       "the sender: 17 bytes are more than 16"},
      {"{raft, " + id16 + ", " + id16 + ", me, 3, {elect_now}}", "the receiver: a binary expected"},
      {"{raft, " + id16 + ", " + id16 + ", " + id16 + ", -1, {elect_now}}", "the term: an integer from 0 to"},
      {"{raft, " + id16 + ", " + id16 + ", " + id16 + ", 18446744073709551616, {elect_now}}",
       "the term: an integer from 0 to"},
      {head + "elect_now}", "the message's body: a tuple expected"},
      {head + "{}}", "the body's tag: an atom expected"},
      {head + "{elect_later}}", "a body of a kind that is not known"},
      {head + "{elect_now, 1}}", "elect_now: a tuple of 1 expected"},
      {head + "{vote_request, 1, 2, true}}", "vote_request: a tuple of 5 expected"},
      {head + "{vote_request, 1.0, 2, true, true}}", "last_index: an integer from 0 to"},
      {head + "{vote_request, 1, 2, yes, true}}", "pre: true or false expected"},
      {head + "{vote_answer, true, 1}}", "granted: true or false expected"},
      {head + "{heartbeat, a, 1}}", "commit: an integer from 0 to"},
      {head + "{heartbeat_answer, 1, 2, 3, 4, 4294967296}}",
       "newest: an integer from 0 to 4294967295 expected"},
      {head + "{append_request, 1, 2, 3, {}}}", "entries: a list expected"},
      {head + "{append_request, 1, 2, 3, [{}, <<0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0>>]}}",
       "an entry: a tuple of 5 expected"},
      {head + "{append_request, 1, 2, 3, [{1, command, 0, 0, <<>>} | a]}}",
       "entries: the list's end expected"},
      {head + "{append_request, 1, 2, 3, [{1, order, 0, 0, <<>>}]}}", "an entry of a kind that is not known"},
      {head + "{append_request, 1, 2, 3, [{1, 2, 0, 0, <<>>, <<0,0,0,0,0,0,0,0>>}]}}",
       "an entry: a tuple of 5 expected"},
      {head + "{append_request, 1, 2, 3, [{1, command, 0, 0, body}]}}", "an entry's body: a binary expected"},
      {head + "{append_answer, 1, 1, 2, 3}}", "accepted: true or false expected"},
      {head + "{read_request, []}}", "number: an integer from 0 to"},
      {head + "{read_answer, 1, none}}", "index: an integer from 0 to"},
      {head + "{snapshot_chunk, {1, 2, 3, 4, <<>>}, 0, <<>>}}", "a snapshot: a tuple of 6 expected"},
      {head + "{snapshot_chunk, {1, 2, 3, 4, <<0>>, 5}, 0, <<>>}}", "a snapshot's members make no sense"},
      {head + "{snapshot_chunk, {1, 2, 3, 4, [], 5}, 0, <<>>}}", "a snapshot's members: a binary expected"},
      {head + "{snapshot_chunk, {1, 2, 3, 4, <<>>, -1}, 0, <<>>}}",
       "a snapshot's version: an integer from 0 to"},
      {head + "{snapshot_chunk, " + none + ", 0, all}}", "bytes: a binary expected"},
      {head + "{snapshot_answer, 1, 2, 3, 4}}", "accepted: true or false expected"},
  };
  for (const row& one : rows) {
    CAPTURE(one.term);
    const auto term = etf::parse(one.term);
    REQUIRE(term);
    const auto read = decode_message(*term);
    REQUIRE_FALSE(read);
    CAPTURE(read.error().text);
    CHECK(read.error().code ==
          (one.says.find("more than") == std::string::npos ? base::errc::invalid : base::errc::limit));
    CHECK(read.error().text.rfind("a raft message: " + one.says, 0) == 0);
    CHECK(read.error().text.find(" at byte ") != std::string::npos);
  }
}

TEST_CASE("bounds are looked at before anything is copied or reserved") {
  const auto refused = [](const message& one) {
    const auto read = decode_message(encoded(one));
    REQUIRE_FALSE(read);
    CHECK(read.error().code == base::errc::limit);
    return read.error().text;
  };
  append_request many;
  many.entries.resize(largest_batch);
  CHECK(decode_message(encoded(with(many))));
  many.entries.emplace_back();
  CHECK(refused(with(many)).find("entries: 65537 are more than 65536") != std::string::npos);
  snapshot_chunk large;
  large.bytes = payload(std::vector<std::uint8_t>(largest_chunk + 1));
  CHECK(refused(with(large)).find("bytes: 16777217 bytes are more than 16777216") != std::string::npos);
  // The list's head promises more entries than there are.
  auto short_list = encoded(with(append_request{1, 2, 3, {{}}}));
  for (std::size_t i = 0; i + 5 < short_list.size(); ++i)
    if (short_list[i] == 108 && short_list[i + 4] == 1) short_list[i + 1] = 0xFF;
  const auto read = decode_message(short_list);
  REQUIRE_FALSE(read);
  CHECK(read.error().text.rfind("a raft message: entries: a list expected", 0) == 0);
}

TEST_CASE("a member takes whatever random bytes decode to") {
  simulation::dice chance(1);
  std::vector<std::uint8_t> input;
  for (int left = 4000; left > 0; --left) {
    input.resize(chance.below(400));
    for (std::uint8_t& one : input) one = static_cast<std::uint8_t>(chance.next());
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  for (const message& one : every_body()) {
    const auto whole = encoded(one);
    LLVMFuzzerTestOneInput(whole.data(), whole.size());
    for (int left = 200; left > 0; --left) {
      input = whole;
      for (std::uint64_t flips = 1 + chance.below(3); flips > 0; --flips)
        input[chance.below(input.size())] = static_cast<std::uint8_t>(chance.next());
      LLVMFuzzerTestOneInput(input.data(), input.size());
    }
  }
}
