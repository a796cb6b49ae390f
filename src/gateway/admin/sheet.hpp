// What a SHOW shows, whatever it is made from: columns and rows of text. The tables of columns are
// in sheet.cpp: a new column is one line there and one in snapshots.hpp, at the end of both.
#pragma once

#include <string>
#include <vector>

#include "gateway/admin/answers.hpp"

namespace pgkeel::gateway::admin {

struct Sheet {
  struct Head {
    std::string name;
    Oid type;
  };
  std::vector<Head> heads;
  std::vector<std::vector<std::string>> rows;  ///< as many texts as there are heads
};

/// Empty of HELP, which is no table.
[[nodiscard]] Sheet sheet_of(Topic topic, const Snapshots& snapshots);

}  // namespace pgkeel::gateway::admin
