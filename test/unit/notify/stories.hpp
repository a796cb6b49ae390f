// Incidents and notices for tests, with times that are easy to read in a failure.
#pragma once

#include "notify/notice.hpp"

namespace pgkeel::notify {

inline const WallTime kStart = *parse_iso8601("2026-11-21T03:00:00Z");

inline WallTime at(Seconds after) { return kStart + after; }

inline incident::Incident incident_of(std::string id = "2026-11-21-001",
                                      incident::Severity severity = incident::Severity::Critical) {
  incident::Incident incident;
  incident.id = std::move(id);
  incident.opened_at = kStart;
  incident.cause = "server_killed";
  incident.subject = "instance";
  incident.severity = severity;
  incident.summary = "The server's main process died without a shutdown.";
  return incident;
}

inline incident::Incident in_state(incident::Incident incident, incident::IncidentState state) {
  incident.state = state;
  return incident;
}

inline Notice notice_of(Reason reason) {
  Notice notice;
  notice.channel = "ops";
  notice.reason = reason;
  notice.incident = "2026-11-21-001";
  notice.cause = "table_dropped";
  notice.subject = "shop.public.orders";
  notice.summary = "Table orders is gone.";
  notice.note = "waiting for you";
  notice.loss = {"3 rows of shop.public.orders"};
  notice.opened_at = kStart;
  notice.at = at(Seconds(3));
  if (reason == Reason::Resolved) notice.ended_at = at(Seconds(3));
  return notice;
}

inline const Origin kOrigin{"embedded at /pg", "host1", 0};

}  // namespace pgkeel::notify
