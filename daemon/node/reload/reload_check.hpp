// SPDX-License-Identifier: MIT
// Whether what runs fits the new generations of a reload, judged before anything stands still: the actor
// types that the tree names are still there, and the new schemas take their args. Pure; any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "behaviours/application/application.hpp"
#include "loader/generation.hpp"
#include "runtime/messages/message.hpp"
#include "spec/args_schema.hpp"

namespace coppice::node {

// The generations that are to take over, by plugin; not owned.
using generations_to_be = std::map<std::string, loader::plugin_generation*, std::less<>>;

// errc::not_found: an actor type is gone; errc::refused: as check_args(). The sentence begins with the
// child's path. Children of other plugins are not looked at.
base::status check_tree(const std::vector<behaviours::application_spec>& applications,
                        const generations_to_be& next);

// `args`: a map; empty: none. `secrets`: theirs, see args_schema::check(). errc::refused: the schema of
// `type` is none, or does not take them.
base::status check_args(const loader::plugin_generation& of, const manifest::actor_type& type,
                        const runtime::message& args,
                        spec::args_schema::part what = spec::args_schema::part::whole,
                        const base::secrets* secrets = nullptr);

} // namespace coppice::node
