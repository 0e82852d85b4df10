// SPDX-License-Identifier: MIT
// See web_route.hpp.
#include "spec/kinds/web_route.hpp"

#include <algorithm>
#include <array>

#include "base/path_pattern.hpp"
#include "spec/kinds/web_checks.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint64_t most_streamed = std::uint64_t{1} << 40;

constexpr std::string_view handler_pattern =
    "^[^@\\u0000-\\u001f\\u007f]{1,255}(@[A-Za-z0-9_-]+@[A-Za-z0-9._:-]+)?$";

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

// Keys of an actor that is made for each client.
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

// Prints durations with their unit, and leaves out the keys that check_client_actor() refuses.
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
  if (route.limits.body && *route.limits.body > most_web_body && route.body != web_body::streamed)
    from.error(*at.find("limits"), from.path + ".limits.body: must be at most " + print_size(most_web_body) +
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

} // namespace

const table<web_header>& web_header_table() {
  static const auto rows =
      table<web_header>()
          .add<&web_header::name>("name", text("a header's name", &check_header_name), "its name")
          .needed()
          .add<&web_header::value>("value", text("a text", &check_header_value), "its value")
          .needed();
  return rows;
}

choice<web_body> web_body_choice() {
  return choice<web_body>({{"buffered", web_body::buffered}, {"streamed", web_body::streamed}});
}

const table<web_route>& web_route_table() {
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
          .add<&web_route::body>("body", optional_body(web_body_choice()),
                                 "streamed: bodies of requests and answers may go as they come, by messages; "
                                 "absent: the site's")
          .add<&web_route::limits>("limits", section<web_route_limits>(&route_limits_table),
                                   "how much there may be, of this route")
          .add<&web_route::headers>("headers", headers(section<web_header>(&web_header_table)),
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

} // namespace coppice::spec
