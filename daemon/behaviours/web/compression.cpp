// SPDX-License-Identifier: MIT
// zlib at its fastest level, in one call. Any thread.
#include "behaviours/web/compression.hpp"

#include <zlib.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/ascii.hpp"

namespace coppice::behaviours {
namespace {

bool becomes_smaller(std::string_view type) {
  type = net::http_trimmed(type.substr(0, type.find(';')));
  const std::string name = base::ascii_lower(std::string(type));
  if (name.starts_with("text/") || name.ends_with("+json") || name.ends_with("+xml")) return true;
  constexpr std::string_view others[] = {"application/json", "application/javascript", "application/xml",
                                         "application/manifest+json", "application/wasm"};
  return std::ranges::find(others, name) != std::end(others);
}

// Empty: the text did not become smaller.
std::string gzip(const std::string& bytes) {
  constexpr int window_with_header = 15 + 16;
  constexpr int memory_level = 8;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_with_header, memory_level, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    return {};
  std::string out(bytes.size(), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(done == Z_STREAM_END ? out.size() - stream.avail_out : 0);
  deflateEnd(&stream);
  return out;
}

} // namespace

void compress(net::http_response& answer, bool asked, std::size_t from) {
  const std::size_t size = answer.body.size();
  if (from == 0 || size < from || size > most_compressed || answer.status == 206) return;
  if (answer.header("content-encoding") != nullptr) return;
  const net::http_header* const type = answer.header("content-type");
  if (!becomes_smaller(type != nullptr ? type->value : answer.type)) return;
  if (net::http_header* const varies = answer.header("vary")) {
    if (!net::http_lists(varies->value, "accept-encoding")) varies->value += ", Accept-Encoding";
  } else {
    answer.headers.push_back({"Vary", "Accept-Encoding"});
  }
  if (!asked) return;
  std::string smaller = gzip(answer.body);
  if (smaller.empty()) return;
  answer.body = std::move(smaller);
  answer.headers.push_back({"Content-Encoding", "gzip"});
  if (net::http_header* const tag = answer.header("etag"); tag != nullptr && tag->value.starts_with('"'))
    tag->value.insert(0, "W/");
}

} // namespace coppice::behaviours
