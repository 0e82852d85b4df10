// SPDX-License-Identifier: MIT
// Puts the secrets that the configuration names into args, just before the loader makes an actor, at each
// start and restart. Everything before it (the tree, its orders, `info`, `diff`, other nodes) sees only
// markers. Any worker's thread; reading a file blocks for as long as the disk does.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"
#include "node/changes/child_args.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/messages/message.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// Args with their secrets, and the places of the secrets in them.
struct args_with_secrets {
  runtime::message args;
  base::secrets_ptr secrets;
};

// Replaces each marker in `args` by the text of its secret, a binary. Errors as in base::read_secret().
base::result<args_with_secrets> read_secrets(const runtime::message& args, const base::secrets& of);

class secret_args final : public runtime::actor_factory {
 public:
  // Both outlive it. `schemas` checks the args again once their secrets are read.
  secret_args(runtime::actor_factory& makes, child_args& schemas) : makes_(makes), schemas_(schemas) {}

  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override;

 private:
  runtime::actor_factory& makes_;
  child_args& schemas_;
};

} // namespace coppice::node
