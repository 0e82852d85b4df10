// SPDX-License-Identifier: MIT
// Files below a folder as answers. What leads out of it is not there: symbolic links below the folder are not
// followed, and neither is what begins with a dot but .well-known. Beside a file its compressed form, with
// .gz behind its name, is sent to who takes it. Reads the disk, blocking, as web servers do: what is asked
// for often is in memory. Any thread.
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
  base::unique_fd file;    // none: the head is all
  std::uint64_t offset = 0;
  std::uint64_t length = 0; // of the part to be sent
};

// For a GET or HEAD of the file that `segments`, decoded, lead to below `folder`; of a folder itself the
// file `index`, by its path with a slash at the end: without it the answer sends the client there.
file_answer answer_file(const std::string& folder, const std::vector<std::string>& segments,
                        std::string_view index, const net::http_request& asked);

// By the name's ending; application/octet-stream for one that is not known.
std::string_view content_type(std::string_view name);

} // namespace coppice::behaviours
