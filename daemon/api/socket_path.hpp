// SPDX-License-Identifier: MIT
// The places of control sockets. A node binds NAME.sock in $RUNTIME_DIRECTORY, which systemd sets, otherwise
// as root in /run/coppice, otherwise in $XDG_RUNTIME_DIR/coppice, otherwise in /tmp/coppice-UID (made with
// mode 0700, and refused if it belongs to another user). If neither --socket nor COPPICE_SOCKET is given, the
// client looks first in /run/coppice, for a service, and then in the folder of its own user's nodes. Any
// thread; reads only the file system and the environment.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace coppice::api {

inline constexpr const char* service_folder = "/run/coppice";

// The folder for this process's node.
std::filesystem::path socket_folder();

// NAME is the whole node name, "demo@127.0.0.1".
std::filesystem::path socket_path(std::string_view node_name);

// Makes the folder if it is missing. errc::refused: it belongs to another user, or others may write to it.
base::status prepare_socket_folder(const std::filesystem::path& folder);

// The control sockets in `folder`, sorted; none if there is no such folder. Sockets at which actors listen
// are left out.
std::vector<std::filesystem::path> sockets_in(const std::filesystem::path& folder);

// The socket that the client has to use: `option` if not empty, otherwise COPPICE_SOCKET, otherwise the only
// one of `services` that it may open, otherwise the only one in its user's folder. If there are several and
// some are answered, only those count. errc::not_found: none; errc::refused: it may open none of them, and
// the sentence names the users that may; errc::invalid: several, which the sentence lists.
base::result<std::filesystem::path> choose_socket(std::string_view option,
                                                  const std::filesystem::path& services = service_folder);

// Names the users that may open a socket which this user may not: "only root and the group coppice may open
// it".
std::string who_may_open(const std::filesystem::path& socket);

} // namespace coppice::api
