// SPDX-License-Identifier: MIT
// Tests of one stream of an actor over loopback, with the test's callbacks: what a callback may do to its
// stream, and what happens to the bytes that the callback was lent.
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "behaviours/streams/actor_stream.hpp"
#include "held_clock.hpp"
#include "net/tls_pair.hpp"

using namespace coppice;
using behaviours::actor_stream;
using behaviours::stream_end;
using behaviours::stream_options;
using runtime::outcome;

namespace {

net::framing lines() {
  net::framing out;
  out.by = net::framing::kind::line;
  return out;
}

std::string text_of(const runtime::message& bytes) {
  return std::string(base::as_text(bytes.bytes()));
}

// An actor with one stream, and its peer.
struct both_ends final : actor_stream::owner, behaviours::stream_callbacks {
  explicit both_ends(const stream_options& chosen = {}) : options(std::make_shared<stream_options>(chosen)) {
    at_peer.keep_after_end = true;
  }
  void open() {
    begin();
    REQUIRE(until([&] { return at_peer.connected && told == "connect;"; }));
    told.clear();
  }
  void begin() {
    listening = net::listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                                   [this](net::accepted_socket socket) {
                                     make();
                                     const auto secured =
                                         secures ? tls(net::tls_role::server) : net::tls_options();
                                     REQUIRE(stream->adopt(std::move(socket), secured, true));
                                   })
                    .value();
    net::connect_options how;
    if (secures) how.tls = tls(net::tls_role::client);
    peer = net::stream::connect(loop.raw(), listening.address(), how, at_peer).value();
  }
  void make() { stream = std::make_unique<actor_stream>(1, *this, loop.raw(), options); }

  bool until(const std::function<bool()>& holds) {
    return test::loop_until(loop, [&] {
      turn();
      return holds();
    });
  }
  // Runs the actor's turns as long as the stream has something for it.
  void turn() {
    while (std::exchange(is_due, false)) {
      unsigned budget = 64;
      outcome next = runtime::carry_on();
      stream->handle(*this, budget, next);
    }
  }
  net::tls_options tls(net::tls_role role) {
    return {context(role, net::our_authority().settings()), &behaviours::stream_loop::of(loop.raw()).pacer(),
            role == net::tls_role::client ? "127.0.0.1" : "", std::chrono::milliseconds(7000)};
  }

  void due(actor_stream&) override { is_due = true; }
  outcome tell(const std::string& what) {
    told += what + ";";
    if (const auto then = when.find(what); then != when.end()) then->second();
    return runtime::carry_on();
  }
  outcome on_connect(actor_stream&) override { return tell("connect"); }
  outcome on_frame(actor_stream&, const runtime::message& frame) override { return tell(text_of(frame)); }
  outcome on_data(actor_stream&, const runtime::message& data, std::size_t& used) override {
    if (data.size() < least) return used = 0, runtime::carry_on();
    outcome next = tell(text_of(data).substr(0, shown));
    used = std::min(used, uses);
    return next;
  }
  outcome on_eof(actor_stream&) override { return tell("eof"); }
  outcome on_drained(actor_stream&) override { return tell("drained"); }
  outcome on_secured(actor_stream&) override {
    least = 1, uses = shown = std::string::npos;
    return tell("secured");
  }
  outcome on_close(actor_stream&, stream_end how, const std::string&) override {
    return tell("close " + std::string(behaviours::text(how)));
  }

  base::uv::loop loop = base::uv::loop::make().value();
  std::shared_ptr<stream_options> options;
  test::recorder at_peer;
  net::listener listening;
  net::stream peer;
  std::unique_ptr<actor_stream> stream;
  bool secures = false; // by TLS, from the beginning
  bool is_due = false;
  std::string told;
  std::map<std::string, std::function<void()>> when; // called by the callback that notes this text
  // on_data waits until it has `least` bytes, uses `uses` of them, and notes `shown` of them.
  std::size_t least = 1, uses = std::string::npos, shown = std::string::npos;
};

} // namespace

TEST_CASE("TLS that a server starts inside on_data begins behind the bytes which that has used") {
  both_ends both;
  both.open();
  const std::string order = "STARTTLS\r\n";
  both.shown = both.uses = order.size();
  std::string in_the_clear;
  SUBCASE("nothing has come behind them") {
    in_the_clear = "go\r\n";
    both.at_peer.after_data = [&] {
      if (both.at_peer.received == in_the_clear) both.peer.start_tls(both.tls(net::tls_role::client));
    };
    both.peer.write(order);
  }
  SUBCASE("the client's hello came with them") {
    both.least = order.size() + 100;
    both.peer.write(order);
    both.peer.start_tls(both.tls(net::tls_role::client));
  }
  both.when[order] = [&] {
    both.stream->write(base::as_bytes(in_the_clear));
    CHECK(both.stream->start_tls(both.tls(net::tls_role::server)));
    both.stream->write(base::as_bytes(std::string_view("sealed")));
  };
  REQUIRE(both.until([&] { return both.told.find("secured;") != std::string::npos; }));
  both.peer.write("under TLS");
  REQUIRE(both.until([&] { return both.at_peer.received == in_the_clear + "sealed"; }));
  REQUIRE(both.until([&] { return both.told.ends_with("under TLS;"); }));
  CHECK(both.told == order + ";secured;under TLS;");
  CHECK(both.stream->tls_version() == "1.3");
}

TEST_CASE("TLS that a client starts inside on_data begins there, as PostgreSQL's does") {
  both_ends both;
  both.open();
  both.when["S"] = [&] {
    CHECK(both.stream->start_tls(both.tls(net::tls_role::client)));
    both.stream->write(base::as_bytes(std::string_view("sealed")));
  };
  both.when["secured"] = [&] { both.stream->write(base::as_bytes(std::string_view(" too"))); };
  both.peer.write("S");
  both.peer.flush();
  both.peer.start_tls(both.tls(net::tls_role::server));
  REQUIRE(both.until([&] { return both.at_peer.received == "sealed too"; }));
  both.peer.write("answer");
  REQUIRE(both.until([&] { return both.told == "S;secured;answer;"; }));
}

TEST_CASE("a stream whose credit was used up when TLS began reads on") {
  stream_options few;
  few.credit = 64;
  both_ends both(few);
  both.open();
  const std::string order = "STARTTLS\r\n";
  both.shown = both.uses = order.size();
  both.least = order.size() + 54;
  both.peer.write(order);
  both.peer.start_tls(both.tls(net::tls_role::client));
  both.when[order] = [&] { CHECK(both.stream->start_tls(both.tls(net::tls_role::server))); };
  REQUIRE(both.until([&] { return both.told.ends_with("secured;"); }));
  both.peer.write("under TLS");
  REQUIRE(both.until([&] { return both.told.ends_with("under TLS;"); }));
}

TEST_CASE("TLS that starts twice inside on_data ends the stream in words") {
  both_ends both;
  both.open();
  both.when["S"] = [&] {
    CHECK(both.stream->start_tls(both.tls(net::tls_role::server)));
    static_cast<void>(both.stream->start_tls(both.tls(net::tls_role::server)));
  };
  both.peer.write("S");
  REQUIRE(both.until([&] { return both.stream->gone(); }));
  CHECK(both.told == "S;close tls;");
}

TEST_CASE("inside on_data a stream may be ended in every way, and then nothing of it is used any more") {
  for (const std::string how :
       {"close", "reset", "close, then TLS", "reset, then TLS", "close, then framing"}) {
    CAPTURE(how);
    both_ends both;
    both.open();
    both.uses = 2;
    both.when["abc"] = [&] {
      how.starts_with("close") ? both.stream->close() : both.stream->reset();
      if (how.ends_with("TLS")) CHECK_FALSE(both.stream->start_tls(both.tls(net::tls_role::server)));
      if (how.ends_with("framing")) both.stream->set_framing(lines());
      both.stream->pause();
      both.stream->resume();
      both.stream->end();
      CHECK(both.stream->write(base::as_bytes(std::string_view("x"))) == actor_stream::write_result::closed);
      CHECK_FALSE(both.stream->hand_over());
    };
    both.peer.write("abc");
    REQUIRE(both.until([&] { return both.stream->gone(); }));
    CHECK(both.told == "abc;close normal;");
    CHECK(both.until([&] { return both.at_peer.ended || both.at_peer.closed; }));
  }
}

TEST_CASE("inside each callback a stream may be ended, handed over, secured, cut otherwise and held") {
  stream_options options;
  options.framing = lines();
  options.half_close = true;
  for (const std::string in : {"connect", "frame", "eof"})
    for (const std::string what : {"close", "reset", "hand over", "TLS", "framing", "pause", "end"}) {
      CAPTURE(in);
      CAPTURE(what);
      both_ends both(options);
      bool done = false;
      both.when[in] = [&] {
        done = true;
        if (what == "close") both.stream->close();
        if (what == "reset") both.stream->reset();
        if (what == "hand over") CHECK(both.stream->hand_over());
        if (what == "TLS") CHECK(both.stream->start_tls(both.tls(net::tls_role::server)));
        if (what == "framing") both.stream->set_framing({});
        if (what == "pause") both.stream->pause();
        if (what == "end") both.stream->end();
      };
      both.begin();
      both.peer.write("frame\n");
      both.peer.end();
      REQUIRE(both.until([&] { return done; }));
      both.stream->close();
      REQUIRE(both.until([&] { return both.stream->gone(); }));
      CHECK((both.told.find("close ") == std::string::npos) == (what == "hand over"));
    }
}

TEST_CASE("inside on_data all that was given goes with a stream that is handed over") {
  both_ends both;
  both.open();
  both.uses = 1;
  std::string given;
  both.when["abc"] = [&] {
    auto handed = both.stream->hand_over();
    REQUIRE(handed);
    given = text_of(handed->input);
  };
  both.peer.write("abc");
  REQUIRE(both.until([&] { return both.stream->gone(); }));
  CHECK(given == "abc");
  CHECK(both.told == "abc;");
}

TEST_CASE("whole frames behind what on_data has used are told at once in the framing it sets") {
  both_ends both;
  both.open();
  const std::string all = "HELLO\nGET a\nGET b\nGE";
  both.uses = 6;
  both.least = all.size();
  both.when[all] = [&] { both.stream->set_framing(lines()); };
  both.peer.write(all);
  REQUIRE(both.until([&] { return both.told == all + ";GET a;GET b;"; }));
  both.peer.write("T c\n");
  REQUIRE(both.until([&] { return both.told.ends_with("GET c;"); }));
}

TEST_CASE("whole frames of what on_data has left are told once the framing is set, whenever that is") {
  both_ends both;
  both.open();
  both.uses = 0;
  both.peer.write("GET a\nGET b\n");
  REQUIRE(both.until([&] { return both.told == "GET a\nGET b\n;"; }));
  both.stream->set_framing(lines());
  REQUIRE(both.until([&] { return both.told.ends_with(";GET a;GET b;"); }));
}

TEST_CASE("what is left beyond the frames of a framing comes to on_data once that is set inside on_frame") {
  stream_options by_line;
  by_line.framing = lines();
  both_ends both(by_line);
  both.open();
  both.when["raw"] = [&] { both.stream->set_framing({}); };
  both.peer.write("raw\nbytes");
  REQUIRE(both.until([&] { return both.told == "raw;bytes;"; }));
}

TEST_CASE("a stream that is about to connect starts no TLS, and is told its end when it is reset") {
  both_ends both;
  both.listening = net::listener::tcp(both.loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0},
                                      {}, [](net::accepted_socket) {})
                       .value();
  both.make();
  behaviours::outgoing_stream to;
  to.host = "127.0.0.1";
  to.port = both.listening.address().port();
  to.time = base::nanos_per_second;
  REQUIRE(both.stream->connect(to, {}));
  CHECK_FALSE(both.stream->start_tls(both.tls(net::tls_role::client)));
  both.stream->reset();
  REQUIRE(both.until([&] { return both.stream->gone(); }));
  CHECK(both.told == "close normal;");
}

TEST_CASE("an actor that is paused for want of room is told of a broken connection") {
  stream_options little;
  little.high = 1000;
  little.low = 100;
  both_ends both(little);
  both.open();
  both.peer.pause();
  const std::string much(65536, 'x');
  const auto write = [&] { return both.stream->write(base::as_bytes(much)); };
  both.when["go"] = [&] {
    while (write() == actor_stream::write_result::ok) both.stream->flush();
    both.stream->pause();
  };
  bool resumes = false;
  SUBCASE("and takes what had come whole") {
    resumes = true;
  }
  SUBCASE("and ends, though it stays paused") {}
  both.when["drained"] = [&] {
    CHECK(write() == actor_stream::write_result::closed);
    if (resumes) both.stream->resume();
  };
  both.peer.write("go");
  REQUIRE(both.until([&] { return both.told == "go;"; }));
  both.peer.write("more");
  REQUIRE(both.until([&] { return both.stream->traffic().read == 6; }));
  both.peer.reset();
  REQUIRE(both.until([&] { return both.stream->gone(); }));
  CHECK(both.told == (resumes ? "go;drained;more;close reset;" : "go;drained;close reset;"));
}

TEST_CASE("a stream is broken once a write has failed, before its end is read") {
  both_ends both;
  both.open();
  both.when["go"] = [&] {
    CHECK_FALSE(both.stream->is_broken());
    both.peer.reset();
    CHECK(both.stream->write(base::as_bytes(std::string_view("x"))) == actor_stream::write_result::ok);
    both.stream->flush();
    CHECK(both.stream->is_open());
    CHECK(both.stream->is_broken());
    CHECK_FALSE(both.stream->may_start_tls());
  };
  both.peer.write("go");
  REQUIRE(both.until([&] { return both.stream->gone(); }));
  CHECK(both.told == "go;close reset;");
}

TEST_CASE("a broken stream is kept for a paused actor that takes something of it, and else for 30 s") {
  test::held_clock clock;
  stream_options by_line;
  by_line.framing = lines();
  both_ends both(by_line);
  both.open();
  both.when["one"] = both.when["two"] = [&] { both.stream->pause(); };
  both.peer.write("one\ntwo\nthree\n");
  REQUIRE(both.until([&] { return both.told == "one;"; }));
  both.peer.reset();
  REQUIRE(both.until([&] { return !both.stream->is_open(); }));
  const auto pass = [&](std::chrono::seconds time) {
    clock.advance(time);
    for (int turn = 0; turn < 5; ++turn) both.loop.turn(false);
    both.turn();
  };
  std::string told = "one;";
  SUBCASE("it takes nothing") {}
  SUBCASE("it takes a frame") {
    pass(std::chrono::seconds(29));
    both.stream->resume();
    both.turn();
    pass(std::chrono::seconds(29));
    told += "two;";
  }
  CHECK(both.told == told);
  pass(std::chrono::seconds(31));
  CHECK(both.stream->gone());
  CHECK(both.told == told + "close reset;");
}

TEST_CASE("a client that says nothing ends in time, also behind TLS's handshake or a PROXY header") {
  test::held_clock clock;
  stream_options timed;
  bool secures = false;
  std::string header;
  SUBCASE("TLS, and a limit for the first byte") {
    secures = true;
    timed.first_byte = 3 * base::nanos_per_second;
  }
  SUBCASE("TLS, and a limit for silence") {
    secures = true;
    timed.idle = 3 * base::nanos_per_second;
  }
  SUBCASE("a PROXY header, and a limit for the first byte") {
    timed.first_byte = 3 * base::nanos_per_second;
    timed.proxy = net::proxy_version::v1;
    header = "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n";
  }
  both_ends both(timed);
  both.secures = secures;
  both.begin();
  both.peer.write(header);
  REQUIRE(both.until([&] { return both.told == "connect;"; }));
  clock.advance(std::chrono::seconds(2));
  for (int turn = 0; turn < 5; ++turn) both.loop.turn(false);
  both.turn();
  CHECK(both.stream->is_open());
  clock.advance(std::chrono::seconds(2));
  REQUIRE(both.until([&] { return both.stream->gone(); }));
  CHECK(both.told == "connect;close idle;");
}

TEST_CASE("a client that has said something may be silent, also where its stream was handed over since") {
  test::held_clock clock;
  stream_options timed;
  timed.first_byte = 3 * base::nanos_per_second;
  both_ends both(timed);
  both.secures = true;
  both.begin();
  both.peer.write("hello");
  REQUIRE(both.until([&] { return both.told.ends_with("hello;"); }));
  SUBCASE("it was not") {}
  SUBCASE("it was") {
    auto handed = both.stream->hand_over();
    REQUIRE(handed);
    both.turn();
    both.make();
    REQUIRE(both.stream->attach(std::move(*handed)));
  }
  clock.advance(std::chrono::seconds(4));
  for (int turn = 0; turn < 5; ++turn) both.loop.turn(false);
  both.turn();
  CHECK(both.stream->is_open());
}

TEST_CASE(
    "what a program had written before it ended is read before its stream may end, however busy the actor "
    "was") {
  stream_options few;
  few.credit = 1000;
  both_ends both(few);
  both.open();
  both.stream->hold_end();
  both.shown = 0;
  const std::string all(100'000, 'x'); // more than one read takes
  both.peer.write(all);
  REQUIRE(test::loop_until(both.loop, [&] { return both.peer.bytes_queued() == 0 && both.is_due; }));
  both.stream->let_end("it exited with 0");
  CHECK(both.stream->traffic().read < all.size());
  both.turn(); // takes what was read
  CHECK_FALSE(both.stream->reads_on());
  REQUIRE(both.until([&] { return both.stream->reads_on(); }));
  CHECK(both.stream->traffic().read == all.size());
  both.stream->drain();
  REQUIRE(both.until([&] { return both.stream->gone(); }));
  CHECK(both.told.ends_with("close shutdown;"));
}
