// SPDX-License-Identifier: MIT
// Opens each part of the path by itself, so that no symbolic link is followed. Any thread.
#include "behaviours/web/static_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/ascii.hpp"
#include "base/clock.hpp"

namespace coppice::behaviours {
namespace {

constexpr std::string_view compressed_ending = ".gz";

struct type_row {
  std::string_view ending; // in lower case
  std::string_view type;
};
constexpr auto types = std::to_array<type_row>({
    {"avif", "image/avif"},
    {"bin", "application/octet-stream"},
    {"bmp", "image/bmp"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/vnd.microsoft.icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
});

file_answer refusal(int status) {
  file_answer out;
  out.head.status = status;
  return out;
}

bool is_hidden(std::string_view segment) {
  return segment.starts_with('.') && segment != ".well-known";
}

base::unique_fd open_at(int folder, const std::string& name, int flags) {
  return base::unique_fd(::openat(folder, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
}

struct opened {
  base::unique_fd fd{};
  struct stat is {};
};

// Opens a regular file. A device or pipe is not waited for, and refused.
std::optional<opened> open_file(int folder, const std::string& name) {
  opened out;
  out.fd = open_at(folder, name, O_RDONLY | O_NONBLOCK);
  if (!out.fd || ::fstat(out.fd.get(), &out.is) != 0 || !S_ISREG(out.is.st_mode)) return std::nullopt;
  return out;
}

bool is_folder(int at, const std::string& name) {
  struct stat is {};
  return ::fstatat(at, name.c_str(), &is, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(is.st_mode);
}

bool is_older(const struct stat& one, const struct stat& other) {
  return std::pair(one.st_mtim.tv_sec, one.st_mtim.tv_nsec) <
         std::pair(other.st_mtim.tv_sec, other.st_mtim.tv_nsec);
}

file_answer answer_with(opened file, std::string_view name, std::string_view coding, bool varies,
                        const net::http_request& asked) {
  const struct stat& is = file.is;
  net::http_representation what;
  what.tag = fmt::format("\"{:x}-{:x}-{:x}{}\"", is.st_mtim.tv_sec, is.st_mtim.tv_nsec, is.st_size,
                         coding.empty() ? "" : "-gz");
  what.modified = is.st_mtim.tv_sec;
  what.size = static_cast<std::uint64_t>(is.st_size);
  const net::http_verdict verdict = net::judge(asked, what, base::wall_now() / base::nanos_per_second);
  file_answer out = refusal(verdict.status);
  auto& headers = out.head.headers;
  if (varies) headers.push_back({"Vary", "Accept-Encoding"});
  if (verdict.status == 412) return out;
  if (verdict.status == 416) {
    headers.push_back({"Content-Range", fmt::format("bytes */{}", what.size)});
    return out;
  }
  headers.push_back({"ETag", what.tag});
  headers.push_back({"Last-Modified", net::http_date(what.modified)});
  if (verdict.status == 304) return out;
  headers.push_back({"Accept-Ranges", "bytes"});
  if (!coding.empty()) headers.push_back({"Content-Encoding", std::string(coding)});
  if (verdict.status == 206)
    headers.push_back({"Content-Range", fmt::format("bytes {}-{}/{}", verdict.offset,
                                                    verdict.offset + verdict.length - 1, what.size)});
  out.head.type = content_type(name);
  out.file = std::move(file.fd);
  out.offset = verdict.offset;
  out.length = verdict.length;
  return out;
}

} // namespace

std::string_view content_type(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  const std::string ending =
      base::ascii_lower(std::string(dot == std::string_view::npos ? "" : name.substr(dot + 1)));
  const auto found = std::ranges::lower_bound(types, ending, {}, &type_row::ending);
  return found != types.end() && found->ending == ending ? found->type : "application/octet-stream";
}

file_answer answer_file(const std::string& folder, const std::vector<std::string>& segments,
                        std::string_view index, const net::http_request& asked) {
  constexpr int as_folder = O_PATH | O_DIRECTORY;
  base::unique_fd at(::open(folder.c_str(), as_folder | O_CLOEXEC));
  if (!at) return refusal(errno == ENOENT || errno == ENOTDIR ? 404 : 500);
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    const std::string& one = segments[i];
    if (one.empty() || is_hidden(one) || one.find('/') != std::string::npos) return refusal(404);
    base::unique_fd next = open_at(at.get(), one, as_folder);
    if (!next) return refusal(404);
    at = std::move(next);
  }
  std::string name = segments.empty() ? std::string() : segments.back();
  if (is_hidden(name) || name.find('/') != std::string::npos) return refusal(404);
  const bool asks_for_folder = name.empty();
  if (asks_for_folder) name = index;
  auto file = open_file(at.get(), name);
  if (!file) {
    if (asks_for_folder || !is_folder(at.get(), name)) return refusal(404);
    file_answer out = refusal(308);
    const std::string_view query = asked.query();
    out.head.headers.push_back(
        {"Location", fmt::format("{}/{}{}", asked.path(), query.empty() ? "" : "?", query)});
    return out;
  }
  auto compressed = open_file(at.get(), name + std::string(compressed_ending));
  if (compressed && is_older(compressed->is, file->is)) compressed.reset();
  const bool varies = compressed.has_value();
  if (varies && net::http_accepts_coding(asked, "gzip"))
    return answer_with(std::move(*compressed), name, "gzip", varies, asked);
  return answer_with(std::move(*file), name, "", varies, asked);
}

} // namespace coppice::behaviours
