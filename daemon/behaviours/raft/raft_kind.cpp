// SPDX-License-Identifier: MIT
// See raft_kind.hpp.
#include "behaviours/raft/raft_kind.hpp"

#include <utility>

#include "behaviours/raft/member.hpp"

namespace coppice::behaviours {
namespace {

class members final : public child_kind {
 public:
  explicit members(std::shared_ptr<const raft::raft_spec> options) : options_(std::move(options)) {}

  std::string_view name() const override { return "member of a Raft group"; }
  std::string_view behaviour() const override { return raft::member::behaviour_name; }
  base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const override {
    return std::make_unique<raft::member>(
        raft::member::parts{of.spec, options_, of.args, of.env, of.secrets, of.shared, of.label});
  }

 private:
  const std::shared_ptr<const raft::raft_spec> options_;
};

} // namespace

std::shared_ptr<const child_kind> raft_kind(std::shared_ptr<const raft::raft_spec> options) {
  return std::make_shared<const members>(std::move(options));
}

} // namespace coppice::behaviours
