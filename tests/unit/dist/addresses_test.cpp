// SPDX-License-Identifier: MIT
// Hosts of several addresses, at one of which the node listens. The system's getaddrinfo is replaced for the
// name two.test.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <netdb.h>

#include <string>
#include <string_view>

#include "cluster.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::process;

// two.test is at 127.0.0.2, and at 127.0.0.1.
extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  using function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (host == nullptr || std::string_view(host) != "two.test") return real(host, service, hints, found);
  const int code = real("127.0.0.2", service, hints, found);
  return code != 0 ? code : real("127.0.0.1", service, hints, &(*found)->ai_next);
}

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_b = "b@two.test";
constexpr const char* name_c = "c@two.test";

options with_route(const std::string& node, std::uint16_t port) {
  options made;
  made.routes.push_back({node, {}, port, {}, {}});
  return made;
}

} // namespace

TEST_CASE("a node is found at the address of its host at which it listens") {
  epmd_server epmd;
  cluster_node b(epmd, name_b);
  cluster_node a(epmd, name_a, with_route(name_b, b.port));
  const actor there(b.host, {.name = "there"});
  const actor here(a.host);
  here.run([&](process& self) {
    self.send(a.see(b, "there"), number(7));
    return 0;
  });
  CHECK(value_of(there.next()) == 7);
  CHECK(a.peer(name_b).address == loopback(b.port).to_string());
}

TEST_CASE("a host of several addresses at which nothing listens is named by the first") {
  constexpr std::uint16_t nobodys = 1;
  epmd_server epmd;
  cluster_node a(epmd, name_a, with_route(name_c, nobodys));
  const actor here(a.host);
  const auto ref = here.run([](process& self) { return self.make_alias(); });
  a.router.connect(*a.host.nodes().intern(name_c), ref);
  const auto answer = here.next();
  etf::cursor at(answer.bytes());
  bool connected = true;
  CHECK((at.read_tuple_of(2) && at.skip() && at.read_bool(connected)));
  CHECK_FALSE(connected);
  CHECK(a.peer(name_c).last_error.find("127.0.0.2:1") != std::string::npos);
}
