// SPDX-License-Identifier: MIT
// Checks, before any actor stands still, whether the running tree fits a reload's new generations: the actor
// types that the tree names still exist, and the new schemas accept their args. Pure; any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "behaviours/application/application.hpp"
#include "loader/generation.hpp"
#include "runtime/messages/message.hpp"
#include "spec/schema/args_schema.hpp"

namespace coppice::node {

// The generations that will take over, by plugin; not owned.
using generations_to_be = std::map<std::string, loader::plugin_generation*, std::less<>>;

// errc::not_found: an actor type is gone; errc::refused: see check_args(). The sentence begins with the
// child's path. Children of other plugins are ignored.
base::status check_tree(const std::vector<behaviours::application_spec>& applications,
                        const generations_to_be& next);

// `args`: a map. Empty: none. `secrets`: those in the args, see args_schema::check(). errc::refused: the
// schema of `type` is invalid, or does not accept the args.
base::status check_args(const loader::plugin_generation& of, const manifest::actor_type& type,
                        const runtime::message& args,
                        spec::args_schema::part what = spec::args_schema::part::whole,
                        const base::secrets* secrets = nullptr);

} // namespace coppice::node
