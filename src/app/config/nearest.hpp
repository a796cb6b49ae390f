// "Did you mean": the known name closest to a mistyped one, or nothing when none is close enough to
// be worth saying.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeel::app {

/// Insertions, deletions, replacements and swaps of neighbours between two texts.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// Case and '-' against '_' do not count. A name that is right but stands in another section
/// ("data_dir" for "instance.data_dir") is found too.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view mistyped,
                                                      const std::vector<std::string>& known);

}  // namespace pgkeel::app
