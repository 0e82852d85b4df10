// SPDX-License-Identifier: MIT
// See convert.hpp.
#include "node/assembly/convert.hpp"

#include <algorithm>

namespace coppice::node {

behaviours::strategy convert(spec::strategy value) {
  switch (value) {
    case spec::strategy::one_for_one:
      return behaviours::strategy::one_for_one;
    case spec::strategy::one_for_all:
      return behaviours::strategy::one_for_all;
    case spec::strategy::rest_for_one:
      return behaviours::strategy::rest_for_one;
    case spec::strategy::simple_one_for_one:
      return behaviours::strategy::simple_one_for_one;
  }
  return behaviours::strategy::one_for_one;
}

behaviours::restart_type convert(spec::restart value) {
  switch (value) {
    case spec::restart::permanent:
      return behaviours::restart_type::permanent;
    case spec::restart::transient:
      return behaviours::restart_type::transient;
    case spec::restart::temporary:
      return behaviours::restart_type::temporary;
  }
  return behaviours::restart_type::permanent;
}

behaviours::auto_shutdown convert(spec::auto_shutdown value) {
  switch (value) {
    case spec::auto_shutdown::never:
      return behaviours::auto_shutdown::never;
    case spec::auto_shutdown::any_significant:
      return behaviours::auto_shutdown::any_significant;
    case spec::auto_shutdown::all_significant:
      return behaviours::auto_shutdown::all_significant;
  }
  return behaviours::auto_shutdown::never;
}

behaviours::shutdown_limit convert(const spec::shutdown_limit& value) {
  switch (value.how) {
    case spec::shutdown_limit::kind::after:
      return behaviours::shutdown_limit::after(base::to_nanos(value.time));
    case spec::shutdown_limit::kind::brutal_kill:
      return behaviours::shutdown_limit::brutal_kill();
    case spec::shutdown_limit::kind::infinity:
      return behaviours::shutdown_limit::infinity();
  }
  return {};
}

behaviours::application_type convert(spec::application_type value) {
  switch (value) {
    case spec::application_type::permanent:
      return behaviours::application_type::permanent;
    case spec::application_type::transient:
      return behaviours::application_type::transient;
    case spec::application_type::temporary:
      return behaviours::application_type::temporary;
  }
  return behaviours::application_type::temporary;
}

runtime::on_full convert(spec::on_full value) {
  switch (value) {
    case spec::on_full::park_sender:
      return runtime::on_full::park_sender;
    case spec::on_full::drop_new:
      return runtime::on_full::drop_new;
    case spec::on_full::drop_old:
      return runtime::on_full::drop_old;
    case spec::on_full::exit:
      return runtime::on_full::exit;
  }
  return runtime::on_full::park_sender;
}

runtime::priority convert(spec::priority value) {
  switch (value) {
    case spec::priority::low:
      return runtime::priority::low;
    case spec::priority::normal:
      return runtime::priority::normal;
    case spec::priority::high:
      return runtime::priority::high;
    case spec::priority::max:
      return runtime::priority::max;
  }
  return runtime::priority::normal;
}

behaviours::pool_dispatch convert(spec::pool_dispatch value) {
  switch (value) {
    case spec::pool_dispatch::least_loaded:
      return behaviours::pool_dispatch::least_loaded;
    case spec::pool_dispatch::round_robin:
      return behaviours::pool_dispatch::round_robin;
    case spec::pool_dispatch::hash:
      return behaviours::pool_dispatch::hash;
    case spec::pool_dispatch::broadcast:
      return behaviours::pool_dispatch::broadcast;
  }
  return behaviours::pool_dispatch::least_loaded;
}

behaviours::pool_overload convert(spec::pool_overload value) {
  switch (value) {
    case spec::pool_overload::reply_error:
      return behaviours::pool_overload::reply_error;
    case spec::pool_overload::drop_new:
      return behaviours::pool_overload::drop_new;
    case spec::pool_overload::drop_old:
      return behaviours::pool_overload::drop_old;
    case spec::pool_overload::park_sender:
      return behaviours::pool_overload::park_sender;
  }
  return behaviours::pool_overload::reply_error;
}

runtime::postponed_bound convert(const spec::postponed_options& value) {
  using overflow = runtime::postponed_bound::overflow;
  switch (value.on_full) {
    case spec::postponed_overload::exit:
      break;
    case spec::postponed_overload::drop_new:
      return {value.limit, overflow::drop_new};
    case spec::postponed_overload::drop_old:
      return {value.limit, overflow::drop_old};
  }
  return {value.limit, overflow::exit};
}

runtime::unhandled convert(spec::unhandled value) {
  switch (value) {
    case spec::unhandled::exit:
      return runtime::unhandled::exit;
    case spec::unhandled::reply_error:
      return runtime::unhandled::reply_error;
    case spec::unhandled::log:
      return runtime::unhandled::log;
    case spec::unhandled::ignore:
      return runtime::unhandled::ignore;
  }
  return runtime::unhandled::exit;
}

runtime::mailbox_bounds convert(const spec::mailbox_options& from) {
  return {static_cast<std::uint32_t>(std::min<std::uint64_t>(from.limit, 16'000'000)), from.bytes,
          convert(from.on_full)};
}

std::optional<behaviours::backoff_options> convert(const std::optional<spec::backoff_options>& from) {
  if (!from) return std::nullopt;
  return behaviours::backoff_options{base::to_nanos(from->first), base::to_nanos(from->max), from->jitter};
}

runtime::message convert(const spec::encoded_term& term) {
  return term.empty() ? runtime::message() : runtime::message::copy_of(term);
}

base::log::level convert(spec::log_level of) {
  switch (of) {
    case spec::log_level::trace:
      return base::log::level::trace;
    case spec::log_level::debug:
      return base::log::level::debug;
    case spec::log_level::info:
      return base::log::level::info;
    case spec::log_level::notice:
      return base::log::level::notice;
    case spec::log_level::warning:
      return base::log::level::warning;
    case spec::log_level::error:
      return base::log::level::error;
  }
  return base::log::level::info;
}

} // namespace coppice::node
