// See rows.hpp.
#include "client/rows.hpp"

#include <charconv>
#include <string>

#include "base/check.hpp"
#include "client/libpq.hpp"

namespace pgkeel::client {
namespace {

template <class Number>
Result<Number> parse_number(std::optional<std::string_view> text, std::string_view kind) {
  if (!text) return fail(ErrorCode::Malformed, "NULL where " + std::string(kind) + " was expected");
  Number number{};
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    return fail(ErrorCode::Malformed, "a value that is not " + std::string(kind));
  return number;
}

}  // namespace

void Rows::Clear::operator()(pg_result* result) const { PQclear(result); }

std::size_t Rows::size() const { return static_cast<std::size_t>(PQntuples(result_.get())); }

std::size_t Rows::columns() const { return static_cast<std::size_t>(PQnfields(result_.get())); }

std::string_view Rows::column_name(std::size_t column) const {
  CHECK(column < columns());
  return PQfname(result_.get(), static_cast<int>(column));
}

std::optional<std::size_t> Rows::column(std::string_view name) const {
  for (std::size_t index = 0; index < columns(); ++index)
    if (column_name(index) == name) return index;
  return std::nullopt;
}

std::optional<std::string_view> Rows::text(std::size_t row, std::size_t column) const {
  CHECK(row < size() && column < columns());
  const int r = static_cast<int>(row);
  const int c = static_cast<int>(column);
  if (PQgetisnull(result_.get(), r, c) != 0) return std::nullopt;
  return std::string_view(PQgetvalue(result_.get(), r, c),
                          static_cast<std::size_t>(PQgetlength(result_.get(), r, c)));
}

Result<std::int64_t> Rows::int64(std::size_t row, std::size_t column) const {
  return parse_number<std::int64_t>(text(row, column), "a whole number");
}

Result<double> Rows::real(std::size_t row, std::size_t column) const {
  return parse_number<double>(text(row, column), "a number");
}

Result<bool> Rows::boolean(std::size_t row, std::size_t column) const {
  const auto value = text(row, column);
  if (value == "t") return true;
  if (value == "f") return false;
  return fail(ErrorCode::Malformed, "a value that is not a boolean");
}

std::string_view Rows::command_tag() const {
  return result_ ? std::string_view(PQcmdStatus(result_.get())) : std::string_view();
}

std::uint64_t Rows::affected() const {
  if (!result_) return 0;
  const std::string_view text = PQcmdTuples(result_.get());
  std::uint64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

}  // namespace pgkeel::client
