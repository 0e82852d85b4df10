// SPDX-License-Identifier: MIT
// The handshake against itself, against bytes recorded from real nodes, and against peers that break the
// rules.
#include "dist/handshake.hpp"

#include <doctest/doctest.h>

#include <span>

#include "dist/flags.hpp"
#include "hex.hpp"
#include "recorded_otp25.hpp"

using namespace coppice;
using namespace coppice::dist;
namespace hm = coppice::dist::handshake_message;

namespace {

struct policy : handshake_policy {
  open_challenges* of_node = nullptr; // null: the node has no other handshakes
  std::string claim_refused;
  hm::verdict answer = hm::verdict::ok;
  std::string cookie = "secret";
  int asked = 0;

  hm::verdict admit(std::string_view) override {
    ++asked;
    return answer;
  }
  std::string cookie_for(std::string_view) override { return cookie; }
  base::status check_claim(std::string_view) override {
    if (claim_refused.empty()) return {};
    return base::fail(base::errc::refused, claim_refused);
  }
  open_challenges* challenges() override { return of_node; }
  base::result<assigned_name> name_for(std::string_view host) override {
    return assigned_name{"dyn1@" + std::string(host), 99};
  }
};

local_node node(std::string name) {
  return {std::move(name), flag::offered | flag::published, 1000};
}

// Carries bytes in both directions until neither end has any. The first error ends it.
struct outcome {
  base::status initiator;
  base::status acceptor;
};
outcome run(handshake& a, handshake& b) {
  outcome o;
  for (int i = 0; i < 20; ++i) {
    auto to_b = std::exchange(a.output(), {});
    auto to_a = std::exchange(b.output(), {});
    if (to_b.empty() && to_a.empty()) break;
    if (auto fed = b.feed(to_b); !fed && o.acceptor) o.acceptor = unexpected(fed.error());
    if (!o.initiator) continue;
    if (auto fed = a.feed(to_a); !fed) o.initiator = unexpected(fed.error());
  }
  return o;
}

} // namespace

TEST_CASE("two of ours shake hands and agree on the flags both offer") {
  policy p;
  auto a = handshake::connecting(node("a@127.0.0.1"), "b@127.0.0.1", p);
  local_node hidden = node("b@127.0.0.1");
  hidden.flags = (flag::offered & ~flag::fragments & ~flag::published);
  auto b = handshake::accepting(hidden, p);
  const auto o = run(a, b);
  CHECK(o.initiator);
  CHECK(o.acceptor);
  REQUIRE(a.done());
  REQUIRE(b.done());
  CHECK(a.peer().name == "b@127.0.0.1");
  CHECK(b.peer().name == "a@127.0.0.1");
  CHECK(a.peer().creation == 1000);
  CHECK(a.peer().hidden);
  CHECK_FALSE(b.peer().hidden);
  CHECK(a.peer().flags == (flag::offered & ~flag::fragments));
  CHECK(b.peer().flags == (flag::offered & ~flag::fragments));
}

TEST_CASE("a node answers no challenge that it has handed out itself") {
  open_challenges handed_out;
  policy ours;
  ours.of_node = &handed_out;
  policy strangers; // a peer that does not know the cookie; its messages are put together below
  // A connection that the node has opened, to a peer that claims to be b; and one that this peer has opened
  // as z.
  auto to_b = handshake::connecting(node("a@127.0.0.1"), "b@127.0.0.1", ours);
  auto from_z = handshake::accepting(node("a@127.0.0.1"), ours);
  auto z = handshake::connecting(node("z@127.0.0.1"), "a@127.0.0.1", strangers);
  REQUIRE(from_z.feed(z.output()));
  // The status comes first, then the challenge. The challenge's value is at the same offset in both
  // connections.
  auto said = std::exchange(from_z.output(), {});
  const auto first = static_cast<std::size_t>(said[0] << 8 | said[1]) + 2;
  const auto challenge = hm::decode_challenge(std::span(said).subspan(first + 2)).value();
  CHECK(handed_out.contains(challenge.value));
  std::vector<std::uint8_t> relayed;
  hm::encode(relayed, hm::status{hm::verdict::ok, {}, 0});
  hm::encode(relayed, hm::challenge{challenge.flags, challenge.value, 7, "b@127.0.0.1", 0});
  to_b.output().clear();
  const auto answered = to_b.feed(relayed);
  REQUIRE_FALSE(answered);
  CHECK(answered.error().code == base::errc::refused);
  CHECK(answered.error().text.find("has handed out itself") != std::string::npos);
  CHECK(to_b.output().empty());
}

TEST_CASE("nor one that it sent in its reply to another challenge") {
  open_challenges handed_out;
  policy ours;
  ours.of_node = &handed_out;
  const auto challenge_to = [](handshake& to, const char* name, std::uint32_t value) {
    std::vector<std::uint8_t> bytes;
    hm::encode(bytes, hm::status{hm::verdict::ok, {}, 0});
    hm::encode(bytes, hm::challenge{flag::offered | flag::published, value, 7, name, 0});
    to.output().clear();
    return to.feed(bytes);
  };
  auto to_b = handshake::connecting(node("a@127.0.0.1"), "b@127.0.0.1", ours);
  REQUIRE(challenge_to(to_b, "b@127.0.0.1", 4711));
  const auto reply = hm::decode_challenge_reply(std::span(to_b.output()).subspan(2)).value();
  auto to_c = handshake::connecting(node("a@127.0.0.1"), "c@127.0.0.1", ours);
  CHECK_FALSE(challenge_to(to_c, "c@127.0.0.1", reply.value));
  CHECK(to_c.output().empty());
  // When its handshake has ended, the number may be used again by a peer.
  { const auto over = std::move(to_b); }
  auto again = handshake::connecting(node("a@127.0.0.1"), "c@127.0.0.1", ours);
  CHECK(challenge_to(again, "c@127.0.0.1", reply.value));
}

TEST_CASE("a peer whose name contradicts what its connection has shown is refused before it is admitted") {
  policy p;
  policy peer;
  p.claim_refused = "its certificate is for another host";
  auto a = handshake::connecting(node("a@127.0.0.1"), "b@127.0.0.1", peer);
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  const auto o = run(a, b);
  REQUIRE_FALSE(o.acceptor);
  CHECK(o.acceptor.error().text == "handshake: its certificate is for another host");
  CHECK_FALSE(o.initiator);
  CHECK(p.asked == 0);
}

TEST_CASE("an OTP 25 node's opening is answered as OTP answers it") {
  policy p;
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  const auto opening = from_hex(recorded::initiator_handshake[0]);
  CHECK(b.feed(opening).value() == opening.size());
  CHECK(b.peer_name() == "a@127.0.0.1");
  CHECK(b.peer().offered == 0xd07df7fbd);
  const auto sent = to_hex(b.output());
  CHECK(sent.starts_with("0003736f6b")); // sok
  CHECK(sent.substr(10, 6) == "001e4e"); // a challenge message of the same size as OTP's
  CHECK(sent.ends_with("000b62403132372e302e302e31"));
}

TEST_CASE("recorded proofs match: MD5 of the cookie and the challenge in decimal") {
  const auto challenge_bytes = from_hex(recorded::acceptor_handshake[1]);
  const auto challenge = hm::decode_challenge(std::span(challenge_bytes).subspan(2));
  const auto reply_bytes = from_hex(recorded::initiator_handshake[1]);
  const auto reply = hm::decode_challenge_reply(std::span(reply_bytes).subspan(2));
  const auto ack_bytes = from_hex(recorded::acceptor_handshake[2]);
  const auto ack = hm::decode_challenge_ack(std::span(ack_bytes).subspan(2));
  REQUIRE(challenge);
  REQUIRE(reply);
  REQUIRE(ack);
  CHECK(reply->proof == cookie_digest("secret", challenge->value));
  CHECK(ack->proof == cookie_digest("secret", reply->value));
}

TEST_CASE("a node of OTP 23 or 24 that opens in the old form is accepted with its complement") {
  policy p;
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  std::vector<std::uint8_t> in;
  hm::send_name opening{true, flag::required | flag::published | flag::fragments, 0, "old@127.0.0.1"};
  hm::encode(in, opening);
  REQUIRE(b.feed(in));
  auto out = std::exchange(b.output(), {});
  const auto challenge = hm::decode_challenge(std::span(out).subspan(5 + 2));
  REQUIRE(challenge);
  in.clear();
  hm::encode(in, hm::complement{0xd, 4711});
  hm::encode(in, hm::challenge_reply{7, cookie_digest("secret", challenge->value)});
  const auto size = in.size();
  in.insert(in.end(), {0, 0, 0, 0}); // the first tick follows at once
  CHECK(b.feed(in).value() == size);
  REQUIRE(b.done());
  CHECK(b.peer().creation == 4711);
  CHECK((b.peer().flags & flag::spawn) != 0);
  CHECK((b.peer().flags & flag::alias) != 0);
}

TEST_CASE("a peer that wants a name gets one at its host") {
  policy p;
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  std::vector<std::uint8_t> in;
  hm::encode(in, hm::send_name{false, flag::offered | flag::name_me, 0, "127.0.0.1"});
  REQUIRE(b.feed(in));
  const auto out = b.output();
  const auto status = hm::decode_status(std::span(out).subspan(2, out[1]));
  REQUIRE(status);
  CHECK(status->what == hm::verdict::named);
  CHECK(status->name == "dyn1@127.0.0.1");
  CHECK(status->creation == 99);
  CHECK(b.peer_name() == "dyn1@127.0.0.1");
  const auto challenge = hm::decode_challenge(std::span(out).subspan(2 + out[1] + 2));
  REQUIRE(challenge);
  CHECK((challenge->flags & flag::name_me) != 0);
  CHECK((challenge->flags & flag::published) == 0);
}

TEST_CASE("another cookie is refused on both sides, with the remedy and without the cookie") {
  policy good, bad;
  bad.cookie = "sesame";
  auto a = handshake::connecting(node("a@127.0.0.1"), "b@127.0.0.1", bad);
  auto b = handshake::accepting(node("b@127.0.0.1"), good);
  const auto o = run(a, b);
  REQUIRE_FALSE(o.acceptor);
  CHECK(o.acceptor.error().code == base::errc::refused);
  CHECK(o.acceptor.error().text.find("another cookie") != std::string::npos);
  CHECK(o.acceptor.error().text.find("-setcookie") != std::string::npos);
  CHECK(o.acceptor.error().text.find("sesame") == std::string::npos);
  CHECK_FALSE(a.done());
  CHECK(a.closed().code == base::errc::refused);
  CHECK(a.closed().text.find("cookie") != std::string::npos);
}

TEST_CASE("an acceptor that proves nothing is not believed") {
  policy p;
  auto a = handshake::connecting(node("a@127.0.0.1"), "b@127.0.0.1", p);
  std::vector<std::uint8_t> in;
  hm::encode(in, hm::status{});
  hm::encode(in, hm::challenge{flag::offered, 1, 5, "b@127.0.0.1"});
  hm::encode(in, hm::challenge_ack{});
  const auto fed = a.feed(in);
  REQUIRE_FALSE(fed);
  CHECK(fed.error().code == base::errc::refused);
  CHECK_FALSE(a.done());
}

TEST_CASE("long and short names are refused with both names and the fix") {
  policy p;
  auto a = handshake::connecting(node("a@host"), "b@127.0.0.1", p);
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  const auto o = run(a, b);
  REQUIRE_FALSE(o.acceptor);
  CHECK(o.acceptor.error().text.find("'a@host'") != std::string::npos);
  CHECK(o.acceptor.error().text.find("'b@127.0.0.1'") != std::string::npos);
  CHECK(o.acceptor.error().text.find("-name") != std::string::npos);
  REQUIRE_FALSE(o.initiator);
  CHECK(o.initiator.error().text.find("does not allow") != std::string::npos);
  CHECK(p.asked == 0);
}

TEST_CASE("a hidden node may have a short name: it is in nobody's mesh, as erl_call is not") {
  policy p;
  auto hidden = node("c17@host");
  hidden.flags = flag::offered;
  auto a = handshake::connecting(hidden, "b@127.0.0.1", p);
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  const auto o = run(a, b);
  CHECK(o.acceptor);
  CHECK(b.done());
  CHECK(b.peer().hidden);
}

TEST_CASE("missing flags are named, and the OTP 25 digest stands for them") {
  policy p;
  for (const auto& [flags, missing] : {std::pair{flag::required & ~flag::map_tag, "MAP_TAG"},
                                       std::pair{flag::required & ~flag::utf8_atoms, "UTF8_ATOMS"}}) {
    auto b = handshake::accepting(node("b@127.0.0.1"), p);
    std::vector<std::uint8_t> in;
    hm::encode(in, hm::send_name{false, flags, 5, "a@127.0.0.1"});
    const auto fed = b.feed(in);
    REQUIRE_FALSE(fed);
    CHECK(fed.error().text.find(missing) != std::string::npos);
    CHECK(to_hex(b.output()) == "000c736e6f745f616c6c6f776564"); // not_allowed
  }
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  std::vector<std::uint8_t> in;
  hm::encode(in, hm::send_name{false, flag::mandatory_25_digest, 5, "a@127.0.0.1"});
  CHECK(b.feed(in));
}

TEST_CASE("simultaneous connects: nok and ok_simultaneous do what they say") {
  policy p;
  p.answer = hm::verdict::nok;
  auto a = handshake::connecting(node("a@127.0.0.1"), "b@127.0.0.1", p);
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  auto o = run(a, b);
  CHECK(o.acceptor.error().code == base::errc::exists);
  CHECK(o.initiator.error().code == base::errc::exists);

  p.answer = hm::verdict::ok_simultaneous;
  auto c = handshake::connecting(node("c@127.0.0.1"), "b@127.0.0.1", p);
  auto d = handshake::accepting(node("b@127.0.0.1"), p);
  o = run(c, d);
  CHECK(c.done());
  CHECK(d.done());
}

TEST_CASE("a peer said to be alive is replaced when it insists") {
  policy p;
  p.answer = hm::verdict::alive;
  auto a = handshake::connecting(node("a@127.0.0.1"), "b@127.0.0.1", p);
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  run(a, b);
  CHECK(a.done());
  CHECK(b.done());

  auto e = handshake::accepting(node("b@127.0.0.1"), p);
  std::vector<std::uint8_t> in;
  hm::encode(in, hm::send_name{false, flag::offered, 5, "a@127.0.0.1"});
  hm::encode_alive_answer(in, false);
  CHECK(e.feed(in).error().code == base::errc::exists);
}

TEST_CASE("what is no handshake is refused at once, and no peer may send without end") {
  struct row {
    const char* hex;
    base::errc code;
  };
  for (const row& r : {row{"474554202f", base::errc::invalid},                   // GET /
                       row{"0000", base::errc::invalid},                         // an empty message
                       row{"000178", base::errc::invalid},                       // unknown tag
                       row{"00034e0000", base::errc::invalid},                   // cut short
                       row{"000a6e0004078df7fb614062", base::errc::unsupported}, // version 4
                       row{"ffff", base::errc::invalid}}) {
    policy p;
    auto b = handshake::accepting(node("b@127.0.0.1"), p);
    const auto in = from_hex(r.hex);
    const auto fed = b.feed(in);
    REQUIRE_FALSE(fed);
    CHECK(fed.error().code == r.code);
  }
  policy p;
  p.answer = hm::verdict::alive;
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  std::vector<std::uint8_t> in;
  hm::encode(in, hm::send_name{false, flag::offered, 5, "b@127.0.0.1"});
  CHECK(b.feed(in).error().text.find("share a name") != std::string::npos);
}

TEST_CASE("a message that is not whole yet stays with the caller") {
  policy p;
  auto b = handshake::accepting(node("b@127.0.0.1"), p);
  const auto opening = from_hex(recorded::initiator_handshake[0]);
  for (std::size_t n = 0; n < opening.size(); ++n) CHECK(b.feed(std::span(opening).first(n)).value() == 0);
  CHECK(b.feed(opening).value() == opening.size());
}

TEST_CASE("over TLS each message has four bytes of length in front, as OTP's has") {
  policy p;
  auto a = handshake::connecting(node("a@127.0.0.1"), "b@127.0.0.1", p, length_prefix::four_bytes);
  auto b = handshake::accepting(node("b@127.0.0.1"), p, length_prefix::four_bytes);
  const auto opening = to_hex(a.output());
  CHECK(opening.starts_with("000000224e"));
  CHECK(a.output().size() == 4 + 34);
  const auto half = std::vector<std::uint8_t>(a.output().begin(), a.output().begin() + 3);
  CHECK(b.feed(half).value() == 0);
  SUBCASE("at once") {}
  SUBCASE("alive before") {
    p.answer = hm::verdict::alive;
  }
  const auto o = run(a, b);
  CHECK(o.initiator);
  CHECK(o.acceptor);
  CHECK(a.done());
  CHECK(b.done());
}

TEST_CASE("a length of four bytes is bounded as one of two is") {
  policy p;
  auto b = handshake::accepting(node("b@127.0.0.1"), p, length_prefix::four_bytes);
  const auto fed = b.feed(from_hex("00010000ff"));
  REQUIRE_FALSE(fed);
  CHECK(fed.error().code == base::errc::invalid);
}
