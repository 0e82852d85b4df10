// SPDX-License-Identifier: MIT
// Where secrets that the configuration names get into args: in front of the loader, at each start and restart
// of an actor. Whatever is before it, the tree, its orders, `info`, `diff` and other nodes, knows markers
// alone. Any worker's thread; reading a file blocks for as long as the disk does.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"
#include "node/changes/child_args.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/messages/message.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// Args whose secrets are read, and where these stand in them.
struct args_with_secrets {
  runtime::message args;
  base::secrets_ptr secrets;
};

// `args` with the text of each secret, a binary, in the place of its marker. Errors as base::read_secret().
base::result<args_with_secrets> read_secrets(const runtime::message& args, const base::secrets& of);

class secret_args final : public runtime::actor_factory {
 public:
  // Both outlive it. `schemas` is asked again about args whose secrets are read.
  secret_args(runtime::actor_factory& makes, child_args& schemas) : makes_(makes), schemas_(schemas) {}

  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override;

 private:
  runtime::actor_factory& makes_;
  child_args& schemas_;
};

} // namespace coppice::node
