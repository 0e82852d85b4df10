// SPDX-License-Identifier: MIT
// See web_counters.hpp.
#include "behaviours/web/web_counters.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "behaviours/web/sites.hpp"

namespace coppice::behaviours {
namespace {

using metrics::samples;

void write_overloads(samples& to, const web_sites& of) {
  using overload = web_overload;
  for (const auto what :
       {overload::in_flight, overload::mailbox, overload::slow_events, overload::slow_websocket})
    to.add({{"reason", text(what)}}, of.overloads(what));
  to.add({{"reason", "unfinished"}}, of.unfinished().refused());
}

void write_requests(samples& to, const web_sites& of) {
  const std::shared_ptr<const web_site> now = of.now();
  for (std::size_t i = 0; i < now->spec().routes.size() && to.take_row(); ++i) {
    const std::string route = now->spec().routes[i].name();
    for (std::size_t hundreds = 1; hundreds <= 5; ++hundreds)
      if (const std::uint64_t count = now->counters(i).answered(hundreds); count != 0)
        to.add({{"route", route}, {"class", std::to_string(hundreds) + "xx"}}, count);
  }
}

void write_request_seconds(samples& to, const web_sites& of) {
  // Times at which two of the counters' buckets meet: 256 µs to 16.8 s.
  static const std::vector<std::uint64_t> times{1 << 8,  1 << 10, 1 << 12, 1 << 14, 1 << 16,
                                                1 << 18, 1 << 20, 1 << 22, 1 << 24};
  static const std::vector<double> bounds = [] {
    std::vector<double> out;
    for (const std::uint64_t one : times) out.push_back(static_cast<double>(one) / 1e6);
    return out;
  }();
  const std::shared_ptr<const web_site> now = of.now();
  for (std::size_t i = 0; i < now->spec().routes.size() && to.take_row(); ++i) {
    const route_counters& counted = now->counters(i);
    to.histogram({{"route", now->spec().routes[i].name()}}, bounds, counted.took_less(times),
                 static_cast<double>(counted.took()) / 1e6);
  }
}

} // namespace

web_counters::web_counters(std::shared_ptr<const web_sites> of) {
  using metrics::kind;
  show(kind::gauge, "web_in_flight", "Requests that wait for an answer",
       [of](samples& to) { to.add(of->in_flight()); });
  show(kind::gauge, "web_client_actors", "Actors that were made for a client each",
       [of](samples& to) { to.add(of->client_actors()); });
  show(kind::gauge, "web_unfinished_bytes", "Bytes of bodies and WebSocket messages that have come in part",
       [of](samples& to) { to.add(of->unfinished().kept()); });
  show(kind::counter, "web_answered", "Requests of a web server that were answered, by status",
       [of](samples& to) {
         for (const auto& [status, count] : of->answered()) to.add({{"code", std::to_string(status)}}, count);
       });
  show(kind::counter, "web_overloads", "Clients that were refused or given up, by what there was too much of",
       [of](samples& to) { write_overloads(to, *of); });
  show(kind::counter, "web_requests", "Requests that went to a route, by the class of their status",
       [of](samples& to) { write_requests(to, *of); });
  show(kind::histogram, "web_request_seconds",
       "How long requests of a route took, from their end to the answer",
       [of](samples& to) { write_request_seconds(to, *of); });
}

} // namespace coppice::behaviours
