// SPDX-License-Identifier: MIT
// pg's functions that read, for rpc: OTP reads a table of its node; this asks the scope. In the process's own
// turn.
#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "behaviours/gen/gen.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/answers/portions.hpp"
#include "services/peers/peer_bounds.hpp"
#include "services/rpc/functions.hpp"

namespace coppice::services {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

constexpr std::string_view default_scope = "pg";
constexpr base::nanos patience = 5 * base::nanos_per_second;

using scopes = std::shared_ptr<const std::vector<std::string>>;

message no_members() {
  message_writer none;
  none.nil();
  return none.take();
}

// [] if the scope does not exist, as in OTP. Only scopes are asked: another process of that name would take
// the question for one of this node's.
message ask(process& self, const scopes& known, std::string_view scope, etf::bytes question) {
  if (std::ranges::find(*known, scope) == known->end()) return no_members();
  auto answer = behaviours::gen::call(self, runtime::destination::named(std::string(scope)), question,
                                      self.now() + patience);
  return answer ? std::move(*answer) : no_members();
}

// get_members([Scope,] Group)
message members(process& self, const scopes& known, std::string_view what, bool scoped,
                etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  std::string_view scope = default_scope;
  etf::bytes group;
  message_writer out;
  out.tuple(2);
  out.atom(what);
  etf::bytes text;
  if (!scoped && at.read_string(text)) { // a group that is a small number
    out.integer(text[0]);
    return ask(self, known, scope, out.view());
  }
  portions work(self);
  if (!at.read_list(length) || (scoped && !at.read_atom(scope)) || !read_long_term(at, group, work))
    return {};
  if (group.size() > longest_key) return no_members(); // as the scope answers another node
  out.raw(group);
  return ask(self, known, scope, out.view());
}

// which_groups([Scope])
message groups(process& self, const scopes& known, std::string_view what, bool scoped, etf::bytes arguments) {
  etf::cursor at(arguments);
  std::uint32_t length = 0;
  std::string_view scope = default_scope;
  if (scoped && (!at.read_list(length) || !at.read_atom(scope))) return {};
  return ask(self, known, scope, message::atom(what).bytes());
}

} // namespace

void add_pg_functions(function_table& into, const std::vector<std::string>& all) {
  const auto known = std::make_shared<const std::vector<std::string>>(all);
  for (const bool scoped : {false, true}) {
    for (const char* what : {"get_members", "get_local_members"}) {
      into[fmt::format("pg:{}/{}", what, scoped ? 2 : 1)] = [=](process& self, etf::bytes arguments) {
        return members(self, known, what, scoped, arguments);
      };
    }
    for (const char* what : {"which_groups", "which_local_groups"}) {
      into[fmt::format("pg:{}/{}", what, scoped ? 1 : 0)] = [=](process& self, etf::bytes arguments) {
        return groups(self, known, what, scoped, arguments);
      };
    }
  }
}

} // namespace coppice::services
