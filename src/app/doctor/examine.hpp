// One examination: the senses look once, the ledger and the journal are read, the server's log and
// the machine's records of the last day with them; diagnosis is the guard's own. With or without a
// guard, of a live server or a dead one. It changes nothing, writes nothing, and waits for nobody
// longer than kLookMost, and kHealthMost more of a server that answers: what did not answer by then
// is unavailable, and said to be.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/doctor/health.hpp"
#include "diagnose/app_story.hpp"
#include "diagnose/audit.hpp"
#include "diagnose/excluded.hpp"
#include "diagnose/log_story.hpp"
#include "diagnose/warning.hpp"
#include "recover/policy.hpp"

namespace pgkeel::app {

/// Where evidence came from, or why it did not.
struct Source {
  std::string_view name;    ///< "process", "server log", "engine"
  std::string unavailable;  ///< empty: it was looked at
};

struct Examination {
  sense::Observation seen;
  diagnose::Known known;
  diagnose::History history;
  SteadyTime now;
  WallTime wall;
  recover::Policy policy;
  std::string instance;  ///< as it describes itself
  std::string_view
      why_blind;  ///< why neither its files nor its processes are seen, where they are not
  bool guard_runs = false;

  std::vector<diagnose::Finding> findings;  ///< the most telling first
  std::vector<diagnose::Excluded> excluded;
  std::vector<diagnose::LogStory> stories;
  std::vector<diagnose::AppStory> app_stories;
  std::vector<diagnose::Answer> answers;
  std::vector<Source> sources;
  HealthExamination health;  ///< of a server that answers
};

/// What is done only where it is asked for.
struct ExamineMore {
  std::optional<Millis> amcheck;  ///< how long it may take
};

inline constexpr Millis kLookMost{2'500};  // of three seconds for a whole examination
inline constexpr Seconds kHistory{48 * 3600};
inline constexpr Seconds kAppHistory{24 * 3600};

[[nodiscard]] Result<Examination> examine(const Config& config, const ExamineMore& more = {});

/// The worst there is: of the findings and of the server's health.
[[nodiscard]] incident::Severity severity_of(const Examination& examination);

}  // namespace pgkeel::app
