// SPDX-License-Identifier: MIT
// Compressed frames ("envelopes"): they decompress to what they were made of, small or incompressible frames
// are sent as they are, and wrong envelopes are refused.
#include "dist/compression.hpp"

#include <doctest/doctest.h>
#include <lz4.h>

#include <string>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "dist/handshake_message.hpp"
#include "dist/unpacker.hpp"
#include "hex.hpp"
#include "recorded_otp25.hpp"

using namespace coppice;
using namespace coppice::dist;

namespace {

std::vector<std::uint8_t> bytes_of(std::span<const std::uint8_t> from) {
  return {from.begin(), from.end()};
}

// The bytes of an envelope without its length field. `size`: the uncompressed size that it states.
std::vector<std::uint8_t> envelope(std::uint32_t size, const std::string& content) {
  std::vector<std::uint8_t> out(
      6 + static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(content.size()))));
  out[0] = 131;
  out[1] = 76;
  base::store_be32(out.data() + 2, size);
  const int made = LZ4_compress_default(content.data(), reinterpret_cast<char*>(out.data() + 6),
                                        static_cast<int>(content.size()), static_cast<int>(out.size() - 6));
  out.resize(6 + static_cast<std::size_t>(made));
  return out;
}

} // namespace

TEST_CASE("a frame comes out of its envelope as it went in, at every level") {
  const std::string head = "the head of a frame ";
  std::string payload;
  while (payload.size() < fragment_size) payload += "repetition " + std::to_string(payload.size() / 100);
  for (const std::uint32_t level : {1u, 2u, 3u, 9u, 12u}) {
    CAPTURE(level);
    compressor out({0, 1024});
    decompressor in;
    const auto wrapped = out.wrap(base::as_bytes(head), base::as_bytes(payload), level);
    REQUIRE_FALSE(wrapped.empty());
    CHECK(wrapped.size() < payload.size() / 4);
    CHECK(base::load_be32(wrapped.data()) == wrapped.size() - 4);
    const auto inside = in.unwrap(wrapped.subspan(4));
    REQUIRE(inside);
    CHECK(base::as_text(*inside) == head + payload);
  }
}

TEST_CASE("what is below the threshold goes as it is, by the node's or by the sender's own") {
  using runtime::sent_compressed;
  const compressor node({3, 1024});
  const auto level = [](const compressor& by, std::size_t bytes, sent_compressed own) {
    return by.level_for(bytes, own.choice_for(bytes));
  };
  CHECK(level(node, 1023, {}) == 0);
  CHECK(level(node, 1024, {}) == 3);
  CHECK(level(node, 100, sent_compressed::at(9, 100)) == 9);
  CHECK(level(node, 99, sent_compressed::at(9, 100)) == 0);
  CHECK(level(node, 1 << 20, sent_compressed::at(0, 100)) == 0);
  CHECK(level(node, 1024, sent_compressed::at(12, UINT64_MAX)) == 0);
  const compressor off({0, 0});
  CHECK(level(off, 1 << 20, {}) == 0);
  CHECK(level(off, 1 << 20, sent_compressed::at(1, 0)) == 1);
  CHECK(off.least() == SIZE_MAX);
  CHECK(node.least() == 1024);
}

TEST_CASE("what hardly gets smaller or is too long goes as it is") {
  compressor out({0, 1024});
  std::vector<std::uint8_t> noise(4096);
  base::random_bytes(noise);
  CHECK(out.wrap({}, noise, 1).empty());
  CHECK(out.wrap({}, std::vector<std::uint8_t>(max_enveloped + 1), 1).empty());
  CHECK_FALSE(out.wrap({}, std::vector<std::uint8_t>(max_enveloped), 1).empty());
}

TEST_CASE("a lying or damaged envelope is refused, whatever it says") {
  const std::string content(1000, 'x');
  decompressor in;
  REQUIRE(in.unwrap(envelope(1000, content)));
  CHECK_FALSE(in.unwrap(envelope(999, content)));
  CHECK_FALSE(in.unwrap(envelope(1001, content)));
  CHECK_FALSE(in.unwrap(envelope(0, content)));
  CHECK_FALSE(in.unwrap(envelope(UINT32_MAX, content)));
  CHECK_FALSE(in.unwrap(envelope(max_enveloped + 1, std::string(max_enveloped + 1, 'x'))));
  auto whole = envelope(1000, content);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(in.unwrap(std::span<const std::uint8_t>(whole).first(size)));
  }
}

TEST_CASE("a frame in an envelope is taken as the frame is, and only where it was agreed on") {
  const auto frame = from_hex(recorded::initiator_frames[0]);
  const auto wrapped = envelope(static_cast<std::uint32_t>(frame.size()), std::string(base::as_text(frame)));
  unpacker plain({});
  const auto refused = plain.take(wrapped);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text == "a compressed frame where none was agreed on");
  unpacker agreed({}, handshake_message::capability::lz4);
  const auto taken = agreed.take(wrapped);
  REQUIRE(taken);
  REQUIRE(*taken);
  CHECK((*taken)->control.what == unpacker({}).take(frame).value()->control.what);
}

TEST_CASE("an envelope inside an envelope ends the connection") {
  const auto frame = from_hex(recorded::initiator_frames[0]);
  const auto once = envelope(static_cast<std::uint32_t>(frame.size()), std::string(base::as_text(frame)));
  const auto twice = envelope(static_cast<std::uint32_t>(once.size()), std::string(base::as_text(once)));
  CHECK_FALSE(unpacker({}, handshake_message::capability::lz4).take(twice));
}

TEST_CASE("capabilities stand behind the name, and other bytes there mean nothing") {
  namespace hm = handshake_message;
  std::vector<std::uint8_t> out;
  hm::encode(out, hm::send_name{false, 1, 2, "a@b", hm::capability::lz4});
  const std::span<const std::uint8_t> body = std::span<const std::uint8_t>(out).subspan(2);
  CHECK(hm::decode_send_name(body).value().capabilities == hm::capability::lz4);
  CHECK(hm::decode_send_name(body.first(body.size() - 1)).value().capabilities == 0);
  auto strange = bytes_of(body);
  strange[strange.size() - 8] ^= 1;
  CHECK(hm::decode_send_name(strange).value().capabilities == 0);
  CHECK(hm::decode_send_name(strange).value().name == "a@b");
  std::vector<std::uint8_t> silent;
  hm::encode(silent, hm::challenge{1, 2, 3, "a@b"});
  CHECK(silent.size() == 2 + 1 + 8 + 4 + 4 + 2 + 3);
  CHECK(hm::decode_challenge(std::span<const std::uint8_t>(silent).subspan(2)).value().capabilities == 0);
}
