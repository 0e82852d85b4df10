// SPDX-License-Identifier: MIT
// Each example belongs to the full name of a command, such as "cron explain".
#include "cli/examples.hpp"

#include <string>
#include <string_view>

namespace coppice::cli {

namespace {

struct example {
  std::string_view of; // the command, preceded by its parent command
  const char* line;
};

constexpr example examples[] = {
    {"status", "coppice status --json"},
    {"tree", "coppice tree demo"},
    {"ps", "coppice ps --sort mailbox"},
    {"info", "coppice info kv"},
    {"call", "coppice call kv '{put, <<\"a\">>, 1}'"},
    {"cast", "coppice cast kv clear"},
    {"send", "coppice send probe '{hello, 1}'"},
    {"nodes", "coppice nodes"},
    {"connect", "coppice connect db@127.0.0.1 --timeout 10s"},
    {"disconnect", "coppice disconnect db@127.0.0.1"},
    {"start", "coppice start demo"},
    {"stop", "coppice stop demo --timeout 30s"},
    {"restart", "coppice restart demo/kv"},
    {"terminate", "coppice terminate demo/inner/relay"},
    {"diff", "coppice diff"},
    {"apply", "coppice apply --dry-run"},
    {"history", "coppice history"},
    {"drain", "coppice drain --undo"},
    {"trace", "coppice trace kv off"},
    {"exit", "coppice exit probe '{shutdown, by_hand}'"},
    {"pool", "coppice pool workers resize 16"},
    {"raft", "coppice raft ledger transfer ledger@b@127.0.0.1"},
    {"saga", "coppice saga desk --in-doubt"},
    {"listener", "coppice listener gate suspend"},
    {"health", "coppice health"},
    {"top", "coppice top --sort reductions --once"},
    {"logs", "coppice logs -n 20 --level warning"},
    {"log-level", "coppice log-level debug --of kv --for 5m"},
    {"plugins", "coppice plugins"},
    {"reload", "coppice reload kv --dry-run"},
    {"wait-ready", "coppice wait-ready --timeout 30s"},
    {"check", "coppice check node.yaml --effective"},
    {"inspect", "coppice inspect kv.so"},
    {"schema", "coppice schema > node.schema.json"},
    {"certificate init", "coppice certificate init tls"},
    {"certificate issue", "coppice certificate issue demo@127.0.0.1 --in tls"},
    {"certificate", "coppice certificate init new-tls --days 365"},
    {"log", "coppice log check log"},
    {"log check", "coppice log check log --json"},
    {"cron", "coppice cron"},
    {"cron next", "coppice cron next --for 48h"},
    {"cron run", "coppice cron run nightly"},
    {"cron enable", "coppice cron enable nightly"},
    {"cron disable", "coppice cron disable nightly"},
    {"events", "coppice events"},
    {"events tail", "coppice events tail coppice.node -n 1"},
    {"events publish", "coppice events publish notes '{note, <<\"hello\">>}'"},
    {"cron explain", "coppice cron explain '30 2 * * *' --timezone Europe/Paris"},
    {"new", "coppice new actor cart"},
    {"add", "coppice add actor 'front:audit{lang:c}' --in shop"},
    {"init", "coppice init shop --sup front --actor front:cart --web 'desk{port:8080}' --observer"},
    {"dev", "coppice dev --config config/shop.yaml"},
    {"completion", "coppice completion bash > coppice.bash"},
};

void add(CLI::App& of, const std::string& path) {
  for (const example& one : examples) {
    if (one.of == path) of.footer(std::string("Example:\n  ") + one.line);
  }
  for (CLI::App* command : of.get_subcommands(nullptr)) {
    if (!command->get_group().empty())
      add(*command, path.empty() ? command->get_name() : path + " " + command->get_name());
  }
}

} // namespace

void add_examples(CLI::App& app) {
  add(app, "");
}

} // namespace coppice::cli
