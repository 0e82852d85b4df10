// SPDX-License-Identifier: MIT
// The host's interface for stages. In the actor's callbacks.
#include <coppice/testing/stage_host.hpp>

namespace coppice::testing::detail {

namespace {

// COPPICE_OK and the stage whose callback runs, or an error.
std::int32_t stage_of(coppice_actor* self, const char* function, staged*& out) {
  if (const std::int32_t status = may_call(self, function); status != COPPICE_OK) return status;
  world& w = *of(self);
  if (!staged::is_stage(w)) {
    complain_of_callback(function, ", and is no stage");
    return COPPICE_E_CONTEXT;
  }
  out = &staged::of(w);
  return COPPICE_OK;
}

#define COPPICE_STAGE_(name)                                                                     \
  staged* stage = nullptr;                                                                       \
  if (const std::int32_t status = stage_of(self, COPPICE_STAGE_HOST_DRAFT_2 "'s " #name, stage); \
      status != COPPICE_OK)                                                                      \
  return status

/// {Pid, Tag}
std::optional<value> party_of(coppice_bytes from) {
  auto term = term_of(from);
  if (!term || !etf::cursor(term->bytes()).read_tuple_of(2)) return std::nullopt;
  return term;
}
std::int32_t emit_events(coppice_actor* self, coppice_message* events) {
  const auto list = take(events);
  COPPICE_STAGE_(emit);
  const std::string_view in = of(self)->callback.load();
  if (in == "init" || in == "choose" || in == "format_discarded" || in == "terminate") {
    complain_of_callback(COPPICE_STAGE_HOST_DRAFT_2 "'s emit", ", where no events can be emitted");
    return COPPICE_E_CONTEXT;
  }
  std::deque<value> all;
  if (!list || !read_events(*list, all)) return COPPICE_E_TERM;
  stage->emit(std::move(all));
  return COPPICE_OK;
}
std::int32_t ask_producer(coppice_actor* self, coppice_bytes from, std::uint64_t count) {
  constexpr std::uint64_t most = std::uint64_t{1} << 53;
  COPPICE_STAGE_(ask);
  const auto party = party_of(from);
  if (!party || count > most) return COPPICE_E_INVALID;
  if (const shared_link one = stage->find(*party); one && !one->of_consumer) staged::ask(*one, count);
  return COPPICE_OK;
}
std::int32_t cancel_subscription(coppice_actor* self, coppice_bytes from, coppice_message* reason) {
  const auto why = take(reason);
  COPPICE_STAGE_(cancel);
  if (!why) return COPPICE_E_TERM;
  const auto party = party_of(from);
  if (!party) return COPPICE_E_INVALID;
  if (const shared_link one = stage->find(*party)) stage->cancel(one, *why);
  return COPPICE_OK;
}
std::int32_t subscribe_stage(coppice_actor* self, coppice_bytes to, coppice_message* options) {
  const auto how = take(options);
  COPPICE_STAGE_(subscribe);
  if (!how) return COPPICE_E_TERM;
  const auto whom = term_of(to);
  return whom && stage->subscribe(*whom, *how) ? COPPICE_OK : COPPICE_E_INVALID;
}
std::int32_t resubscribe_stage(coppice_actor* self, coppice_bytes from, coppice_message* reason,
                               coppice_bytes to, coppice_message* options) {
  const auto why = take(reason);
  const auto how = take(options);
  COPPICE_STAGE_(resubscribe);
  if (!why || !how) return COPPICE_E_TERM;
  const auto whom = term_of(to);
  const auto party = party_of(from);
  if (!whom || !party || !stage->subscribe(*whom, *how)) return COPPICE_E_INVALID;
  // The producer ends the former subscription, so it must be the same producer.
  const shared_link former = stage->find(*party);
  if (former && !former->of_consumer && former->to == *whom) stage->cancel(former, *why);
  return COPPICE_OK;
}
std::int32_t set_stage_demand(coppice_actor* self, std::uint32_t mode) {
  COPPICE_STAGE_(set_demand);
  if (mode != COPPICE_STAGE_FORWARD && mode != COPPICE_STAGE_ACCUMULATE) return COPPICE_E_INVALID;
  stage->set_demand(mode == COPPICE_STAGE_FORWARD);
  return COPPICE_OK;
}
std::int32_t inform_stage(coppice_actor* self, coppice_message* message) {
  const auto what = take(message);
  COPPICE_STAGE_(info);
  if (!what) return COPPICE_E_TERM;
  stage->inform_after_events(*what);
  return COPPICE_OK;
}
std::int32_t configure_stage_in_init(coppice_actor* self, coppice_message* options) {
  const auto how = take(options);
  COPPICE_STAGE_(configure);
  if (std::string_view(of(self)->callback.load()) != "init") {
    complain_of_callback(COPPICE_STAGE_HOST_DRAFT_2 "'s configure", ", which is allowed in init alone");
    return COPPICE_E_CONTEXT;
  }
  if (!how) return COPPICE_E_TERM;
  if (stage->configure(*how, true)) return COPPICE_OK;
  of(self)->error_text = "a stage of this kind has no such options";
  return COPPICE_E_INVALID;
}

#undef COPPICE_STAGE_

} // namespace

const coppice_stage_api* stage_interface() {
  static constexpr coppice_stage_api table = {.size = sizeof(coppice_stage_api),
                                              .reserved = 0,
                                              .emit = &emit_events,
                                              .ask = &ask_producer,
                                              .cancel = &cancel_subscription,
                                              .subscribe = &subscribe_stage,
                                              .resubscribe = &resubscribe_stage,
                                              .set_demand = &set_stage_demand,
                                              .info = &inform_stage,
                                              .configure = &configure_stage_in_init};
  return &table;
}

} // namespace coppice::testing::detail
