// What would have prevented an incident, what remains for a person after it, and the command that
// person begins with: one row a cause, data only. The report and the alerts are written from it.
// A cause without a row gets the general words of whoever asks.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "incident/model.hpp"

namespace pgkeel::incident {

struct Prevention {
  std::string_view cause;
  std::string_view prevented;  ///< sentences: what would have kept it from happening
  std::string_view follow_up;  ///< tasks, one a line
  std::string_view command;    ///< what to type first; {} stands for the incident's subject
};

[[nodiscard]] std::span<const Prevention> prevention_table();
/// Null when the cause has no row.
[[nodiscard]] const Prevention* prevention_of(std::string_view cause);
/// The command a person begins with: the row's with the subject in its place, else `pgkeel doctor`.
[[nodiscard]] std::string first_command(const Incident& incident);

}  // namespace pgkeel::incident
