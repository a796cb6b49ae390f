// One incident with every part in it, as the tests of JSON, timeline and report read it.
#pragma once

#include "samples.hpp"

namespace pgkeel::incident {

inline Incident whole_incident() {
  auto incident = sample_incident();
  incident.id = "2026-11-21-003";
  incident.closed_at = at(600'290);
  incident.recovered = Millis(290);
  incident.state = IncidentState::Closed;
  incident.rows_lost = 0;
  incident.evidence = {{at(-12), "process", "postmaster 4242 ended by signal 9"},
                       {at(3), "login", "connection refused"}};
  auto action = sample_action();
  action.id = 7;
  action.ended_at = at(227);
  action.outcome = ActionOutcome::Done;
  action.note = "pid 4300";
  incident.actions = {action};
  incident.verified = {{at(250), "login", false, "starting up"},
                       {at(260), "login", true, "2 ms"},
                       {at(270), "write", true, ""}};
  incident.events = {{at(290), "service restored"}};
  return incident;
}

/// A table that was created again without its rows: the one case that may be red.
inline Incident lossy_incident() {
  auto incident = whole_incident();
  incident.cause = "table_dropped";
  incident.subject = "shop.public.orders";
  incident.summary = "The table was created again, empty.";
  incident.loss = {"every row of shop.public.orders"};
  incident.rows_lost = 41;
  return incident;
}

}  // namespace pgkeel::incident
