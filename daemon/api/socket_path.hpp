// SPDX-License-Identifier: MIT
// Where control sockets live. A node binds NAME.sock in $RUNTIME_DIRECTORY, which systemd sets, else in
// /run/coppice as root, else in $XDG_RUNTIME_DIR/coppice, else in /tmp/coppice-UID (made with mode 0700 and
// refused where it is somebody else's). The client, when neither --socket nor COPPICE_SOCKET says where,
// looks in /run/coppice first, where a service has its socket, and then where its own user's nodes have
// theirs. Any thread; touches only the file system and the environment.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace coppice::api {

inline constexpr const char* service_folder = "/run/coppice";

// The node's.
std::filesystem::path socket_folder();

// NAME is the whole node name, "demo@127.0.0.1".
std::filesystem::path socket_path(std::string_view node_name);

// Makes the folder where it is missing. errc::refused: it belongs to somebody else, or others may
// write to it.
base::status prepare_socket_folder(const std::filesystem::path& folder);

// The control sockets in `folder`, sorted; none where there is no such folder. Those at which actors listen
// do not count.
std::vector<std::filesystem::path> sockets_in(const std::filesystem::path& folder);

// Which socket the client is to use: `option` where it is not empty, else COPPICE_SOCKET, else the only one
// of `services` that it may open, else the only one in its user's folder. Where some of several are answered,
// the others do not count. errc::not_found: none;
// errc::refused: only such as it may not open, with who may; errc::invalid: several, which the sentence
// lists.
base::result<std::filesystem::path> choose_socket(std::string_view option,
                                                  const std::filesystem::path& services = service_folder);

// Who may open a socket that its user may not: "only root and the group coppice may open it".
std::string who_may_open(const std::filesystem::path& socket);

} // namespace coppice::api
