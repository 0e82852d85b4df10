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
// COPPICE_OK where a stage has begun: not in init.
std::int32_t begun(coppice_actor* self, const char* function) {
  if (std::string_view(of(self)->callback.load()) != "init") return COPPICE_OK;
  complain_of_callback(function, ", where the stage has not begun");
  return COPPICE_E_CONTEXT;
}
std::int32_t emit_events(coppice_actor* self, coppice_message* events) {
  const auto list = take(events);
  COPPICE_STAGE_(emit);
  const std::string_view in = of(self)->callback.load();
  if (in == "init" || in == "choose" || in == "format_discarded" || in == "terminate") {
    complain_of_callback(COPPICE_STAGE_HOST_DRAFT_2 "'s emit", ", where no events can be emitted");
    return COPPICE_E_CONTEXT;
  }
  return list && stage->emit(*list) ? COPPICE_OK : COPPICE_E_TERM;
}
std::int32_t ask_producer(coppice_actor* self, coppice_bytes from, std::uint64_t count) {
  COPPICE_STAGE_(ask);
  if (const std::int32_t status = begun(self, COPPICE_STAGE_HOST_DRAFT_2 "'s ask"); status != COPPICE_OK)
    return status;
  const auto party = term_of(from);
  return party && stage->ask(*party, count) ? COPPICE_OK : COPPICE_E_INVALID;
}
std::int32_t cancel_subscription(coppice_actor* self, coppice_bytes from, coppice_message* reason) {
  const auto why = take(reason);
  COPPICE_STAGE_(cancel);
  if (const std::int32_t status = begun(self, COPPICE_STAGE_HOST_DRAFT_2 "'s cancel"); status != COPPICE_OK)
    return status;
  if (!why) return COPPICE_E_TERM;
  const auto party = term_of(from);
  return party && stage->cancel(*party, *why) ? COPPICE_OK : COPPICE_E_INVALID;
}
std::int32_t subscribe_stage(coppice_actor* self, coppice_bytes to, coppice_message* options) {
  const auto how = take(options);
  COPPICE_STAGE_(subscribe);
  if (!how) return COPPICE_E_TERM;
  const auto whom = term_of(to);
  return whom && stage->subscribe_instead(atom("nil"), *whom, *how) ? COPPICE_OK : COPPICE_E_INVALID;
}
std::int32_t resubscribe_stage(coppice_actor* self, coppice_bytes from, coppice_message* reason,
                               coppice_bytes to, coppice_message* options) {
  const auto why = take(reason);
  const auto how = take(options);
  COPPICE_STAGE_(resubscribe);
  if (!why || !how) return COPPICE_E_TERM;
  const auto whom = term_of(to);
  const auto party = party_of(from);
  if (!whom || !party) return COPPICE_E_INVALID;
  const auto tag = party->as<std::pair<value, value>>().second;
  const value former = std::pair(tag.term(), why->term());
  return stage->subscribe_instead(former, *whom, *how) ? COPPICE_OK : COPPICE_E_INVALID;
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
  auto wrong = stage->configure(*how, true);
  if (!wrong) return COPPICE_OK;
  of(self)->error_text = std::move(*wrong);
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
