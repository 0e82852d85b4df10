// SPDX-License-Identifier: MIT
// The checks that a head must pass. Sections in parentheses are those of RFC 9112, unless another RFC is
// named.
#include "net/http/http_reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/ascii.hpp"
namespace coppice::net {
namespace {

std::size_t count(const http_request& of, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::count(of.headers, name, &http_header::name));
}

bool keeps_alive(const http_request& request) {
  bool close = false;
  bool keep = false;
  for (const http_header& one : request.headers) {
    if (one.name != "connection") continue;
    close = close || http_lists(one.value, "close");
    keep = keep || http_lists(one.value, "keep-alive");
  }
  return !close && (request.minor == 1 || keep);
}

} // namespace

// The scan -------------------------------------------------------------------------------------------------

http_head_scan::place http_head_scan::after(place at, char c) {
  switch (at) {
    case place::before: // empty lines in front of a request are skipped (2.2)
      return c == '\r' ? place::before_lf : c == '\n' ? place::malformed : place::line;
    case place::before_lf:
      return c == '\n' ? place::before : place::malformed;
    case place::line:
      return c == '\r' ? place::line_lf : c == '\n' ? place::malformed : place::line;
    case place::line_lf:
      return c == '\n' ? place::line_start : place::malformed;
    case place::line_start:
      if (c == ' ' || c == '\t' || c == '\n') return place::malformed; // folded (5.2)
      return c == '\r' ? place::end_lf : place::line;
    case place::end_lf:
      return c == '\n' ? place::done : place::malformed;
    case place::done:
    case place::malformed:
      break;
  }
  return at;
}

std::size_t http_head_scan::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && at_ < place::done) {
    if (at_ == place::line) { // nothing but its end matters
      while (taken < bytes.size() && bytes[taken] != '\r' && bytes[taken] != '\n') ++taken;
      if (taken == bytes.size()) break;
    }
    at_ = after(at_, bytes[taken++]);
  }
  return taken;
}

http_head_scan::state http_head_scan::now() const {
  if (at_ == place::done) return state::done;
  return at_ == place::malformed ? state::malformed : state::more;
}

// The reader -----------------------------------------------------------------------------------------------

std::size_t http_reader::feed(std::string_view bytes, std::size_t most) {
  if (state_ == state::nothing && !bytes.empty()) {
    if (const std::size_t skipped = skip_empty_lines(bytes); skipped != 0) return skipped;
    if (state_ == state::failed) return 0;
    state_ = state::head;
    letter_first_ = bytes[0] >= 'A' && bytes[0] <= 'Z';
  }
  if (state_ == state::head) return feed_head(bytes);
  return state_ == state::body ? feed_body(bytes, most) : 0;
}

// A client may send an empty line behind a body (2.2): it does not begin a request.
std::size_t http_reader::skip_empty_lines(std::string_view bytes) {
  const std::size_t length = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
  const std::size_t taken = scan_.feed(bytes.substr(0, length));
  head_bytes_ += taken;
  if (head_bytes_ > limits_.head)
    fail(431, "the head is too long");
  else if (scan_.now() == http_head_scan::state::malformed)
    fail(400, "a line's end is not CR LF, or a header is folded");
  return taken;
}

std::size_t http_reader::feed_head(std::string_view bytes) {
  const std::size_t length = scan_.feed(bytes);
  head_bytes_ += length;
  if (head_bytes_ > limits_.head) {
    fail(431, "the head is too long");
    return length;
  }
  if (scan_.now() == http_head_scan::state::malformed) {
    fail(400, "a line's end is not CR LF, or a header is folded");
    return length;
  }
  const http_engine::outcome seen = engine_.feed(bytes.substr(0, length));
  if (state_ == state::failed) return length;
  if (seen.now == http_engine::state::failed) {
    fail_as_engine();
    return length;
  }
  const bool ended = scan_.now() == http_head_scan::state::done;
  const bool bodyless = seen.now == http_engine::state::complete;
  if (ended != head_over_ || (bodyless && (seen.consumed != length || chunked_ || length_ != 0))) {
    fail(400, "the end of the head is in doubt");
    return length;
  }
  if (ended) state_ = chunked_ || length_ != 0 ? state::body : state::complete;
  return length;
}

std::size_t http_reader::feed_body(std::string_view bytes, std::size_t most) {
  if (chunked_) return feed_chunks(bytes, most);
  const std::string_view part =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(length_ - body_bytes_, most)));
  if (!add_body(part)) return part.size();
  if (body_bytes_ == length_) state_ = state::complete;
  return part.size();
}

std::size_t http_reader::feed_chunks(std::string_view bytes, std::size_t most) {
  std::size_t taken = 0;
  while (taken < bytes.size() && most != 0 && chunks_.now() == http_chunks::state::more) {
    const http_chunks::piece piece = chunks_.feed(bytes.substr(taken), most);
    taken += piece.taken;
    most -= piece.data.size();
    if (!add_body(piece.data)) return taken;
  }
  switch (chunks_.now()) {
    case http_chunks::state::more:
      break;
    case http_chunks::state::done:
      state_ = state::complete;
      break;
    case http_chunks::state::malformed:
      fail(400, "a chunk of the body is malformed");
      break;
    case http_chunks::state::too_long:
      fail(431, "the trailers, or what stands behind the chunks' sizes, are too long");
      break;
  }
  return taken;
}

bool http_reader::add_body(std::string_view part) {
  if (part.size() > most_body_ - body_bytes_) return fail(413, "the body is too large");
  body_bytes_ += part.size();
  request_.body += part;
  return true;
}

bool http_reader::bound_body(std::size_t bytes) {
  most_body_ = std::min(most_body_, bytes);
  return (length_ <= most_body_ && body_bytes_ <= most_body_) || fail(413, "the body is too large");
}

std::string http_reader::take_body() {
  return std::exchange(request_.body, {});
}

bool http_reader::fail(int status, std::string_view why) {
  failure_ = {status, why};
  state_ = state::failed;
  return false;
}

void http_reader::fail_as_engine() {
  if (engine_.why() == http_engine::fault::version)
    fail(505, "the version is not HTTP/1.0 or HTTP/1.1");
  else if (engine_.why() == http_engine::fault::method && letter_first_)
    fail(501, "the method is not known");
  else
    fail(400, "the request is malformed");
}

bool http_reader::take_expectation() {
  return std::exchange(expects_, false);
}

http_request http_reader::take() {
  engine_.reset();
  scan_ = {};
  state_ = state::nothing;
  head_bytes_ = 0;
  body_bytes_ = 0;
  length_ = 0;
  chunked_ = false;
  in_value_ = false;
  head_over_ = false;
  expects_ = false;
  understood_ = false;
  return std::exchange(request_, {});
}

// The engine's events --------------------------------------------------------------------------------------

bool http_reader::on_target(std::string_view part) {
  request_.target += part;
  if (request_.target.size() > limits_.target) return fail(414, "the target is too long");
  return true;
}

bool http_reader::on_field(std::string_view part) {
  if (request_.headers.empty() || in_value_) {
    if (request_.headers.size() == limits_.headers) return fail(431, "there are too many headers");
    request_.headers.emplace_back();
    in_value_ = false;
  }
  request_.headers.back().name += part;
  return true;
}

bool http_reader::on_value(std::string_view part) {
  in_value_ = true;
  request_.headers.back().value += part;
  return true;
}

bool http_reader::on_head() {
  head_over_ = true;
  if (engine_.major() != 1) return fail(505, "the version is not HTTP/1.0 or HTTP/1.1");
  request_.minor = std::min(engine_.minor(), 1U); // a later minor version is compatible (RFC 9110, 2.5)
  request_.method = engine_.method();
  if (!check_headers() || !check_target()) return false;
  understood_ = true;
  if (!check_length() || !check_expectation()) return false;
  request_.keep_alive = keeps_alive(request_);
  return true;
}

bool http_reader::check_headers() {
  for (http_header& one : request_.headers) {
    if (!is_http_token(one.name)) return fail(400, "a header's name is malformed"); // (5.1)
    if (!is_http_field_value(one.value)) return fail(400, "a header's value is malformed");
    one.name = base::ascii_lower(std::move(one.name));
    one.value = std::string(http_trimmed(one.value));
  }
  const std::size_t hosts = count(request_, "host"); // (3.2)
  if (hosts > 1 || (hosts == 0 && request_.minor == 1)) return fail(400, "it takes one Host header");
  return true;
}

// (6.3): a length that can be understood in two ways may be an attempt to smuggle a request.
bool http_reader::check_length() {
  const std::size_t lengths = count(request_, "content-length");
  const std::size_t codings = count(request_, "transfer-encoding");
  if (lengths > 1 || codings > 1 || (lengths == 1 && codings == 1))
    return fail(400, "the body's length is said twice");
  if (codings == 1) {
    if (request_.minor == 0) return fail(400, "HTTP/1.0 has no Transfer-Encoding");
    if (!base::is_same_in_ascii(*request_.header("transfer-encoding"), "chunked"))
      return fail(501, "the transfer coding is not known");
    chunked_ = true;
    chunks_ = http_chunks(limits_.head);
  }
  most_body_ = limits_.body;
  if (lengths == 0) return true;
  const std::string& text = *request_.header("content-length");
  std::uint64_t length = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || end != text.data() + text.size() || wrong == std::errc::invalid_argument)
    return fail(400, "Content-Length is no number");
  if (wrong == std::errc::result_out_of_range || length > limits_.body)
    return fail(413, "the body is too large");
  length_ = length;
  return true;
}

// (3.2.2): if the target names a server, Host is ignored and replaced, so that later readers see one name.
bool http_reader::check_target() {
  const std::string named(request_.authority());
  if (!is_http_host(named)) return fail(400, "what it asks is no server's name");
  for (http_header& one : request_.headers) {
    if (one.name != "host" || base::is_same_in_ascii(named, one.value)) continue;
    if (!is_http_host(one.value)) return fail(400, "Host is no server's name");
    if (request_.method == "CONNECT") return fail(400, "the target names another server than Host does");
    one.value = named;
  }
  return true;
}

bool http_reader::check_expectation() {
  const std::string* const expected = request_.header("expect");
  if (expected == nullptr || request_.minor == 0) return true; // RFC 9110, 10.1.1
  if (!base::is_same_in_ascii(*expected, "100-continue")) return fail(417, "the expectation is not known");
  expects_ = count(request_, "content-length") + count(request_, "transfer-encoding") != 0;
  return true;
}

} // namespace coppice::net
