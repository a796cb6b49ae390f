// Where PostgreSQL's client programs are: in a directory of this machine, or behind words that run
// one elsewhere (image_programs.hpp).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeel::archive {

struct ProgramPlace {
  std::filesystem::path dir = {};
  std::vector<std::string> via = {};  ///< instead of `dir`

  [[nodiscard]] bool known() const { return !dir.empty() || !via.empty(); }
  /// What begins a program, before what it is told.
  [[nodiscard]] std::vector<std::string> command(std::string_view program) const;
};

}  // namespace pgkeel::archive
