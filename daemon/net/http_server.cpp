// SPDX-License-Identifier: MIT
// The listener and the connections by number. See http_server.hpp.
#include "net/http_server.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log_counted.hpp"
#include "net/http_connection.hpp"
#include "net/listener.hpp"

namespace coppice::net {

class http_server::inner {
 public:
  inner(uv_loop_t* loop, const http_options& options, handler handle)
      : loop_(loop), options_(options), handle_(std::move(handle)), sweep_(loop, [this] { left_.clear(); }) {}

  base::status listen(const base::socket_address& at) {
    listen_options bounds = for_requests("HTTP", options_.connections);
    bounds.kept = options_.kept;
    auto made = listener::tcp(loop_, at, {at.port(), at.port()}, bounds,
                              [this](accepted_socket socket) { accept(std::move(socket)); });
    if (!made) return unexpected(std::move(made.error()));
    listener_ = std::move(*made);
    return {};
  }

  void answer(http_exchange to, const http_response& response) {
    const auto found = connections_.find(to.connection);
    if (found != connections_.end()) found->second->answer(to.number, response);
  }

  void accept_no_more() { listener_.close(); }
  bool owes() const {
    return std::ranges::any_of(connections_, [](const auto& one) { return one.second->owed(); });
  }
  base::socket_address address() const { return listener_.address(); }
  std::size_t connections() const { return connections_.size(); }
  const std::map<int, std::uint64_t>& answered() const { return answered_; }

 private:
  void accept(accepted_socket socket) {
    auto taken = stream::adopt(loop_, std::move(socket));
    if (!taken) {
      return base::log::counted(base::log::level::warning, "http", "accept", "{}", taken.error().text);
    }
    const std::uint64_t number = ++last_;
    http_connection::callbacks to;
    to.ask = [this, number](const http_request& asked, std::uint64_t request) {
      handle_(asked, {number, request});
    };
    to.answered = [this](int status) { ++answered_[status]; };
    to.gone = [this, number] { leave(number); };
    connections_.emplace(
        number, std::make_unique<http_connection>(loop_, std::move(*taken), options_, std::move(to)));
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
  if (auto listening = made->listen(at); !listening) return unexpected(std::move(listening.error()));
  return http_server(std::move(made));
}

void http_server::answer(http_exchange to, const http_response& response) {
  inner_->answer(to, response);
}
void http_server::accept_no_more() {
  inner_->accept_no_more();
}
bool http_server::owes() const {
  return inner_->owes();
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
