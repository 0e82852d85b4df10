// SPDX-License-Identifier: MIT
// {'$gen_call', From, {call | block_call, M, F, A, GL}} is answered with the value or {badrpc, …}; a plain
// {From, {call, M, F, A, GL}} of erl_call and other C nodes with {rex, Value}; casts get no answer. In the
// process's own turn.
#include "services/rpc/rex.hpp"

#include <coppice/etf/cursor.hpp>
#include <string_view>
#include <utility>

#include "behaviours/gen/askers.hpp"
#include "behaviours/gen/tagged.hpp"
#include "runtime/on_behalf.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/answers/portions.hpp"
#include "services/rpc/erpc.hpp"

namespace coppice::services {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

// A call that starts a process takes a turn's budget as if so many bytes were looked at for it.
constexpr std::size_t cost_of_call = 32 * portions::bytes_a_step;

struct request_parts {
  std::string_view what;
  etf::bytes module;
  etf::bytes function;
  etf::bytes arguments;
};

// {call | block_call | cast, M, F, A, GroupLeader}
// Reads only the word: the service passes the message on to the process of the call.
bool read_word(etf::cursor at, std::string_view& what) {
  return at.read_tuple_of(5) && at.read_atom(what);
}
bool read_request(etf::cursor at, request_parts& out, portions& work) {
  return at.read_tuple_of(5) && at.read_atom(out.what) && read_long_term(at, out.module, work) &&
         read_long_term(at, out.function, work) && read_long_term(at, out.arguments, work);
}

// Runs one call, passes its result on and ends.
class one_call : public runtime::behaviour {
 public:
  using answer_fn = std::function<void(process&, message)>;
  one_call(std::shared_ptr<const functions> allowed, message request, runtime::message_origin asker,
           answer_fn done, running_calls::token running)
      : allowed_(std::move(allowed)),
        request_(std::move(request)),
        asker_(asker),
        done_(std::move(done)),
        running_(std::move(running)) {}

  runtime::outcome init(process& self) override {
    self.set_origin(asker_);
    etf::cursor at(request_.bytes());
    request_parts parts;
    portions work(self);
    read_request(at, parts, work);
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
  running_calls::token running_;
};

// {badrpc, {'EXIT', Reason}}
message failed(etf::bytes reason) {
  return behaviours::tagged("badrpc", behaviours::tagged("EXIT", reason).bytes());
}

message in_rex(const message& result) {
  return behaviours::tagged("rex", result.bytes());
}

// The pid of {Pid, Request}; the cursor is then at the request. Empty: the pid is not on the message's node.
std::optional<runtime::on_behalf> read_asker(process& self, etf::cursor& at) {
  if (!at.read_tuple_of(2)) return std::nullopt;
  const auto named = runtime::read_pid(at, self.host().nodes());
  return named ? runtime::on_behalf::of(self, *named) : std::nullopt;
}

using request = behaviours::peer_request;
using form = behaviours::gen::request::kind;
constexpr request requests[] = {
    {form::call, "call", 5, 5, request::answers | request::runs},
    {form::call, "block_call", 5, 5, request::answers | request::runs},
    {form::cast, "cast", 5, 5, request::runs},
    {form::info, "call", 5, 5, request::answers | request::runs},
    {form::info, "features_request", 0, 0, request::answers},
    {form::info, "sbcast", 3, 3, request::answers | request::forwards},
};

} // namespace

std::optional<behaviours::peer_requests> rex::from_peers() const {
  return requests;
}

// The call's process answers. If there is none, or it ends before, rex answers.
std::optional<runtime::reference> rex::run_apart(process& self, const message& request, answer_fn done) {
  bool tell = false;
  auto running = allowed_->running().begin(self.origin().node, tell);
  if (!running) {
    if (tell) log_refused_call(self.host(), self.origin().node);
    if (done) done(self, failed(message::atom("system_limit").bytes()));
    return std::nullopt;
  }
  runtime::reference ends;
  runtime::spawn_options options;
  options.label = "rpc";
  options.monitor = done ? &ends : nullptr;
  const auto made =
      self.spawn(std::move(options),
                 std::make_unique<one_call>(allowed_, request, self.origin(), done, std::move(*running)));
  if (!done) return std::nullopt;
  if (!made) {
    done(self, failed(message::atom("system_limit").bytes()));
    return std::nullopt;
  }
  under_way_.emplace(ends, std::move(done));
  return ends;
}

void rex::run_blocking(process& self, const message& request, answer_fn done) {
  const std::uint32_t node = self.origin().node;
  if (const auto ends = run_apart(self, request, std::move(done))) blocked_.begin(node, *ends);
}

bool rex::waits(process& self, waiting::form how, const message& from, const message& body) {
  if (!blocked_.blocks(self.origin().node)) return false;
  if (blocked_.wait({how, from, body, self.origin()})) return true;
  const message refusal = failed(message::atom("system_limit").bytes());
  if (how == waiting::form::call) behaviours::gen::reply(self, from, refusal);
  if (how != waiting::form::info) return true;
  etf::cursor at(body.bytes());
  std::string_view what;
  const auto asker = read_asker(self, at);
  if (asker && read_word(at, what)) asker->answer(in_rex(refusal));
  return true;
}

// {'DOWN', Ref, process, Pid, Reason}
void rex::on_down(process& self, etf::cursor at) {
  if (!at.read_tuple_of(5) || !at.read_atom_is("DOWN")) return;
  const auto ref = runtime::read_reference(at, self.host().nodes());
  if (!ref || !at.skip() || !at.skip()) return;
  call_ended(self, *ref, at.rest());
  block_ended(self, *ref);
}

void rex::call_ended(process& self, const runtime::reference& ref, etf::bytes reason) {
  const auto found = under_way_.find(ref);
  if (found == under_way_.end()) return;
  const answer_fn answer = std::move(found->second);
  under_way_.erase(found);
  if (!etf::cursor(reason).read_atom_is("normal")) answer(self, failed(reason));
}

// Handles requests that waited for a block_call, up to the next block_call, in turns.
void rex::block_ended(process& self, const runtime::reference& ref) {
  auto all = blocked_.end(ref);
  if (!all) return;
  portions work(self);
  for (auto& one : *all) {
    work.add(cost_of_call);
    self.set_origin(one.origin);
    if (one.how == waiting::form::cast) (void)handle_cast(self, one.body);
    if (one.how == waiting::form::info) (void)handle_info(self, one.body);
    if (one.how != waiting::form::call) continue;
    if (auto answered = handle_call(self, one.from, one.body); answered.reply)
      behaviours::gen::reply(self, one.from, *answered.reply);
  }
}

rex::call_answer rex::handle_call(process& self, const message& from, const message& request) {
  if (!behaviours::gen::is_of_origin(self, from.bytes())) return no_reply();
  if (waits(self, waiting::form::call, from, request)) return no_reply();
  std::string_view what;
  const bool whole = read_word(etf::cursor(request.bytes()), what);
  if (whole && what == "block_call") {
    run_blocking(self, request,
                 [from](process& caller, message result) { behaviours::gen::reply(caller, from, result); });
    return no_reply();
  }
  if (whole && what == "call") {
    run_apart(self, request,
              [from](process& caller, message result) { behaviours::gen::reply(caller, from, result); });
    return no_reply();
  }
  if (behaviours::gen::is_of_client(self, from.bytes()))
    return native_server::handle_call(self, from, request);
  message_writer out;
  out.tuple(2);
  out.atom("badrpc");
  out.atom("bad_request");
  return reply(out.take());
}

runtime::outcome rex::handle_cast(process& self, const message& request) {
  if (waits(self, waiting::form::cast, {}, request)) return runtime::carry_on();
  std::string_view what;
  if (read_word(etf::cursor(request.bytes()), what)) run_apart(self, request, {});
  return runtime::carry_on();
}

runtime::outcome rex::handle_info(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (self.origin().notice) {
    on_down(self, at);
    return runtime::carry_on();
  }
  if (waits(self, waiting::form::info, {}, m)) return runtime::carry_on();
  const auto asker = read_asker(self, at);
  if (!asker) return runtime::carry_on();
  if (at.read_atom_is("features_request")) {
    asker->answer(features(self));
    return runtime::carry_on();
  }
  std::string_view what;
  std::string_view name;
  const auto body = at.rest();
  if (read_word(at, what)) {
    run_apart(self, m.slice(body), [to = asker->asker()](process& caller, const message& result) {
      runtime::on_behalf(caller, to).answer(in_rex(result));
    });
  } else if (at.read_tuple_of(3) && at.read_atom(what) && what == "sbcast" && at.read_atom(name)) {
    const etf::bytes payload = at.rest();
    const bool there = self.host().whereis(name).has_value();
    if (there) asker->send(runtime::destination::named(std::string(name)), m.slice(payload));
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
    asker->answer(out.take());
  }
  return runtime::carry_on();
}

message rex::features(const process& self) {
  message_writer out;
  out.tuple(3);
  out.atom("features_reply");
  out.atom(self.host().node_name());
  out.list(1);
  out.atom("erpc");
  out.nil();
  return out.take();
}

} // namespace coppice::services
