// SPDX-License-Identifier: MIT
// A schema is compiled when its text is first seen. A reload brings new texts, so all compiled ones are
// dropped when there are many.
#include "node/changes/child_args.hpp"

#include <utility>

namespace coppice::node {
namespace {

constexpr std::size_t most_kept = 256;

} // namespace

base::result<std::shared_ptr<const spec::args_schema>> child_args::schema_of(std::string_view actor) {
  auto text = plugins_.args_schema(actor);
  if (!text) return unexpected(std::move(text.error()));
  const std::scoped_lock held(lock_);
  if (const auto known = compiled_.find(*text); known != compiled_.end()) return known->second;
  auto made = spec::args_schema::compile(*text);
  if (!made) return unexpected(std::move(made.error()).context("args_schema of " + std::string(actor)));
  if (compiled_.size() >= most_kept) compiled_.clear();
  auto kept = std::make_shared<const spec::args_schema>(std::move(*made));
  return compiled_.emplace(std::move(*text), std::move(kept)).first->second;
}

base::status child_args::check(std::string_view actor, const runtime::message& args,
                               spec::args_schema::part what, const base::secrets* secrets) {
  const auto schema = schema_of(actor);
  if (!schema) return unexpected(schema.error());
  return (*schema)->check(args ? args.bytes() : etf::empty_map, what, secrets);
}

} // namespace coppice::node
