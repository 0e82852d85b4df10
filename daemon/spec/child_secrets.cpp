// SPDX-License-Identifier: MIT
// See child_secrets.hpp.
#include "spec/child_secrets.hpp"

#include "spec/kinds/kinds.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/secrets.hpp"

namespace coppice::spec {
namespace {

void note_files(const encoded_term& args, std::set<std::string>& out) {
  const auto found = find_secrets(args);
  if (found == nullptr) return;
  for (const base::secret& one : found->all)
    if (one.from == base::secret::source::file) out.insert(one.name);
}

// Calls `use` with all args of a child, without the args of children below it.
void each_args(const child_spec& child, const kind::use_args& use) {
  use(child.args);
  for (const kind* const one : kinds()) one->each_args(child, use);
}

void note_files(const supervisor_spec& of, std::set<std::string>& out) {
  for (const child_spec& child : of.children) {
    each_args(child, [&out](const encoded_term& args) { note_files(args, out); });
    if (child.supervisor) note_files(*child.supervisor, out);
  }
}

} // namespace

bool has_secrets(const child_spec& child) {
  bool has = false;
  each_args(child, [&has](const encoded_term& args) { has = has || find_secrets(args) != nullptr; });
  return has;
}

std::vector<base::secret> secrets_of(const child_spec& child) {
  std::vector<base::secret> out;
  each_args(child, [&out](const encoded_term& args) {
    if (const auto found = find_secrets(args)) out.insert(out.end(), found->all.begin(), found->all.end());
  });
  return out;
}

std::set<std::string> secret_files(const node_spec& of) {
  std::set<std::string> out;
  for (const application_spec& one : of.applications) note_files(one.supervisor, out);
  for (const log_handler_options& one : of.node.log.handlers) note_files(one.to.args, out);
  return out;
}

} // namespace coppice::spec
