// SPDX-License-Identifier: MIT
// The listener and the connections by number. See http_server.hpp.
#include "net/http_server.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "net/http_connection.hpp"
#include "net/listener.hpp"

namespace coppice::net {
namespace {

constexpr std::chrono::milliseconds look_again{100};

} // namespace

class http_server::inner {
 public:
  inner(uv_loop_t* loop, const http_options& options, handler handle)
      : loop_(loop),
        options_(options),
        handle_(std::move(handle)),
        sweep_(loop, [this] { left_.clear(); }),
        again_(loop, [this] { make_room(); }) {}

  base::status listen(const base::socket_address& at) {
    listen_options bounds;
    bounds.max_connections = options_.connections;
    auto made = listener::tcp(loop_, at, {at.port(), at.port()}, bounds,
                              [this](accepted_socket socket) { accept(std::move(socket)); });
    if (!made) return tl::unexpected(std::move(made.error()));
    listener_ = std::move(*made);
    return {};
  }

  void answer(http_exchange to, const http_response& response) {
    const auto found = connections_.find(to.connection);
    if (found != connections_.end()) found->second->answer(to.number, response);
  }

  base::socket_address address() const { return listener_.address(); }
  std::size_t connections() const { return connections_.size(); }
  const std::map<int, std::uint64_t>& answered() const { return answered_; }

 private:
  void accept(accepted_socket socket) {
    auto taken = stream::adopt(loop_, std::move(socket));
    if (!taken) return base::log::warning("http", "{}", taken.error().text);
    const std::uint64_t number = ++last_;
    http_connection::callbacks to;
    to.ask = [this, number](const http_request& asked, std::uint64_t request) {
      handle_(asked, {number, request});
    };
    to.answered = [this](int status) { ++answered_[status]; };
    to.gone = [this, number] { leave(number); };
    connections_.emplace(
        number, std::make_unique<http_connection>(loop_, std::move(*taken), options_, std::move(to)));
    make_room();
  }

  // So that somebody who holds all places without asking anything keeps nobody out.
  void make_room() {
    if (connections_.size() < options_.connections) return;
    const std::size_t enough = options_.connections - std::max<std::size_t>(1, options_.connections / 8);
    while (connections_.size() > enough) {
      http_connection* const one = longest_idle();
      if (one == nullptr) break;
      one->drop();
    }
    again_.start(look_again);
  }

  http_connection* longest_idle() const {
    http_connection* longest = nullptr;
    for (const auto& [number, one] : connections_) {
      if (!one->idle()) continue;
      if (longest == nullptr || one->waits_since() < longest->waits_since()) longest = one.get();
    }
    return longest;
  }

  // A connection can't be destroyed under its own feet: it is put aside for the loop's next turn.
  void leave(std::uint64_t number) {
    const auto found = connections_.find(number);
    if (found == connections_.end()) return;
    left_.push_back(std::move(found->second));
    connections_.erase(found);
    sweep_.start(std::chrono::milliseconds(0));
  }

  uv_loop_t* loop_;
  const http_options options_;
  handler handle_;
  listener listener_;
  std::unordered_map<std::uint64_t, std::unique_ptr<http_connection>> connections_;
  std::vector<std::unique_ptr<http_connection>> left_;
  base::uv::timer sweep_;
  base::uv::timer again_; // while there is no room
  std::uint64_t last_ = 0;
  std::map<int, std::uint64_t> answered_;
};

http_server::http_server(std::unique_ptr<inner> made) : inner_(std::move(made)) {}
http_server::http_server(http_server&&) noexcept = default;
http_server& http_server::operator=(http_server&&) noexcept = default;
http_server::~http_server() = default;

base::result<http_server> http_server::start(uv_loop_t* on, const base::socket_address& at,
                                             const http_options& options, handler handle) {
  auto made = std::make_unique<inner>(on, options, std::move(handle));
  if (auto listening = made->listen(at); !listening) return tl::unexpected(std::move(listening.error()));
  return http_server(std::move(made));
}

void http_server::answer(http_exchange to, const http_response& response) {
  inner_->answer(to, response);
}
base::socket_address http_server::address() const {
  return inner_->address();
}
std::size_t http_server::connections() const {
  return inner_->connections();
}
const std::map<int, std::uint64_t>& http_server::answered() const {
  return inner_->answered();
}

} // namespace coppice::net
