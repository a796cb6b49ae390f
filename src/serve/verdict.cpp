// The judgement, from the most telling reason to the least.
#include "serve/verdict.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::serve {
namespace {

std::string forbidden_because(const Status& status) {
  const auto with_reason = [&](std::string_view what) {
    return status.reason.empty() ? std::string(what) : fmt::format("{}: {}", what, status.reason);
  };
  if (status.state == ServiceState::Down) return with_reason("the database is down");
  if (status.state == ServiceState::IntendedStop) return with_reason("stopped on purpose");
  return {};
}

// Why the probes say that nobody can log in; empty when one just did.
std::string not_serving_because(const Status& status, SteadyTime now) {
  if (status.probe(kLoginProbe) == nullptr) return "no login has been tried yet";
  for (const auto& probe : status.probes) {
    if (!decides(probe.name)) continue;
    const auto reading = read_probe(probe, status, now);
    if (reading.grade != Grade::Pass) return fmt::format("{}: {}", probe.name, reading.note);
  }
  return {};
}

std::string_view sentence(ServiceState state) {
  switch (state) {
    case ServiceState::Starting: return "the guard has just started and has not judged yet";
    case ServiceState::Degraded: return "the guard sees the service degraded";
    case ServiceState::Recovering: return "a recovery is under way";
    case ServiceState::WaitingForHuman: return "the guard waits for a human";
    case ServiceState::Paused: return "the guard is paused and acts on nothing";
    case ServiceState::Up:
    case ServiceState::Down:
    case ServiceState::IntendedStop: break;
  }
  return {};
}

std::string state_worry(const Status& status) {
  if (status.state != ServiceState::Up && !status.reason.empty()) return status.reason;
  return std::string(sentence(status.paused ? ServiceState::Paused : status.state));
}

std::string missing_worry(const Status& status) {
  const auto gone = std::ranges::find_if(status.databases, &Database::missing);
  if (gone != status.databases.end()) return fmt::format("database {} is missing", gone->name);
  if (!status.missing_relations.empty())
    return fmt::format("relation {} is missing", status.missing_relations.front());
  return {};
}

std::string probe_worry(const Status& status, SteadyTime now) {
  for (const auto& probe : status.probes) {
    const auto reading = read_probe(probe, status, now);
    if (reading.grade != Grade::Pass) return fmt::format("{}: {}", probe.name, reading.note);
  }
  return {};
}

std::string protection_worry(const Status& status) {
  const auto failing = [](const std::optional<Protection>& part) { return part && !part->ok; };
  if (failing(status.replication)) return "replication: " + status.replication->note;
  if (failing(status.archive)) return "archive: " + status.archive->note;
  if (failing(status.shadow)) return "shadow: " + status.shadow->note;
  if (status.gateway && !status.gateway->ok) return "gateway: " + status.gateway->note;
  return {};
}

// What is wrong although the database serves; empty when nothing is.
std::string worry(const Status& status, SteadyTime now) {
  if (auto text = state_worry(status); !text.empty()) return text;
  if (auto text = missing_worry(status); !text.empty()) return text;
  if (auto text = probe_worry(status, now); !text.empty()) return text;
  if (auto text = protection_worry(status); !text.empty()) return text;
  if (!status.open_incidents.empty())
    return fmt::format("incident {} is open", status.open_incidents.front().id);
  return {};
}

}  // namespace

std::string_view to_string(Grade grade) {
  switch (grade) {
    case Grade::Pass: return "pass";
    case Grade::Warn: return "warn";
    case Grade::Fail: return "fail";
  }
  return "fail";
}

bool decides(std::string_view name) { return name == kProcessProbe || name == kLoginProbe; }

ProbeReading read_probe(const Probe& probe, const Status& status, SteadyTime now) {
  ProbeReading reading;
  reading.age = std::max(Millis{0}, std::chrono::duration_cast<Millis>(now - probe.at));
  const auto& running_since = status.instance.running_since;
  if (probe.at == SteadyTime{}) {
    reading.stale = true;
    reading.note = "not checked yet";
  } else if (reading.age > probe.stale_after) {
    reading.stale = true;
    reading.note = fmt::format("stale, last checked {} ago", humane_duration(reading.age));
  } else if (probe.name == kLoginProbe && running_since && probe.at < *running_since) {
    reading.stale = true;
    reading.note = fmt::format("stale, last checked {} ago, before the server started",
                               humane_duration(reading.age));
  } else if (!probe.ok) {
    reading.note = probe.note.empty() ? "failed" : probe.note;
  } else {
    reading.grade = Grade::Pass;
  }
  return reading;
}

Verdict judge(const Status& status, SteadyTime now) {
  Verdict verdict;
  verdict.reason = forbidden_because(status);
  verdict.state_allows = verdict.reason.empty();
  if (verdict.reason.empty()) verdict.reason = not_serving_because(status, now);
  verdict.serving = verdict.reason.empty();
  if (!verdict.serving) return verdict;

  const auto* write = status.probe(kWriteProbe);
  const bool writes = write == nullptr || read_probe(*write, status, now).grade == Grade::Pass;
  verdict.writable = status.instance.role == Role::Primary && writes;
  verdict.reason = worry(status, now);
  verdict.grade = verdict.reason.empty() ? Grade::Pass : Grade::Warn;
  return verdict;
}

}  // namespace pgkeel::serve
