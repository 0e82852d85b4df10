// SPDX-License-Identifier: MIT
// The keys of a pool, with the keys of its workers beside them.
#include "spec/kinds/pool.hpp"

#include <algorithm>
#include <charconv>

#include "spec/kinds/kinds.hpp"
#include "spec/kinds/of_class.hpp"
#include "spec/kinds/worker_pools.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint32_t most_workers = 10'000;
constexpr std::string_view element_word = "element ";

// The digits in front of `text`, up to 5; 0: there are none, or they mean less than 1.
std::uint32_t leading_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + std::min<std::size_t>(text.size(), 5), number);
  if (error != std::errc()) return 0;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// `whole`, or `element 2`. 0: whole.
class request_key final : public value_type<std::uint32_t> {
 public:
  bool read(reader& from, const node& value, std::uint32_t& into) const override {
    if (value.what == node::kind::scalar && value.text == "whole") return into = 0, true;
    if (value.what == node::kind::scalar && value.text.starts_with(element_word)) {
      std::string_view text = std::string_view(value.text).substr(element_word.size());
      const std::uint32_t number = leading_number(text);
      if (text.empty() && number >= 1 && number <= 255) return into = number, true;
    }
    from.wrong_type(value, "whole, or an element of the request's tuple from 1 to 255 such as \"element 2\"");
    return false;
  }
  json print(const std::uint32_t& value) const override {
    return value == 0 ? json("whole") : json(std::string(element_word) + std::to_string(value));
  }
  json describe(json&) const override {
    return {{"type", "string"}, {"pattern", "^(whole|element ([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))$"}};
  }
};

// If senders are parked, the queue's limit bounds the pool's mailbox, and no key of the mailbox may be
// given.
bool parks_senders(const pool_queue_options& queue) {
  return queue.on_full == tree::pool_overload::park_sender;
}

change_effect effect_of_limit(const pool_queue_options& before, const pool_queue_options& after) {
  return parks_senders(before) && parks_senders(after) ? change_effect::restarts : change_effect::live;
}

change_effect effect_of_on_full(const pool_queue_options& before, const pool_queue_options& after) {
  return parks_senders(before) == parks_senders(after) ? change_effect::live : change_effect::restarts;
}

const table<pool_queue_options>& queue_table() {
  using time = or_word<milliseconds, duration>;
  static const auto rows =
      table<pool_queue_options>()
          .add<&pool_queue_options::limit>("limit", whole<std::uint32_t>(0, 10'000'000),
                                           "requests that wait for a worker; what comes beyond finds it full")
          .when(&effect_of_limit)
          .add<&pool_queue_options::wait>(
              "wait", time("infinity", duration(milliseconds(1))),
              "how long one may wait; then it is treated as one that finds it full")
          .live()
          .add<&pool_queue_options::on_full>(
              "on_full", choice<tree::pool_overload>(),
              "what becomes of a request that finds it full. reply_error: its caller gets {error, "
              "overloaded}; "
              "drop_new: it is dropped; drop_old: the one that waits the longest is; park_sender: its sender "
              "waits for room as at a full mailbox, which the queue is a part of then")
          .when(&effect_of_on_full);
  return rows;
}

void check_parking(reader& from, const node& at, const pool_options& pool) {
  if (pool.queue.on_full != tree::pool_overload::park_sender) return;
  const node& queue = *at.find("queue");
  if (pool.dispatch == tree::pool_dispatch::broadcast)
    from.error(
        *queue.find("on_full"),
        from.path + ".queue.on_full: broadcast takes no park_sender: each worker has a queue of its own");
  if (pool.queue.limit == 0)
    from.error(*queue.find("limit"), from.path + ".queue.limit: at least 1 where senders wait for room");
}

void check_growth(reader& from, const node& at, const pool_options& pool) {
  const node* const max = at.find("max");
  if (max == nullptr) without_effect(from, at, "idle", "the pool may grow to a max");
  if (max == nullptr || !pool.max) return;
  if (*pool.max < pool.size)
    from.error(*max, from.path + ".max: less than the size, " + std::to_string(pool.size));
  if (pool.dispatch == tree::pool_dispatch::hash || pool.dispatch == tree::pool_dispatch::broadcast)
    from.error(*max, from.path +
                         ".max: a pool grows where any worker may get what waits: where dispatch is "
                         "least_loaded or round_robin");
}

void check_pool(reader& from, const node& at, pool_options& pool) {
  check_parking(from, at, pool);
  if (pool.dispatch != tree::pool_dispatch::hash) without_effect(from, at, "key", "dispatch is hash");
  check_growth(from, at, pool);
}

json pool_rule() {
  json hash = {{"required", {"dispatch"}}, {"properties", {{"dispatch", {{"const", "hash"}}}}}};
  json any = {{"properties", {{"dispatch", {{"enum", {"least_loaded", "round_robin"}}}}}}};
  return {{"allOf",
           {{{"if", {{"required", {"key"}}}}, {"then", std::move(hash)}},
            {{"if", {{"required", {"max"}}}}, {"then", std::move(any)}},
            {{"if", {{"required", {"idle"}}}}, {"then", {{"required", {"max"}}}}}}}};
}

// Prints durations with their unit, and leaves out keys that have no effect.
void prune_pool(const pool_options& from, json& pool) {
  print_durations(pool, "args", from.durations);
  if (from.dispatch != tree::pool_dispatch::hash) pool.erase("key");
  if (!from.max) pool.erase("idle");
}

const table<pool_options>& pool_table() {
  using optional_count = maybe<std::optional<std::uint32_t>, per_core>;
  using optional_backoff = maybe<std::optional<tree::backoff_options>, section<tree::backoff_options>>;
  static const auto rows =
      table<pool_options>()
          .add<&pool_options::actor>("actor", actor_name(), "what the workers are: any server")
          .needed()
          .elsewhere()
          .add<&pool_options::args>("args", args_term(),
                                    "their arguments, checked against the plugin's schema")
          .add<&pool_options::size>("size", per_core(most_workers),
                                    "how many there are: a number, cores, or a multiple such as \"2x cores\"")
          .live()
          .add<&pool_options::max>("max", optional_count(per_core(most_workers)),
                                   "how many it may grow to while requests wait; absent: it stays as it is")
          .live()
          .add<&pool_options::idle>("idle", duration(milliseconds(1)),
                                    "how long a worker beyond size may have nothing to do until there is one "
                                    "less")
          .live()
          .add<&pool_options::dispatch>(
              "dispatch", choice<tree::pool_dispatch>(),
              "who gets a request. least_loaded: a worker that holds the fewest; round_robin: the next one "
              "that "
              "has room; hash: always the same one for the same `key`; broadcast: all of them, and no calls")
          .add<&pool_options::key>(
              "key", request_key(),
              "for hash: whole, or an element of the request's tuple such as \"element 2\"")
          .add<&pool_options::in_flight>("in_flight", whole<std::uint32_t>(1, 1000),
                                         "requests that a worker holds at once; the others wait in the queue")
          .live()
          .add<&pool_options::queue>("queue", section<pool_queue_options>(&queue_table, compared::by_key),
                                     "what waits for a worker")
          .add<&pool_options::on_worker_death>(
              "on_worker_death", choice<tree::on_worker_death>(),
              "what becomes of the requests that a worker held when it ended. reply_error: the calls end "
              "with "
              "{worker_down, Reason}; retry_once: another worker gets them, once: for what may be done "
              "twice. "
              "What `choose` of the workers' class, or dispatch: hash, gave to this worker its replacement "
              "gets")
          .live()
          .add<&pool_options::drain>("drain", duration(),
                                     "how long a worker that is to go may take for what it holds")
          .live()
          .add<&pool_options::intensity>(
              "intensity", whole<std::uint32_t>(0, 1'000'000),
              "restarts of workers within `period` that are borne; beyond, the pool ends")
          .live()
          .add<&pool_options::period>("period", duration(milliseconds(1)), "see intensity")
          .live()
          .add<&pool_options::backoff>("backoff",
                                       optional_backoff(section<tree::backoff_options>(&backoff_table)),
                                       "waits between a worker's restarts; absent: none")
          .add<&pool_options::shutdown>("shutdown", shutdown_time(), "how long a worker may take to stop")
          .add<&pool_options::mailbox>("mailbox", section<mailbox_options>(&mailbox_table),
                                       "bounds of a worker's mailbox, for what others than the pool send it")
          .add<&pool_options::unhandled>("unhandled", optional_unhandled(), "as a child's, of the workers")
          .check(&check_pool, pool_rule())
          .prune(&prune_pool);
  return rows;
}

class pool_of_children final : public kind_of<pool_options> {
 public:
  pool_of_children()
      : kind_of("pool", form{"a pool", "the 'pool' map"}, &pool_table, "a pool of actors instead of one",
                compared::by_key) {}
  bool brings_streams() const override { return true; }

 private:
  void args_of(const pool_options& of, const use_args& use) const override { use(of.args); }
  // Senders wait in the queue, which bounds the pool's mailbox.
  void check_keys_with(const pool_options& pool, reader& from, const node& at) const override {
    if (const node* const bound = at.find("mailbox"); bound != nullptr && parks_senders(pool.queue))
      from.error(*bound,
                 "mailbox: the bound of this pool's mailbox is queue.limit, since its senders wait there");
  }
  void prune_with(const pool_options& pool, json& child) const override {
    if (parks_senders(pool.queue)) child.erase("mailbox");
  }
  void check_options(child_check& with, child_spec& child, pool_options& of, const node&,
                     const node& written) const override {
    with.check_leaf(child, {of.actor, of.args, of.durations}, written, with.part_of_args());
  }
  // Notes the pool, since a listener may name it so that the pool's workers get its connections.
  void check_class(child_check& with, const named_actor& actor) const override {
    if (!is_in(actor.child) || actor.child.name.empty()) return;
    with.notes.get<worker_pools>().take_streams[actor.child.name] = has_streams(actor.type);
  }
};

} // namespace

const kind& pool_kind() {
  static const pool_of_children made;
  return made;
}

} // namespace coppice::spec
