// SPDX-License-Identifier: MIT
// Decides, after each step of the session, which deadline runs and whether the stream is read. The loop's
// thread.
#include "net/http/http_connection.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "base/bound.hpp"

namespace coppice::net {
namespace {

// With more unsent bytes than this, the next request is not read yet, and a writer is told to wait.
const base::bound<std::size_t> much_unsent("net: unsent bytes of HTTP that make a writer wait", 64 << 10,
                                           256);
// With more unread bytes than this while a request is being answered, nothing is received.
const base::bound<std::size_t> much_unread("net: unread bytes of HTTP that stop the reading", 16 << 10, 256);

// Whether both directions are over, not one alone.
bool is_reset(int socket) {
  pollfd seen{socket, 0, 0};
  return ::poll(&seen, 1, 0) == 1;
}

} // namespace

http_connection::http_connection(uv_loop_t* loop, stream socket, const http_options& options,
                                 std::uint64_t number, owner& to, unfinished_bytes* unfinished)
    : options_(options),
      id_(number),
      to_(to),
      stream_(std::move(socket)),
      session_(options.limits, options.requests, *this, unfinished),
      deadline_(loop, [this] { on_deadline(); }),
      stall_(loop, [this] { drop(http_end::slow); }),
      // Not a timer: a timer that is due at once would fire again before the loop polls its sockets.
      next_turn_(loop, [this] {
        next_turn_.stop();
        go_on();
      }) {
  // The client of a new connection is expected to send something.
  deadline_.start(std::min(options_.timeouts.head, stream_.place().patience()));
  stream_.start(*this);
}

std::optional<base::socket_address> http_connection::client() const {
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  auto* const to = reinterpret_cast<sockaddr*>(&raw);
  if (wait_ == wait::over || ::getpeername(stream_.descriptor(), to, &length) != 0) return std::nullopt;
  auto address = base::socket_address::from_raw(to, length);
  return address ? std::optional(*address) : std::nullopt;
}

bool http_connection::owed() const {
  if (wait_ == wait::draining || wait_ == wait::over) return false;
  return session_.number() == 0 || wait_ != wait::request;
}

// Reading ------------------------------------------------------------------------------------------------

void http_connection::on_data(base::bytes_span bytes) {
  session_.feed(base::as_text(bytes));
  go_on();
}

bool http_connection::on_end() {
  if (is_reset(stream_.descriptor())) return false; // libuv reports no reset that comes behind bytes
  session_.end_of_input();
  go_on();
  if (wait_ == wait::owner) {
    await_answer();
    to_.said_all({id_, session_.number()});
  }
  return true; // earlier requests can still be answered
}

void http_connection::on_closed(base::error why) {
  const bool made_room = why.code == base::errc::limit;
  note_end(made_room ? http_end::silent : owed() ? http_end::broken : http_end::done);
  session_.gone();
  stream_.close_when_written(); // sends the alert that refuses a client's TLS
  leave();
}

void http_connection::on_request(const http_request& asked, std::uint64_t number) {
  stream_.place().spoke();
  hold(true);
  to_.ask(asked, id_, number);
}

void http_connection::on_body(std::uint64_t number, std::string_view part, bool last) {
  // While a streamed body keeps coming and is taken, its deadline moves on.
  if (wait_ == wait::body) deadline_.start(options_.timeouts.body);
  to_.take_body({id_, number}, part, last);
}

void http_connection::go_on() {
  if (stepping_ || draining_ || wait_ == wait::over) return;
  stepping_ = true;
  const bool more = session_.step();
  stepping_ = false;
  settle(more);
}

void http_connection::settle(bool more) {
  if (stepping_ || wait_ == wait::over) return;
  switch (session_.now()) {
    case http_session::phase::closing:
      return finish();
    case http_session::phase::broken:
      return drop(http_end::broken);
    case http_session::phase::upgraded:
      return;
    default:
      break;
  }
  draining_ = session_.now() == http_session::phase::waiting && is_full();
  const wait next = waits_for();
  if (next != wait_ || session_.number() != seen_) enter(next);
  read_or_pause(more);
}

http_connection::wait http_connection::waits_for() const {
  if (draining_) return wait::draining;
  switch (session_.now()) {
    case http_session::phase::waiting:
      return wait::request;
    case http_session::phase::head:
      return wait::head;
    case http_session::phase::body:
      return wait::body;
    default:
      return wait::owner;
  }
}

void http_connection::enter(wait next) {
  wait_ = next;
  seen_ = session_.number();
  hold(next == wait::owner);
  switch (next) {
    case wait::request:
      reset_.reset();
      return deadline_.start(options_.timeouts.idle);
    case wait::head:
      if (session_.number() == 0) return; // the deadline has run since the connection's start
      return deadline_.start(options_.timeouts.head);
    case wait::body:
      return deadline_.start(options_.timeouts.body);
    case wait::draining:
      return deadline_.start(options_.timeouts.write);
    case wait::owner:
      return await_answer();
    case wait::over:
      return deadline_.stop();
  }
}

void http_connection::await_answer() {
  const bool is_bounded = session_.input_ended() && !answering_ && options_.timeouts.ended.count() != 0;
  is_bounded ? deadline_.start(options_.timeouts.ended) : deadline_.stop();
}

void http_connection::hold(bool held) {
  if (std::exchange(held_, held) != held) stream_.place().hold(held);
}

void http_connection::read_or_pause(bool more) {
  const bool waits = wait_ == wait::owner || wait_ == wait::draining;
  if (more && !waits) next_turn_.start();
  const bool much = waits && session_.unread() > much_unread;
  if (more || much || wait_ == wait::draining)
    stream_.pause();
  else
    stream_.resume();
  if (much && wait_ == wait::owner && !reset_) watch_for_reset();
}

// A client that resets the connection in the middle of a body that is not read would otherwise keep its place
// for as long as the owner takes.
void http_connection::watch_for_reset() {
  base::unique_fd second(::fcntl(stream_.descriptor(), F_DUPFD_CLOEXEC, 0));
  if (second.get() < 0) return;
  auto poll = base::uv::poll::make(deadline_.loop_raw(), second.get(), [this](int, int) {
    if (is_reset(reset_->socket.get())) return drop(http_end::broken);
    static_cast<void>(reset_->of.start(0)); // the client has ended its side only, and may wait for the answer
  });
  if (poll && poll->start(UV_DISCONNECT))
    reset_ = std::make_unique<second_look>(second_look{std::move(second), std::move(*poll)});
}

void http_connection::on_deadline() {
  if (wait_ == wait::owner) return drop(http_end::silent);
  const http_end how = wait_ == wait::draining ? http_end::slow : http_end::silent;
  session_.time_out();
  note_end(how); // with the bytes of the answer that time_out() wrote
  if (session_.now() == http_session::phase::closing) return finish();
  drop(how);
}

// Answering ----------------------------------------------------------------------------------------------

// Every end of an answer continues with what has been received.
void http_connection::answer(std::uint64_t number, const http_response& response) {
  if (session_.answer(number, response)) settle(session_.has_more());
}

bool http_connection::begin(std::uint64_t number, const http_response& head,
                            std::optional<std::uint64_t> length) {
  const bool begun = session_.begin(number, head, length);
  if (begun) answering_ = true;
  if (wait_ == wait::owner) await_answer();
  return begun;
}

http_written http_connection::write(std::uint64_t number, std::string_view bytes) {
  const bool taken = session_.write(number, bytes);
  settle(false);
  if (!taken) return http_written::gone;
  if (!is_full()) return http_written::taken;
  if (!std::exchange(told_full_, true)) stall_.start(options_.timeouts.write);
  return http_written::full;
}

std::size_t http_connection::send_file(std::uint64_t number, int file, std::uint64_t offset,
                                       std::size_t most) {
  if (wait_ == wait::over) return 0;
  most = static_cast<std::size_t>(std::min<std::uint64_t>(most, session_.may_pass(number)));
  const std::size_t sent = most == 0 ? 0 : stream_.send_file(file, offset, most);
  if (sent != 0) session_.passed(sent);
  return sent;
}

bool http_connection::end(std::uint64_t number) {
  const bool ended = session_.end(number);
  told_full_ = answering_ = false;
  stall_.stop();
  settle(session_.has_more());
  return ended;
}

void http_connection::break_off(std::uint64_t number) {
  if (session_.break_off(number)) settle(false);
}

void http_connection::grant(std::uint64_t number, std::size_t bytes) {
  if (session_.grant(number, bytes)) settle(session_.has_more());
}

base::result<http_upgraded> http_connection::upgrade(std::uint64_t number, const http_response& head) {
  auto rest = session_.upgrade(number, head);
  if (!rest) return base::fail(base::errc::invalid, "HTTP: the request is gone, or asks for no upgrade");
  auto loose = stream_.detach();
  leave();
  if (!loose) return unexpected(std::move(loose.error()));
  return http_upgraded{std::move(*loose), std::move(*rest)};
}

bool http_connection::is_full() {
  if (stream_.bytes_queued() > much_unsent) stream_.flush();
  return stream_.bytes_queued() > much_unsent;
}

void http_connection::on_drained() {
  if (std::exchange(draining_, false)) return go_on();
  if (!std::exchange(told_full_, false)) return;
  stall_.stop();
  to_.writable({id_, session_.number()});
}

// The end ------------------------------------------------------------------------------------------------

void http_connection::end_soon() {
  if (wait_ == wait::over) return;
  session_.take_no_more();
  if (session_.now() == http_session::phase::waiting && !session_.has_more()) finish();
}

// The first reason that is noted stays.
void http_connection::note_end(http_end how) {
  if (!ended_) ended_ = {how, stream_.bytes_read(), stream_.bytes_written() + stream_.bytes_queued()};
}

void http_connection::drop(http_end how) {
  note_end(how);
  stream_.close();
  session_.gone();
  leave();
}

void http_connection::finish() {
  note_end(http_end::done);
  stream_.close_when_written(options_.timeouts.write);
  leave();
}

void http_connection::leave() {
  if (wait_ == wait::over) return;
  wait_ = wait::over;
  next_turn_.stop();
  deadline_.stop();
  stall_.stop();
  reset_.reset();
  to_.gone(id_);
}

} // namespace coppice::net
