// What clients wrote to a cluster that an engine initialised where the known one was: counted while
// it still answers, so that the report says what is kept apart in it. Bounded by a second, since
// every moment that it serves on, more goes into it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "recover/playbook.hpp"

namespace pgkeel::recover {

struct FreshRows {
  std::int64_t rows = 0;
  std::int64_t tables = 0;
};

/// Of every database in it, as committed by then; nothing when it does not answer in time.
runtime::Task<std::optional<FreshRows>> count_fresh_rows(Services* services);

/// For people, after "Lost: "; they are told where the rows are.
[[nodiscard]] std::string words_of(const std::optional<FreshRows>& fresh);
[[nodiscard]] bool tells_of_fresh_rows(std::string_view loss);

}  // namespace pgkeel::recover
