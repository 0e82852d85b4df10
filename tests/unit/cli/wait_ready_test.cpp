// SPDX-License-Identifier: MIT
// Tests of the wait for a node, against sockets of the test: absent, answering in turn, or silent.
#include "cli/wait_ready.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

using namespace coppice;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr const char* ready = "{\"result\":{\"ready\":true,\"waited_ms\":0}}\n";
constexpr const char* hangs_up = "";
constexpr const char* says_nothing = nullptr;

std::string failure(const std::string& code, const std::string& why) {
  return R"({"error":{"code":")" + code + R"(","what":"wait-ready","why":")" + why + "\",\"hint\":\"\"}}\n";
}

// Plays a node. It answers each connection with the next text of `says`, on a socket that come_up() makes.
class scripted_node {
 public:
  explicit scripted_node(std::vector<const char*> says) : says_(std::move(says)) {}
  ~scripted_node() {
    if (thread_.joinable()) thread_.join();
    if (listening_ >= 0) close(listening_);
  }
  void come_up() {
    listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    REQUIRE(bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening_, 8) == 0);
    thread_ = std::thread([this] {
      for (const char* line : says_) serve(line);
    });
  }
  const fs::path& path() const { return path_; }
  const std::vector<std::string>& asked() {
    thread_.join();
    return asked_;
  }

 private:
  void serve(const char* line) {
    const int fd = accept(listening_, nullptr, nullptr);
    std::string& request = asked_.emplace_back();
    for (char c = 0; c != '\n' && read(fd, &c, 1) == 1;) request += c;
    char rest = 0;
    if (line == says_nothing)
      while (read(fd, &rest, 1) > 0) {
      }
    else
      CHECK(write(fd, line, std::strlen(line)) == static_cast<ssize_t>(std::strlen(line)));
    close(fd);
  }

  test::temporary_folder folder_;
  fs::path path_ = folder_.file("n.sock");
  std::vector<const char*> says_;
  std::vector<std::string> asked_;
  int listening_ = -1;
  std::thread thread_;
};

void unseen(const std::string&) {}

} // namespace

TEST_CASE("what a node says before it is ready is seen and waited through") {
  const std::string failed = failure("refused", "not ready: application a failed: oops");
  const std::string stops = failure("closed", "the node stops");
  scripted_node node({failed.c_str(), failed.c_str(), stops.c_str(), hangs_up, "hello\n", ready});
  node.come_up();
  std::vector<std::string> seen;
  const auto outcome =
      cli::wait_until_ready([&] { return base::result<fs::path>(node.path()); }, std::nullopt,
                            [&](const std::string& what) { seen.push_back(what); });
  REQUIRE(outcome);
  CHECK(outcome->at("ready") == true);
  CHECK(outcome->at("waited_ms") > 0);
  REQUIRE(seen.size() == 4);
  CHECK(seen[0] == "not ready: application a failed: oops");
  CHECK(seen[1] == "the node stops");
  CHECK(seen[2] == "no node: the node closed the connection");
  CHECK(seen[3].starts_with("no node: the node's answer is not understood"));
  CHECK(node.asked()[0] == R"({"arguments":{"timeout_ms":-1},"command":"wait-ready"})"
                           "\n");
}

TEST_CASE("a socket that appears during the wait is found") {
  scripted_node node({ready});
  bool told = false;
  const auto outcome = cli::wait_until_ready([&] { return base::result<fs::path>(node.path()); }, 30s,
                                             [&](const std::string& what) {
                                               CHECK(what.starts_with("no node: " + node.path().string()));
                                               told = true;
                                               node.come_up();
                                             });
  CHECK(outcome);
  CHECK(told);
}

TEST_CASE("a choice of sockets may become possible, or end the wait") {
  scripted_node node({ready});
  node.come_up();
  int tries = 0;
  CHECK(cli::wait_until_ready(
      [&]() -> base::result<fs::path> {
        if (++tries < 3) return base::fail(base::errc::not_found, "no control socket");
        return node.path();
      },
      30s, unseen));
  const auto several = cli::wait_until_ready(
      [&]() -> base::result<fs::path> {
        if (--tries > 0) return base::fail(base::errc::not_found, "no control socket");
        return base::fail(base::errc::invalid, "several nodes run here");
      },
      std::nullopt, unseen);
  REQUIRE_FALSE(several);
  CHECK(several.error().code == api::exit_code::usage);
  CHECK(several.error().why == "several nodes run here");
}

TEST_CASE("when the time is over it is said what was in the way last") {
  const std::string starts = failure("timeout", "starting: application a");
  const std::string old = failure("unsupported", "no such command");
  const struct {
    const char* what;
    const char* says;
    api::exit_code code;
    std::string why;
    bool no_node;
  } cases[] = {
      {"it starts", starts.c_str(), api::exit_code::timed_out, "starting: application a", false},
      {"it does not answer", says_nothing, api::exit_code::timed_out, "the node does not answer", false},
      {"it does not know the command", old.c_str(), api::exit_code::failed, "no such command", false},
      {"it is gone", hangs_up, api::exit_code::timed_out, "no node: the node closed the connection", true},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    scripted_node node({one.says});
    node.come_up();
    const auto outcome =
        cli::wait_until_ready([&] { return base::result<fs::path>(node.path()); }, 0ms, unseen);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == one.code);
    CHECK(outcome.error().why == one.why);
    CHECK(outcome.error().no_node == one.no_node);
  }
}

TEST_CASE("a path that is too long for a socket is no path to wait for") {
  const auto outcome = cli::wait_until_ready(
      [] { return base::result<fs::path>("/tmp/" + std::string(200, 'x')); }, std::nullopt, unseen);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == api::exit_code::usage);
}
