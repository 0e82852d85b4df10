// SPDX-License-Identifier: MIT
// Which addresses a range contains, and which a list allows.
#include "base/address_range.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace coppice::base {
namespace {

base::socket_address host(std::string_view text) {
  return base::socket_address::parse(text, 1234).value();
}
bool holds(std::string_view range, std::string_view address) {
  return address_range::parse(range).value().contains(host(address));
}
std::string refused(std::string_view text) {
  const auto read = address_range::parse(text);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == base::errc::invalid);
  return read.error().text;
}

} // namespace

TEST_CASE("a range holds what begins with its bits, at any length") {
  struct row {
    const char* range;
    const char* in;
    const char* out;
  };
  for (const row& one : {
           row{"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
           row{"10.128.0.0/9", "10.128.0.1", "10.127.255.255"},
           row{"192.168.7.4/30", "192.168.7.7", "192.168.7.8"},
           row{"192.168.7.4/31", "192.168.7.5", "192.168.7.6"},
           row{"192.168.7.4", "192.168.7.4", "192.168.7.5"},
           row{"192.168.7.4/32", "192.168.7.4", "192.168.7.5"},
           row{"0.0.0.0/0", "255.255.255.255", "::1"},
           row{"::1", "::1", "::2"},
           row{"fe80::/10", "febf::1", "fec0::1"},
           row{"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
           row{"::/0", "ffff::1", "1.2.3.4"},
       }) {
    CAPTURE(one.range);
    CHECK(holds(one.range, one.in));
    CHECK_FALSE(holds(one.range, one.out));
  }
}

TEST_CASE("an IPv4 address mapped into IPv6 is the IPv4 address, in ranges too") {
  CHECK(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK_FALSE(holds("10.0.0.0/8", "::ffff:11.1.2.3"));
  CHECK(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
  CHECK(holds("::ffff:10.0.0.0/104", "::ffff:10.1.2.3"));
  CHECK(address_range::parse("::ffff:10.0.0.0/104").value().to_string() == "10.0.0.0/8");
  CHECK_FALSE(holds("::/0", "::ffff:10.1.2.3"));
  CHECK(holds("::/96", "::10.1.2.3")); // not a mapped IPv4 address
}

TEST_CASE("a zone does not keep an address out of its range") {
  CHECK(holds("fe80::/10", "fe80::1%lo"));
}

TEST_CASE("what is no range is refused with what would be one") {
  const std::string none = ": no IP address, nor a range as 10.0.0.0/8 or fe80::/10";
  CHECK(refused("") == "''" + none);
  CHECK(refused("example.org") == "'example.org'" + none);
  CHECK(refused("10.0.0/8") == "'10.0.0/8'" + none);
  CHECK(refused("fe80::1%lo") == "'fe80::1%lo'" + none);
  CHECK(refused(" 10.0.0.1") == "' 10.0.0.1'" + none);
  CHECK(refused(std::string_view("10.0.0.1\0x", 10)).find(none) != std::string::npos);
  for (const char* length : {"33", "", "-1", "8 ", "+8", "0x8", "99999999999"}) {
    const std::string text = std::string("10.0.0.0/") + length;
    CHECK(refused(text) == "'" + text + "': behind the slash stands a number from 0 to 32");
  }
  CHECK(refused("::/129") == "'::/129': behind the slash stands a number from 0 to 128");
  CHECK(refused("10.0.0.1/8") == "'10.0.0.1/8': it has bits set behind its length; 10.0.0.0/8 has none");
  CHECK(refused("::1/127") == "'::1/127': it has bits set behind its length; ::/127 has none");
}

TEST_CASE("a list denies first, then lets in who is allowed, or everybody where nobody is named") {
  const auto list = [](std::vector<std::string> allow, std::vector<std::string> deny) {
    return access_list::parse(allow, deny).value();
  };
  CHECK(list({}, {}).permits(host("10.0.0.1")));
  CHECK(list({"10.0.0.0/8", "::1"}, {}).permits(host("::1")));
  CHECK_FALSE(list({"10.0.0.0/8"}, {}).permits(host("192.168.0.1")));
  CHECK_FALSE(list({}, {"10.0.0.0/8"}).permits(host("10.0.0.1")));
  CHECK(list({}, {"10.0.0.0/8"}).permits(host("192.168.0.1")));
  CHECK_FALSE(list({"10.0.0.0/8"}, {"10.0.0.1"}).permits(host("::ffff:10.0.0.1")));
  CHECK(list({"10.0.0.0/8"}, {"10.0.0.1"}).permits(host("10.0.0.2")));
}

TEST_CASE("a list with a mistake names it and where it stands") {
  const auto wrong = access_list::parse({"10.0.0.0/8"}, {"::1", "nowhere"});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().text == "deny: 'nowhere': no IP address, nor a range as 10.0.0.0/8 or fe80::/10");
}

} // namespace coppice::base
