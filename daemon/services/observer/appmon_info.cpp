// SPDX-License-Identifier: MIT
// {From, Command, About, true | false, Options} switches a view on and off, {delivery, Self, Command, About,
// Shown} is its result. An application's processes are those below its master: each is linked to such a
// process and was started by it. Other links are shown separately. In the process's own turn.
#include "services/observer/appmon_info.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "base/log.hpp"
#include "behaviours/application/controller.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "services/answers/list_writer.hpp"
#include "services/answers/long_terms.hpp"
#include "services/answers/portions.hpp"

namespace coppice::services {
namespace {

namespace gen = behaviours::gen;
using behaviours::application_controller;
using runtime::message;
using runtime::message_writer;
using runtime::pid;
using runtime::process;

constexpr base::nanos interval = 2 * base::nanos_per_second; // OTP's
constexpr std::size_t most_views = 100;
constexpr std::size_t most_processes = 10'000; // of an application: more would not be readable
constexpr std::size_t most_of_node = 16;       // processes for one other node
constexpr std::size_t longest_about = 2048;    // bytes of a term: the name of an application is an atom

// The description of every application's master.
std::vector<runtime::process_info> masters(const runtime::system& host) {
  std::vector<runtime::process_info> out;
  const auto controller = host.info(application_controller::registered_name);
  if (!controller) return out;
  for (const pid& each : controller->links) {
    auto linked = host.info(each);
    if (linked && linked->summary.is.behaviour == "application") out.push_back(std::move(*linked));
  }
  return out;
}

// [{Master, Name, {Name, Description, Version}}]
message applications(process& self) {
  const auto to = runtime::destination::named(std::string(application_controller::registered_name));
  const auto listed = gen::call(self, to, message::atom("which_applications").bytes(), self.now() + interval);
  const auto all = masters(self.host());
  list_writer out;
  etf::cursor at(listed ? listed->bytes() : etf::bytes());
  std::uint32_t count = 0;
  if (listed) at.read_list(count);
  for (etf::bytes one; count > 0 && at.read_term(one); --count) {
    etf::cursor in(one);
    std::string_view name;
    if (!in.read_tuple_of(3) || !in.read_atom(name)) continue;
    const auto master =
        std::ranges::find_if(all, [name](const auto& each) { return each.summary.label == name; });
    if (master == all.end()) continue;
    etf::writer& row = out.next();
    row.tuple(3);
    runtime::write(row, master->summary.pid, self.host().nodes());
    row.atom(name);
    row.raw(one);
  }
  return out.take();
}

// The processes below a master, in the order in which they are found.
class process_tree {
 public:
  explicit process_tree(process& self) : host_(self.host()), work_(self) {}

  void add_all_below(const pid& root) {
    add(root, name_of(root));
    while (!open_.empty()) {
      const pid next = open_.front();
      open_.pop_front();
      if (const auto info = next.here() ? host_.info(next) : std::nullopt) add_links(*info);
    }
  }
  // {Root, [{Pid, Name}], [{Name, NameOfChild}], [{Name, NameOfOther}]}
  message take(const pid& root) const {
    message_writer out(16 * 1024);
    out.tuple(4);
    out.string(name_of(root));
    processes_.write(out);
    children_.write(out);
    others_.write(out);
    return out.take();
  }
  static message none() {
    message_writer out;
    out.tuple(4);
    for (int i = 0; i < 4; ++i) out.nil();
    return out.take();
  }

 private:
  void add(const pid& who, const std::string& name) {
    if (!known_.insert(who).second) return;
    open_.push_back(who);
    etf::writer& row = processes_.next();
    row.tuple(2);
    runtime::write(row, who, host_.nodes());
    row.string(name);
  }
  void add_links(const runtime::process_info& of) {
    const pid& who = of.summary.pid;
    const std::string name = name_or_pid(who, of.summary.name);
    std::vector<pid> in_order = of.links;
    std::ranges::sort(in_order, {},
                      [](const pid& each) { return std::tuple(each.node, each.serial, each.id); });
    for (const pid& other : in_order) {
      work_.add();
      if (known_.size() >= most_processes) return;
      if (other == of.parent || known_.contains(other)) continue;
      // kin_of() is cheaper than info(): a process that many others are linked to is looked at for each of
      // them.
      const auto kin = other.here() ? runtime::kin_of(host_, other) : std::nullopt;
      if (other.here() && !kin) continue; // it has just ended
      const bool child = kin && kin->parent == who;
      const std::string other_name = name_or_pid(other, kin ? kin->name : std::string());
      etf::writer& row = (child ? children_ : others_).next();
      row.tuple(2);
      row.string(name);
      row.string(other_name);
      if (child || !kin) add(other, other_name);
    }
  }
  std::string name_of(const pid& who) const {
    const auto kin = who.here() ? runtime::kin_of(host_, who) : std::nullopt;
    return name_or_pid(who, kin ? kin->name : std::string());
  }
  std::string name_or_pid(const pid& who, const std::string& name) const {
    return name.empty() ? runtime::to_text(who, host_.nodes()) : name;
  }

  const runtime::system& host_;
  portions work_;
  std::unordered_set<pid, runtime::pid_hash> known_;
  std::deque<pid> open_;
  list_writer processes_;
  list_writer children_;
  list_writer others_;
};

message processes_of(process& self, const message& application) {
  std::string_view name;
  etf::cursor(application.bytes()).read_atom(name);
  for (const auto& master : masters(self.host())) {
    if (master.summary.label != name) continue;
    process_tree tree(self);
    tree.add_all_below(master.summary.pid);
    return tree.take(master.summary.pid);
  }
  return process_tree::none();
}

} // namespace

std::optional<behaviours::peer_requests> appmon_info::from_peers() const {
  using request = behaviours::peer_request;
  constexpr auto cast = gen::request::kind::cast;
  static constexpr request requests[] = {{cast, "app_ctrl", 5, 5, request::answers},
                                         {cast, "app", 5, 5, request::answers}};
  return requests;
}

appmon_info::appmon_info(const runtime::pid& client, running_calls::token running)
    : native_server("appmon_info"), client_(client), running_(std::move(running)) {}

callable appmon_info::starter() {
  return [running = running_calls(most_of_node)](process& self, etf::bytes arguments) {
    return start(self, arguments, running);
  };
}

answer appmon_info::start(process& self, etf::bytes arguments, const running_calls& running) {
  auto& names = self.host().nodes();
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  if (!at.read_list(length) || !runtime::read_pid(at, names)) return {};
  const auto client = runtime::read_pid(at, names);
  // A client on this node would be ended by the link, and a client on another node than the caller's did not
  // ask.
  if (!client || client->here() || client->node != self.origin().node) return {};
  bool tell = false;
  auto place = running.begin(client->node, tell);
  if (tell)
    base::log::warning("services", "{} has more than {} appmon_info here: no more are started for it",
                       names.name(client->node), most_of_node);
  if (!place) return runtime::error_message(message::atom("system_limit"));
  runtime::spawn_options options;
  options.label = "appmon_info";
  const auto made = self.spawn(std::move(options), std::make_unique<appmon_info>(*client, std::move(*place)));
  if (!made) return runtime::error_message(message::atom("system_limit"));
  message_writer out;
  out.tuple(2);
  out.atom("ok");
  runtime::write(out, *made, names);
  return out.take();
}

runtime::outcome appmon_info::on_start(process& self) {
  self.trap_exit(true);
  self.link(client_);
  self.start_timer(self.now() + interval, runtime::destination::alias(self.make_alias()),
                   message::atom("$due"), interval);
  return runtime::carry_on();
}

runtime::outcome appmon_info::handle_cast(process& self, const message& request) {
  etf::cursor at(request.bytes());
  std::string_view command;
  etf::bytes about;
  std::string_view on;
  portions work(self);
  if (!at.read_tuple_of(5) || runtime::read_pid(at, self.host().nodes()) != client_ ||
      !at.read_atom(command) || !read_long_term(at, about, work) || !at.read_atom(on) ||
      about.size() > longest_about)
    return runtime::carry_on();
  std::erase_if(views_, [&](const view& each) {
    return each.command == command && std::ranges::equal(each.about.bytes(), about);
  });
  const bool known = command == "app_ctrl" || command == "app";
  if (on != "true" || !known || views_.size() == most_views) return runtime::carry_on();
  show(self, views_.emplace_back(view{std::string(command), message::copy_of(about), {}}));
  return runtime::carry_on();
}

runtime::outcome appmon_info::handle_info(process& self, const message& m) {
  gen::exit_notice exit;
  if (gen::read_exit(self, m, exit))
    return exit.from == client_ ? runtime::stop(message::atom("normal")) : runtime::carry_on();
  if (!runtime::is_atom(m, "$due")) return native_server::handle_info(self, m);
  for (view& each : views_) show(self, each);
  return runtime::carry_on();
}

void appmon_info::show(process& self, view& what) {
  message found = what.command == "app" ? processes_of(self, what.about) : applications(self);
  if (what.shown && std::ranges::equal(found.bytes(), what.shown.bytes())) return;
  what.shown = std::move(found);
  message_writer out(what.shown.size() + 256);
  out.tuple(5);
  out.atom("delivery");
  runtime::write(out, self.self(), self.host().nodes());
  out.atom(what.command);
  out.raw(what.about.bytes());
  out.raw(what.shown.bytes());
  self.send(client_, out.take());
}

} // namespace coppice::services
