// SPDX-License-Identifier: MIT
// The process that asks other nodes about global names. In the process's own turn.
#include "services/global/questions.hpp"

#include <coppice/etf/cursor.hpp>
#include <string_view>
#include <unordered_set>

#include "base/clock.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/system.hpp"

namespace coppice::services {

namespace gen = behaviours::gen;
using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr base::nanos patience = 5 * base::nanos_per_second; // for all questions

} // namespace

runtime::outcome global_questions::init(process& self) {
  const base::nanos deadline = self.now() + patience;
  std::unordered_set<std::uint32_t> silent;
  message_writer out;
  out.tuple(4);
  out.atom(answered);
  out.atom(node_);
  out.integer(tag_);
  out.list(static_cast<std::uint32_t>(questions_.size()));
  for (const question& one : questions_) {
    gen::call_result answer = unexpected(gen::call_error{});
    if (!silent.contains(one.node) && !self.exiting())
      answer = gen::call(self, runtime::destination::remote("rex", one.node), one.call.bytes(), deadline);
    if (!answer) silent.insert(one.node);
    etf::cursor at(answer ? answer->bytes() : etf::bytes{});
    if (answer && at.peek() == etf::kind::pid)
      out.raw(answer->bytes());
    else
      out.atom(!answer || (at.read_tuple_of(2) && at.read_atom_is("badrpc")) ? "none" : "neither");
  }
  out.nil();
  self.notify(server_, out.take());
  return runtime::stop(message::atom("normal"));
}

} // namespace coppice::services
