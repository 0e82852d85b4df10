// SPDX-License-Identifier: MIT
// Tests of the TLS files that actors name, which are read once for all actors and kept for a bounded number
// of names. Also of streams on their way to a process, which wait for that process for a bounded time.
#include "behaviours/streams/stream_loop.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <uv.h>

#include <array>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "behaviours/streams/tcp_counters.hpp"
#include "held_clock.hpp"
#include "net/loop_until.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/tls.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using behaviours::stream_loop;
using behaviours::stream_tls;

namespace {

// Certificate files for actors that connect.
class shelf {
 public:
  shelf() {
    REQUIRE(net::tls::initialise());
    const auto authority = net::make_authority(base::wall_now()).value();
    made_ = net::issue_leaf(authority, {"127.0.0.1"}, base::wall_now()).value();
  }
  // Writes files of that name, and returns the options that name them.
  stream_tls shown(const std::string& name) const {
    stream_tls out = named(name);
    folder_.write(name + ".pem", made_.certificate);
    folder_.write(name + "-key.pem", made_.key);
    return out;
  }
  stream_tls named(const std::string& name) const {
    stream_tls out;
    out.files.certificate = folder_.file(name + ".pem");
    out.files.key = folder_.file(name + "-key.pem");
    return out;
  }

 private:
  test::temporary_folder folder_;
  net::certificate_pair made_;
};

} // namespace

TEST_CASE("the same files give the same context, until so many others were named that all are read anew") {
  const shelf in;
  auto loop = base::uv::loop::make().value();
  stream_loop& at = stream_loop::of(loop.raw());
  const auto first = at.tls(in.shown("first")).value().context;
  const auto again = [&] { return at.tls(in.named("first")).value().context; };
  CHECK(again() == first);
  for (std::size_t i = 1; i < stream_loop::most_sources; ++i)
    CHECK(at.tls(in.shown("other" + std::to_string(i))).has_value());
  CHECK(again() == first);
  CHECK(at.tls(in.shown("one more")).has_value());
  CHECK(again() != first);
}

TEST_CASE("files that are not there leave nothing, and are read once they are") {
  const shelf in;
  auto loop = base::uv::loop::make().value();
  stream_loop& at = stream_loop::of(loop.raw());
  CHECK(at.tls(in.named("late")).error().code == base::errc::not_found);
  CHECK(at.tls(in.shown("late")).has_value());
}

namespace {

using namespace std::chrono_literals;

// A connection that takes the only place of its listener, in a parcel that no process has taken.
struct given_connection {
  given_connection() {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    client = base::unique_fd(ends[0]);
    behaviours::accepted_stream stream;
    stream.socket.fd = base::unique_fd(ends[1]);
    stream.socket.slot = net::connection_slot({}, limit.enter("the client", entered));
    stream.counters = counters;
    parcel = stream_loop::of(loop.raw()).parcel(std::move(stream));
  }
  bool ended() const {
    char byte = 0;
    return recv(client.get(), &byte, 1, 0) == 0;
  }

  base::uv::loop loop = base::uv::loop::make().value();
  const std::uint64_t entered = uv_now(loop.raw());
  net::connection_limit limit{1};
  std::shared_ptr<behaviours::tcp_counters> counters = std::make_shared<behaviours::tcp_counters>();
  base::unique_fd client;
  std::unique_ptr<behaviours::stream_parcel> parcel;
};

} // namespace

TEST_CASE("a connection that its process does not take is closed in time" *
          doctest::skip(!test::can_hold_clock())) {
  test::held_clock clock;
  given_connection one;
  clock.advance(stream_loop::take_time - 1s);
  uv_run(one.loop.raw(), UV_RUN_NOWAIT);
  CHECK_FALSE(one.ended());
  CHECK(one.limit.full());
  clock.advance(2s);
  CHECK(test::loop_until(one.loop, [&] { return one.ended(); }));
  CHECK_FALSE(one.limit.full());
  CHECK(one.counters->failed.value() == 1);
  CHECK_FALSE(one.parcel->stream->take());
}

TEST_CASE("a connection that its process has taken goes on" * doctest::skip(!test::can_hold_clock())) {
  test::held_clock clock;
  given_connection one;
  const auto taken = one.parcel->stream->take();
  REQUIRE(taken);
  clock.advance(stream_loop::take_time + 1s);
  uv_run(one.loop.raw(), UV_RUN_NOWAIT);
  CHECK_FALSE(one.ended());
  CHECK(one.limit.full());
}

TEST_CASE("a connection that waits for its process makes room for a newcomer") {
  given_connection one;
  const std::uint64_t now = one.entered;
  const auto quiet = static_cast<std::uint64_t>(net::connection_limit::quiet_enough.count());
  CHECK_FALSE(one.limit.make_room(now + quiet - 1));
  CHECK(one.limit.make_room(now + quiet + 200));
  CHECK(one.ended());
  CHECK_FALSE(one.limit.full());
}

TEST_CASE("a connection that waits for its process and has said something makes no room" *
          doctest::skip(!test::can_hold_clock())) {
  test::held_clock clock;
  given_connection one;
  CHECK(send(one.client.get(), "x", 1, 0) == 1);
  clock.advance(net::connection_limit::quiet_enough + 1s);
  uv_update_time(one.loop.raw());
  CHECK(one.limit.make_room(uv_now(one.loop.raw())));
  CHECK_FALSE(one.ended());
  CHECK(one.limit.full());
  CHECK_FALSE(one.limit.make_room(uv_now(one.loop.raw())));
  // The connection can still be taken, for a bounded time.
  clock.advance(stream_loop::take_time);
  CHECK(test::loop_until(one.loop, [&] { return !one.limit.full(); }));
  CHECK(one.counters->failed.value() == 1);
}
