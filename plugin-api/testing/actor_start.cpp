// SPDX-License-Identifier: MIT
// How an actor under test starts, is saved and is restored in another generation, in a node's order. In the
// test's thread.
#include <coppice/testing.hpp>

#include <utility>

#include <coppice/detail/tables.hpp>
#include <coppice/testing/calls.hpp>
#include <coppice/testing/form.hpp>

#include "behaviours.hpp"

namespace coppice::testing {

actor actor::restored(const plugin& from, const saved_state& saved, const settings& how) {
  if (!saved.term && saved.status != COPPICE_OK) throw failure("there is no saved state");
  return actor(from, how, &saved);
}

actor::~actor() {
  // Its engines belong to the next generation by now, or to none.
  for (const auto& [name, each] : std::exchange(world_.beside, {}))
    if (each->is_of(world_)) each->carried_to(nullptr);
  detail::end(world_, atom("killed"));
  if (created_ && lifecycle_.destroy != nullptr) lifecycle_.destroy(state_);
  detail::name_leaks(world_, type_.name);
}

saved_state actor::save() {
  saved_state out;
  out.process = std::make_shared<detail::process>(world_);
  if (lifecycle_.save_state == nullptr) {
    if (lifecycle_.create == nullptr) out.status = COPPICE_OK;
    return out;
  }
  out.version = type_.state_version;
  out.by = &type_;
  out.status = judged(written("save_state", out.term, [&](coppice_writer* w) {
    return lifecycle_.save_state(self(), state_, &out.version, w);
  }));
  detail::forget_error(world_);
  return out;
}

value actor::format_status() {
  value shown;
  if (lifecycle_.format_status == nullptr)
    shown = save().term;
  else
    written("format_status", shown,
            [&](coppice_writer* w) { return lifecycle_.format_status(self(), state_, w); });
  detail::forget_error(world_);
  return shown ? shown : atom("opaque");
}

std::int32_t actor::config_change(const value& args, const value& env) {
  if (lifecycle_.config_change == nullptr) return COPPICE_UNHANDLED;
  const value former_env = world_.env;
  if (env) world_.env = env;
  const detail::lent old_args(world_.args);
  const detail::lent new_args(args);
  const std::int32_t status = run("config_change", [&] {
    return lifecycle_.config_change(self(), state_, old_args.get(), new_args.get());
  });
  if (status == COPPICE_UNHANDLED || status < COPPICE_OK) {
    world_.env = former_env;
    detail::forget_error(world_);
  } else {
    world_.args = args;
    follow(status);
  }
  settle();
  return status;
}

actor::actor(const plugin& from, const settings& how, const saved_state* saved, const place& where)
    : whole_(std::make_unique<detail::world>()),
      did(world_.did),
      type_(from.type(how.actor)),
      lifecycle_(detail::table_of<coppice_lifecycle>(type_, COPPICE_LIFECYCLE_1)) {
  detail::process& mine = world_;
  mine.args = mine.env = empty_map();
  mine.udp = how.udp;
  if (saved != nullptr && saved->process != nullptr) mine = *saved->process;
  if (how.args) mine.args = how.args;
  if (how.env) mine.env = how.env;
  if (!how.name.empty()) mine.name = how.name;
  if (how.among) mine.others = *how.among;
  if (where.parent) mine.parent = where.parent;
  if (where.around != nullptr) mine.now = where.around->now();
  mine.node = etf::atom{mine.others.node()};
  if (!mine.self) mine.self = detail::fresh_pid(mine.others.node());
  if (!mine.parent) mine.parent = detail::fresh_pid(mine.others.node());
  world_.plugin = from.id();
  world_.type = &type_;
  world_.go_on = [this] { settle(); };
  world_.run = [this](const char* name, const auto& make) {
    return run(name, [&] { return make(self(), state_); });
  };
  world_.follow = [this](std::int32_t status) { follow(status); };
  world_.stop = [this](const value& reason) { stop(reason); };
  world_.data = [this] { return save().term; };
  world_.around = where.around;
  if (world_.around != nullptr) world_.around->enters(world_);
  plays_ =
      detail::make_behaviour(world_, how, how.unhandled ? *how.unhandled : from.unhandled_of(type_.name));
  for (const auto& [name, each] : world_.beside) each->carried_to(&world_);
  const auto& engines = detail::engines_of_behaviours();
  if (const auto of_its_behaviour = engines.find(type_.behaviour); of_its_behaviour != engines.end())
    of_its_behaviour->second(world_);
  if (saved == nullptr)
    start();
  else
    restore(*saved);
}

std::int32_t actor::judged(std::int32_t status) {
  if (world_.refused.empty()) return status;
  world_.error_reason = {};
  world_.error_text = std::exchange(world_.refused, {});
  return COPPICE_E_CONTEXT;
}

bool actor::create() {
  if (lifecycle_.create != nullptr)
    status_ = compute("create", [&] { return lifecycle_.create(self(), &state_); });
  created_ = status_ == COPPICE_OK;
  status_ = judged(status_);
  if (status_ != COPPICE_OK) detail::end(world_, detail::stop_reason(world_, status_));
  return status_ == COPPICE_OK;
}

void actor::start() {
  if (!create()) return;
  const detail::lent args(world_.args);
  status_ = plays_->init([&] {
    return lifecycle_.init == nullptr
               ? COPPICE_OK
               : run("init", [&] { return lifecycle_.init(self(), state_, args.get()); });
  });
  if (status_ == COPPICE_IGNORE) return detail::end(world_, atom("normal"));
  if (status_ == COPPICE_UNHANDLED) status_ = COPPICE_E_INVALID;
  if (status_ != COPPICE_OK && status_ != COPPICE_CONTINUE && status_ != COPPICE_HIBERNATE)
    return detail::end(world_, detail::stop_reason(world_, status_)); // without terminate
  if (const std::int32_t status = plays_->starts(); status != COPPICE_OK) {
    status_ = status;
    return;
  }
  follow(status_);
  settle();
}

void actor::restore(const saved_state& saved) {
  plays_->restores();
  if (!create()) return;
  status_ = restore_state(saved);
  judge_version(saved);
  if (status_ != COPPICE_OK) return detail::end(world_, detail::stop_reason(world_, status_));
  if (lifecycle_.after_restore != nullptr) {
    const std::int32_t after = run("after_restore", [&] { return lifecycle_.after_restore(self(), state_); });
    follow(after == COPPICE_UNHANDLED ? COPPICE_OK : after);
  }
  settle();
}

std::int32_t actor::restore_state(const saved_state& saved) {
  if (!saved.term) return lifecycle_.create == nullptr ? COPPICE_OK : COPPICE_E_UNSUPPORTED;
  if (lifecycle_.restore_state == nullptr) return COPPICE_E_UNSUPPORTED;
  const detail::lent term(saved.term);
  return judged(compute("restore_state",
                        [&] { return lifecycle_.restore_state(self(), state_, saved.version, term.get()); }));
}

void actor::judge_version(const saved_state& saved) {
  if (saved.by == nullptr || saved.by == &type_ || saved.version != type_.state_version || !saved.term)
    return;
  value again;
  if (status_ == COPPICE_OK && lifecycle_.save_state != nullptr)
    written("save_state", again, [&](coppice_writer* w) {
      std::uint32_t version = saved.version;
      return lifecycle_.save_state(self(), state_, &version, w);
    });
  if (status_ == COPPICE_OK) detail::forget_error(world_);
  const std::string changed =
      status_ != COPPICE_OK ? "its restore_state refuses" : detail::change_of_form(saved.term, again);
  if (!changed.empty())
    did.complaints.push_back("its state_version is still " + std::to_string(saved.version) + ", but " +
                             changed +
                             " what the code before it saved: raise state_version, and read both forms");
}

std::int32_t actor::written(const char* name, value& into,
                            const std::function<std::int32_t(coppice_writer*)>& callback) {
  coppice_writer out;
  detail::write_begin(256, &out);
  std::int32_t status = compute(name, [&] { return callback(&out); });
  coppice_message made{};
  if (status == COPPICE_OK)
    status = detail::finish(&out, &made);
  else
    detail::discard(&out);
  if (status == COPPICE_OK) into = *detail::take(&made);
  return status;
}

} // namespace coppice::testing
