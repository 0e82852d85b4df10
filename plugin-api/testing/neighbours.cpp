// SPDX-License-Identifier: MIT
// The other processes and nodes of an actor under test, as the test has defined them. One thread.
#include <coppice/testing/neighbours.hpp>

#include <atomic>
#include <functional>
#include <utility>

namespace coppice::testing {

namespace detail {

namespace {

std::uint32_t next_number() {
  static std::atomic<std::uint32_t> last{100};
  return ++last;
}

} // namespace

value fresh_pid(std::string_view node) {
  return etf::pid{node, next_number(), 0, 4};
}

value fresh_reference(std::string_view node) {
  return etf::reference{node, 4, 3, {next_number(), 0, 0}};
}

std::string_view node_of(const value& whom) {
  etf::cursor at(whom.bytes());
  etf::pid process;
  etf::reference alias;
  std::string_view word;
  if (at.peek() == etf::kind::pid && at.read_pid(process)) return process.node;
  if (at.peek() == etf::kind::reference && at.read_reference(alias)) return alias.node;
  if (at.read_tuple_of(2) && at.read_atom(word) && at.read_atom(word)) return word;
  return {};
}

} // namespace detail
value neighbours::serve(std::string_view name, std::function<response(value request)> does) {
  const auto cut = name.find('@');
  const std::string_view node = cut == name.npos ? node_ : name.substr(cut + 1);
  const std::string_view local = name.substr(0, cut);
  const value process = detail::fresh_pid(node);
  servers_[process] = does;
  servers_[std::pair(etf::atom{local}, etf::atom{node})] = does;
  if (cut == name.npos) {
    servers_[etf::atom{local}] = std::move(does);
    names_[std::string(local)] = process;
  }
  return process;
}

void neighbours::serve_spawns(std::function<response(const remote_child&)> answer) {
  answer_spawn_ = std::move(answer);
}

bool neighbours::is_connected(std::string_view node) const {
  return node.empty() || node == node_ || connected_.contains(std::string(node));
}

response neighbours::ask(const value& to, const value& request) const {
  const auto found = servers_.find(to);
  if (found != servers_.end()) return found->second(request);
  const bool names_its_node = etf::cursor(to.bytes()).peek() == etf::kind::tuple;
  return {names_its_node ? COPPICE_E_NODEDOWN : COPPICE_E_NOPROC, {}};
}

value neighbours::whereis(const std::string& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? value() : found->second;
}

response neighbours::spawn(const remote_child& asked) const {
  return answer_spawn_ ? answer_spawn_(asked) : nodedown();
}

} // namespace coppice::testing
