// SPDX-License-Identifier: MIT
// {'$gen_call', From, {call | block_call, M, F, A, GL}} is answered with the value or {badrpc, …}; a plain
// {From, {call, M, F, A, GL}} of erl_call and other C nodes with {rex, Value}; casts run and are forgotten.
// In the process's own turn.
#include "services/rex.hpp"

#include <coppice/etf/cursor.hpp>
#include <string_view>

#include "runtime/system.hpp"
#include "services/erpc.hpp"

namespace coppice::services {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

struct request_parts {
  std::string_view what;
  etf::bytes module;
  etf::bytes function;
  etf::bytes arguments;
};

// {call | block_call | cast, M, F, A, GroupLeader}
bool read_request(etf::cursor& at, request_parts& out) {
  etf::cursor ahead = at;
  const bool ok = ahead.read_tuple_of(5) && ahead.read_atom(out.what) && ahead.read_term(out.module) &&
                  ahead.read_term(out.function) && ahead.read_term(out.arguments) && ahead.skip();
  if (ok) at = ahead;
  return ok;
}

// One call: runs it, hands its result on, ends.
class one_call : public runtime::behaviour {
 public:
  using answer_fn = std::function<void(process&, message)>;
  one_call(std::shared_ptr<const functions> allowed, message request, runtime::message_origin asker,
           answer_fn done)
      : allowed_(std::move(allowed)), request_(std::move(request)), asker_(asker), done_(std::move(done)) {}

  runtime::outcome init(process& self) override {
    self.set_origin(asker_);
    etf::cursor at(request_.bytes());
    request_parts parts;
    read_request(at, parts);
    auto result = rpc_result(self, *allowed_, parts.module, parts.function, parts.arguments);
    if (done_) done_(self, std::move(result));
    return runtime::stop(message::atom("normal"));
  }
  runtime::outcome receive(process&, message) override { return runtime::carry_on(); }
  void describe(runtime::description& out) const override { out.behaviour = "rpc"; }

 private:
  std::shared_ptr<const functions> allowed_;
  message request_;
  runtime::message_origin asker_;
  answer_fn done_;
};

// {badrpc, {'EXIT', system_limit}}
message system_limit() {
  message_writer out;
  out.tuple(2);
  out.atom("badrpc");
  out.tuple(2);
  out.atom("EXIT");
  out.atom("system_limit");
  return out.take();
}

} // namespace

void rex::run_apart(process& self, const message& request, answer_fn done) {
  runtime::spawn_options options;
  options.label = "rpc";
  (void)self.spawn(std::move(options),
                   std::make_unique<one_call>(allowed_, request, self.origin(), std::move(done)));
}

void rex::run_blocking(process& self, const message& request, answer_fn done) {
  runtime::reference ends;
  runtime::spawn_options options;
  options.label = "rpc";
  options.monitor = &ends;
  if (self.spawn(std::move(options), std::make_unique<one_call>(allowed_, request, self.origin(), done)))
    return blocked_.begin(self.origin().node, ends);
  done(self, system_limit());
}

bool rex::waits(process& self, blocked_callers::request::form how, const message& from, const message& body) {
  if (!blocked_.blocks(self.origin().node)) return false;
  if (!blocked_.wait({how, from, body, self.origin()}) && from)
    behaviours::gen::reply(self, from, system_limit());
  return true;
}

// {'DOWN', Ref, process, Pid, Reason}: what waited for a block_call is taken now, up to another one.
void rex::block_ended(process& self, etf::cursor at) {
  using form = blocked_callers::request::form;
  const auto ref = at.read_tuple_of(5) && at.read_atom_is("DOWN")
                       ? runtime::read_reference(at, self.host().nodes())
                       : std::nullopt;
  auto waiting = ref ? blocked_.end(*ref) : std::nullopt;
  if (!waiting) return;
  for (auto& one : *waiting) {
    self.set_origin(one.origin);
    if (one.how == form::cast) (void)handle_cast(self, one.body);
    if (one.how == form::info) (void)handle_info(self, one.body);
    if (one.how != form::call) continue;
    if (auto answered = handle_call(self, one.from, one.body); answered.reply)
      behaviours::gen::reply(self, one.from, *answered.reply);
  }
}

rex::call_answer rex::handle_call(process& self, const message& from, const message& request) {
  if (waits(self, blocked_callers::request::form::call, from, request)) return no_reply();
  etf::cursor at(request.bytes());
  request_parts parts;
  const bool whole = read_request(at, parts);
  if (whole && parts.what == "block_call") {
    run_blocking(self, request,
                 [from](process& caller, message result) { behaviours::gen::reply(caller, from, result); });
    return no_reply();
  }
  if (whole && parts.what == "call") {
    run_apart(self, request,
              [from](process& caller, message result) { behaviours::gen::reply(caller, from, result); });
    return no_reply();
  }
  message_writer out;
  out.tuple(2);
  out.atom("badrpc");
  out.atom("bad_request");
  return reply(out.take());
}

runtime::outcome rex::handle_cast(process& self, const message& request) {
  if (waits(self, blocked_callers::request::form::cast, {}, request)) return runtime::carry_on();
  etf::cursor at(request.bytes());
  request_parts parts;
  if (read_request(at, parts)) run_apart(self, request, {});
  return runtime::carry_on();
}

runtime::outcome rex::handle_info(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (self.origin().notice) {
    block_ended(self, at);
    return runtime::carry_on();
  }
  if (waits(self, blocked_callers::request::form::info, {}, m)) return runtime::carry_on();
  if (!at.read_tuple_of(2)) return runtime::carry_on();
  const auto asker = runtime::read_pid(at, self.host().nodes());
  if (!asker) return runtime::carry_on();
  if (at.read_atom_is("features_request")) {
    answer_features(self, *asker);
    return runtime::carry_on();
  }
  request_parts parts;
  std::string_view what;
  std::string_view name;
  etf::bytes payload;
  const auto body = at.rest();
  if (read_request(at, parts)) {
    run_apart(self, m.slice(body), [asker = *asker](process& caller, const message& result) {
      message_writer out;
      out.tuple(2);
      out.atom("rex");
      out.raw(result.bytes());
      caller.send_unbounded(asker, out.take());
    });
  } else if (at.read_tuple_of(3) && at.read_atom(what) && what == "sbcast" && at.read_atom(name) &&
             at.read_term(payload)) {
    const bool there = self.host().whereis(name).has_value();
    if (there) self.send(runtime::destination::named(std::string(name)), m.slice(payload));
    message_writer out;
    out.tuple(3);
    out.atom("rex");
    out.atom(self.host().node_name());
    if (there) {
      out.atom(self.host().node_name());
    } else {
      out.tuple(2);
      out.atom("nonexisting_name");
      out.atom(name);
    }
    self.send_unbounded(*asker, out.take());
  }
  return runtime::carry_on();
}

void rex::answer_features(process& self, const runtime::pid& asker) {
  message_writer out;
  out.tuple(3);
  out.atom("features_reply");
  out.atom(self.host().node_name());
  out.list(1);
  out.atom("erpc");
  out.nil();
  self.send_unbounded(asker, out.take());
}

} // namespace coppice::services
