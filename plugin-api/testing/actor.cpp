// SPDX-License-Identifier: MIT
// What a test does to an actor under test: calls, messages, signals, other processes and nodes. In the
// test's thread.
#include <coppice/testing.hpp>

#include <coppice/testing/calls.hpp>
#include <coppice/testing/host.hpp>

namespace coppice::testing {

answer::operator bool() const {
  return waits_->answered;
}

const value& answer::reply() const {
  if (!waits_->answered) throw failure("this call has not been answered");
  return waits_->reply;
}

std::chrono::sys_time<nanoseconds> actor::wall_now() const {
  return std::chrono::sys_time<nanoseconds>(nanoseconds(detail::wall_time(world_)));
}

void actor::set_wall(std::chrono::sys_time<nanoseconds> to) {
  world_.wall_at_zero = to.time_since_epoch() - world_.now;
}

answer actor::call_as(const value& caller, const value& request) {
  const auto [who, waits] = detail::begin_call(caller, "caller@localhost");
  world_.mailbox.push_back({detail::delivery::call, request, who});
  settle();
  return answer(waits);
}

bool actor::send(const value& to, const value& term, std::uint32_t flags) {
  const bool came = detail::arrives(world_, to, {detail::delivery::info, term}, flags);
  settle();
  return came;
}

void actor::exit(const value& from, const value& reason) {
  const auto link = world_.links.find(from);
  const bool priority = link != world_.links.end() && (link->second & COPPICE_PRIORITY) != 0;
  world_.links.erase(from);
  detail::exit_signal(world_, from, reason, priority);
  settle();
}

void actor::shut_down(const value& reason) {
  if (plays_->takes_events() && !world_.dead)
    remove(atom("stop"));
  else
    exit(world_.parent, reason);
}

void actor::down(const value& whom, const value& reason) {
  if (!end_monitors(reason, [&](const value& monitored) { return monitored == whom; }))
    throw failure("nothing monitors that process");
  settle();
}

void actor::lose(std::string_view node) {
  const auto is_there = [node](const value& whom) { return detail::node_of(whom) == node; };
  world_.others.disconnect(node);
  end_monitors(atom("noconnection"), is_there);
  std::vector<value> linked;
  for (const auto& [pid, flags] : world_.links)
    if (is_there(pid)) linked.push_back(pid);
  for (const value& pid : linked) exit(pid, atom("noconnection"));
  const std::size_t times = world_.nodes.erase(std::string(node));
  for (std::size_t i = 0; i < times; ++i) send(std::pair(etf::atom{"nodedown"}, etf::atom{node}));
  settle();
}

value actor::serve(std::string_view name, std::function<response(value request)> does) {
  return world_.others.serve(name, std::move(does));
}

void actor::refuse_children(std::function<value(const child&)> why) {
  world_.others.refuse_children(std::move(why));
}

void actor::serve_spawns(std::function<response(const remote_child&)> does) {
  world_.others.serve_spawns(std::move(does));
}

void actor::respond(std::uint64_t id, response what) {
  if (!end_request(id, std::move(what))) throw failure("there is no open request of that id");
  settle();
}

bool actor::end_monitors(const value& reason, const std::function<bool(const value& whom)>& is_meant) {
  std::vector<value> references;
  for (const auto& [reference, each] : world_.monitors)
    if (is_meant(each.whom)) references.push_back(reference);
  for (const value& reference : references) {
    const monitored each = world_.monitors.at(reference);
    detail::end_monitor(world_, reference);
    detail::put(world_, {detail::delivery::info,
                         std::tuple(each.tag.term(), reference.term(), etf::atom{"process"}, each.whom.term(),
                                    reason.term()),
                         {},
                         (each.flags & COPPICE_PRIORITY) != 0});
  }
  return !references.empty();
}

bool actor::alive() const {
  return !world_.dead;
}

const value& actor::reason() const {
  return world_.reason;
}

const value& actor::pid() const {
  return world_.self;
}

const value& actor::parent() const {
  return world_.parent;
}

nanoseconds actor::now() const {
  return world_.now;
}

const std::vector<timer>& actor::timers() const {
  return world_.timers;
}

const std::map<value, std::uint32_t>& actor::links() const {
  return world_.links;
}

const std::map<value, monitored>& actor::monitors() const {
  return world_.monitors;
}

answer actor::call(const value& request) {
  return call_as(detail::fresh_pid("caller@localhost"), request);
}

void actor::cast(const value& term) {
  deliver({detail::delivery::cast, term});
}

void actor::send(const value& term) {
  deliver({detail::delivery::info, term});
}

void actor::notify(const value& event) {
  if (!plays_->takes_events()) throw failure("this actor is no event handler");
  deliver({detail::delivery::event, event});
}

value actor::remove(const value& why) {
  if (!plays_->takes_events()) throw failure("this actor is no event handler");
  if (world_.dead) throw failure("this event handler has ended");
  plays_->leave_manager(why);
  detail::end(world_, atom("normal"));
  return did.left.back().result;
}

void actor::connect(std::string_view node) {
  world_.others.connect(node);
}

} // namespace coppice::testing
