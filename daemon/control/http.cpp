// SPDX-License-Identifier: MIT
// See http.hpp.
#include "control/http.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/border.hpp"
#include "base/json_text.hpp"
#include "base/log.hpp"
#include "base/log_settings.hpp"
#include "base/thread.hpp"
#include "base/uv.hpp"
#include "control/api_arguments.hpp"
#include "control/api_documents.hpp"
#include "control/health.hpp"
#include "control/metrics.hpp"
#include "net/http/last_answers.hpp"
#include "node/environment/cookie.hpp"
#include "node/instance/snapshots.hpp"

namespace coppice::control {
namespace {

using net::http_request;
using net::http_response;

// For the answer to a client that has ended its side of the connection: it may have left.
constexpr std::chrono::seconds ended_client_time{30};

http_response plain(int status, std::string text) {
  return {status, "text/plain; charset=utf-8", std::move(text)};
}

// The token's name in the log: the file without its folder, the variable or the credential.
std::string name_of(const spec::cookie_source& token) {
  if (token.file) return token.file->substr(token.file->rfind('/') + 1);
  return token.env.value_or(token.credential.value_or(""));
}

// Any client may ask for this, so no exit reason and no value of the configuration is in it.
http_response healthy(const node::node_status& status, const std::vector<complaint>& complaints) {
  nlohmann::json document = health_document(status, complaints);
  leave_out_terms("health", document);
  return {complaints.empty() ? 200 : 503, "application/json", base::json_text(document) + "\n"};
}

} // namespace

http_response contained_page(const std::function<http_response()>& make) {
  http_response shown = plain(500, "it could not be made\n");
  base::contained("a page of the node's HTTP server", [&] { shown = make(); });
  return shown;
}

class http_endpoint::inner {
 public:
  inner(const http_api::parts& on, base::uv::loop loop) : on_(on), node_(on.of), loop_(std::move(loop)) {}

  base::status open(const base::socket_address& at) {
    auto wake = base::uv::async::make(loop_, [this] {
      if (stopping_.load(std::memory_order_acquire)) loop_.stop();
    });
    if (!wake) return unexpected(std::move(wake.error()));
    wake_ = std::move(*wake);
    net::http_options options;
    options.limits.body = most_of_arguments;
    options.kept = {node_.sockets(), "http"};
    options.timeouts.ended = ended_client_time;
    const spec::http_options wanted = node_.spec().control.http.value_or(spec::http_options());
    options.connections = std::max<std::size_t>(options.connections, wanted.streams);
    auto tls = node_.open_tls(wanted.tls);
    if (!tls) return unexpected(std::move(tls.error()).context("tls"));
    options.tls = std::move(*tls);
    net::http_handlers handlers{
        [this](const http_request& asked, net::http_exchange from) { handle(asked, from); }};
    handlers.plan = [this](const http_request& asked) {
      return net::http_body_plan{.limit = api_->body_limit(asked)};
    };
    handlers.abandoned = [this](net::http_exchange it) { api_->abandoned(it); };
    handlers.refusing = [this](const http_request* asked, http_response& answer) {
      api_->refusing(asked, answer);
    };
    handlers.writable = [this](net::http_exchange it) { api_->writable(it); };
    auto made = net::http_server::start(loop_.raw(), at, options, std::move(handlers));
    if (!made) return unexpected(std::move(made.error()));
    server_.emplace(std::move(*made));
    address_ = server_->address();
    // A quarter of the places that no stream can take. The server has four places for each of these
    // connections.
    const std::size_t waiting = (4 * options.connections - wanted.streams) / 4;
    if (auto opened = open_api(wanted, options.tls != nullptr, waiting); !opened) return opened;
    auto made_thread = base::start_thread([this] { run(); });
    if (!made_thread) return unexpected(std::move(made_thread.error()));
    thread_ = std::move(*made_thread);
    return {};
  }

  ~inner() {
    if (!thread_.joinable()) return;
    stopping_.store(true, std::memory_order_release);
    wake_.send();
    thread_.join();
  }

  const base::socket_address& address() const { return address_; }

 private:
  struct page {
    std::string_view path;
    http_response (inner::*get)(const http_request&);
  };
  static constexpr std::array<page, 3> pages();

  void run() {
    loop_.run();
    server_->accept_no_more();
    api_->end_streams();
    if (node_.sockets() != nullptr) net::give_last_answers(loop_, [this] { return !server_->owes(); });
    server_.reset();
    api_.reset();
    wake_.close();
    loop_.run(); // the close callbacks
  }

  // `waiting`: most requests without the token that may wait at once.
  base::status open_api(const spec::http_options& wanted, bool has_tls, std::size_t waiting) {
    auto token = node::find_token(wanted.token);
    if (!token) return unexpected(std::move(token.error()));
    std::vector<std::string> hosts = wanted.hosts;
    if (const std::size_t at = node_.name().find('@'); at != std::string_view::npos)
      hosts.emplace_back(node_.name().substr(at + 1));
    auto made = http_api::make(loop_, on_,
                               {std::move(*token), wanted.rights, std::move(hosts), address_.is_loopback(),
                                has_tls, name_of(wanted.token)},
                               {wanted.streams, waiting});
    if (!made) return unexpected(std::move(made.error()));
    api_ = std::move(*made);
    api_->use(*server_);
    return {};
  }

  void handle(const http_request& asked, net::http_exchange from) {
    bool is_taken = false;
    const bool went_well =
        base::contained("a request to the node's HTTP server", [&] { is_taken = api_->handle(asked, from); });
    if (is_taken) return;
    server_->answer(from,
                    contained_page([&] { return went_well ? answer(asked) : plain(500, "it failed\n"); }));
  }

  http_response answer(const http_request& asked) {
    const access_rules& access = api_->access();
    if (access.local_only()) {
      const access_rules::verdict host = access.judge_host(asked);
      const std::string hint = host.why.hint.empty() ? "" : ": " + host.why.hint;
      if (host.status != 200) return plain(host.status, host.why.why + hint + "\n");
    }
    for (const page& one : pages()) {
      if (one.path != asked.path()) continue;
      if (asked.method == "GET" || asked.method == "HEAD") return fresh((this->*one.get)(asked));
      http_response refused = plain(405, "GET and HEAD only\n");
      refused.headers.push_back({"Allow", "GET, HEAD"});
      return refused;
    }
    return plain(404, access.is_open() ? "there are /, /api/v1/, /metrics, /livez and /readyz\n"
                                       : "there are /metrics, /livez and /readyz\n");
  }

  static http_response fresh(http_response made) {
    made.headers.push_back({"Cache-Control", "no-store"});
    return made;
  }

  http_response livez(const http_request&) {
    const node::node_status status = node_.snapshots().status_with_disk();
    return healthy(status, lives(status));
  }

  http_response readyz(const http_request&) {
    const node::node_status status = node_.snapshots().status_with_disk();
    return healthy(status, ready(status, node_.snapshots().degraded()));
  }

  http_response metrics(const http_request& asked) {
    metrics_source from;
    from.status = node_.snapshots().status_with_disk();
    from.given_up = node_.snapshots().degraded();
    from.ready = ready(from.status, from.given_up).empty();
    from.log_dropped = base::log::dropped();
    for (const base::log::handler_report& one : base::log::handler_reports())
      from.handler_drops.emplace_back(one.target.name, one.dropped);
    from.usage = own_usage();
    from.work = runtime::work_by_class(node_.runtime());
    from.http_connections = server_->connections();
    from.http_answered = server_->answered();
    from.http_streams = api_->open_streams();
    from.http_streams_dropped = api_->dropped_streams();
    const auto accept = asked.list("accept");
    const auto how = exposition::chosen(accept ? &*accept : nullptr);
    return {200, std::string(exposition::content_type(how)),
            metrics_text(from, node_.snapshots().counted(), how)};
  }

  const http_api::parts on_;
  node::instance& node_;
  base::uv::loop loop_;
  base::uv::async wake_;
  std::optional<net::http_server> server_;
  std::unique_ptr<http_api> api_;
  base::socket_address address_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

constexpr std::array<http_endpoint::inner::page, 3> http_endpoint::inner::pages() {
  return {page{"/metrics", &inner::metrics}, page{"/livez", &inner::livez}, page{"/readyz", &inner::readyz}};
}

http_endpoint::http_endpoint(std::unique_ptr<inner> made) : inner_(std::move(made)) {}
http_endpoint::~http_endpoint() = default;

const base::socket_address& http_endpoint::address() const {
  return inner_->address();
}

base::result<std::unique_ptr<http_endpoint>> http_endpoint::start(const http_api::parts& on,
                                                                  const base::socket_address& at) {
  auto loop = base::uv::loop::make();
  if (!loop) return unexpected(std::move(loop.error()));
  auto made = std::make_unique<inner>(on, std::move(*loop));
  if (auto opened = made->open(at); !opened) return unexpected(std::move(opened.error()));
  return std::unique_ptr<http_endpoint>(new http_endpoint(std::move(made)));
}

base::result<std::unique_ptr<http_endpoint>> serve_http(const http_api::parts& on) {
  const auto& wanted = on.of.spec().control.http;
  if (!wanted) return nullptr;
  const auto at = base::socket_address::parse(wanted->address, wanted->port);
  if (!at) return base::fail(at.error().code, "control.http: " + at.error().text);
  auto made = http_endpoint::start(on, *at);
  if (!made) return unexpected(std::move(made.error()).context("control.http"));
  base::log::info("control", "page, metrics and health at {}://{}/", wanted->scheme(),
                  (*made)->address().to_string());
  return made;
}

} // namespace coppice::control
