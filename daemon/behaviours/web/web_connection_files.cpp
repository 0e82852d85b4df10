// SPDX-License-Identifier: MIT
// The part of web_connection that sends files: on the worker itself, one MiB in a turn, as fast as the client
// takes them. Large parts go from the file to the socket in the kernel where possible (sendfile(2)).
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/bound.hpp"
#include "behaviours/web/static_files.hpp"
#include "behaviours/web/web_connection.hpp"

namespace coppice::behaviours {
namespace {

const base::bound<std::size_t> file_part("web: bytes of a file read at once", 64 << 10, 1024);
const base::bound<std::size_t> at_once("web: bytes of a file in a turn", 1 << 20, 1024);

} // namespace

void web_connection::begin_file(const net::http_request& asked, const std::vector<std::string>& segments) {
  const web_route& route = current_->route();
  const auto below = segments.begin() + static_cast<std::ptrdiff_t>(route.path.rest_begins().value_or(0));
  file_answer found = answer_file(route.folder, {below, segments.end()}, route.index, asked);
  if (found.head.status == 500) return fail(500, "the folder cannot be read");
  if (!found.file) return answer(found.head.status, std::move(found.head.headers));
  current_->add_headers(found.head);
  const std::uint64_t bytes = asked.method == "HEAD" ? 0 : found.length;
  current_->begin_file({std::move(found.file), found.offset, bytes, bytes, found.head.status});
  connection_->begin(current_->number(), found.head, found.length);
  if (current_) send_file(); // else the client has left
}

void web_connection::send_file() {
  const std::uint64_t number = current_->number();
  std::unique_ptr<char[]> buffer;
  const std::uint64_t first = current_->file().left;
  while (current_->file().left == 0 || first - current_->file().left < at_once) {
    web_request::sent_file& file = current_->file();
    if (file.left == 0) {
      finish(file.status, file.bytes);
      connection_->end(number);
      return;
    }
    if (file.left > file_part) {
      const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(at_once, file.left));
      const std::size_t sent = connection_->send_file(number, file.from.get(), file.offset, most);
      file.offset += sent;
      file.left -= sent;
      if (sent != 0) continue;
    }
    if (!buffer) buffer = std::make_unique_for_overwrite<char[]>(file_part);
    const ssize_t got = ::pread(file.from.get(), buffer.get(), std::min<std::uint64_t>(file_part, file.left),
                                static_cast<off_t>(file.offset));
    if (got <= 0) { // the file has become shorter, or cannot be read
      finish(500, file.bytes - file.left);
      return connection_->break_off(number);
    }
    file.offset += static_cast<std::uint64_t>(got);
    file.left -= static_cast<std::uint64_t>(got);
    if (connection_->write(number, {buffer.get(), static_cast<std::size_t>(got)}) != net::http_written::taken)
      return;
  }
  want_turn(); // other processes first
}

} // namespace coppice::behaviours
