// SPDX-License-Identifier: MIT
// See http_api.hpp.
#include "control/http_api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mutex>

#include "base/json_text.hpp"
#include "base/log_counted.hpp"
#include "base/path_pattern.hpp"
#include "base/printable.hpp"
#include "base/suggest.hpp"
#include "control/api_arguments.hpp"
#include "control/api_documents.hpp"
#include "control/audit.hpp"
#include "control/documents.hpp"
#include "control/event_commands.hpp"
#include "control/health.hpp"
#include "control/log_commands.hpp"
#include "control/metrics.hpp"
#include "control/page_files.hpp"
#include "node/instance/snapshots.hpp"

namespace coppice::control {
namespace {

using net::http_request;
using net::http_response;
using nlohmann::json;

constexpr std::string_view prefix = "/api/v1/";
constexpr std::size_t usual_body = 64 << 10;     // read and ignored
constexpr std::size_t most_of_lines = 256 << 10; // of the log, bytes at once
constexpr std::size_t first_lines = 200;         // of the log, for a new reader
constexpr const char* policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "frame-ancestors "
    "'none'; base-uri 'none'; form-action 'none'";

http_response of_json(int status, const json& document) {
  http_response made{status, "application/json", base::json_text(document) + "\n"};
  made.headers = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}};
  return made;
}

bool reads(const http_request& asked) {
  return asked.method == "GET" || asked.method == "HEAD";
}

// The command; null: there is none over HTTP.
const command* find_over_http(std::string_view name, verb how) {
  const command* const found = find_command(name, how);
  return found != nullptr && found->over_http ? found : nullptr;
}

// The verbs of a command: "GET, HEAD, POST". Empty: there is no such command.
std::string verbs_of(std::string_view name) {
  std::string out = find_over_http(name, verb::get) != nullptr ? "GET, HEAD" : "";
  if (find_over_http(name, verb::post) != nullptr) out += out.empty() ? "POST" : ", POST";
  return out;
}

std::string near(std::string_view name) {
  std::vector<std::string_view> known;
  for (const command& one : commands()) known.push_back(one.name);
  return base::did_you_mean(name, known);
}

// Whether the answer to the command may take longer than the control thread needs to make it.
bool may_wait(const command& what, const json& arguments) {
  const std::string sort = what.name == "top" ? arguments.value("sort", "") : "";
  return what.name == "info" || what.name == "diff" || sort == "rate" || sort == "cpu" ||
         arguments.contains("timeout_ms") || arguments.contains("wait") || arguments.contains("over_ms");
}

json stream_status(node::instance& of) {
  const node::node_status status = of.snapshots().status_with_disk();
  const std::vector<std::string> given_up = of.snapshots().degraded();
  json document = status_document(of.snapshots(), status, given_up);
  json health = health_document(status, all_complaints(status, given_up));
  document["complaints"] = std::move(health["complaints"]);
  document["warnings"] = std::move(health["warnings"]);
  document["child_restarts"] = status.restarts;
  std::uint64_t turns = 0;
  for (const runtime::worker_info& one : status.runtime.workers) turns += one.turns;
  document["turns"] = turns;
  return document;
}

} // namespace

// The queue from other threads to the HTTP thread: replies of the control thread, and readers that have
// lines of an event to get. Outlives the API for as long as a reply or a line is owed.
class http_api::inbox {
 public:
  struct letter {
    net::http_exchange to;
    api::reply reply;
  };

  explicit inbox(const base::uv::async& wake) : wake_(&wake) {}
  void put(letter one) {
    const std::lock_guard held(lock_);
    if (wake_ == nullptr) return;
    letters_.push_back(std::move(one));
    wake_->send();
  }
  void put_lines(net::http_exchange to) {
    const std::lock_guard held(lock_);
    if (wake_ == nullptr) return;
    with_lines_.push_back(to);
    wake_->send();
  }
  std::vector<letter> take() {
    const std::lock_guard held(lock_);
    return std::exchange(letters_, {});
  }
  std::vector<net::http_exchange> take_lines() {
    const std::lock_guard held(lock_);
    return std::exchange(with_lines_, {});
  }
  void close() {
    const std::lock_guard held(lock_);
    wake_ = nullptr;
    letters_.clear();
    with_lines_.clear();
  }

 private:
  std::mutex lock_;
  const base::uv::async* wake_;
  std::vector<letter> letters_;
  std::vector<net::http_exchange> with_lines_;
};

http_api::http_api(const base::uv::loop& loop, const parts& on, access_options who, const limits& most)
    : node_(on.of),
      lines_(on.lines),
      control_(on.control),
      access_(std::move(who)),
      most_(most),
      hub_(loop.raw(), server_,
           {[this](topic which) { return document(which); },
            [](topic which, json& made) { leave_out_terms(text(which), made); },
            [this](std::uint64_t from) {
              return from == 0 ? lines_.last(first_lines, {}, most_of_lines)
                               : lines_.from(from, {}, most_of_lines);
            },
            line_document},
           most.streams) {}

base::result<std::unique_ptr<http_api>> http_api::make(const base::uv::loop& loop, const parts& on,
                                                       access_options who, const limits& most) {
  auto made = std::unique_ptr<http_api>(new http_api(loop, on, std::move(who), most));
  auto wake = base::uv::async::make(loop, [api = made.get()] {
    api->take_replies();
    for (const net::http_exchange to : api->inbox_->take_lines()) api->followers_->look(to);
  });
  if (!wake) return unexpected(std::move(wake.error()));
  made->wake_ = std::move(*wake);
  made->inbox_ = std::make_shared<inbox>(made->wake_);
  made->followers_.emplace(loop.raw(), made->server_, on.of.tails(),
                           [to = made->inbox_](net::http_exchange one) { to->put_lines(one); });
  return made;
}

http_api::~http_api() {
  if (inbox_ != nullptr) inbox_->close();
}

std::size_t http_api::body_limit(const http_request& asked) const {
  if (asked.method != "POST" || !asked.path().starts_with(prefix) || !access_.is_open()) return usual_body;
  const access_rules::verdict who = access_.judge(asked);
  return who.status == 200 && who.may.has(right::manage) ? most_of_arguments : usual_body;
}

bool http_api::handle(const http_request& asked, net::http_exchange from) {
  if (!access_.is_open()) return false;
  const std::string_view path = asked.path();
  if (path.starts_with(prefix)) return answer_api(asked, from), true;
  const std::string_view name = path == "/" ? "index.html" : path.starts_with('/') ? path.substr(1) : path;
  if (std::ranges::find(page_files(), name, &page_file::name) == page_files().end()) return false;
  server_->answer(from, answer_page(asked, name));
  return true;
}

http_response http_api::answer_page(const http_request& asked, std::string_view name) const {
  if (!reads(asked)) {
    http_response refused{405, "text/plain; charset=utf-8", "GET and HEAD only\n"};
    refused.headers.push_back({"Allow", "GET, HEAD"});
    return refused;
  }
  if (const access_rules::verdict who = access_.judge(asked); who.status == 403)
    return {403, "text/plain; charset=utf-8", who.why.why + "\n"};
  const page_file& file = *std::ranges::find(page_files(), name, &page_file::name);
  http_response made{200, std::string(file.type), std::string(file.text)};
  made.headers = {{"Cache-Control", "no-store"},
                  {"Content-Security-Policy", policy},
                  {"X-Content-Type-Options", "nosniff"},
                  {"Referrer-Policy", "no-referrer"}};
  return made;
}

void http_api::refuse(net::http_exchange to, int status, api::failure why,
                      std::vector<net::http_header> headers) {
  http_response made = of_json(status, error_document(why));
  made.headers.insert(made.headers.end(), headers.begin(), headers.end());
  server_->answer(to, made);
}

void http_api::refusing(const http_request* asked, http_response& answer) const {
  if (asked == nullptr || !access_.is_open() || !asked->path().starts_with(prefix)) return;
  const auto code = answer.status == 413   ? base::errc::limit
                    : answer.status == 408 ? base::errc::timeout
                    : answer.status == 503 ? base::errc::limit
                                           : base::errc::invalid;
  const std::size_t end = answer.body.find_last_not_of('\n');
  http_response made =
      of_json(answer.status, error_document({code, "request", answer.body.substr(0, end + 1), {}}));
  answer.type = std::move(made.type);
  answer.body = std::move(made.body);
  for (net::http_header& one : made.headers) answer.headers.push_back(std::move(one));
}

void http_api::answer_api(const http_request& asked, net::http_exchange from) {
  const access_rules::verdict who = access_.judge(asked);
  if (who.status == 401) {
    const auto client = server_->client(from);
    base::log::counted(base::log::level::warning, "control", "http-token", "{} at /api/v1: {}",
                       client ? client->host() : "a client", who.why.why);
    return refuse(from, 401, who.why, {{"WWW-Authenticate", "Bearer"}});
  }
  if (who.status != 200) return refuse(from, who.status, who.why);
  const std::string_view name = asked.path().substr(prefix.size());
  const bool is_post = asked.method == "POST";
  const bool is_document = name.empty() || name == "openapi.json" || name == "stream";
  const std::string verbs = name == "stream" ? "GET" : is_document ? "GET, HEAD" : verbs_of(name);
  if (verbs.empty())
    return refuse(from, 404, {base::errc::not_found, "request", "there is no such command", near(name)});
  const command* const what = is_document ? nullptr : find_over_http(name, is_post ? verb::post : verb::get);
  const bool fits = is_document ? reads(asked) && (name != "stream" || asked.method == "GET")
                                : what != nullptr && (is_post || reads(asked));
  if (!fits)
    return refuse(from, 405, {base::errc::invalid, std::string(name), verbs + " only", {}},
                  {{"Allow", verbs}});
  const right needed = what == nullptr ? right::inspect : what->needs;
  if (!name.empty() && !who.may.has(needed))
    return refuse(
        from, 403,
        {base::errc::refused, std::string(name), fmt::format("the right {} is missing", text(needed)),
         access_.knows_token() ? "the node's token gives it" : "control.http gives rights"});
  // A token or an argument in the query would be passed over.
  const bool takes_query = name == "stream" || (!is_document && !is_post);
  if (!takes_query && !asked.query().empty())
    return refuse(
        from, 400,
        {base::errc::invalid,
         name.empty() ? "request" : std::string(name),
         is_post ? "the arguments are in the body, and none in the address" : "it takes no arguments",
         {}});
  if (name.empty()) return server_->answer(from, of_json(200, about(who)));
  if (name == "openapi.json") return server_->answer(from, of_json(200, openapi_document(COPPICE_VERSION)));
  if (name == "stream") return open_stream(asked, who, from);
  run(*what, asked, who, from);
}

json http_api::about(const access_rules::verdict& who) const {
  return {{"node", node_.name()},
          {"version", COPPICE_VERSION},
          {"rights", who.may.names()},
          {"token", !access_.knows_token() ? "none"
                    : who.has_token        ? "given"
                                           : "wanted"},
          {"commands", commands_document()},
          {"streams", {{"open", open_streams()}, {"dropped", dropped_streams()}}}};
}

caller http_api::caller_of(const access_rules::verdict& who, net::http_exchange from) const {
  const auto client = server_->client(from);
  caller as;
  as.http = client ? client->to_string() : "unknown";
  if (who.has_token) as.token = access_.token_name();
  as.sees_state = who.may.has(right::state);
  return as;
}

void http_api::run(const command& what, const http_request& asked, const access_rules::verdict& who,
                   net::http_exchange from) {
  auto arguments =
      what.how == verb::post ? arguments_of_body(what, asked.body) : arguments_of_query(what, asked.query());
  if (!arguments) return refuse(from, 400, arguments.error());
  // Each request that waits holds one of the server's places, which are there for all clients.
  const bool is_bounded = !who.has_token && may_wait(what, *arguments);
  const auto bounded = std::ranges::count_if(waiting_, [](const auto& one) { return one.second.is_bounded; });
  if (is_bounded && static_cast<std::size_t>(bounded) >= most_.waiting)
    return refuse(
        from, 503,
        {base::errc::limit, std::string(what.name), "too many requests without a token wait already",
         access_.knows_token() ? "with the node's token there is no such bound" : ""},
        {{"Retry-After", "5"}});
  caller as = caller_of(who, from);
  as.acts = what.how == verb::post;
  waiting& its = waiting_[{from.connection, from.number}];
  its = {&what, who.may, 0, is_bounded};
  its.request = control_.ask({std::string(what.name), std::move(*arguments)}, std::move(as),
                             [to = inbox_, from](api::reply reply) {
                               to->put({from, std::move(reply)});
                             });
}

void http_api::take_replies() {
  for (auto& [to, reply] : inbox_->take()) {
    const auto asked = waiting_.extract({to.connection, to.number});
    if (asked.empty()) continue;
    const std::string_view name = asked.mapped().what->name;
    const bool terms = asked.mapped().may.has(right::state);
    if (!reply) {
      if (!terms) leave_out_terms(name, reply.error());
      refuse(to, status_of(reply.error().code), std::move(reply.error()));
      continue;
    }
    if (!terms) leave_out_terms(name, *reply);
    server_->answer(to, of_json(200, *reply));
  }
}

void http_api::abandoned(net::http_exchange it) {
  hub_.left(it);
  followers_->left(it);
  const auto asked = waiting_.extract({it.connection, it.number});
  if (!asked.empty()) control_.give_up(asked.mapped().request);
}

void http_api::open_stream(const http_request& asked, const access_rules::verdict& who,
                           net::http_exchange from) {
  const auto query = base::query_parameters(asked.query());
  std::optional<std::string> documents, event, since;
  bool is_good = query.has_value();
  if (query)
    for (const auto& [name, value] : *query) {
      std::optional<std::string>* const its = name == "topics"  ? &documents
                                              : name == "event" ? &event
                                              : name == "since" ? &since
                                                                : nullptr;
      is_good = is_good && its != nullptr && !its->has_value();
      if (its != nullptr) *its = value;
    }
  if (is_good && event && !documents) return open_event(*event, since, who, from);
  if (is_good && documents && !event && !since) return open_topics(*documents, who, from);
  refuse(from, 400,
         {base::errc::invalid, "stream", "the topics are missing, or an event",
          "topics=status,tree,nodes,log; or event=NAME and since=now or since=NUMBER"});
}

bool http_api::has_room(net::http_exchange from) {
  if (!hub_.is_full() && open_streams() < most_.streams) return true;
  refuse(from, 503,
         {base::errc::limit, "stream", "there are as many readers as there may be", "control.http.streams"},
         {{"Retry-After", "5"}});
  return false;
}

void http_api::open_topics(std::string_view names, const access_rules::verdict& who,
                           net::http_exchange from) {
  std::vector<topic> wanted;
  for (std::string_view rest = names;;) {
    const std::string_view name = rest.substr(0, rest.find(','));
    const auto one = find_topic(name);
    if (!one)
      return refuse(from, 400,
                    {base::errc::invalid, "stream", fmt::format("there is no topic '{}'", name.substr(0, 40)),
                     "topics=status,tree,nodes,log"});
    if (std::ranges::find(wanted, *one) == wanted.end()) wanted.push_back(*one);
    if (name.size() == rest.size()) break;
    rest.remove_prefix(name.size() + 1);
  }
  const bool terms = who.may.has(right::state);
  if (!terms && std::ranges::find(wanted, topic::log) != wanted.end())
    return refuse(from, 403,
                  {base::errc::refused, "stream", "the right state is missing", "for the topic log"});
  if (has_room(from)) hub_.open(from, std::move(wanted), terms);
}

void http_api::open_event(const std::string& name, const std::optional<std::string>& since,
                          const access_rules::verdict& who, net::http_exchange from) {
  using kind = behaviours::event_subscribe_options::kind;
  if (!who.may.has(right::state))
    return refuse(from, 403, {base::errc::refused, "stream", "the right state is missing", "for an event"});
  behaviours::event_subscribe_options how;
  if (since && *since == "now") {
    how.begin = kind::now;
  } else if (since) {
    how.begin = kind::after;
    const char* const end = since->data() + since->size();
    const auto [at, problem] = std::from_chars(since->data(), end, how.after.seq);
    if (problem != std::errc() || at != end)
      return refuse(from, 400,
                    {base::errc::invalid, "stream", "since: expected now or the number of an event", {}});
  }
  const std::size_t at = name.find('@');
  const std::string node = at == name.npos ? std::string() : name.substr(at + 1);
  const bool connects = !node.empty() && needs_connection(node_, node);
  if (connects && !who.may.has(right::manage))
    return refuse(from, 403,
                  {base::errc::refused, "stream", "the node is not connected to " + base::printable(node),
                   "the right manage connects it"});
  if (!has_room(from)) return;
  if (connects) log_following(caller_of(who, from), name.substr(0, at), node);
  if (auto opened = followers_->open(from, name.substr(0, at), node, how); !opened)
    refuse(from, status_of(opened.error().code), {opened.error().code, "stream", opened.error().text, {}});
}

json http_api::document(topic which) const {
  if (which == topic::status) return stream_status(node_);
  if (which == topic::nodes) return nodes_document(node_.snapshots());
  const auto trees = node_.snapshots().tree();
  return tree_document(node_.snapshots(), trees ? *trees : std::vector<node::application_tree>());
}

} // namespace coppice::control
