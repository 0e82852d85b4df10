// SPDX-License-Identifier: MIT
// Choosing a control socket: the option wins over the environment, the environment over the folder.
#include "api/socket_path.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

} // namespace

TEST_CASE("the option wins over the environment") {
  setenv("COPPICE_SOCKET", "/from/environment", 1);
  CHECK(*api::choose_socket("/from/option") == "/from/option");
  CHECK(*api::choose_socket("") == "/from/environment");
  unsetenv("COPPICE_SOCKET");
}

TEST_CASE("only sockets are listed, sorted") {
  test::temporary_folder folder;
  make_socket(folder.file("b@h.sock"));
  make_socket(folder.file("a@h.sock"));
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
