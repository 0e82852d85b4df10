// SPDX-License-Identifier: MIT
// Checks the args of children that are added at run time against the schema of the plugin in use, as the
// configuration's args are checked before a start. Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.hpp"
#include "loader/loader.hpp"
#include "runtime/messages/message.hpp"
#include "spec/schema/args_schema.hpp"

namespace coppice::node {

class child_args {
 public:
  // `plugins` outlives it.
  explicit child_args(const loader::loader& plugins) : plugins_(plugins) {}

  // `args`: a map. Empty: none. `secrets`: those in the args, see args_schema::check(). errc::invalid: names
  // the path of the wrong value; errc::not_found: no such actor.
  base::status check(std::string_view actor, const runtime::message& args,
                     spec::args_schema::part what = spec::args_schema::part::whole,
                     const base::secrets* secrets = nullptr);

 private:
  base::result<std::shared_ptr<const spec::args_schema>> schema_of(std::string_view actor);

  const loader::loader& plugins_;
  std::mutex lock_;
  std::unordered_map<std::string, std::shared_ptr<const spec::args_schema>> compiled_; // by the schema's text
};

} // namespace coppice::node
