// SPDX-License-Identifier: MIT
// probe: a server for tests of failures. On request it exits, throws, spins, sleeps, links, monitors, traps
// exits, spawns and sends, with all options. It tells a subscriber which messages it gets and why it ends.
#include <coppice/server.hpp>

#include <stdexcept>

namespace probe {

using coppice::term;
namespace etf = coppice::etf;

using blob = std::vector<std::uint8_t>;
using ok = etf::constant<"ok">;
using error = etf::constant<"error">;

// Messages.
using ping = etf::constant<"ping">;
using who = etf::constant<"self">;
using fail = etf::constant<"throw">;
using segfault = etf::constant<"segfault">;
struct echo {
  term what;
};
struct sleep_for {
  static constexpr std::string_view etf_tag = "sleep";
  std::uint32_t ms;
};
struct exit_with {
  static constexpr std::string_view etf_tag = "exit";
  term reason;
};
struct spin {
  std::uint32_t ms;
};
struct subscribe {
  term pid;
};
struct watch {
  static constexpr std::string_view etf_tag = "monitor";
  term whom;
};
struct monitor_node_of {
  static constexpr std::string_view etf_tag = "monitor_node";
  term node;
  bool on;
};
struct tie {
  static constexpr std::string_view etf_tag = "link";
  term whom;
};
struct trap {
  static constexpr std::string_view etf_tag = "trap_exit";
  bool on;
};
struct call_yourself {
  static constexpr std::string_view etf_tag = "label";
  std::string text;
};
struct spawn_link {
  std::variant<etf::atom, std::string> actor;
  term args;
};
struct spawn_there {
  static constexpr std::string_view etf_tag = "spawn_at";
  etf::atom node;
  etf::atom module;
  etf::atom function;
  term args; // a list
  std::vector<term> options;
  std::uint32_t ms;
};
struct spawn_actor_there {
  static constexpr std::string_view etf_tag = "spawn_actor_at";
  etf::atom node;
  etf::atom actor;
  term args;
  std::vector<term> options;
  std::uint32_t ms;
};
// Flags of sends and aliases, named as in the C++ headers.
enum class flag { priority, no_connect, no_wait, once };
struct new_alias {
  static constexpr std::string_view etf_tag = "alias";
  std::vector<flag> flags;
};
struct give_back {
  static constexpr std::string_view etf_tag = "unalias";
  term alias;
};
struct send_with {
  static constexpr std::string_view etf_tag = "send";
  term to;
  term what;
  std::vector<flag> flags;
};
struct cast_with {
  static constexpr std::string_view etf_tag = "cast";
  term to;
  term what;
  std::vector<flag> flags;
};
struct exit_other {
  static constexpr std::string_view etf_tag = "exit";
  term to;
  term reason;
  std::vector<flag> flags;
};
struct link_with {
  static constexpr std::string_view etf_tag = "link";
  term pid;
  std::vector<flag> flags;
};
struct watching {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::vector<flag>> flags;
  std::optional<coppice::alias_mode> alias;
  std::optional<term> tag;
};
struct watch_with {
  static constexpr std::string_view etf_tag = "monitor";
  term whom;
  watching how;
};
struct unwatch {
  static constexpr std::string_view etf_tag = "demonitor";
  term reference;
};
struct repeat {
  static constexpr std::string_view etf_tag = "every";
  std::uint32_t ms;
  term what;
};
struct cancel {
  static constexpr std::string_view etf_tag = "cancel_timer";
  std::uint64_t id;
};
struct leak {
  std::uint64_t bytes;
};

class probe_server : public coppice::server {
 public:
  static constexpr std::string_view args_schema = R"({"type":"object"})";
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr coppice::taken takes[] = {coppice::taken::calls, coppice::taken::messages};
  using calls = std::variant<ping, who, fail, segfault, echo, sleep_for, exit_with, spin, subscribe, watch,
                             monitor_node_of, tie, trap, call_yourself, spawn_link, spawn_there,
                             spawn_actor_there, new_alias, give_back, send_with, cast_with, exit_other,
                             link_with, watch_with, unwatch, repeat, cancel, leak>;
  using not_isolated = std::pair<error, etf::constant<"not_isolated">>;

  etf::constant<"pong"> handle_call(const ping&) { return {}; }
  term handle_call(const who&) { return self(); }
  term handle_call(const echo& request) { return request.what; }

  ok handle_call(const sleep_for& request) {
    sleep(std::chrono::milliseconds(request.ms));
    return {};
  }

  // Holds its thread, which a handler should not do.
  ok handle_call(const spin& request) {
    const auto end = now() + std::chrono::milliseconds(request.ms);
    while (now() < end) {
    }
    return {};
  }

  coppice::outcome handle_call(const exit_with& request) { return coppice::outcome::stop(request.reason); }
  ok handle_call(const fail&) { throw std::runtime_error("thrown on request"); }

  ok handle_call(const subscribe& request) {
    subscriber_.assign(request.pid.encoded.begin(), request.pid.encoded.end());
    return {};
  }

  coppice::message handle_call(const watch& request) { return reference_or_error(monitor(request.whom)); }

  std::variant<ok, std::pair<error, etf::atom>> handle_call(const monitor_node_of& request) {
    if (monitor_node(request.node, request.on)) return ok{};
    return std::pair(error{}, etf::atom{"badarg"});
  }

  std::variant<ok, std::pair<error, etf::atom>> handle_call(const tie& request) {
    std::string_view registered;
    coppice::message pid;
    if (etf::cursor(request.whom.encoded).read_atom(registered)) {
      pid = whereis(registered);
      if (!pid) return std::pair(error{}, etf::atom{"noproc"});
    }
    if (link(pid ? pid.term() : request.whom) != COPPICE_OK) return std::pair(error{}, etf::atom{"badarg"});
    return ok{};
  }

  bool handle_call(const trap& request) { return trap_exit(request.on); }
  ok handle_call(const call_yourself& request) {
    set_label(request.text);
    return {};
  }

  coppice::message handle_call(const spawn_link& request) {
    const std::string_view actor_name =
        std::visit([](const auto& text) { return std::string_view(name_of(text)); }, request.actor);
    const coppice::spawned started = spawn(actor_name, request.args, {.link = true});
    if (started) return coppice::make_message(std::pair(ok{}, started.term()));
    if (started.status == COPPICE_E_EXIT) return coppice::make_message(std::pair(error{}, started.term()));
    return coppice::make_message(
        std::pair(error{}, etf::atom{started.status == COPPICE_E_TIMEOUT ? "timeout" : "badarg"}));
  }

  coppice::message handle_call(const spawn_there& request) {
    const asked_options asked(request.options, request.ms);
    return told(
        spawn_at(request.node.name, request.module.name, request.function.name, request.args, asked.how()));
  }
  coppice::message handle_call(const spawn_actor_there& request) {
    const asked_options asked(request.options, request.ms);
    return told(spawn_actor_at(request.node.name, request.actor.name, request.args, asked.how()));
  }

  coppice::message handle_call(const new_alias& request) {
    return reference_or_error(alias(joined(request.flags)));
  }
  bool handle_call(const give_back& request) { return unalias(request.alias); }
  etf::atom handle_call(const send_with& request) {
    return word_of(send(request.to, request.what, joined(request.flags)));
  }
  etf::atom handle_call(const cast_with& request) {
    return word_of(cast(request.to, request.what, joined(request.flags)));
  }
  etf::atom handle_call(const exit_other& request) {
    return word_of(exit(request.to, request.reason, joined(request.flags)));
  }
  etf::atom handle_call(const link_with& request) {
    return word_of(link(request.pid, joined(request.flags)));
  }
  coppice::message handle_call(const watch_with& request) {
    coppice::monitor_options options{.flags = joined(request.how.flags.value_or(std::vector<flag>{})),
                                     .alias = request.how.alias.value_or(coppice::alias_mode::none)};
    if (request.how.tag) options.tag = *request.how.tag;
    return reference_or_error(monitor(request.whom, options));
  }
  bool handle_call(const unwatch& request) { return demonitor(request.reference); }

  std::uint64_t handle_call(const repeat& request) {
    return every(std::chrono::milliseconds(request.ms), request.what);
  }
  bool handle_call(const cancel& request) { return cancel_timer(request.id); }

  // These would take the node down, so they are for `isolation: process` only.
  not_isolated handle_call(const segfault&) { return {}; }
  not_isolated handle_call(const leak&) { return {}; }

  void handle_info(const term& m) {
    if (!subscriber_.empty()) send(term{subscriber_}, std::pair(etf::constant<"info">{}, m));
  }
  void handle_cast(const term&) {}

  static constexpr std::uint32_t state_version = 1;
  std::vector<term> save_state() const {
    return subscriber_.empty() ? std::vector<term>{} : std::vector<term>{{subscriber_}};
  }
  bool restore_state(std::uint32_t version, const std::vector<term>& saved) {
    if (version != state_version || saved.size() > 1) return false;
    if (!saved.empty()) subscriber_.assign(saved[0].encoded.begin(), saved[0].encoded.end());
    return true;
  }

  void terminate(const term& reason) {
    if (!subscriber_.empty()) send(term{subscriber_}, std::pair(etf::constant<"terminate">{}, reason));
  }

 private:
  // A list with `link`, `monitor` and other options; the others are passed on unchanged.
  class asked_options {
   public:
    asked_options(const std::vector<term>& all, std::uint32_t ms) : ms_(ms) {
      std::vector<term> others;
      for (const term& each : all) {
        const bool is_link = etf::cursor(each.encoded).read_atom_is("link");
        const bool is_monitor = etf::cursor(each.encoded).read_atom_is("monitor");
        link_ = link_ || is_link;
        monitor_ = monitor_ || is_monitor;
        if (!is_link && !is_monitor) others.push_back(each);
      }
      others_ = etf::encode(others);
    }
    coppice::remote_spawn_options how() const {
      return {.link = link_, .monitor = monitor_, .patience = ms_, .others = {others_}};
    }

   private:
    std::chrono::milliseconds ms_;
    bool link_ = false;
    bool monitor_ = false;
    blob others_;
  };

  static coppice::message told(const coppice::spawned& what) {
    if (what.monitor) return coppice::make_message(std::tuple(ok{}, what.term(), what.monitor.term()));
    if (what) return coppice::make_message(std::pair(ok{}, what.term()));
    if (what.message) return coppice::make_message(std::pair(error{}, what.term()));
    return coppice::make_message(std::pair(error{}, etf::atom{coppice_status_word(what.status)}));
  }
  template <class Reference>
  static coppice::message reference_or_error(const Reference& reference) {
    return reference ? coppice::make_message(reference.term())
                     : coppice::make_message(std::pair(error{}, etf::constant<"badarg">{}));
  }
  static coppice::flags joined(const std::vector<flag>& all) {
    static constexpr coppice::flags of[] = {coppice::priority, coppice::no_connect, coppice::no_wait,
                                            coppice::once};
    coppice::flags sum{};
    for (const flag each : all) sum = sum | of[static_cast<std::size_t>(each)];
    return sum;
  }
  static etf::atom word_of(std::int32_t status) {
    return {status == COPPICE_OK ? "ok" : coppice_status_word(status)};
  }
  static std::string_view name_of(const etf::atom& text) { return text.name; }
  static std::string_view name_of(const std::string& text) { return text; }

  blob subscriber_; // a pid's bytes
};

} // namespace probe

COPPICE_PLUGIN("probe", "1.0.0", probe::probe_server);
