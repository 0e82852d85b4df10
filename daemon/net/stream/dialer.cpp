// SPDX-License-Identifier: MIT
// Each attempt is a stream with a handler of its own. The first that connects ends the others. TLS begins on
// that one only, so a server sees at most one handshake. The loop's thread.
#include "net/stream/dialer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/uv.hpp"
#include "net/deadline.hpp"
#include "net/stream/resolver.hpp"

namespace coppice::net {
namespace {

// The handler of a stream that its dialer has left and its user has not taken over yet.
class nobody final : public stream_handler {
 public:
  void on_data(base::bytes_span) override {}
  void on_closed(base::error) override {}
};
nobody no_handler; // stateless

std::string name_of(const dial_target& to) {
  if (!to.path.empty()) return to.path;
  return to.host.find(':') == std::string::npos ? fmt::format("{}:{}", to.host, to.port)
                                                : fmt::format("[{}]:{}", to.host, to.port);
}

} // namespace

std::vector<base::socket_address> interleaved(const std::vector<base::socket_address>& addresses) {
  if (addresses.empty()) return {};
  std::vector<base::socket_address> first;
  std::vector<base::socket_address> other;
  for (const auto& one : addresses) (one.is_ipv6() == addresses[0].is_ipv6() ? first : other).push_back(one);
  std::vector<base::socket_address> out;
  for (std::size_t i = 0; i < std::max(first.size(), other.size()); ++i) {
    if (i < first.size()) out.push_back(first[i]);
    if (i < other.size()) out.push_back(other[i]);
  }
  return out;
}

class dialer::attempt final : public stream_handler {
 public:
  explicit attempt(inner& of) : of_(of) {}

  base::status begin(base::result<stream> connecting) {
    if (!connecting) return unexpected(std::move(connecting.error()));
    stream_ = std::move(*connecting);
    return {};
  }
  stream take() { return std::move(stream_); }
  stream& get() { return stream_; }

  // Each of these may destroy this attempt.
  void on_connected() override;
  void on_secured() override;
  void on_closed(base::error why) override;
  // Not called: a connected stream is given away or secured, and a secured one is given away.
  void on_data(base::bytes_span) override {}

 private:
  inner& of_;
  stream stream_;
};

class dialer::inner {
 public:
  inner(uv_loop_t* on, dial_target to, dial_options options, done_fn done)
      : loop_(on),
        to_(std::move(to)),
        options_(std::move(options)),
        done_(std::move(done)),
        next_(on, [this] { try_next(); }),
        deadline_(on, [this] { timed_out(); }) {
    if (options_.tls.host.empty()) options_.tls.host = to_.host;
    options_.tls.timeout = options_.timeout + std::chrono::seconds(1); // the dialer's deadline comes first
    deadline_.start(options_.timeout);
  }

  base::status look_up() {
    auto started = resolution::start(loop_, to_.host, to_.port, options_.cause,
                                     [this](base::result<std::vector<base::socket_address>> found) {
                                       if (!found) return finish(unexpected(named(found.error())));
                                       try_all(*found);
                                     });
    if (!started) return unexpected(std::move(started.error()));
    resolution_ = std::move(*started);
    return {};
  }

  // Delays the first attempt: it may fail at once, and `done` is never called within start().
  void try_soon(std::vector<base::socket_address> among) {
    addresses_ = std::move(among);
    next_.start(std::chrono::milliseconds(0));
  }

  base::status connect_path() {
    attempts_.push_back(std::make_unique<attempt>(*this));
    ++tried_;
    return attempts_.back()->begin(stream::connect_unix(loop_, to_.path, *attempts_.back()));
  }

  void connected(attempt& winner) {
    next_.stop();
    addresses_.clear();
    std::erase_if(attempts_, [&winner](const auto& one) { return one.get() != &winner; });
    connected_ = true;
    if (options_.tls.context) return winner.get().start_tls(options_.tls);
    succeed(winner);
  }

  void succeed(attempt& winner) {
    stream made = winner.take();
    made.set_handler(no_handler);
    finish(std::move(made));
  }

  void failed(attempt& loser, base::error why) {
    why_ = std::move(why);
    if (connected_) {
      loser.get().close_when_written(); // sends the alert
      return finish(unexpected(named(*why_)));
    }
    std::erase_if(attempts_, [&loser](const auto& one) { return one.get() == &loser; });
    try_next();
  }

 private:
  void try_all(const std::vector<base::socket_address>& found) {
    addresses_ = interleaved(found);
    try_next();
  }

  // May destroy this object.
  void try_next() {
    while (at_ < addresses_.size()) {
      const base::socket_address to = addresses_[at_++];
      if (options_.from && options_.from->is_ipv6() != to.is_ipv6()) continue;
      ++tried_;
      auto fresh = std::make_unique<attempt>(*this);
      connect_options how;
      how.timeout = std::chrono::milliseconds(0); // the dialer's deadline covers all attempts
      how.from = options_.from;
      if (auto begun = fresh->begin(stream::connect(loop_, to, how, *fresh)); !begun) {
        why_ = std::move(begun.error());
        continue;
      }
      attempts_.push_back(std::move(fresh));
      if (at_ < addresses_.size()) next_.start(options_.attempt_delay);
      return;
    }
    if (!attempts_.empty()) return;
    if (!why_) why_ = base::error{base::errc::not_found, "it has no address of the family to connect from"};
    finish(unexpected(named(*why_)));
  }

  void timed_out() {
    const char* what = "its address was not found";
    if (tried_ > 0) what = connected_ ? "no end of the TLS handshake" : "no answer";
    std::string text = fmt::format("{} within {} ms", what, options_.timeout.count());
    if (why_) text += "; before: " + why_->text;
    finish(unexpected(named({base::errc::timeout, std::move(text)})));
  }

  base::error named(base::error why) const {
    std::string what = "connect to " + name_of(to_);
    if (why.text.rfind(what + ":", 0) == 0) return why;
    if (tried_ > 1 && !connected_) what += fmt::format(": {} addresses were tried, the last", tried_);
    return std::move(why).context(what);
  }

  void finish(base::result<stream> with) {
    next_.stop();
    deadline_.stop();
    attempts_.clear();
    const done_fn call = std::move(done_);
    call(std::move(with)); // may destroy this object
  }

  uv_loop_t* loop_;
  dial_target to_;
  dial_options options_;
  done_fn done_;
  resolution resolution_;
  std::vector<base::socket_address> addresses_;
  std::size_t at_ = 0; // index of the next address
  std::size_t tried_ = 0;
  std::vector<std::unique_ptr<attempt>> attempts_; // under way
  std::optional<base::error> why_;                 // of the last attempt that failed
  bool connected_ = false;
  base::uv::timer next_;
  deadline deadline_;
};

void dialer::attempt::on_connected() {
  of_.connected(*this);
}
void dialer::attempt::on_secured() {
  of_.succeed(*this);
}
void dialer::attempt::on_closed(base::error why) {
  of_.failed(*this, std::move(why));
}

dialer::dialer() = default;
dialer::dialer(std::unique_ptr<inner> made) : inner_(std::move(made)) {}
dialer::dialer(dialer&& other) noexcept = default;
dialer& dialer::operator=(dialer&& other) noexcept = default;
dialer::~dialer() = default;

base::result<dialer> dialer::start(uv_loop_t* on, const dial_target& to, const dial_options& options,
                                   done_fn done) {
  if (to.host.empty() && to.path.empty()) {
    return base::fail(base::errc::invalid, "connect: there is neither a host nor a path");
  }
  auto made = std::make_unique<inner>(on, to, options, std::move(done));
  const auto begun = to.path.empty() ? made->look_up() : made->connect_path();
  if (!begun) return unexpected(begun.error());
  return dialer(std::move(made));
}

base::result<dialer> dialer::start_among(uv_loop_t* on, std::vector<base::socket_address> addresses,
                                         const dial_target& to, const dial_options& options, done_fn done) {
  if (addresses.empty()) {
    return base::fail(base::errc::invalid, "connect to " + name_of(to) + ": there is no address");
  }
  auto made = std::make_unique<inner>(on, to, options, std::move(done));
  made->try_soon(std::move(addresses));
  return dialer(std::move(made));
}

} // namespace coppice::net
