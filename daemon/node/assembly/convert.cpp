// SPDX-License-Identifier: MIT
// See convert.hpp.
#include "node/assembly/convert.hpp"

namespace coppice::node {

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
  return {from.limit, from.bytes, convert(from.on_full)};
}

runtime::message convert(const spec::encoded_term& term) {
  return term.empty() ? runtime::message() : runtime::message::copy_of(term);
}

} // namespace coppice::node
