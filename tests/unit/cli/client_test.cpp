// SPDX-License-Identifier: MIT
// Tests of the client against a socket of the test that answers well, badly, late or not at all.
#include "cli/client.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

using namespace coppice;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

// Listens on a socket of its own and passes the one connection that it accepts to `serve`.
class one_shot_server {
 public:
  explicit one_shot_server(std::function<void(int)> serve) {
    listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    REQUIRE(bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening_, 1) == 0);
    thread_ = std::thread([this, serve] {
      int fd = accept(listening_, nullptr, nullptr);
      serve(fd);
      close(fd);
    });
  }
  ~one_shot_server() {
    thread_.join();
    close(listening_);
  }
  const fs::path& path() const { return path_; }

 private:
  test::temporary_folder folder_;
  fs::path path_ = folder_.file("n.sock");
  int listening_ = -1;
  std::thread thread_;
};

// Reads until the line feed that ends a request.
void read_line(int fd) {
  for (char c = 0; c != '\n';) {
    if (read(fd, &c, 1) != 1) return;
  }
}

void write_all(int fd, std::string_view text) {
  CHECK(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

} // namespace

TEST_CASE("a reply that arrives in pieces is read whole") {
  one_shot_server server([](int fd) {
    read_line(fd);
    write_all(fd, R"({"result":{"re)");
    write_all(fd, "ply\":\"ok\"}}\n");
  });
  auto connection = cli::client::connect(server.path());
  REQUIRE(connection);
  auto reply = connection->ask({"call", {}}, 5s);
  REQUIRE(reply);
  REQUIRE(*reply);
  CHECK((**reply)["reply"] == "ok");
}

TEST_CASE("no socket means no node") {
  auto connection = cli::client::connect("/tmp/coppice-there-is-no-such-socket");
  REQUIRE_FALSE(connection);
  CHECK(connection.error().code == api::exit_code::no_node);
}

TEST_CASE("a node that goes away, or talks nonsense, is no node") {
  for (const char* answer : {"", "{\"result\":", "hello\n", "{}\n"}) {
    CAPTURE(answer);
    one_shot_server server([answer](int fd) {
      read_line(fd);
      write_all(fd, answer);
    });
    auto connection = cli::client::connect(server.path());
    REQUIRE(connection);
    auto reply = connection->ask({"status", {}}, 5s);
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == api::exit_code::no_node);
  }
}

TEST_CASE("a node whose answer is too large is there, and the hint is not to start one") {
  one_shot_server server([](int fd) {
    read_line(fd);
    const std::string part(1 << 16, 'x');
    while (send(fd, part.data(), part.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  auto connection = cli::client::connect(server.path());
  REQUIRE(connection);
  connection->allow(2 << 20);
  auto reply = connection->ask({"call", {}}, 5s);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == api::exit_code::failed);
  CHECK(reply.error().why == "the node's answer is too large: this client takes at most 2 MiB");
  CHECK(reply.error().hint.starts_with("the node runs, and the command was carried out"));
  { cli::client closing = std::move(*connection); }
}

TEST_CASE("a node that does not answer is given up at the deadline") {
  one_shot_server server([](int fd) {
    char byte;
    while (read(fd, &byte, 1) > 0) {
    }
  });
  auto connection = cli::client::connect(server.path());
  REQUIRE(connection);
  auto reply = connection->ask({"status", {}}, 20ms);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == api::exit_code::timed_out);
  { cli::client closing = std::move(*connection); }
}

TEST_CASE("a node that does not read is given up at the deadline, however much there is to say") {
  one_shot_server server([](int fd) {
    pollfd left{fd, 0, 0};
    poll(&left, 1, 10'000);
  });
  auto connection = cli::client::connect(server.path());
  REQUIRE(connection);
  auto reply = connection->ask({"send", {{"term", std::string(std::size_t{4} << 20, 'x')}}}, 20ms);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == api::exit_code::timed_out);
  { cli::client closing = std::move(*connection); }
}

TEST_CASE("a node that accepts nobody is given up at the deadline") {
  test::temporary_folder folder;
  const fs::path path = folder.file("n.sock");
  const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listening, 0) == 0);
  std::vector<cli::client> before;
  for (int i = 0; i < 100; ++i) {
    auto one = cli::client::connect(path, 20ms);
    if (!one) {
      CHECK(one.error().code == api::exit_code::timed_out);
      break;
    }
    before.push_back(std::move(*one));
  }
  CHECK(before.size() < 100);
  close(listening);
}
