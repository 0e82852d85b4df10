// SPDX-License-Identifier: MIT
// See http_connection.hpp.
#include "net/http_connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace coppice::net {
namespace {

// With more than this waiting to be sent the next request is not read yet.
constexpr std::size_t much_unsent = 64 << 10;

} // namespace

http_connection::http_connection(uv_loop_t* loop, stream socket, const http_options& options, callbacks to)
    : options_(options),
      to_(std::move(to)),
      stream_(std::move(socket)),
      reader_(options.limits),
      deadline_(loop, [this] { on_deadline(); }) {
  enter(phase::waiting);
  // A new connection has something to say.
  deadline_.start(std::min(options_.timeouts.head, stream_.place().patience()));
  stream_.start(*this);
}

void http_connection::drop() {
  stream_.close();
  leave();
}

// Reading ------------------------------------------------------------------------------------------------

void http_connection::on_data(base::bytes_span bytes) {
  input_ += base::as_text(bytes);
  go_on();
}

void http_connection::go_on() {
  if (reading_) return;
  reading_ = true;
  while (phase_ <= phase::body && !input_.empty()) read_some();
  reading_ = false;
  if (ended_ && phase_ <= phase::body) finish();
}

void http_connection::read_some() {
  input_.erase(0, reader_.feed(input_));
  switch (reader_.now()) {
    case http_reader::state::nothing:
      return;
    case http_reader::state::head:
      if (phase_ == phase::waiting) enter(phase::head);
      return;
    case http_reader::state::body:
      if (phase_ != phase::body) enter(phase::body);
      if (reader_.take_expectation() && input_.empty()) stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
      return;
    case http_reader::state::failed:
      return refuse(reader_.why().status, reader_.why().why);
    case http_reader::state::complete:
      stream_.place().spoke();
      enter(phase::answering);
      request_ = reader_.take();
      return to_.ask(request_, ++number_);
  }
}

bool http_connection::on_end() {
  ended_ = true;
  if (phase_ <= phase::body) finish();
  return true; // what was asked before can still be answered
}

void http_connection::on_closed(base::error) {
  leave();
}

void http_connection::enter(phase next) {
  phase_ = next;
  switch (next) {
    case phase::waiting:
      return deadline_.start(options_.timeouts.idle);
    case phase::head:
      if (number_ == 0) return; // counted from the connection's start
      return deadline_.start(options_.timeouts.head);
    case phase::body:
      return deadline_.start(options_.timeouts.body);
    case phase::draining:
      return deadline_.start(options_.timeouts.write);
    case phase::answering:
      stream_.pause();
      stream_.place().hold(true);
      return deadline_.stop();
    case phase::over:
      return deadline_.stop();
  }
}

void http_connection::on_deadline() {
  if (phase_ == phase::head || phase_ == phase::body) return refuse(408, "the request did not come in time");
  drop();
}

// Answering ----------------------------------------------------------------------------------------------

void http_connection::answer(std::uint64_t number, const http_response& response) {
  if (phase_ != phase::answering || number != number_) return;
  stream_.place().hold(false);
  const bool more_to_come = !ended_ || !input_.empty();
  const bool keep_alive = request_.keep_alive && more_to_come && number < options_.requests;
  send(response, keep_alive);
  if (!keep_alive) return finish();
  if (stream_.bytes_queued() > much_unsent) stream_.flush();
  if (stream_.bytes_queued() > much_unsent) return enter(phase::draining);
  next_request();
}

void http_connection::on_drained() {
  if (phase_ == phase::draining) next_request();
}

void http_connection::next_request() {
  enter(phase::waiting);
  stream_.resume();
  go_on();
}

void http_connection::refuse(int status, std::string_view why) {
  request_ = {};
  send({status, "text/plain; charset=utf-8", fmt::format("{}\n", why)}, false);
  finish();
}

void http_connection::send(const http_response& response, bool keep_alive) {
  stream_.write(encode(response, {request_.minor, keep_alive, request_.method == "HEAD"}));
  to_.answered(response.status);
}

void http_connection::finish() {
  stream_.close_when_written(options_.timeouts.write);
  leave();
}

void http_connection::leave() {
  if (phase_ == phase::over) return;
  enter(phase::over);
  to_.gone();
}

} // namespace coppice::net
