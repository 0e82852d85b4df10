// SPDX-License-Identifier: MIT
// PROXY headers of both versions: whole, in pieces, malformed and too long.
#include "net/stream/proxy_header.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace coppice::net {
namespace {

using namespace std::string_literals;

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string v2(char command, char family, const std::string& body) {
  return signature + command + family + static_cast<char>(body.size() >> 8) + static_cast<char>(body.size()) +
         body;
}

const std::string tcp4_body = "\x0a\0\0\x01\xc0\xa8\0\x07\x12\x34\0\x50"s;
const std::string tcp6_body = std::string(15, '\0') + '\1' + std::string(15, '\0') + '\2' + "\x12\x34\0\x50"s;

// Reads the whole header. Each shorter part of it is incomplete, and bytes after it change nothing.
proxy_header read_whole(const std::string& text, proxy_version allowed = proxy_version::either) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto part = read_proxy_header(base::as_bytes(text).first(i), allowed);
    REQUIRE(part);
    CHECK_FALSE(part->has_value());
  }
  const auto exact = read_proxy_header(base::as_bytes(text), allowed);
  REQUIRE(exact);
  REQUIRE(exact->has_value());
  CHECK((*exact)->consumed == text.size());
  const auto more = read_proxy_header(base::as_bytes(text + "GET / HTTP/1.1\r\n\r\n"), allowed);
  REQUIRE(more);
  REQUIRE(more->has_value());
  CHECK((*more)->consumed == text.size());
  return **more;
}

std::string refused(const std::string& text, proxy_version allowed = proxy_version::either) {
  const auto seen = read_proxy_header(base::as_bytes(text), allowed);
  REQUIRE_FALSE(seen);
  CHECK(seen.error().code == base::errc::invalid);
  return seen.error().text;
}

void check_unnamed(const proxy_header& seen) {
  CHECK_FALSE(seen.source);
  CHECK_FALSE(seen.destination);
}

} // namespace

TEST_CASE("a line of version 1 tells the client's address and the one it came to") {
  const auto v4 = read_whole("PROXY TCP4 10.0.0.1 192.168.0.7 4660 80\r\n");
  CHECK(v4.source->to_string() == "10.0.0.1:4660");
  CHECK(v4.destination->to_string() == "192.168.0.7:80");
  CHECK_FALSE(v4.local);
  const auto v6 = read_whole("PROXY TCP6 ::1 2001:DB8::2 65535 0\r\n");
  CHECK(v6.source->to_string() == "[::1]:65535");
  CHECK(v6.destination->to_string() == "[2001:db8::2]:0");
}

TEST_CASE("UNKNOWN of version 1 leaves the connection's own addresses, whatever stands behind") {
  check_unnamed(read_whole("PROXY UNKNOWN\r\n"));
  const std::string longest =
      "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
  REQUIRE(longest.size() == 107);
  check_unnamed(read_whole(longest));
}

TEST_CASE("a malformed line of version 1 is refused in words") {
  for (const char* line :
       {"TCP4 10.0.0.1 192.168.0.7 4660\r\n", "TCP4 10.0.0.1 192.168.0.7 4660 80 \r\n",
        "TCP4 10.0.0.1  192.168.0.7 4660 80\r\n", "TCP4 10.0.0.1 192.168.0.7 4660 65536\r\n",
        "TCP4 10.0.0.1 192.168.0.7 04660 80\r\n", "TCP4 10.0.0.1 192.168.0.7 -1 80\r\n",
        "TCP4 10.0.0.01 192.168.0.7 1 80\r\n", "TCP4 10.0.1 192.168.0.7 1 80\r\n", "TCP4 ::1 ::1 1 80\r\n",
        "TCP6 10.0.0.1 192.168.0.7 1 80\r\n", "TCP6 fe80::1%lo ::1 1 80\r\n", "TCP6 [::1] ::1 1 80\r\n",
        "TCP4\r\n", "TCP4 10.0.0.1 192.168.0.7 1 80\r\r\n"}) {
    CAPTURE(line);
    const std::string why = refused("PROXY "s + line);
    CHECK(why.find("wants two addresses and two ports, and has") != std::string::npos);
  }
  CHECK(refused("PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n") ==
        "PROXY header: neither TCP4, TCP6 nor UNKNOWN but 'UDP4'");
  CHECK(refused("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 1\r\n"s) == "PROXY header: a zero byte in its line");
  CHECK(refused("PROXY UNKNOWN" + std::string(107 - 13, 'x')) ==
        "PROXY header: no end of its line within 107 bytes");
  // The line's end has to be within the bound, too.
  CHECK(refused("PROXY UNKNOWN" + std::string(107 - 13 - 1, 'x') + "\r\n") ==
        "PROXY header: no end of its line within 107 bytes");
}

TEST_CASE("version 2 tells addresses of IPv4 and IPv6, and what it appends is skipped") {
  const auto v4 = read_whole(v2(0x21, 0x11, tcp4_body));
  CHECK(v4.source->to_string() == "10.0.0.1:4660");
  CHECK(v4.destination->to_string() == "192.168.0.7:80");
  CHECK_FALSE(v4.local);
  const auto v6 = read_whole(v2(0x21, 0x21, tcp6_body));
  CHECK(v6.source->to_string() == "[::1]:4660");
  CHECK(v6.destination->to_string() == "[::2]:80");
  const auto appended = read_whole(v2(0x21, 0x11, tcp4_body + "\x04\0\x03xyz"s));
  CHECK(appended.source->to_string() == "10.0.0.1:4660");
}

TEST_CASE("version 2 without addresses, of a Unix-domain socket or of the proxy itself names nobody") {
  check_unnamed(read_whole(v2(0x21, 0x00, "")));
  check_unnamed(read_whole(v2(0x21, 0x00, "anything")));
  check_unnamed(read_whole(v2(0x21, 0x31, std::string(216, 'p'))));
  for (const char family : {'\x00', '\x11', '\x12', '\x55'}) {
    const auto local = read_whole(v2(0x20, family, tcp4_body));
    CHECK(local.local);
    check_unnamed(local);
  }
}

TEST_CASE("a malformed header of version 2 is refused in words, as soon as it can be told") {
  CHECK(refused(signature + '\x11') == "PROXY header: version 1 is not known");
  CHECK(refused(signature + '\x22') == "PROXY header: command 2 is not known");
  CHECK(refused(v2(0x21, 0x12, tcp4_body)) == "PROXY header: family and transport 0x12 are not served");
  CHECK(refused(v2(0x21, 0x11, "short")) == "PROXY header: 5 bytes of addresses, and 12 are needed");
  CHECK(refused(v2(0x21, 0x21, tcp4_body)) == "PROXY header: 12 bytes of addresses, and 36 are needed");
  CHECK(refused(v2(0x21, 0x31, std::string(215, 'p'))) ==
        "PROXY header: 215 bytes of addresses, and 216 are needed");
}

TEST_CASE("version 2 may append whatever it likes, as long as its length can say") {
  const auto tlv = [](char type, const std::string& value) {
    return type + ""s + static_cast<char>(value.size() >> 8) + static_cast<char>(value.size()) + value;
  };
  for (const std::size_t size : {497, 1200, 2000}) {
    const auto appended = read_whole(v2(0x21, 0x11, tcp4_body + tlv(0x20, std::string(size, 'c'))));
    CHECK(appended.source->to_string() == "10.0.0.1:4660");
  }
  const std::string longest = v2(0x21, 0x11, tcp4_body + std::string(0xffff - tcp4_body.size(), '\xff'));
  REQUIRE(longest.size() == longest_proxy_header);
  CHECK(read_proxy_header(base::as_bytes(longest)).value()->consumed == longest_proxy_header);
  CHECK_FALSE(*read_proxy_header(base::as_bytes(longest).first(longest.size() - 1)));
  check_unnamed(read_whole(v2(0x20, 0, tlv(0x20, std::string(1200, 'c')))));
}

TEST_CASE("a checksum of version 2 is held against the header, wherever it stands") {
  // The CRC32C of the header, with zeros in place of the checksum, as HAProxy computes it.
  const std::string unique = "\x05\0\x02id"s;
  const auto with = [&](const std::string& sum) {
    return v2(0x21, 0x11, tcp4_body + unique + "\x03\0"s + static_cast<char>(sum.size()) + sum + unique);
  };
  const std::string right = "\xe4\x6d\x1f\x2f"s;
  CHECK(read_whole(with(right)).source->to_string() == "10.0.0.1:4660");
  for (const std::string& wrong : {std::string(4, '\0'), right.substr(0, 3), right + "x"})
    CHECK(refused(with(wrong)) == "PROXY header: its checksum (CRC32C) is wrong");
  // In a connection of the proxy itself (LOCAL), the checksum is skipped.
  check_unnamed(read_whole(v2(0x20, 0x11, tcp4_body + "\x03\0\x04"s + std::string(4, '\0'))));
}

TEST_CASE("who begins without a header is refused at the first byte that shows it") {
  CHECK(refused("G") == "PROXY header: there is none: the connection begins with 'G'");
  CHECK(refused("PROXZ").find("there is none") != std::string::npos);
  CHECK(refused("proxy TCP4").find("there is none") != std::string::npos);
  CHECK(refused("\r\n\r\n\1").find("there is none") != std::string::npos);
}

TEST_CASE("only the version that is wanted is taken") {
  const std::string line = "PROXY UNKNOWN\r\n";
  const std::string binary = v2(0x20, 0, "");
  read_whole(line, proxy_version::v1);
  read_whole(binary, proxy_version::v2);
  CHECK(refused(line, proxy_version::v2) == "PROXY header: it is of version 1, and version 2 is wanted");
  CHECK(refused(binary, proxy_version::v1) == "PROXY header: it is of version 2, and version 1 is wanted");
}

} // namespace coppice::net
