// SPDX-License-Identifier: MIT
// Tests of the host table: which interfaces it gives, and the log line for a draft that it does not have.
#include "host/boundary/host.hpp"

#include <coppice/detail/drafts.hpp>

#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;

namespace {

const void* ask(const char* name) {
  return host::host_table()->get_interface(host::host_table(), name);
}

} // namespace

TEST_CASE("every interface is given under its name, the same each time") {
  for (const char* name : {COPPICE_MESSAGE_1, COPPICE_ACTOR_1, COPPICE_CALL_1, COPPICE_TIMER_1,
                           COPPICE_WORK_1, COPPICE_LOG_1, COPPICE_ORDER_DRAFT_1, COPPICE_POST_DRAFT_1,
                           COPPICE_METRIC_DRAFT_1, COPPICE_AWAIT_DRAFT_1, COPPICE_STATEM_HOST_DRAFT_2}) {
    CAPTURE(name);
    REQUIRE(ask(name) != nullptr);
    CHECK(ask(name) == ask(name));
  }
  for (const std::string_view name : draft_interfaces) CHECK(ask(std::string(name).c_str()) != nullptr);
  for (const coppice_behaviour* one = coppice_behaviours; one->name != nullptr; ++one)
    if (one->host_interface != nullptr) CHECK(ask(one->host_interface) != nullptr);
  CHECK(ask("coppice.nothing/1") == nullptr);
  CHECK(ask("") == nullptr);
  CHECK(ask(nullptr) == nullptr);
}

TEST_CASE("a draft of another number is not given, and the log says which there is") {
  heard_log log;
  CHECK(ask("coppice.order/draft-2") == nullptr);
  CHECK(ask("coppice.order/1") == nullptr);         // the name of its final version, on other hosts
  CHECK(ask("coppice.nothing/draft-1") == nullptr); // this host has no draft of that name
  CHECK(log.count("coppice.order/draft-2, which this host does not have; it has coppice.order/draft-1") == 1);
  CHECK(log.count("a plugin asked for") == 1);
}

TEST_CASE("what a plugin's init says of its error is copied, and nothing of what is no text") {
  coppice_error error;
  const auto& set_error = host::host_table()->set_error;
  {
    std::string text = "no licence";
    set_error(&error, COPPICE_E_NOT_FOUND, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    text = "overwritten";
  }
  CHECK(error.code == COPPICE_E_NOT_FOUND);
  CHECK(error.text == "no licence");
  set_error(&error, COPPICE_E_INVALID, {nullptr, 7});
  CHECK(error.text.empty());
  set_error(nullptr, COPPICE_E_INVALID, {nullptr, 0});
}
