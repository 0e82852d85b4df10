// SPDX-License-Identifier: MIT
// The test of my_web, without a node: it greets, also over a reload, and answers no other method. It is
// linked with my_web.c; the kit is C++. Exits with the number of checks that failed.
#include <coppice/testing/web.hpp>

#include <cstdio>

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  const std::map<coppice::etf::atom, std::string> args{{coppice::etf::atom{"greeting"}, "good day"}};
  const web_request hello{.path = "/hello/you", .parameters = {{"name", "you"}}};

  actor first(plugin::linked(), {.args = args});
  const web_answer got = ask(first, hello);
  check(got.status() == 200 && got.body() == "good day, you\n", "it greets with args.greeting");
  check(got.header("content-type") == "text/plain; charset=utf-8", "as text");
  check(ask(first, {.method = "DELETE"}).status() == 405, "another method is refused");
  actor second = actor::restored(plugin::linked(), first.save());
  check(ask(second, hello).body() == "good day, you\n", "it goes on after a reload");
  check(second.call(atom("get")) == 2, "and knows how often it has greeted");

  saved_state unknown = second.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(first.did.complaints.empty() && second.did.complaints.empty(), "the rules of the ABI are kept");
  return failed;
}
