// SPDX-License-Identifier: MIT
// Streams and listeners over real sockets: loopback and the file system.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/listening/listener.hpp"
#include "net/loop_until.hpp"
#include "net/stream/resolver.hpp"
#include "net/stream/stream.hpp"
#include "net/stream_recorder.hpp"
#include "net/tls/tls.hpp"
#include "temporary_folder.hpp"

namespace coppice::net {
namespace {

using test::loop_until;
using test::recorder;

// A listener and both ends of one connection to it.
struct pair {
  pair() {
    listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                              [this](accepted_socket socket) {
                                server = stream::adopt(loop.raw(), std::move(socket)).value();
                                server.start(at_server);
                              })
                    .value();
    client = stream::connect(loop.raw(), listening.address(), {}, at_client).value();
    REQUIRE(loop_until(loop, [&] { return at_client.connected && server; }));
  }
  bool until(const std::function<bool()>& holds) { return loop_until(loop, holds); }

  base::uv::loop loop = base::uv::loop::make().value();
  recorder at_client;
  recorder at_server;
  listener listening;
  stream client;
  stream server;
};

void count_release(void* context) {
  ++*static_cast<int*>(context);
}

} // namespace

TEST_CASE("a handler that throws loses its stream, and its owner hears so") {
  for (const bool memory : {false, true}) {
    pair both;
    both.at_server.after_data = [memory] {
      if (memory) throw std::bad_alloc();
      throw 7;
    };
    both.client.write("x");
    REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
    CHECK(both.at_server.closed->code == base::errc::internal);
    both.server = {};
    REQUIRE(both.until([&] { return both.at_client.closed.has_value() || both.at_client.ended; }));
  }
}

TEST_CASE("what one end writes the other reads, in order") {
  pair both;
  both.client.write("one ");
  both.client.write("two ");
  int released = 0;
  const std::string large(300'000, 'x');
  both.client.write_owned(base::as_bytes(large), count_release, &released);
  both.client.write(" end");
  REQUIRE(both.until([&] { return both.at_server.received.size() == 8 + large.size() + 4; }));
  CHECK(both.at_server.received == "one two " + large + " end");
  CHECK(released == 1);
  CHECK(both.client.bytes_queued() == 0);
  CHECK(both.client.bytes_written() == both.at_server.received.size());
  CHECK(both.server.bytes_read() == both.at_server.received.size());
}

TEST_CASE("writes of one turn wait for its end, or for flush") {
  pair both;
  both.client.write("x");
  CHECK(both.client.bytes_queued() == 1);
  both.client.flush();
  CHECK(both.client.bytes_queued() == 0);
}

TEST_CASE("a file leaves in its place behind what was written, as far as the socket takes it") {
  const test::temporary_folder folder;
  const std::string whole(8 << 20, 'f');
  const base::unique_fd file(::open(folder.write("file", whole).c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(file.get() >= 0);
  pair both;
  both.client.write("head ");
  const std::size_t first = both.client.send_file(file.get(), 3, whole.size());
  CHECK(first > 0);
  CHECK(first < whole.size() - 3); // the sockets hold no more than that
  both.client.write("tail");
  CHECK(both.client.send_file(file.get(), 0, 1) == 0); // it would overtake bytes that wait
  CHECK(both.client.bytes_written() == 5 + first);
  const std::size_t all = 5 + first + 4;
  REQUIRE(both.until([&] { return both.at_server.received.size() == all; }));
  CHECK(both.at_server.received == "head " + std::string(first, 'f') + "tail");
  CHECK(both.client.send_file(file.get(), whole.size(), 10) == 0); // the offset is at the end of the file
  both.server.close();
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK(both.client.send_file(file.get(), 0, 10) == 0);
}

TEST_CASE("more than the sockets hold arrives whole while both ends write") {
  pair both;
  const std::string a(3'000'000, 'a');
  const std::string b(3'000'000, 'b');
  both.client.write(a);
  both.server.write(b);
  REQUIRE(both.until(
      [&] { return both.at_server.received.size() + both.at_client.received.size() == 6'000'000; }));
  CHECK(both.at_server.received == a);
  CHECK(both.at_client.received == b);
}

TEST_CASE("a paused stream reads nothing, and the writer's queue grows until it is resumed") {
  pair both;
  both.server.pause();
  const std::string much(16'000'000, 'x');
  both.client.write(much);
  both.client.flush();
  both.loop.turn(false);
  CHECK(both.client.bytes_queued() > 0);
  CHECK(both.at_server.received.empty());
  both.server.resume();
  REQUIRE(both.until([&] { return both.at_server.received.size() == much.size(); }));
  CHECK(both.at_client.drained == 1);
}

TEST_CASE("what is written ahead passes all that waits behind a mark, and cuts nothing") {
  constexpr std::size_t block = write_queue::mark_distance;
  constexpr std::size_t blocks = 256;
  pair both;
  both.client.set_unsent_limit(block);
  both.server.pause();
  for (std::size_t i = 0; i < blocks; ++i) {
    both.client.mark();
    both.client.write(std::string(block, static_cast<char>('a' + i % 26)));
  }
  both.client.flush();
  both.loop.turn(false);
  const auto room = both.client.write_ahead(5);
  REQUIRE(room.size() == 5);
  std::memcpy(room.data(), "AHEAD", 5);
  CHECK(both.client.bytes_ahead() == 5);
  both.server.resume();
  REQUIRE(both.until([&] { return both.at_server.received.size() == blocks * block + 5; }));
  CHECK(both.client.bytes_ahead() == 0);
  const std::size_t at = both.at_server.received.find("AHEAD");
  CHECK(at % block == 0);
  CHECK(at < blocks * block / 2);
}

TEST_CASE("pausing inside on_data holds the rest back") {
  pair both;
  both.at_server.after_data = [&] { both.server.pause(); };
  both.client.write(std::string(200'000, 'x'));
  REQUIRE(both.until([&] { return !both.at_server.received.empty(); }));
  const std::size_t first = both.at_server.received.size();
  both.loop.turn(false);
  CHECK(both.at_server.received.size() == first);
  CHECK(both.server.paused());
}

TEST_CASE("a paused stream can be asked whether the other end has closed, though bytes of it are unread") {
  pair both;
  both.server.pause();
  both.client.write("last words");
  both.client.flush();
  CHECK_FALSE(both.server.hung_up());
  both.client.close();
  REQUIRE(both.until([&] { return both.server.hung_up(); }));
  CHECK(both.at_server.received.empty());
  both.server.resume();
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.received == "last words");
}

TEST_CASE("on_drained comes once the queue is at the low mark") {
  pair both;
  constexpr std::size_t low = 16'000'000; // more than the kernel takes in one turn
  both.client.set_low_mark(low);
  both.client.write(std::string(900'000, 'x'));
  REQUIRE(both.until([&] { return both.at_server.received.size() == 900'000; }));
  CHECK(both.at_client.drained == 0);
  std::size_t left = 0;
  both.at_client.after_drained = [&] { left = both.client.bytes_queued(); };
  both.server.pause(); // so that more than the mark stays in the queue
  both.client.write(std::string(32'000'000, 'x'));
  both.client.flush();
  REQUIRE(both.client.bytes_queued() > low);
  both.server.resume();
  REQUIRE(both.until([&] { return both.at_server.received.size() == 32'900'000; }));
  CHECK(both.at_client.drained == 1);
  CHECK(left > 0);
  CHECK(left <= low);
}

TEST_CASE("on_flushed comes once for all that a turn writes, when the socket has it") {
  pair both;
  both.client.set_low_mark(10); // never reached, so there is no other reason to tell the handler
  both.client.write("a");
  both.client.write("b");
  CHECK(both.at_client.flushed == 0);
  REQUIRE(both.until([&] { return both.at_client.flushed != 0; }));
  CHECK(both.client.bytes_written() == 2);
  REQUIRE(both.until([&] { return both.at_server.received == "ab"; }));
  CHECK(both.at_client.flushed == 1);
}

TEST_CASE("flush itself tells the handler nothing") {
  pair both;
  both.client.set_low_mark(10);
  both.client.write(std::string(1'000, 'x')); // the socket takes it at once
  both.client.flush();
  CHECK(both.client.bytes_queued() == 0);
  CHECK(both.at_client.drained == 0);
  REQUIRE(both.until([&] { return both.at_client.drained == 1; }));
}

TEST_CASE("what on_drained writes needs no other event to leave") {
  pair both;
  both.server.pause(); // only the writes themselves make the loop turn
  constexpr int rounds = 20;
  const std::string part(2000, 'x');
  both.client.set_low_mark(part.size() / 2);
  both.at_client.after_drained = [&] {
    if (both.at_client.drained < rounds) both.client.write(part);
  };
  both.client.write(part);
  REQUIRE(both.until([&] { return both.at_client.drained == rounds; }));
}

TEST_CASE("a half-closed stream still reads") {
  pair both;
  both.at_server.keep_after_end = true;
  both.client.write("question");
  both.client.end();
  REQUIRE(both.until([&] { return both.at_server.ended; }));
  CHECK(both.at_server.received == "question");
  both.server.write("answer");
  REQUIRE(both.until([&] { return both.at_client.received == "answer"; }));
  CHECK_FALSE(both.at_client.closed);
}

TEST_CASE("the other end's close is told once, as closed") {
  pair both;
  both.client.close();
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.closed->code == base::errc::closed);
  both.server.write("into the void");
  CHECK(both.server.bytes_queued() == 0);
}

TEST_CASE("a reset that comes before its last bytes are read is no orderly end") {
  pair both;
  both.client.pause();
  both.server.write("half of ");
  both.server.flush();
  both.server.reset();
  // libuv closes the socket after the loop has turned.
  pollfd broken{both.client.descriptor(), POLLIN, 0};
  REQUIRE(both.until([&] { return ::poll(&broken, 1, 0) == 1 && (broken.revents & POLLHUP) != 0; }));
  both.client.resume();
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK(both.at_client.received == "half of ");
  CHECK_FALSE(both.at_client.ended);
}

TEST_CASE("what the other end said before it closed is read, though a write fails first") {
  pair both;
  both.server.pause();
  both.client.write("never read, which makes the close a reset");
  both.client.flush();
  both.server.write("refused, and why");
  both.server.flush();
  both.server.close();
  both.client.write("too late");
  both.client.flush();
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK(both.at_client.received == "refused, and why");
  CHECK(both.at_client.closed->code == base::errc::closed);
}

TEST_CASE("a handler that waits for room is told that it need not once a write has failed") {
  pair both;
  const stream other = std::exchange(both.server, {});
  base::unique_fd peer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const base::socket_address to = both.listening.address();
  REQUIRE(::connect(peer.get(), to.raw(), to.raw_length()) == 0);
  REQUIRE(both.until([&] { return static_cast<bool>(both.server); }));
  both.server.write("never read, which makes the close a reset");
  both.server.flush();
  REQUIRE(::send(peer.get(), "refused, and why", 16, MSG_NOSIGNAL) == 16);
  peer.reset();
  pollfd broken{both.server.descriptor(), 0, 0};
  REQUIRE(::poll(&broken, 1, 10'000) == 1); // the loop does not turn meanwhile; it would read the end
  both.server.write("too late");
  both.server.flush();
  CHECK(both.server.bytes_queued() == 0);
  both.server.write("later still");
  CHECK(both.server.bytes_queued() == 0);
  CHECK_FALSE(both.at_server.closed);
  SUBCASE("unless it reads no more") {
    both.server.pause();
    REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
    CHECK(both.at_server.closed->code == base::errc::closed);
    return;
  }
  REQUIRE(both.until([&] { return both.at_server.drained == 1; }));
  REQUIRE(both.until([&] { return both.at_server.closed.has_value(); }));
  CHECK(both.at_server.received == "refused, and why");
  CHECK(both.at_server.closed->code == base::errc::closed);
}

TEST_CASE("close_when_written delivers everything and then ends") {
  pair both;
  const std::string much(5'000'000, 'x');
  both.server.write(much);
  both.server.close_when_written();
  CHECK_FALSE(both.server);
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK(both.at_client.received.size() == much.size());
  CHECK(both.at_client.closed->code == base::errc::closed);
}

TEST_CASE("a peer that does not take in time what close_when_written sends finds the connection reset") {
  pair both;
  both.client.pause();
  both.server.write(std::string(20'000'000, 'x')); // more than the kernel's buffers hold
  both.server.close_when_written(std::chrono::milliseconds(1));
  pollfd broken{both.client.descriptor(), POLLIN, 0};
  REQUIRE(both.until([&] { return ::poll(&broken, 1, 0) == 1 && (broken.revents & POLLHUP) != 0; }));
  both.client.resume();
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK_FALSE(both.at_client.ended);
}

TEST_CASE("a loop that ends lets streams that close by themselves write what they have") {
  const std::string much(4'000'000, 'x');
  pair both;
  std::size_t received = 0;
  auto elsewhere = std::make_unique<base::uv::loop>(base::uv::loop::make().value());
  auto writer = stream::connect(elsewhere->raw(), both.listening.address(), {}, both.at_client).value();
  both.at_client.connected = false;
  REQUIRE(loop_until(*elsewhere, [&] { return both.at_client.connected; }));
  // The reading end is on the other loop, which a thread turns.
  const stream first = std::exchange(both.server, {});
  REQUIRE(both.until([&] { return static_cast<bool>(both.server); }));
  std::thread reading([&] {
    both.until([&] { return both.at_server.closed.has_value(); });
    received = both.at_server.received.size();
  });
  for (int i = 0; i < 3; ++i) elsewhere->turn(false); // from here on, nothing else is being closed
  writer.write(much);
  writer.close_when_written();
  elsewhere.reset();
  reading.join();
  CHECK(received == much.size());
}

TEST_CASE("close_when_written gives up on a peer that does not read") {
  pair both;
  both.client.pause();
  int released = 0;
  const std::string much(30'000'000, 'x');
  both.server.write_owned(base::as_bytes(much), count_release, &released);
  both.server.close_when_written(std::chrono::milliseconds(10));
  CHECK(both.until([&] { return released == 1; }));
}

TEST_CASE("closing releases what was borrowed and tells nobody") {
  pair both;
  int released = 0;
  const std::string much(30'000'000, 'x');
  both.client.write_owned(base::as_bytes(much), count_release, &released);
  both.client.flush();
  both.client.close();
  REQUIRE(both.until([&] { return released == 1; }));
  CHECK_FALSE(both.at_client.closed);
}

TEST_CASE("a handler may destroy the stream while it is told of data") {
  pair both;
  both.at_server.after_data = [&] { both.server = stream(); };
  both.client.write("x");
  REQUIRE(both.until([&] { return both.at_client.closed.has_value(); }));
  CHECK(both.at_server.received == "x");
}

TEST_CASE("bytes written before the connection stands are sent when it does") {
  auto loop = base::uv::loop::make().value();
  recorder at_server;
  recorder at_client;
  stream server;
  auto listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                                 [&](accepted_socket socket) {
                                   server = stream::adopt(loop.raw(), std::move(socket)).value();
                                   server.start(at_server);
                                 })
                       .value();
  auto client = stream::connect(loop.raw(), listening.address(), {}, at_client).value();
  client.write("early");
  CHECK(loop_until(loop, [&] { return at_server.received == "early"; }));
}

TEST_CASE("a refused connect says so after the call") {
  auto loop = base::uv::loop::make().value();
  base::socket_address nobody;
  {
    auto listening =
        listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {}, nullptr);
    nobody = listening->address();
  }
  recorder handler;
  auto client = stream::connect(loop.raw(), nobody, {}, handler).value();
  CHECK_FALSE(handler.closed);
  REQUIRE(loop_until(loop, [&] { return handler.closed.has_value(); }));
  CHECK(handler.closed->code == base::errc::refused);
  CHECK(handler.closed->text.find(nobody.to_string()) != std::string::npos);
}

TEST_CASE("a connect nobody answers ends with its timeout") {
  auto loop = base::uv::loop::make().value();
  // A listener that accepts one connection and has the smallest backlog: further connections wait.
  listen_options full;
  full.backlog = 0;
  full.max_connections = 1;
  std::vector<accepted_socket> held;
  auto listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, full,
                                 [&](accepted_socket socket) { held.push_back(std::move(socket)); })
                       .value();
  std::vector<std::unique_ptr<recorder>> handlers;
  std::vector<stream> clients;
  connect_options hurried;
  hurried.timeout = std::chrono::milliseconds(100);
  for (int i = 0; i < 5; ++i) {
    handlers.push_back(std::make_unique<recorder>());
    clients.push_back(stream::connect(loop.raw(), listening.address(), hurried, *handlers.back()).value());
  }
  const auto timed_out = [&] {
    return std::any_of(handlers.begin(), handlers.end(),
                       [](const auto& h) { return h->closed && h->closed->code == base::errc::timeout; });
  };
  CHECK(loop_until(loop, timed_out));
}

TEST_CASE("a port range yields its first free port, and errc::exists when none is") {
  auto loop = base::uv::loop::make().value();
  const auto local = *base::socket_address::parse("127.0.0.1", 0);
  auto first = listener::tcp(loop.raw(), local, {0, 0}, {}, nullptr).value();
  const std::uint16_t taken = first.address().port();
  CHECK(listener::tcp(loop.raw(), local, {taken, taken}, {}, nullptr).error().code == base::errc::exists);
  if (taken < 65'500) {
    auto second =
        listener::tcp(loop.raw(), local, {taken, static_cast<std::uint16_t>(taken + 30)}, {}, nullptr);
    REQUIRE(second);
    CHECK(second->address().port() > taken);
  }
}

TEST_CASE("at its bound a listener lets connections wait, and takes them when others end") {
  auto loop = base::uv::loop::make().value();
  listen_options bounded;
  bounded.max_connections = 2;
  recorder quiet;
  std::vector<stream> accepted;
  auto listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, bounded,
                                 [&](accepted_socket socket) {
                                   accepted.push_back(stream::adopt(loop.raw(), std::move(socket)).value());
                                   accepted.back().start(quiet);
                                 })
                       .value();
  std::vector<std::unique_ptr<recorder>> handlers;
  std::vector<stream> clients;
  for (int i = 0; i < 3; ++i) {
    handlers.push_back(std::make_unique<recorder>());
    clients.push_back(stream::connect(loop.raw(), listening.address(), {}, *handlers.back()).value());
  }
  REQUIRE(loop_until(loop, [&] { return listening.saturated(); }));
  CHECK(accepted.size() == 2);
  accepted.erase(accepted.begin());
  REQUIRE(loop_until(loop, [&] { return accepted.size() == 2; }));
  CHECK_FALSE(handlers[2]->closed);
  CHECK(listening.connections() == 2);
}

TEST_CASE("out of descriptors a listener waits and goes on later") {
  auto loop = base::uv::loop::make().value();
  std::vector<accepted_socket> accepted;
  auto listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                                 [&](accepted_socket socket) { accepted.push_back(std::move(socket)); })
                       .value();
  recorder handler;
  auto client = stream::connect(loop.raw(), listening.address(), {}, handler).value();
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const int next = dup(STDERR_FILENO);
  close(next);
  rlimit tight = limit;
  tight.rlim_cur = static_cast<rlim_t>(next);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);
  const bool waited = loop_until(loop, [&] { return listening.saturated(); });
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(waited);
  CHECK(accepted.empty());
  CHECK(loop_until(loop, [&] { return accepted.size() == 1; }));
}

TEST_CASE("a listener may be closed inside its accept callback") {
  auto loop = base::uv::loop::make().value();
  listener listening;
  int accepted = 0;
  listening = listener::tcp(loop.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                            [&](accepted_socket) {
                              ++accepted;
                              listening.close();
                            })
                  .value();
  recorder handler;
  auto client = stream::connect(loop.raw(), listening.address(), {}, handler).value();
  REQUIRE(loop_until(loop, [&] { return handler.closed.has_value(); }));
  CHECK(accepted == 1);
}

TEST_CASE("a Unix-domain socket has exactly its mode, knows its peer and takes its file along") {
  const test::temporary_folder folder;
  const std::string path = folder.file("control.sock");
  auto loop = base::uv::loop::make().value();
  recorder at_server;
  recorder at_client;
  stream server;
  const auto accept = [&](accepted_socket socket) {
    server = stream::adopt(loop.raw(), std::move(socket)).value();
    server.start(at_server);
  };
  {
    auto listening = listener::unix_socket(loop.raw(), {path, 0660, getgid()}, {}, accept).value();
    struct stat info {};
    REQUIRE(stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0660);
    CHECK(info.st_gid == getgid());
    auto client = stream::connect_unix(loop.raw(), path, at_client).value();
    client.write("hello");
    REQUIRE(loop_until(loop, [&] { return at_server.received == "hello"; }));
    CHECK(server.peer_uid().value() == getuid());
    CHECK(listener::unix_socket(loop.raw(), {path}, {}, accept).error().code == base::errc::exists);
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a socket file nobody listens on is replaced, any other file is not") {
  const test::temporary_folder folder;
  auto loop = base::uv::loop::make().value();
  const std::string path = folder.file("stale.sock");
  {
    auto dead = listener::unix_socket(loop.raw(), {path}, {}, nullptr).value();
    // A killed process leaves its socket file. Here a second name keeps the file when the listener removes
    // its own.
    std::filesystem::create_hard_link(path, folder.file("kept"));
  }
  std::filesystem::rename(folder.file("kept"), path);
  CHECK(listener::unix_socket(loop.raw(), {path}, {}, nullptr));
  REQUIRE(base::write_file_atomic(folder.file("plain"), "data", 0600));
  CHECK(listener::unix_socket(loop.raw(), {folder.file("plain")}, {}, nullptr).error().code ==
        base::errc::exists);
  CHECK(listener::unix_socket(loop.raw(), {folder.file("") + std::string(200, 'x')}, {}, nullptr)
            .error()
            .code == base::errc::invalid);
}

TEST_CASE("a listening socket made elsewhere is adopted") {
  auto loop = base::uv::loop::make().value();
  base::unique_fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto local = *base::socket_address::parse("127.0.0.1", 0);
  REQUIRE(bind(fd.get(), local.raw(), local.raw_length()) == 0);
  REQUIRE(listen(fd.get(), 5) == 0);
  int accepted = 0;
  auto listening =
      listener::adopt(loop.raw(), std::move(fd), {}, [&](accepted_socket) { ++accepted; }).value();
  recorder handler;
  auto client = stream::connect(loop.raw(), listening.address(), {}, handler).value();
  CHECK(loop_until(loop, [&] { return accepted == 1; }));
}

TEST_CASE("what is thrown by whoever looked a host up ends there, and the next look-up is told") {
  struct unheard_of {};
  base::uv::loop loop = base::uv::loop::make().value();
  int thrown = 0;
  bool told = false;
  auto memory = resolution::start(loop.raw(), "127.0.0.1", 1, lookup_cause::own, [&](auto) {
    ++thrown;
    throw std::bad_alloc();
  });
  auto unknown = resolution::start(loop.raw(), "127.0.0.1", 1, lookup_cause::own, [&](auto) {
    ++thrown;
    throw unheard_of();
  });
  REQUIRE(memory);
  REQUIRE(unknown);
  CHECK(loop_until(loop, [&] { return thrown == 2; }));
  auto next = resolution::start(loop.raw(), "127.0.0.1", 1, lookup_cause::own,
                                [&](auto found) { told = found.has_value(); });
  CHECK(loop_until(loop, [&] { return told; }));
}

TEST_CASE("a numeric host resolves to itself, and an abandoned look-up tells nobody") {
  auto loop = base::uv::loop::make().value();
  std::vector<base::socket_address> found;
  auto wanted = resolution::start(loop.raw(), "127.0.0.1", 4369, lookup_cause::own,
                                  [&](auto addresses) { found = addresses.value(); });
  bool wrong = false;
  auto abandoned =
      resolution::start(loop.raw(), "127.0.0.1", 1, lookup_cause::own, [&](auto) { wrong = true; });
  REQUIRE(wanted);
  REQUIRE(abandoned);
  *abandoned = resolution();
  loop.run();
  REQUIRE(found.size() == 1);
  CHECK(found[0].to_string() == "127.0.0.1:4369");
  CHECK_FALSE(wrong);
}

TEST_CASE("a host that does not exist is an error with its name") {
  auto loop = base::uv::loop::make().value();
  std::string text;
  auto asked = resolution::start(loop.raw(), "no such host", 1, lookup_cause::own,
                                 [&](auto addresses) { text = addresses.error().text; });
  REQUIRE(asked);
  loop.run();
  CHECK(text.find("no such host") != std::string::npos);
}

TEST_CASE("the TLS library is one that speaks TLS 1.3") {
  CHECK(tls::initialise());
  CHECK(tls::initialise());
  CHECK(tls::library_version().find(" 3.") != std::string::npos);
}

} // namespace coppice::net
