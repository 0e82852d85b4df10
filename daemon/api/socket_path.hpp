// SPDX-License-Identifier: MIT
// Where control sockets live: /run/coppice for root, else $XDG_RUNTIME_DIR/coppice, else
// /tmp/coppice-UID (made with mode 0700 and refused where it is somebody else's). The node binds
// NAME.sock there; the client looks there when neither --socket nor COPPICE_SOCKET says where.
// Any thread; touches only the file system and the environment.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace coppice::api {

std::filesystem::path socket_folder();

// NAME is the whole node name, "demo@127.0.0.1".
std::filesystem::path socket_path(std::string_view node_name);

// Makes the folder where it is missing. errc::refused: it belongs to somebody else, or others may
// write to it.
base::status prepare_socket_folder(const std::filesystem::path& folder);

// The sockets in `folder`, sorted; none where there is no such folder.
std::vector<std::filesystem::path> sockets_in(const std::filesystem::path& folder);

// Which socket the client is to use: `option` where it is not empty, else COPPICE_SOCKET, else the
// only one in the folder. errc::not_found: none; errc::invalid: several, which the sentence lists.
base::result<std::filesystem::path> choose_socket(std::string_view option);

} // namespace coppice::api
