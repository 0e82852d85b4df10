// SPDX-License-Identifier: MIT
// A supervisor in its protocol, as a node's answers it. In the test's thread.
#include <coppice/testing/children.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

#include <coppice/testing/calls.hpp>
#include <coppice/testing/services.hpp>

namespace coppice::testing {

namespace {

value error_of(const value& why) {
  return std::pair(etf::atom{"error"}, why.term());
}
value ok_of(const value& pid) {
  return std::pair(etf::atom{"ok"}, pid.term());
}
value refused(const char* word) {
  return error_of(atom(word));
}
value member_of(const std::map<value, value>& of, const char* key, const value& otherwise) {
  const auto found = of.find(atom(key));
  return found == of.end() ? otherwise : found->second;
}
std::string word_of(const value& term) {
  const auto read = etf::decode<etf::atom>(term.bytes());
  return read ? std::string(read->name) : std::string();
}
bool is_supervisor(const child_in_test& one) {
  return one.actor == "supervisor";
}
value type_of(const child_in_test& one) {
  return atom(is_supervisor(one) ? "supervisor" : "worker");
}
value modules_of(const child_in_test& one) {
  const auto given = detail::request_as<std::map<value, value>>(one.spec);
  const value by_default = std::vector<value>{atom(one.actor.substr(0, one.actor.find(':')))};
  return given ? member_of(*given, "modules", by_default) : by_default;
}
// {child, undefined, Id, Start, Restart, Significant, Shutdown, Type, Modules}
value record_of(const child_in_test& one) {
  const auto given = detail::request_as<std::map<value, value>>(one.spec);
  const std::map<value, value> none;
  const auto& of = given ? *given : none;
  return std::tuple(etf::atom{"child"}, etf::atom{"undefined"}, one.id,
                    member_of(of, "start", atom("undefined")), etf::atom{one.restart},
                    member_of(of, "significant", atom("false")), member_of(of, "shutdown", 5000),
                    type_of(one), modules_of(one));
}

} // namespace

supervisor_in_test::supervisor_in_test(std::string_view name) : name_(name) {}

supervisor_in_test::supervisor_in_test(std::string_view name, child_in_test of_template)
    : name_(name), template_(std::move(of_template)) {}

void supervisor_in_test::serve(neighbours& among) {
  among.serve(name_, [this](const value& asked) { return replies(answer_to(asked)); });
}

const child_in_test* supervisor_in_test::find(const value& id_or_pid) const {
  const auto is_it = [&](const child_in_test& one) {
    return (one.id && one.id == id_or_pid) || (one.pid && one.pid == id_or_pid);
  };
  const auto found = std::ranges::find_if(children_, is_it);
  return found == children_.end() ? nullptr : &*found;
}

const child_in_test& supervisor_in_test::child(const value& id_or_pid) const {
  const child_in_test* const found = find(id_or_pid);
  if (found == nullptr) throw failure("the supervisor has no child " + detail::show(id_or_pid.bytes()));
  return *found;
}

void supervisor_in_test::ended(const value& id_or_pid, const value& reason) {
  const child_in_test* const one = find(id_or_pid);
  if (one == nullptr || !one->pid)
    throw failure("no such child of the supervisor runs: " + detail::show(id_or_pid.bytes()));
  const bool again =
      one->restart == "permanent" || (one->restart == "transient" && !detail::is_orderly(reason));
  if (again)
    own(*one).pid = fresh_pid();
  else
    retire(*one);
}

void supervisor_in_test::retire(const child_in_test& one) {
  if (template_ || one.restart == "temporary")
    children_.erase(children_.begin() + (&one - children_.data()));
  else
    own(one).pid = {};
}

value supervisor_in_test::answer_to(const value& asked) {
  if (asked == atom("which_children")) return which_children();
  if (asked == atom("count_children")) return count_children();
  const auto request = detail::request_as<std::pair<value, value>>(asked);
  const std::string what = request ? word_of(request->first) : std::string();
  if (what == "start_child") return start_child(request->second);
  if (what == "terminate_child") return terminate_child(request->second);
  const bool is_known = what == "restart_child" || what == "delete_child" || what == "get_childspec";
  if (!is_known) return refused("badarg");
  if (what == "get_childspec") {
    const child_in_test* const one = find(request->second);
    return one == nullptr ? refused("not_found") : ok_of(one->spec);
  }
  if (template_) return refused("simple_one_for_one");
  return what == "restart_child" ? restart_child(request->second) : delete_child(request->second);
}

value supervisor_in_test::start_child(const value& given) {
  auto made = template_ ? from_template(given) : read(given);
  if (!made) return refused("badarg");
  const child_in_test* const known = made->id ? find(made->id) : nullptr;
  if (known != nullptr && !known->pid) return refused("already_present");
  if (known != nullptr) return error_of(std::pair(etf::atom{"already_started"}, known->pid.term()));
  return started(std::move(*made));
}

std::optional<child_in_test> supervisor_in_test::read(const value& spec) const {
  const auto all = detail::request_as<members>(spec);
  if (!all) return std::nullopt;
  using start = std::tuple<value, value, std::vector<value>>;
  const auto how = detail::request_as<start>(member_of(*all, "start", {}));
  child_in_test made{.id = member_of(*all, "id", {}), .spec = spec};
  if (!made.id || !how || std::get<2>(*how).size() != 2) return std::nullopt;
  made.actor = word_of(std::get<2>(*how)[0]);
  made.args = std::get<2>(*how)[1];
  if (const value restart = member_of(*all, "restart", {})) made.restart = word_of(restart);
  return made;
}

std::optional<child_in_test> supervisor_in_test::from_template(const value& extra) const {
  const auto given = detail::request_as<std::vector<value>>(extra);
  if (!given || given->size() > 1) return std::nullopt;
  child_in_test made = *template_;
  made.id = {};
  auto args = detail::request_as<members>(made.args ? made.args : empty_map());
  auto over = given->empty() ? members() : detail::request_as<members>(given->front());
  if (!args || !over) return std::nullopt;
  over->merge(*args);
  made.args = *over;
  return made;
}

value supervisor_in_test::started(child_in_test made) {
  if (const value why = refusal_of(made))
    return error_of(template_ ? why : value(std::pair(why, record_of(made))));
  made.pid = fresh_pid();
  children_.push_back(std::move(made));
  return ok_of(children_.back().pid);
}

value supervisor_in_test::fresh_pid() const {
  const std::size_t cut = name_.find('@');
  return detail::fresh_pid(cut == std::string::npos ? "test@localhost" : name_.substr(cut + 1));
}

value supervisor_in_test::restart_child(const value& id) {
  const child_in_test* const one = find(id);
  if (one == nullptr) return refused("not_found");
  if (one->pid) return refused("running");
  if (const value why = refusal_of(*one)) return error_of(why);
  own(*one).pid = fresh_pid();
  return ok_of(one->pid);
}

value supervisor_in_test::terminate_child(const value& id_or_pid) {
  const child_in_test* const one = find(id_or_pid);
  if (template_ && detail::node_of(id_or_pid).empty()) return refused("simple_one_for_one");
  if (one == nullptr) return refused("not_found");
  retire(*one);
  return atom("ok");
}

value supervisor_in_test::delete_child(const value& id) {
  const child_in_test* const one = find(id);
  if (one == nullptr) return refused("not_found");
  if (one->pid) return refused("running");
  children_.erase(children_.begin() + (one - children_.data()));
  return atom("ok");
}

value supervisor_in_test::which_children() const {
  std::vector<value> all;
  for (auto one = children_.rbegin(); one != children_.rend(); ++one)
    all.emplace_back(std::tuple(one->id ? one->id : atom("undefined"),
                                one->pid ? one->pid : atom("undefined"), type_of(*one), modules_of(*one)));
  return all;
}

value supervisor_in_test::count_children() const {
  const auto running = std::ranges::count_if(children_, [](const auto& one) { return bool(one.pid); });
  const auto supervisors = std::ranges::count_if(children_, &is_supervisor);
  const auto all = static_cast<std::ptrdiff_t>(children_.size());
  const auto count = [](const char* name, std::ptrdiff_t of) {
    return value(std::pair(etf::atom{name}, static_cast<std::int64_t>(of)));
  };
  return std::vector<value>{count("specs", template_ ? 1 : all), count("active", running),
                            count("supervisors", supervisors), count("workers", all - supervisors)};
}

} // namespace coppice::testing
