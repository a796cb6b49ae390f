// A program run to its end as the account of the servers, with what it took: the way every side of
// a comparison is measured, ours and the others'.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pgkeel::bench {

struct JobCost {
  double seconds = 0;      ///< from start to end
  double cpu_seconds = 0;  ///< its own and of children it waited for
  double resident_mb = 0;  ///< the largest of it and of such children
};

/// The output goes to a fresh file `output`. Throws std::runtime_error with its end when the
/// program fails.
JobCost run_job(const std::vector<std::string>& argv, const std::filesystem::path& output);

/// A whole file as text.
[[nodiscard]] std::string text_of(const std::filesystem::path& file);

}  // namespace pgkeel::bench
