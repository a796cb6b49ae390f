// The result of one statement, owning libpq's memory. Values are text, as the server sent them; the
// typed readers say Malformed instead of guessing. Positions out of range are bugs (CHECK).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.hpp"

struct pg_result;  // libpq's own name for PGresult

namespace pgkeel::client {

class Rows {
 public:
  /// No rows, no columns, no tag.
  Rows() = default;
  /// Takes over a libpq result; null is allowed.
  explicit Rows(pg_result* result) : result_(result) {}

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::size_t columns() const;
  [[nodiscard]] std::string_view column_name(std::size_t column) const;
  /// The first column of that name.
  [[nodiscard]] std::optional<std::size_t> column(std::string_view name) const;

  /// nullopt for NULL. The view lives as long as the Rows.
  [[nodiscard]] std::optional<std::string_view> text(std::size_t row, std::size_t column) const;
  /// Malformed for NULL and for what is not a whole number in range.
  [[nodiscard]] Result<std::int64_t> int64(std::size_t row, std::size_t column) const;
  /// Malformed for NULL and for what is not a number; reads float, numeric and integers.
  [[nodiscard]] Result<double> real(std::size_t row, std::size_t column) const;
  /// Malformed for NULL and for what is not t or f.
  [[nodiscard]] Result<bool> boolean(std::size_t row, std::size_t column) const;

  /// "INSERT 0 3", "COMMIT", "SELECT 1".
  [[nodiscard]] std::string_view command_tag() const;
  /// Rows inserted, updated, deleted, selected; 0 for commands that do not count.
  [[nodiscard]] std::uint64_t affected() const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace pgkeel::client
