// SPDX-License-Identifier: MIT
// Answers requests with files below a folder. A path that leads out of the folder does not exist: symbolic
// links below it are not followed, and neither are names that begin with a dot, except .well-known. If there
// is a compressed form of a file, with .gz appended to its name, clients that accept it get that form. Reads
// the disk and blocks, as web servers commonly do, because files that are often asked for are in memory. Any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "net/http/http_conditions.hpp"

namespace coppice::behaviours {

struct file_answer {
  net::http_response head; // without its body, if there is a file
  base::unique_fd file;    // none: the head is the whole answer
  std::uint64_t offset = 0;
  std::uint64_t length = 0; // bytes to send
};

// Answers a GET or HEAD for the file to which `segments` (decoded) lead below `folder`. A path that names a
// folder and ends with a slash gets the folder's file `index`; without the slash, the answer redirects there.
file_answer answer_file(const std::string& folder, const std::vector<std::string>& segments,
                        std::string_view index, const net::http_request& asked);

// By the ending of the name; application/octet-stream if it is unknown.
std::string_view content_type(std::string_view name);

} // namespace coppice::behaviours
