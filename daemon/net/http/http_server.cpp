// SPDX-License-Identifier: MIT
// The listener, and the connections by their numbers. The loop's thread.
#include "net/http/http_server.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log_counted.hpp"
#include "net/http/http_connection.hpp"
#include "net/listening/listener.hpp"
#include "net/tls/tls_pacer.hpp"

namespace coppice::net {

class http_server::inner final : public http_connection::owner {
 public:
  inner(uv_loop_t* loop, const http_options& options, http_handlers handlers)
      : loop_(loop), options_(options), handlers_(std::move(handlers)), pacer_(loop), sweep_(loop, [this] {
          left_.clear();
        }) {}

  base::status listen(const base::socket_address& at) {
    listen_options bounds = for_requests("HTTP", options_.connections);
    bounds.kept = options_.kept;
    auto made = listener::tcp(loop_, at, {at.port(), at.port()}, bounds,
                              [this](accepted_socket socket) { accept(std::move(socket)); });
    if (!made) return unexpected(std::move(made.error()));
    listener_ = std::move(*made);
    return {};
  }

  http_connection* find(http_exchange one) const {
    const auto found = connections_.find(one.connection);
    return found == connections_.end() ? nullptr : found->second.get();
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
    tls_options tls;
    if (options_.tls != nullptr) {
      tls = {options_.tls->server(), &pacer_, "", options_.timeouts.head};
      if (tls.context == nullptr)
        return; // no certificate could be loaded, which was logged; connections are never taken without TLS
    }
    auto taken = stream::adopt(loop_, std::move(socket), tls);
    if (!taken) {
      return base::log::counted(base::log::level::warning, "http", "accept", "{}", taken.error().text);
    }
    const std::uint64_t number = ++last_;
    connections_.emplace(
        number, std::make_unique<http_connection>(loop_, std::move(*taken), options_, number, *this));
  }

  http_body_plan plan(const http_request& asked) override {
    return handlers_.plan ? handlers_.plan(asked) : http_body_plan{};
  }
  void ask(const http_request& asked, std::uint64_t connection, std::uint64_t number) override {
    handlers_.handle(asked, {connection, number});
  }
  void take_body(http_exchange of, std::string_view part, bool last) override {
    if (handlers_.body) handlers_.body(of, part, last);
  }
  void abandoned(http_exchange it) override {
    if (handlers_.abandoned) handlers_.abandoned(it);
  }
  void writable(http_exchange it) override {
    if (handlers_.writable) handlers_.writable(it);
  }
  void refusing(const http_request* asked, http_response& answer) override {
    if (handlers_.refusing) handlers_.refusing(asked, answer);
  }
  void answered(int status) override { ++answered_[status]; }

  // A connection cannot be destroyed inside its own functions; it is destroyed in the next turn of the loop.
  void gone(std::uint64_t number) override {
    const auto found = connections_.find(number);
    if (found == connections_.end()) return;
    left_.push_back(std::move(found->second));
    connections_.erase(found);
    sweep_.start(std::chrono::milliseconds(0));
  }

  uv_loop_t* loop_;
  const http_options options_;
  http_handlers handlers_;
  tls_pacer pacer_;
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
                                             const http_options& options, http_handlers handlers) {
  auto made = std::make_unique<inner>(on, options, std::move(handlers));
  if (auto listening = made->listen(at); !listening) return unexpected(std::move(listening.error()));
  return http_server(std::move(made));
}

void http_server::answer(http_exchange to, const http_response& response) {
  if (http_connection* const one = inner_->find(to)) one->answer(to.number, response);
}
bool http_server::begin(http_exchange to, const http_response& head, std::optional<std::uint64_t> length) {
  http_connection* const one = inner_->find(to);
  return one != nullptr && one->begin(to.number, head, length);
}
http_written http_server::write(http_exchange to, std::string_view bytes) {
  http_connection* const one = inner_->find(to);
  return one == nullptr ? http_written::gone : one->write(to.number, bytes);
}
bool http_server::end(http_exchange to) {
  http_connection* const one = inner_->find(to);
  return one != nullptr && one->end(to.number);
}
void http_server::break_off(http_exchange to) {
  if (http_connection* const one = inner_->find(to)) one->break_off(to.number);
}
void http_server::grant(http_exchange to, std::size_t bytes) {
  if (http_connection* const one = inner_->find(to)) one->grant(to.number, bytes);
}
base::result<http_upgraded> http_server::upgrade(http_exchange to, const http_response& head) {
  if (http_connection* const one = inner_->find(to)) return one->upgrade(to.number, head);
  return base::fail(base::errc::invalid, "HTTP: the client has left");
}
std::optional<base::socket_address> http_server::client(http_exchange of) const {
  const http_connection* const one = inner_->find(of);
  return one == nullptr ? std::nullopt : one->client();
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
