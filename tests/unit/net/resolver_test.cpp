// SPDX-License-Identifier: MIT
// Hosts that do not exist, or whose name server does not answer: their look-ups do not delay others, and are
// not repeated at once. The system's getaddrinfo is replaced for names that end in .test.
#include "net/stream/resolver.hpp"

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <netdb.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/uv.hpp"
#include "held_clock.hpp"
#include "loop_until.hpp"

namespace {

// Runs before libuv creates its pool, whichever test comes first.
[[maybe_unused]] const bool pool_has_its_size = (coppice::net::size_lookup_pool(), true);

// The name servers of .test. For names that begin with `slow`, they answer after answer(true). They know no
// host.
struct name_server {
  std::mutex lock;
  std::condition_variable changed;
  std::map<std::string, int> asked;
  bool answers = false;

  int look_up(const std::string& host) {
    std::unique_lock guard(lock);
    ++asked[host];
    changed.notify_all();
    if (host.starts_with("slow")) changed.wait(guard, [this] { return answers; });
    return EAI_NONAME;
  }
  // Returns when `host` has been asked for. No loop is woken by that.
  void await(const std::string& host) {
    std::unique_lock guard(lock);
    changed.wait(guard, [&] { return asked[host] > 0; });
  }
  int times(const std::string& host) {
    const std::lock_guard guard(lock);
    return asked[host];
  }
  void answer(bool now) {
    const std::lock_guard guard(lock);
    answers = now;
    changed.notify_all();
  }
};

name_server& servers() {
  static name_server all;
  return all;
}

} // namespace

extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  using function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (host != nullptr && std::string_view(host).ends_with(".test")) return servers().look_up(host);
  return real(host, service, hints, found);
}

namespace coppice::net {
using test::loop_until;

namespace {

// A look-up and its result.
struct asked {
  asked(base::uv::loop& loop, const std::string& host, lookup_cause cause, std::uint32_t by = 0)
      : under_way(resolution::start(
                      loop.raw(), host, 1, cause,
                      [this](auto found) {
                        done = true;
                        if (!found) why = found.error().text;
                      },
                      by)
                      .value()) {}
  bool done = false;
  std::string why;
  resolution under_way;
};

} // namespace

TEST_CASE("look-ups for others take turns, and hold up none of the node's own") {
  auto loop = base::uv::loop::make().value();
  servers().answer(false);
  std::vector<std::unique_ptr<asked>> slow;
  for (int i = 0; i < 8; ++i)
    slow.push_back(std::make_unique<asked>(loop, "slow" + std::to_string(i) + ".test", lookup_cause::others));
  servers().await("slow0.test");
  asked own(loop, "own.test", lookup_cause::own);
  CHECK(loop_until(loop, [&] { return own.done; }));
  CHECK(own.why.find("own.test") != std::string::npos);
  CHECK_FALSE(slow[0]->done);
  CHECK(servers().times("slow1.test") == 0);
  slow[1].reset(); // it waits, and slow[0] is in progress: both are given up
  slow[0].reset();
  servers().answer(true);
  CHECK(loop_until(loop, [&] {
    return std::all_of(slow.begin() + 2, slow.end(), [](const auto& one) { return one->done; });
  }));
  CHECK(servers().times("slow1.test") == 0);
}

TEST_CASE(
    "what actors and what others made the node look up are two lines, and neither is in the other's way") {
  auto loop = base::uv::loop::make().value();
  servers().answer(false);
  asked of_actor(loop, "slow.line1.test", lookup_cause::actor);
  servers().await("slow.line1.test");
  asked behind(loop, "own.line2.test", lookup_cause::actor);
  asked of_others(loop, "gone.line3.test", lookup_cause::others);
  CHECK(loop_until(loop, [&] { return of_others.done; }));
  CHECK_FALSE(behind.done);
  CHECK(servers().times("own.line2.test") == 0);
  servers().answer(true);
  CHECK(loop_until(loop, [&] { return of_actor.done && behind.done; }));
}

TEST_CASE("hosts that one node has named leave a place for those that another one names") {
  auto loop = base::uv::loop::make().value();
  servers().answer(false);
  std::vector<std::unique_ptr<asked>> slow;
  for (int i = 0; i < 4; ++i)
    slow.push_back(
        std::make_unique<asked>(loop, "slow.named" + std::to_string(i) + ".test", lookup_cause::others, 1));
  servers().await("slow.named0.test");
  asked of_other(loop, "gone.named.test", lookup_cause::others, 2);
  CHECK(loop_until(loop, [&] { return of_other.done; }));
  CHECK(servers().times("slow.named1.test") == 0);
  slow.erase(slow.begin() + 1); // a look-up that waits is given up
  servers().answer(true);
  CHECK(
      loop_until(loop, [&] { return std::ranges::all_of(slow, [](const auto& one) { return one->done; }); }));
  CHECK(servers().times("slow.named1.test") == 0);
}

TEST_CASE("hosts that actors connect to are looked up some at a time, and hold up none of the node's own") {
  auto loop = base::uv::loop::make().value();
  servers().answer(false);
  std::vector<std::unique_ptr<asked>> slow;
  for (int i = 0; i < 6; ++i)
    slow.push_back(
        std::make_unique<asked>(loop, "slow.dialled" + std::to_string(i) + ".test", lookup_cause::dialled));
  for (int i = 0; i < 4; ++i) servers().await("slow.dialled" + std::to_string(i) + ".test");
  asked own(loop, "own.dialled.test", lookup_cause::own);
  CHECK(loop_until(loop, [&] { return own.done; }));
  CHECK(servers().times("slow.dialled4.test") == 0);
  servers().answer(true);
  CHECK(
      loop_until(loop, [&] { return std::ranges::all_of(slow, [](const auto& one) { return one->done; }); }));
}

TEST_CASE("a host that was not found is asked for again only after a while") {
  test::held_clock clock;
  auto loop = base::uv::loop::make().value();
  const auto look_up = [&] {
    asked one(loop, "gone.test", lookup_cause::own);
    CHECK(loop_until(loop, [&] { return one.done; }));
    return one.why;
  };
  const std::string first = look_up();
  CHECK(servers().times("gone.test") == 1);
  CHECK(look_up().starts_with(first));
  CHECK(servers().times("gone.test") == 1);
  if (!test::can_hold_clock()) return;
  clock.advance(failed_for);
  CHECK(look_up() == first);
  CHECK(servers().times("gone.test") == 2);
}

TEST_CASE("a host whose name server was waited for in vain is not waited for again until that answers" *
          doctest::skip(!test::can_hold_clock())) {
  test::held_clock clock;
  auto loop = base::uv::loop::make().value();
  servers().answer(false);
  {
    const asked first(loop, "slow.vain.test", lookup_cause::own);
    servers().await("slow.vain.test");
    clock.advance(std::chrono::seconds(2));
  }
  asked again(loop, "slow.vain.test", lookup_cause::own);
  CHECK(loop_until(loop, [&] { return again.done; }));
  CHECK(servers().times("slow.vain.test") == 1);
  servers().answer(true);
  loop.run();
  clock.advance(failed_for);
  asked last(loop, "slow.vain.test", lookup_cause::own);
  CHECK(loop_until(loop, [&] { return last.done; }));
  CHECK(servers().times("slow.vain.test") == 2);
}

TEST_CASE("many hosts that were not found take bounded room, and the last of them are known") {
  auto loop = base::uv::loop::make().value();
  const auto look_up = [&](const std::string& host) {
    asked one(loop, host, lookup_cause::own);
    CHECK(loop_until(loop, [&] { return one.done; }));
  };
  for (std::size_t i = 0; i < failed_hosts_remembered + 100; ++i) look_up(std::to_string(i) + ".many.test");
  const std::string last = std::to_string(failed_hosts_remembered + 99) + ".many.test";
  look_up(last);
  CHECK(servers().times(last) == 1);
}

} // namespace coppice::net
