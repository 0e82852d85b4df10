// SPDX-License-Identifier: MIT
// A web server's keys but for those of its routes, which are in web_route.cpp.
#include "spec/kinds/web.hpp"

#include <algorithm>

#include "base/path_pattern.hpp"
#include "spec/kinds/kinds.hpp"
#include "spec/kinds/tcp.hpp"
#include "spec/kinds/web_checks.hpp"
#include "spec/kinds/web_route.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint64_t most_message = std::uint64_t{64} << 20;
constexpr std::uint64_t most_head = std::uint64_t{64} << 10;

void check_cors(reader& from, const node& at, web_cors& cors) {
  const bool all = std::ranges::find(cors.origins, "*") != cors.origins.end();
  if (all && cors.origins.size() != 1)
    from.error(*at.find("origins"), from.path + ".origins: \"*\" is all of them, and stands alone");
  if (all && cors.credentials)
    from.error(*at.find("credentials"),
               from.path + ".credentials: needs origins by name, browsers refuse it with \"*\"");
  if (cors.max_age.count() % 1000 != 0)
    from.error(*at.find("max_age"), from.path + ".max_age: must be whole seconds");
}

const table<web_cors>& cors_table() {
  using texts = list<std::string, text>;
  static const auto rows =
      table<web_cors>()
          .add<&web_cors::origins>("origins", texts(text("an origin", &check_origin)),
                                   "whose pages, as https://example.org; \"*\": all; empty: none")
          .add<&web_cors::methods>("methods", texts(text("a method", &check_method)), "by which methods")
          .add<&web_cors::headers>("headers", texts(text("a header's name", &check_any_header)),
                                   "with which headers, besides those that need no leave")
          .add<&web_cors::expose>("expose", texts(text("a header's name", &check_any_header)),
                                  "headers of answers that they may read, besides those that all may")
          .add<&web_cors::credentials>("credentials", flag(), "true: with cookies and the like")
          .add<&web_cors::max_age>("max_age", duration(),
                                   "how long browsers may remember it; 0s: as they like")
          .check(&check_cors);
  return rows;
}

const table<web_timeouts>& timeouts_table() {
  const duration time(milliseconds(1));
  static const auto rows =
      table<web_timeouts>()
          .add<&web_timeouts::header>("header", time, "for a request's head; then 408")
          .add<&web_timeouts::body>("body", time, "for its body; then 408")
          .add<&web_timeouts::idle>("idle", time, "between two requests; then the connection is closed")
          .add<&web_timeouts::write>("write", time, "for the client to take an answer")
          .add<&web_timeouts::request>("request", time, "for an answer, from the request's end; then 504");
  return rows;
}

void check_limits(reader& from, const node& at, web_limits& limits) {
  no_more_than(from, at, "uri", limits.uri, most_head);
  no_more_than(from, at, "header", limits.header, most_head);
  no_more_than(from, at, "body", limits.body, most_web_body);
}

const table<web_limits>& limits_table() {
  static const auto rows =
      table<web_limits>()
          .add<&web_limits::connections>("connections", whole<std::uint32_t>(1, 1'000'000),
                                         "at once, until their sockets are closed; beyond, the address with "
                                         "the most connections loses the "
                                         "one that was quiet for longest, and at least 10 s; where there is "
                                         "none a newcomer waits with the "
                                         "kernel")
          .add<&web_limits::requests_per_connection>(
              "requests_per_connection", whole<std::uint64_t>(1, 1'000'000'000), "then it is closed")
          .add<&web_limits::uri>("uri", size(), "bytes of a request's target; beyond: 414")
          .add<&web_limits::header>("header", size(), "bytes of its request line and headers; beyond: 431")
          .add<&web_limits::headers>("headers", whole<std::uint32_t>(1, 10'000), "of them; beyond: 431")
          .add<&web_limits::body>("body", size(), "bytes of a body; beyond: 413")
          .add<&web_limits::in_flight>("in_flight", whole<std::uint32_t>(1, 10'000'000),
                                       "requests that wait for an answer; beyond: 503; while a client sends "
                                       "a body that streams, its request does not count")
          .add<&web_limits::unfinished>("unfinished", size(),
                                        "bytes of bodies and WebSocket messages that have come in part, of "
                                        "all clients; beyond: 503, or "
                                        "closed with 1013; there is room for the largest of them in any case")
          .check(&check_limits);
  return rows;
}

void check_events(reader& from, const node& at, web_events& sse) {
  if (sse.queue < 1024 || sse.queue > (std::uint64_t{64} << 20))
    from.error(*at.find("queue"), from.path + ".queue: must be from 1KiB to 64MiB");
}

const table<web_events>& events_table() {
  static const auto rows =
      table<web_events>()
          .add<&web_events::heartbeat>(
              "heartbeat", duration(milliseconds(100)),
              "after so long without an event a comment is sent, so that who has gone is noticed")
          .add<&web_events::retry>("retry", duration(), "how long clients are to wait before they come again")
          .add<&web_events::queue>("queue", size(),
                                   "bytes that wait for a client; one that takes less is dropped")
          .check(&check_events);
  return rows;
}

void check_websockets(reader& from, const node& at, web_websockets& sockets) {
  if (sockets.queue < 1024 || sockets.queue > (std::uint64_t{64} << 20))
    from.error(*at.find("queue"), from.path + ".queue: must be from 1KiB to 64MiB");
  if (sockets.max_message == 0)
    from.error(*at.find("max_message"), from.path + ".max_message: must be more than 0B");
  no_more_than(from, at, "max_message", sockets.max_message, most_message);
}

const table<web_websockets>& websockets_table() {
  static const auto rows =
      table<web_websockets>()
          .add<&web_websockets::max_message>("max_message", size(),
                                             "bytes of a client's message; beyond, it is closed with 1009")
          .add<&web_websockets::ping>("ping", duration(milliseconds(100)),
                                      "after so long without a word of a client it is asked by a ping")
          .add<&web_websockets::pong>(
              "pong", duration(milliseconds(100)),
              "how long it has to answer, and to close when it is told to; and how long, 10s at least, "
              "what it sent before it left waits for room in a mailbox")
          .add<&web_websockets::message>("message", duration(milliseconds(100)),
                                         "how long a message that was begun may take; then 1008")
          .add<&web_websockets::queue>("queue", size(),
                                       "bytes that wait for a client; beyond, it is closed with 1013")
          .check(&check_websockets);
  return rows;
}

void check_listen(reader& from, const node& at, web_options& web) {
  if (web.listen.empty() && at.find("listen"))
    from.error(*at.find("listen"), from.path + ".listen: needs one place at least");
  for (const tcp_listen_options& one : web.listen)
    for (const std::string& protocol : one.alpn)
      if (protocol != "http/1.1")
        from.error(*at.find("listen"),
                   from.path + ".listen: alpn: not available in this version: " + protocol, "only http/1.1");
}

const table<web_options>& web_table() {
  using places = list<tcp_listen_options, section<tcp_listen_options>>;
  using routes = list<web_route, section<web_route>>;
  using headers = list<web_header, section<web_header>>;
  using hosts = list<std::string, text>;
  static const auto rows =
      table<web_options>()
          .add<&web_options::listen>("listen", places(section<tcp_listen_options>(&tcp_listen_table)),
                                     "where clients connect")
          .needed()
          .add<&web_options::routes>("routes", routes(section<web_route>(&web_route_table)),
                                     "which requests go where; the first that fits; none: 404, or 405 if "
                                     "another method would")
          .live()
          .add<&web_options::hosts>("hosts", hosts(text("a host", &check_host_name)),
                                    "whose requests are taken, others get 421; empty: all")
          .live()
          .add<&web_options::headers>("headers", headers(section<web_header>(&web_header_table)),
                                      "of all answers, unless they have them already")
          .live()
          .add<&web_options::timeouts>("timeouts", section<web_timeouts>(&timeouts_table),
                                       "how long what may take")
          .live()
          .add<&web_options::limits>("limits", section<web_limits>(&limits_table), "how much there may be")
          .live()
          .add<&web_options::body>(
              "body", web_body_choice(),
              "of routes that say nothing: buffered: bodies come and go whole; streamed: "
              "they may go as they come")
          .live()
          .add<&web_options::access>("access", section<access_options>(&access_table), "who may connect")
          .live()
          .add<&web_options::cors>("cors", section<web_cors>(&cors_table),
                                   "pages of other origins that may use it")
          .live()
          .add<&web_options::proxies>(
              "proxies", hosts(text("a range of addresses", &check_address_range)),
              "proxies in front, as addresses or ADDRESS/BITS: a request of one of them is whose its "
              "header says, for actors and the log; empty: none is trusted")
          .live()
          .add<&web_options::proxy_header>(
              "proxy_header", choice<tree::web_proxy_header>(),
              "which header that is: X-Forwarded-For, or Forwarded of RFC 7239; the other one is not looked "
              "at, "
              "since a client may have sent it")
          .live()
          .add<&web_options::compress_from>("compress_from", size(),
                                            "answers of actors with so many bytes of text are sent in gzip's "
                                            "coding to who takes it, up to 1MiB; "
                                            "0B: never")
          .live()
          .add<&web_options::access_log>("access_log", choice<tree::access_log_format>(),
                                         "a line for each request in the log, as Apache writes it or as JSON")
          .live()
          .add<&web_options::sse>("sse", section<web_events>(&events_table), "server-sent events")
          .live()
          .add<&web_options::websocket>("websocket", section<web_websockets>(&websockets_table),
                                        "WebSockets, of version 13 without extensions")
          .live()
          .add<&web_options::drain>("drain", duration(),
                                    "how long requests may take that have come, when it stops")
          .live()
          .check(&check_listen);
  return rows;
}

// Whether each request that `later` could answer is answered by `first`, which stands before it.
bool hides(const web_route& first, const web_route& later) {
  if (!first.method.empty() && first.method != later.method) return false;
  const auto wide = base::path_pattern::parse(first.path), narrow = base::path_pattern::parse(later.path);
  return wide && narrow && wide->covers(*narrow);
}

void warn_of_hidden_routes(const web_options& web, const node* written, report& to) {
  for (std::size_t later = 1; later < web.routes.size(); ++later) {
    const node* const at = value_of(element(written, later), "path");
    if (at == nullptr) continue;
    for (std::size_t first = 0; first < later; ++first) {
      if (!hides(web.routes[first], web.routes[later])) continue;
      const node* const before = element(written, first);
      to.warning(at->at,
                 "no request comes to this route: the route " + web.routes[first].path +
                     " before it takes all of them",
                 before == nullptr ? "put it before that route"
                                   : "put it before that route, on line " + std::to_string(before->at.line));
      break;
    }
  }
}

class web_of_children final : public kind_of<web_options> {
 public:
  web_of_children()
      : kind_of("web", form{"a web server", {}}, &web_table, "a web server whose routes lead to actors",
                compared::by_key) {}

 private:
  void args_of(const web_options& of, const use_args& use) const override {
    for (const web_route& one : of.routes) use(one.args);
  }
  std::vector<listener> listeners_of(const web_options& of) const override {
    return stream_listeners(of.listen);
  }
  void tls_of(const web_options& of, const use_tls& tls, const use_certificate& one) const override {
    use_tls_of(of.listen, tls, one);
  }
  void check_options(child_check& with, child_spec&, web_options& of, const node&,
                     const node& written) const override {
    const node* const list = written.find("routes");
    warn_of_hidden_routes(of, list, with.to);
    for (std::size_t i = 0; i < of.routes.size(); ++i) {
      const node* const one = element(list, i);
      with.references.add("a route", of.routes[i].to, value_of(one, "to"), of.routes[i].upgrade);
      if (one != nullptr && one->is_map() && !of.routes[i].actor.empty())
        check_actor_of(with, of.routes[i], *one);
    }
  }
  // Checks an actor that is made for each client.
  static void check_actor_of(child_check& with, web_route& route, const node& written) {
    child_spec as_child;
    const auto* const plugin = with.check_leaf(as_child, {route.actor, route.args, route.durations}, written,
                                               args_schema::part::whole);
    route.plugin = as_child.plugin;
    route.actor_type = as_child.actor_type;
    route.behaviour = as_child.behaviour;
    if (plugin == nullptr) return;
    const manifest::actor_type* const type = plugin->declared.find(route.actor_type);
    const node* const name = written.find("actor");
    if (type == nullptr || name == nullptr) return;
    if (const auto what = reference_check::lacks(*type, route.upgrade); !what.empty())
      with.to.warning(name->at, "a route goes to the actor '" + type->name + "', which " + std::string(what),
                      std::string(reference_check::consequence(*type, route.upgrade)));
  }
};

} // namespace

const kind& web_kind() {
  static const web_of_children made;
  return made;
}

} // namespace coppice::spec
