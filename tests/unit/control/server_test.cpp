// SPDX-License-Identifier: MIT
// The control socket as a client uses it, with the test's own handler.
#include "control/server.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <vector>

using namespace coppice;
namespace fs = std::filesystem;

namespace {

struct place {
  test::temporary_folder folder;
  std::string socket = folder.file("n.sock");
};

class connection {
 public:
  explicit connection(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    REQUIRE(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~connection() { close(fd_); }

  void send(std::string_view text) {
    CHECK(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  void half_close() { shutdown(fd_, SHUT_WR); }
  // Reads up to a line feed, or to the end of the stream.
  std::string line() {
    std::string text;
    for (char c = 0; c != '\n' && read(fd_, &c, 1) == 1;) text += c;
    return text;
  }

 private:
  int fd_;
};

control::pending echo(api::request r, const control::caller&, control::answer reply) {
  reply(api::reply(nlohmann::json{{"command", r.command}}));
  return {};
}

} // namespace

TEST_CASE("requests of one connection are answered in order, also when they come in one piece") {
  place at;
  auto server = control::server::start({at.socket, {}, 0600}, echo);
  REQUIRE(server);
  connection client(at.socket);
  client.send("{\"command\":\"a\"}\n{\"command\":\"b\"}\n{\"comm");
  CHECK(client.line() == "{\"result\":{\"command\":\"a\"}}\n");
  CHECK(client.line() == "{\"result\":{\"command\":\"b\"}}\n");
  client.send("and\":\"c\"}\n");
  CHECK(client.line() == "{\"result\":{\"command\":\"c\"}}\n");
}

TEST_CASE("the socket has the mode it was asked to have, and goes with the server") {
  place at;
  {
    auto server = control::server::start({at.socket, {}, 0600}, echo);
    REQUIRE(server);
    struct stat info {};
    REQUIRE(stat(at.socket.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }
  CHECK_FALSE(fs::exists(at.socket));
}

TEST_CASE("a second server on the same socket is refused") {
  place at;
  auto server = control::server::start({at.socket, {}, 0600}, echo);
  REQUIRE(server);
  auto second = control::server::start({at.socket, {}, 0600}, echo);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == base::errc::exists);
}

TEST_CASE("what is no request is answered with an error and the connection closed") {
  place at;
  auto server = control::server::start({at.socket, {}, 0600}, echo);
  REQUIRE(server);
  for (const char* garbage : {"\n", "hello\n", "[1]\n", "{\"command\":7}\n"}) {
    CAPTURE(garbage);
    connection client(at.socket);
    client.send(garbage);
    auto reply = api::decode_reply(client.line());
    REQUIRE(reply);
    CHECK_FALSE(*reply);
    CHECK(client.line().empty());
  }
}

TEST_CASE("a request whose handler throws, or whose answer cannot be made, is answered with an error") {
  place at;
  auto server = control::server::start(
      {at.socket, {}, 0600},
      [](api::request r, const control::caller&, control::answer reply) -> control::pending {
        if (r.command == "memory") throw std::bad_alloc();
        if (r.command == "unknown") throw 7;
        if (r.command == "later") {
          reply.later([]() -> api::reply { throw std::bad_alloc(); });
          return {};
        }
        reply(api::reply(nlohmann::json{{"command", r.command}}));
        return {};
      });
  REQUIRE(server);
  connection client(at.socket);
  for (const char* command : {"memory", "unknown", "later"}) {
    CAPTURE(command);
    client.send(std::string("{\"command\":\"") + command + "\"}\n");
    auto reply = api::decode_reply(client.line());
    REQUIRE(reply);
    REQUIRE_FALSE(*reply);
    CHECK(reply->error().code == base::errc::internal);
  }
  client.send("{\"command\":\"a\"}\n");
  CHECK(client.line() == "{\"result\":{\"command\":\"a\"}}\n");
}

TEST_CASE("an answer may come late, from another thread, and after its client has left") {
  place at;
  std::promise<control::answer> kept;
  auto server = control::server::start(
      {at.socket, {}, 0600},
      [&kept](api::request r, const control::caller&, control::answer reply) -> control::pending {
        if (r.command == "keep") {
          kept.set_value(std::move(reply));
        } else {
          reply(api::reply(nlohmann::json::object()));
        }
        return {};
      });
  REQUIRE(server);
  std::optional<control::answer> late;
  {
    connection client(at.socket);
    client.send("{\"command\":\"keep\"}\n");
    late.emplace(kept.get_future().get());
    client.half_close();
    (*late)(api::reply(nlohmann::json{{"late", true}}));
    CHECK(client.line() == "{\"result\":{\"late\":true}}\n");
    CHECK(client.line().empty());
  }
  kept = {};
  {
    connection client(at.socket);
    client.send("{\"command\":\"keep\"}\n");
  }
  control::answer orphan = kept.get_future().get();
  connection other(at.socket);
  other.send("{\"command\":\"x\"}\n");
  CHECK(other.line() == "{\"result\":{}}\n");
  server->reset();
  orphan(api::reply(nlohmann::json::object()));
}

TEST_CASE("a request whose answer is forgotten is still answered") {
  place at;
  auto server = control::server::start(
      {at.socket, {}, 0600},
      [](api::request, const control::caller&, control::answer) { return control::pending{}; });
  REQUIRE(server);
  connection client(at.socket);
  client.send("{\"command\":\"x\"}\n");
  auto reply = api::decode_reply(client.line());
  REQUIRE(reply);
  REQUIRE_FALSE(*reply);
  CHECK(reply->error().code == base::errc::internal);
}

TEST_CASE("a server that stops while its connections end meets them on their way") {
  for (int round = 0; round < 200; ++round) {
    place at;
    const auto server = control::server::start({at.socket, {}, 0600}, echo);
    REQUIRE(server);
    std::vector<std::unique_ptr<connection>> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(std::make_unique<connection>(at.socket));
      all.back()->send("{\"command\":\"x\"}\n");
      (void)all.back()->line();
    }
    all.clear();
  }
}

TEST_CASE("a request that takes too long times out, is given up, and its late answer answers nothing else") {
  place at;
  std::optional<control::answer> late;
  std::promise<void> given_up;
  auto server = control::server::start(
      {at.socket, {}, 0600}, [&](api::request r, const control::caller& who, control::answer reply) {
        if (r.command != "slow") return echo(std::move(r), who, std::move(reply));
        late.emplace(std::move(reply));
        return control::pending{
            std::chrono::milliseconds(1), [&] { given_up.set_value(); },
            [] {
              return api::reply(unexpect,
                                api::failure{base::errc::timeout, "request", "there is a tree on it", {}});
            }};
      });
  REQUIRE(server);
  connection client(at.socket);
  client.send("{\"command\":\"slow\"}\n");
  auto reply = api::decode_reply(client.line());
  REQUIRE(reply);
  REQUIRE_FALSE(*reply);
  CHECK(reply->error().code == base::errc::timeout);
  CHECK(reply->error().why == "there is a tree on it");
  given_up.get_future().wait();
  (*late)(api::reply(nlohmann::json{{"late", true}}));
  client.send("{\"command\":\"next\"}\n");
  CHECK(client.line() == "{\"result\":{\"command\":\"next\"}}\n");
}

TEST_CASE("a server that stops gives up what is still open") {
  place at;
  std::optional<control::answer> open;
  std::promise<void> asked;
  std::promise<void> given_up;
  auto server = control::server::start({at.socket, {}, 0600},
                                       [&](api::request, const control::caller&, control::answer reply) {
                                         open.emplace(std::move(reply));
                                         asked.set_value();
                                         return control::pending{std::nullopt, [&] { given_up.set_value(); }};
                                       });
  REQUIRE(server);
  connection client(at.socket);
  client.send("{\"command\":\"x\"}\n");
  asked.get_future().wait();
  server->reset();
  CHECK(given_up.get_future().wait_for(std::chrono::seconds(0)) == std::future_status::ready);
}

TEST_CASE("who asks is known by uid and pid") {
  place at;
  control::caller seen;
  auto server = control::server::start(
      {at.socket, {}, 0600}, [&](api::request r, const control::caller& who, control::answer reply) {
        seen = who;
        return echo(std::move(r), who, std::move(reply));
      });
  REQUIRE(server);
  connection client(at.socket);
  client.send("{\"command\":\"x\"}\n");
  (void)client.line();
  CHECK(seen.uid == getuid());
  CHECK(seen.pid == getpid());
}

TEST_CASE("an answer for later is made on the control thread, and not for who has left") {
  place at;
  std::promise<control::answer> kept;
  auto server = control::server::start({at.socket, {}, 0600},
                                       [&](api::request, const control::caller&, control::answer reply) {
                                         kept.set_value(std::move(reply));
                                         return control::pending{};
                                       });
  REQUIRE(server);
  connection client(at.socket);
  client.send("{\"command\":\"x\"}\n");
  auto late = kept.get_future().get();
  std::thread::id made_on;
  late.later([&made_on] {
    made_on = std::this_thread::get_id();
    return api::reply(nlohmann::json{{"made", true}});
  });
  CHECK(client.line() == "{\"result\":{\"made\":true}}\n");
  CHECK(made_on != std::this_thread::get_id());
}

TEST_CASE("a client that sends on and does not read is answered one after the other, as it reads") {
  place at;
  std::atomic<int> asked = 0;
  auto server = control::server::start(
      {at.socket, {}, 0600}, [&](api::request, const control::caller&, control::answer reply) {
        ++asked;
        asked.notify_one();
        reply(api::reply(nlohmann::json{{"much", std::string(1 << 19, 'x')}}));
        return control::pending{};
      });
  REQUIRE(server);
  connection client(at.socket);
  for (int i = 0; i < 3; ++i) client.send("{\"command\":\"x\"}\n");
  asked.wait(0);
  connection other(at.socket); // it asks and is answered after the first client's requests were looked at
  other.send("{\"command\":\"x\"}\n");
  CHECK(other.line().size() > (1 << 19));
  CHECK(asked == 2);
  for (int i = 0; i < 3; ++i) CHECK(client.line().size() > (1 << 19));
  CHECK(asked == 4);
}

TEST_CASE(
    "a request that did not come by the socket is answered once, in time or not, and at the server's end") {
  place at;
  std::atomic<int> given_up = 0;
  std::vector<std::shared_ptr<control::answer>> kept;
  auto server = control::server::start(
      {at.socket, {}, 0600},
      [&](api::request r, const control::caller& who, control::answer reply) -> control::pending {
        if (r.command == "who") return reply(api::reply(nlohmann::json(who.http))), control::pending{};
        if (r.command == "throws") throw std::bad_alloc();
        auto held = std::make_shared<control::answer>(std::move(reply));
        kept.push_back(held);
        if (r.command == "late") return {std::chrono::milliseconds(1), [&] { ++given_up; }};
        return {std::nullopt, [&] { ++given_up; }};
      });
  REQUIRE(server);
  const auto ask = [&](const char* command) {
    control::caller from;
    from.http = "127.0.0.1:1";
    auto told = std::make_shared<std::promise<api::reply>>();
    (*server)->ask({command}, from, [told](api::reply reply) { told->set_value(std::move(reply)); });
    return told->get_future();
  };
  CHECK(ask("who").get().value() == "127.0.0.1:1");
  CHECK(ask("throws").get().error().code == base::errc::internal);
  CHECK(ask("late").get().error().code == base::errc::timeout);
  CHECK(given_up == 1);
  control::caller from;
  const auto number = (*server)->ask({"waits"}, from, [](const api::reply&) { FAIL("nobody wants it"); });
  (*server)->give_up(number);
  CHECK(ask("who").get().has_value());
  CHECK(given_up == 2);
  auto unanswered = ask("waits");
  server->reset();
  CHECK(unanswered.get().error().code == base::errc::closed);
  CHECK(given_up == 3);
  kept.clear();
}
