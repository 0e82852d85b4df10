// SPDX-License-Identifier: MIT
// A web server's keys.
#include "spec/kinds/web.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "base/http_methods.hpp"
#include "base/path_pattern.hpp"
#include "spec/kinds/kinds.hpp"
#include "spec/kinds/tcp.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint64_t most_body = std::uint64_t{1} << 30;
constexpr std::uint64_t most_streamed = std::uint64_t{1} << 40;
constexpr std::uint64_t most_message = std::uint64_t{64} << 20;
constexpr std::uint64_t most_head = std::uint64_t{64} << 10;

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alphanumeric || (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
  });
}
std::string check_method(std::string_view method) {
  const auto same = [method](std::string_view one) { return base::is_same_in_ascii(one, method); };
  const auto known = std::ranges::find_if(base::http_methods, same);
  if (known == base::http_methods.end()) return "must be a method that the server knows, such as GET";
  return *known == method ? "" : "must be in upper case: " + std::string(*known);
}
std::string check_header_name(std::string_view name) {
  constexpr std::string_view own[] = {"date", "content-length", "transfer-encoding", "connection"};
  if (!is_token(name)) return "must be a header's name";
  const bool is_own =
      std::ranges::any_of(own, [name](std::string_view one) { return base::is_same_in_ascii(one, name); });
  return !is_own ? "" : "must be another one: the server sets it";
}
std::string check_header_value(std::string_view value) {
  const bool good = std::ranges::all_of(
      value, [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); });
  return good ? "" : "must have no control characters";
}
std::string check_path(std::string_view path) {
  const auto read = base::path_pattern::parse(path);
  return read ? "" : "must be a path: " + read.error().text;
}
std::string check_location(std::string_view to) {
  if (to.empty() || to.size() > 8192) return "must have 1 to 8192 bytes";
  return check_header_value(to);
}
std::string check_index(std::string_view name) {
  const bool good = !name.empty() && name.size() <= 255 && !name.starts_with('.') &&
                    name.find('/') == std::string_view::npos;
  return good ? "" : "must be a file's name";
}
std::string check_host_name(std::string_view host) {
  const bool good = !host.empty() && host.size() <= 253 &&
                    std::ranges::all_of(host, [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
  return good ? "" : "must be a host without a port";
}

std::string check_route_name(std::string_view name) {
  return check_registered_name(name).empty() ? "" : "must be a name: 1 to 255 characters without '@'";
}

constexpr std::string_view handler_pattern =
    "^[^@\\u0000-\\u001f\\u007f]{1,255}(@[A-Za-z0-9_-]+@[A-Za-z0-9._:-]+)?$";

std::string check_handler(std::string_view written) {
  const auto cut = written.find('@');
  if (std::string trouble = check_registered_name(written.substr(0, cut)); !trouble.empty()) return trouble;
  return cut == std::string_view::npos ? "" : check_full_node_name(written.substr(cut + 1));
}

const table<web_header>& header_table() {
  static const auto rows =
      table<web_header>()
          .add<&web_header::name>("name", text("a header's name", &check_header_name), "its name")
          .needed()
          .add<&web_header::value>("value", text("a text", &check_header_value), "its value")
          .needed();
  return rows;
}

const table<web_redirect>& redirect_table() {
  static const auto rows =
      table<web_redirect>()
          .add<&web_redirect::to>("to", text("a path or a URL", &check_location), "where the client is to go")
          .needed()
          .add<&web_redirect::status>("status", whole<std::uint32_t>(300, 399),
                                      "308 and 307 keep the method, 301 and 302 as a rule do not");
  return rows;
}

void check_files(reader& from, const node& at, const web_route& route) {
  const auto path = base::path_pattern::parse(route.path);
  if (path && !path->rest_begins())
    from.error(*at.find("path"), from.path + ".path: must end in {NAME...}, which leads to the files");
  if (!route.method.empty() && route.method != "GET")
    from.error(*at.find("method"), from.path + ".method: files are for GET and HEAD");
  if (at.find("timeout")) from.error(*at.find("timeout"), from.path + ".timeout: is not for 'files'");
  if (route.limits != web_route_limits())
    from.error(*at.find("limits"), from.path + ".limits: is not for 'files'");
}

// Of an actor that is made for each client.
constexpr std::array<std::string_view, 3> of_actors{"args", "mailbox", "unhandled"};

void check_client_actor(reader& from, const node& at, const web_route& route) {
  if (const node* const actor = at.find("actor")) {
    if (route.upgrade == tree::web_upgrade::none)
      from.error(*actor, from.path + ".actor: needs 'upgrade: websocket' or 'upgrade: sse'",
                 "who answers single requests is named by 'to'");
    return;
  }
  for (const std::string_view key : of_actors)
    if (const node* const written = at.find(key))
      from.error(*written, from.path + "." + std::string(key) + ": is for 'actor'");
}

// Durations with their unit; without what check_client_actor() refuses.
void prune_route(const web_route& from, json& route) {
  if (from.actor.empty())
    for (const std::string_view key : of_actors) route.erase(std::string(key));
  print_durations(route, "args", from.durations);
}

void check_route(reader& from, const node& at, web_route& route) {
  const auto says = [&](std::string_view key) { return at.find(key) != nullptr ? 1 : 0; };
  if (says("to") + says("actor") + says("redirect") + says("files") + says("event") != 1)
    from.error(at, from.path + ": needs one of 'to', 'actor', 'redirect', 'files' and 'event'");
  check_client_actor(from, at, route);
  if (says("event") != 0 && route.upgrade == tree::web_upgrade::none)
    from.error(*at.find("event"), from.path + ".event: needs 'upgrade: sse' or 'upgrade: websocket'");
  if (says("as") != 0 && says("to") + says("actor") == 0)
    from.error(*at.find("as"), from.path + ".as: is for 'to' and 'actor'");
  if (says("files") != 0)
    check_files(from, at, route);
  else if (says("index") != 0)
    from.error(*at.find("index"), from.path + ".index: is for 'files'");
  if (route.timeout && route.timeout->count() == 0)
    from.error(*at.find("timeout"), from.path + ".timeout: must be more than 0s");
  if (route.upgrade != tree::web_upgrade::none) {
    if (says("to") + says("actor") + says("event") == 0)
      from.error(*at.find("upgrade"), from.path + ".upgrade: is for 'to', 'actor' and 'event'");
    if (!route.method.empty() && route.method != "GET")
      from.error(*at.find("method"), from.path + ".method: an upgrade is for GET");
  }
  if (says("body") != 0 && (says("to") == 0 || route.upgrade != tree::web_upgrade::none))
    from.error(*at.find("body"), from.path + ".body: is for 'to' without an upgrade");
  if (route.limits.body && *route.limits.body > most_body && route.body != web_body::streamed)
    from.error(*at.find("limits"), from.path + ".limits.body: must be at most " + print_size(most_body) +
                                       ", or 'body: streamed'");
}

void check_route_limits(reader& from, const node& at, web_route_limits& limits) {
  if (limits.body) no_more_than(from, at, "body", *limits.body, most_streamed);
}

const table<web_route_limits>& route_limits_table() {
  using optional_size = maybe<std::optional<std::uint64_t>, size>;
  using optional_count = maybe<std::optional<std::uint32_t>, whole<std::uint32_t>>;
  static const auto rows =
      table<web_route_limits>()
          .add<&web_route_limits::body>("body", optional_size(size()),
                                        "bytes of a body; beyond: 413; absent: the site's")
          .add<&web_route_limits::in_flight>(
              "in_flight", optional_count(whole<std::uint32_t>(1, 10'000'000)),
              "requests that wait for an answer, those whose bodies stream included; beyond: 503; the "
              "site's holds in any case")
          .check(&check_route_limits);
  return rows;
}

choice<web_body> body_choice() {
  return choice<web_body>({{"buffered", web_body::buffered}, {"streamed", web_body::streamed}});
}

const table<web_route>& route_table() {
  using headers = list<web_header, section<web_header>>;
  using optional_time = maybe<std::optional<milliseconds>, duration>;
  using optional_body = maybe<std::optional<web_body>, choice<web_body>>;
  using optional_path = maybe<std::optional<std::string>, path>;
  using optional_text = maybe<std::optional<std::string>, text>;
  using optional_redirect = maybe<std::optional<web_redirect>, section<web_redirect>>;
  static const auto rows =
      table<web_route>()
          .add<&web_route::method>(
              "method", text("a method", &check_method),
              "which requests: with this method, of GET those with HEAD as well; absent: any")
          .add<&web_route::path>("path", text("a path", &check_path),
                                 "and this path: {NAME} is one segment of it, {NAME...} all that follow")
          .needed()
          .add<&web_route::to>("to", text("NAME or NAME@ALIVE@HOST", &check_handler, handler_pattern),
                               "who is called with them: a registered name here, or NAME@ALIVE@HOST")
          .add<&web_route::as>("as", text("a name", &check_route_name),
                               "the route's name in its requests, for 'to' and 'actor'")
          .add<&web_route::actor>("actor", actor_name(),
                                  "or, with an upgrade: what is made for each client, and ends with it")
          .add<&web_route::args>("args", args_term(), "its arguments, checked against the plugin's schema")
          .add<&web_route::mailbox>("mailbox", section<mailbox_options>(&mailbox_table),
                                    "bounds of its mailbox")
          .add<&web_route::unhandled>("unhandled", optional_unhandled(), "as a child's, of that actor")
          .add<&web_route::event>("event", text("a registered name", &check_registered_name),
                                  "or, with an upgrade: a named event of this node")
          .add<&web_route::redirect>("redirect", optional_redirect(section<web_redirect>(&redirect_table)),
                                     "instead: they are sent elsewhere")
          .add<&web_route::files>(
              "files", optional_path(path()),
              "or: the files of this folder, by what {NAME...} stands for. Hidden files and "
              "symbolic links in it are not there; FILE.gz is sent to who takes it")
          .add<&web_route::index>("index", optional_text(text("a file's name", &check_index)),
                                  "with files: what a folder's path stands for (index.html)")
          .add<&web_route::timeout>("timeout", optional_time(duration()),
                                    "how long an answer may take, then 504; absent: timeouts.request")
          .add<&web_route::body>("body", optional_body(body_choice()),
                                 "streamed: bodies of requests and answers may go as they come, by messages; "
                                 "absent: the site's")
          .add<&web_route::limits>("limits", section<web_route_limits>(&route_limits_table),
                                   "how much there may be, of this route")
          .add<&web_route::headers>("headers", headers(section<web_header>(&header_table)),
                                    "of answers, unless they have them already")
          .add<&web_route::upgrade>(
              "upgrade", choice<tree::web_upgrade>(),
              "sse: the answer is a stream of server-sent events, which is asked for by the call "
              "{http_events, Map}; websocket: a WebSocket, by {http_websocket, Map}; both are answered by "
              "{accept, Pid}")
          .check(&check_route)
          .prune(&prune_route);
  return rows;
}

std::string check_origin(std::string_view origin) {
  if (origin == "*") return "";
  const std::size_t colon = origin.find("://");
  const bool good = colon != 0 && colon != std::string_view::npos && colon + 3 < origin.size() &&
                    origin.find_first_of("/?# \t", colon + 3) == std::string_view::npos &&
                    !check_header_value(origin).size();
  return good ? "" : "must be an origin such as https://example.org, or \"*\"";
}
std::string check_any_header(std::string_view name) {
  return is_token(name) ? "" : "must be a header's name";
}

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
  no_more_than(from, at, "body", limits.body, most_body);
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
          .add<&web_websockets::pong>("pong", duration(milliseconds(100)),
                                      "how long it has to answer, and to close when it is told to")
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
          .add<&web_options::routes>("routes", routes(section<web_route>(&route_table)),
                                     "which requests go where; the first that fits; none: 404, or 405 if "
                                     "another method would")
          .live()
          .add<&web_options::hosts>("hosts", hosts(text("a host", &check_host_name)),
                                    "whose requests are taken, others get 421; empty: all")
          .live()
          .add<&web_options::headers>("headers", headers(section<web_header>(&header_table)),
                                      "of all answers, unless they have them already")
          .live()
          .add<&web_options::timeouts>("timeouts", section<web_timeouts>(&timeouts_table),
                                       "how long what may take")
          .live()
          .add<&web_options::limits>("limits", section<web_limits>(&limits_table), "how much there may be")
          .live()
          .add<&web_options::body>(
              "body", body_choice(),
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
  // One that is made for each client.
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
