// SPDX-License-Identifier: MIT
// Tests of the text in which the node's documents are shown.
#include "cli/render.hpp"

#include <doctest/doctest.h>

#include "cli/engines.hpp"
#include "cli/terminal.hpp"

using namespace coppice;
using nlohmann::json;

TEST_CASE("columns line up, counted in characters rather than bytes") {
  CHECK(cli::table({{"A", "B"}, {"├─ x", "y"}}) == "A     B\n├─ x  y\n");
}

TEST_CASE("durations and sizes are written for people") {
  CHECK(cli::duration_text(12) == "12ms");
  CHECK(cli::duration_text(4005) == "4s");
  CHECK(cli::duration_text(3'725'000) == "1h 2m");
  CHECK(cli::duration_text(93'784'000) == "1d 2h 3m");
  CHECK(cli::size_text(1023) == "1023 B");
  CHECK(cli::size_text(1536) == "1.5 KiB");
}

TEST_CASE("the tree is drawn with a line for each child") {
  json worker{{"id", "kv"},     {"pid", "<0.5.0>"},   {"name", "kv"}, {"behaviour", "server"},
              {"plugin", "kv"}, {"state", "running"}, {"restarts", 2}};
  json supervisor{
      {"id", "demo_sup"}, {"behaviour", "supervisor"}, {"children", json::array({worker, worker})}};
  json document{
      {"applications", json::array({{{"name", "demo"}, {"state", "running"}, {"supervisor", supervisor}}})}};
  const std::string text = cli::render_tree(document);
  CHECK(text.find("demo ") != std::string::npos);
  CHECK(text.find("└─ demo_sup") != std::string::npos);
  CHECK(text.find("   ├─ kv") != std::string::npos);
  CHECK(text.find("   └─ kv") != std::string::npos);
}

TEST_CASE("a document of another version is shown as far as it goes") {
  for (const json& document :
       {json(), json::array(), json{{"applications", 3}}, json{{"processes", {1, "x"}}},
        json{{"nodes", {nullptr}}}, json{{"mailbox", "x"}}}) {
    CAPTURE(document.dump());
    CHECK_NOTHROW(cli::render_status(document));
    CHECK_NOTHROW(cli::render_tree(document));
    CHECK_NOTHROW(cli::render_processes(document));
    CHECK_NOTHROW(cli::render_process(document));
    CHECK_NOTHROW(cli::render_nodes(document));
    CHECK_NOTHROW(cli::render_plugins(document));
  }
}

TEST_CASE("of an event manager its handlers are shown below what every process has") {
  const json handler{{"handler", "{alarms,kept}"},
                     {"pid", "<0.44.0>"},
                     {"permanent", true},
                     {"added_by", "none"},
                     {"restarts", 2},
                     {"failure", "oops"},
                     {"seen", 7},
                     {"mean_us", 12},
                     {"worst_us", 3400},
                     {"waiting", 3},
                     {"slow", true},
                     {"dropped", 0}};
  const json engine{{"kind", "event_manager"},
                    {"events", 7},
                    {"failures", 2},
                    {"dropped", 0},
                    {"handlers", json::array({handler})}};
  const std::string text = cli::render_process(json{{"pid", "<0.43.0>"}, {"engine", engine}});
  CAPTURE(text);
  CHECK(text.ends_with(
      "\nevents 7, failed handlers 2, dropped 0\n"
      "HANDLER        PID       PERMANENT  ADDED BY  RESTARTS  SEEN  MEAN  WORST  WAITING   DROPPED\n"
      "{alarms,kept}  <0.44.0>  true       none      2         7     12us  3.4ms  3 (slow)  0\n"
      "{alarms,kept} was begun again after oops\n"));
  CHECK(cli::render_process(json{{"engine", {{"size", 2}}}}).find("HANDLER") == std::string::npos);
}

TEST_CASE("of a web server its routes are shown, by its process and by its listener") {
  const json route{{"path", "GET /users/{id}"},
                   {"to", "users"},
                   {"requests", 7},
                   {"errors", 1},
                   {"p50_us", 90},
                   {"p99_us", 1200}};
  const json engine{{"kind", "web"}, {"routes", json::array({route})}};
  const std::string shown =
      "\nROUTE            TO     REQUESTS  ERRORS  P50   P99\n"
      "GET /users/{id}  users  7         1       90us  1200us\n";
  CHECK(cli::render_process(json{{"pid", "<0.43.0>"}, {"engine", engine}}).ends_with(shown));
  CHECK(cli::render_engine(engine, 120).ends_with(shown));
  CHECK(cli::render_engine(json{{"kind", "tcp"}, {"open", 2}}, 120).find("ROUTE") == std::string::npos);
}

TEST_CASE("of a router its routes are shown, and of any actor its streams") {
  const json route{{"name", "west"}, {"to", "kv@west"}, {"passed", 7}, {"failed", 1}};
  const json routes = json::array({route});
  const json plain{{"id", 1},       {"peer", "10.0.0.1:80"}, {"open", true}, {"tls", ""},
                   {"read", 12288}, {"written", 7},          {"queued", 0}};
  const json router{
      {"kind", "router"}, {"routes", routes}, {"streams", 2}, {"connections", json::array({plain})}};
  CHECK(cli::render_process(json{{"pid", "<0.43.0>"}, {"engine", router}})
            .ends_with("\nROUTE  TO       PASSED  FAILED\n"
                       "west   kv@west  7       1\n"
                       "\nSTREAM  PEER         OPEN  TLS  READ      WRITTEN  QUEUED\n"
                       "1       10.0.0.1:80  true  -    12.0 KiB  7 B      0 B\n"
                       "and 1 more\n"));
  const json kept{{"to", "db port 5432"}, {"up", false}, {"tries", 4}, {"failed", 4}};
  const json server{{"kind", "server"}, {"streams", 0}, {"connect", kept}, {"connections", json::array()}};
  CHECK(cli::render_process(json{{"pid", "<0.43.0>"}, {"engine", server}})
            .ends_with("\nconnected to db port 5432: no, 4 tries, 4 failed\n"));
}

TEST_CASE(
    "an engine whose kind the client does not know is shown plainly: fields, and tables of what it has many "
    "of") {
  const json member{{"node", "a@b"}, {"last_index", 17}, {"lag", {{"bytes", 12}, {"entries", 1}}}};
  const json short_member{{"node", "c@d"}};
  const json engine{{"kind", "tide"},
                    {"leader", "a@b"},
                    {"in_sync", true},
                    {"votes", json::object()},
                    {"commits", {{"own", 3}, {"of_others", 4}}},
                    {"terms", {1, 2}},
                    {"members", json::array({member, short_member})}};
  const std::string text = cli::render_engine(engine);
  CAPTURE(text);
  CHECK(text ==
        "commits  of others 4, own 3\n"
        "in sync  true\n"
        "leader   a@b\n"
        "terms    1, 2\n"
        "votes    -\n"
        "\nmembers\n"
        "LAG                  LAST INDEX  NODE\n"
        "bytes 12, entries 1  17          a@b\n"
        "-                    -           c@d\n");
  CHECK(cli::render_process(json{{"engine", engine}}).ends_with("\n\n" + text));
  CHECK(cli::render_engine(json{{"kind", "tide"}}).empty());
  CHECK(cli::render_engine(json{{"kind", "tide"}, {"members", json::array({short_member})}}) ==
        "members\nNODE\nc@d\n");
  CHECK(cli::render_engine(json{{"streams", 0}, {"connections", json::array()}, {"term", 2}}) ==
        "term  2\n\n");
}

TEST_CASE(
    "of a stage its counts and the demand at each subscription are shown, of sockets what the kernel "
    "dropped") {
  const json subscription{{"direction", "consumer"}, {"peer", "<0.7.0>"}, {"asked", 1000},
                          {"passed", 400},           {"in_flight", 600},  {"buffered", 0}};
  CHECK(cli::render_engine(
            json{{"kind", "stage"}, {"emitted", 400}, {"subscriptions", json::array({subscription})}}) ==
        "emitted  400\n"
        "\nsubscriptions\n"
        "ASKED  BUFFERED  DEMAND  DIRECTION  PASSED  PEER\n"
        "1000   0         600     consumer   400     <0.7.0>\n");
  CHECK(cli::render_engine(
            json{{"kind", "udp"}, {"sockets", {"0.0.0.0:514"}}, {"kernel_dropped", 3}, {"received", 9}}) ==
        "kernel dropped  3\n"
        "received        9\n"
        "sockets         0.0.0.0:514\n");
}

TEST_CASE("an engine is never shown as what it is not, and a broken report never throws") {
  for (const char* kind :
       {"event_manager", "pool", "router", "stage", "statem", "tcp", "web", "server", "raft"}) {
    for (const json& part :
         {json(), json(3), json("x"), json{1, "x"}, json{{"a", nullptr}}, json::array({json()})}) {
      json engine{{"kind", kind}};
      for (const char* key : {"handlers", "workers", "routes", "transitions", "timeouts", "postponed",
                              "ended", "connections", "connect", "subscriptions", "uptime_ms"})
        engine[key] = part;
      CAPTURE(engine.dump());
      CHECK_NOTHROW(cli::render_engine(engine));
    }
  }
  CHECK(cli::render_engine(json()).empty());
  CHECK(cli::render_engine(json("x")).empty());
  CHECK(cli::render_process(json{{"engine", {{"kind", "server"}, {"routes", 2}}}}).find("ROUTE ") ==
        std::string::npos);
}

TEST_CASE("of a pool its workers are shown, by its process and by its own command") {
  const json worker{{"pid", "<0.44.0>"}, {"held", 1},     {"queued", 2},  {"handled", 30},
                    {"lost", 0},         {"busy_ms", 50}, {"restarts", 1}};
  const json idle{{"pid", nullptr}, {"held", 0},    {"queued", 0},  {"handled", 0},
                  {"lost", 0},      {"busy_ms", 0}, {"restarts", 2}};
  const json pool{{"kind", "pool"},   {"dispatch", "least_busy"},
                  {"size", 2},        {"max", 2},
                  {"queued", 2},      {"held", 1},
                  {"uptime_ms", 100}, {"workers", json::array({worker, idle})}};
  const std::string text = cli::render_engine(pool);
  CAPTURE(text);
  CHECK(text.starts_with("dispatch      least_busy\nworkers       2\nwaiting       2\nwith workers  1\n"));
  CHECK(
      text.ends_with("\nWORKER  PID       HOLDS  QUEUED  HANDLED  LOST  BUSY  RESTARTS\n"
                     "1       <0.44.0>  1      2       30       0     50%   1\n"
                     "2       -         0      0       0        0     0%    2\n"));
  CHECK(cli::render_process(json{{"engine", pool}}).ends_with("\n\n" + text));
}

TEST_CASE("a reply keeps the node's own pids as the node wrote them") {
  CHECK(cli::render_reply(json{{"reply", "{ok,<0.12.0>}"}}, 80) == "{ok,<0.12.0>}\n");
}

TEST_CASE("cells of a table that are states have colours, and no other word of it") {
  const std::string table =
      "TREE       NAME    STATE       RESTARTS\n"
      "shop       failed  running     -\n"
      "  kv down  down    down, held  0\n"
      "  a        -       restarting  3\n";
  CHECK(cli::painted_states(table, false) == table);
  CHECK(cli::painted_states(table, true) ==
        "TREE       NAME    STATE       RESTARTS\n"
        "shop       \x1b[31mfailed\x1b[0m  running     -\n"
        "  kv down  \x1b[31mdown\x1b[0m    \x1b[31mdown, held\x1b[0m  0\n"
        "  a        -       \x1b[33mrestarting\x1b[0m  3\n");
  CHECK(cli::painted_states("", true).empty());
  CHECK(cli::painted_states("state  down", true) == "state  \x1b[31mdown\x1b[0m");
}

TEST_CASE("what was changed by hand is shown with what takes it back, and nothing where there is nothing") {
  CHECK(cli::render_by_hand(json{{"changes", json::array()}}).empty());
  const json one{
      {"what", "child"}, {"name", "shop/kv"}, {"why", "terminated"}, {"help", "coppice restart it"}};
  const std::string text = cli::render_by_hand(json{{"by_hand", json::array({one})}});
  CHECK(text.starts_with("By hand, beside the configuration:\nchild shop/kv  terminated\n"));
  CHECK(text.find("coppice restart it\n") != std::string::npos);
}

TEST_CASE("the status has the plugins with memory, the largest first, or says that it is not counted") {
  const nlohmann::json counted{{"plugin_memory", {{"idle", 0}, {"large", 5 << 20}, {"small", 300}}}};
  CHECK(cli::render_status(counted).find("large 5.0 MiB, small 300 B\n") != std::string::npos);
  const nlohmann::json uncounted{{"plugin_memory", nullptr}};
  CHECK(cli::render_status(uncounted).find("not counted by this build") != std::string::npos);
  const nlohmann::json plugins{
      {"plugins", {{{"id", "large"}, {"memory", 5 << 20}}, {{"id", "other"}, {"memory", nullptr}}}}};
  CHECK(cli::render_plugins(plugins).find("5.0 MiB") != std::string::npos);
}
