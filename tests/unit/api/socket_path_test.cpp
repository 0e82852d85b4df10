// SPDX-License-Identifier: MIT
// Tests of the choice of a control socket: the option wins over the environment, the environment over the
// folder.
#include "api/socket_path.hpp"
#include "base/file.hpp"
#include "base/socket_mark.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

using namespace coppice;
namespace fs = std::filesystem;

namespace {

void make_socket(const fs::path& path) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  close(fd);
}

base::unique_fd listen_at(const std::string& path) {
  base::unique_fd out(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(bind(out.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(out.get(), 1) == 0);
  return out;
}

// Whether it holds for a user other than root, who may open everything. Asked in a child process.
template <class Question>
bool as_somebody(Question holds) {
  const pid_t child = fork();
  if (child == 0) {
    constexpr uid_t nobody = 65534;
    const bool somebody = geteuid() != 0 || (setgid(nobody) == 0 && setuid(nobody) == 0);
    _exit(somebody && holds() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace

TEST_CASE("the option wins over the environment") {
  setenv("COPPICE_SOCKET", "/from/environment", 1);
  CHECK(*api::choose_socket("/from/option") == "/from/option");
  CHECK(*api::choose_socket("") == "/from/environment");
  unsetenv("COPPICE_SOCKET");
}

TEST_CASE("a node's folder is the one that its unit made for it") {
  setenv("RUNTIME_DIRECTORY", "/run/one:/run/two", 1);
  CHECK(api::socket_path("a@h") == "/run/one/a@h.sock");
  unsetenv("RUNTIME_DIRECTORY");
}

TEST_CASE("a service's socket that may be opened comes first, then those of the user's own nodes") {
  test::temporary_folder services;
  test::temporary_folder own;
  for (const auto* each : {&services, &own}) REQUIRE(chmod(each->path().c_str(), 0755) == 0);
  setenv("XDG_RUNTIME_DIR", own.path().c_str(), 1);
  const auto chosen = [&] { return api::choose_socket("", services.path()); };
  const auto is_chosen = [&](const std::string& path) { return chosen() && *chosen() == path; };
  CHECK(chosen().error().code == base::errc::not_found);
  const std::string a = services.file("a.sock");
  const std::string b = services.file("b.sock");
  make_socket(a);
  CHECK(is_chosen(a));
  make_socket(b);
  CHECK(chosen().error().code == base::errc::not_found);
  REQUIRE(unlink(a.c_str()) == 0);
  REQUIRE(unlink(b.c_str()) == 0);
  {
    const auto first = listen_at(a), second = listen_at(b);
    CHECK(chosen().error().code == base::errc::invalid);
    CHECK(chosen().error().text.find("b.sock") != std::string::npos);
  }
  chmod(a.c_str(), 0);
  chmod(b.c_str(), 0666);
  CHECK(as_somebody([&] { return is_chosen(b); }));
  chmod(b.c_str(), 0);
  CHECK(as_somebody([&] { return !chosen() && chosen().error().code == base::errc::refused; }));
  REQUIRE(mkdir(own.file("coppice").c_str(), 0755) == 0);
  make_socket(own.file("coppice/mine.sock"));
  CHECK(as_somebody([&] { return is_chosen(own.file("coppice/mine.sock")); }));
  unsetenv("XDG_RUNTIME_DIR");
}

TEST_CASE("a folder that others may write to, or have made, is not looked into") {
  test::temporary_folder services;
  test::temporary_folder own;
  for (const auto* each : {&services, &own}) REQUIRE(chmod(each->path().c_str(), 0755) == 0);
  setenv("XDG_RUNTIME_DIR", own.path().c_str(), 1);
  const std::string folder = own.file("coppice");
  REQUIRE(mkdir(folder.c_str(), 0755) == 0);
  make_socket(folder + "/mine.sock");
  const auto refused = [&] {
    const auto found = api::choose_socket("", services.path());
    return !found && found.error().code == base::errc::refused;
  };
  CHECK(as_somebody([&] { return !refused(); })); // the folder is root's, or the user's own
  REQUIRE(chmod(folder.c_str(), 0777) == 0);
  CHECK(as_somebody([&] { return refused(); }));
  REQUIRE(chmod(folder.c_str(), 0755) == 0);
  if (geteuid() == 0) {
    REQUIRE(chown(folder.c_str(), 4711, 4711) == 0);
    CHECK(as_somebody([&] { return refused(); }));
  }
  unsetenv("XDG_RUNTIME_DIR");
}

TEST_CASE("a socket that leads to actors is refused by name") {
  test::temporary_folder folder;
  make_socket(folder.file("actors.sock"));
  REQUIRE(chmod(folder.file("actors.sock").c_str(), 0666 | base::leads_to_actors) == 0);
  const auto refused = api::choose_socket(folder.file("actors.sock"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == base::errc::refused);
  CHECK(refused.error().text == folder.file("actors.sock") + ": it leads to actors, not to a node");
}

TEST_CASE("what a node has left that has ended does not count beside one that runs") {
  test::temporary_folder services;
  make_socket(services.file("ended.sock"));
  const std::string live = services.file("live.sock");
  make_socket(live);
  const auto none = api::choose_socket("", services.path());
  CHECK(none.error().code == base::errc::not_found);
  CHECK(none.error().text.find("nobody listens at the 2 sockets") != std::string::npos);
  REQUIRE(unlink(live.c_str()) == 0);
  const auto listening = listen_at(live);
  CHECK(api::choose_socket("", services.path()).value() == live);
}

TEST_CASE("who may open a socket is said by name") {
  test::temporary_folder folder;
  make_socket(folder.file("a.sock"));
  if (geteuid() == 0) REQUIRE(chown(folder.file("a.sock").c_str(), 0, 0) == 0);
  chmod(folder.file("a.sock").c_str(), 0600);
  const std::string alone = api::who_may_open(folder.file("a.sock"));
  CHECK(alone.find("group") == std::string::npos);
  chmod(folder.file("a.sock").c_str(), 0660);
  const std::string shared = api::who_may_open(folder.file("a.sock"));
  CHECK(shared.find(" and the group ") != std::string::npos);
  if (geteuid() == 0) CHECK(shared == "only root and the group root may open it");
}

TEST_CASE("only control sockets are listed, sorted") {
  test::temporary_folder folder;
  make_socket(folder.file("b@h.sock"));
  make_socket(folder.file("a@h.sock"));
  make_socket(folder.file("actors.sock"));
  REQUIRE(chmod(folder.file("actors.sock").c_str(), 0666 | base::leads_to_actors) == 0);
  fclose(fopen((folder.file("c.sock")).c_str(), "w"));
  auto found = api::sockets_in(folder.path());
  REQUIRE(found.size() == 2);
  CHECK(found[0].filename() == "a@h.sock");
  CHECK(api::sockets_in(folder.file("missing")).empty());
}

TEST_CASE("a folder that others may write to is refused") {
  test::temporary_folder folder;
  CHECK(api::prepare_socket_folder(folder.path()));
  chmod(folder.path().c_str(), 0777);
  auto refused = api::prepare_socket_folder(folder.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == base::errc::refused);
  CHECK(api::prepare_socket_folder(folder.file("new")));
}
