// The operator's hooks ([[after_recovery]]): commands and calls made once after a recovery was
// verified. At most once for an incident: the intent is journaled before, and what was begun is
// never begun again, whatever became of it. Hooks run beside the guard's loop, one after another;
// their outcome is in the incident and decides nothing.
#pragma once

#include <string>
#include <string_view>

#include "incident/model.hpp"
#include "runtime/loop.hpp"
#include "runtime/web_client.hpp"

namespace pgkeel::recover {

struct Services;

struct Hook {
  std::string command;  ///< for /bin/sh -c; empty: `url` is called
  std::string url;
  Millis timeout{30'000};
};

inline constexpr std::string_view kAfterRecovery = "after_recovery";  ///< their "playbook"
/// The event in an incident whose hooks are to be run.
inline constexpr std::string_view kHooksDue = "the after_recovery hooks are due";

class AfterRecovery {
 public:
  explicit AfterRecovery(Services& services);

  /// Runs those never begun for the incident.
  runtime::Task<void> run(std::string incident);
  /// Journals of those never begun that they are not run, and why; they will not be.
  void skip(const std::string& incident, std::string_view why);

 private:
  struct Outcome {
    bool ok = false;
    std::string note;
  };
  runtime::Task<void> run_one(const incident::Incident* incident, std::size_t index);
  runtime::Task<Outcome> perform(const Hook* hook, const incident::Incident* incident);
  runtime::Task<Outcome> run_command(const Hook* hook, const incident::Incident* incident);
  runtime::Task<Outcome> call(const Hook* hook);
  Result<void> note_skipped(const incident::Incident& incident, std::size_t index,
                            std::string_view why);

  Services& services_;
  runtime::WebClient web_;
};

}  // namespace pgkeel::recover
