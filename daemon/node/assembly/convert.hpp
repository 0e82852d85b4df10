// SPDX-License-Identifier: MIT
// What the configuration and the engines both have a word for. The rooms spell their enumerations alike; each
// is converted in one place, so that neither depends on the other's order. Pure.
#pragma once

#include <optional>

#include "base/log.hpp"
#include "behaviours/application/application.hpp"
#include "behaviours/pool/pool_spec.hpp"
#include "runtime/messages/message.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

behaviours::strategy convert(spec::strategy value);
behaviours::restart_type convert(spec::restart value);
behaviours::auto_shutdown convert(spec::auto_shutdown value);
behaviours::shutdown_limit convert(const spec::shutdown_limit& value);
behaviours::application_type convert(spec::application_type value);
runtime::on_full convert(spec::on_full value);
runtime::priority convert(spec::priority value);
behaviours::pool_dispatch convert(spec::pool_dispatch value);
behaviours::pool_overload convert(spec::pool_overload value);
runtime::postponed_bound convert(const spec::postponed_options& value);
runtime::unhandled convert(spec::unhandled value);
runtime::mailbox_bounds convert(const spec::mailbox_options& from);
std::optional<behaviours::backoff_options> convert(const std::optional<spec::backoff_options>& from);
runtime::message convert(const spec::encoded_term& term);
base::log::level convert(spec::log_level of);

} // namespace coppice::node
