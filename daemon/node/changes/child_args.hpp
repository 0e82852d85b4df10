// SPDX-License-Identifier: MIT
// Args that others give for children they add, held against the schema of the plugin in use, as the
// configuration's are before a start. Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.hpp"
#include "loader/loader.hpp"
#include "runtime/messages/message.hpp"
#include "spec/args_schema.hpp"

namespace coppice::node {

class child_args {
 public:
  // `plugins` outlives it.
  explicit child_args(const loader::loader& plugins) : plugins_(plugins) {}

  // `args`: a map; empty: none. `secrets`: theirs, see args_schema::check(). errc::invalid with the path of
  // what is wrong; errc::not_found: no such actor.
  base::status check(std::string_view actor, const runtime::message& args,
                     spec::args_schema::part what = spec::args_schema::part::whole,
                     const base::secrets* secrets = nullptr);

 private:
  base::result<std::shared_ptr<const spec::args_schema>> schema_of(std::string_view actor);

  const loader::loader& plugins_;
  std::mutex lock_;
  std::unordered_map<std::string, std::shared_ptr<const spec::args_schema>> compiled_; // by their text
};

} // namespace coppice::node
