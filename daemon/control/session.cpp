// SPDX-License-Identifier: MIT
// Lines in, lines out; see session.hpp.
#include "control/session.hpp"

#include "base/border.hpp"
#include "base/bytes.hpp"
#include "base/log_counted.hpp"

namespace coppice::control {

namespace {
constexpr std::chrono::milliseconds reading_patience{10'000};
}

session::session(uv_loop_t* loop, net::stream connection, const caller& who, ask_function ask,
                 std::function<void()> gone)
    : stream_(std::move(connection)),
      who_(who),
      ask_(std::move(ask)),
      gone_(std::move(gone)),
      patience_(loop, [this] { on_timeout(); }) {
  patience_.start(stream_.place().patience());
  stream_.start(*this);
}

session::~session() {
  give_up();
}

void session::on_data(base::bytes_span bytes) {
  received_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  next_request();
}

bool session::on_end() {
  ended_ = true;
  return answering_ || unread_ != 0; // the last answer can still be read
}

void session::on_closed(base::error) {
  leave();
}

// The stream may be gone: nothing that comes later may touch it.
void session::leave() {
  patience_.stop();
  if (!std::exchange(over_, true)) gone_();
}

void session::next_request() {
  if (answering_ || unread_ != 0) return;
  const std::size_t end = received_.find('\n', searched_);
  if (end == std::string::npos) {
    searched_ = received_.size();
    if (received_.size() > api::max_request_bytes) return reject("the request is too large");
    return stream_.resume();
  }
  auto request = api::decode_request(std::string_view(received_).substr(0, end));
  received_.erase(0, end + 1);
  searched_ = 0;
  patience_.stop();
  stream_.place().spoke();
  if (!request) return reject(request.error().text);
  answering_ = true;
  stream_.place().hold(true);
  stream_.pause();
  // If the function throws, its answer is destroyed unused, which tells the client so.
  base::contained("a request at the control socket",
                  [&] { pending_ = ask_(std::move(*request), ++number_); });
  if (pending_.patience) patience_.start(*pending_.patience);
}

void session::on_timeout() {
  if (unread_ != 0) return on_unread();
  if (!answering_) return reject("no request came in time");
  api::reply late = not_in_time("not done in time");
  if (pending_.overdue) late = pending_.overdue();
  give_up();
  answer(number_, api::encode(late));
}

void session::give_up() {
  if (auto stop = std::exchange(pending_.give_up, nullptr)) stop();
}

void session::answer(std::uint64_t number, std::string_view line) {
  if (over_ || !answering_ || number != number_) return;
  answering_ = false;
  stream_.place().hold(false);
  pending_ = {};
  patience_.stop();
  stream_.write(line);
  stream_.flush();
  unread_ = stream_.bytes_queued();
  if (unread_ == 0) return go_on();
  stream_.pause();
  patience_.start(reading_patience);
}

void session::on_drained() {
  if (std::exchange(unread_, 0) == 0) return;
  patience_.stop();
  go_on();
}

void session::on_unread() {
  const std::size_t left = stream_.bytes_queued();
  if (left < std::exchange(unread_, left)) return patience_.start(reading_patience);
  base::log::counted(base::log::level::warning, "control", "unread",
                     "a client (uid {}, pid {}) does not read its answer: let go of", who_.uid, who_.pid);
  stream_.close();
  leave();
}

void session::go_on() {
  if (ended_ && received_.find('\n') == std::string::npos) {
    stream_.close_when_written();
    return leave();
  }
  next_request();
}

void session::reject(const std::string& why) {
  stream_.write(api::encode(api::reply(unexpect, api::failure{base::errc::invalid, "request", why, {}})));
  stream_.close_when_written();
  leave();
}

} // namespace coppice::control
