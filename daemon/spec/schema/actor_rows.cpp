// SPDX-License-Identifier: MIT
// See actor_rows.hpp.
#include "spec/schema/actor_rows.hpp"

#include "spec/schema/names.hpp"
#include "spec/schema/scalar.hpp"
#include "tree/mailbox.hpp"

namespace coppice::spec {
namespace {

// Up to version 1.0 a number above the range is taken as the largest one, with a warning.
class mailbox_limit final : public value_type<std::uint32_t> {
 public:
  bool read(reader& from, const node& value, std::uint32_t& into) const override {
    constexpr std::uint32_t most_written = 1U << 30;
    std::uint32_t found = 0;
    if (value.what == node::kind::scalar) {
      const auto resolved = resolve(value);
      const auto* const number = std::get_if<whole_number>(&resolved);
      if (number != nullptr && !number->negative && number->magnitude <= most_written)
        found = static_cast<std::uint32_t>(number->magnitude);
    }
    if (found <= tree::most_mailbox_messages) return range.read(from, value, into);
    from.to->warning(value.at,
                     from.path + ": " + std::to_string(found) + " is taken as " +
                         std::to_string(tree::most_mailbox_messages) + ", the most that there is",
                     "from version 1.0 on this is an error");
    into = tree::most_mailbox_messages;
    return true;
  }
  json print(const std::uint32_t& value) const override { return range.print(value); }
  json describe(json& definitions) const override { return range.describe(definitions); }

 private:
  const whole<std::uint32_t> range{tree::fewest_mailbox_messages, tree::most_mailbox_messages};
};

} // namespace

const table<mailbox_options>& mailbox_table() {
  static const auto rows =
      table<mailbox_options>()
          .add<&mailbox_options::limit>("limit", mailbox_limit(), "messages it holds")
          .add<&mailbox_options::bytes>("bytes", size(), "bytes it holds; 0B: no bound of its own")
          .add<&mailbox_options::on_full>("on_full",
                                          choice<on_full>({{"park_sender", on_full::park_sender},
                                                           {"drop_new", on_full::drop_new},
                                                           {"drop_old", on_full::drop_old},
                                                           {"exit", on_full::exit}}),
                                          "what becomes of a message that finds it full");
  return rows;
}

const table<tree::backoff_options>& backoff_table() {
  using tree::backoff_options;
  static const auto rows =
      table<backoff_options>()
          .add<&backoff_options::first>(
              "first", duration_in_nanos(),
              "wait before the first restart; each further one is twice as long, from "
              "100ms if this is 0s")
          .add<&backoff_options::max>(
              "max", duration_in_nanos(),
              "longest wait; a child that ran that long waits as for its first restart again")
          .add<&backoff_options::jitter>("jitter", real(0, 1), "share of the wait that is random");
  return rows;
}

maybe<std::optional<unhandled>, choice<unhandled>> optional_unhandled() {
  return maybe<std::optional<unhandled>, choice<unhandled>>(
      choice<unhandled>({{"exit", unhandled::exit},
                         {"reply_error", unhandled::reply_error},
                         {"log", unhandled::log},
                         {"ignore", unhandled::ignore}}));
}

text actor_name() {
  return text("PLUGIN or PLUGIN:ACTOR", &check_actor, actor_pattern);
}

void print_durations(json& of, const char* key, const std::vector<std::string>& durations) {
  for (const std::string& at : durations) {
    json& time = of[key][json::json_pointer(at)];
    time = print_duration(milliseconds(time.get<std::int64_t>()));
  }
}

} // namespace coppice::spec
