// SPDX-License-Identifier: MIT
// The test of my_udp, without a node: datagrams are answered and counted, also over a reload. Exits with the
// number of checks that failed.
#include <coppice/testing/net.hpp>

#include <cstdio>

#include "my_udp.cpp"

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  actor first(plugin::linked());
  udp_peer client(first);
  client.send("hello").send("you");
  check(client.take() == std::vector<std::string>{"hello", "you"}, "a datagram is answered with its bytes");
  actor second = actor::restored(plugin::linked(), first.save());
  check(second.call(atom("get")) == 2, "how many came survives a reload");

  saved_state unknown = second.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(first.did.complaints.empty() && second.did.complaints.empty(), "the rules of the ABI are kept");
  return failed;
}
