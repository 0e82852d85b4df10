// SPDX-License-Identifier: MIT
// See secret_check.hpp. A child that has secrets is started anew where anything reaches it: its arguments,
// its options or its application's environment. Recursion is as deep as the tree of supervisors.
#include "node/changes/secret_check.hpp"

#include <string>
#include <utility>

#include "spec/child_secrets.hpp"

namespace coppice::node {
namespace {

using spec::change_kind;

base::status check(const spec::supervisor_spec& all, const std::string& path);

base::status check(const spec::child_spec& one, const std::string& path) {
  if (one.supervisor) return check(*one.supervisor, path);
  for (const base::secret& each : spec::secrets_of(one))
    if (auto text = base::read_secret(each); !text) return unexpected(std::move(text.error()).context(path));
  return {};
}

base::status check(const spec::supervisor_spec& all, const std::string& path) {
  if (all.strategy == tree::strategy::simple_one_for_one) return {};
  for (const spec::child_spec& one : all.children)
    if (auto good = check(one, path + "/" + one.id); !good) return good;
  return {};
}

base::status check(const spec::supervisor_change& of, const std::string& path) {
  if (of.after->strategy == tree::strategy::simple_one_for_one) return {};
  for (const spec::child_change& one : of.children) {
    if (one.after == nullptr) continue; // it is stopped
    const std::string below = path + "/" + one.after->id;
    base::status good;
    if (one.inside)
      good = check(*one.inside, below);
    else if (one.what != change_kind::update)
      good = check(*one.after, below);
    if (!good) return good;
  }
  return {};
}

} // namespace

base::status check_secrets(const spec::difference& of) {
  for (const spec::application_change& one : of.applications) {
    if (one.after == nullptr) continue; // it is stopped
    base::status good;
    if (one.env || one.what == change_kind::start || one.what == change_kind::restart)
      good = check(one.after->supervisor, one.after->name);
    else if (one.inside)
      good = check(*one.inside, one.after->name);
    if (!good) return good;
  }
  return {};
}

} // namespace coppice::node
