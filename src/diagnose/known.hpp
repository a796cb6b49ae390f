// What the guard knew before: the ledger's contents and the policy that bears on diagnosis, as
// plain values. Pure rules compare an Observation against it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "incident/ledger.hpp"

namespace pgkeel::diagnose {

struct Known {
  std::optional<incident::Identity> identity;
  std::vector<incident::KnownDatabase> databases;
  std::map<std::string, std::vector<incident::KnownRelation>> relations;  ///< by database
  std::vector<std::string> required_databases;
  std::vector<std::string> required_tables;  ///< "database.schema.table"
  int confirm = 2;         ///< agreeing results before a failed login means anything
  Seconds hung_after{60};  ///< silence before a hung server may be acted on
};

}  // namespace pgkeel::diagnose
