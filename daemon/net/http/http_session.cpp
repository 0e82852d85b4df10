// SPDX-License-Identifier: MIT
// Three states: what is being read, how far the answer is, and whether the connection goes on. One thread.
#include "net/http/http_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace coppice::net {
namespace {

constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace

http_session::phase http_session::now() const {
  switch (ending_) {
    case ending::closing:
      return phase::closing;
    case ending::broken:
      return phase::broken;
    case ending::upgraded:
      return phase::upgraded;
    case ending::open:
      break;
  }
  switch (reading_) {
    case reading::idle:
      return phase::waiting;
    case reading::head:
      return phase::head;
    case reading::body:
      return streamed_ && credit_ == 0 ? phase::held : phase::body;
    case reading::done:
      break;
  }
  return phase::answering;
}

// Reading ------------------------------------------------------------------------------------------------

bool http_session::step() {
  const std::uint64_t before = number_;
  while (reads() && !input_.empty() && number_ == before) read_some();
  if (!reads()) return false;
  if (input_.empty() && ended_) gone();
  return !input_.empty();
}

void http_session::read_some() {
  input_.erase(0, reader_.feed(input_, streamed_ ? credit_ : SIZE_MAX));
  switch (reader_.now()) {
    case http_reader::state::nothing:
      return;
    case http_reader::state::head:
      reading_ = reading::head;
      return;
    case http_reader::state::body:
      if (reading_ != reading::body) return begin_body();
      if (!streamed_) return keep_body();
      if (const std::string part = reader_.take_body(); !part.empty()) {
        credit_ -= part.size();
        to_.on_body(number_, part, false);
      }
      return;
    case http_reader::state::failed:
      return refuse(reader_.why().status, reader_.why().why);
    case http_reader::state::complete:
      return end_request();
  }
}

void http_session::begin_body() {
  reading_ = reading::body;
  has_body_ = true;
  const http_body_plan plan = to_.plan_body(reader_.request());
  if (!reader_.bound_body(plan.limit)) return refuse(reader_.why().status, reader_.why().why);
  expects_ = reader_.take_expectation();
  if (!plan.streamed) {
    if (input_.empty()) let_go_on();
    return;
  }
  streamed_ = true;
  credit_ = plan.credit;
  request_ = reader_.request();
  request_.streamed = true;
  answering_ = answering::owed;
  to_.on_request(request_, ++number_);
  if (now() == phase::body && input_.empty()) let_go_on();
}

void http_session::keep_body() {
  if (!unfinished_.keep(reader_.request().body.size())) refuse(503, "too many requests have come in part");
}

void http_session::let_go_on() {
  if (std::exchange(expects_, false) && answering_ != answering::begun) to_.on_bytes(go_on);
}

void http_session::end_request() {
  reading_ = reading::done;
  expects_ = false;
  unfinished_.release();
  http_request whole = reader_.take();
  if (!streamed_) {
    request_ = std::move(whole);
    answering_ = answering::owed;
    return to_.on_request(request_, ++number_);
  }
  credit_ -= std::min(credit_, whole.body.size());
  to_.on_body(number_, whole.body, true);
}

bool http_session::grant(std::uint64_t number, std::size_t bytes) {
  if (ending_ != ending::open || number != number_ || !streamed_ || reading_ != reading::body) return false;
  credit_ += bytes;
  if (credit_ != 0 && input_.empty()) let_go_on();
  return true;
}

// Answering ----------------------------------------------------------------------------------------------

bool http_session::is_owed(std::uint64_t number) const {
  return ending_ == ending::open && answering_ == answering::owed && number == number_;
}

bool http_session::is_begun(std::uint64_t number) const {
  return ending_ == ending::open && answering_ == answering::begun && number == number_;
}

// Whether the connection can go on behind this answer. Where the next request begins is known only at the end
// of the body. A whole answer that comes before that closes the connection; with an answer in parts, the body
// may have ended by the time the answer ends.
bool http_session::may_stay(bool whole) const {
  if (!request_.keep_alive || number_ >= requests_) return false;
  if (reading_ != reading::done) return !whole && !expects_;
  return !ended_ || !input_.empty();
}

bool http_session::answer(std::uint64_t number, const http_response& response) {
  if (!is_owed(number)) return false;
  keep_alive_ = may_stay(true);
  const http_framing framing{request_.minor, keep_alive_, request_.method == "HEAD"};
  to_.on_bytes(encode_head(response, framing, response.body.size()));
  if (http_has_content(response.status) && !framing.head_only) to_.on_bytes(response.body);
  to_.on_answered(response.status);
  end_answer();
  return true;
}

bool http_session::begin(std::uint64_t number, const http_response& head,
                         std::optional<std::uint64_t> length) {
  if (!is_owed(number)) return false;
  if (head.status < 300) let_go_on(); // the body will be read, and this is the last moment to ask for it
  if (!http_has_content(head.status)) length = 0;
  bodyless_ = request_.method == "HEAD" || !http_has_content(head.status);
  chunked_ = !length && request_.minor == 1;
  left_ = length;
  keep_alive_ = may_stay(false) && (length || chunked_ || bodyless_);
  to_.on_bytes(encode_head(head, {request_.minor, keep_alive_, bodyless_}, length));
  to_.on_answered(head.status);
  answering_ = answering::begun;
  if (takes_nothing()) input_.clear();
  return true;
}

bool http_session::write(std::uint64_t number, std::string_view bytes) {
  if (!is_begun(number)) return false;
  if (bodyless_ || bytes.empty()) return true;
  if (left_) {
    if (bytes.size() > *left_) {
      leave(ending::broken);
      return false;
    }
    *left_ -= bytes.size();
  }
  if (chunked_) to_.on_bytes(fmt::format("{:x}\r\n", bytes.size()));
  to_.on_bytes(bytes);
  if (chunked_) to_.on_bytes("\r\n");
  return true;
}

std::uint64_t http_session::may_pass(std::uint64_t number) const {
  return is_begun(number) && !bodyless_ ? left_.value_or(0) : 0;
}

bool http_session::end(std::uint64_t number) {
  if (!is_begun(number)) return false;
  if (left_.value_or(0) != 0 && !bodyless_) {
    leave(ending::broken);
    return false;
  }
  if (chunked_ && !bodyless_) to_.on_bytes("0\r\n\r\n");
  end_answer();
  return true;
}

bool http_session::break_off(std::uint64_t number) {
  if (!is_owed(number) && !is_begun(number)) return false;
  leave(ending::broken);
  return true;
}

std::optional<std::string> http_session::upgrade(std::uint64_t number, const http_response& head) {
  if (!is_owed(number) || reading_ != reading::done || has_body_ || !request_.upgrades()) return std::nullopt;
  http_response first = head;
  first.status = 101;
  to_.on_bytes(encode_head(first, {request_.minor, true, true}, std::nullopt));
  to_.on_answered(101);
  leave(ending::upgraded);
  return std::exchange(input_, {});
}

void http_session::end_answer() {
  answering_ = answering::none;
  if (!keep_alive_ || reading_ != reading::done) return leave(ending::closing);
  reading_ = reading::idle;
  has_body_ = false;
  streamed_ = false;
  request_ = {};
}

// The end ------------------------------------------------------------------------------------------------

void http_session::leave(ending how) {
  answering_ = answering::none;
  ending_ = how;
  unfinished_.release();
}

// The connection cannot go on, because it is unknown where the next request begins.
void http_session::refuse(int status, std::string_view why) {
  http_response answer{status, "text/plain; charset=utf-8", fmt::format("{}\n", why)};
  if (status == 503) answer.headers.push_back({"Retry-After", "1"});
  const http_request* const asked = streamed_                 ? &request_
                                    : reader_.is_understood() ? &reader_.request()
                                                              : nullptr;
  to_.on_refusal(asked, answer);
  if (answering_ == answering::begun) return gone(); // what has been sent already is cut off
  to_.on_bytes(encode(answer, asked == nullptr ? http_framing{.keep_alive = false}
                                               : http_framing{asked->minor, false, asked->method == "HEAD"}));
  to_.on_answered(status);
  const bool was_owed = answering_ == answering::owed;
  leave(ending::closing);
  if (was_owed) to_.on_abandoned(number_);
}

void http_session::time_out() {
  const phase at = now();
  if (at == phase::head || at == phase::body) return refuse(408, "the request did not come in time");
  gone();
}

void http_session::gone() {
  if (ending_ != ending::open) return;
  const bool was_owed = answering_ != answering::none;
  // If the client has ended in an orderly way and is owed nothing, the connection closes in an orderly way.
  leave(!was_owed && ended_ ? ending::closing : ending::broken);
  if (was_owed) to_.on_abandoned(number_);
}

} // namespace coppice::net
